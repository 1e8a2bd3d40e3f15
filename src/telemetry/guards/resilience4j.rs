//! The same figures by the names that dashboards made for resilience4j ask for; told only where a setting wants them.
//!
//! Labels, units and the -1 for a rate of too few calls are theirs.

use metrics::{counter, gauge};

use crate::resilience::breaker::{Counts, Mode, Snapshot, State, Tally};
use crate::resilience::{Guard, Partition};

const STATE: &str = "resilience4j_circuitbreaker_state";
const CALLS: &str = "resilience4j_circuitbreaker_calls_seconds_count";
const NOT_PERMITTED: &str = "resilience4j_circuitbreaker_not_permitted_calls_total";
const BUFFERED: &str = "resilience4j_circuitbreaker_buffered_calls";
const SLOW: &str = "resilience4j_circuitbreaker_slow_calls";
const FAILURE_RATE: &str = "resilience4j_circuitbreaker_failure_rate";
const SLOW_RATE: &str = "resilience4j_circuitbreaker_slow_call_rate";
const AVAILABLE: &str = "resilience4j_bulkhead_available_concurrent_calls";
const ALLOWED: &str = "resilience4j_bulkhead_max_allowed_concurrent_calls";

/// The states resilience4j has, as its metrics write them.
const STATES: [(State, &str); 6] = [
    (State::Closed, "closed"),
    (State::Open, "open"),
    (State::HalfOpen, "half_open"),
    (State::Forced(Mode::ForcedOpen), "forced_open"),
    (State::Forced(Mode::Disabled), "disabled"),
    (State::Forced(Mode::MetricsOnly), "metrics_only"),
];

/// Shows a guard whose breaker was just looked at.
pub(in crate::telemetry) fn show_guard(guard: &Guard, seen: &Snapshot) {
    let name = guard.name();
    for (state, label) in STATES {
        let is_in = state.code() == seen.state.resilience4j_code();
        gauge!(STATE, "name" => name.to_owned(), "state" => label).set(f64::from(u8::from(is_in)));
    }
    let Counts { successes, failures, overloads, ignored, cancelled, not_executed, rejected, .. } = seen.counts;
    let ignored = ignored + overloads + cancelled + not_executed;
    for (kind, calls) in [("successful", successes), ("failed", failures), ("ignored", ignored)] {
        counter!(CALLS, "name" => name.to_owned(), "kind" => kind).absolute(calls);
    }
    counter!(NOT_PERMITTED, "name" => name.to_owned(), "kind" => "not_permitted").absolute(rejected);
    let Tally { total, failed, slow, slow_failed } = seen.tally;
    let windows = [
        (BUFFERED, "successful", total - failed),
        (BUFFERED, "failed", failed),
        (SLOW, "successful", slow - slow_failed),
        (SLOW, "failed", slow_failed),
    ];
    for (metric, kind, calls) in windows {
        #[expect(clippy::cast_precision_loss, reason = "a window holds far fewer than 2^52 calls")]
        gauge!(metric, "name" => name.to_owned(), "kind" => kind).set(calls as f64);
    }
    for (metric, ratio) in [(FAILURE_RATE, seen.failure_ratio()), (SLOW_RATE, seen.slow_ratio())] {
        gauge!(metric, "name" => name.to_owned()).set(ratio.map_or(-1.0, |ratio| ratio * 100.0));
    }
    Partition::ALL.into_iter().for_each(|partition| show_bulkhead(guard, partition));
}

#[expect(clippy::cast_precision_loss, reason = "a bulkhead has far fewer than 2^52 places")]
fn show_bulkhead(guard: &Guard, partition: Partition) {
    let name = partition.full_name(guard.name());
    let bulkhead = guard.bulkhead(partition);
    let allowed = bulkhead.limits().running_max;
    gauge!(AVAILABLE, "name" => name.clone()).set(allowed.saturating_sub(bulkhead.running()) as f64);
    gauge!(ALLOWED, "name" => name).set(allowed as f64);
}
