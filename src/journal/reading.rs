//! What can be looked up and read back: durable things only.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use thiserror::Error;

use super::codec::{self, CodecError};
use super::engine::{EngineError, From, Tree};
use super::handle::Journal;
use super::overlay::{Key, Value};
use super::record::{Answered, Facts, Intent, Note, Parked, Position, Row};
use super::recovery;
use crate::domain::{Recorded, Stream};

/// How many bytes of the log a follower that fell behind reads at once.
const READ_BYTES_MAX: usize = 256 * 1024;

impl Journal {
    /// Returns how many bytes are free where the log lives; `None` where that is no disk.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        self.core.engine.free_bytes()
    }

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

    /// Returns durable facts of one aggregate from a position on, in order, `max` at most.
    ///
    /// # Errors
    ///
    /// Fails on a damaged log or an unknown type.
    pub async fn facts_of_stream(&self, stream: Stream, from: Position, max: usize) -> Result<Selected, ReadError> {
        self.selected(codec::stream_key(stream), from, max, |facts| facts.stream == stream).await
    }

    /// Returns durable facts with one correlation id from a position on, in order, `max` at most.
    ///
    /// # Errors
    ///
    /// Fails on a damaged log or an unknown type.
    pub async fn facts_of_story(&self, correlation: &str, from: Position, max: usize) -> Result<Selected, ReadError> {
        let of_story = |facts: &Facts| &*facts.command.correlation == correlation;
        self.selected(codec::story_key(correlation), from, max, of_story).await
    }

    async fn selected(
        &self,
        key: u64,
        from: Position,
        max: usize,
        wanted: impl Fn(&Facts) -> bool,
    ) -> Result<Selected, ReadError> {
        let durable = *self.core.durable.borrow();
        let mut selected = Selected { facts: Vec::new(), next: from };
        if from > durable {
            return Ok(selected);
        }
        let keyed = self.core.engine.read_keyed(key, from, READ_BYTES_MAX).await?;
        for group in &keyed.groups {
            for (before, facts) in codec::decode_keyed(&group.payload, key, &self.core.catalogue)? {
                // Keys may be equal by chance.
                if wanted(&facts) {
                    let recorded = facts.recorded(group.first_position + before);
                    let in_reach = recorded.filter(|fact| (from..=durable).contains(&fact.position));
                    selected.facts.extend(in_reach.map(Arc::new));
                }
            }
        }
        // What is synced but not yet visible is looked at again a moment later.
        selected.next = keyed.next.min(durable + 1);
        if selected.facts.len() > max {
            selected.facts.truncate(max);
            selected.next = selected.facts.last().map_or(from, |last| last.position + 1);
        }
        Ok(selected)
    }

    /// Returns a follower's position: the last fact it is done with.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub fn progress(&self, follower: &Arc<str>) -> Result<Position, ReadError> {
        Ok(self.core.progress(follower)?)
    }

    /// Returns the facts that followers have set aside.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub fn parked(&self) -> Result<Vec<Parked>, ReadError> {
        let mut items = self.notes(|note| match note {
            Note::Parked(item) => Some(item.clone()),
            Note::Seal | Note::Audit { .. } | Note::Released { .. } | Note::Skipped { .. } | Note::Followed { .. } => {
                None
            }
        })?;
        items.sort_by(|one, other| (&one.follower, one.position).cmp(&(&other.follower, other.position)));
        Ok(items)
    }

    /// Returns what a follower has set aside, and what was given up for it.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub fn set_aside(&self, by: &str) -> Result<SetAside, ReadError> {
        let notes = self.notes(|note| match note {
            Note::Parked(Parked { follower, .. }) | Note::Skipped { follower, .. } => {
                (follower == by).then(|| note.clone())
            }
            Note::Seal | Note::Audit { .. } | Note::Released { .. } | Note::Followed { .. } => None,
        })?;
        let mut aside = SetAside::default();
        for note in notes {
            match note {
                Note::Parked(item) => aside.parked.push(item),
                Note::Skipped { position, .. } => drop(aside.skipped.insert(position)),
                Note::Seal | Note::Audit { .. } | Note::Released { .. } | Note::Followed { .. } => {}
            }
        }
        aside.parked.sort_by_key(|item| item.position);
        Ok(aside)
    }

    /// Picks among what is known of facts that were set aside.
    fn notes<T>(&self, pick: impl Fn(&Note) -> Option<T>) -> Result<Vec<T>, ReadError> {
        let waiting = |value: &Value| if let Value::Note(note) = value { pick(note) } else { None };
        self.newest(Tree::Followers, waiting, |key, bytes| match key.starts_with(b"parked\0") {
            true => codec::decode_note(bytes).map(|note| pick(&note)),
            false => Ok(None),
        })
    }

    /// Returns the intents that are open, in the order of their askers.
    ///
    /// # Errors
    ///
    /// Fails when the store does, or holds what does not decode.
    pub fn open_intents(&self) -> Result<Vec<Arc<Intent>>, ReadError> {
        let waiting = |value: &Value| if let Value::Intent(intent) = value { Some(Arc::clone(intent)) } else { None };
        let stored = |_: &[u8], bytes: &[u8]| codec::decode_intent(bytes, &self.core.catalogue).map(Arc::new).map(Some);
        let mut intents = self.newest(Tree::Intents, waiting, stored)?;
        intents.sort_by_key(|intent| intent.asker);
        Ok(intents)
    }

    /// Returns the values of a tree: those that wait for the store, then what the store has under other keys.
    fn newest<T>(
        &self,
        tree: Tree,
        waiting: impl Fn(&Value) -> Option<T>,
        stored: impl Fn(&[u8], &[u8]) -> Result<Option<T>, CodecError>,
    ) -> Result<Vec<T>, ReadError> {
        // Before the store: what leaves meanwhile is then found here, and not missed in both.
        let overlay = self.core.overlay.of(tree);
        let mut values: Vec<T> = overlay.values().filter_map(|entry| waiting(entry.value.as_ref()?)).collect();
        let newer: HashSet<Vec<u8>> = overlay.keys().map(Key::bytes).collect();
        let mut failed = None;
        self.core.engine.each(tree, &mut |key, bytes| {
            if !newer.contains(key) {
                stored(key, bytes).map_or_else(|error| failed = Some(error), |value| values.extend(value));
            }
        })?;
        failed.map_or(Ok(values), |error| Err(error.into()))
    }
}

/// Facts that a follower does not follow now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetAside {
    /// Those that wait, by position.
    pub parked: Vec<Parked>,
    /// Those that an operator gave up.
    pub skipped: BTreeSet<Position>,
}

/// Facts picked from the log.
#[derive(Clone, Debug)]
pub struct Selected {
    /// The facts; there may be more even if there is none among them.
    pub facts: Vec<Arc<Recorded>>,
    /// Where to go on; past the durable position when that is all of them.
    pub next: Position,
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
