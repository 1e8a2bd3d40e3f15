//! What operators see: every metric in one list, the names that resilience4j's dashboards ask for, traces, and the
//! log's format.

mod actors;
mod buckets;
mod chaos;
mod guards;
mod http;
mod journal;
pub mod metrics;
mod process;
mod series;
pub mod service_map;
pub mod traces;
pub mod tracing;
