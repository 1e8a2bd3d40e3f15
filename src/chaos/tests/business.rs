//! Halves of what belongs together.

use serde_json::{Value, json};

use super::{Case, RENTAL};
use crate::domain::{Kind, Stream};

const DELIVERY: Stream = Stream::new(Kind::new("oa-rental/delivery/delivery"), 1);
const CONTRACT: Stream = Stream::new(Kind::new("car-rental/contract/contract"), 1);
const PAY: Stream = Stream::new(Kind::new("car-rental/pay/pay"), 1);
const SHIPMENT: Stream = Stream::new(Kind::new("book-market/delivery/delivery"), 1);
/// A message is numbered on its own.
const MESSAGE: Stream = Stream::new(Kind::new("book-market/kakao/kakao"), 7);

fn canceled(stream: Stream) -> (Stream, &'static str, Value) {
    match stream == RENTAL {
        true => (RENTAL, "RentalCanceled", json!({"id": 1, "productId": 1, "qty": 1, "status": "CANCELED"})),
        false => (DELIVERY, "DeliveryCanceled", json!({"id": 1, "qty": 1, "status": "CANCELED", "rentalId": 1})),
    }
}

fn contract() -> (Stream, &'static str, Value) {
    (CONTRACT, "ContractCanceled", json!({"id": 1, "custName": "a", "modelName": "b", "amt": 0}))
}

fn payment() -> (Stream, &'static str, Value) {
    (PAY, "PayCanceled", json!({"id": 1, "contractId": 1, "paystatus": "payCanceled"}))
}

fn message(order: Value) -> (Stream, &'static str, Value) {
    let fields = json!({"id": 7, "orderId": order, "customerId": 3, "status": "Shipped", "message": "on its way"});
    (MESSAGE, "SentMessage", fields)
}

fn shipped() -> (Stream, &'static str, Value) {
    (SHIPMENT, "Shipped", json!({"id": 1, "orderId": 1, "customerId": 3, "status": "Shipped"}))
}

/// How many faults there are about these facts, and those of whoever else would belong to them.
fn faults(facts: &[(Stream, &'static str, Value)], about: [&str; 2]) -> usize {
    let mut case = Case::new();
    for ((stream, name, fields), number) in facts.iter().zip(1..) {
        case.fact(*stream, &format!("story {number}"), name, fields.clone());
    }
    let faults = case.faults("paid-once");
    faults.iter().filter(|fault| about.iter().all(|name| fault.contains(name))).count()
}

#[test]
fn a_canceled_rental_has_a_canceled_delivery_and_the_other_way_round() {
    let about = ["RentalCanceled", "DeliveryCanceled"];
    assert_eq!(faults(&[canceled(RENTAL)], about), 1);
    assert_eq!(faults(&[canceled(DELIVERY)], about), 1);
    assert_eq!(faults(&[canceled(RENTAL), canceled(DELIVERY)], about), 0);
    assert_eq!(faults(&[canceled(RENTAL), canceled(DELIVERY), canceled(DELIVERY)], about), 1, "it was canceled twice");
}

#[test]
fn money_that_went_back_has_its_contract() {
    let about = ["ContractCanceled", "PayCanceled"];
    assert_eq!(faults(&[payment()], about), 1);
    assert_eq!(faults(&[contract()], about), 1);
    assert_eq!(faults(&[contract(), payment()], about), 0);
}

#[test]
fn what_is_shipped_is_told_once_and_what_is_about_nothing_belongs_to_nothing() {
    let about = ["Shipped", "SentMessage"];
    assert_eq!(faults(&[shipped()], about), 1);
    assert_eq!(faults(&[message(json!(1))], about), 1);
    assert_eq!(faults(&[shipped(), message(json!(1)), message(json!(null))], about), 0);
    assert_eq!(faults(&[shipped(), message(json!(1)), message(json!(1))], about), 1);
}
