//! Opens the storage in the one order that cannot lose an answered fact: lock, store, log, checkpoint, lanes.

use std::path::Path;

use thiserror::Error;

use super::checkpoint::{self, Checkpoint, CheckpointError};
use super::engine::DiskEngine;
use super::home::{Home, HomeError};
use super::lanes::Lanes;
use super::log::{Log, LogError, LogOptions, LogReader, Opened};
use super::store::{OpenedStore, Store};
use crate::clock::Clock;
use crate::journal::codec;
use crate::journal::engine::EngineError;

/// After how many values of a checkpoint the start says how far it is.
const SAY_EVERY: u64 = 500_000;

/// How the storage is laid out.
#[derive(Clone, Copy, Debug)]
pub struct DiskOptions {
    /// The size of a log segment, in bytes.
    pub segment_bytes: u64,
    /// How many threads read the log.
    pub readers: usize,
    /// How much memory sled's cache may take, in bytes.
    pub cache_bytes: u64,
}

/// What opening found.
#[derive(Debug)]
pub struct Opening {
    /// Of the log.
    pub log: Opened,
    /// Why the store that was there could not be used.
    pub store_discarded: Option<String>,
    /// The checkpoint it was made again from, if there was one.
    pub restored: Option<Checkpoint>,
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
    /// The checkpoints cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
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
        home.must_have_its_log()?;
        checkpoint::remove_unfinished(&home.checkpoint_dir())?;
        let checkpoints = checkpoint::list(&home.checkpoint_dir())?;
        let in_checkpoints = checkpoints.iter().filter(|it| it.head.store == home.store).map(|it| it.head.mark).max();
        let log_options = LogOptions { segment_bytes: options.segment_bytes, keys_of: codec::keys_of };
        let open_log = |in_store: u64| {
            Log::open(&home.log_dir(), home.store, log_options, in_store.max(in_checkpoints.unwrap_or(0)))
        };
        let open_store =
            |distrusted| Store::open(&home.sled_dir(), home.store, shapes, options.cache_bytes, distrusted);
        let (opened, (log, reader, log_opened)) = if home.rebooted {
            // After a power cut sled may hold anything without saying so: unless the log was sealed, and nobody has
            // opened sled since, it is not read.
            let log = open_log(0)?;
            let trusted = home.closed && is_sealed(&log.1)?;
            let distrusted = (!trusted).then_some("the machine was restarted without a clean stop");
            (open_store(distrusted)?, log)
        } else {
            let store = open_store(None)?;
            let in_store = store.store.mark()?;
            (store, open_log(in_store)?)
        };
        home.log_has_begun()?;
        let OpenedStore { store, discarded, fresh } = opened;
        let made_again = fresh && reader.last_group() > 0;
        // sled 0.34 may open without an error and without a value.
        let store_discarded =
            discarded.or_else(|| made_again.then(|| "there was none, or it came back empty".to_owned()));
        let (store, restored) = match made_again {
            true => restored(&home, store, shapes, options, checkpoints)?,
            false => (store, None),
        };
        store.sign(home.store, shapes)?;
        let lanes = Lanes::start(log, reader.clone(), store.clone(), options.readers.max(1))?;
        home.settle()?;
        let engine = Self::assembled(lanes, store, shapes, reader, home)?;
        Ok((engine, Opening { log: log_opened, store_discarded, restored }))
    }
}

/// Fills a fresh store from the newest checkpoint that is good to its end; leaves it empty when there is none.
fn restored(
    home: &Home,
    mut store: Store,
    shapes: u64,
    options: DiskOptions,
    checkpoints: Vec<Checkpoint>,
) -> Result<(Store, Option<Checkpoint>), DiskError> {
    for checkpoint in checkpoints {
        if checkpoint.head.store != home.store || checkpoint.head.shapes != shapes {
            tracing::warn!(file = %checkpoint.path.display(), "a checkpoint of another log or build is not used");
            continue;
        }
        match import(&store, &checkpoint) {
            Ok(values) => {
                tracing::info!(values, group = checkpoint.head.mark, "the store was filled from a checkpoint");
                return Ok((store, Some(checkpoint)));
            }
            Err(error) => {
                tracing::error!(%error, "a checkpoint cannot be used");
                drop(store);
                // What it left behind is unsigned, and so set aside.
                store = Store::open(&home.sled_dir(), home.store, shapes, options.cache_bytes, None)?.store;
            }
        }
    }
    Ok((store, None))
}

fn import(store: &Store, checkpoint: &Checkpoint) -> Result<u64, CheckpointError> {
    let mut taken = 0;
    let values = checkpoint::read(&checkpoint.path, &mut |tree, key, value| {
        taken += 1;
        if taken % SAY_EVERY == 0 {
            tracing::info!(values = taken, "filling the store from a checkpoint");
        }
        store.import(tree, key, value)
    })?;
    store.set_mark(checkpoint.head.mark)?;
    Ok(values)
}

pub(super) fn is_sealed(reader: &LogReader) -> Result<bool, LogError> {
    match reader.frames_from_group(reader.last_group()).next() {
        Some(frame) => Ok(codec::ends_with_seal(&frame?.payload)),
        None => Ok(true),
    }
}
