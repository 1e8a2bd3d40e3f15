//! An ask comes to its end, whatever is stopped, hung or killed: the cancel of a rental asks its delivery.

use std::sync::Arc;
use std::time::Duration;

use super::super::admission::Call;
use super::super::chaos::Point;
use super::super::envelope::Reply;
use super::house::{House, by_policy, done, keyed, life, refused};
use crate::domain::{Aggregate, Stream};
use crate::journal::memory_engine::MemoryEngine;
use crate::resilience::{CallError, Reason, Unknown};
use crate::systems::oa_rental::delivery::{DELIVERED, Deliver, Delivered, Delivery, DeliveryEvent};
use crate::systems::oa_rental::product::{Product, RegisterProduct};
use crate::systems::oa_rental::rental::{CancelRental, PlaceRental, Rental};
use crate::systems::oa_rental::stock::{Stock, StockEvent};

pub(super) const RENTAL: Stream = Stream::new(Rental::KIND, 1);
pub(super) const DELIVERY: Stream = Stream::new(Delivery::KIND, 1);
const STOCK: Stream = Stream::new(Stock::KIND, 1);

fn register(house: &House) -> Call {
    house.make::<Product>(RegisterProduct { name: None, qty: 9 })
}

fn rent(house: &House) -> Call {
    house.make::<Rental>(PlaceRental { product_id: Some(1), qty: 3, status: None, product_name: None })
}

pub(super) fn cancel(house: &House) -> Call {
    keyed(house.tell::<Rental>(RENTAL.id, CancelRental {}), "cancel", 1)
}

pub(super) async fn rented(storage: &MemoryEngine) -> House {
    let house = House::start(Arc::new(storage.clone())).await;
    house.done(register(&house)).await;
    house.settled().await;
    assert_eq!(house.done(rent(&house)).await.0, RENTAL.id);
    house.settled().await;
    assert_eq!(house.story(RENTAL).await, ["Rentaled", "RentalStatusChanged"]);
    house
}

pub(super) async fn check_cancelled_once(house: &House) {
    house.settled().await;
    assert_eq!(house.story(RENTAL).await, ["Rentaled", "RentalStatusChanged", "RentalCanceled"]);
    let delivery = ["DeliveryRequested", "Delivered", "DeliveryCanceled", "StockReturned"];
    assert_eq!(house.story(DELIVERY).await, delivery);
    let moved = house.facts().await.iter().filter_map(|fact| fact.of::<StockEvent>().cloned()).fold(
        Vec::new(),
        |mut quantities, event| {
            if let StockEvent::StockChanged(changed) = event {
                quantities.push(changed.qty);
            }
            quantities
        },
    );
    assert_eq!(moved, [6, 9]);
    assert_eq!(house.open_intents(), 0);
}

#[test]
fn a_cancel_goes_through_its_delivery() {
    life(async {
        let house = rented(&MemoryEngine::default()).await;
        house.done(cancel(&house)).await;
        check_cancelled_once(&house).await;
        let (_, again) = house.done(cancel(&house)).await;
        assert!(again.replayed);
    });
}

#[test]
fn a_cancel_while_delivery_is_stopped_is_withdrawn_and_may_be_tried_again() {
    life(async {
        let house = rented(&MemoryEngine::default()).await;
        let services = house.runtime.services();
        assert!(services.set("oa-rental", "delivery", false));
        let before = house.version(RENTAL);
        let outcome = house.send(cancel(&house)).await;
        let stopped = matches!(outcome, Err(CallError::NotExecuted(why)) if why.reason == Reason::ServiceStopped);
        assert!(stopped, "{outcome:?}");
        assert_eq!((house.version(RENTAL), house.open_intents()), (before, 0));
        assert!(services.set("oa-rental", "delivery", true));
        let (_, answer) = house.done(cancel(&house)).await;
        assert!(!answer.replayed, "the key was free");
        check_cancelled_once(&house).await;
    });
}

#[test]
fn a_cancel_of_a_hung_delivery_is_unknown_after_its_timeout_and_happens_once_later() {
    life(async {
        let house = rented(&MemoryEngine::default()).await;
        let held = house.runtime.hold(DELIVERY, Point::Decide);
        let (began, before) = (house.clock.now(), house.version(RENTAL));
        let outcome = house.send(cancel(&house)).await;
        assert_eq!(outcome.err(), Some(Unknown::AttemptTimeout.into()));
        assert_eq!(house.clock.now() - began, Duration::from_millis(610));
        assert_eq!((house.version(RENTAL), house.open_intents()), (before, 1));
        tokio::time::advance(Duration::from_secs(20)).await;
        drop(held);
        check_cancelled_once(&house).await;
        assert!(house.done(cancel(&house)).await.1.replayed);
    });
}

