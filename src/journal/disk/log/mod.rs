//! The log: the source of truth. One writer appends groups, one sync each; readers see only what is durable.
//! It never syncs twice after a failure, never cuts a group anybody has seen, never takes damage for the end.
//! Relies on one `Log` per directory at a time; whoever opens it holds the data directory's lock.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::journal::disk::frame::{self, Link};
use crate::journal::disk::log::error::{io_error, sync_dir};
use crate::journal::disk::log::index::{Indexer, Runs, keys_of_group};
use crate::journal::disk::log::recovery::{
    NOTE_NAME, create_dir, ends_before, load, make_durable, read_note, remove_leftovers, settle_tail, write_note,
};
use crate::journal::disk::log::shared::{Durable, Place, Shared, note_spot};
use crate::journal::disk::segment::{self, BLOCK_BYTES, Block, Segment, Spot};

pub use crate::journal::disk::frame::StoreId;
pub use crate::journal::disk::log::error::LogError;
pub use crate::journal::disk::log::index::KeysOf;
pub use crate::journal::disk::log::keyed::KeyedFrames;
pub use crate::journal::disk::log::reader::{FrameIter, LogReader};
pub use crate::journal::disk::log::recovery::{Cut, Opened};
pub use crate::journal::disk::log::verify::{Verified, trim_copy, verify, walk_living};
pub use crate::journal::disk::segment::Frame;

pub(crate) mod error;
mod index;
mod keyed;
mod reader;
mod recovery;
mod shared;
mod verify;

/// Segments not yet in use; leftovers are deleted at open.
const AHEAD_NAME: &str = "ahead.tmp";
const OVERSIZE_NAME: &str = "oversize.tmp";
/// How a log is laid out.
#[derive(Debug, Clone, Copy)]
pub struct LogOptions {
    /// Size of a segment; a larger frame gets a segment of its own size.
    pub segment_bytes: u64,
    /// By which keys a group is found; the log knows nothing else of what it holds.
    pub keys_of: KeysOf,
}

/// Where a group was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The group's number.
    pub group: u64,
    /// Position of its first fact.
    pub first_position: u64,
    /// First group of its segment.
    pub segment: u64,
    /// Offset in that segment, in bytes.
    pub offset: u64,
}

/// The one writer.
#[derive(Debug)]
pub struct Log {
    dir: PathBuf,
    options: LogOptions,
    segment: Segment,
    next: Spot,
    bytes: u64,
    note: File,
    ahead: Option<JoinHandle<io::Result<File>>>,
    indexer: Indexer,
    buffer: Vec<u8>,
    poisoned: bool,
    shared: Arc<Shared>,
}

impl Log {
    /// Opens or creates the log of `store` in `dir`; `witnessed_group` is the newest group known elsewhere, 0 if none.
    ///
    /// # Errors
    /// When the log is damaged, incomplete or foreign: what, where, and what to do.
    pub fn open(
        dir: &Path,
        store: StoreId,
        options: LogOptions,
        witnessed_group: u64,
    ) -> Result<(Self, LogReader, Opened), LogError> {
        create_dir(dir)?;
        remove_leftovers(dir)?;
        let noted = read_note(dir)?;
        let known = noted.max(witnessed_group);
        let (sealed, current) = load(dir, store, known, options)?;
        let mut index = Vec::new();
        let mut runs = Runs::default();
        let mut last = None;
        let (next, reason) = current.walk(|spot, frame| {
            note_spot(&mut index, spot);
            runs.note(&current.first_spot(), spot, keys_of_group(options.keys_of, frame.header.facts, &frame.payload));
            last = Some(*spot);
        })?;
        let cut = settle_tail(dir, &current, &next, reason, known)?;
        if known >= next.link.group {
            return Err(current.corrupt(&next, ends_before(known)));
        }
        // Only the newest frame can be in the page cache alone: the others were synced before they were noted.
        make_durable(&current, last.filter(|spot| spot.link.group > noted))?;
        let note_path = dir.join(NOTE_NAME);
        let note = File::options().write(true).create(true).truncate(false).open(&note_path);
        let note = note.map_err(io_error("open", &note_path))?;
        write_note(&note, next.link.group - 1).map_err(io_error("write", &note_path))?;
        sync_dir(dir)?;

        let opened = Opened {
            last_group: next.link.group - 1,
            next_position: next.link.first_position,
            cut,
            sealed_segments: sealed.len(),
            bytes: sealed.iter().map(|place| place.bytes).sum::<u64>() + current.bytes,
        };
        let mut places = sealed;
        places.push(Place::growing(&current, index, runs));
        let shared = Arc::new(Shared::new(store, options.keys_of, Durable::up_to(&next, &current), places));
        let log = Self {
            dir: dir.to_owned(),
            options,
            segment: current,
            next,
            bytes: opened.bytes,
            note,
            ahead: None,
            indexer: Indexer::default(),
            buffer: Vec::new(),
            poisoned: false,
            shared: Arc::clone(&shared),
        };
        Ok((log, LogReader { shared }, opened))
    }

