//! Repeats a call that brought no answer, where that is safe, still in time, and paid for.
//!
//! Three bounds, each for what the others leave open: attempts bound one call, the deadline bounds its time, and budgets
//! bound what all calls together add to the load, also over several layers, where three attempts on each would be 27 at
//! the innermost. A retry takes a token of its edge's budget (this caller, this callee) and one of its request's root.
//!
//! One [`Retries`] goes with a request through all its layers. It holds the budget of the request's root, fed by the
//! request's beginning only, and the *no-retry mark*: a layer that is refused a token returns the original error and sets
//! the mark, and the layers further out, which see an error like any other, find it and stop as well. The mark belongs to
//! the request and not to the error, so errors stay small and every layer's result keeps its type; whoever carries a
//! request over a hop carries its [`Retries`] in an `Arc`. A callee that asks not to be tried again sets it, too.

pub mod attempts;
pub mod policy;
pub mod backoff;
pub mod hint;
pub mod log;
pub mod retries;

pub use attempts::{Retry, RetryEnd, RetryObserver};
pub use backoff::{Backoff, Jitter};
pub use hint::Hint;
pub use log::{RetryEvent, RetryHappening};
pub use policy::{Decision, FailedAttempt, Idempotency, RetryPolicy, RetryPolicyError, StopReason};
pub use retries::Retries;
