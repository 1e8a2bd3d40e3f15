//! Per kind: the sequence of ids, and which ids clients see.
//!
//! Ids are dense, so the visible ones are a bit each: a page is found by counting bits, not by walking rows.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use crate::domain::Kind;

const BLOCK_WORDS: usize = 64;

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
    visible: RwLock<Visible>,
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
        ids.visible.write().set(id, visible);
    }

    /// Returns how many rows clients see.
    #[must_use]
    pub fn count(&self, kind: Kind) -> u64 {
        self.of(kind).visible.read().count
    }

    /// Returns up to `len` visible ids in order, after the first `skip`.
    #[must_use]
    pub fn page(&self, kind: Kind, skip: u64, len: usize) -> Vec<u64> {
        self.of(kind).visible.read().page(skip, len)
    }

    fn of(&self, kind: Kind) -> &KindIds {
        self.kinds.get(&kind).expect("every kind served is in the catalogue")
    }
}

/// A bit for each id, with a count for each block of words.
#[derive(Debug, Default)]
struct Visible {
    words: Vec<u64>,
    blocks: Vec<u32>,
    count: u64,
}

impl Visible {
    fn set(&mut self, id: u64, visible: bool) {
        let (word, bit) = (usize::try_from(id / 64).unwrap_or(usize::MAX), id % 64);
        if word >= self.words.len() {
            if !visible {
                return;
            }
            self.words.resize(word + 1, 0);
            self.blocks.resize(self.words.len().div_ceil(BLOCK_WORDS), 0);
        }
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
    use std::collections::BTreeSet;

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
            prop_assert_eq!(ids.count(KIND), model.len() as u64);
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
