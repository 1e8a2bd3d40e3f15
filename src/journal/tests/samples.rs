//! One value of every stored message and row of oa-rental, and of the journal's own records.
//!
//! A new event, command or row gets a value here and a line in `tests/fixtures/journal`; lines there are never changed.

use super::super::{Answered, Note, Outcome, Parked, Row};
use super::*;
use crate::domain::aggregate::RefusalClass;
use crate::domain::{AnyCommand, Kind, View};
use crate::systems::oa_rental::delivery::{
    CancelDelivery, CancelNoted, Deliver, Delivered, Delivery, DeliveryCanceled, DeliveryCommand, DeliveryEvent,
    DeliveryRequested, OutOfStockRentalCanceled, StockReturned,
};
use crate::systems::oa_rental::my_order::MyOrder;
use crate::systems::oa_rental::product::{
    ChangeProduct, FollowStock, ProductCommand, ProductRemoved, ProductRenamed, RemoveProduct, ReplaceProduct,
    StockCopied, StockVersion,
};
use crate::systems::oa_rental::product_copy::{
    CopyCommand, CopyDropped, CopyEvent, CopyProduct, CopyRenamed, CopyStockChanged, DropCopy, FollowStockOfCopy,
    ProductCopy, ProductRegisted, RenameCopy,
};
use crate::systems::oa_rental::rental::{
    CancelRental, FollowDelivery, PlaceRental, Rental, RentalCanceled, RentalCommand, RentalEvent, RentalStatusChanged,
    Rentaled,
};
use crate::systems::oa_rental::stock::{
    DropStock, GiveBackStock, ProductInventoryRegisted, RenameStock, SetStock, Stock, StockChanged, StockCommand,
    StockDropped, StockEvent, StockRenamed, TakeStock,
};

/// Numbers of every length the codec knows.
const ID: u64 = 70_000;
const QTY: i32 = -3;
const VERSION: StockVersion = StockVersion { saved: 250, stock: 251 };

fn name() -> Option<String> {
    Some("Köpi 7".to_owned())
}

fn text(text: &str) -> String {
    text.to_owned()
}

/// Every event of oa-rental with its kind, each kind's in an order it could happen.
pub(super) fn events() -> Vec<(Kind, Arc<dyn AnyEvent>)> {
    fn of<E: crate::domain::Event>(kind: Kind, events: Vec<E>) -> Vec<(Kind, Arc<dyn AnyEvent>)> {
        events.into_iter().map(|event| (kind, Arc::new(event) as Arc<dyn AnyEvent>)).collect()
    }
    let (id, qty, rental_id, version, product_id) = (ID, QTY, ID, VERSION, Some(-5));
    let product: Vec<ProductEvent> = vec![
        ProductSaved { id, name: name(), qty }.into(),
        ProductRenamed { id, name: None }.into(),
        StockCopied { id, qty, version }.into(),
        ProductRemoved { id }.into(),
    ];
    let copy: Vec<CopyEvent> = vec![
        ProductRegisted { id, name: name(), qty, version, named: 4 }.into(),
        CopyStockChanged { id, qty, version }.into(),
        CopyRenamed { id, name: None, named: 5 }.into(),
        CopyDropped { id }.into(),
    ];
    let stock: Vec<StockEvent> = vec![
        ProductInventoryRegisted { id, name: name(), qty, saved: 4 }.into(),
        StockChanged { id, qty, rental_id, version }.into(),
        StockRenamed { id, name: None, named: 5 }.into(),
        StockDropped { id }.into(),
    ];
    let rental: Vec<RentalEvent> = vec![
        Rentaled { id, product_id, qty, status: None, product_name: name() }.into(),
        RentalStatusChanged { id, status: text("DELIVERED"), delivery_id: id }.into(),
        RentalCanceled { id, product_id, qty, status: text("CANCELED") }.into(),
    ];
    let delivery: Vec<DeliveryEvent> = vec![
        CancelNoted { qty }.into(),
        DeliveryRequested { product_id, rental_id, qty }.into(),
        Delivered { id, qty, status: text("DELIVERED"), rental_id }.into(),
        OutOfStockRentalCanceled { id, qty, status: text("CANCELED_OutOfStock"), rental_id }.into(),
        DeliveryCanceled { id, qty, status: text("CANCELED"), rental_id }.into(),
        StockReturned { product_id: id, rental_id, qty }.into(),
    ];
    [
        of(Product::KIND, product),
        of(ProductCopy::KIND, copy),
        of(Stock::KIND, stock),
        of(Rental::KIND, rental),
        of(Delivery::KIND, delivery),
    ]
    .concat()
}

