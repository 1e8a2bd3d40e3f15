//! Histories that this build cannot fold: their aggregates are shown as they were before, take no command, and wait for a
//! build that can.
//!
//! The fact that could not be folded is set aside under the name of a follower, so that it outlives the replay that met
//! it; each start tries again.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::Mutex;
use thiserror::Error;

use crate::domain::system::AnyState;
use crate::domain::{AnyEvent, Stream};
use crate::journal::core::Core;
use crate::journal::handle::{Journal, OpenError};
use crate::journal::overlay::{Entry, Key, Value};
use crate::journal::reading::ReadError;
use crate::journal::record::{Facts, Note, Parked, Position, Row};

/// Under whose name facts are set aside that no aggregate can be folded from.
pub const HISTORY: &str = "history";
/// How many facts are folded at once.
const FACTS_MAX: usize = 1_024;

/// Why an aggregate cannot live.
#[derive(Clone, Debug, Error)]
#[error("its history is readable up to version {readable}: {cause}")]
pub struct BrokenHistory {
    readable: u64,
    cause: String,
}

/// The aggregates that cannot be folded to their end.
#[derive(Debug, Default)]
pub(in crate::journal) struct Histories(Mutex<HashMap<Stream, BrokenHistory>>);

impl Histories {
    pub(in crate::journal) fn broken(&self, stream: Stream) -> Option<BrokenHistory> {
        self.0.lock().get(&stream).cloned()
    }
}

/// Folds facts into a state; `None` when the business panics on one.
pub(in crate::journal) fn evolved(state: &dyn AnyState, events: &[Arc<dyn AnyEvent>]) -> Option<Arc<dyn AnyState>> {
    catch_unwind(AssertUnwindSafe(|| state.evolved(events))).ok()
}

impl Core {
    /// Sets aside an aggregate whose next facts cannot be folded.
    pub(in crate::journal) fn set_history_aside(&self, facts: &Facts, position: Position) {
        let broken = BrokenHistory {
            readable: facts.first_version - 1,
            cause: format!("the fact at position {position} cannot be folded"),
        };
        tracing::error!(stream = %facts.stream, %broken, "an aggregate is set aside; a mended build takes it up again");
        let parked = Parked {
            follower: HISTORY.to_owned(),
            stream: facts.stream.to_string(),
            position,
            cause: broken.to_string(),
            time_ms: self.clock.wall_ms(),
        };
        self.absorb_note(&Note::Parked(parked), position);
        self.ids.heard_of(facts.stream.kind, facts.stream.id);
        self.histories.0.lock().insert(facts.stream, broken);
    }
}

impl Journal {
    /// Folds on where earlier starts could not, if this build can.
    pub(in crate::journal) async fn take_histories_up(&self) -> Result<(), OpenError> {
        for parked in self.parked().map_err(OpenError::from)?.into_iter().filter(|parked| parked.follower == HISTORY) {
            let Some(stream) = self.core.stream(&parked.stream) else { continue };
            match self.folded_on(stream, parked.position).await? {
                Ok(row) => {
                    tracing::info!(%stream, version = row.version, "an aggregate that was set aside can be folded again");
                    self.core.saw(&row);
                    let released = Note::Released { follower: HISTORY.to_owned(), position: parked.position };
                    self.core.absorb_note(&released, parked.position);
                    let entry = Entry { position: row.position, value: Some(Value::Row(Arc::new(row))) };
                    self.core.overlay.put([(Key::Row(stream), entry)]);
                    self.core.histories.0.lock().remove(&stream);
                }
                Err(readable) => {
                    let broken = BrokenHistory { readable, cause: parked.cause };
                    tracing::error!(%stream, %broken, "an aggregate stays set aside; a mended build takes it up again");
                    self.core.histories.0.lock().insert(stream, broken);
                }
            }
        }
        Ok(())
    }

    /// Folds a stream from its row to its end; or tells up to which version it can be.
    async fn folded_on(&self, stream: Stream, from: Position) -> Result<Result<Row, u64>, OpenError> {
        let row = self.core.row(stream)?;
        let version = row.as_ref().map_or(0, |row| row.version);
        let Some(spec) = self.core.catalogue.aggregate(stream.kind.path()) else { return Ok(Err(version)) };
        let mut state = row.as_ref().and_then(|row| (spec.revive)(&*row.state)).unwrap_or_else(|| (spec.initial)());
        let (mut next, mut last) = (from, None);
        while next <= *self.core.durable.borrow() {
            let selected = self.facts_of_stream(stream, next, FACTS_MAX).await?;
            next = selected.next;
            for fact in selected.facts {
                let Some(evolved) = evolved(&*state, std::slice::from_ref(&fact.event)) else {
                    return Ok(Err(version));
                };
                state = evolved;
                last = Some(fact);
            }
        }
        Ok(last.ok_or(version).map(|fact| Row {
            stream,
            version: fact.version,
            public_version: fact.public_version,
            position: fact.position,
            state,
        }))
    }
}

impl Core {
    fn stream(&self, path: &str) -> Option<Stream> {
        let (kind, id) = path.rsplit_once('/')?;
        Some(Stream::new(self.kind_of(kind)?, id.parse().ok()?))
    }
}

impl From<ReadError> for OpenError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Engine(error) => Self::Engine(error),
            ReadError::Codec(error) => Self::Codec(error),
        }
    }
}
