//! Values that are durable but not yet in the store. Reads look here first; the applier empties it.
//!
//! Two generations, as in a memtable: the fresh one takes new values, the other is on its way into the store.

pub(super) mod applier;
mod decoded;
mod entry;
mod recent;
mod turns;

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use foldhash::HashMap;
use parking_lot::Mutex;
use tokio::sync::Notify;

pub(in crate::journal) use decoded::Decoded;
pub use entry::{Entry, Key, Value, block_key, split_stream_key};
pub(in crate::journal) use recent::Recent;
pub(in crate::journal) use turns::Turns;

use super::engine::Tree;

/// How much memory fresh values may take, in bytes; beyond it the committer waits for the applier. Those that are leaving
/// may take as much again.
pub const FRESH_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How many bytes are worth a way to the store at once, and how long fewer wait for company: a row that changes often goes
/// once for all its changes, and an outcome that is settled meanwhile need not go at all. A start replays no more than that.
const RIPE_BYTES: usize = FRESH_BYTES_MAX / 4;
const RIPE_AFTER: Duration = Duration::from_secs(1);
/// What a value takes here beside its stored size, in bytes.
const ENTRY_BYTES: usize = 192;
/// The stored size of a value before any was measured, in bytes.
const VALUE_BYTES_FIRST: usize = 256;

/// Values on their way into the store.
pub type Leaving = Arc<HashMap<Key, Entry>>;

/// The two generations.
#[derive(Debug)]
pub struct Overlay {
    /// The stored size of a value, on average, of those that left last.
    value_bytes: AtomicUsize,
    generations: Mutex<Generations>,
    filled: Notify,
    emptied: Notify,
    /// How many wait for everything to have left.
    hurrying: AtomicUsize,
}

/// Somebody who waits for everything to have left.
struct Hurry<'a>(&'a Overlay);

impl<'a> Hurry<'a> {
    fn begin(overlay: &'a Overlay) -> Self {
        overlay.hurrying.fetch_add(1, Ordering::AcqRel);
        overlay.filled.notify_one();
        Self(overlay)
    }
}

