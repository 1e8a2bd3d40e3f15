//! What stands in front of every call: deadlines, circuit breakers, bulkheads, retries, and the guard that nests them in
//! the one order allowed.
//!
//! Knows nothing of actors, HTTP or metrics: it tells an [`Observer`] what happened. It must never take a late, refused
//! or dropped call for a failure of the callee. Relies on tokio's time and channels and on [`crate::clock`].

pub mod breaker;
pub mod budget;
pub mod bulkhead;
pub mod deadline;
pub mod faults;
pub mod guard;
pub mod outcome;
pub mod policy;
pub mod retry;
mod sync;

pub use budget::{Budget, BudgetNumbers, BudgetPolicy, BudgetPolicyError, Withdrawal, withdraw_both};
pub use bulkhead::{Bulkhead, BulkheadLimits, Partition, Permit, ZeroLimit};
pub use deadline::Deadline;
pub use guard::{Guard, Observer, Unobserved};
pub use outcome::{CallError, Completion, NotExecuted, Reason, Unknown, Verdict};
pub use policy::{GuardPolicies, GuardPolicy, PolicyError};
pub use retry::{
    Backoff, Decision, FailedAttempt, Hint, Idempotency, Jitter, Retries, Retry, RetryEnd, RetryObserver, RetryPolicy,
    RetryPolicyError, StopReason,
};
