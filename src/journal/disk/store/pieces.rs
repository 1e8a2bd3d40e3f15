//! Values too large for sled are cut into pieces: it writes large ones to files it never syncs.

use crate::journal::codec::position_of;
use crate::journal::engine::Tree;

/// The largest value put into sled, in bytes; a larger one is cut into pieces of this size.
pub(super) const PIECE_BYTES_MAX: usize = 4_096;
/// Marks a value that is whole.
pub(super) const INLINE: u8 = 0;
/// Marks the first piece of a value.
pub(super) const PIECES: u8 = 1;

/// Returns what a stored value holds, or the first piece of it.
pub(super) fn body(head: &[u8]) -> &[u8] {
    match head.first() {
        Some(&PIECES) => head.get(5..).unwrap_or_default(),
        Some(_) | None => head.get(1..).unwrap_or_default(),
    }
}

pub(super) fn pieces_of(head: &[u8]) -> Option<(u32, u64)> {
    if head.first() != Some(&PIECES) {
        return None;
    }
    let count = u32::from_be_bytes(head.get(1..5)?.try_into().ok()?);
    Some((count, position_of(body(head))))
}

pub(super) fn piece_key(tree: Tree, name: &[u8], position: u64, index: u32) -> Vec<u8> {
    [&[tree.tag()], name, b"\0", &position.to_be_bytes(), &index.to_be_bytes()].concat()
}
