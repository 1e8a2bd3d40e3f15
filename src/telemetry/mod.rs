//! What operators see: every metric in one list, the names that resilience4j's dashboards ask for, and the log's format.

mod guards;
mod http;
pub mod metrics;
mod resilience4j;
mod series;
pub mod tracing;
