//! Which id a new aggregate gets: a resend of a key, or of a policy's command, finds the id its first run got.
//!
//! The pair is stored with the facts; until those are durable it is known here only, also when the client has left or
//! was told "unknown": what may still happen must not happen twice.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::dispatch::unavailable;
use super::envelope::Reply;
use super::runtime::House;
use crate::domain::{Kind, Stream};
use crate::journal::reading::ReadError;
use crate::journal::{CommandMeta, Origin};
use crate::mutants::{self, Mutant};
use crate::resilience::{CallError, Reason};
use crate::telemetry::tracing::trace_id;

/// How long a key whose outcome is unknown keeps its id here; by then the facts are durable or will never be.
const UNSETTLED_FOR: Duration = Duration::from_secs(60);
/// How many groups must have been published meanwhile: the committer's whole inbox, and more, has passed by then.
const UNSETTLED_GROUPS: u64 = 64;

/// Creations that may be repeated, whose outcome is not known yet.
#[derive(Debug, Default)]
pub(super) struct Creations(Mutex<UnderWay>);

#[cfg(test)]
impl Creations {
    /// Returns how many runs have not ended.
    pub(super) fn running(&self) -> usize {
        self.0.lock().by_command.values().map(|entry| entry.runs).sum()
    }

    /// Returns how many keys are remembered.
    pub(super) fn len(&self) -> usize {
        self.0.lock().by_command.len()
    }
}

#[derive(Debug, Default)]
struct UnderWay {
    by_command: HashMap<u128, Entry>,
    unsettled: VecDeque<(Instant, u128)>,
}

#[derive(Debug)]
struct Entry {
    stream: Stream,
    runs: usize,
    /// Whether a run of it may still happen; only an answer settles that, no later refusal to look.
    unsettled: bool,
    /// How many groups had been published when its last run ended.
    published: u64,
}

/// One run of a creation; ends when dropped, also by a client that left.
#[derive(Debug)]
pub(super) struct Creation {
    house: Arc<House>,
    command: u128,
    repeats: bool,
    /// What is created.
    pub(super) stream: Stream,
    /// Whether the id was handed out for this run.
    pub(super) fresh: bool,
    /// How it ended.
    pub(super) end: End,
}

/// How a run of a creation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nobody knows.
    Unsettled,
    /// With an aggregate.
    Created,
    /// Without one, so that nobody can have seen the id.
    Nothing,
}

impl End {
    pub(super) const fn of(outcome: &Result<Reply, CallError>) -> Self {
        match outcome {
            Ok(Reply::Done(_)) => Self::Created,
            Ok(Reply::Refused(_) | Reply::KeyReused | Reply::PreconditionFailed { .. })
            | Err(CallError::NotExecuted(_)) => Self::Nothing,
            Err(CallError::Unknown(_)) => Self::Unsettled,
        }
    }
}

impl Creation {
    pub(super) fn begin(house: &Arc<House>, kind: Kind, meta: &CommandMeta) -> Result<Self, CallError> {
        let (command, origin) = (meta.id, meta.origin);
        let unreadable = |error| unreadable(meta, &error);
        let repeats = matches!(origin, Origin::Keyed | Origin::Policy);
        let run =
            |stream, fresh| Self { house: Arc::clone(house), command, repeats, stream, fresh, end: End::Unsettled };
        let new = || Stream::new(kind, house.journal.ids().allocate(kind));
        if !repeats {
            return Ok(run(new(), true));
        }
        let mut under_way = house.creations.0.lock();
        under_way.forget_old(house.clock.now(), house.journal.published());
        // Row before answer: whatever is published in between has both.
        let durable = *house.journal.durable().borrow();
        let running = match under_way.by_command.get(&command) {
            Some(entry) if entry.runs > 0 => Some(entry.stream),
            Some(entry) => match house.journal.row(entry.stream).map_err(unreadable)? {
                // Durable facts, and below no answer: it was withdrawn, and its key starts afresh.
                Some(row) if row.position <= durable => None,
                Some(_) | None => Some(entry.stream),
            },
            None => None,
        };
        let known = house.journal.answer(command).map_err(unreadable)?;
        let known = known.filter(|answered| answered.stream.kind == kind && house.remembers(answered, origin));
        let known = known.filter(|_| !mutants::is_on(Mutant::DedupeOff));
        let stored = known.map(|known| known.stream);
        let found = stored.or(running);
        let stream = found.unwrap_or_else(new);
        let entry =
            under_way.by_command.entry(command).or_insert(Entry { stream, runs: 0, unsettled: false, published: 0 });
        if entry.stream != stream {
            (entry.stream, entry.unsettled) = (stream, false);
        }
        entry.runs += 1;
        Ok(run(stream, found.is_none()))
    }
}

impl Drop for Creation {
    fn drop(&mut self) {
        let mut last = true;
        if self.repeats {
            let mut under_way = self.house.creations.0.lock();
            let (now, published) = (self.house.clock.now(), self.house.journal.published());
            last = under_way.end(self.command, self.end, now, published);
        }
        // Another run of the same key may still use the id.
        if self.end == End::Nothing && self.fresh && last {
            self.house.journal.ids().give_back(self.stream.kind, self.stream.id);
        }
    }
}

impl UnderWay {
    /// Ends a run; tells whether it was the last and none may still happen.
    fn end(&mut self, command: u128, end: End, now: Instant, published: u64) -> bool {
        let Some(entry) = self.by_command.get_mut(&command) else { return true };
        entry.runs -= 1;
        entry.published = published;
        match end {
            End::Unsettled => {
                entry.unsettled = true;
                self.unsettled.push_back((now, command));
            }
            End::Created => entry.unsettled = false,
            End::Nothing => {}
        }
        let over = entry.runs == 0 && !entry.unsettled;
        if over {
            self.by_command.remove(&command);
        }
        over
    }

    fn forget_old(&mut self, now: Instant, published: u64) {
        while let Some((since, command)) = self.unsettled.front().copied() {
            if now - since < UNSETTLED_FOR {
                return;
            }
            self.unsettled.pop_front();
            let Some(entry) = self.by_command.get(&command) else { continue };
            if entry.runs == 0 && published >= entry.published + UNSETTLED_GROUPS {
                self.by_command.remove(&command);
            } else {
                // Still running, or the log stands still: looked at again later.
                self.unsettled.push_back((now, command));
            }
        }
    }
}

fn unreadable(meta: &CommandMeta, error: &ReadError) -> CallError {
    let (correlation, trace_id) = (&*meta.correlation, trace_id(meta.trace));
    tracing::error!(correlation, trace_id, %error, "a key could not be looked up");
    unavailable(Reason::StorageReadOnly).into()
}