#[test]
fn commands_during_an_open_ask_wait_and_are_answered_after_it() {
    life(async {
        let house = rented(&MemoryEngine::default()).await;
        let held = house.runtime.hold(DELIVERY, Point::Decide);
        let first = house.begin(cancel(&house));
        held.reached().await;
        let same_key = house.begin(cancel(&house));
        let other = house.begin(house.tell::<Rental>(RENTAL.id, CancelRental {}));
        let other_body = house.send(keyed(house.tell::<Rental>(RENTAL.id, CancelRental {}), "cancel", 2)).await;
        assert!(matches!(other_body, Ok((_, Reply::KeyReused))), "{other_body:?}");
        house.done_waiting().await;
        drop(held);
        done(first.outcome().await);
        done(same_key.outcome().await);
        assert_eq!(refused(other.outcome().await), "not-found");
        check_cancelled_once(&house).await;
    });
}

#[test]
fn a_resend_attaches_to_the_open_ask_of_its_key() {
    life(async {
        let house = rented(&MemoryEngine::default()).await;
        let held = house.runtime.hold(DELIVERY, Point::Decide);
        let outcome = house.send(cancel(&house)).await;
        assert!(matches!(outcome, Err(CallError::Unknown(_))), "{outcome:?}");
        let resent = house.begin(cancel(&house));
        house.done_waiting().await;
        drop(held);
        done(resent.outcome().await);
        check_cancelled_once(&house).await;
    });
}

#[test]
fn an_ask_that_a_crash_left_open_is_finished_by_the_next_life() {
    for loses_store in [false, true] {
        let storage = MemoryEngine::default();
        life(async {
            let house = rented(&storage).await;
            let held = house.runtime.hold(DELIVERY, Point::Decide);
            let outcome = house.send(cancel(&house)).await;
            assert!(matches!(outcome, Err(CallError::Unknown(_))), "{outcome:?}");
            drop(held);
        });
        if loses_store {
            storage.lose_store();
        }
        life(async {
            let house = House::start(Arc::new(storage.clone())).await;
            let (_, resent) = house.done(cancel(&house)).await;
            assert!(resent.row.is_some());
            check_cancelled_once(&house).await;
        });
        life(async {
            let house = House::start(Arc::new(storage.clone())).await;
            check_cancelled_once(&house).await;
        });
    }
}

#[test]
fn killing_asker_and_asked_during_an_ask_changes_nothing() {
    for victim in [RENTAL, DELIVERY] {
        life(async {
            let house = rented(&MemoryEngine::default()).await;
            let held = house.runtime.hold(DELIVERY, Point::Decide);
            let call = house.begin(cancel(&house));
            held.reached().await;
            assert_eq!(house.runtime.kill(|stream| stream == victim, 1, 0), [victim]);
            house.done_waiting().await;
            drop(held);
            done(call.outcome().await);
            check_cancelled_once(&house).await;
        });
    }
}

#[test]
fn a_rental_that_overtakes_its_product_is_delivered() {
    for waited_s in [0, 1, 3, 10] {
        life(async {
            let house = House::start(Arc::new(MemoryEngine::default())).await;
            let held = house.runtime.hold(STOCK, Point::Decide);
            house.done(register(&house)).await;
            held.reached().await;
            house.done(rent(&house)).await;
            for _ in 0..waited_s * 100 {
                tokio::time::advance(Duration::from_millis(10)).await;
            }
            drop(held);
            house.settled().await;
            check_delivered(&house).await;
        });
    }
}

#[test]
fn an_unknown_product_is_an_answer_only_when_everything_before_has_been_followed() {
    life(async {
        let house = House::start(Arc::new(MemoryEngine::default())).await;
        let mut deliver = by_policy(house.tell::<Delivery>(1, Deliver { product_id: Some(1), qty: 3 }));
        deliver.meta.causation = 6;
        house.done(deliver).await;
        tokio::time::advance(Duration::from_secs(5)).await;
        house.done_waiting().await;
        assert_eq!(house.story(DELIVERY).await, ["DeliveryRequested"], "not yet refused");
        house.done(register(&house)).await;
        house.done(register(&house)).await;
        house.settled().await;
        check_delivered(&house).await;
    });
}

#[test]
fn an_unknown_product_is_refused_once_everything_before_has_been_followed() {
    life(async {
        let house = House::start(Arc::new(MemoryEngine::default())).await;
        house.done(rent(&house)).await;
        house.settled().await;
        let delivery = ["DeliveryRequested", "Delivered", "OutOfStockRentalCanceled"];
        assert_eq!(house.story(DELIVERY).await, delivery);
        assert_eq!(house.open_intents(), 0);
    });
}

async fn check_delivered(house: &House) {
    assert_eq!(house.story(DELIVERY).await, ["DeliveryRequested", "Delivered"]);
    let facts = house.facts().await;
    let delivered = facts.iter().find_map(|fact| match fact.of() {
        Some(DeliveryEvent::Delivered(Delivered { status, .. })) => Some(status.as_str()),
        Some(_) | None => None,
    });
    assert_eq!(delivered, Some(DELIVERED));
    assert_eq!(house.open_intents(), 0);
}