    /// Appends one group of `facts` positions and returns once it is durable.
    ///
    /// # Errors
    /// `TooLarge` changes nothing. After a failed write or sync the group's fate is unknown until the next open,
    /// and every later call is `Poisoned`.
    pub fn append(&mut self, facts: u32, payload: &[u8]) -> Result<Written, LogError> {
        if self.poisoned {
            return Err(LogError::Poisoned);
        }
        if payload.len() > frame::PAYLOAD_BYTES_MAX {
            return Err(LogError::TooLarge { bytes: payload.len() });
        }
        self.poisoned = true;
        let at = self.write_synced(facts, payload)?;
        let written = Written {
            group: at.link.group,
            first_position: at.link.first_position,
            segment: self.segment.block.link.group,
            offset: at.offset,
        };
        // The group is durable whether or not its note is, so a lost note ends the log only for the next one.
        match write_note(&self.note, written.group) {
            Ok(()) => self.poisoned = false,
            Err(error) => tracing::error!(
                group = written.group,
                %error,
                "cannot note a synced group, the log takes no more groups"
            ),
        }
        self.shared.publish(&at, &self.next, &self.segment, keys_of_group(self.options.keys_of, facts, payload));
        if self.next.offset > self.segment.bytes / 2 {
            self.prepare_ahead();
        }
        Ok(written)
    }

    /// The newest durable group; 0 in an empty log.
    #[must_use]
    pub fn last_group(&self) -> u64 {
        self.next.link.group - 1
    }

    /// The position the next fact gets.
    #[must_use]
    pub fn next_position(&self) -> u64 {
        self.next.link.first_position
    }

    /// Size of all segments on disk.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes the frame, syncs once, and tells where the frame is.
    fn write_synced(&mut self, facts: u32, payload: &[u8]) -> Result<Spot, LogError> {
        let frame_bytes = (frame::HEADER_BYTES + payload.len()) as u64;
        if self.next.offset + frame_bytes > self.segment.bytes {
            self.roll(BLOCK_BYTES + frame_bytes)?;
        }
        let at = self.next;
        self.buffer.clear();
        let store = self.segment.block.store;
        let crc = frame::encode(store, &at.link, facts, payload, &mut self.buffer);
        self.segment.file.write_all_at(&self.buffer, at.offset).map_err(io_error("write", &self.segment.path))?;
        self.segment.file.sync_data().map_err(io_error("sync", &self.segment.path))?;
        self.next = Spot {
            offset: at.offset + frame_bytes,
            link: Link {
                group: at.link.group + 1,
                first_position: at.link.first_position + u64::from(facts),
                previous_crc: crc,
            },
        };
        Ok(at)
    }

    /// Goes on in the next segment, of at least `bytes_min`.
    fn roll(&mut self, bytes_min: u64) -> Result<(), LogError> {
        let before = self.segment.bytes;
        if self.next.offset == BLOCK_BYTES {
            // Without a frame, a next segment would have the same first group and so the same name.
            self.segment.lengthen(bytes_min)?;
            self.bytes += self.segment.bytes - before;
            return Ok(());
        }
        let (file, prepared) = self.prepared(bytes_min)?;
        let block = Block { number: self.segment.block.number + 1, link: self.next.link, ..self.segment.block };
        self.segment = Segment::take_into_use(file, &prepared, &self.dir, block)?;
        self.bytes += self.segment.bytes;
        self.next = self.segment.first_spot();
        let sealed = self.shared.add(Place::growing(&self.segment, vec![self.next], Runs::default()));
        if let Some(sealed) = sealed {
            self.indexer.begin(sealed, &self.shared);
        }
        Ok(())
    }

    /// A synced file of zeros: the one made ahead if it is large enough, else a new one.
    fn prepared(&mut self, bytes_min: u64) -> Result<(File, PathBuf), LogError> {
        let bytes = self.options.segment_bytes;
        if bytes_min > bytes {
            let path = self.dir.join(OVERSIZE_NAME);
            let file = segment::prepare(&path, bytes_min).map_err(io_error("prepare", &path))?;
            return Ok((file, path));
        }
        let path = self.dir.join(AHEAD_NAME);
        if let Some(thread) = self.ahead.take() {
            match thread.join() {
                Ok(Ok(file)) => return Ok((file, path)),
                // No group is in that file, so making it anew repeats no sync that failed.
                Ok(Err(error)) => tracing::warn!(%error, "preparing the next segment again"),
                Err(_) => tracing::warn!("preparing the next segment again after a panic"),
            }
        }
        let file = segment::prepare(&path, bytes).map_err(io_error("prepare", &path))?;
        Ok((file, path))
    }

    fn prepare_ahead(&mut self) {
        if self.ahead.is_some() || self.poisoned {
            return;
        }
        let path = self.dir.join(AHEAD_NAME);
        let bytes = self.options.segment_bytes;
        let thread = std::thread::Builder::new().name("log-ahead".to_owned());
        match thread.spawn(move || segment::prepare(&path, bytes)) {
            Ok(thread) => self.ahead = Some(thread),
            Err(error) => tracing::warn!(%error, "the next segment is not prepared ahead"),
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if let Some(thread) = self.ahead.take() {
            // A failure is of no matter now, and what is left over goes at the next open.
            if matches!(thread.join(), Ok(Ok(_))) {
                std::fs::remove_file(self.dir.join(AHEAD_NAME)).ok();
            }
        }
    }
}

#[cfg(test)]
mod tests;
