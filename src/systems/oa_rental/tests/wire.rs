//! Event names and fields as clients read them: the originals' names, camel case, and what is never shown.

use serde_json::{Value, json};

use super::super::delivery::*;
use super::super::product::*;
use super::super::product_copy::*;
use super::super::rental::*;
use super::super::stock::*;
use super::name;
use crate::domain::{AnyEvent, Event, Message};

#[track_caller]
fn check<E: Event>(event: impl Into<E>, event_name: &str, is_public: bool, fields: &Value) {
    let event = event.into();
    assert_eq!(Message::name(&event), event_name);
    assert_eq!(AnyEvent::is_public(&event), is_public, "{event_name}");
    let shown = serde_json::to_value(Message::payload(&event)).expect("a value");
    assert_eq!(&shown, fields, "{event_name}");
    let mut stored = <dyn erased_serde::Deserializer<'_>>::erase(fields);
    let read = E::decode(event_name, Message::schema(&event), &mut stored);
    assert_eq!(read, Ok(event));
}

fn text(status: &str) -> String {
    status.to_owned()
}

const VERSION: StockVersion = StockVersion { saved: 1, stock: 2 };

#[test]
fn products_facts_are_named_and_spelled_as_promised() {
    check::<ProductEvent>(
        ProductSaved { id: 1, name: name("computer"), qty: 9 },
        "ProductSaved",
        true,
        &json!({"id": 1, "name": "computer", "qty": 9}),
    );
    check::<ProductEvent>(
        ProductRenamed { id: 1, name: None },
        "ProductRenamed",
        true,
        &json!({"id": 1, "name": null}),
    );
    check::<ProductEvent>(ProductRemoved { id: 1 }, "ProductRemoved", true, &json!({"id": 1}));
    check::<ProductEvent>(
        StockCopied { id: 1, qty: 6, version: VERSION },
        "StockCopied",
        true,
        &json!({"id": 1, "qty": 6, "version": {"saved": 1, "stock": 2}}),
    );
}

#[test]
fn the_facts_of_rentals_copy_are_named_and_spelled_as_promised() {
    check::<CopyEvent>(
        ProductRegisted { id: 1, name: name("computer"), qty: 9, version: VERSION, named: 1 },
        "ProductRegisted",
        true,
        &json!({"id": 1, "name": "computer", "qty": 9, "version": {"saved": 1, "stock": 2}, "named": 1}),
    );
    check::<CopyEvent>(
        CopyStockChanged { id: 1, qty: 6, version: VERSION },
        "CopyStockChanged",
        true,
        &json!({"id": 1, "qty": 6, "version": {"saved": 1, "stock": 2}}),
    );
    check::<CopyEvent>(
        CopyRenamed { id: 1, name: None, named: 2 },
        "CopyRenamed",
        true,
        &json!({"id": 1, "name": null, "named": 2}),
    );
    check::<CopyEvent>(CopyDropped { id: 1 }, "CopyDropped", false, &json!({"id": 1}));
}

#[test]
fn the_stocks_facts_are_named_and_spelled_as_promised() {
    check::<StockEvent>(
        ProductInventoryRegisted { id: 1, name: name("computer"), qty: 9, saved: 1 },
        "ProductInventoryRegisted",
        true,
        &json!({"id": 1, "name": "computer", "qty": 9, "saved": 1}),
    );
    check::<StockEvent>(
        StockChanged { id: 1, qty: 6, rental_id: 3, version: VERSION },
        "StockChanged",
        true,
        &json!({"id": 1, "qty": 6, "rentalId": 3, "version": {"saved": 1, "stock": 2}}),
    );
    check::<StockEvent>(
        StockRenamed { id: 1, name: None, named: 2 },
        "StockRenamed",
        true,
        &json!({"id": 1, "name": null, "named": 2}),
    );
    check::<StockEvent>(StockDropped { id: 1 }, "StockDropped", false, &json!({"id": 1}));
}

#[test]
fn rentals_facts_are_named_and_spelled_as_promised() {
    check::<RentalEvent>(
        Rentaled { id: 3, product_id: Some(1), qty: 3, status: name("ORDERED"), product_name: name("computer") },
        "Rentaled",
        true,
        &json!({"id": 3, "productId": 1, "qty": 3, "status": "ORDERED", "productName": "computer"}),
    );
    check::<RentalEvent>(
        Rentaled { id: 3, product_id: None, qty: 3, status: None, product_name: None },
        "Rentaled",
        true,
        &json!({"id": 3, "productId": null, "qty": 3, "status": null, "productName": null}),
    );
    check::<RentalEvent>(
        RentalStatusChanged { id: 3, status: text(DELIVERED), delivery_id: 3 },
        "RentalStatusChanged",
        true,
        &json!({"id": 3, "status": "DELIVERED", "deliveryId": 3}),
    );
    check::<RentalEvent>(
        RentalCanceled { id: 3, product_id: Some(1), qty: 3, status: text(CANCELED) },
        "RentalCanceled",
        true,
        &json!({"id": 3, "productId": 1, "qty": 3, "status": "CANCELED"}),
    );
}

#[test]
fn deliveries_facts_are_named_and_spelled_as_promised() {
    for status in ["DELIVERED", "CANCELED_OutOfStock", "CANCELED_UnregisteredProduct"] {
        check::<DeliveryEvent>(
            Delivered { id: 3, qty: 3, status: text(status), rental_id: 3 },
            "Delivered",
            true,
            &json!({"id": 3, "qty": 3, "status": status, "rentalId": 3}),
        );
    }
    check::<DeliveryEvent>(
        OutOfStockRentalCanceled { id: 3, qty: 12, status: text(CANCELED_OUT_OF_STOCK), rental_id: 3 },
        "OutOfStockRentalCanceled",
        true,
        &json!({"id": 3, "qty": 12, "status": "CANCELED_OutOfStock", "rentalId": 3}),
    );
    check::<DeliveryEvent>(
        DeliveryCanceled { id: 3, qty: 3, status: text(CANCELED), rental_id: 3 },
        "DeliveryCanceled",
        true,
        &json!({"id": 3, "qty": 3, "status": "CANCELED", "rentalId": 3}),
    );
}

#[test]
fn what_a_delivery_notes_for_itself_is_never_shown() {
    let internal: [DeliveryEvent; 3] = [
        DeliveryRequested { product_id: Some(1), rental_id: 3, qty: 3 }.into(),
        CancelNoted { qty: 3 }.into(),
        StockReturned { product_id: 1, rental_id: 3, qty: 3 }.into(),
    ];
    for event in internal {
        assert!(!AnyEvent::is_public(&event), "{event:?}");
    }
}
