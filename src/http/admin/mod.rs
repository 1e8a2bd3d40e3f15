//! The operator's listener: probes, metrics, what lives and what is behind, stop and start, chaos.
//!
//! Reads may touch the disk, so they run on threads that may wait; no action happens before it stands in the log.

mod operator;
mod token;
mod probes;
mod lists;
mod levers;
mod faults;
mod chaos;
mod monkey;
mod parked;
mod breakers;
mod target;

#[cfg(test)]
pub(super) use operator::handle;
pub use operator::{Admin, InForce, Reloaded, filter};
pub use token::TokenCheck;
