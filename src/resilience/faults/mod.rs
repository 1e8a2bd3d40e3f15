//! Faults an operator injects on purpose: some calls are delayed, fail, or never end, for a while.
//!
//! Pure: what becomes of a call is drawn here, waiting and failing is the caller's. A fault draws from its own seed by the
//! number of the call, so the same calls in the same order meet the same faults again. No timers: a fault that is over
//! is forgotten by whoever looks next.

mod latency;
mod fault;
mod registry;

pub use fault::{End, FOR_MAX, Fault, FaultError, FaultFigures, FaultSpec, Injected};
pub use latency::{LATENCY_MAX, Latency, LatencyError, PERCENTILES_MAX, parse_duration};
pub use registry::{FAULTS_MAX, Faults};
