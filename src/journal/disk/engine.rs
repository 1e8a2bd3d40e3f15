//! The storage on disk, opened in the one order that cannot lose an answered fact.

use std::path::Path;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use thiserror::Error;
use tokio::sync::oneshot;

use super::home::{Home, HomeError};
use super::lanes::Lanes;
use super::log::{Log, LogError, LogOptions, LogReader, Opened};
use super::store::Store;
use crate::clock::Clock;
use crate::journal::codec;
use crate::journal::engine::{Batch, Engine, EngineError, Figures, From, Group, ReadGroup, Tree, Written};
use crate::journal::overlay::Key;

/// How long a lane may take for a heartbeat.
const BEAT_TIMEOUT: Duration = Duration::from_secs(10);

/// How the storage is laid out.
#[derive(Clone, Copy, Debug)]
pub struct DiskOptions {
    /// The size of a log segment, in bytes.
    pub segment_bytes: u64,
    /// How many threads read the log.
    pub readers: usize,
    /// How much sled may cache, in bytes.
    pub cache_bytes: u64,
}

/// The log and sled, behind their lanes.
#[derive(Debug)]
pub struct DiskEngine {
    lanes: std::sync::Arc<Lanes>,
    store: Store,
    reader: LogReader,
    log_dir: std::path::PathBuf,
    _home: Home,
}

/// What opening found.
#[derive(Debug)]
pub struct Opening {
    /// Of the log.
    pub log: Opened,
    /// Why the store that was there could not be used.
    pub store_discarded: Option<String>,
}

/// Why the storage could not be opened.
#[derive(Debug, Error)]
pub enum DiskError {
    /// The data directory cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The log is damaged; nothing was changed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store or a lane failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl DiskEngine {
    /// Opens or makes the storage in a directory; `shapes` is the catalogue's digest.
    ///
    /// # Errors
    ///
    /// Fails when the directory is in use, or the log is damaged where somebody has seen it.
    pub fn open(dir: &Path, shapes: u64, options: DiskOptions, clock: &Clock) -> Result<(Self, Opening), DiskError> {
        let home = Home::take(dir, clock)?;
        let log_options = LogOptions { segment_bytes: options.segment_bytes };
        let open_log = |witnessed| Log::open(&home.log_dir(), home.store, log_options, witnessed);
        let open_store =
            |distrusted| Store::open(&home.sled_dir(), home.store, shapes, options.cache_bytes, distrusted);
        let (opened, (log, reader, log_opened)) = if home.rebooted {
            // After a power cut sled may hold anything without saying so: unless the log was sealed, it is not read.
            let log = open_log(0)?;
            let distrusted = (!is_sealed(&log.1)?).then_some("the machine was restarted without a clean stop");
            (open_store(distrusted)?, log)
        } else {
            let store = open_store(None)?;
            let witnessed = store.store.mark()?;
            (store, open_log(witnessed)?)
        };
        let log_dir = home.log_dir();
        let lanes = Lanes::start(log, reader.clone(), opened.store.clone(), options.readers.max(1))?;
        home.settle()?;
        let engine =
            Self { lanes: std::sync::Arc::new(lanes), store: opened.store.clone(), reader, log_dir, _home: home };
        // sled 0.34 may open without an error and without a value.
        let came_back_empty = opened.fresh && engine.reader.last_group() > 0;
        let empty = came_back_empty.then(|| "it came back empty".to_owned());
        let store_discarded = opened.discarded.or(empty);
        Ok((engine, Opening { log: log_opened, store_discarded }))
    }

    /// Waits for a sign of life of every lane.
    ///
    /// # Errors
    ///
    /// Fails when one is gone or stuck.
    pub async fn beat(&self) -> Result<(), EngineError> {
        // Only the writer's: readers may be busy with what clients ask for.
        let beat = received("writer", self.lanes.last_written());
        tokio::time::timeout(BEAT_TIMEOUT, beat).await.map_err(|_| EngineError::LaneGone("writer"))?.map(drop)
    }
}

fn is_sealed(reader: &LogReader) -> Result<bool, LogError> {
    match reader.frames_from_group(reader.last_group()).next() {
        Some(frame) => Ok(codec::ends_with_seal(&frame?.payload)),
        None => Ok(true),
    }
}

async fn received<T>(lane: &'static str, answer: oneshot::Receiver<Result<T, EngineError>>) -> Result<T, EngineError> {
    answer.await.map_err(|_| EngineError::LaneGone(lane))?
}

impl Engine for DiskEngine {
    fn write(&self, group: Group) -> BoxFuture<'static, Result<Written, EngineError>> {
        received("writer", self.lanes.write(group)).boxed()
    }

    fn last_written(&self) -> BoxFuture<'static, Result<Written, EngineError>> {
        received("writer", self.lanes.last_written()).boxed()
    }

    fn apply(&self, batch: Batch) -> BoxFuture<'static, Result<(), EngineError>> {
        received("applier", self.lanes.apply(batch)).boxed()
    }

    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, EngineError> {
        self.store.get(key)
    }

    fn each(&self, tree: Tree, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), EngineError> {
        self.store.each(tree, visit)
    }

    fn read(&self, from: From, bytes_max: usize) -> BoxFuture<'static, Result<Vec<ReadGroup>, EngineError>> {
        received("reader", self.lanes.read(from, bytes_max)).boxed()
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
        let (lanes, store) = (std::sync::Arc::clone(&self.lanes), self.store.clone());
        async move {
            // Joining threads blocks; it is the last thing this process does with them.
            let stopped = tokio::task::spawn_blocking(move || {
                lanes.stop();
                drop(store);
            });
            if stopped.await.is_err() {
                tracing::error!("the storage did not stop cleanly");
            }
        }
        .boxed()
    }

    fn figures(&self) -> Figures {
        let sizes = std::fs::read_dir(&self.log_dir).into_iter().flatten().flatten().filter_map(|entry| {
            let segment = entry.path().extension().is_some_and(|extension| extension == "log");
            segment.then(|| entry.metadata().map_or(0, |metadata| metadata.len()))
        });
        let (segments, log_bytes) = sizes.fold((0, 0), |(count, sum), size| (count + 1, sum + size));
        Figures { segments, log_bytes, group: self.reader.last_group() }
    }
}
