//! What guards tell, as metrics.

use std::collections::HashMap;
use std::time::Duration;

use metrics::{Counter, Histogram, counter, gauge, histogram};

use super::metrics::{
    BREAKER_CALLS, BREAKER_FAILURE_RATIO, BREAKER_NOT_PERMITTED, BREAKER_SLOW_CALLS, BREAKER_SLOW_RATIO, BREAKER_STATE,
    BREAKER_TRANSITIONS, BULKHEAD_IN_FLIGHT, BULKHEAD_LIMIT, BULKHEAD_QUEUE_DEPTH, GUARD_CALLS, GUARD_REJECTIONS,
    GUARD_WAIT, RETRY_ATTEMPTS, RETRY_CALLS, RETRY_STOPPED,
};
use super::series::Series;
use crate::resilience::breaker::{Cause, Counts, Snapshot, State, Transition};
use crate::resilience::{Completion, Guard, Observer, Partition, Reason, RetryEnd, RetryObserver, StopReason};

/// Tells the metrics what guards do.
#[derive(Debug, Default)]
pub struct GuardMetrics(Series<String, GuardSeries>);

/// One guard's series; all of its calls' from zero on, so that a rate sees the first.
#[derive(Debug)]
struct GuardSeries {
    waits: Histogram,
    calls: HashMap<(Partition, Completion), Counter>,
    retries: HashMap<RetryEnd, Counter>,
}

impl GuardSeries {
    fn of(guard: &str) -> Self {
        let ends = Partition::ALL.into_iter().flat_map(|one| Completion::ALL.map(|completion| (one, completion)));
        let counter = |(partition, completion): (Partition, Completion)| {
            let calls = counter!(
                GUARD_CALLS,
                "guard" => guard.to_owned(), "partition" => partition.code(), "completion" => completion.code()
            );
            ((partition, completion), calls)
        };
        let retries =
            RetryEnd::ALL.map(|end| (end, counter!(RETRY_CALLS, "guard" => guard.to_owned(), "result" => end.code())));
        let waits = histogram!(GUARD_WAIT, "guard" => guard.to_owned());
        Self { waits, calls: ends.map(counter).collect(), retries: retries.into_iter().collect() }
    }
}

impl Observer for GuardMetrics {
    fn admitted(&self, guard: &str, _partition: Partition, waited: Duration) {
        if !waited.is_zero() {
            self.0.record(guard, || GuardSeries::of(guard), |series| series.waits.record(waited));
        }
    }

    fn rejected(&self, guard: &str, partition: Partition, reason: Reason) {
        rejections(guard, partition, reason).increment(1);
    }

    fn completed(&self, guard: &str, partition: Partition, completion: Completion, _elapsed: Duration) {
        self.0.record(
            guard,
            || GuardSeries::of(guard),
            |series| {
                if let Some(calls) = series.calls.get(&(partition, completion)) {
                    calls.increment(1);
                }
            },
        );
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
        counter!(RETRY_ATTEMPTS, "guard" => edge.to_owned()).increment(1);
    }

    fn stopped(&self, edge: &str, reason: StopReason) {
        counter!(RETRY_STOPPED, "guard" => edge.to_owned(), "why" => reason.code()).increment(1);
    }

    fn ended(&self, edge: &str, end: RetryEnd, _attempts: u32) {
        self.0.record(
            edge,
            || GuardSeries::of(edge),
            |series| {
                if let Some(ends) = series.retries.get(&end) {
                    ends.increment(1);
                }
            },
        );
    }
}

/// Counts a change of state of a guard's breaker, or of one of an instance it guards.
pub fn breaker_moved(guard: &str, level: &'static str, transition: &Transition) {
    let Transition { from, to, cause, .. } = *transition;
    counter!(
        BREAKER_TRANSITIONS,
        "guard" => guard.to_owned(), "level" => level,
        "from" => from.code(), "to" => to.code(), "cause" => cause.code()
    )
    .increment(1);
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
