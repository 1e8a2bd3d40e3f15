//! A delivery: it asks the stock, says what came of it, and is cancelled whenever the cancel comes.

use super::super::delivery::*;
use super::super::stock::{Stock, StockRejection, TakeStock};
use super::seen;
use crate::domain::aggregate::RefusalClass;
use crate::domain::testing::given;
use crate::domain::{Aggregate, Answer, Asked, Context, OnUnknown, Refusal, Rejection, Stream};

const CONTEXT: Context = Context::new(1, 0);

fn deliver(product_id: Option<i64>) -> Deliver {
    Deliver { product_id, qty: 3 }
}

fn requested(product_id: Option<i64>) -> DeliveryEvent {
    DeliveryRequested { product_id, rental_id: 1, qty: 3 }.into()
}

fn decided(status: &str) -> DeliveryEvent {
    Delivered { id: 1, qty: 3, status: status.to_owned(), rental_id: 1 }.into()
}

fn refused(status: &str) -> DeliveryEvent {
    OutOfStockRentalCanceled { id: 1, qty: 3, status: status.to_owned(), rental_id: 1 }.into()
}

fn canceled() -> DeliveryEvent {
    DeliveryCanceled { id: 1, qty: 3, status: "CANCELED".to_owned(), rental_id: 1 }.into()
}

fn noted() -> DeliveryEvent {
    CancelNoted { qty: 3 }.into()
}

fn returned() -> DeliveryEvent {
    StockReturned { product_id: 7, rental_id: 1, qty: 3 }.into()
}

fn answered(answer: &Answer) -> Vec<DeliveryEvent> {
    let asked = Asked::of(Stream::new(Stock::KIND, 7), "TakeStock");
    given::<Delivery>([requested(Some(7))]).when_answered(&asked, answer)
}

#[test]
fn a_delivery_asks_the_stock_first() {
    given::<Delivery>([]).when(deliver(Some(7))).then_asks::<Stock>(
        [requested(Some(7))],
        7,
        TakeStock { rental_id: 1, qty: 3 },
    );
    assert_eq!(seen::<Delivery>(represent, [requested(Some(7))]), None);
}

#[test]
fn the_stock_is_asked_until_it_answers() {
    let decision = Delivery::default().decide(&deliver(Some(7)).into(), &CONTEXT).expect("a delivery never refuses");
    let ask = decision.ask.expect("an ask");
    assert!(matches!(ask.on_unknown, OnUnknown::Resend));
}

#[test]
fn a_rental_is_delivered_once() {
    for facts in [
        vec![requested(Some(7))],
        vec![requested(Some(7)), decided(DELIVERED)],
        vec![requested(Some(7)), decided(DELIVERED), canceled(), returned()],
        vec![noted(), requested(Some(7)), canceled()],
    ] {
        given::<Delivery>(facts).when(deliver(Some(7))).then_nothing();
    }
}

#[test]
fn taken_stock_is_delivered() {
    assert_eq!(answered(&Answer::Done), [decided("DELIVERED")]);
    assert_eq!(
        seen::<Delivery>(represent, [requested(Some(7)), decided("DELIVERED")]),
        Some(vec![7_u64.into(), 1_u64.into(), 3.into(), "DELIVERED".into()])
    );
}

#[test]
fn too_little_stock_cancels_the_rental() {
    let refusal = StockRejection::OutOfStock { left: 2, wanted: 3 }.refusal();
    let status = "CANCELED_OutOfStock";
    assert_eq!(answered(&Answer::Refused(refusal)), [decided(status), refused(status)]);
    assert_eq!(
        seen::<Delivery>(represent, [requested(Some(7)), decided(status), refused(status)]),
        Some(vec![7_u64.into(), 1_u64.into(), 3.into(), status.into()])
    );
}

#[test]
fn a_stock_that_gave_up_took_nothing_and_the_rental_is_cancelled() {
    let mut refusal = Refusal::rule("poisoned", "failed too often");
    refusal.class = RefusalClass::Poisoned;
    let status = "CANCELED_OutOfStock";
    assert_eq!(answered(&Answer::Refused(refusal)), [decided(status), refused(status)]);
}

#[test]
fn an_unknown_product_cancels_the_rental() {
    let status = "CANCELED_UnregisteredProduct";
    for refusal in [StockRejection::UnregisteredProduct(7).refusal(), Refusal::missing("gone")] {
        assert_eq!(answered(&Answer::Refused(refusal)), [decided(status), refused(status)]);
    }
}

#[test]
fn a_product_that_cannot_be_is_unknown_without_asking() {
    let status = "CANCELED_UnregisteredProduct";
    for product_id in [None, Some(-1)] {
        let facts = [requested(product_id), decided(status), refused(status)];
        let decision =
            Delivery::default().decide(&deliver(product_id).into(), &CONTEXT).expect("a delivery never refuses");
        assert_eq!(decision.facts, facts);
        assert!(decision.ask.is_none());
    }
}

#[test]
fn a_withdrawn_ask_decides_nothing() {
    assert_eq!(answered(&Answer::Withdrawn), []);
}

#[test]
fn a_cancel_before_the_delivery_is_noted_and_cancels_it_when_it_comes() {
    given::<Delivery>([]).when(CancelDelivery { qty: 3 }).then([noted()]);
    assert_eq!(seen::<Delivery>(represent, [noted()]), None);
    let decision = given::<Delivery>([noted()])
        .state()
        .decide(&deliver(Some(7)).into(), &CONTEXT)
        .expect("a delivery never refuses");
    assert_eq!(decision.facts, [requested(Some(7)), canceled()]);
    assert!(decision.ask.is_none(), "no stock is taken for a cancelled rental");
    assert_eq!(
        seen::<Delivery>(represent, [noted(), requested(Some(7)), canceled()]),
        Some(vec![7_u64.into(), 1_u64.into(), 3.into(), "CANCELED".into()])
    );
}

#[test]
fn a_cancel_after_the_delivery_gives_the_items_back() {
    given::<Delivery>([requested(Some(7)), decided(DELIVERED)])
        .when(CancelDelivery { qty: 3 })
        .then([canceled(), returned()]);
    let facts = [requested(Some(7)), decided(DELIVERED), canceled(), returned()];
    let shown = vec![7_u64.into(), 1_u64.into(), 3.into(), CANCELED.into()];
    assert_eq!(seen::<Delivery>(represent, facts), Some(shown));
}

#[test]
fn a_cancel_of_what_was_never_taken_gives_nothing_back() {
    for (product_id, status) in [
        (Some(7), CANCELED_OUT_OF_STOCK),
        (Some(7), CANCELED_UNREGISTERED_PRODUCT),
        (None, CANCELED_UNREGISTERED_PRODUCT),
    ] {
        given::<Delivery>([requested(product_id), decided(status), refused(status)])
            .when(CancelDelivery { qty: 3 })
            .then([canceled()]);
    }
}

#[test]
fn a_second_cancel_changes_nothing() {
    for facts in [
        vec![noted()],
        vec![noted(), requested(Some(7)), canceled()],
        vec![requested(Some(7)), decided(DELIVERED), canceled(), returned()],
        vec![requested(None), decided(CANCELED_UNREGISTERED_PRODUCT), canceled()],
    ] {
        given::<Delivery>(facts).when(CancelDelivery { qty: 3 }).then_nothing();
    }
}
