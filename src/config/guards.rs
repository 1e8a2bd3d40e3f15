//! The settings of guards: in front of each kind, in front of each ask, and those that differ by name.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::resilience::breaker::{BreakerConfig, OpenWait, Probes, SlowConfig, WindowConfig};
use crate::resilience::{Backoff, BudgetPolicy, BulkheadLimits, GuardPolicies, GuardPolicy, RetryPolicy};

/// Every guard.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GuardSettings {
    /// In front of each kind.
    pub kind: OneGuard,
    /// In front of each ask of one kind to another.
    pub ask: OneGuard,
    /// How policies try their commands again.
    pub retry: RetrySettings,
    /// Those that differ, by name: `system/service/kind`, and `system/service/kind/asks/service/kind`.
    #[serde(default)]
    pub of: BTreeMap<String, OneGuard>,
}

/// A guard; what is not set is as for the others.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OneGuard {
    /// How long one attempt may take, in milliseconds.
    pub attempt_timeout_ms: Option<u64>,
    /// The clients' partition.
    pub edge: Option<PartitionSettings>,
    /// The policies' partition.
    pub policies: Option<PartitionSettings>,
    /// The asks' partition.
    pub asks: Option<PartitionSettings>,
    /// The partition of clients that only look.
    pub reads: Option<PartitionSettings>,
    /// The circuit breaker.
    #[serde(default)]
    pub breaker: BreakerSettings,
}

/// One partition of a bulkhead.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionSettings {
    /// Calls running at once.
    pub running_max: usize,
    /// Calls waiting beyond that.
    pub queue_max: usize,
    /// How long they may wait, in milliseconds.
    pub wait_max_ms: u64,
}

/// How policies try their commands again.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RetrySettings {
    /// Attempts of one command, the first included.
    pub attempts_max: u32,
    /// The first wait, in milliseconds.
    pub first_ms: u64,
    /// The longest wait, in milliseconds.
    pub max_ms: u64,
    /// Retries per hundred first attempts.
    pub budget_percent: u32,
    /// Retries a second whatever the first attempts.
    pub budget_floor_per_s: u32,
}

/// A circuit breaker; 0 turns a clause off.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BreakerSettings {
    /// Seconds of calls it looks at.
    pub window_s: Option<usize>,
    /// Calls it looks at, instead of seconds.
    pub window_calls: Option<usize>,
    /// Calls before a rate counts.
    pub calls_min: Option<u32>,
    /// Percentage of failures.
    pub failures_percent: Option<u8>,
    /// Milliseconds from which a call is slow.
    pub slow_ms: Option<u64>,
    /// Percentage of slow calls.
    pub slow_percent: Option<u8>,
    /// Whether calls count as slow before they end.
    pub slow_in_flight: Option<bool>,
    /// Failures in a row.
    pub in_a_row: Option<u32>,
    /// The first open wait, in milliseconds.
    pub open_ms: Option<u64>,
    /// The longest open wait, in milliseconds.
    pub open_max_ms: Option<u64>,
    /// Whether open waits are drawn between half and whole.
    pub jitter: Option<bool>,
    /// Milliseconds closed after which the open wait is the first again.
    pub forgotten_after_ms: Option<u64>,
    /// Probes for a verdict.
    pub probes: Option<u32>,
    /// Probes at once.
    pub probes_at_once: Option<u32>,
    /// Milliseconds a probe may take.
    pub probe_deadline_ms: Option<u64>,
    /// Milliseconds of each step back to full load.
    pub ramp_ms: Option<u64>,
}

impl GuardSettings {
    /// Returns the policies of all guards.
    #[must_use]
    pub fn policies(&self) -> GuardPolicies {
        let kind = self.kind.over(GuardPolicy::default());
        let ask = self.ask.over(GuardPolicy::ask());
        let of = self.of.iter().map(|(name, one)| {
            let base = if GuardPolicies::names_ask(name) { ask } else { kind };
            (name.clone(), one.over(base))
        });
        let RetrySettings { attempts_max, first_ms, max_ms, budget_percent, budget_floor_per_s } = self.retry;
        let base = RetryPolicy::default();
        let waits =
            Backoff { first: Duration::from_millis(first_ms), max: Duration::from_millis(max_ms), ..base.backoff };
        let retry = RetryPolicy { attempts_max, backoff: waits, ..base };
        let budget = BudgetPolicy {
            ratio_per_mille: budget_percent.saturating_mul(10),
            floor_per_second: budget_floor_per_s,
            ..BudgetPolicy::default()
        };
        GuardPolicies { of: of.collect(), kind, ask, retry, budget }
    }
}

impl OneGuard {
    fn over(&self, base: GuardPolicy) -> GuardPolicy {
        GuardPolicy {
            attempt_timeout: self.attempt_timeout_ms.map_or(base.attempt_timeout, Duration::from_millis),
            breaker: self.breaker.over(base.breaker),
            edge: self.edge.map_or(base.edge, BulkheadLimits::from),
            policies: self.policies.map_or(base.policies, BulkheadLimits::from),
            asks: self.asks.map_or(base.asks, BulkheadLimits::from),
            reads: self.reads.map_or(base.reads, BulkheadLimits::from),
        }
    }
}

impl From<PartitionSettings> for BulkheadLimits {
    fn from(partition: PartitionSettings) -> Self {
        let PartitionSettings { running_max, queue_max, wait_max_ms } = partition;
        Self { running_max, queue_max, wait_max: Duration::from_millis(wait_max_ms) }
    }
}

impl BreakerSettings {
    fn over(&self, base: BreakerConfig) -> BreakerConfig {
        let ms = |set: Option<u64>, base: Duration| set.map_or(base, Duration::from_millis);
        let window = match (self.window_calls, self.window_s) {
            (Some(calls), _) if calls > 0 => WindowConfig::Count(calls),
            (_, Some(seconds)) => WindowConfig::Time { buckets: seconds, width: Duration::from_secs(1) },
            (Some(_) | None, None) => base.window,
        };
        let slow = match self.slow_ms {
            Some(0) => None,
            set => {
                let SlowConfig { over, share, in_flight } = base
                    .slow
                    .or(BreakerConfig::KIND.slow)
                    .unwrap_or(SlowConfig { over: Duration::MAX, share: 100, in_flight: false });
                let share = self.slow_percent.unwrap_or(share);
                let in_flight = self.slow_in_flight.unwrap_or(in_flight);
                (base.slow.is_some() || set.is_some()).then_some(SlowConfig { over: ms(set, over), share, in_flight })
            }
        };
        BreakerConfig {
            window,
            calls_min: self.calls_min.unwrap_or(base.calls_min),
            failures: self.failures_percent.map_or(base.failures, |percent| (percent > 0).then_some(percent)),
            slow,
            consecutive: self.in_a_row.map_or(base.consecutive, |limit| (limit > 0).then_some(limit)),
            open: OpenWait {
                first: ms(self.open_ms, base.open.first),
                max: ms(self.open_max_ms, base.open.max),
                jitter: self.jitter.unwrap_or(base.open.jitter),
                forgotten_after: ms(self.forgotten_after_ms, base.open.forgotten_after),
            },
            probes: Probes {
                required: self.probes.unwrap_or(base.probes.required),
                at_once: self.probes_at_once.unwrap_or(base.probes.at_once),
                deadline: ms(self.probe_deadline_ms, base.probes.deadline),
                abandoned_max: base.probes.abandoned_max,
            },
            ramp: self.ramp_ms.map_or(base.ramp, |ramp| (ramp > 0).then(|| Duration::from_millis(ramp))),
        }
    }
}
