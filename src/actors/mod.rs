//! Every aggregate instance is a supervised actor. The only user of ractor.
//!
//! ```text
//! root                      restarts services' supervisors
//! └─ system/service         one a service: restarts what is below, at once when killed
//!    ├─ shard of a kind     starts instances, keeps the restart policy of each
//!    │  └─ instance         one aggregate: recover, decide, hand over, evolve
//!    ├─ policies            one follower: facts in, commands to the service's own aggregates
//!    └─ views               a follower each: facts in, rows out
//! ```
//!
//! The directory is a table beside the tree, not an actor in it: an id leads to a living actor or to the reason why
//! there is none. No supervision event proves that an old incarnation is harmless; the journal's fence does.

pub mod envelope;
pub mod admission;
mod creation;
pub mod dispatch;
pub mod directory;
mod instance;
mod supervision;
pub mod asks;
pub mod outside;
pub mod followers;
pub mod services;
pub mod chaos;
pub mod observe;
pub mod runtime;
mod planting;

pub use admission::{Admission, Call};
pub use directory::LiveLimits;
pub use envelope::{Done, Precondition, Reply};
pub use outside::{BuiltIn, Errand, Outbound, Said};
pub use runtime::{ActorOptions, Runtime};

#[cfg(test)]
mod tests;
