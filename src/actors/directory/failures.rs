//! The restart policy of one instance: at once, then with growing waits, then set aside.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// How many failures in the window set an instance aside.
const FAILURES_MAX: usize = 5;
/// The window in which they count.
pub(in crate::actors) const FAILURES_WINDOW: Duration = Duration::from_secs(60);
/// How long a quarantined instance rests before one command may probe it.
pub(in crate::actors) const QUARANTINE_PROBE_AFTER: Duration = Duration::from_secs(300);
/// The first restart wait after the immediate one.
const COOLING_FIRST: Duration = Duration::from_millis(100);
/// The longest restart wait.
const COOLING_MAX: Duration = Duration::from_secs(30);
/// At how many failures in hand a command is poison.
const POISON_FAILURES: u32 = 3;
/// How long a command is remembered that was in hand at a failure; that it was poison stands in the log.
const SUSPECTED_FOR: Duration = Duration::from_secs(600);

/// An instance's failures, and the commands suspected of them.
#[derive(Debug, Default)]
pub(super) struct FailureRecord {
    failures: VecDeque<Instant>,
    pub(super) last_error: Option<String>,
    suspects: HashMap<u128, Suspect>,
    /// When it was last tried after a quarantine.
    probed_at: Option<Instant>,
    pub(super) restarts: u64,
}

/// A command that was in hand at failures, and when it was last.
#[derive(Clone, Copy, Debug)]
struct Suspect {
    failures: u32,
    at: Instant,
}

impl FailureRecord {
    /// Forgets what is long ago.
    pub(super) fn forget(&mut self, now: Instant) {
        while self.failures.front().is_some_and(|first| now - *first > FAILURES_WINDOW) {
            self.failures.pop_front();
        }
        self.suspects.retain(|_, suspect| now - suspect.at <= SUSPECTED_FOR);
        self.probed_at = self.probed_at.filter(|at| now - *at <= FAILURES_WINDOW);
    }

    /// Tells whether there is nothing to remember.
    pub(super) fn is_clean(&self) -> bool {
        self.failures.is_empty() && self.suspects.is_empty() && self.probed_at.is_none()
    }

    /// Suspects the command that was in hand; at three failures it is poison.
    pub(super) fn suspect(&mut self, in_hand: Option<u128>, now: Instant) {
        let Some(command) = in_hand else { return };
        let suspect = self.suspects.entry(command).or_insert(Suspect { failures: 0, at: now });
        *suspect = Suspect { failures: suspect.failures + 1, at: now };
    }

    /// Returns the commands that are not tried again.
    pub(super) fn poisoned(&self) -> Vec<u128> {
        let poison = self.suspects.iter().filter(|(_, suspect)| suspect.failures >= POISON_FAILURES);
        poison.map(|(command, _)| *command).collect()
    }

    /// Notes that it is tried after a quarantine.
    pub(super) fn probed(&mut self, now: Instant) {
        self.probed_at = Some(now);
    }

    /// Tells whether a failure would set it aside again: it was tried a short while ago.
    pub(super) fn is_on_probation(&self, now: Instant) -> bool {
        self.probed_at.is_some_and(|at| now - at <= FAILURES_WINDOW)
    }

    /// Notes a failure and decides what follows.
    pub(super) fn fails(&mut self, error: String, now: Instant, jitter: f64, fate: Fate) -> Sentence {
        self.last_error = Some(error);
        self.restarts += 1;
        self.forget(now);
        self.failures.push_back(now);
        let failures = self.failures.len();
        if failures >= FAILURES_MAX || fate == Fate::Hopeless || self.is_on_probation(now) {
            return Sentence::Quarantine(now + QUARANTINE_PROBE_AFTER);
        }
        match restart_wait(failures, jitter) {
            Duration::ZERO => Sentence::RestartAtOnce,
            wait => Sentence::RestartAfter(now + wait),
        }
    }
}

/// How long whoever has failed so often in a row waits for its next start: not at all the first time.
pub(in crate::actors) fn restart_wait(failures: usize, jitter: f64) -> Duration {
    let Some(doublings) = failures.checked_sub(2) else { return Duration::ZERO };
    let doublings = u32::try_from(doublings).unwrap_or(u32::MAX);
    let wait = COOLING_FIRST.saturating_mul(2u32.saturating_pow(doublings)).min(COOLING_MAX);
    // ±20 %, so that those that failed together do not start together.
    wait.mul_f64(0.8 + 0.4 * jitter)
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
