//! A panic is a failure, and failures count: at once, with a wait, poison, quarantine.

use std::sync::Arc;
use std::time::Duration;

use super::super::chaos::Point;
use super::super::directory::QUARANTINE_PROBE_AFTER;
use super::house::{House, done, keyed, life, refused};
use super::yard::{Add, Explode, Look, Tally};
use crate::domain::{Aggregate, Stream};
use crate::journal::memory_engine::MemoryEngine;
use crate::resilience::{CallError, NotExecuted, Reason};

pub(super) const TALLY: Stream = Stream::new(Tally::KIND, 1);

pub(super) async fn house() -> House {
    let house = House::start(Arc::new(MemoryEngine::default())).await;
    assert_eq!(house.done(house.make::<Tally>(Add { n: 1 })).await.0, TALLY.id);
    house
}

/// Five commands that fail once each.
pub(super) async fn fail_five_times(house: &House) -> Vec<Duration> {
    let mut took = Vec::new();
    for n in 2..=6 {
        assert!(house.runtime.panic_at(TALLY, Point::Decide));
        let began = house.clock.now();
        let outcome = house.send(house.tell::<Tally>(TALLY.id, Add { n })).await;
        took.push(house.clock.now() - began);
        assert_eq!(outcome.is_ok(), n < 6, "{outcome:?}");
    }
    took
}

#[test]
fn a_first_panic_restarts_at_once_and_its_command_is_answered() {
    for point in [Point::Decide, Point::Evolve] {
        life(async {
            let house = house().await;
            assert!(house.runtime.panic_at(TALLY, point));
            let began = house.clock.now();
            let (_, answer) = house.done(house.tell::<Tally>(TALLY.id, Add { n: 5 })).await;
            assert_eq!(answer.row.map(|row| row.version), Some(2));
            assert!(house.clock.now() - began < Duration::from_millis(5), "{point:?}");
            let figures = house.figures(TALLY).expect("an entry");
            assert_eq!((figures.state, figures.restarts), ("live", 1), "{point:?}");
            assert!(figures.last_error.expect("an error").contains("told to panic"));
            assert_eq!(house.story(TALLY).await, ["Added", "Added"]);
        });
    }
}

#[test]
fn a_kill_counts_for_nothing() {
    life(async {
        let house = house().await;
        for n in 1..=20 {
            assert_eq!(house.runtime.kill(|stream| stream == TALLY, 1, n), [TALLY]);
            house.done(house.tell::<Tally>(TALLY.id, Add { n })).await;
        }
        assert_eq!(house.figures(TALLY).expect("an entry").restarts, 0);
    });
}

#[test]
fn later_failures_wait_longer_each_time() {
    life(async {
        let house = house().await;
        let took = fail_five_times(&house).await;
        for (took, wait_ms) in took[1..4].iter().zip([100, 200, 400]) {
            let about = Duration::from_millis(wait_ms);
            assert!(*took >= about.mul_f64(0.8) && *took <= about.mul_f64(1.2) + Duration::from_millis(5), "{took:?}");
        }
    });
}

#[test]
fn a_command_that_fails_three_times_is_poison_and_its_instance_goes_on() {
    life(async {
        let house = house().await;
        let rule = refused(house.send(house.tell::<Tally>(TALLY.id, Explode {})).await);
        assert_eq!(rule, "command-poisoned");
        assert_eq!(house.figures(TALLY).expect("an entry").restarts, 3);
        house.done(house.tell::<Tally>(TALLY.id, Add { n: 5 })).await;
        assert_eq!(house.story(TALLY).await, ["Added", "Added"]);
    });
}

#[test]
fn a_poisoned_key_stays_refused() {
    life(async {
        let house = house().await;
        for _ in 0..2 {
            let explode = keyed(house.tell::<Tally>(TALLY.id, Explode {}), "poison", 1);
            assert_eq!(refused(house.send(explode).await), "command-poisoned");
        }
        assert_eq!(house.figures(TALLY).expect("an entry").restarts, 3);
    });
}

// Case 119.
#[test]
fn five_failures_in_a_minute_quarantine_an_instance_until_released() {
    life(async {
        let house = house().await;
        fail_five_times(&house).await;
        let outcome = house.send(house.tell::<Tally>(TALLY.id, Look {})).await;
        let Err(CallError::NotExecuted(NotExecuted { reason: Reason::Quarantined, retry_after })) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(retry_after > Duration::ZERO && retry_after <= QUARANTINE_PROBE_AFTER, "{retry_after:?}");
        assert_eq!(house.figures(TALLY).expect("an entry").state, "quarantined");
        let (other, _) = house.done(house.make::<Tally>(Add { n: 1 })).await;
        assert_eq!(other, 2, "the others go on");
        assert!(house.runtime.release(TALLY));
        assert!(!house.runtime.release(TALLY));
        house.done(house.tell::<Tally>(TALLY.id, Add { n: 7 })).await;
        assert_eq!(house.story(TALLY).await.len(), 6, "1, four that failed once, 7");
    });
}

