//! Why the log fails, in words an operator can act on.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::journal::disk::frame::{self, StoreId};
use crate::journal::disk::segment::FORMAT;

/// What an operator does about damage.
pub(crate) const RESTORE: &str =
    "nothing was changed; copy the log's directory aside, then restore it from the newest backup";

/// Why the log cannot be opened, written or read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file system refused.
    #[error("cannot {action} {}: {source}", file.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or directory.
        file: PathBuf,
        /// The refusal.
        source: io::Error,
    },
    /// Data that was promised is damaged or gone.
    #[error("{} is damaged at offset {offset}, where group {group} belongs: {reason}; {remedy}", file.display())]
    Corrupt {
        /// The segment.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// The group that belongs there.
        group: u64,
        /// What is wrong.
        reason: String,
        /// What an operator can do.
        remedy: &'static str,
    },
    /// A segment is not there, but a later one is.
    #[error("segment {number} of the log is missing before {}; put the file back or restore the log from the newest backup", file.display())]
    MissingSegment {
        /// Ordinal of the missing segment.
        number: u32,
        /// The file found in its place.
        file: PathBuf,
    },
    /// The file was written for another store.
    #[error("{} belongs to store {:016x}, not to {:016x}; move it out of this directory or point the settings to its own", file.display(), found.0, expected.0)]
    ForeignStore {
        /// The segment.
        file: PathBuf,
        /// The store that is open.
        expected: StoreId,
        /// The store that wrote it.
        found: StoreId,
    },
    /// The file was written by another version.
    #[error("{} has format {format}, this program knows {FORMAT}; start the version that wrote it", file.display())]
    UnknownFormat {
        /// The segment.
        file: PathBuf,
        /// The format found.
        format: u16,
    },
    /// A group is larger than any frame.
    #[error("a group of {bytes} bytes exceeds the limit of {} bytes", frame::PAYLOAD_BYTES_MAX)]
    TooLarge {
        /// Size of its payload.
        bytes: usize,
    },
    /// A write or sync failed before; no second try could be trusted.
    #[error("the log takes no more groups after a failed write or sync; check the disk and restart")]
    Poisoned,
    /// The address was never durable.
    #[error("no durable frame at offset {offset} of segment {segment}")]
    NoSuchFrame {
        /// First group of the segment.
        segment: u64,
        /// Offset asked for.
        offset: u64,
    },
}

/// Names the file in an I/O error.
pub(crate) fn io_error(action: &'static str, file: &Path) -> impl FnOnce(io::Error) -> LogError {
    let file = file.to_owned();
    move |source| LogError::Io { action, file, source }
}

/// Makes the entries of a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), LogError> {
    File::open(dir).and_then(|handle| handle.sync_all()).map_err(io_error("sync", dir))
}
