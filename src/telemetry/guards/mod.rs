//! What guards tell, as metrics.

pub(super) mod resilience4j;

use std::collections::HashMap;
use std::time::Duration;

use metrics::{Counter, Histogram, counter, gauge, histogram};

use crate::resilience::breaker::{Cause, Counts, Snapshot, State, Transition};
use crate::resilience::{Completion, Guard, Observer, Partition, Reason, RetryEnd, RetryObserver, StopReason};
use crate::telemetry::metrics::{
    BREAKER_CALLS, BREAKER_FAILURE_RATIO, BREAKER_NOT_PERMITTED, BREAKER_SLOW_CALLS, BREAKER_SLOW_RATIO, BREAKER_STATE,
    BREAKER_TRANSITIONS, BULKHEAD_IN_FLIGHT, BULKHEAD_LIMIT, BULKHEAD_QUEUE_DEPTH, GUARD_CALLS, GUARD_REJECTIONS,
    GUARD_WAIT, RETRY_ATTEMPTS, RETRY_CALLS, RETRY_STOPPED,
};
use crate::telemetry::series::Series;

/// Tells the metrics what guards and retries do.
#[derive(Debug, Default)]
pub struct GuardMetrics {
    guards: Series<String, GuardSeries>,
    retries: Series<String, HashMap<RetryEnd, Counter>>,
}

/// The series of one guard that are recorded with every call.
#[derive(Debug)]
struct GuardSeries {
    waits: Histogram,
    calls: HashMap<Completion, Counter>,
}

impl GuardSeries {
    fn of(guard: &str) -> Self {
        Self { waits: histogram!(GUARD_WAIT, "guard" => guard.to_owned()), calls: calls_of(guard) }
    }
}

fn calls_of(guard: &str) -> HashMap<Completion, Counter> {
    let calls = |end: Completion| counter!(GUARD_CALLS, "guard" => guard.to_owned(), "completion" => end.code());
    Completion::ALL.into_iter().map(|end| (end, calls(end))).collect()
}

fn ends_of(retry: &str) -> HashMap<RetryEnd, Counter> {
    let ends = |end: RetryEnd| counter!(RETRY_CALLS, "guard" => retry.to_owned(), "result" => end.code());
    RetryEnd::ALL.into_iter().map(|end| (end, ends(end))).collect()
}

fn attempts_of(retry: &str) -> Counter {
    counter!(RETRY_ATTEMPTS, "guard" => retry.to_owned())
}

fn stops_of(retry: &str, why: StopReason) -> Counter {
    counter!(RETRY_STOPPED, "guard" => retry.to_owned(), "why" => why.code())
}

fn moves_of(guard: &str, level: &'static str, (from, to, cause): (State, State, Cause)) -> Counter {
    counter!(
        BREAKER_TRANSITIONS,
        "guard" => guard.to_owned(), "level" => level, "from" => from.code(), "to" => to.code(), "cause" => cause.code()
    )
}

/// Shows a guard from the start, with nothing counted: its calls, and that its breaker never opened.
pub(super) fn guard_known(guard: &str) {
    calls_of(guard).values().for_each(|calls| calls.increment(0));
    for cause in [Cause::FailuresInARow, Cause::FailureRate, Cause::SlowCalls, Cause::Instances] {
        moves_of(guard, "guard", (State::Closed, State::Open, cause)).increment(0);
    }
}

/// Shows from the start what is tried again, with nothing counted.
pub(super) fn retry_known(retry: &str) {
    attempts_of(retry).increment(0);
    ends_of(retry).values().for_each(|ends| ends.increment(0));
    StopReason::ALL.into_iter().for_each(|why| stops_of(retry, why).increment(0));
}

impl Observer for GuardMetrics {
    fn admitted(&self, guard: &str, _partition: Partition, waited: Duration) {
        if !waited.is_zero() {
            self.guards.record(guard, || GuardSeries::of(guard), |series| series.waits.record(waited));
        }
    }

    fn rejected(&self, guard: &str, partition: Partition, reason: Reason) {
        rejections(guard, partition, reason).increment(1);
    }

