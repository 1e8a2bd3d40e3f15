//! From a guarded call to an actor's mailbox and back, again and again while the actor is gone.
//!
//! A dropped port means unknown, and is answered by asking again with the same id: a killed actor is not a failed
//! request. Unknown sticks: after a dropped port, only an answer settles the call; "not executed" no longer does.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::admission::{Call, Target};
use super::directory::{Found, InstanceCall, KindRoom, Living, Shard};
use super::envelope::{Envelope, NoReply, Reply};
use super::instance::InstanceMessage;
use super::runtime::House;
use super::supervision::ShardMessage;
use crate::domain::{Kind, Stream};
use crate::resilience::{CallError, Deadline, Idempotency, NotExecuted, Partition, Reason, Retries, Unknown};
use crate::telemetry::metrics;
use crate::telemetry::traces::Span;

/// How often a command is sent again after its port was dropped; under a storm of kills eight were not enough.
const REDISPATCHES_MAX: u32 = 32;
/// The first wait before that; the very first follows at once.
const REDISPATCH_WAIT_FIRST: Duration = Duration::from_millis(1);
/// The longest wait before that.
const REDISPATCH_WAIT_MAX: Duration = Duration::from_millis(200);
/// How long the end of an actor whose port dropped may stay unnoticed before it is made certain.
const END_NOTICED_WITHIN: Duration = Duration::from_millis(200);
/// How long a caller waits for a shard whose supervisor is being replaced before it looks again.
const SHARD_LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How many commands may wait in one actor's mailbox.
pub const MAILBOX_MAX: usize = 1_024;
/// The wait suggested when nothing better is known.
const RETRY_AFTER: Duration = Duration::from_secs(1);

type Answer = oneshot::Receiver<Result<Reply, NoReply>>;

impl House {
    pub(super) fn gate_is_open(&self, kind: Kind) -> Result<(), CallError> {
        if self.services.are_draining() {
            return Err(unavailable(Reason::Draining).into());
        }
        match self.services.is_running(kind.system(), kind.service()) {
            true => Ok(()),
            false => Err(unavailable(Reason::ServiceStopped).into()),
        }
    }

    /// Sends a command through its kind's guard; with the retries of its request if it may be sent again.
    pub(super) async fn guarded(
        &self,
        partition: Partition,
        stream: Stream,
        call: &Call,
        retries: Option<&Retries>,
        fresh: bool,
    ) -> Result<Reply, CallError> {
        self.gate_is_open(stream.kind)?;
        let Some(room) = self.directory.room(stream.kind) else {
            return Err(unavailable(Reason::ServiceStopped).into());
        };
        let work = async |deadline| {
            self.meet_faults(stream.kind).await?;
            self.dispatch(room, stream, call, deadline, fresh).await
        };
        // Outside of the kind's guard: a call to an instance that is left alone takes no slot and is no outcome of its kind.
        let instance = InstanceCall::begin(room, stream, &self.clock)?;
        let result = room.guard.attempt(retries, partition, call.deadline, work).await;
        instance.end(&result);
        result
    }

    /// Sends a policy's command, and again where that is safe, in time and paid for.
    pub(super) async fn commanded(self: &Arc<Self>, call: &Call) -> Result<(Stream, Reply), CallError> {
        let retries = self.directory.retries(self.clock.now());
        let (Some(room), Some(retries)) = (self.directory.room(call.target.kind()), retries) else {
            return Err(unavailable(Reason::ServiceStopped).into());
        };
        let attempt = |_| self.targeted(Partition::Policies, call, Some(&retries));
        room.retry.run(&retries, call.deadline, Idempotency::Keyed, attempt).await
    }

