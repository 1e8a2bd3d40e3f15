//! What an operator injects is met by commands, asks, policies and reads, and never by what mends it afterwards.

use std::sync::Arc;
use std::time::Duration;

use super::asks::{DELIVERY, RENTAL, cancel, check_cancelled_once, rented};
use super::house::{DEADLINE, House, keyed, life};
use super::shop::{Order, Payment, PlaceOrder};
use super::yard::{Add, Board, Echo, Tally};
use crate::domain::{Aggregate, Kind, Stream, View};
use crate::journal::memory_engine::MemoryEngine;
use crate::resilience::faults::FaultSpec;
use crate::resilience::{CallError, Deadline, NotExecuted, Reason, Unknown};

const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
const ASK_TIMEOUT: Duration = Duration::from_millis(610);

/// Injects a fault into one kind for a minute, and returns its number.
pub(super) fn inject(house: &House, kind: Kind, latency: &str, errors: f64, hangs: f64) -> u64 {
    let spec = FaultSpec {
        target: kind.path().to_owned(),
        places: vec![kind.path()],
        latency: latency.parse().expect("a latency"),
        errors,
        hangs,
        lasts: Duration::from_secs(60),
        seed: 42,
        reason: "an experiment".to_owned(),
    };
    house.runtime.faults().inject(spec, house.clock.now()).expect("a sound fault").id
}

pub(super) fn remove(house: &House, id: u64) {
    assert!(house.runtime.faults().remove(id, house.clock.now()).is_some());
}

#[track_caller]
fn check_injected<T: std::fmt::Debug>(outcome: Result<T, CallError>) {
    let injected = matches!(&outcome, Err(CallError::NotExecuted(why)) if why.reason == Reason::FaultInjected);
    assert!(injected, "{outcome:?}");
}

async fn house() -> House {
    House::start(Arc::new(MemoryEngine::default())).await
}

#[test]
fn an_ask_that_is_delayed_too_long_is_unknown_after_its_timeout_and_happens_once_later() {
    life(async {
        let house = rented(&MemoryEngine::default()).await;
        inject(&house, DELIVERY.kind, "800ms..1020ms", 0.0, 0.0);
        let began = house.clock.now();
        let outcome = house.send(cancel(&house)).await;
        assert_eq!(outcome.err(), Some(Unknown::AttemptTimeout.into()));
        assert_eq!(house.clock.now() - began, ASK_TIMEOUT);
        check_cancelled_once(&house).await;
        assert!(house.clock.now() - began < Duration::from_secs(5), "its resends are not delayed");
    });
}

#[test]
fn an_ask_that_is_delayed_within_its_timeout_is_answered_late() {
    life(async {
        let house = rented(&MemoryEngine::default()).await;
        inject(&house, DELIVERY.kind, "400ms..600ms", 0.0, 0.0);
        let began = house.clock.now();
        house.done(cancel(&house)).await;
        let took = house.clock.now() - began;
        assert!((Duration::from_millis(400)..ASK_TIMEOUT).contains(&took), "{took:?}");
        check_cancelled_once(&house).await;
    });
}

#[test]
fn an_ask_that_fails_changes_nothing_and_its_key_is_free() {
    life(async {
        let house = rented(&MemoryEngine::default()).await;
        let fault = inject(&house, DELIVERY.kind, "0ms", 1.0, 0.0);
        let before = house.version(RENTAL);
        check_injected(house.send(cancel(&house)).await);
        assert_eq!((house.version(RENTAL), house.open_intents()), (before, 0));
        remove(&house, fault);
        let (_, answer) = house.done(cancel(&house)).await;
        assert!(!answer.replayed);
        check_cancelled_once(&house).await;
    });
}

#[test]
fn an_order_whose_payment_hangs_by_a_fault_is_withdrawn_and_undone_while_the_fault_lasts() {
    life(async {
        let house = house().await;
        inject(&house, Payment::KIND, "0ms", 0.0, 1.0);
        let outcome = house.send(house.make::<Order>(PlaceOrder { amount: 10 })).await;
        assert_eq!(outcome.err(), Some(Unknown::AttemptTimeout.into()));
        house.settled().await;
        assert_eq!(house.story(Stream::new(Order::KIND, 1)).await, ["OrderRequested", "OrderWithdrawn"]);
        assert_eq!(house.story(Stream::new(Payment::KIND, 1)).await, ["PaymentVoided"]);
        assert_eq!(house.open_intents(), 0);
        assert!(!house.runtime.faults().all(house.clock.now()).is_empty(), "it is still in force");
    });
}

