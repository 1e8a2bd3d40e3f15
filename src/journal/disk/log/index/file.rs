//! The index of a sealed segment as a file: a header block, then the sorted entries in blocks of one page, each with
//! its own checksum, so that a look-up reads and checks a few pages and never the whole file.
//! It fits one content of one segment: the header names where the chain of frames enters the segment and leaves it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::journal::disk::frame::{self, Link, StoreId};
use crate::journal::disk::log::index::INDEX_TMP_NAME;
use crate::journal::disk::log::index::entries::{Entry, start};

const MAGIC: [u8; 8] = *b"RSGMIDX1";
/// Of the layout and of the keys: an index of another format is made again.
const FORMAT: u16 = 1;
const HEADER_BYTES: usize = 80;
const BLOCK_BYTES: usize = 4_096;
const ENTRY_BYTES: usize = 16;
const CRC_AT: usize = BLOCK_BYTES - 4;
const BLOCK_ENTRIES: usize = CRC_AT / ENTRY_BYTES;

/// Which segment with which content an index is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::journal::disk::log) struct Bounds {
    pub(in crate::journal::disk::log) store: StoreId,
    /// What its first frame carries.
    pub(in crate::journal::disk::log) first: Link,
    /// What the frame after its last one carries; with it the CRC of the last, which stands on all before.
    pub(in crate::journal::disk::log) end: Link,
}

impl Bounds {
    fn header(&self, entries: u64) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[..8].copy_from_slice(&MAGIC);
        out[8..10].copy_from_slice(&FORMAT.to_le_bytes());
        out[16..24].copy_from_slice(&self.store.0.to_le_bytes());
        for (at, link) in [(24, &self.first), (44, &self.end)] {
            out[at..at + 8].copy_from_slice(&link.group.to_le_bytes());
            out[at + 8..at + 16].copy_from_slice(&link.first_position.to_le_bytes());
            out[at + 16..at + 20].copy_from_slice(&link.previous_crc.to_le_bytes());
        }
        out[64..72].copy_from_slice(&entries.to_le_bytes());
        let crc = crc32c::crc32c(&out[..HEADER_BYTES - 4]);
        out[HEADER_BYTES - 4..].copy_from_slice(&crc.to_le_bytes());
        out
    }
}

/// The index that belongs to a segment's file.
fn file_name(segment: &Path) -> PathBuf {
    segment.with_extension("idx")
}

/// Writes the index of `segment`; a reader sees all of it or none. Two must not be written at once.
pub(in crate::journal::disk::log) fn write(segment: &Path, bounds: &Bounds, entries: &[Entry]) -> io::Result<()> {
    let header = bounds.header(entries.len() as u64);
    let mut bytes = header.to_vec();
    bytes.resize(BLOCK_BYTES, 0);
    for (number, piece) in (0..).zip(entries.chunks(BLOCK_ENTRIES)) {
        let begin = bytes.len();
        for entry in piece {
            bytes.extend_from_slice(&entry.key.to_le_bytes());
            bytes.extend_from_slice(&entry.position.to_le_bytes());
            bytes.extend_from_slice(&entry.offset.to_le_bytes());
        }
        bytes.resize(begin + CRC_AT, 0);
        let crc = checksum(&header, number, &bytes[begin..]);
        bytes.extend_from_slice(&crc.to_le_bytes());
    }
    let temporary = segment.with_file_name(INDEX_TMP_NAME);
    std::fs::write(&temporary, bytes)?;
    std::fs::rename(&temporary, file_name(segment))
}

/// An index file whose header fits its segment.
#[derive(Debug)]
pub(in crate::journal::disk::log) struct IndexFile {
    file: File,
    header: [u8; HEADER_BYTES],
    entries: usize,
}

impl IndexFile {
    /// Opens the index of `segment`; `None` when it is missing, or another segment's, or not whole.
    pub(in crate::journal::disk::log) fn open(segment: &Path, bounds: &Bounds) -> Option<Self> {
        let file = File::open(file_name(segment)).ok()?;
        let mut header = [0; HEADER_BYTES];
        file.read_exact_at(&mut header, 0).ok()?;
        let entries = frame::u64_at(&header, 64);
        let blocks = entries.div_ceil(BLOCK_ENTRIES as u64);
        let bytes = (blocks.checked_add(1)?).checked_mul(BLOCK_BYTES as u64)?;
        let whole = header == bounds.header(entries) && file.metadata().ok()?.len() == bytes;
        whole.then_some(Self { file, header, entries: usize::try_from(entries).ok()? })
    }

    /// The first `max` entries of a key, in order, from the last one at or before `position` on; `None` when the
    /// file is damaged where it was read.
    pub(in crate::journal::disk::log) fn find(&self, key: u64, position: u32, max: usize) -> Option<Vec<Entry>> {
        let (mut low, mut high) = (0, self.entries.div_ceil(BLOCK_ENTRIES));
        // The last block that begins at or before what is sought, or else the first.
        while low + 1 < high {
            let middle = low.midpoint(high);
            let first = *self.block(middle)?.first()?;
            if (first.key, first.position) <= (key, position) { low = middle } else { high = middle }
        }
        let mut found = Vec::new();
        for number in low..self.entries.div_ceil(BLOCK_ENTRIES) {
            let block = self.block(number)?;
            let first = if number == low { start(&block, key, position) } else { 0 };
            let of_key = block[first..].iter().take_while(|entry| entry.key == key);
            found.extend(of_key.take(max - found.len()));
            // Only a key that goes on to the end of a block can go on in the next one.
            if found.len() == max || (first < block.len() && block.last().is_some_and(|last| last.key != key)) {
                break;
            }
        }
        Some(found)
    }

