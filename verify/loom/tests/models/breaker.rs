//! The breaker's word beside its lock.

use std::mem::forget;
use std::sync::{Arc, Mutex};

use resurgam_loom::resilience::breaker::{
    Breaker, BreakerConfig, Cause, Moment, OpenWait, Outcome, Probes, Rejection, State, Transition, WindowConfig,
};

use crate::{SECOND, at_once, explore, explore_within};

/// Two failures open it for 5 s; one probe closes it.
const TWO: BreakerConfig = BreakerConfig {
    window: WindowConfig::Count(2),
    calls_min: 2,
    slow: None,
    open: OpenWait { jitter: false, ..BreakerConfig::KIND.open },
    probes: Probes { required: 1, ..BreakerConfig::KIND.probes },
    ..BreakerConfig::KIND
};

/// A breaker, and what its watcher was told.
struct Watched {
    breaker: Breaker,
    told: Arc<Mutex<Vec<Transition>>>,
}

impl Watched {
    fn new(config: BreakerConfig) -> Arc<Self> {
        let told = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&told);
        let watcher = Box::new(move |moved: &Transition| hears.lock().expect("no watcher panics").push(*moved));
        let breaker = Breaker::new(config, 42, watcher).expect("the configuration works");
        Arc::new(Self { breaker, told })
    }

    /// One that has opened at 0 s.
    fn open(config: BreakerConfig) -> Arc<Self> {
        let watched = Self::new(config);
        (0..2).for_each(|_| watched.call(Outcome::Failure, 0));
        watched
    }

    /// Makes a call that takes no time.
    fn call(&self, outcome: Outcome, at: u32) {
        if let Ok(permit) = self.breaker.admit(seconds(at)) {
            permit.settle(outcome, seconds(at));
        }
    }

    /// Begins a call that never ends.
    fn hang(&self, at: u32) {
        self.breaker.admit(seconds(at)).map_or_else(drop, forget);
    }

    /// Checks what was told, one change after the other, and that it ends where the breaker is; returns the causes.
    fn causes(&self) -> Vec<Cause> {
        let mut told = self.told.lock().expect("no watcher panics").clone();
        told.sort_by_key(|moved| moved.generation);
        assert!(told.iter().map(|moved| moved.generation).eq(1..=told.len() as u32), "{told:?}");
        assert!(told.windows(2).all(|pair| pair[0].to == pair[1].from), "{told:?}");
        let snapshot = self.breaker.snapshot(Moment::default());
        assert_eq!(told.last().map_or(State::Closed, |moved| moved.to), snapshot.state);
        assert_eq!(snapshot.generation as usize, told.len());
        told.iter().map(|moved| moved.cause).collect()
    }

    /// Checks that the next call meets what the last change left, and that what becomes of it counts.
    fn is_met(&self, at: u32) {
        let before = self.breaker.snapshot(seconds(at));
        match (before.state, self.breaker.admit(seconds(at))) {
            (State::Open, Err(rejected)) => {
                assert_eq!(Some(seconds(at).after(rejected.retry_after)), before.open_until)
            }
            (State::Closed | State::HalfOpen, Ok(permit)) => {
                permit.settle(Outcome::Ignored, seconds(at));
                let counts = self.breaker.snapshot(seconds(at)).counts;
                assert_eq!((counts.ignored, counts.stale), (before.counts.ignored + 1, before.counts.stale));
            }
            (State::HalfOpen, Err(rejected)) => assert_eq!(rejected.why, Rejection::HalfOpenFull),
            (state, admitted) => panic!("{state:?}: {admitted:?}"),
        }
    }

    /// Checks that nobody has taken a place for good: time and good answers close it.
    fn recovers(&self) {
        let mut at = 1_000;
        while self.breaker.snapshot(seconds(at)).state != State::Closed {
            at += 100;
            assert!(at < 2_000, "it does not recover");
            self.call(Outcome::Success, at);
        }
    }
}

fn seconds(at: u32) -> Moment {
    Moment::new(at * SECOND)
}

// Case 132.
#[test]
fn of_failures_at_once_exactly_one_opens_it() {
    explore("breaker record || record over the threshold || record too late", || {
        let watched = Watched::new(TWO);
        at_once(&watched, [|watched| watched.call(Outcome::Failure, 0); 3]);
        assert_eq!(watched.causes(), [Cause::FailureRate]);
        let counts = watched.breaker.snapshot(seconds(0)).counts;
        assert_eq!((counts.failures, counts.stale + counts.rejected), (2, 1));
        watched.is_met(0);
        watched.recovers();
    });
}

// Case 132.
#[test]
fn at_the_end_of_the_wait_exactly_the_configured_probes_are_admitted() {
    for at_once_max in [1, 2] {
        let config = BreakerConfig { probes: Probes { required: 2, at_once: at_once_max, ..TWO.probes }, ..TWO };
        explore_within(
            3,
            &format!("breaker acquire || acquire || acquire as open becomes half-open for {at_once_max}"),
            move || {
                let watched = Watched::open(config);
                at_once(&watched, [|watched| watched.hang(5); 3]);
                assert_eq!(watched.breaker.snapshot(seconds(5)).counts.rejected, u64::from(3 - at_once_max));
                assert_eq!(watched.causes(), [Cause::FailureRate, Cause::WaitOver]);
                watched.recovers();
            },
        );
    }
}

