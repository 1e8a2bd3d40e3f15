//! When a breaker opens, how long it stays open, and how it finds its way back.

use std::time::Duration;

use thiserror::Error;

use super::half_open::PROBES_MAX;

/// What a breaker does. Every field is checked by [`BreakerConfig::check`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerConfig {
    /// Which outcomes are looked at.
    pub window: WindowConfig,
    /// How many outcomes the window must hold before a rate counts.
    pub calls_min: u32,
    /// The share of failures, in percent, at which it opens.
    pub failures: Option<u8>,
    /// When slow calls open it.
    pub slow: Option<SlowConfig>,
    /// How many failures in a row open it, whatever the rates and the minimum say.
    pub consecutive: Option<u32>,
    /// How long it stays open.
    pub open: OpenWait,
    /// How it tries whether the callee is back.
    pub probes: Probes,
    /// How long each step of the way back to full load takes; none: full load at once.
    pub ramp: Option<Duration>,
}

/// Which outcomes are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowConfig {
    /// The last so many.
    Count(usize),
    /// Those of so many last buckets of this width; the oldest bucket leaves as a whole.
    Time {
        /// How many buckets.
        buckets: usize,
        /// How long each of them lasts.
        width: Duration,
    },
}

/// When slow calls open a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowConfig {
    /// A call that takes longer is slow.
    pub over: Duration,
    /// The share of slow calls, in percent, at which it opens.
    pub share: u8,
    /// Whether calls that have not ended count too once they are slow, so that a callee that hangs opens it.
    pub in_flight: bool,
}

/// How long a breaker stays open: doubled each time it opens again, forgotten after a stable time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenWait {
    /// The first wait.
    pub first: Duration,
    /// The longest wait, reached exactly; also the longest that an overloaded callee may ask for.
    pub max: Duration,
    /// Whether a wait is drawn between its half and its whole, so that breakers do not return together.
    pub jitter: bool,
    /// After how long closed the next wait is the first again.
    pub forgotten_after: Duration,
}

/// How a half-open breaker tries its callee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probes {
    /// How many probes must be answered for a verdict; fewer when it cannot change any more.
    pub required: u32,
    /// How many may run at once.
    pub at_once: u32,
    /// How long one may take before it counts as failed.
    pub deadline: Duration,
    /// How many in a row may be abandoned by their callers before it opens again.
    pub abandoned_max: u32,
}

impl BreakerConfig {
    /// The default of an aggregate kind.
    pub const KIND: Self = Self {
        window: WindowConfig::Time { buckets: 10, width: Duration::from_secs(1) },
        calls_min: 20,
        failures: Some(50),
        slow: Some(SlowConfig { over: Duration::from_millis(1_500), share: 80, in_flight: true }),
        consecutive: None,
        open: OpenWait {
            first: Duration::from_secs(5),
            max: Duration::from_secs(60),
            jitter: true,
            forgotten_after: Duration::from_secs(60),
        },
        probes: Probes { required: 3, at_once: 1, deadline: Duration::from_secs(2), abandoned_max: 3 },
        ramp: None,
    };

    /// The default of an ask that may take `timeout`.
    #[must_use]
    pub fn ask(timeout: Duration) -> Self {
        let slow = SlowConfig { over: timeout.mul_f64(0.8), share: 50, in_flight: true };
        Self { slow: Some(slow), probes: Probes { deadline: timeout, ..Self::KIND.probes }, ..Self::KIND }
    }

    /// Checks that it can open and close.
    ///
    /// # Errors
    ///
    /// Fails with the field at fault.
    pub fn check(&self) -> Result<(), BreakerConfigError> {
        let Self { window, calls_min, failures, slow, consecutive, open, probes, ramp } = self;
        let fault = |field, rule| Err(BreakerConfigError { field, rule });
        let is_share = |share: &u8| (1..=100).contains(share);
        match window {
            WindowConfig::Count(0) => return fault("window.count", "must be at least 1"),
            WindowConfig::Count(count) if u32::try_from(*count).is_ok_and(|count| *calls_min > count) => {
                return fault("calls_min", "must not be more than the window holds");
            }
            WindowConfig::Time { buckets: 0, .. } => return fault("window.buckets", "must be at least 1"),
            WindowConfig::Time { width: Duration::ZERO, .. } => return fault("window.width", "must be above zero"),
            WindowConfig::Count(_) | WindowConfig::Time { .. } => {}
        }
        let rules = [
            (*calls_min >= 1, "calls_min", "must be at least 1"),
            (failures.as_ref().is_none_or(is_share), "failures", "is a share from 1 to 100 %"),
            (slow.is_none_or(|slow| is_share(&slow.share)), "slow.share", "is a share from 1 to 100 %"),
            (slow.is_none_or(|slow| !slow.over.is_zero()), "slow.over", "must be above zero"),
            (*consecutive != Some(0), "consecutive", "must be at least 1"),
            (
                failures.is_some() || slow.is_some() || consecutive.is_some(),
                "failures",
                "or slow or consecutive must be set",
            ),
            (!open.first.is_zero(), "open.first", "must be above zero"),
            (open.first <= open.max, "open.max", "must not be shorter than the first"),
            (probes.required >= 1, "probes.required", "must be at least 1"),
            (probes.at_once >= 1, "probes.at_once", "must be at least 1"),
            (probes.at_once as usize <= PROBES_MAX, "probes.at_once", "must be at most 8"),
            (!probes.deadline.is_zero(), "probes.deadline", "must be above zero"),
            (probes.abandoned_max >= 1, "probes.abandoned_max", "must be at least 1"),
            (*ramp != Some(Duration::ZERO), "ramp", "must be above zero"),
        ];
        match rules.into_iter().find(|(holds, ..)| !holds) {
            Some((_, field, rule)) => fault(field, rule),
            None => Ok(()),
        }
    }
}

/// A configuration under which a breaker could not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{field} {rule}")]
pub struct BreakerConfigError {
    /// The field at fault.
    pub field: &'static str,
    /// What it must be.
    pub rule: &'static str,
}
