//! Health, info, metrics, circuit breakers and what stands beside them, on every listener, in the originals' form.
//!
//! Guards are told in the shapes of resilience4j 2. A listener shows those of what it serves: a service its own, a gateway
//! its system's, the process all. A change needs the operator's token.

mod endpoints;
mod health;
mod prometheus;
mod breakers;
mod events;

pub(super) use endpoints::handle;
pub(super) use health::stopped;
pub use prometheus::MetricsText;
pub(super) use prometheus::Names;
