//! What opens the machine and closes it, and for how long.

use std::time::Duration;

use super::call::{Counted, Outcome};
use super::config::BreakerConfig;
use super::half_open::{ProbeEnd, Verdict};
use super::machine::{Forced, Machine, Phase, Step};
use super::moment::{Moment, nanos};
use super::transition::{Cause, Mode, State, Transition};
use super::window::Tally;

/// The shares of the load that the steps of a ramp let through, in percent.
pub(super) const RAMP_PERCENT: [u64; 3] = [10, 25, 50];

impl Machine {
    /// Counts the end of a call while closed.
    #[inline]
    pub(super) fn record(&mut self, step: &mut Step<'_>, outcome: Outcome, slow: bool) {
        let failed = match outcome {
            Outcome::Success => false,
            Outcome::Failure => true,
            Outcome::Overload { .. } | Outcome::Ignored | Outcome::Cancelled | Outcome::NotExecuted => return,
        };
        self.window.record(failed, slow, step.now);
        self.in_a_row = if failed { self.in_a_row.saturating_add(1) } else { 0 };
        // A success, too, can be the one that makes the minimum.
        if let Some(cause) = self.cause_to_open(step.config) {
            self.open(step, cause, step.now, Duration::ZERO);
        } else if self.would_be_open && self.window.tally().total >= u64::from(step.config.calls_min) {
            self.would_be_open = false;
        }
    }

    /// Counts the end of a probe while half-open.
    pub(super) fn settle_probe(
        &mut self,
        step: &mut Step<'_>,
        (slot, began): (u32, Moment),
        outcome: Outcome,
        slow: bool,
    ) -> Counted {
        let Phase::HalfOpen(probing) = &mut self.phase else { return Counted::Stale };
        if !probing.runs(slot, began) {
            return Counted::Stale;
        }
        let (end, cause) = match outcome {
            Outcome::Success if slow => (ProbeEnd::Bad, Cause::ProbeSlow),
            Outcome::Success => (ProbeEnd::Good, Cause::Recovered),
            Outcome::Failure => (ProbeEnd::Bad, Cause::ProbeFailed),
            Outcome::Ignored | Outcome::NotExecuted => (ProbeEnd::Void, Cause::Recovered),
            Outcome::Cancelled => (ProbeEnd::Abandoned, Cause::ProbesAbandoned),
            Outcome::Overload { retry_after } => {
                self.open(step, Cause::Overloaded, step.now, retry_after.min(step.config.open.max));
                return Counted::Yes;
            }
        };
        probing.end(slot, end);
        self.judge(step, cause, step.now);
        Counted::Yes
    }

    /// Draws the consequence of the probes so far.
    pub(super) fn judge(&mut self, step: &mut Step<'_>, cause: Cause, at: Moment) {
        let Phase::HalfOpen(probing) = &self.phase else { return };
        match probing.verdict(step.config) {
            Verdict::Undecided => {}
            Verdict::Failing | Verdict::Abandoned => self.open(step, cause, at, Duration::ZERO),
            Verdict::Recovered => {
                let to = if step.config.ramp.is_some() { Phase::Ramp { since: at } } else { Phase::Closed };
                self.enter(step, to, Cause::Recovered, at);
            }
        }
    }

    /// Opens when so many calls have not ended in time that the rate is reached whatever becomes of them.
    pub(super) fn look_for_hanging(&mut self, step: &mut Step<'_>) {
        let Some(slow) = step.config.slow.filter(|slow| slow.in_flight) else { return };
        let hanging = u64::from(self.flights.slow_at(step.now, slow.over));
        if hanging == 0 {
            return;
        }
        let tally = self.window.tally_at(step.now);
        let (total, slow_calls) = (tally.total + hanging, tally.slow + hanging);
        if total >= u64::from(step.config.calls_min) && slow_calls * 100 >= u64::from(slow.share) * total {
            self.open(step, Cause::SlowCalls, step.now, Duration::ZERO);
        }
    }

    fn cause_to_open(&self, config: &BreakerConfig) -> Option<Cause> {
        if config.consecutive.is_some_and(|limit| self.in_a_row >= limit) {
            return Some(Cause::FailuresInARow);
        }
        let Tally { total, failed, slow, .. } = self.window.tally();
        if total < u64::from(config.calls_min) {
            return None;
        }
        if config.failures.is_some_and(|share| failed * 100 >= u64::from(share) * total) {
            return Some(Cause::FailureRate);
        }
        config.slow.filter(|limit| slow * 100 >= u64::from(limit.share) * total).map(|_| Cause::SlowCalls)
    }

    /// Opens for the next of the growing waits, and for `at_least` so long.
    #[cold]
    pub(super) fn open(&mut self, step: &mut Step<'_>, cause: Cause, at: Moment, at_least: Duration) {
        if let Some(Forced { mode, .. }) = self.forced {
            if mode == Mode::MetricsOnly && !std::mem::replace(&mut self.would_be_open, true) {
                self.tell(step, self.state(), Cause::WouldOpen, at);
            }
            return;
        }
        let wait = step.config.open;
        let closed = matches!(self.phase, Phase::Closed | Phase::Ramp { .. });
        let forgotten = closed && at.since(self.closed_since) >= wait.forgotten_after;
        let waits = self.waits.filter(|_| !forgotten).map_or(0, |waits| waits.saturating_add(1));
        self.waits = Some(waits);
        let whole = wait.first.saturating_mul(2u32.saturating_pow(waits)).min(wait.max);
        let drawn = if wait.jitter { self.between_half_and_whole(whole) } else { whole };
        self.enter(step, Phase::Open { until: at.after(drawn.max(at_least)) }, cause, at);
    }

    pub(super) fn enter(&mut self, step: &mut Step<'_>, phase: Phase, cause: Cause, at: Moment) {
        let from = self.state();
        self.start_over(phase, at);
        self.tell(step, from, cause, at);
    }

    /// Begins another generation: with nothing counted, and nobody under way.
    pub(super) fn start_over(&mut self, phase: Phase, at: Moment) {
        self.phase = phase;
        self.generation = self.generation.wrapping_add(1);
        self.window.clear();
        self.flights.clear();
        self.in_a_row = 0;
        self.would_be_open = false;
        if matches!(phase, Phase::Closed | Phase::Ramp { .. }) {
            self.closed_since = at;
        }
    }

    /// Tells that the state is another one now.
    pub(super) fn tell(&self, step: &mut Step<'_>, from: State, cause: Cause, at: Moment) {
        step.moved.push(Transition { from, to: self.state(), cause, at, generation: self.generation });
    }

    /// Returns until when the ramp keeps a call of now out; `None` lets it through.
    pub(super) fn ramp_keeps_out_until(
        &mut self,
        config: &BreakerConfig,
        since: Moment,
        now: Moment,
    ) -> Option<Moment> {
        let each = config.ramp?;
        let done = nanos(now.since(since)) / nanos(each).max(1);
        let percent = *RAMP_PERCENT.get(usize::try_from(done).ok()?)?;
        let passes = self.draw() % 100 < percent;
        (!passes).then(|| since.after(each.saturating_mul(u32::try_from(done + 1).unwrap_or(u32::MAX))))
    }

    fn between_half_and_whole(&mut self, whole: Duration) -> Duration {
        let half = nanos(whole) / 2;
        Duration::from_nanos(half + self.draw() % (nanos(whole) - half + 1))
    }

    /// Draws 64 bits: `SplitMix64`, small enough to be part of the state.
    pub(super) fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }
}
