//! What stands in front of every call: deadlines, circuit breakers, bulkheads, retries, and the guard that nests them in
//! the one order allowed; and before all calls of clients, how many may be inside at once and how often each may come.
//!
//! Knows nothing of actors, HTTP or metrics: it tells an [`Observer`] what happened. It must never take a late, refused
//! or dropped call for a failure of the callee. Relies on tokio's time and channels and on [`crate::clock`].

pub mod breaker;
pub mod budget;
pub mod adaptive;
pub mod bulkhead;
pub mod deadline;
pub mod fallback;
pub mod faults;
pub mod guard;
pub mod observer;
pub mod outcome;
pub mod policy;
pub mod rate;
pub mod retry;
mod sync;

#[cfg(test)]
mod tests;

pub use adaptive::{AdaptiveLimit, Ending, LimitError, LimitPolicy};
pub use budget::{Budget, BudgetNumbers, BudgetPolicy, BudgetPolicyError, Withdrawal, withdraw_both};
pub use bulkhead::{Bulkhead, BulkheadLimits, Partition, Permit, ZeroLimit};
pub use deadline::Deadline;
pub use fallback::Fallback;
pub use guard::Guard;
pub use observer::{Observer, Unobserved};
pub use outcome::{CallError, Completion, NotExecuted, Reason, Unknown, Verdict};
pub use policy::{GuardPolicies, GuardPolicy, PolicyError};
pub use rate::{Allowance, RateError, RateLimit, RatePolicy};
pub use retry::{
    Backoff, Decision, FailedAttempt, Hint, Idempotency, Jitter, Retries, Retry, RetryEnd, RetryEvent, RetryHappening,
    RetryObserver, RetryPolicy, RetryPolicyError, StopReason,
};
