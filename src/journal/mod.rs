//! The memory: a log in front, a store behind. The only user of sled, bincode and actix.
//!
//! - A command's facts are durable when its group's one `fdatasync` has returned; only then is anything of it
//!   visible: replies, rows, lists, followers.
//! - Positions are dense from 1, versions of a stream are dense from 1, every stream has one writer (the fence).
//! - What is looked up (rows, answers, intents, followers' positions) goes to the overlay with the group and to the
//!   store later; the store can always be made again from the log.
//!
//! One [`Journal`] runs on any [`Engine`]: on disk (`disk`), or without one (`memory_engine`) with the same promises.

pub mod record;
pub mod codec;
pub mod engine;
pub mod handle;
pub mod reading;
mod core;
mod commit;
pub mod overlay;
pub mod feed;
pub mod ids;
pub mod recovery;
mod checkpointing;
mod space;
mod disk_faults;
pub mod memory_engine;
pub mod disk;

pub use codec::stored_bytes;
pub use commit::{Append, Committed, GROUP_BYTES_MAX, GROUP_COMMANDS_MAX, INBOX_MAX, Release, SyncFigures};
pub use disk_faults::{DiskFault, DiskFaultError, DiskFaultFor};
pub use engine::{CheckpointFigures, Engine, EngineError, Figures, Lane};
pub use handle::{Journal, JournalOptions, Recovered, Step, Unwritable};
pub use record::{
    Answered, Closed, CommandMeta, FactlessAnswer, Facts, Intent, Note, Origin, Outcome, Parked, Position, Record, Row,
};
pub use recovery::histories::HISTORY;

#[cfg(test)]
mod tests;