#[test]
fn a_command_that_fails_was_not_executed_and_takes_no_id() {
    life(async {
        let house = house().await;
        let fault = inject(&house, Tally::KIND, "30ms", 1.0, 0.0);
        let began = house.clock.now();
        check_injected(house.send(house.make::<Tally>(Add { n: 1 })).await);
        assert_eq!(house.clock.now() - began, Duration::from_millis(30), "it waits before it fails");
        remove(&house, fault);
        assert_eq!(house.done(house.make::<Tally>(Add { n: 1 })).await.0, 1);
    });
}

#[test]
fn a_command_that_hangs_is_unknown_after_its_attempts_timeout_and_its_key_still_leads_to_its_id() {
    life(async {
        let house = house().await;
        let add = || keyed(house.make::<Tally>(Add { n: 1 }), "add", 1);
        let fault = inject(&house, Tally::KIND, "0ms", 0.0, 1.0);
        let began = house.clock.now();
        assert_eq!(house.send(add()).await.err(), Some(Unknown::AttemptTimeout.into()));
        assert_eq!(house.clock.now() - began, ATTEMPT_TIMEOUT);
        assert_eq!(house.facts().await.len(), 0);
        remove(&house, fault);
        assert_eq!(house.done(add()).await.0, 1);
    });
}

#[test]
fn policies_try_again_until_a_fault_lets_them_and_do_everything_once() {
    life(async {
        let house = house().await;
        // Too few to open the breaker, which would wait until the fault is over.
        inject(&house, Echo::KIND, "1ms..20ms", 0.2, 0.1);
        for n in 1..=20 {
            let call = if n == 1 { house.make::<Tally>(Add { n }) } else { house.tell::<Tally>(1, Add { n }) };
            house.done(call).await;
        }
        let fault = Arc::clone(&house.runtime.faults().all(house.clock.now())[0]);
        house.settled().await;
        assert_eq!(house.state::<Board>(Board::KIND, 1).expect("a row"), Board { added: 210, heard: 210, facts: 40 });
        let figures = fault.figures();
        assert_eq!(figures.calls, 20 + figures.failed + figures.hung, "each was tried until it was let");
        assert!(figures.failed > 0 && figures.hung > 0, "{figures:?}");
    });
}

#[test]
fn a_look_at_a_kind_is_delayed_failed_and_kept_to_its_deadline_and_at_others_is_not() {
    life(async {
        let house = house().await;
        let look = async |kind| {
            let began = house.clock.now();
            let outcome = house.runtime.admission().look(kind, Deadline::after(&house.clock, DEADLINE)).await.map(drop);
            (outcome, house.clock.now() - began)
        };
        let late: CallError = NotExecuted::deadline_exceeded().into();
        for (latency, errors, hangs, error, took) in [
            ("250ms", 0.0, 0.0, None, Duration::from_millis(250)),
            ("10s", 0.0, 0.0, Some(late), DEADLINE),
            ("0ms", 0.0, 1.0, Some(late), DEADLINE),
        ] {
            let fault = inject(&house, Tally::KIND, latency, errors, hangs);
            assert_eq!(look(Tally::KIND).await, (error.map_or(Ok(()), Err), took), "{latency} {hangs}");
            assert_eq!(look(Echo::KIND).await, (Ok(()), Duration::ZERO));
            remove(&house, fault);
        }
        inject(&house, Tally::KIND, "0ms", 1.0, 0.0);
        check_injected(look(Tally::KIND).await.0);
        assert!(house.runtime.services().set("yard", "tally", false));
        let (stopped, _) = look(Tally::KIND).await;
        assert!(matches!(stopped, Err(CallError::NotExecuted(why)) if why.reason == Reason::ServiceStopped));
    });
}
