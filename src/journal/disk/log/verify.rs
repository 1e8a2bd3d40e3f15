//! The walk through a whole log that looks for damage and changes nothing.

use std::path::Path;

use crate::journal::disk::frame::{Link, StoreId};
use crate::journal::disk::log::error::{LogError, io_error};
use crate::journal::disk::log::recovery::{check_block, ends_before, nothing_left, read_note, torn_block};
use crate::journal::disk::segment::{self, Access, Frame, Segment};

/// What [`verify`] walked through without finding fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Number of segments.
    pub segments: usize,
    /// Number of groups.
    pub groups: u64,
    /// Number of positions.
    pub facts: u64,
    /// Size of all segments on disk.
    pub bytes: u64,
}

/// Ends a copy of the segment that was being written after its last good frame.
///
/// # Errors
/// When it is no segment, or cannot be written.
pub fn trim_copy(path: &Path) -> Result<(), LogError> {
    let Some(segment) = Segment::open(path, Access::Write)? else { return Err(torn_block(path, 0)) };
    let (end, _) = segment.walk(|_, _| {})?;
    segment.file.set_len(end.offset).and_then(|()| segment.file.sync_all()).map_err(io_error("trim", path))
}

/// Walks a log that nobody writes, every frame and the chain over all segments, and changes nothing.
///
/// # Errors
/// The first damage found; a torn tail, which an open might cut, is damage too.
pub fn verify(dir: &Path, store: Option<StoreId>) -> Result<Verified, LogError> {
    walk(dir, store, Tail::IsDamage, &mut |_| {})
}

/// Walks a log that a server may be writing, without its lock, and shows every frame; a torn tail is where it ends.
///
/// # Errors
/// The first damage found; that a group is missing which was noted as synced before the walk began is damage.
pub fn walk_living(dir: &Path, each: &mut dyn FnMut(&Frame)) -> Result<Verified, LogError> {
    walk(dir, None, Tail::IsBeingWritten, each)
}

/// What stands after the last good frame of the last segment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tail {
    IsDamage,
    IsBeingWritten,
}

fn walk(dir: &Path, store: Option<StoreId>, tail: Tail, each: &mut dyn FnMut(&Frame)) -> Result<Verified, LogError> {
    // Before the walk: a server may sync another group meanwhile.
    let noted = read_note(dir)?;
    let mut link = Link::FIRST;
    let mut bytes = 0;
    let listed = segment::list(dir)?;
    let mut expected = store;
    let mut end = None;
    for (index, (group, path)) in listed.iter().enumerate() {
        let Some(segment) = Segment::open(path, Access::Read)? else {
            return Err(torn_block(path, *group));
        };
        let store = *expected.get_or_insert(segment.block.store);
        check_block(&segment, index, *group, store)?;
        let first = segment.first_spot();
        if first.link != link {
            return Err(segment.corrupt(&first, "the segment does not follow the one before"));
        }
        let (spot, reason) = segment.walk(|_, frame| each(frame))?;
        let may_be_torn = tail == Tail::IsBeingWritten && index + 1 == listed.len();
        if !may_be_torn && segment.written_end(spot.offset)?.is_some() {
            return Err(segment.corrupt(&spot, reason));
        }
        link = spot.link;
        bytes += segment.bytes;
        end = Some((segment, spot));
    }
    if noted >= link.group {
        return Err(match end {
            Some((segment, spot)) => segment.corrupt(&spot, ends_before(noted)),
            None => nothing_left(dir, noted),
        });
    }
    Ok(Verified { segments: listed.len(), groups: link.group - 1, facts: link.first_position - 1, bytes })
}
