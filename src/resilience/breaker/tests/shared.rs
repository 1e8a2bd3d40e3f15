//! One breaker, many threads.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::*;
use crate::resilience::breaker::{Breaker, Happening, Mode, Rejection};

const THREADS: u64 = 64;

pub(super) fn breaker(config: BreakerConfig) -> Breaker {
    Breaker::new(config, 42, Box::new(|_| {})).expect("the configuration works")
}

pub(super) fn at(since: Duration) -> Moment {
    Moment::new(since)
}

pub(super) fn fail(breaker: &Breaker, times: usize, now: Moment) {
    for _ in 0..times {
        breaker.admit(now).expect("it admits").settle(Outcome::Failure, now);
    }
}

/// Has all threads do the same at once.
fn at_once(work: impl Fn() + Sync) {
    let barrier = Barrier::new(usize::try_from(THREADS).expect("few"));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                barrier.wait();
                work();
            });
        }
    });
}

fn moves(breaker: &Breaker) -> Vec<Transition> {
    let moved = breaker.events().into_iter().filter_map(|event| match event.happening {
        Happening::Moved(transition) => Some(transition),
        Happening::Failed { .. } | Happening::Rejected => None,
    });
    moved.collect()
}

// Cases 7 and 8.
#[test]
fn many_failures_at_once_open_it_once() {
    let breaker = breaker(C0);
    let now = at(Duration::ZERO);
    fail(&breaker, 9, now);
    let permits =
        parking_lot::Mutex::new((0..THREADS).map(|_| breaker.admit(now).expect("closed")).collect::<Vec<_>>());
    at_once(|| permits.lock().pop().expect("one each").settle(Outcome::Failure, now));
    assert_eq!(moves(&breaker).len(), 1);
    let snapshot = breaker.snapshot(now);
    assert_eq!((snapshot.state, snapshot.generation), (State::Open, 1));
    // Those that came after it was open changed nothing.
    assert_eq!(snapshot.counts.failures + snapshot.counts.stale, 9 + THREADS);
    assert_eq!(snapshot.counts.failures, 10);
}

// Cases 27 and 39.
#[test]
fn at_the_end_of_the_open_wait_one_of_many_is_admitted_and_each_other_is_counted_once() {
    let breaker = breaker(C0);
    fail(&breaker, 10, at(Duration::ZERO));
    let (admitted, rejected) = (AtomicU64::new(0), AtomicU64::new(0));
    let kept = parking_lot::Mutex::new(Vec::new());
    at_once(|| match breaker.admit(at(5 * SECOND)) {
        Ok(permit) => {
            admitted.fetch_add(1, Ordering::Relaxed);
            kept.lock().push(permit);
        }
        Err(turned) => {
            assert!(turned.why == Rejection::HalfOpenFull && turned.retry_after <= 2 * SECOND, "{turned:?}");
            rejected.fetch_add(1, Ordering::Relaxed);
        }
    });
    assert_eq!((admitted.into_inner(), rejected.into_inner()), (1, THREADS - 1));
    assert_eq!(breaker.snapshot(at(5 * SECOND)).counts.rejected, THREADS - 1);
}

// Case 29.
#[test]
fn looking_takes_no_place() {
    let breaker = breaker(C0);
    fail(&breaker, 10, at(Duration::ZERO));
    drop(breaker.admit(at(5 * SECOND)).expect("a probe"));
    for _ in 0..1_000_000 {
        assert_eq!(breaker.snapshot(at(6 * SECOND)).state, State::HalfOpen);
    }
    assert!(breaker.admit(at(6 * SECOND)).is_ok());
}

// Case 49.
#[test]
fn a_call_inside_a_probe_is_turned_away_and_nothing_locks_up() {
    let breaker = breaker(C0);
    fail(&breaker, 10, at(Duration::ZERO));
    let probe = breaker.admit(at(5 * SECOND)).expect("a probe");
    assert_eq!(breaker.admit(at(5 * SECOND)).map(drop).expect_err("full").why, Rejection::HalfOpenFull);
    probe.settle(Outcome::Success, at(5 * SECOND));
}

