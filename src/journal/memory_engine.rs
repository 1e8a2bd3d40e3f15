//! The same promises without a disk, for tests and simulation: what was written outlives the journal, not the engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use parking_lot::Mutex;

use super::codec;
use super::engine::{
    Batch, CheckpointFigures, Engine, EngineError, Expiry, Figures, From, Group, Keyed, ReadGroup, Tree, Written,
};
use super::overlay::{Key, block_key};
use super::record::Position;

/// A log and a store in memory; clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryEngine {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    log: Vec<ReadGroup>,
    next_position: u64,
    failing: bool,
    free_bytes: Option<u64>,
    store: Stored,
    /// The newest checkpoint, and the one before.
    checkpoints: Vec<(Stored, CheckpointFigures)>,
}

#[derive(Clone, Debug, Default)]
struct Stored {
    trees: BTreeMap<(u8, Vec<u8>), Vec<u8>>,
    mark: u64,
}

impl MemoryEngine {
    /// Forgets the store, as a lost sled would; the log stays, and a checkpoint if there is one.
    pub fn lose_store(&self) {
        let mut inner = self.inner.lock();
        inner.store = inner.checkpoints.first().map(|(stored, _)| stored.clone()).unwrap_or_default();
    }

    /// Says how many bytes are free from now on.
    pub fn set_free_bytes(&self, free: u64) {
        self.inner.lock().free_bytes = Some(free);
    }

    /// Has every later write fail, as a dead disk would.
    pub fn fail_writes(&self) {
        self.inner.lock().failing = true;
    }
}

impl Engine for MemoryEngine {
    fn write(&self, group: Group) -> BoxFuture<'static, Result<Written, EngineError>> {
        let mut inner = self.inner.lock();
        if inner.failing {
            return ready(Err(EngineError::Log("the memory engine was told to fail".to_owned()))).boxed();
        }
        let number = inner.log.len() as u64 + 1;
        inner.next_position = group.first_position + u64::from(group.facts);
        inner.log.push(ReadGroup { number, first_position: group.first_position, payload: group.payload.to_vec() });
        ready(Ok(inner.written())).boxed()
    }

    fn last_written(&self) -> BoxFuture<'static, Result<Written, EngineError>> {
        ready(Ok(self.inner.lock().written())).boxed()
    }

    fn apply(&self, batch: Batch) -> BoxFuture<'static, Result<usize, EngineError>> {
        let mut inner = self.inner.lock();
        let mut bytes = 0;
        for (key, entry) in batch.entries.iter() {
            let place = (key.tree().tag(), key.bytes());
            match entry.encoded() {
                Some(value) => {
                    bytes += value.len();
                    inner.store.trees.insert(place, value);
                }
                None => drop(inner.store.trees.remove(&place)),
            }
        }
        for block in &batch.ids {
            inner.store.trees.insert((Tree::Ids.tag(), block_key(block.kind, block.index)), block.bytes.clone());
        }
        inner.store.mark = batch.mark;
        ready(Ok(bytes)).boxed()
    }

    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, EngineError> {
        Ok(self.inner.lock().store.trees.get(&(key.tree().tag(), key.bytes())).cloned())
    }

    fn each(&self, tree: Tree, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), EngineError> {
        let number = tree.tag();
        let inner = self.inner.lock();
        inner
            .store
            .trees
            .range((number, Vec::new())..(number + 1, Vec::new()))
            .for_each(|((_, key), value)| visit(key, value));
        Ok(())
    }

    fn read(&self, from: From, bytes_max: usize) -> BoxFuture<'static, Result<Vec<ReadGroup>, EngineError>> {
        let inner = self.inner.lock();
        let first = match from {
            From::Group(group) => usize::try_from(group.saturating_sub(1)).unwrap_or(usize::MAX),
            From::Position(position) => {
                inner.log.partition_point(|group| group.first_position <= position).saturating_sub(1)
            }
        };
        let mut bytes = 0;
        let groups = inner.log.iter().skip(first).take_while(|group| {
            let first_or_fits = bytes == 0 || bytes + group.payload.len() <= bytes_max;
            bytes += group.payload.len().max(1);
            first_or_fits
        });
        ready(Ok(groups.cloned().collect())).boxed()
    }

    fn read_keyed(&self, key: u64, from: Position, bytes_max: usize) -> BoxFuture<'static, Result<Keyed, EngineError>> {
        let inner = self.inner.lock();
        let first = inner.log.partition_point(|group| group.first_position <= from).saturating_sub(1);
        let mut keyed = Keyed { groups: Vec::new(), next: inner.next_position.max(from) };
        let mut bytes = 0;
        for group in inner.log.iter().skip(first) {
            if bytes >= bytes_max {
                keyed.next = group.first_position;
                break;
            }
            if codec::keys_of(&group.payload).is_none_or(|keys| keys.contains(&key)) {
                bytes += group.payload.len();
                keyed.groups.push(group.clone());
            }
        }
        ready(Ok(keyed)).boxed()
    }

    fn mark(&self) -> Result<u64, EngineError> {
        Ok(self.inner.lock().store.mark)
    }

    fn settle(&self) -> BoxFuture<'static, Result<(), EngineError>> {
        ready(Ok(())).boxed()
    }

    fn checkpoint(
        &self,
        settled: Position,
        expiry: Expiry,
    ) -> BoxFuture<'static, Result<CheckpointFigures, EngineError>> {
        let mut inner = self.inner.lock();
        let known = inner.newest();
        if inner.store.mark <= known.group {
            return ready(Ok(known)).boxed();
        }
        let expired = |tag: u8, value: &[u8]| tag == Tree::Answers.tag() && codec::is_expired(value, expiry);
        inner.store.trees.retain(|(tag, _), value| !expired(*tag, value));
        let bytes = inner.store.trees.values().map(|value| value.len() as u64).sum();
        let figures = CheckpointFigures { group: inner.store.mark, bytes, settled };
        let stored = inner.store.clone();
        inner.checkpoints.insert(0, (stored, figures));
        inner.checkpoints.truncate(2);
        ready(Ok(figures)).boxed()
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        ready(()).boxed()
    }

    fn free_bytes(&self) -> Option<u64> {
        self.inner.lock().free_bytes
    }

    fn figures(&self) -> Figures {
        let inner = self.inner.lock();
        let log_bytes = inner.log.iter().map(|group| group.payload.len() as u64).sum();
        Figures { segments: 1, log_bytes, group: inner.log.len() as u64, checkpoint: inner.newest() }
    }
}

impl Inner {
    fn newest(&self) -> CheckpointFigures {
        self.checkpoints.first().map(|(_, figures)| *figures).unwrap_or_default()
    }

    fn written(&self) -> Written {
        Written { group: self.log.len() as u64, next_position: self.next_position.max(1) }
    }
}
