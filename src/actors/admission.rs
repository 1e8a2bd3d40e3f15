//! The way in: from a command to the actor that decides it, and never past the guard.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::dispatch::unavailable;
use super::envelope::{Precondition, Reply};
use super::runtime::House;
use crate::domain::{AnyCommand, Kind, Stream};
use crate::journal::{CommandMeta, Origin, Row};
use crate::resilience::{CallError, Deadline, Partition, Reason};

/// The way in, as the edge and the followers hold it.
#[derive(Clone, Debug)]
pub struct Admission(pub(super) Arc<House>);

/// A command and to whom.
#[derive(Clone, Debug)]
pub struct Call {
    /// To whom.
    pub target: Target,
    /// What.
    pub command: Arc<dyn AnyCommand>,
    /// Which command this is.
    pub meta: CommandMeta,
    /// What the sender believes about the state.
    pub precondition: Precondition,
    /// When it is no longer wanted.
    pub deadline: Deadline,
}

/// Whom a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A new aggregate of this kind.
    New(Kind),
    /// This one.
    Existing(Stream),
}

impl Admission {
    /// Has a command decided, durable, and answered.
    ///
    /// # Errors
    ///
    /// Fails when it was not executed (and says when to try again), or when its outcome is unknown: then only the same
    /// command id may be used again.
    pub async fn call(&self, partition: Partition, call: Call) -> Result<(Stream, Reply), CallError> {
        match call.target {
            Target::Existing(stream) => {
                let reply = self.0.guarded(partition, stream, &call, false).await?;
                Ok((stream, reply))
            }
            Target::New(kind) => self.create(partition, kind, &call).await,
        }
    }

    /// Returns the newest durable row, if the service runs.
    ///
    /// # Errors
    ///
    /// Fails when the service is stopped or the storage cannot be read.
    pub fn read(&self, stream: Stream) -> Result<Option<Arc<Row>>, CallError> {
        self.0.gate_is_open(stream.kind)?;
        self.0.journal.row(stream).map_err(|error| {
            tracing::error!(%stream, %error, "a row could not be read");
            CallError::from(unavailable(Reason::StorageReadOnly))
        })
    }

    /// Tells whether a service takes calls.
    ///
    /// # Errors
    ///
    /// Fails when it is stopped.
    pub fn gate_is_open(&self, kind: Kind) -> Result<(), CallError> {
        self.0.gate_is_open(kind)
    }

    async fn create(&self, partition: Partition, kind: Kind, call: &Call) -> Result<(Stream, Reply), CallError> {
        self.0.gate_is_open(kind)?;
        let mut creation = Creation::begin(&self.0, kind, call.meta.id, call.meta.origin)?;
        let stream = creation.stream;
        let outcome = self.0.guarded(partition, stream, call, creation.fresh).await;
        let unused = matches!(outcome, Err(CallError::NotExecuted(_)) | Ok(Reply::Refused(_) | Reply::KeyReused));
        creation.unused = creation.fresh && unused;
        outcome.map(|reply| (stream, reply))
    }
}

/// Creations under way, so that a resend of a key finds the id its first run got.
#[derive(Debug, Default)]
pub(super) struct Creations {
    by_command: Mutex<HashMap<u128, (Stream, usize)>>,
}

/// One run of a creation; ends when dropped, also by a client that left.
#[derive(Debug)]
struct Creation {
    house: Arc<House>,
    command: u128,
    keyed: bool,
    stream: Stream,
    /// Whether the id was handed out for this run.
    fresh: bool,
    /// Whether nobody can have seen the id, so that it may go back.
    unused: bool,
}

impl Creation {
    fn begin(house: &Arc<House>, kind: Kind, command: u128, origin: Origin) -> Result<Self, CallError> {
        let keyed = origin == Origin::Keyed;
        let run = |stream, fresh| Self { house: Arc::clone(house), command, keyed, stream, fresh, unused: false };
        if !keyed {
            return Ok(run(Stream::new(kind, house.journal.ids().allocate(kind)), true));
        }
        let mut under_way = house.creations.by_command.lock();
        if let Some((stream, runs)) = under_way.get_mut(&command) {
            *runs += 1;
            return Ok(run(*stream, false));
        }
        let known = house.journal.answer(command).map_err(|error| {
            tracing::error!(%error, "a key could not be looked up");
            unavailable(Reason::StorageReadOnly)
        })?;
        let known = known.filter(|answered| answered.stream.kind == kind && house.remembers(answered, origin));
        let fresh = known.is_none();
        let stream = known.map_or_else(|| Stream::new(kind, house.journal.ids().allocate(kind)), |known| known.stream);
        under_way.insert(command, (stream, 1));
        Ok(run(stream, fresh))
    }
}

impl Drop for Creation {
    fn drop(&mut self) {
        let mut last = true;
        if self.keyed {
            let mut under_way = self.house.creations.by_command.lock();
            if let Some((_, runs)) = under_way.get_mut(&self.command) {
                *runs -= 1;
                last = *runs == 0;
                if last {
                    under_way.remove(&self.command);
                }
            }
        }
        // Another run of the same key may still use the id.
        if self.unused && last {
            self.house.journal.ids().give_back(self.stream.kind, self.stream.id);
        }
    }
}
