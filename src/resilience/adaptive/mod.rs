//! Limits how many calls are inside at once, and finds the limit by what they show: their latency.
//!
//! A limit that turns callers away is raised while calls take no longer than they should and lowered when they do (the
//! gradient). It must never let more in than the limit, nor queue anybody.

mod limit;
mod control;

pub use control::Ending;
pub use limit::{AdaptiveLimit, LimitError, LimitPolicy, Permit};
