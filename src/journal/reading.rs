//! What can be looked up and read back: durable things only.

use std::sync::Arc;

use thiserror::Error;

use super::codec::{self, CodecError};
use super::engine::{EngineError, From, Tree};
use super::handle::Journal;
use super::overlay::Key;
use super::record::{Answered, Intent, Note, Parked, Position, Row};
use super::recovery;
use crate::domain::{Recorded, Stream};

/// How many bytes of the log a follower that fell behind reads at once.
const READ_BYTES_MAX: usize = 256 * 1024;

impl Journal {
    /// Returns the newest durable row.
    ///
    /// # Errors
    ///
    /// Fails when the store does, or holds what does not decode.
    pub fn row(&self, stream: Stream) -> Result<Option<Arc<Row>>, ReadError> {
        self.core.row(stream)
    }

    /// Returns what a command came to, if that is remembered.
    ///
    /// # Errors
    ///
    /// Fails when the store does, or holds what does not decode.
    pub fn answer(&self, command: u128) -> Result<Option<Arc<Answered>>, ReadError> {
        self.core.answer(command)
    }

    /// Returns durable facts from a position on, in order, `max` at most; none when there are none yet.
    ///
    /// # Errors
    ///
    /// Fails on a damaged log or an unknown type.
    pub async fn facts_from(&self, from: Position, max: usize) -> Result<Vec<Arc<Recorded>>, ReadError> {
        let durable = *self.core.durable.borrow();
        if from > durable {
            return Ok(Vec::new());
        }
        // A group that is synced but not yet visible is read a moment later.
        let max = max.min(usize::try_from(durable - from + 1).unwrap_or(usize::MAX));
        if let Some(facts) = self.core.feed.from(from, max) {
            return Ok(facts);
        }
        let groups = self.core.engine.read(From::Position(from), READ_BYTES_MAX).await?;
        recovery::facts_of(&groups, &self.core.catalogue, from, max)
    }

    /// Returns a follower's position: the last fact it is done with.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub fn progress(&self, follower: &Arc<str>) -> Result<Position, ReadError> {
        let key = Key::Progress(Arc::clone(follower));
        if let Some(entry) = self.core.overlay.get(&key) {
            return Ok(entry.position);
        }
        Ok(self.core.engine.get(&key)?.map_or(0, |bytes| codec::position_of(&bytes)))
    }

    /// Returns the facts that followers have set aside.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn parked(&self) -> Result<Vec<Parked>, ReadError> {
        self.core.overlay.drained().await;
        let mut parked = Vec::new();
        self.core.engine.each(Tree::Followers, &mut |key, bytes| {
            if key.starts_with(b"parked\0")
                && let Ok(Note::Parked(item)) = codec::decode_note(bytes)
            {
                parked.push(item);
            }
        })?;
        Ok(parked)
    }

    /// Returns the intents that were open when the journal was opened or asked.
    ///
    /// # Errors
    ///
    /// Fails when the store does, or holds what does not decode.
    pub async fn open_intents(&self) -> Result<Vec<Arc<Intent>>, ReadError> {
        self.core.overlay.drained().await;
        let mut intents = Vec::new();
        let mut failed = None;
        self.core.engine.each(
            Tree::Intents,
            &mut |_, bytes| match codec::decode_intent(bytes, &self.core.catalogue) {
                Ok(intent) => intents.push(Arc::new(intent)),
                Err(error) => failed = Some(error),
            },
        )?;
        failed.map_or(Ok(intents), |error| Err(error.into()))
    }
}

/// Why a look-up failed.
#[derive(Debug, Clone, Error)]
pub enum ReadError {
    /// The storage failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It holds what does not decode.
    #[error(transparent)]
    Codec(#[from] CodecError),
}
