//! `resurgam journal …`: looks after a log that no server holds.

use std::sync::Arc;
use std::time::Duration;

use super::parts::disk_options;
use super::{AppError, say};
use crate::clock::Clock;
use crate::config::Settings;
use crate::domain::system::Catalogue;
use crate::journal::disk::DiskError;
use crate::journal::disk::log::{Log, LogOptions, verify as verify_log};
use crate::journal::disk::{DiskEngine, Home};
use crate::journal::{Journal, JournalOptions, codec};
use crate::systems;

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
    Ok(0)
}

/// Makes the store again from the log.
///
/// # Errors
///
/// Fails when the log is damaged.
pub async fn rebuild(settings: &Settings) -> Result<u8, AppError> {
    let clock = Clock::system();
    {
        let home = home(settings)?;
        let sled = home.sled_dir();
        if sled.exists() {
            std::fs::remove_dir_all(&sled)
                .map_err(|source| AppError::File { path: sled.display().to_string(), source })?;
        }
    }
    let catalogue = Arc::new(Catalogue::of(&systems::all()));
    let started = clock.now();
    let (engine, _) = DiskEngine::open(&settings.journal.data, catalogue.shapes(), disk_options(settings), &clock)?;
    let remembered = JournalOptions { recent_for: Duration::ZERO };
    let journal = Journal::open(Arc::new(engine), catalogue, clock.clone(), remembered).await?;
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
pub fn dump(settings: &Settings, from: u64) -> Result<u8, AppError> {
    let home = home(settings)?;
    let catalogue = Catalogue::of(&systems::all());
    let options = LogOptions { segment_bytes: settings.journal.segment_bytes };
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

fn home(settings: &Settings) -> Result<Home, AppError> {
    Ok(Home::take(&settings.journal.data, &Clock::system()).map_err(DiskError::from)?)
}
