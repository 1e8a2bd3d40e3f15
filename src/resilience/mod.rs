//! What stands in front of every call: deadlines, bulkheads, retries and the guard that nests them in the one order
//! allowed.
//!
//! Knows nothing of actors, HTTP or metrics: it tells an [`Observer`] what happened. It must never take a late, refused
//! or dropped call for a failure of the callee. Relies on tokio's time and channels and on [`crate::clock`].

pub mod budget;
pub mod bulkhead;
pub mod deadline;
pub mod guard;
pub mod outcome;
pub mod retry;

pub use budget::{Budget, BudgetNumbers, BudgetPolicy, BudgetPolicyError, Withdrawal, withdraw_both};
pub use bulkhead::{Bulkhead, BulkheadLimits, Partition, Permit, ZeroLimit};
pub use deadline::Deadline;
pub use guard::{Guard, GuardPolicy, Observer, PolicyError, Unobserved};
pub use outcome::{CallError, Completion, NotExecuted, Reason, Unknown, Verdict};
pub use retry::{
    Backoff, Decision, FailedAttempt, Hint, Idempotency, Jitter, Retries, Retry, RetryEnd, RetryObserver, RetryPolicy,
    RetryPolicyError, StopReason,
};
