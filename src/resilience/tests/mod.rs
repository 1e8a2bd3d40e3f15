//! The layers together: what each leaves to the others.

mod brown_out;
mod composition;
mod times;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::breaker::{BreakerConfig, Cause, Outcome, Snapshot, State};
use super::{
    Backoff, Budget, BudgetPolicy, BulkheadLimits, CallError, Completion, Deadline, Guard, GuardPolicy, Jitter,
    Retries, Retry, RetryEnd, RetryObserver, RetryPolicy, StopReason, Unobserved, Verdict,
};
use crate::clock::Clock;

/// An answer, and what it says of the callee.
#[derive(Debug, PartialEq, Eq)]
struct Answer(Completion);

impl Verdict for Answer {
    fn completion(&self) -> Completion {
        self.0
    }
}

type Ended = Result<Answer, CallError>;

const DONE: Ended = Ok(Answer(Completion::Success));

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn clock() -> Clock {
    Clock::manual(0, 1)
}

fn in_ms(timeout_ms: u64) -> Deadline {
    Deadline::after(&clock(), ms(timeout_ms))
}

/// A guard in front of a callee that may take 100 ms; ten calls are enough for its breaker to judge.
fn policy() -> GuardPolicy {
    let few = BulkheadLimits { running_max: 2, queue_max: 2, wait_max: ms(1_000) };
    GuardPolicy {
        attempt_timeout: ms(100),
        breaker: BreakerConfig { calls_min: 10, ..BreakerConfig::KIND },
        edge: few,
        policies: few,
        asks: few,
        reads: few,
    }
}

fn guard_of(policy: GuardPolicy) -> Guard {
    Guard::new("orders", policy, clock(), Arc::new(Unobserved)).expect("the policy is sound")
}

fn guard() -> Guard {
    guard_of(policy())
}

fn seen(guard: &Guard) -> Snapshot {
    guard.breaker().snapshot(guard.now())
}

/// Opens its breaker and has the open wait pass: the next call is a probe.
async fn await_probes(guard: &Guard) {
    while seen(guard).state == State::Closed {
        guard.breaker().admit(guard.now()).expect("it is closed").settle(Outcome::Failure, guard.now());
    }
    let until = seen(guard).open_until.expect("it is open");
    tokio::time::advance(until.since(guard.now())).await;
}

/// A probe, if one would be admitted.
fn probe(guard: &Guard) -> bool {
    let now = guard.now();
    guard.breaker().admit(now).map(|permit| permit.settle(Outcome::NotExecuted, now)).is_ok()
}

/// A budget that never runs out here.
fn budget() -> Arc<Budget> {
    Arc::new(Budget::new(BudgetPolicy::default(), clock().now()).expect("the policy is sound"))
}

fn tokens(budget: &Budget) -> u64 {
    budget.numbers(clock().now()).tokens
}

fn retries() -> Retries {
    Retries::begin(budget(), clock().now())
}

/// Up to three attempts, `wait` apart.
fn retry(wait: Duration, budget: Arc<Budget>) -> (Retry, Arc<Ends>) {
    let backoff = Backoff { first: wait, max: wait, jitter: Jitter::None };
    let ends = Arc::new(Ends::default());
    let observer: Arc<dyn RetryObserver> = Arc::clone(&ends) as _;
    let retry = Retry::new("orders", RetryPolicy { backoff, ..RetryPolicy::default() }, budget, clock(), observer);
    (retry.expect("the policy is sound"), ends)
}

/// How each call ended, after how many attempts.
#[derive(Default)]
struct Ends(Mutex<Vec<(RetryEnd, u32)>>);

impl RetryObserver for Ends {
    fn retried(&self, _: &str) {}
    fn stopped(&self, _: &str, _: StopReason) {}
    fn ended(&self, _: &str, end: RetryEnd, attempts: u32) {
        self.0.lock().push((end, attempts));
    }
}