    fn completed(&self, guard: &str, _partition: Partition, completion: Completion, _elapsed: Duration) {
        let count = |series: &GuardSeries| {
            if let Some(calls) = series.calls.get(&completion) {
                calls.increment(1);
            }
        };
        self.guards.record(guard, || GuardSeries::of(guard), count);
    }

    fn moved(&self, guard: &str, transition: &Transition) {
        let Transition { from, to, cause, .. } = *transition;
        if cause == Cause::WouldOpen {
            tracing::info!(guard, "its circuit breaker would have opened");
        } else {
            let (from, to) = (from.code(), to.code());
            tracing::warn!(guard, from, to, cause = cause.code(), "its circuit breaker changed its state");
        }
        breaker_moved(guard, "guard", transition);
    }
}

impl RetryObserver for GuardMetrics {
    fn retried(&self, edge: &str) {
        attempts_of(edge).increment(1);
    }

    fn stopped(&self, edge: &str, reason: StopReason) {
        stops_of(edge, reason).increment(1);
    }

    fn ended(&self, edge: &str, end: RetryEnd, _attempts: u32) {
        let count = |ends: &HashMap<RetryEnd, Counter>| {
            if let Some(ends) = ends.get(&end) {
                ends.increment(1);
            }
        };
        self.retries.record(edge, || ends_of(edge), count);
    }
}

/// Counts a change of state of a guard's breaker, or of one of an instance it guards.
pub fn breaker_moved(guard: &str, level: &'static str, transition: &Transition) {
    let Transition { from, to, cause, .. } = *transition;
    moves_of(guard, level, (from, to, cause)).increment(1);
}

/// Shows what a guard has counted by itself and where it stands, after what the time has brought about was done.
pub(super) fn show_guard(guard: &Guard) -> Snapshot {
    let now = guard.now();
    guard.breaker().tick(now);
    let seen = guard.breaker().snapshot(now);
    let name = guard.name();
    for state in State::ALL {
        let value = f64::from(u8::from(state == seen.state));
        gauge!(BREAKER_STATE, "guard" => name.to_owned(), "state" => state.code()).set(value);
    }
    let Counts { successes, failures, overloads, ignored, cancelled, not_executed, slow, rejected, stale } =
        seen.counts;
    let outcomes = [
        ("success", successes),
        ("failure", failures),
        ("overload", overloads),
        ("ignored", ignored),
        ("cancelled", cancelled),
        ("not-executed", not_executed),
        ("stale", stale),
    ];
    for (outcome, calls) in outcomes {
        counter!(BREAKER_CALLS, "guard" => name.to_owned(), "outcome" => outcome).absolute(calls);
    }
    counter!(BREAKER_SLOW_CALLS, "guard" => name.to_owned()).absolute(slow);
    counter!(BREAKER_NOT_PERMITTED, "guard" => name.to_owned()).absolute(rejected);
    // Without a value the gauge is left out of the text.
    gauge!(BREAKER_FAILURE_RATIO, "guard" => name.to_owned()).set(seen.failure_ratio().unwrap_or(f64::NAN));
    gauge!(BREAKER_SLOW_RATIO, "guard" => name.to_owned()).set(seen.slow_ratio().unwrap_or(f64::NAN));
    Partition::ALL.into_iter().for_each(|partition| show_bulkhead(guard, partition));
    seen
}

#[expect(clippy::cast_precision_loss, reason = "a bulkhead has far fewer than 2^52 places")]
fn show_bulkhead(guard: &Guard, partition: Partition) {
    let bulkhead = guard.bulkhead(partition);
    let figures = [
        (BULKHEAD_LIMIT, bulkhead.limits().running_max),
        (BULKHEAD_IN_FLIGHT, bulkhead.running()),
        (BULKHEAD_QUEUE_DEPTH, bulkhead.queued()),
    ];
    for (metric, figure) in figures {
        gauge!(metric, "guard" => guard.name().to_owned(), "partition" => partition.code()).set(figure as f64);
    }
    for reason in Guard::REASONS {
        rejections(guard.name(), partition, reason).increment(0);
    }
}

fn rejections(guard: &str, partition: Partition, reason: Reason) -> Counter {
    counter!(GUARD_REJECTIONS, "guard" => guard.to_owned(), "partition" => partition.code(), "reason" => reason.code())
}