impl Drop for Hurry<'_> {
    fn drop(&mut self) {
        self.0.hurrying.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Default for Overlay {
    fn default() -> Self {
        Self {
            value_bytes: AtomicUsize::new(VALUE_BYTES_FIRST),
            generations: Mutex::default(),
            filled: Notify::new(),
            emptied: Notify::new(),
            hurrying: AtomicUsize::new(0),
        }
    }
}

#[derive(Debug, Default)]
struct Generations {
    fresh: HashMap<Key, Entry>,
    leaving: Leaving,
    mark: u64,
    /// The mark when the leaving generation was taken: what it holds, and no more.
    leaving_mark: u64,
    /// How many generations were taken, and up to which they have left.
    taken: u64,
    left: u64,
}

impl Overlay {
    /// Takes values in, all at once.
    pub fn put(&self, entries: impl IntoIterator<Item = (Key, Entry)>) {
        self.put_and_drop(entries, []);
    }

    /// Takes values in, and out of the fresh ones those that need not reach the store any more.
    ///
    /// What is fresh lies in the log behind the store's mark: until the next mark is in the store, a replay brings it back.
    pub fn put_and_drop(
        &self,
        entries: impl IntoIterator<Item = (Key, Entry)>,
        needless: impl IntoIterator<Item = Key>,
    ) {
        let mut generations = self.generations.lock();
        let was_empty = generations.fresh.is_empty();
        for (key, entry) in entries {
            let held = generations.fresh.get(&key).or_else(|| generations.leaving.get(&key));
            // A follower that was killed may say late what its successor has passed.
            if held.is_none_or(|held| held.position <= entry.position) {
                generations.fresh.insert(key, entry);
            }
        }
        for key in needless {
            generations.fresh.remove(&key);
        }
        // Only when the applier has something to decide: each put would wake it.
        let tells = was_empty || self.is_ripe(&generations);
        drop(generations);
        if tells {
            self.filled.notify_one();
        }
    }

    /// Says that everything up to this group has been put.
    pub fn mark(&self, group: u64) {
        let mut generations = self.generations.lock();
        generations.mark = generations.mark.max(group);
    }

    /// Looks a value up; the outer `None` means: ask the store.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Entry> {
        let generations = self.generations.lock();
        generations.fresh.get(key).or_else(|| generations.leaving.get(key)).cloned()
    }

    /// Waits until there is room for another group.
    pub async fn room(&self) {
        self.less_than(FRESH_BYTES_MAX).await;
    }

    /// Waits until there is room for what a follower writes; half as much, so that commands come first.
    pub async fn room_for_followers(&self) {
        self.less_than(FRESH_BYTES_MAX / 2).await;
    }

    /// Counts with what values took that left last: encoding each on its way in would cost the committer its time.
    async fn less_than(&self, bytes: usize) {
        loop {
            let emptied = self.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.generations.lock().fresh.len() * self.entry_bytes() < bytes {
                return;
            }
            emptied.await;
        }
    }

    /// Waits until values are worth a way to the store: enough of them, or for long enough, or because somebody waits.
    pub async fn ripen(&self) {
        self.filled_until(|generations| !generations.fresh.is_empty() || !generations.leaving.is_empty()).await;
        let enough = |generations: &Generations| {
            self.hurrying.load(Ordering::Acquire) > 0 || !generations.leaving.is_empty() || self.is_ripe(generations)
        };
        // Few, but long enough: they go too.
        let _ = tokio::time::timeout(RIPE_AFTER, self.filled_until(enough)).await;
    }

    async fn filled_until(&self, enough: impl Fn(&Generations) -> bool) {
        loop {
            let filled = self.filled.notified();
            if enough(&self.generations.lock()) {
                return;
            }
            filled.await;
        }
    }

    fn is_ripe(&self, generations: &Generations) -> bool {
        generations.fresh.len() * self.entry_bytes() >= RIPE_BYTES
    }

    fn entry_bytes(&self) -> usize {
        ENTRY_BYTES + self.value_bytes.load(Ordering::Relaxed)
    }

    /// Waits for values and moves them into the leaving generation; the caller takes them into the store, and after them
    /// the mark.
    pub async fn leave(&self) -> (Leaving, u64) {
        loop {
            let filled = self.filled.notified();
            if let Some(leaving) = self.try_leave() {
                return leaving;
            }
            filled.await;
        }
    }

    fn try_leave(&self) -> Option<(Leaving, u64)> {
        let mut generations = self.generations.lock();
        // A batch whose applier died before it said so is still leaving: it goes first, again.
        if generations.leaving.is_empty() {
            if generations.fresh.is_empty() {
                drop(generations);
                self.emptied.notify_waiters();
                return None;
            }
            generations.leaving = Arc::new(mem::take(&mut generations.fresh));
            generations.leaving_mark = generations.mark;
            generations.taken += 1;
        }
        let mark = generations.leaving_mark;
        let leaving = Arc::clone(&generations.leaving);
        drop(generations);
        self.emptied.notify_waiters();
        Some((leaving, mark))
    }

    /// Returns the newest values of one tree that wait here.
    #[must_use]
    pub fn of(&self, tree: Tree) -> HashMap<Key, Entry> {
        let generations = self.generations.lock();
        let newest = generations.leaving.iter().chain(&generations.fresh).filter(|(key, _)| key.tree() == tree);
        newest.map(|(key, entry)| (key.clone(), entry.clone())).collect()
    }

    /// Forgets the leaving generation: the store has it, in so many bytes.
    pub fn left(&self, bytes: usize) {
        let mut generations = self.generations.lock();
        if let Some(each) = bytes.checked_div(generations.leaving.len()) {
            self.value_bytes.store(each, Ordering::Relaxed);
        }
        generations.leaving = Arc::default();
        generations.left = generations.taken;
        drop(generations);
        self.emptied.notify_waiters();
    }

    /// Waits until values have left, or a wait has come to nothing.
    pub async fn has_left(&self) {
        self.emptied.notified().await;
    }

    /// Waits until everything that is there now has left.
    pub async fn drained(&self) {
        let last = {
            let generations = self.generations.lock();
            generations.taken + u64::from(!generations.fresh.is_empty())
        };
        let _hurry = Hurry::begin(self);
        loop {
            let emptied = self.emptied.notified();
            if self.generations.lock().left >= last {
                return;
            }
            emptied.await;
        }
    }

    /// Returns how many values wait.
    #[must_use]
    pub fn len(&self) -> usize {
        let generations = self.generations.lock();
        generations.fresh.len() + generations.leaving.len()
    }

    /// Tells whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
