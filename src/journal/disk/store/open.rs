//! Opens sled where it may panic, believes it only when it verifies, and otherwise begins afresh.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use super::{Store, store_error};
use crate::journal::disk::log::StoreId;
use crate::journal::engine::{EngineError, Tree};

/// The layout of the trees; a store with another is made again.
const FORMAT: u64 = 3;
/// How many times as many bytes a page takes in memory, as keys and values, than in the file, which is what sled counts.
/// Measured with some millions of facts.
const CACHE_BYTES_A_STORED_BYTE: u64 = 5;
/// How often an open that meets sled's own lock is tried.
const OPEN_TRIES_MAX: u32 = 50;
const OPEN_WAIT: Duration = Duration::from_millis(20);

/// A store and what became of the one that was there.
#[derive(Debug)]
pub struct OpenedStore {
    /// The store.
    pub store: Store,
    /// Why the one that was there could not be used.
    pub discarded: Option<String>,
    /// Whether it held nothing, as at the first start.
    pub fresh: bool,
}

impl Store {
    /// Opens the store of this log, or a fresh one when what is there cannot be trusted.
    ///
    /// # Errors
    ///
    /// Fails when not even a fresh one opens.
    pub fn open(
        dir: &Path,
        store: StoreId,
        shapes: u64,
        cache_bytes: u64,
        distrusted: Option<&str>,
    ) -> Result<OpenedStore, EngineError> {
        let reason = match distrusted {
            Some(reason) if dir.exists() => Some(reason.to_owned()),
            Some(_) | None => {
                remove_stale_snapshots(dir);
                match Self::try_open(dir, cache_bytes).and_then(|opened| opened.verified(store, shapes)) {
                    Ok((store, fresh)) => return Ok(OpenedStore { store, discarded: None, fresh }),
                    Err(reason) => Some(reason),
                }
            }
        };
        set_aside(dir).map_err(|error| EngineError::Store(format!("cannot set {} aside: {error}", dir.display())))?;
        let opened = Self::try_open(dir, cache_bytes).map_err(EngineError::Store)?;
        Ok(OpenedStore { store: opened, discarded: reason, fresh: true })
    }

    fn try_open(dir: &Path, cache_bytes: u64) -> Result<Self, String> {
        for _ in 0..OPEN_TRIES_MAX {
            // sled 0.34 panics on some torn files instead of saying so.
            match catch_unwind(AssertUnwindSafe(|| Self::open_trees(dir, cache_bytes))) {
                Ok(Ok(store)) => return Ok(store),
                // A store dropped a moment ago holds its lock until its threads end.
                // sled gives it no kind of its own.
                Ok(Err(sled::Error::Io(error))) if error.to_string().starts_with("could not acquire lock") => {
                    std::thread::sleep(OPEN_WAIT);
                }
                Ok(Err(error)) => return Err(error.to_string()),
                Err(_) => return Err("sled panicked while opening".to_owned()),
            }
        }
        Err("sled's own lock is held by another process".to_owned())
    }

    fn open_trees(dir: &Path, cache_bytes: u64) -> Result<Self, sled::Error> {
        let stored_bytes = cache_bytes / CACHE_BYTES_A_STORED_BYTE;
        let db = sled::Config::new().path(dir).cache_capacity(stored_bytes).flush_every_ms(Some(500)).open()?;
        Ok(Self {
            dir: dir.to_owned(),
            rows: db.open_tree("rows")?,
            answers: db.open_tree("answers")?,
            intents: db.open_tree("intents")?,
            followers: db.open_tree("followers")?,
            ids: db.open_tree("ids")?,
            pieces: db.open_tree("pieces")?,
            meta: db.open_tree("meta")?,
            db,
        })
    }

    /// Gives a store of this log back, and whether it is a fresh one.
    fn verified(self, store: StoreId, shapes: u64) -> Result<(Self, bool), String> {
        match self.number("store")? {
            Some(signed) if signed == store.0 => {}
            Some(_) => return Err("it belongs to another log".to_owned()),
            None if Tree::EXPORTED.iter().all(|tree| self.tree(*tree).is_empty()) => return Ok((self, true)),
            None => return Err("its making was not finished".to_owned()),
        }
        if self.number("format")? != Some(FORMAT) {
            return Err("another build laid it out".to_owned());
        }
        if self.number("shapes")? != Some(shapes) {
            return Err("it holds other shapes of states than this build".to_owned());
        }
        Ok((self, false))
    }

    /// Says whose store it is; until then a start takes it for unfinished.
    ///
    /// # Errors
    ///
    /// Fails when sled does.
    pub fn sign(&self, store: StoreId, shapes: u64) -> Result<(), EngineError> {
        for (name, number) in [("format", FORMAT), ("shapes", shapes), ("store", store.0)] {
            self.meta.insert(name, &number.to_be_bytes()).map_err(store_error)?;
        }
        Ok(())
    }
}

/// sled leaves a half-written snapshot behind when killed, and then refuses every open.
fn remove_stale_snapshots(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|extension| extension == "generating") {
            let _ = fs::remove_file(path);
        }
    }
}

/// Keeps the last discarded store for whoever wants to know why.
fn set_aside(dir: &Path) -> io::Result<()> {
    if !dir.exists() {
        return Ok(());
    }
    let aside = dir.with_extension("discarded");
    if aside.exists() {
        fs::remove_dir_all(&aside)?;
    }
    fs::rename(dir, aside)
}
