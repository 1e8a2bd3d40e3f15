//! Per kind: the sequence of ids, which ids anything durable is known of, and which of them clients see.
//!
//! Ids are dense, so the visible ones are a bit each: a page is found by counting bits, not by walking rows. The store
//! keeps the bits in blocks, so that a start reads a block instead of 4,096 rows.

pub mod index;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::HashMap;
use parking_lot::RwLock;

use crate::domain::Kind;

const BLOCK_WORDS: usize = 64;
/// How many ids share a block.
const BLOCK_IDS: u64 = 64 * BLOCK_WORDS as u64;

/// A block that changed, as the store keeps it: the bits of the known ids, then those of the visible ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdBlock {
    /// Of which kind.
    pub kind: Kind,
    /// Which block.
    pub index: u64,
    /// What the store keeps.
    pub bytes: Vec<u8>,
}

/// The ids of every kind.
#[derive(Debug)]
pub struct Ids {
    kinds: HashMap<Kind, KindIds>,
}

#[derive(Debug, Default)]
struct KindIds {
    highest: AtomicU64,
    /// The highest id that a durable fact has.
    seen: AtomicU64,
    bits: RwLock<Bits>,
}

impl Ids {
    /// Knows these kinds and no ids yet.
    #[must_use]
    pub fn new(kinds: impl IntoIterator<Item = Kind>) -> Self {
        Self { kinds: kinds.into_iter().map(|kind| (kind, KindIds::default())).collect() }
    }