// Case 43.
#[test]
fn a_dropped_permit_is_a_cancelled_call_and_frees_the_probes_place() {
    let breaker = breaker(C0);
    fail(&breaker, 10, at(Duration::ZERO));
    for _ in 0..2 {
        drop(breaker.admit(at(5 * SECOND)).expect("its place is free"));
    }
    let snapshot = breaker.snapshot(at(5 * SECOND));
    assert_eq!((snapshot.state, snapshot.counts.cancelled), (State::HalfOpen, 2));
}

// Case 34.
#[test]
fn every_outcome_is_counted_while_buckets_roll_under_many_threads() {
    let breaker = breaker(BreakerConfig { failures: Some(100), ..T0 });
    let clock = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..100_000 {
                    let now = Moment::from_nanos(clock.fetch_add(1_000_000, Ordering::Relaxed));
                    breaker.admit(now).expect("closed").settle(Outcome::Success, now);
                }
            });
        }
    });
    let snapshot = breaker.snapshot(Moment::from_nanos(clock.load(Ordering::Relaxed)));
    assert_eq!(snapshot.counts.successes, 800_000);
    // The last nine to ten seconds of 800: a thousand calls each.
    assert!((8_999..=10_000).contains(&snapshot.tally.total), "{:?}", snapshot.tally);
}

// Case 127.
#[test]
fn a_thousand_reconfigurations_under_load_lose_neither_a_permit_nor_an_event() {
    let breaker = breaker(C0);
    let done = AtomicBool::new(false);
    let calls = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let now = Moment::default();
                    breaker.admit(now).expect("closed").settle(Outcome::Success, now);
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 0..1_000 {
            let window = if round % 2 == 0 { WindowConfig::Count(20) } else { WindowConfig::Count(10) };
            breaker.reconfigure(BreakerConfig { window, ..C0 }).expect("it works");
        }
        done.store(true, Ordering::Relaxed);
    });
    let snapshot = breaker.snapshot(Moment::default());
    assert_eq!((snapshot.counts.successes, snapshot.counts.stale), (calls.into_inner(), 0));
    assert_eq!((snapshot.state, snapshot.generation), (State::Closed, 0));
}

#[test]
fn a_configuration_that_could_not_work_leaves_the_old_one_in_force() {
    let breaker = breaker(C0);
    assert!(breaker.reconfigure(BreakerConfig { calls_min: 0, ..C0 }).is_err());
    assert_eq!(breaker.snapshot(Moment::default()).config, C0);
}

// Case 125.
#[test]
fn events_keep_their_order_and_give_way_when_there_are_too_many() {
    let breaker = breaker(C0);
    for round in 0..500 {
        breaker.force(Some((Mode::ForcedOpen, None)), at(round * SECOND));
        let _ = breaker.admit(at(round * SECOND));
    }
    let events = breaker.events();
    assert_eq!(events.len(), 200);
    assert!(events.is_sorted_by(|earlier, later| earlier.number < later.number));
    assert_eq!(events.last().map(|event| event.number), Some(1_000));
    let generations: Vec<u32> = moves(&breaker).iter().map(|moved| moved.generation).collect();
    assert_eq!(generations, (401..=500).collect::<Vec<_>>());
}

// Case 28. The guard, which sees the panic, calls it a failure.
#[test]
fn a_panic_while_a_permit_is_held_leaves_the_breaker_whole() {
    let breaker = breaker(C0);
    let now = Moment::default();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _permit = breaker.admit(now).expect("closed");
        panic!("the callee broke");
    }));
    assert!(panicked.is_err());
    fail(&breaker, 10, now);
    assert_eq!(breaker.snapshot(now).state, State::Open);
}
