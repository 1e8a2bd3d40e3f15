//! What operators see: every metric in one list, and the log's format.

pub mod metrics;
pub mod tracing;