    fn block(&self, number: usize) -> Option<Vec<Entry>> {
        let mut bytes = [0; BLOCK_BYTES];
        self.file.read_exact_at(&mut bytes, ((number + 1) * BLOCK_BYTES) as u64).ok()?;
        if frame::u32_at(&bytes, CRC_AT) != checksum(&self.header, number as u64, &bytes[..CRC_AT]) {
            return None;
        }
        let entries = (self.entries - number * BLOCK_ENTRIES).min(BLOCK_ENTRIES);
        let entry = |at: &[u8]| Entry {
            key: frame::u64_at(at, 0),
            position: frame::u32_at(at, 8),
            offset: frame::u32_at(at, 12),
        };
        Some(bytes[..entries * ENTRY_BYTES].chunks_exact(ENTRY_BYTES).map(entry).collect())
    }
}

/// Begins with header and number, so that a block of another index or place does not check.
fn checksum(header: &[u8], number: u64, block: &[u8]) -> u32 {
    let place = crc32c::crc32c_append(crc32c::crc32c(header), &number.to_le_bytes());
    crc32c::crc32c_append(place, block)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds() -> Bounds {
        let end = Link { group: 9, first_position: 40, previous_crc: 0xAABB_CCDD };
        Bounds { store: StoreId(0x1122_3344_5566_7788), first: Link::FIRST, end }
    }

    /// Keys 2, 4, … 40: the key 20 in most blocks, the others in a few entries.
    fn entries() -> Vec<Entry> {
        let entry = |key, position| Entry { key, position, offset: position * 3 };
        let few = (1..=20).filter(|key| *key != 10).flat_map(|key| (0..7).map(move |at| entry(key * 2, at * 10 + 1)));
        let mut all: Vec<Entry> = few.chain((0..2_000).map(|at| entry(20, at * 10 + 1))).collect();
        all.sort_unstable();
        all
    }

    fn written(entries: &[Entry]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().expect("a directory");
        let segment = dir.path().join("1.log");
        write(&segment, &bounds(), entries).expect("a written index");
        (dir, segment)
    }

    #[test]
    fn a_file_of_format_1_keeps_these_bytes_for_ever() {
        let (_dir, segment) = written(&[Entry { key: 5, position: 6, offset: 7 }]);
        let bytes = std::fs::read(file_name(&segment)).expect("a file");
        let mut golden = b"RSGMIDX1\x01\0\0\0\0\0\0\0\x88\x77\x66\x55\x44\x33\x22\x11".to_vec();
        golden.extend_from_slice(b"\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0");
        golden.extend_from_slice(b"\x09\0\0\0\0\0\0\0\x28\0\0\0\0\0\0\0\xDD\xCC\xBB\xAA");
        golden.extend_from_slice(b"\x01\0\0\0\0\0\0\0\0\0\0\0");
        golden.extend_from_slice(&crc32c::crc32c(&golden).to_le_bytes());
        assert_eq!(bytes[..HEADER_BYTES], golden);
        assert_eq!(bytes[BLOCK_BYTES..][..16], *b"\x05\0\0\0\0\0\0\0\x06\0\0\0\x07\0\0\0");
        assert_eq!(bytes.len(), 2 * BLOCK_BYTES);
    }

    #[test]
    fn a_look_up_finds_what_a_walk_over_all_entries_finds() {
        let all = entries();
        for all in [&all[..], &all[..BLOCK_ENTRIES], &all[..BLOCK_ENTRIES * 2], &all[..1], &[]] {
            let (_dir, segment) = written(all);
            let index = IndexFile::open(&segment, &bounds()).expect("an index");
            for key in 0..=42 {
                for position in [0, 1, 2, 15, 61, 62, 5_000, u32::MAX] {
                    for max in [1, 3, 10_000] {
                        let of_key: Vec<Entry> = all.iter().filter(|entry| entry.key == key).copied().collect();
                        let after = of_key.iter().filter(|entry| entry.position <= position).count();
                        let expected: Vec<Entry> = of_key.into_iter().skip(after.saturating_sub(1)).take(max).collect();
                        assert_eq!(index.find(key, position, max), Some(expected), "{key} {position} {max}");
                    }
                }
            }
        }
    }

    #[test]
    fn damage_anywhere_is_noticed_by_whoever_reads_there_and_another_s_index_is_not_taken() {
        let all = entries();
        let (_dir, segment) = written(&all);
        let path = file_name(&segment);
        let good = std::fs::read(&path).expect("a file");
        let expected = IndexFile::open(&segment, &bounds()).expect("an index").find(20, 0, 10_000);
        for at in (0..good.len()).step_by(37).chain(0..HEADER_BYTES) {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            std::fs::write(&path, &bytes).expect("a file");
            let found = IndexFile::open(&segment, &bounds()).and_then(|index| index.find(20, 0, 10_000));
            assert!(found.is_none() || found == expected, "byte {at}");
        }
        for bytes in [&good[..good.len() - 1], &good[..BLOCK_BYTES], &good[..10], &[]] {
            std::fs::write(&path, bytes).expect("a file");
            assert!(IndexFile::open(&segment, &bounds()).is_none());
        }
        std::fs::write(&path, &good).expect("a file");
        let other_end = Bounds { end: Link { previous_crc: 1, ..bounds().end }, ..bounds() };
        let other_store = Bounds { store: StoreId(8), ..bounds() };
        assert!(IndexFile::open(&segment, &other_end).is_none() && IndexFile::open(&segment, &other_store).is_none());
    }
}
