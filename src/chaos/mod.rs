//! The checker: loads a running server, keeps a history of what it was asked and what it answered, then reads the log and
//! what the server shows, and judges the invariants that must hold whatever was killed meanwhile.
//!
//! It is no part of the server: it sees it as a client, an operator and a reader of the log's files do, and changes
//! nothing but what its own requests change. Nobody else may write meanwhile: what nobody here asked for is a ghost.

pub(crate) mod client;
mod history;
mod business;
mod load;
mod probes;
mod operator;
mod shown;
mod story;
mod invariants;
mod report;
mod verify;

pub use report::{Report, Verdict};
/// The simulation judges by it too.
#[cfg(test)]
pub(crate) use story::Pairs;
pub use verify::{Plan, VerifyError, verify};

#[cfg(test)]
mod tests;
