//! The entries of one segment in memory, in the order they came.

use crate::journal::disk::log::index::ANY_KEY;
use crate::journal::disk::segment::Spot;

/// How many entries are sorted at once: few enough that the writer does not feel it.
const RUN_ENTRIES: usize = 4_096;

/// Where a group with facts under a key stands in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::journal::disk::log) struct Entry {
    pub(in crate::journal::disk::log) key: u64,
    /// The position of its first fact, counted from the segment's.
    pub(in crate::journal::disk::log) position: u32,
    /// Its offset in the segment.
    pub(in crate::journal::disk::log) offset: u32,
}

/// Entries that grow, in sorted runs, the last of which is not yet sorted.
#[derive(Debug, Default)]
pub(in crate::journal::disk::log) struct Runs {
    sorted: Vec<Vec<Entry>>,
    growing: Vec<Entry>,
}

impl Runs {
    /// Notes the frame at `spot`; `first` is its segment's first spot.
    pub(in crate::journal::disk::log) fn note(&mut self, first: &Spot, spot: &Spot, keys: Option<Vec<u64>>) {
        // A segment has far fewer bytes, and so positions, than 32 bits count; a wrong place would be noticed.
        let position = u32::try_from(spot.link.first_position - first.link.first_position).unwrap_or(u32::MAX);
        let offset = u32::try_from(spot.offset).unwrap_or(u32::MAX);
        for key in keys.unwrap_or_else(|| vec![ANY_KEY]) {
            self.growing.push(Entry { key, position, offset });
        }
        if self.growing.len() >= RUN_ENTRIES {
            let mut run = std::mem::take(&mut self.growing);
            run.sort_unstable();
            self.sorted.push(run);
        }
    }

    /// The first `max` entries of a key, in order, from the last one at or before `position` on.
    pub(in crate::journal::disk::log) fn find(&self, key: u64, position: u32, max: usize) -> Vec<Entry> {
        let mut found: Vec<Entry> = Vec::new();
        for run in &self.sorted {
            let first = start(run, key, position);
            found.extend(run[first..].iter().take_while(|entry| entry.key == key));
            // Each run may give one before the position, so that only what is after it counts.
            if found.len() > max + self.sorted.len() {
                break;
            }
        }
        if found.len() <= max + self.sorted.len() {
            found.extend(self.growing.iter().filter(|entry| entry.key == key));
        }
        let first = start(&found, key, position);
        found.drain(..first);
        found.truncate(max);
        found
    }

    /// All entries, sorted.
    pub(in crate::journal::disk::log) fn all(&self) -> Vec<Entry> {
        let mut all = Vec::with_capacity(self.sorted.iter().map(Vec::len).sum::<usize>() + self.growing.len());
        all.extend(self.sorted.iter().flatten());
        all.extend(&self.growing);
        // Stable, because it merges runs.
        all.sort();
        all
    }
}

/// The first of these sorted entries that may hold `position` of a key, or come after it.
pub(super) fn start(entries: &[Entry], key: u64, position: u32) -> usize {
    let after = entries.partition_point(|entry| (entry.key, entry.position) <= (key, position));
    if after > 0 && entries[after - 1].key == key { after - 1 } else { after }
}