    /// Takes the next id of a kind.
    ///
    /// # Panics
    ///
    /// Panics when the kind is not in the catalogue.
    #[must_use]
    pub fn allocate(&self, kind: Kind) -> u64 {
        self.of(kind).highest.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Gives an id back that nobody saw; a gap stays when a later one was taken meanwhile.
    pub fn give_back(&self, kind: Kind, id: u64) {
        if id <= self.of(kind).seen.load(Ordering::Acquire) {
            return;
        }
        let _ = self.of(kind).highest.compare_exchange(id, id - 1, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Learns of a row.
    pub fn saw(&self, kind: Kind, id: u64, visible: bool) {
        let ids = self.of(kind);
        ids.highest.fetch_max(id, Ordering::Relaxed);
        ids.seen.fetch_max(id, Ordering::Release);
        // Most rows are known and stay what they were.
        let stays = {
            let bits = ids.bits.read();
            bits.known(id) && bits.visible(id) == visible
        };
        if !stays {
            ids.bits.write().set(id, visible);
        }
    }

    /// Learns of something durable beside the row.
    pub fn heard_of(&self, kind: Kind, id: u64) {
        if !self.knows(kind, id) {
            self.saw(kind, id, false);
        }
    }

    /// Tells whether anything durable is known of an id; if not, there is nothing to recover.
    #[must_use]
    pub fn knows(&self, kind: Kind, id: u64) -> bool {
        self.of(kind).bits.read().known(id)
    }

    /// Tells whether clients see an id.
    #[must_use]
    pub fn shows(&self, kind: Kind, id: u64) -> bool {
        self.of(kind).bits.read().visible(id)
    }

    /// Takes the blocks that changed since they were last taken.
    #[must_use]
    pub fn take_changed(&self) -> Vec<IdBlock> {
        let blocks = self.kinds.iter().flat_map(|(kind, ids)| {
            let mut bits = ids.bits.write();
            let changed = std::mem::take(&mut bits.changed);
            let blocks = changed.into_iter().map(|index| IdBlock { kind: *kind, index, bytes: bits.block(index) });
            blocks.collect::<Vec<_>>()
        });
        blocks.collect()
    }

    /// Gives blocks back that the store did not take.
    pub fn give_back_changed(&self, blocks: &[IdBlock]) {
        for block in blocks {
            self.of(block.kind).bits.write().changed.insert(block.index);
        }
    }

    /// Learns of a block as the store keeps it; bytes of another length are ignored.
    pub fn load(&self, kind: Kind, index: u64, bytes: &[u8]) {
        let words = bytes.as_chunks::<8>().0;
        if words.len() != 2 * BLOCK_WORDS {
            return;
        }
        let ids = self.of(kind);
        let mut bits = ids.bits.write();
        let (known, visible) = words.split_at(BLOCK_WORDS);
        for (word, (known, visible)) in (0u64..).zip(known.iter().zip(visible)) {
            let (known, visible) = (u64::from_le_bytes(*known), u64::from_le_bytes(*visible));
            for bit in (0..64).filter(|bit| known >> bit & 1 == 1) {
                let id = index * BLOCK_IDS + word * 64 + bit;
                bits.set(id, visible >> bit & 1 == 1);
                ids.highest.fetch_max(id, Ordering::Relaxed);
                ids.seen.fetch_max(id, Ordering::Release);
            }
        }
        bits.changed.remove(&index);
    }

    /// Returns how many rows clients see.
    #[must_use]
    pub fn count(&self, kind: Kind) -> u64 {
        self.of(kind).bits.read().count
    }

    /// Lists the visible ids after this one, in their order.
    #[must_use]
    pub fn after(&self, kind: Kind, id: u64, len: usize) -> Vec<u64> {
        self.of(kind).bits.read().after(id, len)
    }

    /// Returns up to `len` visible ids in order, after the first `skip`.
    #[must_use]
    pub fn page(&self, kind: Kind, skip: u64, len: usize) -> Vec<u64> {
        self.of(kind).bits.read().page(skip, len)
    }

    fn of(&self, kind: Kind) -> &KindIds {
        self.kinds.get(&kind).expect("every kind served is in the catalogue")
    }
}

/// A bit for each id, with a count of the visible ones for each block of words.
#[derive(Debug, Default)]
struct Bits {
    known: Vec<u64>,
    words: Vec<u64>,
    blocks: Vec<u32>,
    count: u64,
    /// Blocks that the store does not have as they are.
    changed: BTreeSet<u64>,
}

const fn place(id: u64) -> (usize, u64) {
    // An id that memory could not hold finds no word.
    (if id / 64 > usize::MAX as u64 { usize::MAX } else { (id / 64) as usize }, id % 64)
}

impl Bits {
    fn known(&self, id: u64) -> bool {
        let (word, bit) = place(id);
        self.known.get(word).is_some_and(|word| word >> bit & 1 == 1)
    }

    fn visible(&self, id: u64) -> bool {
        let (word, bit) = place(id);
        self.words.get(word).is_some_and(|word| word >> bit & 1 == 1)
    }

    fn block(&self, index: u64) -> Vec<u8> {
        let first = usize::try_from(index).unwrap_or(usize::MAX).saturating_mul(BLOCK_WORDS);
        let words = |words: &[u64]| -> Vec<u8> {
            let words = (first..first + BLOCK_WORDS).map(|word| words.get(word).copied().unwrap_or(0));
            words.flat_map(u64::to_le_bytes).collect()
        };
        [words(&self.known), words(&self.words)].concat()
    }

    fn set(&mut self, id: u64, visible: bool) {
        self.changed.insert(id / BLOCK_IDS);
        let (word, bit) = place(id);
        if word >= self.words.len() {
            self.known.resize(word + 1, 0);
            self.words.resize(word + 1, 0);
            self.blocks.resize(self.words.len().div_ceil(BLOCK_WORDS), 0);
        }
        self.known[word] |= 1 << bit;
        let was = self.words[word] >> bit & 1 == 1;
        match (was, visible) {
            (false, true) => {
                self.words[word] |= 1 << bit;
                self.blocks[word / BLOCK_WORDS] += 1;
                self.count += 1;
            }
            (true, false) => {
                self.words[word] &= !(1 << bit);
                self.blocks[word / BLOCK_WORDS] -= 1;
                self.count -= 1;
            }
            (true, true) | (false, false) => {}
        }
    }

    fn after(&self, id: u64, len: usize) -> Vec<u64> {
        let mut ids = Vec::with_capacity(len.min(1024));
        let Some(first) = id.checked_add(1) else { return ids };
        let (mut index, bit) = place(first);
        let mut mask = u64::MAX << bit;
        while ids.len() < len && index < self.words.len() {
            if index % BLOCK_WORDS == 0 && self.blocks.get(index / BLOCK_WORDS) == Some(&0) {
                index += BLOCK_WORDS;
                continue;
            }
            let mut word = self.words[index] & std::mem::replace(&mut mask, u64::MAX);
            while word != 0 && ids.len() < len {
                ids.push(index as u64 * 64 + u64::from(word.trailing_zeros()));
                word &= word - 1;
            }
            index += 1;
        }
        ids
    }

    fn page(&self, mut skip: u64, len: usize) -> Vec<u64> {
        let mut ids = Vec::with_capacity(len.min(1024));
        if skip >= self.count {
            return ids;
        }
        let mut block = 0;
        while block < self.blocks.len() && u64::from(self.blocks[block]) <= skip {
            skip -= u64::from(self.blocks[block]);
            block += 1;
        }
        for (index, word) in self.words.iter().enumerate().skip(block * BLOCK_WORDS) {
            let ones = u64::from(word.count_ones());
            if ones <= skip {
                skip -= ones;
                continue;
            }
            for bit in (0..64).filter(|bit| word >> bit & 1 == 1) {
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                if ids.len() == len {
                    return ids;
                }
                ids.push(index as u64 * 64 + bit);
            }
        }
        ids
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::{Ids, Kind};

    const KIND: Kind = Kind::new("a/b/c");

    proptest! {
        #[test]
        fn a_page_holds_the_visible_ids_in_order(
            seen in prop::collection::vec((1u64..20_000, any::<bool>()), 0..400),
            skip in 0u64..300,
            len in 0usize..40,
        ) {
            let ids = Ids::new([KIND]);
            let mut model = BTreeSet::new();
            for (id, visible) in seen {
                ids.saw(KIND, id, visible);
                if visible { model.insert(id); } else { model.remove(&id); }
            }
            let skipped = usize::try_from(skip).expect("small");
            let expected: Vec<u64> = model.iter().copied().skip(skipped).take(len).collect();
            prop_assert_eq!(ids.page(KIND, skip, len), expected);
            let after = skip * 70;
            let expected: Vec<u64> = model.range(after + 1..).copied().take(len).collect();
            prop_assert_eq!(ids.after(KIND, after, len), expected);
            prop_assert!(ids.after(KIND, u64::MAX, len).is_empty());
            prop_assert_eq!(ids.count(KIND), model.len() as u64);
        }
    }

    proptest! {
        #[test]
        fn ids_loaded_from_the_blocks_that_changed_are_the_same(
            rounds in prop::collection::vec(prop::collection::vec((1u64..20_000, any::<bool>()), 0..200), 1..4),
        ) {
            let ids = Ids::new([KIND]);
            let mut store = BTreeMap::new();
            for seen in rounds {
                seen.into_iter().for_each(|(id, visible)| ids.saw(KIND, id, visible));
                let refused = ids.take_changed();
                ids.give_back_changed(&refused);
                store.extend(ids.take_changed().into_iter().map(|block| (block.index, block.bytes)));
            }
            let loaded = Ids::new([KIND]);
            store.iter().for_each(|(index, bytes)| loaded.load(KIND, *index, bytes));
            prop_assert_eq!(loaded.page(KIND, 0, 20_000), ids.page(KIND, 0, 20_000));
            prop_assert_eq!(loaded.allocate(KIND), ids.allocate(KIND));
            prop_assert!(loaded.take_changed().is_empty());
        }
    }

    #[test]
    fn an_unseen_id_given_back_is_handed_out_again() {
        let ids = Ids::new([KIND]);
        let first = ids.allocate(KIND);
        ids.give_back(KIND, first);
        assert_eq!(ids.allocate(KIND), first);
        let second = ids.allocate(KIND);
        ids.give_back(KIND, first);
        assert_eq!(ids.allocate(KIND), second + 1, "a gap, never the same id twice");
    }
}
