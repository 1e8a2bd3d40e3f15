//! What operators see: every metric in one list, and the log's format.

mod guards;
pub mod metrics;
mod series;
pub mod tracing;
