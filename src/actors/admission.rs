//! The way in: from a command to the actor that decides it, and never past the guard.
//!
//! A dropped port means unknown, and is answered by asking again with the same id: a killed actor is not a failed
//! request. Only the internal lane (answers of asks, undos, resumed intents) goes around the guard, under its own bound.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use ractor::MessagingErr;
use tokio::sync::oneshot;

use super::directory::{Found, KindRoom, Living, Shared};
use super::envelope::{Envelope, Precondition, Reply};
use super::instance::{InstanceMessage, RETRY_AFTER};
use super::runtime::House;
use super::supervisor::ShardMessage;
use crate::domain::{AnyCommand, Kind, Stream};
use crate::journal::{CommandMeta, Origin, Row};
use crate::resilience::{CallError, Deadline, NotExecuted, Partition, Reason, Unknown};
use crate::telemetry::metrics;

/// How often a command is sent again after its port was dropped.
const REDISPATCHES_MAX: u32 = 32;
/// The first wait before that; the very first follows at once.
const REDISPATCH_WAIT_FIRST: Duration = Duration::from_millis(1);
/// The longest wait before that.
const REDISPATCH_WAIT_MAX: Duration = Duration::from_millis(200);
/// How many commands may wait in one actor's mailbox.
pub const MAILBOX_MAX: usize = 1_024;

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
        let (creation, fresh) = Creation::begin(&self.0, kind, call.meta.id, call.meta.origin)?;
        let stream = creation.stream;
        let outcome = self.0.guarded(partition, stream, call, fresh).await;
        let unused = matches!(outcome, Err(CallError::NotExecuted(_)) | Ok(Reply::Refused(_) | Reply::KeyReused));
        creation.end(&self.0, fresh && unused);
        outcome.map(|reply| (stream, reply))
    }
}

/// Creations under way, so that a resend of a key finds the id its first run got.
#[derive(Debug, Default)]
pub(super) struct Creations {
    by_command: Mutex<std::collections::HashMap<u128, (Stream, usize)>>,
}

/// One run of a creation.
#[derive(Debug)]
struct Creation {
    command: u128,
    keyed: bool,
    stream: Stream,
}

impl Creation {
    fn begin(house: &House, kind: Kind, command: u128, origin: Origin) -> Result<(Self, bool), CallError> {
        if origin != Origin::Keyed {
            let stream = Stream::new(kind, house.journal.ids().allocate(kind));
            return Ok((Self { command, keyed: false, stream }, true));
        }
        let mut under_way = house.creations.by_command.lock();
        if let Some((stream, runs)) = under_way.get_mut(&command) {
            *runs += 1;
            return Ok((Self { command, keyed: true, stream: *stream }, false));
        }
        let known = house.journal.answer(command).map_err(|error| {
            tracing::error!(%error, "a key could not be looked up");
            unavailable(Reason::StorageReadOnly)
        })?;
        let known = known.filter(|answered| answered.stream.kind == kind && house.remembers(answered, origin));
        let fresh = known.is_none();
        let stream = known.map_or_else(|| Stream::new(kind, house.journal.ids().allocate(kind)), |known| known.stream);
        under_way.insert(command, (stream, 1));
        Ok((Self { command, keyed: true, stream }, fresh))
    }

    /// Ends this run; an id that nobody saw goes back, unless another run of the same key still uses it.
    fn end(&self, house: &House, unused: bool) {
        let mut last = true;
        if self.keyed {
            let mut under_way = house.creations.by_command.lock();
            if let Some((_, runs)) = under_way.get_mut(&self.command) {
                *runs -= 1;
                last = *runs == 0;
                if last {
                    under_way.remove(&self.command);
                }
            }
        }
        if unused && last {
            house.journal.ids().give_back(self.stream.kind, self.stream.id);
        }
    }
}

impl House {
    pub(super) fn gate_is_open(&self, kind: Kind) -> Result<(), CallError> {
        match self.services.is_running(kind.system(), kind.service()) {
            true => Ok(()),
            false => Err(unavailable(Reason::ServiceStopped).into()),
        }
    }

    /// Sends a command through its kind's guard.
    pub(super) async fn guarded(
        &self,
        partition: Partition,
        stream: Stream,
        call: &Call,
        fresh: bool,
    ) -> Result<Reply, CallError> {
        self.gate_is_open(stream.kind)?;
        let Some(room) = self.directory.room(stream.kind) else {
            return Err(unavailable(Reason::ServiceStopped).into());
        };
        let work = |deadline| self.dispatch(room, stream, call, deadline, fresh);
        room.guard.call(partition, call.deadline, work).await
    }

