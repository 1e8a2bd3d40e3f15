//! The restart policy of one instance: at once, then with growing waits, then set aside.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// How many failures in the window set an instance aside.
const FAILURES_MAX: usize = 5;
/// The window in which they count.
const FAILURES_WINDOW: Duration = Duration::from_secs(60);
/// How long a quarantined instance rests before one command may probe it.
pub(in crate::actors) const QUARANTINE_PROBE_AFTER: Duration = Duration::from_secs(300);
/// The first restart wait after the immediate one.
const COOLING_FIRST: Duration = Duration::from_millis(100);
/// The longest restart wait.
const COOLING_MAX: Duration = Duration::from_secs(30);
/// At how many failures in hand a command is poison.
const POISON_FAILURES: u32 = 3;

/// An instance's failures, and the commands suspected of them.
#[derive(Debug, Default)]
pub(super) struct FailureRecord {
    failures: VecDeque<Instant>,
    pub(super) last_error: Option<String>,
    suspects: HashMap<u128, u32>,
    pub(super) poisoned: Vec<u128>,
    pub(super) restarts: u64,
}

impl FailureRecord {
    /// Tells whether there is nothing to remember.
    pub(super) fn is_clean(&self) -> bool {
        self.failures.is_empty() && self.suspects.is_empty() && self.poisoned.is_empty()
    }

    /// Suspects the command that was in hand; at three failures it is poison.
    pub(super) fn suspect(&mut self, in_hand: Option<u128>) {
        let Some(command) = in_hand else { return };
        let failures = self.suspects.entry(command).or_default();
        *failures += 1;
        if *failures >= POISON_FAILURES {
            self.poisoned.push(command);
            self.suspects.remove(&command);
        }
    }

    /// Notes a failure and decides what follows.
    pub(super) fn fails(&mut self, error: String, now: Instant, jitter: f64, fate: Fate) -> Sentence {
        self.last_error = Some(error);
        self.restarts += 1;
        while self.failures.front().is_some_and(|first| now - *first > FAILURES_WINDOW) {
            self.failures.pop_front();
        }
        self.failures.push_back(now);
        let failures = self.failures.len();
        if failures >= FAILURES_MAX || fate == Fate::Hopeless {
            return Sentence::Quarantine(now + QUARANTINE_PROBE_AFTER);
        }
        if failures == 1 {
            return Sentence::RestartAtOnce;
        }
        let doublings = u32::try_from(failures - 2).unwrap_or(u32::MAX);
        let wait = COOLING_FIRST.saturating_mul(2u32.saturating_pow(doublings)).min(COOLING_MAX);
        // ±20 %, so that instances that failed together do not start together.
        Sentence::RestartAfter(now + wait.mul_f64(0.8 + 0.4 * jitter))
    }
}

/// What is known of the next incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::actors) enum Fate {
    /// It may live.
    Open,
    /// It will fail as this one did.
    Hopeless,
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sentence {
    /// The next command starts another incarnation.
    RestartAtOnce,
    /// A command starts one after that.
    RestartAfter(Instant),
    /// It is set aside until then.
    Quarantine(Instant),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn sentences(gap: Duration, failures: u32) -> Vec<Sentence> {
        let (mut record, began) = (FailureRecord::default(), Clock::manual(0, 1).now());
        (0..failures).map(|count| record.fails("broken".to_owned(), began + gap * count, 0.5, Fate::Open)).collect()
    }

    // Case 119.
    #[test]
    fn the_fifth_failure_within_any_minute_sets_aside_and_slower_ones_never_do() {
        let is_set_aside = |sentence: &Sentence| matches!(sentence, Sentence::Quarantine(_));
        for gap in [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(15)] {
            assert_eq!(sentences(gap, 5).iter().position(is_set_aside), Some(4), "{gap:?} apart");
        }
        // A count that starts over with a pause only would have set them aside.
        let slower = sentences(Duration::from_millis(15_001), 1_000);
        assert!(!slower.iter().any(is_set_aside));
    }
}
