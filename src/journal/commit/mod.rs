//! Group commit: everything that arrived while the last group was syncing is the next one.

mod request;
mod closing;
mod committer;
mod fences;
mod keeper;
mod syncs;

pub(super) use committer::InFlight;
pub use committer::{GROUP_BYTES_MAX, GROUP_COMMANDS_MAX};
pub(super) use keeper::keep_committing;
pub(super) use request::Request;
pub use request::{Append, Committed, INBOX_MAX, Release};
pub use syncs::SyncFigures;
pub(super) use syncs::Syncs;