    /// Sends a command to its actor, again and again while the actor is gone.
    pub(super) async fn dispatch(
        &self,
        room: &KindRoom,
        stream: Stream,
        call: &Call,
        deadline: Deadline,
        fresh: bool,
    ) -> Result<Reply, CallError> {
        let mut sent = 0;
        loop {
            let living = self.living(room, stream.id, deadline, fresh && sent == 0).await?;
            if let Some(answer) = self.send(&living, call, deadline, sent > 0)
                && let Ok(answer) = answer?.await
            {
                match answer {
                    Err(CallError::Unknown(Unknown::PortDropped)) => {}
                    settled => return settled,
                }
            } else {
                room.shard(stream.id).gone(stream.id, living.generation);
            }
            if sent >= REDISPATCHES_MAX {
                return Err(Unknown::PortDropped.into());
            }
            if sent > 0 {
                let wait = REDISPATCH_WAIT_FIRST.saturating_mul(2u32.saturating_pow(sent - 1)).min(REDISPATCH_WAIT_MAX);
                tokio::time::sleep(wait).await;
            }
            sent += 1;
            metrics::redispatched(stream.kind.path());
        }
    }

    /// Puts a command into a mailbox; `None` when the actor was gone before it arrived.
    fn send(
        &self,
        living: &Living,
        call: &Call,
        deadline: Deadline,
        resend: bool,
    ) -> Option<Result<oneshot::Receiver<Result<Reply, CallError>>, CallError>> {
        if living.shared.waiting.fetch_add(1, Ordering::Relaxed) >= MAILBOX_MAX {
            living.shared.waiting.fetch_sub(1, Ordering::Relaxed);
            return Some(Err(unavailable(Reason::MailboxFull).into()));
        }
        let (port, answer) = oneshot::channel();
        let envelope = Envelope {
            command: Arc::clone(&call.command),
            meta: call.meta.clone(),
            precondition: call.precondition.clone(),
            creates: matches!(call.target, Target::New(_)),
            resend,
            deadline,
            port,
        };
        match living.actor.cast(InstanceMessage::Command(envelope)) {
            Ok(()) => Some(Ok(answer)),
            Err(MessagingErr::SendErr(_) | MessagingErr::ChannelClosed | MessagingErr::InvalidActorType) => None,
        }
    }

    /// Finds the actor, starting it if there is none, or says why there cannot be one now.
    pub(super) async fn living(
        &self,
        room: &KindRoom,
        id: u64,
        deadline: Deadline,
        fresh: bool,
    ) -> Result<Living, NotExecuted> {
        let shard = room.shard(id);
        loop {
            let changed = shard.changed.notified();
            tokio::pin!(changed);
            // Registered before the look, so that a change between look and wait is not missed.
            changed.as_mut().enable();
            let until = match shard.find(id, self.clock.now(), || self.journal.next_generation()) {
                Found::Living(living) => return Ok(living),
                Found::Start { generation, shared } => {
                    self.start(room, id, generation, shared, fresh);
                    deadline.at()
                }
                Found::Starting => deadline.at(),
                Found::Cooling(until) => until.min(deadline.at()),
                Found::Quarantined(until) => {
                    let retry_after = until.saturating_duration_since(self.clock.now());
                    return Err(NotExecuted { reason: Reason::Quarantined, retry_after });
                }
            };
            if deadline.is_expired(&self.clock) {
                return Err(NotExecuted::deadline_exceeded());
            }
            // Whether something changed or the time is over, the table tells.
            let _ = tokio::time::timeout_at(until, changed).await;
        }
    }

    fn start(&self, room: &KindRoom, id: u64, generation: u64, shared: Arc<Shared>, fresh: bool) {
        let shard = room.shard(id);
        let start = ShardMessage::Start { id, generation, shared, fresh };
        let sent = shard.supervisor.lock().as_ref().is_some_and(|supervisor| supervisor.cast(start).is_ok());
        if !sent {
            // The supervisor is being replaced; its successor starts with an empty shard.
            shard.gone(id, generation);
        }
    }
}

/// Says that something is unavailable for a while.
#[must_use]
pub const fn unavailable_because(reason: Reason) -> NotExecuted {
    unavailable(reason)
}

pub(super) const fn unavailable(reason: Reason) -> NotExecuted {
    NotExecuted { reason, retry_after: RETRY_AFTER }
}
