//! The storage on disk: log and sled behind their lanes.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::checkpoint::{self, Checkpoint, CheckpointError, Head};
use super::home::Home;
use super::lanes::Lanes;
use super::log::LogReader;
use super::opening::{DiskError, is_sealed};
use super::store::Store;
use crate::journal::engine::{
    Batch, CheckpointFigures, Engine, EngineError, Expiry, Figures, From, Group, Keyed, Lane, ReadGroup, Tree, Written,
};
use crate::journal::overlay::Key;
use crate::journal::record::Position;

/// How long a lane may take for a heartbeat.
const BEAT_TIMEOUT: Duration = Duration::from_secs(10);
/// How many readers are asked for the same before it fails.
const READS_MAX: u32 = 3;

/// The log and sled, behind their lanes.
#[derive(Debug)]
pub struct DiskEngine {
    lanes: Arc<Lanes>,
    store: Store,
    shapes: u64,
    reader: LogReader,
    checkpoint: Arc<Mutex<CheckpointFigures>>,
    home: Arc<Home>,
}

impl DiskEngine {
    pub(super) fn assembled(
        lanes: Lanes,
        store: Store,
        shapes: u64,
        reader: LogReader,
        home: Home,
    ) -> Result<Self, CheckpointError> {
        let newest = checkpoint::list(&home.checkpoint_dir())?.into_iter().next();
        Ok(Self {
            lanes: Arc::new(lanes),
            store,
            shapes,
            reader,
            checkpoint: Arc::new(Mutex::new(newest.as_ref().map(Checkpoint::figures).unwrap_or_default())),
            home: Arc::new(home),
        })
    }

    /// Returns how many groups were read back from the log since it was opened.
    #[must_use]
    pub fn groups_read(&self) -> u64 {
        self.reader.frames_read()
    }

    /// Waits for a sign of life of every lane.
    ///
    /// # Errors
    ///
    /// Fails when one is gone or stuck.
    pub async fn beat(&self) -> Result<(), EngineError> {
        if let Some(lane) = self.lanes.gone() {
            return Err(EngineError::LaneGone(lane.name()));
        }
        // Only the writer's: readers may be busy with what clients ask for, and the applier with what sled does.
        let beat = received("writer", self.lanes.last_written());
        tokio::time::timeout(BEAT_TIMEOUT, beat).await.map_err(|_| EngineError::LaneGone("writer"))?.map(drop)
    }
}

async fn received<T>(lane: &'static str, answer: oneshot::Receiver<Result<T, EngineError>>) -> Result<T, EngineError> {
    answer.await.map_err(|_| EngineError::LaneGone(lane))?
}

/// Asks another reader when the one that was asked has ended.
async fn read_again<T>(read: impl Fn() -> oneshot::Receiver<Result<T, EngineError>>) -> Result<T, EngineError> {
    for _ in 1..READS_MAX {
        match received("reader", read()).await {
            Err(EngineError::LaneGone(_)) => {}
            read => return read,
        }
    }
    received("reader", read()).await
}

impl Engine for DiskEngine {
    fn write(&self, group: Group) -> BoxFuture<'static, Result<Written, EngineError>> {
        received("writer", self.lanes.write(group)).boxed()
    }

    fn last_written(&self) -> BoxFuture<'static, Result<Written, EngineError>> {
        received("writer", self.lanes.last_written()).boxed()
    }

    fn apply(&self, batch: Batch) -> BoxFuture<'static, Result<usize, EngineError>> {
        received("applier", self.lanes.apply(batch)).boxed()
    }

    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, EngineError> {
        self.store.get(key)
    }

    fn each(&self, tree: Tree, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), EngineError> {
        self.store.each(tree, visit)
    }

    fn read(&self, from: From, bytes_max: usize) -> BoxFuture<'static, Result<Vec<ReadGroup>, EngineError>> {
        let lanes = Arc::clone(&self.lanes);
        async move { read_again(|| lanes.read(from, bytes_max)).await }.boxed()
    }

    fn read_keyed(&self, key: u64, from: Position, bytes_max: usize) -> BoxFuture<'static, Result<Keyed, EngineError>> {
        let lanes = Arc::clone(&self.lanes);
        async move { read_again(|| lanes.read_keyed(key, from, bytes_max)).await }.boxed()
    }

    fn mark(&self) -> Result<u64, EngineError> {
        self.store.mark()
    }

    fn settle(&self) -> BoxFuture<'static, Result<(), EngineError>> {
        let store = self.store.clone();
        async move {
            // Syncing files blocks.
            let settled = tokio::task::spawn_blocking(move || store.settle());
            settled.await.map_err(|_| EngineError::LaneGone("settling"))?
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        let (lanes, store) = (Arc::clone(&self.lanes), self.store.clone());
        let (reader, home) = (self.reader.clone(), Arc::clone(&self.home));
        async move {
            // Joining threads blocks; it is the last thing this process does with them.
            let stopped = tokio::task::spawn_blocking(move || {
                lanes.stop();
                leave(&store, &reader, &home)
            });
            match stopped.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the next start may make the store again"),
                Err(_) => tracing::error!("the storage did not stop cleanly"),
            }
        }
        .boxed()
    }

    fn checkpoint(
        &self,
        settled: Position,
        expiry: Expiry,
    ) -> BoxFuture<'static, Result<CheckpointFigures, EngineError>> {
        let (store, newest, lanes) = (self.store.clone(), Arc::clone(&self.checkpoint), Arc::clone(&self.lanes));
        let (dir, id, shapes) = (self.home.checkpoint_dir(), self.home.store, self.shapes);
        async move {
            // Read first: everything of an older group is in the store from here on.
            let mark = store.mark()?;
            let known = *newest.lock();
            if mark <= known.group {
                return Ok(known);
            }
            let head = Head { store: id, shapes, mark, settled };
            received("exporter", lanes.checkpoint(dir, head, expiry, newest)).await
        }
        .boxed()
    }

    fn has_lane(&self, _: Lane) -> bool {
        true
    }

    fn end_lane(&self, lane: Lane) -> bool {
        self.lanes.end(lane);
        true
    }

    fn free_bytes(&self) -> Option<u64> {
        // What only root may take is not free.
        rustix::fs::statvfs(&self.home.dir).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    fn figures(&self) -> Figures {
        let (segments, log_bytes) = self.reader.size();
        Figures { segments, log_bytes, group: self.reader.last_group(), checkpoint: *self.checkpoint.lock() }
    }
}

/// After the last value: what the log's seal says of the store is true from here until somebody opens it.
fn leave(store: &Store, reader: &LogReader, home: &Home) -> Result<(), DiskError> {
    if is_sealed(reader)? {
        store.settle()?;
        home.close()?;
    }
    Ok(())
}
