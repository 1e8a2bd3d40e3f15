//! Two levels of breakers: one of each kind and each kind's asks, one of each instance that lets its callers down.

use std::sync::Arc;
use std::time::Duration;

use super::super::chaos::Point;
use super::super::directory::LiveLimits;
use super::faults::{inject, remove};
use super::house::{House, Outcome, by_policy, done, life};
use super::shop::{Order, Payment, PlaceOrder};
use super::yard::{Add, Tally};
use crate::domain::{Aggregate, Kind, Stream};
use crate::journal::memory_engine::MemoryEngine;
use crate::resilience::breaker::{Cause, Happening, Snapshot, State};
use crate::resilience::{CallError, Deadline, GuardPolicies, Reason, Unknown};

const TALLY: Stream = Stream::new(Tally::KIND, 1);

async fn house_with_tallies(count: u64) -> House {
    let house = House::start(Arc::new(MemoryEngine::default())).await;
    for id in 1..=count {
        assert_eq!(house.done(house.make::<Tally>(Add { n: 1 })).await.0, id);
    }
    house
}

pub(super) fn guard_of(house: &House, name: &str) -> Snapshot {
    let guards = house.runtime.house.directory.guards();
    let guard = guards.into_iter().find(|guard| guard.name() == name).expect("a guard of this name");
    guard.breaker().snapshot(guard.now())
}

fn kind_state(house: &House, kind: Kind) -> State {
    guard_of(house, kind.path()).state
}

#[track_caller]
pub(super) fn check_rejected(outcome: &Outcome, reason: Reason) -> Duration {
    match outcome {
        Err(CallError::NotExecuted(rejected)) if rejected.reason == reason => rejected.retry_after,
        other => panic!("not rejected as {}: {other:?}", reason.code()),
    }
}

// Case 117.
#[test]
fn an_instance_that_hangs_is_left_alone_then_tried_and_never_opens_its_kind() {
    life(async {
        let house = house_with_tallies(2).await;
        let held = house.runtime.hold(TALLY, Point::Decide);
        for n in 1..=5 {
            let outcome = house.send(house.tell::<Tally>(TALLY.id, Add { n })).await;
            assert_eq!(outcome.err(), Some(Unknown::AttemptTimeout.into()));
        }
        let began = house.clock.now();
        let wait = check_rejected(&house.send(house.tell::<Tally>(1, Add { n: 6 })).await, Reason::InstanceBreakerOpen);
        assert_eq!((house.clock.now(), wait <= Duration::from_secs(1)), (began, true));
        assert_eq!(house.figures(TALLY).and_then(|entry| entry.breaker), Some("OPEN"));
        assert_eq!(kind_state(&house, Tally::KIND), State::Closed);
        for n in 1..=100 {
            house.done(house.tell::<Tally>(2, Add { n })).await;
        }

        drop(held);
        tokio::time::sleep(wait).await;
        house.done(house.tell::<Tally>(1, Add { n: 7 })).await;
        assert_eq!(house.figures(TALLY).and_then(|entry| entry.breaker), None);
    });
}

// Case 124.
#[test]
fn an_open_instance_breaker_outlives_the_actor_and_one_that_has_closed_is_gone() {
    life(async {
        let live = LiveLimits { live_max: 2, ..LiveLimits::default() };
        let house = House::start_with(Arc::new(MemoryEngine::default()), live).await;
        house.done(house.make::<Tally>(Add { n: 1 })).await;
        let held = house.runtime.hold(TALLY, Point::Decide);
        for n in 1..=5 {
            assert!(house.send(house.tell::<Tally>(1, Add { n })).await.is_err());
        }
        drop(held);
        for n in 1..=10 {
            house.done(house.make::<Tally>(Add { n })).await;
        }
        assert!(house.figures(TALLY).is_none_or(|entry| entry.state != "live"), "it has left");
        let wait = check_rejected(&house.send(house.tell::<Tally>(1, Add { n: 6 })).await, Reason::InstanceBreakerOpen);
        tokio::time::sleep(wait).await;
        house.done(house.tell::<Tally>(1, Add { n: 7 })).await;
        assert_eq!(house.figures(TALLY).and_then(|entry| entry.breaker), None);
    });
}

#[test]
fn a_thousand_kills_open_no_breaker_and_set_nothing_aside() {
    life(async {
        let house = house_with_tallies(1).await;
        for n in 1..=1_000 {
            assert_eq!(house.runtime.kill(|stream| stream == TALLY, 1, n), [TALLY]);
            house.done(house.tell::<Tally>(1, Add { n })).await;
        }
        let figures = house.figures(TALLY).expect("an entry");
        assert_eq!((figures.state, figures.restarts, figures.breaker), ("live", 0, None));
        let kind = guard_of(&house, Tally::KIND.path());
        assert_eq!((kind.state, kind.counts.failures), (State::Closed, 0));
    });
}

