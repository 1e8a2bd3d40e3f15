//! Every queue ends somewhere, and nothing is decided for somebody who has gone.

use std::sync::Arc;
use std::time::Duration;

use super::super::chaos::Point;
use super::super::dispatch::MAILBOX_MAX;
use super::breakers::{check_rejected, guard_of};
use super::house::{House, Pending, done, life};
use super::yard::{Add, Tally};
use crate::domain::{Aggregate, Stream};
use crate::fault_points::FaultPoint;
use crate::journal::memory_engine::MemoryEngine;
use crate::resilience::{CallError, Deadline, NotExecuted, Reason, Unknown};

const TALLY: Stream = Stream::new(Tally::KIND, 1);

async fn house() -> House {
    let house = House::start(Arc::new(MemoryEngine::default())).await;
    house.done(house.make::<Tally>(Add { n: 1 })).await;
    house
}

fn add_within(house: &House, n: u64, deadline: Duration) -> Pending {
    let mut call = house.tell::<Tally>(TALLY.id, Add { n });
    call.deadline = Deadline::after(&house.clock, deadline);
    house.begin(call)
}

#[test]
fn a_mailbox_takes_so_many_commands_and_refuses_the_next() {
    life(async {
        let house = house().await;
        let held = house.runtime.hold(TALLY, Point::Decide);
        let mut calls = vec![house.begin(house.tell::<Tally>(TALLY.id, Add { n: 1 }))];
        held.reached().await;
        calls.extend((0..MAILBOX_MAX).map(|_| house.begin(house.tell::<Tally>(TALLY.id, Add { n: 1 }))));
        house.done_waiting().await;
        assert_eq!(house.figures(TALLY).expect("an entry").waiting, MAILBOX_MAX);
        let outcome = house.send(house.tell::<Tally>(TALLY.id, Add { n: 1 })).await;
        let full = matches!(outcome, Err(CallError::NotExecuted(why)) if why.reason == Reason::MailboxFull);
        assert!(full, "{outcome:?}");
        drop(held);
        for call in calls {
            done(call.outcome().await);
        }
        assert_eq!(house.version(TALLY), MAILBOX_MAX as u64 + 2);
        assert_eq!(house.figures(TALLY).expect("an entry").waiting, 0);
    });
}

// Case 97.
#[test]
fn a_command_whose_deadline_is_over_is_never_decided() {
    life(async {
        let house = house().await;
        let held = house.runtime.hold(TALLY, Point::Decide);
        let in_hand = add_within(&house, 2, Duration::from_millis(100));
        held.reached().await;
        let behind = add_within(&house, 3, Duration::from_millis(50));
        for call in [in_hand, behind] {
            let outcome = call.outcome().await;
            assert!(matches!(outcome, Err(CallError::Unknown(_))), "{outcome:?}");
        }
        drop(held);
        house.settled().await;
        house.done(house.tell::<Tally>(TALLY.id, Add { n: 4 })).await;
        assert_eq!(house.version(TALLY), 2);
        assert_eq!(guard_of(&house, Tally::KIND.path()).counts.failures, 0);
    });
}

#[test]
fn a_call_that_comes_too_late_is_not_executed() {
    life(async {
        let house = house().await;
        let late = add_within(&house, 2, Duration::ZERO).outcome().await;
        assert_eq!(late.err(), Some(NotExecuted::deadline_exceeded().into()));
    });
}

#[test]
fn a_call_while_its_shard_is_dead_waits_for_the_next() {
    life(async {
        let house = house().await;
        for n in 2..=10 {
            assert!(house.runtime.kill_shard_of(TALLY));
            house.done(house.tell::<Tally>(TALLY.id, Add { n })).await;
        }
        assert_eq!(house.version(TALLY), 10);
    });
}

// Case 122.
#[test]
fn a_call_to_a_runtime_that_stops_is_not_executed_at_once_and_no_failure_to_a_breaker() {
    life(async {
        let house = house().await;
        let held = house.runtime.hold(TALLY, Point::Decide);
        let in_hand = house.begin(house.tell::<Tally>(TALLY.id, Add { n: 2 }));
        held.reached().await;
        house.runtime.stop().await;
        let began = house.clock.now();
        let outcome = house.send(house.tell::<Tally>(TALLY.id, Add { n: 3 })).await;
        check_rejected(&outcome, Reason::Draining);
        assert_eq!(house.clock.now(), began);
        let outcome = in_hand.outcome().await;
        assert_eq!(outcome.err(), Some(Unknown::PortDropped.into()), "its actor was killed with it in hand");
        assert_eq!(guard_of(&house, Tally::KIND.path()).counts.failures, 0);
        assert_eq!(house.version(TALLY), 1);
    });
}

#[test]
fn a_dead_disk_is_told_and_nothing_of_it_is_answered() {
    life(async {
        let storage = MemoryEngine::default();
        let house = House::start(Arc::new(storage.clone())).await;
        house.done(house.make::<Tally>(Add { n: 1 })).await;
        house.settled().await;
        storage.fail_writes();
        let outcome = house.send(house.tell::<Tally>(TALLY.id, Add { n: 2 })).await;
        assert!(matches!(outcome, Err(CallError::Unknown(_))), "it may have been written: {outcome:?}");
        let outcome = house.send(house.tell::<Tally>(TALLY.id, Add { n: 3 })).await;
        let refused = matches!(outcome, Err(CallError::NotExecuted(why)) if why.reason == Reason::StorageReadOnly);
        assert!(refused, "{outcome:?}");
        assert_eq!(house.version(TALLY), 1);
    });
}

#[test]
fn a_command_that_is_decided_long_after_its_deadline_is_told_of() {
    life(async {
        let house = house().await;
        let mut call = house.tell::<Tally>(TALLY.id, Add { n: 2 });
        call.deadline = Deadline::after(&house.clock, Duration::from_secs(1));
        crate::fault_points::order(FaultPoint::CommandTaken, crate::fault_points::Deed::Hang);
        assert_eq!(house.send(call).await.err(), Some(Unknown::DeadlineExceeded.into()));
        let look = || house.runtime.end_stuck(house.clock.now());
        assert_eq!(look(), [], "it may end any moment");
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(look(), [TALLY]);
        house.done_waiting().await;
        assert_eq!(look(), [], "it waited, so it could be ended");
        house.done(house.tell::<Tally>(TALLY.id, Add { n: 2 })).await;
    });
}
