//! What opening does before the writer may write: check the segments, settle a torn tail, sync what was found.
//! It never cuts a group that a note or a witness has seen, nor anything before an intact later frame.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::journal::disk::frame::{self, FrameError, Link, StoreId};
use crate::journal::disk::log::error::{LogError, RESTORE, io_error, sync_dir};
use crate::journal::disk::log::index::INDEX_TMP_NAME;
use crate::journal::disk::log::shared::Place;
use crate::journal::disk::log::{AHEAD_NAME, LogOptions, OVERSIZE_NAME};
use crate::journal::disk::segment::{self, Access, BLOCK_BYTES, Block, Segment, Spot};

/// The note of the newest synced group: the number and its CRC32C.
pub(super) const NOTE_NAME: &str = "synced";
pub(super) const NOTE_BYTES: usize = 12;
/// What opening found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The newest durable group; 0 in an empty log.
    pub last_group: u64,
    /// The position the next fact gets.
    pub next_position: u64,
    /// The torn tail that was cut, if there was one.
    pub cut: Option<Cut>,
    /// Segments before the one that is written.
    pub sealed_segments: usize,
    /// Size of all segments on disk.
    pub bytes: u64,
}

/// A torn tail that nobody had seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The segment.
    pub file: PathBuf,
    /// Where the tail began.
    pub offset: u64,
    /// Its length.
    pub bytes: u64,
    /// Where its bytes were kept.
    pub copied_to: PathBuf,
}

pub(super) fn create_dir(dir: &Path) -> Result<(), LogError> {
    if dir.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(dir).map_err(io_error("create", dir))?;
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
        Some(_) | None => sync_dir(Path::new(".")),
    }
}

pub(super) fn remove_leftovers(dir: &Path) -> Result<(), LogError> {
    for name in [AHEAD_NAME, OVERSIZE_NAME, INDEX_TMP_NAME] {
        let path = dir.join(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("remove", &path)(error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Checks that the segments belong together; gives the sealed ones and the last, which is created if there is none.
pub(super) fn load(
    dir: &Path,
    store: StoreId,
    known: u64,
    options: LogOptions,
) -> Result<(Vec<Place>, Segment), LogError> {
    let listed = segment::list(dir)?;
    let mut sealed = Vec::with_capacity(listed.len());
    let mut last = None;
    for (index, (group, path)) in listed.iter().enumerate() {
        let is_last = index + 1 == listed.len();
        match Segment::open(path, Access::Write)? {
            Some(segment) => {
                check_block(&segment, index, *group, store)?;
                // One file is held open at a time, however many segments there are.
                sealed.extend(last.replace(segment).as_ref().map(Place::sealed));
            }
            None if is_last && *group > known && segment::is_unused(path)? => {
                tracing::warn!(file = %path.display(), "removing a segment that was never used");
                std::fs::remove_file(path).map_err(io_error("remove", path))?;
                sync_dir(dir)?;
            }
            None => return Err(torn_block(path, *group)),
        }
    }
    match last {
        Some(last) => Ok((sealed, last)),
        None if known > 0 => Err(nothing_left(dir, known)),
        None => Ok((sealed, create_first(dir, store, options)?)),
    }
}

pub(super) fn check_block(segment: &Segment, index: usize, group: u64, store: StoreId) -> Result<(), LogError> {
    let file = segment.path.clone();
    let block = &segment.block;
    if block.store != store {
        return Err(LogError::ForeignStore { file, expected: store, found: block.store });
    }
    let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
    if block.number != number {
        return Err(LogError::MissingSegment { number, file });
    }
    if block.link.group != group {
        let reason = format!("the file was renamed, its name says group {group}");
        return Err(segment.corrupt(&segment.first_spot(), reason));
    }
    Ok(())
}

pub(super) fn create_first(dir: &Path, store: StoreId, options: LogOptions) -> Result<Segment, LogError> {
    let path = dir.join(AHEAD_NAME);
    let bytes = options.segment_bytes.max(BLOCK_BYTES);
    let file = segment::prepare(&path, bytes).map_err(io_error("prepare", &path))?;
    let block = Block { store, number: 1, link: Link::FIRST };
    Segment::take_into_use(file, &path, dir, block)
}

/// Cuts what follows the last good frame if it is a torn write that nobody has seen.
pub(super) fn settle_tail(
    dir: &Path,
    segment: &Segment,
    end: &Spot,
    reason: FrameError,
    known: u64,
) -> Result<Option<Cut>, LogError> {
    let Some(written_end) = segment.written_end(end.offset)? else {
        return Ok(None);
    };
    let group = end.link.group;
    if reason.is_intact() || known >= group || segment.holds_group_after(group, end.offset + 1)? {
        return Err(segment.corrupt(end, reason));
    }
    let copy = dir.join(format!("cut-{group}-{}.bin", end.offset));
    let copied_to = segment.cut(end.offset, written_end, &copy)?;
    let cut = Cut { file: segment.path.clone(), offset: end.offset, bytes: written_end - end.offset, copied_to };
    tracing::warn!(
        file = %cut.file.display(),
        offset = cut.offset,
        bytes = cut.bytes,
        copied_to = %cut.copied_to.display(),
        "cut a torn tail of the log that nobody had seen: {reason}"
    );
    Ok(Some(cut))
}

/// Syncs what was found, after writing an unnoted last frame once more: a failed sync of an earlier run may have
/// left it in the page cache alone, marked as clean.
pub(super) fn make_durable(segment: &Segment, unnoted: Option<Spot>) -> Result<(), LogError> {
    if let Some(spot) = unnoted
        && let Ok((frame, _)) = segment.read_chained(&spot)?
    {
        let mut bytes = Vec::new();
        let store = segment.block.store;
        frame::encode(store, &spot.link, frame.header.facts, &frame.payload, &mut bytes);
        segment.file.write_all_at(&bytes, spot.offset).map_err(io_error("write", &segment.path))?;
    }
    segment.file.sync_data().map_err(io_error("sync", &segment.path))
}

pub(super) fn write_note(note: &File, group: u64) -> io::Result<()> {
    let mut bytes = [0; NOTE_BYTES];
    bytes[..8].copy_from_slice(&group.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[..8]);
    bytes[8..].copy_from_slice(&crc.to_le_bytes());
    note.write_all_at(&bytes, 0)
}

/// The noted group; 0 without a readable note.
pub(super) fn read_note(dir: &Path) -> Result<u64, LogError> {
    let path = dir.join(NOTE_NAME);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(io_error("read", &path)(error)),
    };
    let good = bytes.len() == NOTE_BYTES && frame::u32_at(&bytes, 8) == crc32c::crc32c(&bytes[..8]);
    if !good && !bytes.is_empty() {
        tracing::warn!(file = %path.display(), "ignoring an unreadable note");
    }
    Ok(if good { frame::u64_at(&bytes, 0) } else { 0 })
}

pub(super) fn ends_before(known: u64) -> String {
    format!("the log ends here, but group {known} is known to have been synced")
}

pub(super) fn torn_block(path: &Path, group: u64) -> LogError {
    LogError::Corrupt {
        file: path.to_owned(),
        offset: 0,
        group,
        reason: "the header of the segment is damaged".to_owned(),
        remedy: RESTORE,
    }
}

pub(super) fn nothing_left(dir: &Path, known: u64) -> LogError {
    LogError::Corrupt { file: dir.to_owned(), offset: 0, group: 1, reason: ends_before(known), remedy: RESTORE }
}
