//! What a breaker looks like from outside.

use super::call::Outcome;
use super::config::BreakerConfig;
use super::moment::Moment;
use super::transition::State;
use super::window::Tally;

/// How calls ended, since the breaker was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The callee did its work.
    pub successes: u64,
    /// It did not.
    pub failures: u64,
    /// It asked for a pause.
    pub overloads: u64,
    /// They said nothing of the callee.
    pub ignored: u64,
    /// Their callers went away.
    pub cancelled: u64,
    /// They were turned away further in.
    pub not_executed: u64,
    /// They took longer than the limit.
    pub slow: u64,
    /// They were not admitted.
    pub rejected: u64,
    /// They came to an end when the breaker had moved on.
    pub stale: u64,
}

/// A breaker as others see it at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its state after the last event.
    pub state: State,
    /// The number of its changes of state.
    pub generation: u32,
    /// What its window holds.
    pub tally: Tally,
    /// Whether that is enough for a rate.
    pub has_rate: bool,
    /// How calls ended.
    pub counts: Counts,
    /// Until when none passes.
    pub open_until: Option<Moment>,
    /// Its configuration.
    pub config: BreakerConfig,
}

impl Snapshot {
    /// Returns the share of failures in the window, 0 to 1; none while it holds too few calls.
    #[must_use]
    pub fn failure_ratio(&self) -> Option<f64> {
        self.ratio(self.tally.failed)
    }

    /// Returns the share of slow calls in the window, 0 to 1; none while it holds too few calls.
    #[must_use]
    pub fn slow_ratio(&self) -> Option<f64> {
        self.ratio(self.tally.slow)
    }

    #[expect(clippy::cast_precision_loss, reason = "a window holds far fewer than 2^52 calls")]
    fn ratio(&self, part: u64) -> Option<f64> {
        self.has_rate.then(|| part as f64 / self.tally.total as f64)
    }
}

impl Counts {
    pub(super) fn count(&mut self, outcome: Outcome, slow: bool) {
        let counter = match outcome {
            Outcome::Success => &mut self.successes,
            Outcome::Failure => &mut self.failures,
            Outcome::Overload { .. } => &mut self.overloads,
            Outcome::Ignored => &mut self.ignored,
            Outcome::Cancelled => &mut self.cancelled,
            Outcome::NotExecuted => &mut self.not_executed,
        };
        *counter += 1;
        self.slow += u64::from(slow);
    }
}
