//! The rooms that mutants are made of, and no other; their files are links to those of the main crate.

pub mod clock;
pub mod resilience;