/// Every command of oa-rental with its kind.
pub(super) fn commands() -> Vec<(Kind, Arc<dyn AnyCommand>)> {
    fn of<C: crate::domain::Command>(kind: Kind, commands: Vec<C>) -> Vec<(Kind, Arc<dyn AnyCommand>)> {
        commands.into_iter().map(|command| (kind, Arc::new(command) as Arc<dyn AnyCommand>)).collect()
    }
    let (qty, rental_id, version, product_id) = (QTY, ID, VERSION, Some(-5));
    let product: Vec<ProductCommand> = vec![
        RegisterProduct { name: name(), qty }.into(),
        ReplaceProduct { name: None, qty }.into(),
        ChangeProduct { name: Some(None), qty: Some(qty) }.into(),
        RemoveProduct {}.into(),
        FollowStock { qty, version }.into(),
    ];
    let copy: Vec<CopyCommand> = vec![
        CopyProduct { name: name(), qty, saved: 4 }.into(),
        RenameCopy { name: None, named: 5 }.into(),
        FollowStockOfCopy { qty, version }.into(),
        DropCopy {}.into(),
    ];
    let stock: Vec<StockCommand> = vec![
        SetStock { name: name(), qty, saved: 4 }.into(),
        RenameStock { name: None, named: 5 }.into(),
        DropStock {}.into(),
        TakeStock { rental_id, qty }.into(),
        GiveBackStock { rental_id, qty }.into(),
    ];
    let rental: Vec<RentalCommand> = vec![
        PlaceRental { product_id, qty, status: None, product_name: name() }.into(),
        CancelRental {}.into(),
        FollowDelivery { delivery_id: ID, status: text("DELIVERED") }.into(),
    ];
    let delivery: Vec<DeliveryCommand> = vec![Deliver { product_id, qty }.into(), CancelDelivery { qty }.into()];
    [
        of(Product::KIND, product),
        of(ProductCopy::KIND, copy),
        of(Stock::KIND, stock),
        of(Rental::KIND, rental),
        of(Delivery::KIND, delivery),
    ]
    .concat()
}

/// A row of every kind of oa-rental: of the aggregates, all their events folded; of the view, one event.
pub(in crate::journal) fn rows() -> Vec<Row> {
    let catalogue = catalogue();
    let row =
        |kind, state| Row { stream: Stream::new(kind, ID), version: 300, public_version: 2, position: 70_001, state };
    let mut rows = Vec::new();
    for kind in [Product::KIND, ProductCopy::KIND, Stock::KIND, Rental::KIND, Delivery::KIND] {
        let spec = catalogue.aggregate(kind.path()).expect("an aggregate of the catalogue");
        let facts: Vec<_> = events().into_iter().filter(|(of, _)| *of == kind).map(|(_, event)| event).collect();
        rows.push(row(kind, (spec.initial)().evolved(&facts) as Arc<dyn Held>));
    }
    let spec = catalogue.view(MyOrder::KIND.path()).expect("a view of the catalogue");
    let (kind, event) = events().into_iter().find(|(kind, _)| *kind == Rental::KIND).expect("a rental's event");
    let facts = facts(Stream::new(kind, ID), vec![event]);
    let fact = facts.recorded(70_001).next().expect("a fact");
    rows.push(row(MyOrder::KIND, (spec.applied)(None, &fact)));
    rows
}

pub(super) fn facts(stream: Stream, events: Vec<Arc<dyn AnyEvent>>) -> Facts {
    let command = CommandMeta { causation: 69_999, ..command(0x0011_2233_4455_6677_8899_AABB_CCDD_EEFF) };
    Facts { stream, first_version: 3, public_before: 1, time_ms: 1_700_000_000_000, command, open: false, events }
}

pub(super) fn intent(to: Kind, asked: Arc<dyn AnyCommand>, undo: Option<Arc<dyn AnyCommand>>) -> Intent {
    Intent {
        id: 77,
        asker: product(ID),
        to: Stream::new(to, ID),
        command: asked,
        timeout: Duration::from_millis(610),
        undo,
        opened_by: CommandMeta { origin: Origin::Ask, ..command(78) },
        opened_ms: 1_700_000_000_000,
    }
}

pub(super) fn notes() -> Vec<(&'static str, Note)> {
    let follower = || text("oa-rental/delivery");
    let parked =
        Parked { follower: follower(), stream: text("x/1"), position: 300, cause: text("waiting"), time_ms: 1 };
    vec![
        ("Seal", Note::Seal),
        ("Parked", Note::Parked(parked)),
        ("Released", Note::Released { follower: follower(), position: 300 }),
        ("Skipped", Note::Skipped { follower: follower(), position: 300, reason: text("obsolete") }),
        ("Audit", Note::Audit { action: text("stop"), target: text("delivery"), reason: text("drill"), time_ms: 1 }),
        ("Followed", Note::Followed { follower: text("policies"), position: 7 }),
    ]
}

pub(super) fn refusals() -> Vec<(&'static str, Refusal)> {
    vec![
        ("Rule", Refusal::rule("out-of-stock", "3 wanted, 2 in stock")),
        ("Missing", Refusal::missing("there is no product 7")),
        ("UnknownTarget", Refusal::unknown_target("unregistered-product", "delivery knows no product 7")),
        ("Poisoned", Refusal { class: RefusalClass::Poisoned, ..Refusal::rule("poisoned", "failed three times") }),
    ]
}

/// Remembered outcomes as the store holds them.
pub(super) fn answers() -> Vec<(&'static str, Answered)> {
    let answered =
        |outcome| Answered { stream: product(ID), fingerprint: 7, time_ms: 1_700_000_000_000, position: 300, outcome };
    let row = rows().into_iter().next().map(Arc::new);
    vec![
        ("Open", answered(Outcome::Open)),
        ("Refused", answered(Outcome::Refused(Refusal::rule("out-of-stock", "none left")))),
        ("Done", answered(Outcome::Done { row: None })),
        ("DoneWithRow", answered(Outcome::Done { row })),
    ]
}
