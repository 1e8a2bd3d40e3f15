//! The same tree as in the main crate, without what one thread alone uses.

#[path = "../../../../src/resilience/breaker/mod.rs"]
pub mod breaker;
#[path = "../../../../src/resilience/budget.rs"]
pub mod budget;
#[path = "../../../../src/resilience/bulkhead/mod.rs"]
#[expect(dead_code, reason = "what only the guard calls")]
pub mod bulkhead;
#[path = "../../../../src/resilience/deadline.rs"]
pub mod deadline;
#[path = "../../../../src/resilience/outcome.rs"]
pub mod outcome;
mod sync;
