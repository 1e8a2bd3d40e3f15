//! Resurgam
pub mod clock;
pub mod domain;
pub mod systems;
pub mod resilience;
pub mod telemetry;
pub mod journal;
pub mod actors;
