//! The parts of `src/resilience` that threads share, as they are in production, with the model checker's primitives in
//! place of the system's: see `resilience/sync.rs` here and there. The models are in `tests/models`.

pub mod clock;
pub mod resilience;
