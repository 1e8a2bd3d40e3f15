//! Distributed traces: what a request led to, told to a collector as spans (OTLP over HTTP, as JSON).
//!
//! The whole house hands a [`Tracer`] on, as it does its other observers; what is not told carries no context, and costs the
//! look at an `Option`. Nothing here is waited for: a span goes into a bounded queue or is dropped and counted.

mod collector;
mod exporter;
mod otlp;
mod parent;
mod span;
mod tracer;

/// What messages go through, as their spans say.
pub const SYSTEM: &str = "resurgam";

pub use collector::Collector;
pub use exporter::Exporter;
pub use parent::{TRACEPARENT, TRACERESPONSE, TraceParent};
pub use span::{Span, SpanKind, Value};
pub use tracer::Tracer;

#[cfg(test)]
mod tests;
