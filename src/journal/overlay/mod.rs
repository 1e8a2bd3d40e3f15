//! Values that are durable but not yet in the store. Reads look here first; the applier empties it.
//!
//! Two generations, as in a memtable: the fresh one takes new values, the other is on its way into the store.

pub(super) mod applier;

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::codec;
use super::engine::Tree;
use super::record::{Answered, Intent, Note, Position, Row};
use crate::domain::{Kind, Stream};

/// How much memory fresh values may take, in bytes; beyond it the committer waits for the applier. Those that are leaving
/// may take as much again.
pub const FRESH_BYTES_MAX: usize = 32 * 1024 * 1024;
/// What a value takes here beside its stored size, in bytes.
const ENTRY_BYTES: usize = 192;
/// The stored size of a value before any was measured, in bytes.
const VALUE_BYTES_FIRST: usize = 256;

/// What a value is looked up by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A row.
    Row(Stream),
    /// The outcome of a command.
    Answer(u128),
    /// The open intent of an asker.
    Intent(Stream),
    /// A follower's position.
    Progress(Arc<str>),
    /// A fact a follower set aside.
    Parked(Arc<str>, Position),
}

impl Key {
    /// Returns the tree it lives in.
    #[must_use]
    pub const fn tree(&self) -> Tree {
        match self {
            Self::Row(_) => Tree::Rows,
            Self::Answer(_) => Tree::Answers,
            Self::Intent(_) => Tree::Intents,
            Self::Progress(_) | Self::Parked(..) => Tree::Followers,
        }
    }

    /// Returns the stored key; numbers big-endian, so that ids are in order.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Row(stream) | Self::Intent(stream) => stream_key(*stream),
            Self::Answer(command) => command.to_be_bytes().to_vec(),
            Self::Progress(follower) => [b"position\0", follower.as_bytes()].concat(),
            Self::Parked(follower, position) => {
                [b"parked\0", follower.as_bytes(), b"\0", &position.to_be_bytes()].concat()
            }
        }
    }
}

fn stream_key(stream: Stream) -> Vec<u8> {
    [stream.kind.path().as_bytes(), b"\0", &stream.id.to_be_bytes()].concat()
}

/// Returns the stored key of a block of ids.
#[must_use]
pub fn block_key(kind: Kind, index: u64) -> Vec<u8> {
    stream_key(Stream::new(kind, index))
}

/// Splits a stored key into kind and id, or the index of a block of ids.
#[must_use]
pub fn split_stream_key(key: &[u8]) -> Option<(&str, u64)> {
    let (rest, id) = key.split_last_chunk::<8>()?;
    let path = std::str::from_utf8(rest.strip_suffix(b"\0")?).ok()?;
    Some((path, u64::from_be_bytes(*id)))
}

/// A newest value and the position that wrote it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The position that wrote it.
    pub position: Position,
    /// The value; `None` removes it.
    pub value: Option<Value>,
}

/// A value of the overlay.
#[derive(Clone, Debug)]
pub enum Value {
    /// A row.
    Row(Arc<Row>),
    /// A remembered outcome.
    Answer(Arc<Answered>),
    /// An open intent.
    Intent(Arc<Intent>),
    /// A follower's position; its own position is what it holds.
    Progress,
    /// A parked fact.
    Note(Arc<Note>),
}

impl Entry {
    /// Encodes the value for the store.
    #[must_use]
    pub fn encoded(&self) -> Option<Vec<u8>> {
        self.value.as_ref().map(|value| match value {
            Value::Row(row) => codec::encode_row(row),
            Value::Answer(answered) => codec::encode_answered(answered),
            Value::Intent(intent) => codec::encode_intent(self.position, intent),
            Value::Progress => self.position.to_le_bytes().to_vec(),
            Value::Note(note) => codec::encode_note(self.position, note),
        })
    }
}

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
}

impl Default for Overlay {
    fn default() -> Self {
        Self {
            value_bytes: AtomicUsize::new(VALUE_BYTES_FIRST),
            generations: Mutex::default(),
            filled: Notify::new(),
            emptied: Notify::new(),
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

    /// Takes values in, and out of the fresh ones those that need not reach the store any more; returns these.
    ///
    /// What is fresh lies in the log behind the store's mark: until the next mark is in the store, a replay brings it back.
    pub fn put_and_drop(
        &self,
        entries: impl IntoIterator<Item = (Key, Entry)>,
        needless: impl IntoIterator<Item = Key>,
    ) -> Vec<(Key, Entry)> {
        let mut generations = self.generations.lock();
        for (key, entry) in entries {
            let held = generations.fresh.get(&key).or_else(|| generations.leaving.get(&key));
            // A follower that was killed may say late what its successor has passed.
            if held.is_none_or(|held| held.position <= entry.position) {
                generations.fresh.insert(key, entry);
            }
        }
        let dropped = needless.into_iter().filter_map(|key| generations.fresh.remove_entry(&key)).collect();
        drop(generations);
        self.filled.notify_one();
        dropped
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
            let entry_bytes = ENTRY_BYTES + self.value_bytes.load(Ordering::Relaxed);
            if self.generations.lock().fresh.len() * entry_bytes < bytes {
                return;
            }
            emptied.await;
        }
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
