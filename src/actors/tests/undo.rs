//! No order without a payment, no payment without an order, whatever hangs or dies in between.

use std::sync::Arc;
use std::time::Duration;

use super::super::admission::Call;
use super::super::chaos::Point;
use super::super::envelope::Reply;
use super::gate::{GatedEngine, Moment};
use super::house::{House, done, keyed, life, refused};
use super::shop::{Order, Payment, PlaceOrder, TOO_DEAR};
use crate::domain::{Aggregate, Stream};
use crate::journal::memory_engine::MemoryEngine;
use crate::resilience::{CallError, Reason, Unknown};

const fn order(id: u64) -> Stream {
    Stream::new(Order::KIND, id)
}

const fn payment(id: u64) -> Stream {
    Stream::new(Payment::KIND, id)
}

fn place(house: &House) -> Call {
    keyed(house.make::<Order>(PlaceOrder { amount: 10 }), "order", 1)
}

async fn house() -> House {
    House::start(Arc::new(MemoryEngine::default())).await
}

async fn check_ordered(house: &House, id: u64) {
    house.settled().await;
    assert_eq!(house.story(order(id)).await, ["OrderRequested", "Ordered"]);
    assert_eq!(house.story(payment(id)).await, ["PaymentHeld", "Paid"]);
    assert_eq!(house.open_intents(), 0);
}

#[test]
fn an_order_is_answered_when_its_payment_is_held_and_paid_after() {
    life(async {
        let house = house().await;
        let (id, answer) = house.done(place(&house)).await;
        assert_eq!((id, answer.row.map(|row| row.public_version)), (1, Some(1)));
        check_ordered(&house, 1).await;
        assert!(house.done(place(&house)).await.1.replayed);
    });
}

#[test]
fn an_order_whose_payment_is_refused_is_withdrawn_and_its_id_is_not_used_again() {
    life(async {
        let house = house().await;
        let dear = || keyed(house.make::<Order>(PlaceOrder { amount: TOO_DEAR }), "dear", 1);
        assert_eq!(refused(house.send(dear()).await), "too-dear");
        assert_eq!(house.story(order(1)).await, ["OrderRequested", "OrderWithdrawn"]);
        assert_eq!(house.done(place(&house)).await.0, 2);
        check_ordered(&house, 2).await;
        assert_eq!(refused(house.send(dear()).await), "too-dear", "the refusal is remembered");
        assert_eq!(house.story(payment(1)).await, [""; 0]);
        assert_eq!(house.journal.ids().count(Order::KIND), 1);
    });
}

#[test]
fn an_order_while_the_bank_is_stopped_is_withdrawn_and_its_key_is_free() {
    life(async {
        let house = house().await;
        let services = house.runtime.services();
        assert!(services.set("shop", "bank", false));
        let outcome = house.send(place(&house)).await;
        let stopped = matches!(outcome, Err(CallError::NotExecuted(why)) if why.reason == Reason::ServiceStopped);
        assert!(stopped, "{outcome:?}");
        assert_eq!(house.story(order(1)).await, ["OrderRequested", "OrderWithdrawn"]);
        assert_eq!(house.open_intents(), 0);
        assert!(services.set("shop", "bank", true));
        assert_eq!(house.done(place(&house)).await.0, 2);
        check_ordered(&house, 2).await;
    });
}

#[test]
fn an_order_whose_payment_hangs_is_withdrawn_and_undone_until_acknowledged() {
    life(async {
        let house = house().await;
        let held = house.runtime.hold(payment(1), Point::Decide);
        let began = house.clock.now();
        let outcome = house.send(place(&house)).await;
        assert_eq!(outcome.err(), Some(Unknown::AttemptTimeout.into()));
        assert_eq!(house.clock.now() - began, Duration::from_millis(610));
        assert_eq!(house.story(order(1)).await, ["OrderRequested", "OrderWithdrawn"], "durable before the answer");
        assert_eq!(house.open_intents(), 1, "the undo's");
        // The same key starts afresh.
        let (id, answer) = house.done(place(&house)).await;
        assert_eq!((id, answer.replayed), (2, false));
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(house.open_intents(), 1, "sent until acknowledged");
        drop(held);
        check_ordered(&house, 2).await;
        assert_eq!(house.story(payment(1)).await, ["PaymentVoided"]);
        assert_eq!(house.done(place(&house)).await.0, 2);
    });
}