// Case 120.
#[test]
fn a_quarantined_instance_is_probed_after_a_rest() {
    life(async {
        let house = house().await;
        fail_five_times(&house).await;
        tokio::time::advance(QUARANTINE_PROBE_AFTER).await;
        house.done(house.tell::<Tally>(TALLY.id, Add { n: 7 })).await;
        assert_eq!(house.figures(TALLY).expect("an entry").state, "live");
    });
}

// Case 120.
#[test]
fn a_probe_that_fails_sets_the_instance_aside_again_whatever_was_long_before() {
    life(async {
        let house = house().await;
        fail_five_times(&house).await;
        tokio::time::advance(QUARANTINE_PROBE_AFTER).await;
        let probe = house.send(house.tell::<Tally>(TALLY.id, Explode {})).await;
        assert!(probe.is_err(), "{probe:?}");
        assert_eq!(house.figures(TALLY).expect("an entry").state, "quarantined");
        tokio::time::advance(QUARANTINE_PROBE_AFTER).await;
        house.done(house.tell::<Tally>(TALLY.id, Add { n: 8 })).await;
    });
}

#[test]
fn who_was_probed_is_on_probation_over_a_kill() {
    life(async {
        let house = house().await;
        fail_five_times(&house).await;
        tokio::time::advance(QUARANTINE_PROBE_AFTER).await;
        house.done(house.tell::<Tally>(TALLY.id, Add { n: 7 })).await;
        assert_eq!(house.runtime.kill(|stream| stream == TALLY, 1, 0), [TALLY]);
        house.settled().await;
        let failed = house.send(house.tell::<Tally>(TALLY.id, Explode {})).await;
        assert!(failed.is_err(), "{failed:?}");
        assert_eq!(house.figures(TALLY).expect("an entry").state, "quarantined");
    });
}

// Case 120.
#[test]
fn while_one_call_probes_an_instance_the_others_are_turned_away() {
    life(async {
        let house = house().await;
        fail_five_times(&house).await;
        tokio::time::advance(QUARANTINE_PROBE_AFTER).await;
        let calls: Vec<_> = (7..10).map(|n| house.begin(house.tell::<Tally>(TALLY.id, Add { n }))).collect();
        let mut done = 0;
        for call in calls {
            match call.outcome().await {
                Ok(_) => done += 1,
                Err(CallError::NotExecuted(NotExecuted { reason: Reason::Quarantined, .. })) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(done, 1);
    });
}

#[test]
fn nothing_is_remembered_of_who_died_with_a_shard_and_had_never_failed() {
    life(async {
        let house = house().await;
        assert!(house.figures(TALLY).is_some());
        assert!(house.runtime.kill_shard_of(TALLY));
        // Whoever comes next finds the new shard.
        let (other, _) = house.done(house.make::<Tally>(Add { n: 1 })).await;
        assert_eq!(other, 2);
        house.settled().await;
        let room = house.runtime.house.directory.room(Tally::KIND).expect("its room");
        let known: Vec<_> = room.shards.iter().flat_map(|shard| shard.figures()).map(|entry| entry.id).collect();
        assert_eq!(known, [other]);
    });
}

// Case 119.
#[test]
fn failures_over_a_minute_apart_are_forgotten() {
    life(async {
        let house = house().await;
        for n in 0..10 {
            assert!(house.runtime.panic_at(TALLY, Point::Evolve));
            let began = house.clock.now();
            house.done(house.tell::<Tally>(TALLY.id, Add { n: n + 1 })).await;
            assert!(house.clock.now() - began < Duration::from_millis(5), "restarted at once");
            tokio::time::advance(Duration::from_secs(61)).await;
        }
    });
}

#[test]
fn a_command_behind_one_that_panics_is_answered_too() {
    life(async {
        let house = house().await;
        let held = house.runtime.hold(TALLY, Point::Decide);
        let calls: Vec<_> = (2..20).map(|n| house.begin(house.tell::<Tally>(TALLY.id, Add { n }))).collect();
        held.reached().await;
        assert!(house.runtime.panic_at(TALLY, Point::Decide));
        drop(held);
        for call in calls {
            done(call.outcome().await);
        }
        assert_eq!(house.story(TALLY).await.len(), 19);
    });
}
