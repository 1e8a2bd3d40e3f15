//! The way in: from a command to the actor that decides it, and never past the guard.

use std::sync::Arc;

use super::creation::{Creation, End};
use super::dispatch::unavailable;
use super::envelope::{Precondition, Reply};
use super::runtime::House;
use crate::domain::{AnyCommand, Kind, Stream};
use crate::journal::{CommandMeta, Row};
use crate::mutants::{self, Mutant};
use crate::resilience::{CallError, Deadline, NotExecuted, Partition, Permit, Reason, Retries};

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

impl Target {
    /// Returns what it is, or will be.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::New(kind) => kind,
            Self::Existing(stream) => stream.kind,
        }
    }
}

impl Admission {
    /// Has a command decided, durable, and answered.
    ///
    /// # Errors
    ///
    /// Fails when it was not executed (and says when to try again), or when its outcome is unknown: then only the same
    /// command id may be used again.
    pub async fn call(&self, partition: Partition, call: Call) -> Result<(Stream, Reply), CallError> {
        self.0.targeted(partition, &call, None).await
    }

    /// Returns the newest durable row, if the service runs.
    ///
    /// # Errors
    ///
    /// Fails when the service is stopped or the storage cannot be read.
    pub fn read(&self, stream: Stream) -> Result<Option<Arc<Row>>, CallError> {
        self.0.gate_is_open(stream.kind)?;
        let row =
            self.0.journal.row(stream).map(|row| row.map(|row| mutants::first_of(Mutant::StaleRead, stream, row)));
        row.map_err(|error| {
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

    /// Lets a reader look at a kind for as long as it holds what it is given, once the faults that are injected there let it.
    /// A view has no guard.
    ///
    /// # Errors
    ///
    /// Fails when the service is stopped, too many look, a fault fails it, or a fault keeps it until its deadline.
    pub async fn look(&self, kind: Kind, deadline: Deadline) -> Result<Option<Permit<'_>>, CallError> {
        self.0.gate_is_open(kind)?;
        let slot = match self.0.directory.room(kind) {
            Some(room) => Some(room.guard.look(deadline).await?),
            None => None,
        };
        if mutants::now_and_then(Mutant::PermitLeaked, 100) {
            std::mem::forget(slot);
            return Ok(None);
        }
        if self.0.faults.is_empty() {
            return Ok(slot);
        }
        match tokio::time::timeout_at(deadline.at(), self.0.meet_faults(kind)).await {
            Ok(met) => met.map(|()| slot),
            Err(_) => Err(NotExecuted::deadline_exceeded().into()),
        }
    }
}

impl House {
    /// Sends a command through its kind's guard to whom it is for, whose id may be handed out first.
    pub(super) async fn targeted(
        self: &Arc<Self>,
        partition: Partition,
        call: &Call,
        retries: Option<&Retries>,
    ) -> Result<(Stream, Reply), CallError> {
        let kind = match call.target {
            Target::Existing(stream) => {
                return Ok((stream, self.guarded(partition, stream, call, retries, false).await?));
            }
            Target::New(kind) => kind,
        };
        self.gate_is_open(kind)?;
        let mut creation = Creation::begin(self, kind, &call.meta)?;
        let stream = creation.stream;
        let outcome = self.guarded(partition, stream, call, retries, creation.fresh).await;
        creation.end = End::of(&outcome);
        outcome.map(|reply| (stream, reply))
    }
}
