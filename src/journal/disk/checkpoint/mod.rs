//! A checkpoint: all that the store held, in one file that is complete or refused.
//!
//! Blocks of entries, each with a checksum that goes on from the block before, and a count at the end. It is fuzzy:
//! written beside the traffic, it may hold values newer than its mark, never older ones; the log's tail from the mark on
//! makes it whole. Written under another name, synced, then renamed; the two newest are kept.

mod blocks;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::file::{FileError, failed};
use super::log::StoreId;
use crate::journal::engine::{CheckpointFigures, EngineError, Tree};
use crate::journal::record::Position;
use blocks::{Reader, Writer, split_entry};

/// How many are kept.
const KEPT: usize = 2;
const EXTENSION: &str = "ckpt";
const UNFINISHED: &str = "tmp";

/// What a checkpoint says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which store it is of.
    pub store: StoreId,
    /// The digest of the states' shapes in it.
    pub shapes: u64,
    /// The group up to which it holds everything.
    pub mark: u64,
    /// Up to here every policy's turn and every ask was at its end.
    pub settled: Position,
}

/// A checkpoint file whose head is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The file.
    pub path: PathBuf,
    /// Its head.
    pub head: Head,
    /// Its length.
    pub bytes: u64,
}

impl Checkpoint {
    /// Returns what operators see of it.
    #[must_use]
    pub const fn figures(&self) -> CheckpointFigures {
        CheckpointFigures { group: self.head.mark, bytes: self.bytes, settled: self.head.settled }
    }
}

/// Why a checkpoint cannot be used.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// It is not what was written.
    #[error("{} is damaged at offset {offset}: {reason}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where.
        offset: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// The operating system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// What was read could not be taken in, or what was written not be read.
    #[error(transparent)]
    Store(#[from] EngineError),
}

/// What each entry is shown to.
pub type Visit<'a> = dyn FnMut(Tree, &[u8], &[u8]) -> Result<(), EngineError> + 'a;

/// Returns the checkpoints of a directory whose head is good, the newest first.
///
/// # Errors
///
/// Fails when the directory cannot be read; a damaged head is left out with a warning.
pub fn list(dir: &Path) -> Result<Vec<Checkpoint>, CheckpointError> {
    let mut found = Vec::new();
    for path in files(dir)? {
        match head_of(&path) {
            Ok(checkpoint) => found.push(checkpoint),
            Err(error) => tracing::warn!(%error, "a checkpoint is not used"),
        }
    }
    found.sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.head.mark));
    Ok(found)
}

/// Writes a checkpoint of what `export` shows, and drops all but the two newest.
///
/// # Errors
///
/// Fails when the export or the disk does; nothing that was there is touched then.
pub fn write(
    dir: &Path,
    head: Head,
    export: impl FnOnce(&mut Visit<'_>) -> Result<(), EngineError>,
) -> Result<Checkpoint, CheckpointError> {
    fs::create_dir_all(dir).map_err(failed("create", dir))?;
    let path = dir.join(format!("{:020}.{EXTENSION}", head.mark));
    let unfinished = path.with_extension(UNFINISHED);
    let bytes = write_synced(&unfinished, &head, export).inspect_err(|_| {
        // It may be the disk that is full; what stays goes at the next start.
        let _ = fs::remove_file(&unfinished);
    })?;
    fs::rename(&unfinished, &path).map_err(failed("rename", &unfinished))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed("sync", dir))?;
    for old in list(dir)?.into_iter().skip(KEPT) {
        fs::remove_file(&old.path).map_err(failed("remove", &old.path))?;
    }
    Ok(Checkpoint { path, head, bytes })
}

fn write_synced(
    path: &Path,
    head: &Head,
    export: impl FnOnce(&mut Visit<'_>) -> Result<(), EngineError>,
) -> Result<u64, CheckpointError> {
    let written = failed("write", path);
    let file = File::create(path).map_err(&written)?;
    let mut writer = Writer::begin(file, head).map_err(&written)?;
    export(&mut |tree, key, value| {
        writer.entry(tree, key, value).map_err(|error| EngineError::Store(format!("the checkpoint: {error}")))
    })?;
    let file = writer.finish().map_err(&written)?;
    file.sync_all().map_err(&written)?;
    Ok(file.metadata().map_err(&written)?.len())
}

/// Shows every entry, checking all of it on the way; returns how many there were.
///
/// # Errors
///
/// Fails at the first damage; what was shown before it must not be used.
pub fn read(path: &Path, visit: &mut Visit<'_>) -> Result<u64, CheckpointError> {
    let mut reader = Reader::open(path)?;
    let mut count = 0;
    reader.head()?;
    while let Some(block) = reader.block()? {
        let mut rest = &block[..];
        while !rest.is_empty() {
            let entry = split_entry(&mut rest).ok_or_else(|| reader.damaged("an entry ends outside its block"))?;
            let (tree, key, value) = entry;
            visit(tree, key, value)?;
            count += 1;
        }
    }
    if reader.count()? != count {
        return Err(reader.damaged("it holds another number of entries than it says"));
    }
    Ok(count)
}

/// Removes what a kill left unfinished.
///
/// # Errors
///
/// Fails when the operating system refuses.
pub fn remove_unfinished(dir: &Path) -> Result<(), CheckpointError> {
    let Ok(entries) = fs::read_dir(dir) else { return Ok(()) };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|extension| extension == UNFINISHED) {
            fs::remove_file(&path).map_err(failed("remove", &path))?;
        }
    }
    Ok(())
}

fn files(dir: &Path) -> Result<Vec<PathBuf>, FileError> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(dir).map_err(failed("list", dir))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed("list", dir)));
    let wanted = |path: &PathBuf| path.extension().is_some_and(|extension| extension == EXTENSION);
    paths.filter(|path| path.as_ref().map_or(true, wanted)).collect()
}

fn head_of(path: &Path) -> Result<Checkpoint, CheckpointError> {
    let mut reader = Reader::open(path)?;
    let head = reader.head()?;
    let bytes = fs::metadata(path).map_err(failed("read", path))?.len();
    Ok(Checkpoint { path: path.to_owned(), head, bytes })
}
