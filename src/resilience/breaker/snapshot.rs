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