#[test]
fn a_hold_that_lands_after_its_timeout_ends_voided() {
    life(async {
        let (engine, gate) = GatedEngine::before(Arc::new(MemoryEngine::default()));
        let house = House::start(engine).await;
        let held = house.runtime.hold(payment(1), Point::Decide);
        let call = house.begin(place(&house));
        held.reached().await;
        gate.hold(Moment::Unsynced);
        drop(held);
        gate.reached().await;
        tokio::time::advance(Duration::from_millis(611)).await;
        house.done_waiting().await;
        gate.open();
        let outcome = call.outcome().await;
        assert!(matches!(outcome, Err(CallError::Unknown(_))), "{outcome:?}");
        house.settled().await;
        assert_eq!(house.story(order(1)).await, ["OrderRequested", "OrderWithdrawn"]);
        assert_eq!(house.story(payment(1)).await, ["PaymentHeld", "PaymentVoided"]);
        assert_eq!(house.open_intents(), 0);
        // Begun afresh, the same key must not meet the old hold's answer.
        assert_eq!(house.done(place(&house)).await.0, 2);
        check_ordered(&house, 2).await;
    });
}

#[test]
fn a_crash_during_the_hold_ends_in_an_order_with_a_payment() {
    let storage = MemoryEngine::default();
    life(async {
        let house = House::start(Arc::new(storage.clone())).await;
        let held = house.runtime.hold(payment(1), Point::Decide);
        let call = house.begin(place(&house));
        held.reached().await;
        drop((call, held));
    });
    life(async {
        let house = House::start(Arc::new(storage.clone())).await;
        assert_eq!(house.done(place(&house)).await.0, 1, "the key finds its first run");
        check_ordered(&house, 1).await;
    });
}

#[test]
fn a_crash_during_the_undo_ends_voided() {
    for loses_store in [false, true] {
        let storage = MemoryEngine::default();
        life(async {
            let house = House::start(Arc::new(storage.clone())).await;
            let held = house.runtime.hold(payment(1), Point::Decide);
            let outcome = house.send(place(&house)).await;
            assert!(matches!(outcome, Err(CallError::Unknown(_))), "{outcome:?}");
            drop(held);
        });
        if loses_store {
            storage.lose_store();
        }
        life(async {
            let house = House::start(Arc::new(storage.clone())).await;
            house.settled().await;
            assert_eq!(house.story(order(1)).await, ["OrderRequested", "OrderWithdrawn"]);
            assert_eq!(house.story(payment(1)).await, ["PaymentVoided"]);
            assert_eq!(house.open_intents(), 0);
            assert_eq!(house.done(place(&house)).await.0, 2, "the same key starts afresh");
            check_ordered(&house, 2).await;
        });
    }
}

#[test]
fn a_payment_that_dies_with_the_hold_in_hand_holds_it_once() {
    life(async {
        let house = house().await;
        let held = house.runtime.hold(payment(1), Point::Decide);
        let call = house.begin(place(&house));
        held.reached().await;
        assert_eq!(house.runtime.kill(|stream| stream == payment(1), 1, 0), [payment(1)]);
        drop(held);
        assert_eq!(done(call.outcome().await).0, 1);
        check_ordered(&house, 1).await;
    });
}

#[test]
fn a_resend_that_meets_the_withdrawal_of_its_first_run_may_be_tried_again() {
    life(async {
        let (engine, gate) = GatedEngine::before(Arc::new(MemoryEngine::default()));
        let house = House::start(engine).await;
        let services = house.runtime.services();
        assert!(services.set("shop", "bank", false));
        gate.hold(Moment::Untold);
        let first = house.begin(place(&house));
        gate.reached().await;
        gate.hold(Moment::Unsynced);
        gate.reached().await;
        // The withdrawal is handed over and not yet durable.
        let resent = house.begin(place(&house));
        house.done_waiting().await;
        assert!(services.set("shop", "bank", true));
        gate.open();
        let outcome = first.outcome().await;
        assert!(matches!(outcome, Err(CallError::NotExecuted(_))), "{outcome:?}");
        let outcome = resent.outcome().await;
        assert!(!matches!(outcome, Ok((_, Reply::Refused(_)))), "nobody has refused it: {outcome:?}");
        assert_eq!(house.done(place(&house)).await.0, 2);
        check_ordered(&house, 2).await;
    });
}
