//! Where the groups of a key stand: in memory for the segment that is written, in a file beside each sealed one.
//!
//! An index is made from its segment and can be made again, so it is never synced and never believed further than
//! its checksums and the segment's chain go. It only says which frames to read; they are checked as ever.

mod entries;
mod file;
mod indexer;

pub(super) use entries::{Entry, Runs};
pub(super) use file::{Bounds, IndexFile, write};
pub(super) use indexer::{Indexer, Sealed};

/// Tells the keys of a group from its payload, each once; `None`: it may hold any.
pub type KeysOf = fn(&[u8]) -> Option<Vec<u64>>;

/// Groups whose keys nobody could tell stand under this one, and are found by every key.
pub(super) const ANY_KEY: u64 = u64::MAX;

/// The one name under which an index is written before it gets its own.
pub(super) const INDEX_TMP_NAME: &str = "idx.tmp";

/// The keys of a group: none without facts, because a key leads to facts.
pub(super) fn keys_of_group(keys_of: KeysOf, facts: u32, payload: &[u8]) -> Option<Vec<u64>> {
    if facts == 0 { Some(Vec::new()) } else { keys_of(payload) }
}

#[cfg(test)]
mod tests;
