//! One fault: what it does to whom, how often, and what it has done.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;

use super::latency::Latency;
use super::registry::FAULTS_MAX;
use crate::clock::{drawn, fraction_of};

/// The longest time a fault may last.
pub const FOR_MAX: Duration = Duration::from_secs(60 * 60);

/// A fault as an operator wants it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FaultSpec {
    /// What the operator pointed at.
    pub target: String,
    /// The places it covers, by name.
    pub places: Vec<&'static str>,
    /// How long calls wait before anything else happens to them.
    pub latency: Latency,
    /// The share of calls that fail, 0 to 1.
    pub errors: f64,
    /// The share of calls that never end, 0 to 1.
    pub hangs: f64,
    /// How long it lasts.
    pub lasts: Duration,
    /// What the draws follow from.
    pub seed: u64,
    /// Why the operator wants it.
    pub reason: String,
}

impl FaultSpec {
    /// Tells whether it makes sense.
    ///
    /// # Errors
    /// When a share is none, it does nothing, or it lasts no time or too long.
    pub fn check(&self) -> Result<(), FaultError> {
        for (field, share) in
            [("errors", self.errors), ("hangs", self.hangs), ("errors + hangs", self.errors + self.hangs)]
        {
            if !(0.0..=1.0).contains(&share) {
                return Err(FaultError::NoShare { field, share });
            }
        }
        if self.latency.is_zero() && self.errors == 0.0 && self.hangs == 0.0 {
            return Err(FaultError::Idle);
        }
        match self.lasts {
            Duration::ZERO => Err(FaultError::Lasts),
            lasts if lasts > FOR_MAX => Err(FaultError::Lasts),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for FaultSpec {
    /// Writes what it does, so that it can be repeated.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { latency, errors, hangs, lasts, seed, .. } = self;
        write!(f, "latency={latency} errors={errors} hangs={hangs} for={}ms seed={seed}", lasts.as_millis())
    }
}

/// Why a fault is not injected.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum FaultError {
    /// Not the share of anything.
    #[error("{field} = {share}: a share is from 0 to 1")]
    NoShare {
        /// Of what.
        field: &'static str,
        /// How much.
        share: f64,
    },
    /// Nobody would notice it.
    #[error("latency, errors and hangs are all zero: nothing would happen")]
    Idle,
    /// It would last no time or too long.
    #[error("for: a fault lasts at least 1ms and at most 1h")]
    Lasts,
    /// There are as many as there may be.
    #[error("there are {FAULTS_MAX} faults already; remove one first")]
    Full,
}

/// A fault in force.
#[derive(Debug)]
pub struct Fault {
    /// Its number; never used again in the life of the process.
    pub id: u64,
    /// What it does.
    pub spec: FaultSpec,
    /// When it is over.
    pub until: Instant,
    calls: AtomicU64,
    delayed: AtomicU64,
    failed: AtomicU64,
    hung: AtomicU64,
}

impl Fault {
    pub(super) fn new(id: u64, spec: FaultSpec, now: Instant) -> Self {
        let until = now + spec.lasts;
        let [calls, delayed, failed, hung] = [const { AtomicU64::new(0) }; 4];
        Self { id, spec, until, calls, delayed, failed, hung }
    }

    /// Returns what it has done so far.
    #[must_use]
    pub fn figures(&self) -> FaultFigures {
        let [calls, delayed, failed, hung] =
            [&self.calls, &self.delayed, &self.failed, &self.hung].map(|count| count.load(Ordering::Relaxed));
        FaultFigures { calls, delayed, failed, hung }
    }

    pub(super) fn covers(&self, place: &str) -> bool {
        self.spec.places.contains(&place)
    }

    /// Draws what becomes of the next call: two numbers of the seed for each.
    pub(super) fn draw(&self) -> Injected {
        let FaultSpec { latency, errors, hangs, seed, .. } = &self.spec;
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let fraction = |index| fraction_of(drawn(*seed, call.wrapping_mul(2).wrapping_add(index)));
        let end = match fraction(0) {
            low if low < *hangs => End::Hang,
            low if low < hangs + errors => End::Error,
            _ => End::Nothing,
        };
        let injected = match end {
            // It waits for ever as it is.
            End::Hang => Injected { latency: Duration::ZERO, end },
            End::Nothing | End::Error => Injected { latency: latency.at(fraction(1)), end },
        };
        self.count(injected);
        injected
    }

    fn count(&self, injected: Injected) {
        if !injected.latency.is_zero() {
            self.delayed.fetch_add(1, Ordering::Relaxed);
        }
        match injected.end {
            End::Nothing => {}
            End::Error => _ = self.failed.fetch_add(1, Ordering::Relaxed),
            End::Hang => _ = self.hung.fetch_add(1, Ordering::Relaxed),
        }
    }
}

/// What a fault has done so far, in calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultFigures {
    /// Those it covered.
    pub calls: u64,
    /// Those it delayed, also those it let fail then.
    pub delayed: u64,
    /// Those it let fail.
    pub failed: u64,
    /// Those it kept from ever ending.
    pub hung: u64,
}

/// What becomes of a call: a wait, then an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Injected {
    /// How long it waits first.
    pub latency: Duration,
    /// What happens then.
    pub end: End,
}

impl Injected {
    /// Returns what becomes of a call that meets both: waits add up, and the worse end counts.
    pub(super) fn and(self, other: Self) -> Self {
        Self { latency: self.latency + other.latency, end: self.end.max(other.end) }
    }
}

/// How a call ends, from good to worse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// As it would.
    #[default]
    Nothing,
    /// It fails before it begins.
    Error,
    /// It never does.
    Hang,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn spec() -> FaultSpec {
        FaultSpec {
            latency: "10ms".parse().expect("a latency"),
            errors: 0.25,
            lasts: Duration::from_secs(60),
            seed: 7,
            ..FaultSpec::default()
        }
    }

    #[test]
    fn a_fault_is_written_as_it_can_be_repeated() {
        assert_eq!(spec().to_string(), "latency=10ms errors=0.25 hangs=0 for=60000ms seed=7");
    }

    #[test]
    fn a_fault_lasts_an_hour_at_most() {
        let lasting = |millis| FaultSpec { lasts: Duration::from_millis(millis), ..spec() }.check();
        assert_eq!(lasting(3_600_000), Ok(()));
        assert_eq!(lasting(3_600_001), Err(FaultError::Lasts));
    }

    #[test]
    fn any_one_effect_makes_a_fault_and_none_makes_none() {
        let idle = FaultSpec { latency: Latency::default(), errors: 0.0, ..spec() };
        assert_eq!(idle.check(), Err(FaultError::Idle));
        for fault in [
            FaultSpec { latency: spec().latency, ..idle.clone() },
            FaultSpec { errors: 0.1, ..idle.clone() },
            FaultSpec { hangs: 0.1, ..idle.clone() },
        ] {
            assert_eq!(fault.check(), Ok(()), "{fault}");
        }
    }

    #[test]
    fn a_share_of_none_spares_even_the_call_that_draws_zero() {
        // The step from one draw to the next, backwards from zero.
        let seed = 0x9E37_79B9_7F4A_7C15_u64.wrapping_neg();
        assert_eq!(drawn(seed, 0), 0);
        let fault = Fault::new(1, FaultSpec { errors: 0.0, seed, ..spec() }, Clock::manual(0, 1).now());
        assert_eq!(fault.draw().end, End::Nothing);
    }
}