    /// Sends an ask's command through the guard of its kind of asks, then through that of the asked kind.
    pub(super) async fn asked(&self, asker: Kind, to: Stream, call: &Call) -> Result<Reply, CallError> {
        let Some(guard) = self.directory.ask_guard(asker, to.kind) else {
            return Err(unavailable(Reason::ServiceStopped).into());
        };
        let work = |deadline| async move {
            let call = Call { deadline, ..call.clone() };
            // It is the attempt that has run out of time, not a client in a hurry: the breaker is told.
            self.guarded(Partition::Asks, to, &call, None, false).await.map_err(|error| match error {
                CallError::Unknown(Unknown::DeadlineExceeded) => Unknown::AttemptTimeout.into(),
                CallError::Unknown(_) | CallError::NotExecuted(_) => error,
            })
        };
        guard.call(Partition::Asks, call.deadline, work).await
    }

    /// Sends a command around the guard, as the internal lane does; the caller holds a place in that lane.
    pub(super) async fn unguarded(&self, to: Stream, call: &Call) -> Result<Reply, CallError> {
        let Some(room) = self.directory.room(to.kind) else {
            return Err(unavailable(Reason::ServiceStopped).into());
        };
        let dispatched = self.dispatch(room, to, call, call.deadline, false);
        match tokio::time::timeout_at(call.deadline.at(), dispatched).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Unknown::AttemptTimeout.into()),
        }
    }

    async fn dispatch(
        &self,
        room: &KindRoom,
        stream: Stream,
        call: &Call,
        deadline: Deadline,
        fresh: bool,
    ) -> Result<Reply, CallError> {
        // Nothing durable is known of it: nothing to recover. A run of it that is not durable yet is before it at the fence.
        let fresh = fresh || !self.journal.ids().knows(stream.kind, stream.id);
        let (mut last, mut lost_at): (Option<u64>, Option<Instant>) = (None, None);
        let mut unknown = None;
        for sent in 0..=REDISPATCHES_MAX {
            let fresh = fresh && sent == 0;
            let living = match self.living(room, stream.id, deadline, fresh, last).await {
                Ok((living, missed_at)) => {
                    // Who was never there is not missed.
                    lost_at = lost_at.or(missed_at.filter(|_| !fresh));
                    living
                }
                Err(rejected) => return Err(sticking(unknown, rejected.into())),
            };
            last = Some(living.generation);
            match self.send(&living, call, deadline, sent > 0) {
                Err(rejected) => return Err(sticking(unknown, rejected.into())),
                // Gone before it arrived: nothing happened.
                Ok(None) => {}
                Ok(Some(answer)) => match answer.await {
                    Ok(Ok(reply)) => {
                        if let Some(lost_at) = lost_at {
                            metrics::answered_again(self.clock.now() - lost_at);
                        }
                        return Ok(reply);
                    }
                    Ok(Err(NoReply::Withdrawn(reason))) => return Err(reason.into()),
                    // It lives, and may know a moment later.
                    Ok(Err(NoReply::Failed(CallError::Unknown(Unknown::PortDropped)))) => {
                        (unknown, last) = (Some(Unknown::PortDropped), None);
                    }
                    Err(_) => unknown = Some(Unknown::PortDropped),
                    Ok(Err(NoReply::Failed(error))) => return Err(sticking(unknown, error)),
                },
            }
            metrics::redispatched(stream.kind.path());
            lost_at.get_or_insert_with(|| self.clock.now());
            if sent > 0 {
                let wait = REDISPATCH_WAIT_FIRST.saturating_mul(2u32.saturating_pow(sent - 1)).min(REDISPATCH_WAIT_MAX);
                tokio::time::sleep(wait).await;
            }
        }
        Err(Unknown::PortDropped.into())
    }

    /// Puts a command into a mailbox; `None` when the actor was gone before it arrived.
    fn send(
        &self,
        living: &Living,
        call: &Call,
        deadline: Deadline,
        resend: bool,
    ) -> Result<Option<Answer>, NotExecuted> {
        if living.shared.waiting.fetch_add(1, Ordering::Relaxed) >= MAILBOX_MAX {
            living.shared.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(unavailable(Reason::MailboxFull));
        }
        living.shared.uses.note();
        let (port, answer) = oneshot::channel();
        let envelope = Box::new(Envelope {
            command: Arc::clone(&call.command),
            meta: call.meta.clone(),
            precondition: call.precondition.clone(),
            creates: matches!(call.target, Target::New(_)),
            resend,
            deadline,
            sent: self.clock.now(),
            port,
            span: Span::default(),
        });
        Ok(living.actor.cast(InstanceMessage::Command(envelope)).is_ok().then_some(answer))
    }

    /// Finds the actor, starting it if there is none, or says why there cannot be one now; and tells since when there was none.
    /// The incarnation `but_not` has let its caller down: its end is waited for, and made certain if nobody notices it.
    pub(super) async fn living(
        &self,
        room: &KindRoom,
        id: u64,
        deadline: Deadline,
        fresh: bool,
        but_not: Option<u64>,
    ) -> Result<(Living, Option<Instant>), NotExecuted> {
        let shard = room.shard(id);
        let (mut end_by, mut missed_at): (Option<Instant>, Option<Instant>) = (None, None);
        let (mut place, mut is_ours) = (None, false);
        loop {
            // Nobody will start it any more.
            if self.services.are_draining() {
                return Err(unavailable(Reason::Draining));
            }
            let changed = shard.changed.notified();
            tokio::pin!(changed);
            // Registered before the look, so that a change between look and wait is not missed.
            changed.as_mut().enable();
            let now = self.clock.now();
            let until = match shard.find(id, now, &mut place, || self.journal.next_generation()) {
                Found::Living(living) if Some(living.generation) != but_not => return Ok((living, missed_at)),
                Found::Living(living) => {
                    let end_by = *end_by.get_or_insert(now + END_NOTICED_WITHIN);
                    if now >= end_by {
                        living.actor.get_cell().kill();
                        shard.gone(id, living.generation, now);
                        continue;
                    }
                    end_by
                }
                Found::Nobody => {
                    place = Some(self.live.place(fresh, deadline).await?);
                    continue;
                }
                Found::Start { generation, shared, place } => {
                    is_ours = true;
                    let start = ShardMessage::Start { id, generation, shared, place, fresh };
                    match self.start(shard, id, generation, start) {
                        true => deadline.at(),
                        false => now + SHARD_LOOK_AGAIN,
                    }
                }
                Found::Starting => deadline.at(),
                // One call tries it; the others do not wait for what failed so often.
                Found::Probing if is_ours => deadline.at(),
                Found::Probing => {
                    return Err(NotExecuted { reason: Reason::Quarantined, retry_after: RETRY_AFTER });
                }
                Found::Cooling(until) => until,
                Found::Quarantined(until) => {
                    let retry_after = until.saturating_duration_since(now);
                    return Err(NotExecuted { reason: Reason::Quarantined, retry_after });
                }
            };
            missed_at.get_or_insert(now);
            if deadline.is_expired(&self.clock) {
                return Err(NotExecuted::deadline_exceeded());
            }
            // Whether something changed or the time is over, the table tells.
            let _ = tokio::time::timeout_at(until.min(deadline.at()), changed).await;
        }
    }

    /// Has a supervisor start an actor; tells whether there was one to ask.
    fn start(&self, shard: &Shard, id: u64, generation: u64, start: ShardMessage) -> bool {
        let sent = shard.supervisor.lock().as_ref().is_some_and(|supervisor| supervisor.cast(start).is_ok());
        if !sent {
            shard.not_started(id, generation);
        }
        sent
    }
}

/// Unknown sticks: what may have happened is not made undone by a later refusal to look.
fn sticking(unknown: Option<Unknown>, error: CallError) -> CallError {
    match (unknown, error) {
        (Some(unknown), CallError::NotExecuted(_)) => unknown.into(),
        (Some(_) | None, error) => error,
    }
}

/// Says that something is unavailable for a while.
#[must_use]
pub const fn unavailable(reason: Reason) -> NotExecuted {
    NotExecuted { reason, retry_after: RETRY_AFTER }
}
