//! A rental: taken at once, decided by Delivery, cancelled only after Delivery has cancelled.

use super::super::delivery::{CANCELED, CancelDelivery, Delivery};
use super::super::rental::*;
use super::{body, name, rule_of, seen};
use crate::domain::aggregate::RefusalClass;
use crate::domain::testing::given;
use crate::domain::{Aggregate, Answer, Asked, Context, OnUnknown, Refusal, Rejection, Stream, Value};

const CONTEXT: Context = Context::new(1, 0);

fn rentaled() -> RentalEvent {
    Rentaled { id: 1, product_id: Some(22), qty: 3, status: name("ORDERED"), product_name: name("computer") }.into()
}

fn followed(status: &str) -> RentalEvent {
    RentalStatusChanged { id: 1, status: status.to_owned(), delivery_id: 1 }.into()
}

fn canceled() -> RentalEvent {
    RentalCanceled { id: 1, product_id: Some(22), qty: 3, status: CANCELED.to_owned() }.into()
}

fn asked() -> Asked {
    Asked::of(Stream::new(Delivery::KIND, 1), "CancelDelivery")
}

#[test]
fn a_rental_is_taken_at_once_with_what_the_client_sent() {
    let sent = body(&[
        (&FIELDS[0], 22_u64.into()),
        (&FIELDS[1], 3.into()),
        (&FIELDS[2], "ORDERED".into()),
        (&FIELDS[3], "computer".into()),
    ]);
    given::<Rental>([]).when(place(&sent)).then([rentaled()]);
    let shown = vec![22_u64.into(), 3.into(), "ORDERED".into(), "computer".into(), Value::Null];
    assert_eq!(seen::<Rental>(represent, [rentaled()]), Some(shown));
}

#[test]
fn a_status_that_was_not_sent_is_null() {
    let rentaled = Rentaled { id: 1, product_id: None, qty: 1, status: None, product_name: None };
    given::<Rental>([]).when(place(&body(&[(&FIELDS[1], 1.into())]))).then([rentaled]);
}

#[test]
fn a_rental_is_for_one_item_at_least() {
    for qty in [0, -1, i32::MIN] {
        let refused = RentalRejection::QuantityIsAtLeastOne(qty);
        given::<Rental>([])
            .when(PlaceRental { product_id: Some(22), qty, status: None, product_name: None })
            .then_refused(&refused);
        assert_eq!(refused.refusal().class, RefusalClass::Rule);
        assert_eq!(rule_of(&refused.refusal()), "quantity-is-at-least-one");
    }
    given::<Rental>([]).when(place(&body(&[]))).then_refused(&RentalRejection::QuantityIsAtLeastOne(0));
}

#[test]
fn a_rental_follows_what_its_delivery_decided() {
    let follow = || FollowDelivery { delivery_id: 1, status: "DELIVERED".to_owned() };
    given::<Rental>([rentaled()]).when(follow()).then([followed("DELIVERED")]);
    given::<Rental>([rentaled(), followed("DELIVERED")]).when(follow()).then_nothing();
    given::<Rental>([rentaled(), canceled()]).when(follow()).then_nothing();
    let shown = vec![22_u64.into(), 3.into(), "DELIVERED".into(), "computer".into(), 1_u64.into()];
    assert_eq!(seen::<Rental>(represent, [rentaled(), followed("DELIVERED")]), Some(shown));
}

#[test]
fn a_cancel_asks_delivery_first_and_is_no_fact_yet() {
    given::<Rental>([rentaled()]).when(CancelRental {}).then_asks::<Delivery>([], 1, CancelDelivery { qty: 3 });
    given::<Rental>([rentaled(), followed("CANCELED_OutOfStock")]).when(CancelRental {}).then_asks::<Delivery>(
        [],
        1,
        CancelDelivery { qty: 3 },
    );
}

#[test]
fn a_cancel_of_unknown_outcome_is_asked_again_and_never_undone() {
    let decision = given::<Rental>([rentaled()]).state().decide(&CancelRental {}.into(), &CONTEXT).expect("accepted");
    let ask = decision.ask.expect("an ask");
    assert!(matches!(ask.on_unknown, OnUnknown::Resend));
    assert_eq!(ask.timeout.as_millis(), 610);
}

#[test]
fn only_deliverys_answer_cancels_the_rental() {
    let facts = given::<Rental>([rentaled()]).when_answered(&asked(), &Answer::Done);
    assert_eq!(facts, [canceled()]);
    assert_eq!(seen::<Rental>(represent, [rentaled(), canceled()]), None);
}

#[test]
fn a_refused_cancel_is_told_and_leaves_the_rental_as_it_is() {
    let refusal = Refusal::rule("some-rule", "no");
    let closing = given::<Rental>([rentaled()]).state().answered(&asked(), &Answer::Refused(refusal.clone()), &CONTEXT);
    assert_eq!((closing.facts, closing.refusal), (vec![], Some(refusal)));
}

#[test]
fn a_withdrawn_cancel_leaves_the_rental_as_it_is() {
    let closing = given::<Rental>([rentaled()]).state().answered(&asked(), &Answer::Withdrawn, &CONTEXT);
    assert_eq!((closing.facts, closing.refusal), (vec![], None));
    given::<Rental>([rentaled()]).when(CancelRental {}).then_asks::<Delivery>([], 1, CancelDelivery { qty: 3 });
}

#[test]
fn a_cancelled_or_unknown_rental_cannot_be_cancelled() {
    let gone = RentalRejection::NoSuchRental(1);
    given::<Rental>([rentaled(), canceled()]).when(CancelRental {}).then_refused(&gone);
    given::<Rental>([]).when(CancelRental {}).then_refused(&gone);
    assert_eq!(gone.refusal().class, RefusalClass::Missing);
}
