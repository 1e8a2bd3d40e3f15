//! `resurgam journal …`: looks after a log that no server holds.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::parts::disk_options;
use super::{AppError, say};
use crate::clock::Clock;
use crate::config::Settings;
use crate::domain::System;
use crate::domain::system::Catalogue;
use crate::journal::disk::DiskError;
use crate::journal::disk::backup::{self, Backup};
use crate::journal::disk::checkpoint;
use crate::journal::disk::log::{Log, LogOptions, verify as verify_log};
use crate::journal::disk::{DiskEngine, Home};
use crate::journal::{CheckpointFigures, Journal, JournalOptions, codec};
use crate::telemetry::traces::Tracer;

/// Checks every frame and the chain over all of them.
///
/// # Errors
///
/// Fails with file, offset and remedy of the first damage.
pub fn verify(settings: &Settings) -> Result<u8, AppError> {
    let home = home(settings)?;
    let verified = verify_log(&home.log_dir(), Some(home.store)).map_err(DiskError::from)?;
    say(&format!(
        "ok: {} groups with {} facts in {} segments, {} bytes",
        verified.groups, verified.facts, verified.segments, verified.bytes
    ));
    for found in checkpoint::list(&home.checkpoint_dir()).map_err(DiskError::from)? {
        let values = checkpoint::read(&found.path, &mut |_, _, _| Ok(())).map_err(DiskError::from)?;
        say(&format!("ok: checkpoint of group {} with {values} values, {} bytes", found.head.mark, found.bytes));
    }
    Ok(0)
}

/// Writes a checkpoint of the store, after taking what it lacks from the log.
///
/// # Errors
///
/// Fails when the log is damaged.
pub async fn checkpoint(settings: &Settings, systems: &[System]) -> Result<u8, AppError> {
    let journal = opened(settings, systems, &Clock::system()).await?;
    // A clean end writes one, if anything was written since the last.
    journal.clone().close().await;
    let CheckpointFigures { group, bytes, .. } = journal.figures().engine.checkpoint;
    say(&format!("ok: the newest checkpoint holds everything up to group {group}, {bytes} bytes"));
    Ok(0)
}

/// Copies the journal into a new directory.
///
/// # Errors
///
/// Fails when the directory is not empty, or the journal is damaged.
pub fn backup(settings: &Settings, to: &Path) -> Result<u8, AppError> {
    let Backup { groups, facts, files, bytes } = backup::backup(&settings.journal.data, to, &mut |file| say(file))?;
    say(&format!("ok: {groups} groups with {facts} facts in {files} files, {bytes} bytes"));
    Ok(0)
}

/// Makes a journal from a backup.
///
/// # Errors
///
/// Fails when the backup is damaged, or the data directory holds a journal.
pub fn restore(settings: &Settings, from: &Path) -> Result<u8, AppError> {
    let Backup { groups, facts, files, bytes } = backup::restore(from, &settings.journal.data, &mut |file| say(file))?;
    say(&format!("ok: {groups} groups with {facts} facts in {files} files, {bytes} bytes"));
    Ok(0)
}

/// Makes the store again from the whole log; checkpoints are made anew with it.
///
/// # Errors
///
/// Fails when the log is damaged.
pub async fn rebuild(settings: &Settings, systems: &[System]) -> Result<u8, AppError> {
    let clock = Clock::system();
    {
        let home = home(settings)?;
        for dir in [home.sled_dir(), home.checkpoint_dir()].into_iter().filter(|dir| dir.exists()) {
            std::fs::remove_dir_all(&dir)
                .map_err(|source| AppError::File { path: dir.display().to_string(), source })?;
        }
    }
    let started = clock.now();
    let journal = opened(settings, systems, &clock).await?;
    let position = *journal.durable().borrow();
    journal.close().await;
    say(&format!(
        "ok: the store was made again up to position {position} in {} ms",
        (clock.now() - started).as_millis()
    ));
    Ok(0)
}

/// Prints every record from a position on.
///
/// # Errors
///
/// Fails when the log is damaged or holds what this build does not know.
pub fn dump(settings: &Settings, systems: &[System], from: u64) -> Result<u8, AppError> {
    let home = home(settings)?;
    let catalogue = Catalogue::of(systems);
    let options = LogOptions { segment_bytes: settings.journal.segment_bytes, keys_of: codec::keys_of };
    // Opened as a start would, so that a torn tail is told apart from damage.
    let (_, reader, _) = Log::open(&home.log_dir(), home.store, options, 0).map_err(DiskError::from)?;
    for frame in reader.frames_from_position(from) {
        let frame = frame.map_err(DiskError::from)?;
        let mut position = frame.header.first_position();
        let records =
            codec::decode_records(&frame.payload, &catalogue).map_err(crate::journal::handle::OpenError::from)?;
        for record in records {
            let next = position + record.positions();
            if next > from || position >= from {
                say(&format!("group {} position {position} {record:?}", frame.header.group()));
            }
            position = next;
        }
    }
    Ok(0)
}

async fn opened(settings: &Settings, systems: &[System], clock: &Clock) -> Result<Journal, AppError> {
    let catalogue = Arc::new(Catalogue::of(systems));
    let (engine, _) = DiskEngine::open(&settings.journal.data, catalogue.shapes(), disk_options(settings), clock)?;
    let remembered = JournalOptions { recent_for: Duration::ZERO, free_bytes_min: 0, tracer: Tracer::default() };
    Ok(Journal::open(Arc::new(engine), catalogue, clock.clone(), remembered).await?)
}

fn home(settings: &Settings) -> Result<Home, AppError> {
    Ok(Home::take(&settings.journal.data, &Clock::system()).map_err(DiskError::from)?)
}