#[test]
fn a_probe_that_ends_lets_in_the_next_or_closes_it_and_nobody_is_admitted_beside_it() {
    explore_within(3, "breaker probe succeeds || probe fails || acquire", || {
        let watched = Watched::open(TWO);
        at_once(
            &watched,
            [
                |watched| watched.call(Outcome::Success, 5),
                |watched| watched.call(Outcome::Failure, 5),
                |watched| drop(watched.breaker.admit(seconds(5))),
            ],
        );
        // Whoever came first was the probe: the answers of the others came too late, or it had closed for them.
        let causes = watched.causes();
        assert_eq!(causes[..2], [Cause::FailureRate, Cause::WaitOver]);
        assert!(matches!(causes[2..], [] | [Cause::Recovered | Cause::ProbeFailed]), "{causes:?}");
        watched.is_met(5);
        watched.recovers();
    });
}

// Case 132.
#[test]
fn a_probe_that_is_dropped_as_its_deadline_passes_frees_its_place_once() {
    explore_within(3, "breaker probe drop || probe deadline", || {
        let watched = Watched::open(TWO);
        at_once(
            &watched,
            [
                |watched| drop(watched.breaker.admit(seconds(5))),
                |watched| watched.hang(7),
                |watched| watched.breaker.tick(seconds(7)),
            ],
        );
        let causes = watched.causes();
        assert_eq!(causes[..2], [Cause::FailureRate, Cause::WaitOver]);
        let counts = watched.breaker.snapshot(seconds(7)).counts;
        match causes[2..] {
            // Its place was free before, or it came when the other had it.
            [] => assert_eq!((counts.cancelled + counts.rejected, counts.stale), (1, 0)),
            // It had failed, and its end came too late.
            [Cause::ProbeOverdue] => assert_eq!((counts.cancelled, counts.stale), (0, 1)),
            _ => panic!("{causes:?}"),
        }
        watched.is_met(7);
        watched.recovers();
    });
    let three = BreakerConfig { probes: Probes { required: 3, ..TWO.probes }, ..TWO };
    explore("breaker probe drop || probe deadline || the probe after it", move || {
        let watched = Watched::open(three);
        at_once(&watched, [|watched| drop(watched.breaker.admit(seconds(5))), |watched| watched.hang(7)]);
        // The one failure of three decides nothing, and the place is the second's, whatever the first comes to.
        let counts = watched.breaker.snapshot(seconds(7)).counts;
        assert_eq!(counts.cancelled + counts.stale + counts.rejected, 1);
        let full = watched.breaker.admit(seconds(7)).map(drop).expect_err("one at once");
        assert_eq!((full.why, full.retry_after), (Rejection::HalfOpenFull, 2 * SECOND));
        watched.recovers();
    });
}

// Case 132.
#[test]
fn a_late_writer_and_a_bucket_that_rolls_count_every_outcome_once_in_its_own_second() {
    let config = BreakerConfig { window: WindowConfig::Time { buckets: 2, width: SECOND }, calls_min: 9, ..TWO };
    explore("breaker bucket roll || late writer", move || {
        let watched = Watched::new(config);
        at_once(
            &watched,
            [
                |watched| watched.call(Outcome::Failure, 1),
                |watched| watched.call(Outcome::Success, 2),
                |watched| watched.call(Outcome::Success, 4),
            ],
        );
        let tally = watched.breaker.snapshot(seconds(4)).tally;
        assert_eq!((tally.total, tally.failed), (1, 0));
        assert_eq!(watched.breaker.snapshot(seconds(4)).counts.successes, 2);
    });
    explore("breaker bucket roll || late writer whose bucket is still there", move || {
        let watched = Watched::new(config);
        at_once(&watched, [|watched| watched.call(Outcome::Failure, 1), |watched| watched.call(Outcome::Success, 2)]);
        let tally = watched.breaker.snapshot(seconds(2)).tally;
        assert_eq!((tally.total, tally.failed), (2, 1));
    });
}

#[test]
fn an_outcome_that_meets_a_reset_counts_before_it_or_never() {
    explore("breaker record || reset || reconfigure", || {
        let watched = Watched::new(TWO);
        watched.call(Outcome::Failure, 0);
        at_once(
            &watched,
            [
                |watched| watched.call(Outcome::Failure, 0),
                |watched| watched.breaker.force(None, seconds(0)),
                |watched| watched.breaker.reconfigure(TWO).expect("it works"),
            ],
        );
        let snapshot = watched.breaker.snapshot(seconds(0));
        let counted = snapshot.counts.failures;
        match watched.causes()[..] {
            [Cause::FailureRate, Cause::Operator] => assert_eq!((counted, snapshot.tally.total), (2, 0)),
            // Admitted before and ended after, it is stale; admitted after, it is the first of another two.
            [Cause::Operator] => assert_eq!((counted - 1, snapshot.counts.stale), (snapshot.tally.total, 2 - counted)),
            ref causes => panic!("{causes:?}"),
        }
        watched.is_met(0);
    });
}
