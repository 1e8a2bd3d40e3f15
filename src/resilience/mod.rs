//! What stands in front of every call: deadlines, bulkheads and the guard that nests them in the one order allowed; and
//! before all calls of clients, how many may be inside at once and how often each may come.
//!
//! Knows nothing of actors, HTTP or metrics: it tells an [`Observer`] what happened. It must never take a late, refused
//! or dropped call for a failure of the callee. Relies on tokio's time and channels and on [`crate::clock`].

pub mod adaptive;
pub mod bulkhead;
pub mod deadline;
pub mod guard;
pub mod outcome;
pub mod rate;

pub use adaptive::{AdaptiveLimit, Ending, LimitError, LimitPolicy};
pub use bulkhead::{Bulkhead, BulkheadLimits, Partition, Permit, ZeroLimit};
pub use deadline::Deadline;
pub use guard::{Guard, GuardPolicy, Observer, PolicyError, Unobserved};
pub use outcome::{CallError, Completion, NotExecuted, Reason, Unknown, Verdict};
pub use rate::{Allowance, RateError, RateLimit, RatePolicy};