// Case 118.
#[test]
fn many_instances_that_crash_are_their_kinds_fault_and_a_few_are_not() {
    life(async {
        let house = house_with_tallies(12).await;
        for id in 1..=10 {
            assert_eq!(kind_state(&house, Tally::KIND), State::Closed, "after {id}");
            assert!(house.runtime.panic_at(Stream::new(Tally::KIND, id), Point::Decide));
            house.done(house.tell::<Tally>(id, Add { n: 1 })).await;
        }
        assert_eq!(kind_state(&house, Tally::KIND), State::Open);
        let wait = check_rejected(&house.send(house.tell::<Tally>(12, Add { n: 1 })).await, Reason::BreakerOpen);
        tokio::time::sleep(wait).await;
        for id in 1..=3 {
            house.done(house.tell::<Tally>(id, Add { n: 1 })).await;
        }
        assert_eq!(kind_state(&house, Tally::KIND), State::Closed);
    });
}

// Case 50.
#[test]
fn a_policys_command_that_fails_as_a_probe_is_not_tried_again_in_its_turn() {
    life(async {
        let house = house_with_tallies(1).await;
        let tries = async || {
            let fault = inject(&house, Tally::KIND, "0ms", 1.0, 0.0);
            let call = by_policy(house.tell::<Tally>(1, Add { n: 2 }));
            let outcome = house.runtime.house.commanded(&call).await;
            assert!(matches!(outcome, Err(CallError::NotExecuted(why)) if why.reason == Reason::FaultInjected));
            let tries = house.runtime.faults().all(house.clock.now())[0].figures().calls;
            remove(&house, fault);
            tries
        };
        assert_eq!(tries().await, 3, "while the kind is well");
        let room = house.runtime.house.directory.room(Tally::KIND).expect("a kind");
        room.guard.breaker().trip(Cause::Instances, room.guard.now());
        let wait = check_rejected(&house.send(house.tell::<Tally>(1, Add { n: 2 })).await, Reason::BreakerOpen);
        tokio::time::sleep(wait).await;
        assert_eq!(tries().await, 1);
        assert_eq!(kind_state(&house, Tally::KIND), State::HalfOpen);
    });
}

#[test]
fn an_ask_that_is_slow_opens_its_own_breaker_and_the_asked_kind_goes_on() {
    life(async {
        let house = House::start(Arc::new(MemoryEngine::default())).await;
        let ask = GuardPolicies::ask_name(Order::KIND.path(), Payment::KIND.path());
        let fault = inject(&house, Payment::KIND, "500ms..600ms", 0.0, 0.0);
        let orders: Vec<_> = (0..20).map(|_| house.begin(house.make::<Order>(PlaceOrder { amount: 1 }))).collect();
        for order in orders {
            done(order.outcome().await);
        }
        assert_eq!(guard_of(&house, &ask).state, State::Open, "the minimum of calls, all of them slow");
        let began = house.clock.now();
        let wait =
            check_rejected(&house.send(house.make::<Order>(PlaceOrder { amount: 1 })).await, Reason::BreakerOpen);
        assert_eq!(house.clock.now(), began, "an open breaker answers at once");
        assert!(wait >= Duration::from_millis(2_500) && wait <= Duration::from_secs(5), "{wait:?}");
        assert_eq!(kind_state(&house, Payment::KIND), State::Closed);

        remove(&house, fault);
        tokio::time::sleep(wait).await;
        for _ in 0..10 {
            house.done(house.make::<Order>(PlaceOrder { amount: 1 })).await;
        }
        assert_eq!(guard_of(&house, &ask).state, State::Closed);
        let guards = house.runtime.house.directory.guards();
        let guard = guards.into_iter().find(|guard| guard.name() == ask).expect("the ask's guard");
        let moved = guard.breaker().events().into_iter().filter_map(|event| match event.happening {
            Happening::Moved(moved) => Some(moved.cause),
            Happening::Failed { .. } | Happening::Rejected => None,
        });
        assert_eq!(moved.collect::<Vec<_>>(), [Cause::SlowCalls, Cause::WaitOver, Cause::Recovered]);
    });
}

#[test]
fn an_ask_that_takes_its_whole_time_is_a_failure_of_the_asked_also_without_company() {
    life(async {
        let house = House::start(Arc::new(MemoryEngine::default())).await;
        let ask = GuardPolicies::ask_name(Order::KIND.path(), Payment::KIND.path());
        inject(&house, Payment::KIND, "700ms", 0.0, 0.0);
        for failures in 1..=5 {
            let outcome = house.send(house.make::<Order>(PlaceOrder { amount: 1 })).await;
            assert_eq!(outcome.err(), Some(Unknown::AttemptTimeout.into()));
            assert_eq!(guard_of(&house, &ask).counts.failures, failures);
        }
    });
}

#[test]
fn clients_in_a_hurry_do_not_open_a_breaker() {
    life(async {
        let house = house_with_tallies(1).await;
        inject(&house, Tally::KIND, "50ms", 0.0, 0.0);
        for n in 1..=100 {
            let mut call = house.tell::<Tally>(1, Add { n });
            call.deadline = Deadline::after(&house.clock, Duration::from_millis(10));
            assert_eq!(house.send(call).await.err(), Some(Unknown::DeadlineExceeded.into()));
        }
        assert_eq!(kind_state(&house, Tally::KIND), State::Closed);
        assert_eq!(house.figures(TALLY).and_then(|entry| entry.breaker), None);
    });
}
