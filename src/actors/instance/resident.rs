//! What an instance knows, and which commands need no decision.

use std::fmt;
use std::sync::Arc;

use ractor::{ActorProcessingErr, ActorRef};

use super::asking::OpenAsk;
use super::pending::Pending;
use super::{InstanceArguments, InstanceMessage};
use crate::actors::asks::Runner;
use crate::actors::directory::{InHand, Leaver, Place, Shared};
use crate::actors::dispatch::unavailable;
use crate::actors::envelope::{Done, Envelope, Port, Reply};
use crate::actors::runtime::House;
use crate::clock::uuid_text;
use crate::domain::aggregate::RefusalClass;
use crate::domain::system::{AggregateSpec, AnyState};
use crate::domain::{Context, Refusal, Stream};
use crate::journal::{Answered, Origin, Outcome, Recovered, stored_bytes};
use crate::mutants::{self, Mutant};
use crate::resilience::{CallError, NotExecuted, Reason, Unknown};
use crate::telemetry::traces::{SYSTEM, SpanKind};
use crate::telemetry::tracing::trace_id;

/// What an instance knows.
pub(in crate::actors) struct Resident {
    pub(super) house: Arc<House>,
    pub(super) spec: Arc<AggregateSpec>,
    pub(super) stream: Stream,
    pub(super) generation: u64,
    fresh: bool,
    place: Place,
    /// Set when it was asked to leave, and leaves.
    pub(super) leaver: Option<Leaver>,
    pub(super) shared: Arc<Shared>,
    pub(super) state: Arc<dyn AnyState>,
    pub(super) version: u64,
    pub(super) public_version: u64,
    pub(super) pending: Pending,
    pub(super) open: Option<OpenAsk>,
    /// Whether an append found no room: memory is ahead of the log, and this incarnation decides nothing more.
    pub(super) lost: bool,
}

impl fmt::Debug for Resident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resident").field("stream", &self.stream).field("version", &self.version).finish_non_exhaustive()
    }
}

impl Resident {
    pub(super) fn new(arguments: InstanceArguments) -> Self {
        let InstanceArguments { house, spec, stream, generation, fresh, place, shared } = arguments;
        let state = (spec.initial)();
        Self {
            house,
            spec,
            stream,
            generation,
            fresh,
            place,
            leaver: None,
            shared: Arc::clone(&shared),
            state,
            version: 0,
            public_version: 0,
            pending: Pending::new(shared),
            open: None,
            lost: false,
        }
    }

    /// Tells whether the id was never used before, so that there is nothing to recover.
    pub(super) const fn fresh(&self) -> bool {
        self.fresh
    }

    /// Returns what a decision of now may know.
    pub(super) fn context(&self) -> Context {
        let settings = self.house.settings_of(self.stream.kind);
        Context { id: self.stream.id, time_ms: self.house.clock.wall_ms(), settings }
    }

    /// Passes the barrier and takes up the newest durable state; tells whether this incarnation may go on.
    pub(super) async fn recover(&mut self) -> Result<bool, ActorProcessingErr> {
        let early = match mutants::is_on(Mutant::BarrierSkipped) || mutants::is_on(Mutant::GenerationIgnored) {
            true => self.house.journal.row(self.stream)?,
            false => None,
        };
        let recovered = match mutants::is_on(Mutant::GenerationIgnored) {
            true => Some(Recovered { row: early.clone(), intent: None, broken: None }),
            false => self.house.journal.barrier(self.stream, self.generation).await,
        };
        let Some(recovered) = recovered else {
            return Ok(false);
        };
        if let Some(broken) = recovered.broken {
            return Err(broken.into());
        }
        if let Some(row) = recovered.row {
            let state = early.map_or_else(|| Arc::clone(&row.state), |early| Arc::clone(&early.state));
            let state = mutants::first_of(Mutant::KilledStateReused, self.stream, state);
            let revived = (self.spec.revive)(&*state);
            self.state = revived.ok_or_else(|| format!("the row of {} is another kind's", self.stream))?;
            self.version = row.version;
            self.public_version = row.public_version;
            self.weigh();
        }
        self.place.recovered();
        if let Some(intent) = recovered.intent {
            Runner::ensure(&self.house, Arc::clone(&intent), false);
            self.open = Some(OpenAsk::new(intent));
        }
        Ok(true)
    }

    /// Tells whether nothing is lost or has to be done again when this incarnation ends.
    pub(super) fn may_leave(&self) -> bool {
        self.pending.is_empty() && self.open.is_none() && !self.lost
    }

    /// Counts the state's size in the live set.
    pub(super) fn weigh(&mut self) {
        self.place.weigh(stored_bytes(&*self.state));
    }

    /// Says what is being handled, for whoever finds this incarnation dead or stuck.
    pub(super) fn take_in_hand(&self, envelope: &Envelope) {
        let (command, deadline) = (envelope.meta.id, envelope.deadline.at());
        let (correlation, trace) = (Arc::clone(&envelope.meta.correlation), envelope.meta.trace);
        *self.shared.in_hand.lock() = Some(InHand { command, correlation, trace, deadline });
    }

    pub(super) fn command(&mut self, myself: &ActorRef<InstanceMessage>, envelope: Envelope) {
        self.consider(myself, envelope);
        *self.shared.in_hand.lock() = None;
    }

    /// Answers a command that needs no decision, or decides it.
    fn consider(&mut self, myself: &ActorRef<InstanceMessage>, envelope: Envelope) {
        if self.lost {
            // Its port drops: asked again, of the next incarnation.
            return;
        }
        let Some(mut envelope) = self.answer_again(myself, envelope) else { return };
        // After the look-up: a resend's first run may have been executed.
        if envelope.deadline.is_expired(&self.house.clock) {
            return envelope.reject(NotExecuted::deadline_exceeded());
        }
        if let Some(open) = &mut self.open {
            return match open.has_room() {
                true => open.park(envelope),
                false => envelope.reject(unavailable(Reason::MailboxFull)),
            };
        }
        self.tell(&mut envelope);
        if self.shared.poisoned.lock().contains(&envelope.meta.id) {
            let refusal = Refusal {
                rule: "command-poisoned".into(),
                detail: "this command failed three times and is not tried again".to_owned(),
                class: RefusalClass::Poisoned,
            };
            return self.refuse(myself, envelope, refusal);
        }
        if !envelope.precondition.holds(self.state.exists(), self.public_version) {
            let reply = Reply::PreconditionFailed { public_version: self.public_version };
            return self.in_turn(myself, envelope, reply);
        }
        if envelope.creates && self.version > 0 {
            // A resend that was bound to a run withdrawn since: nobody has refused it, and its key starts afresh.
            return envelope.reject(unavailable(Reason::CommitterBusy));
        }
        self.decide(myself, envelope);
    }

    /// Begins to tell of a command that is decided, in place of whoever sent it.
    fn tell(&self, envelope: &mut Envelope) {
        let (kind, command, meta) = (self.stream.kind.path(), envelope.command.name(), &mut envelope.meta);
        envelope.span = self.house.tracer.begin(meta.trace, SpanKind::Consumer, || {
            let attributes = [
                ("messaging.system", SYSTEM.into()),
                ("messaging.operation.name", "process".into()),
                ("messaging.operation.type", "process".into()),
                ("messaging.destination.name", kind.into()),
                ("messaging.message.id", uuid_text(meta.id).into()),
                ("messaging.message.conversation_id", (&meta.correlation).into()),
                ("resurgam.command", command.into()),
                ("resurgam.id", self.stream.id.into()),
            ];
            (format!("process {kind} {command}"), attributes)
        });
        meta.trace = envelope.span.context();
    }

    /// A resend gets the answer of its first run; gives the command back when there was none.
    fn answer_again(&mut self, myself: &ActorRef<InstanceMessage>, envelope: Envelope) -> Option<Envelope> {
        let id = envelope.meta.id;
        if mutants::is_on(Mutant::DedupeOff) {
            return Some(envelope);
        }
        if let Some(open) = self.open.as_mut().filter(|open| open.intent.opened_by.id == id) {
            if open.intent.opened_by.fingerprint != envelope.meta.fingerprint {
                answer(envelope.port, Reply::KeyReused);
            } else if open.intent.opened_by.origin == Origin::Policy {
                // A policy's turn ends when facts and intent are durable, which they are behind what is pending.
                self.hand_over(myself, None, Vec::new(), None, move |row| {
                    answer(envelope.port, Reply::Done(Done { row, replayed: true }));
                });
            } else {
                open.wait(envelope.port);
            }
            return None;
        }
        if self.pending.holds(id) {
            self.attach(myself, envelope);
            return None;
        }
        if !envelope.resend && envelope.meta.origin == Origin::Edge {
            return Some(envelope);
        }
        match self.house.journal.answer(id) {
            Ok(Some(answered)) if self.house.remembers(&answered, envelope.meta.origin) => {
                replay(&self.house, envelope, &answered);
                None
            }
            Ok(_) => Some(envelope),
            Err(error) => {
                let (correlation, trace_id) = (&*envelope.meta.correlation, trace_id(envelope.meta.trace));
                tracing::error!(stream = %self.stream, correlation, trace_id, %error, "an answer could not be looked up");
                envelope.reject(unavailable(Reason::StorageReadOnly));
                None
            }
        }
    }

    /// Waits behind the pending append of the same command, then answers as it did.
    fn attach(&mut self, myself: &ActorRef<InstanceMessage>, envelope: Envelope) {
        let house = Arc::clone(&self.house);
        let release = move || {
            match house.journal.answer(envelope.meta.id) {
                Ok(Some(answered)) => replay(&house, envelope, &answered),
                // Withdrawn meanwhile: it is sent again.
                Ok(None) | Err(_) => fail(envelope.port, Unknown::PortDropped.into()),
            }
        };
        self.hand_over(myself, None, Vec::new(), None, move |_| release());
    }
}

/// Answers a resend as its first run was answered.
fn replay(house: &House, envelope: Envelope, answered: &Answered) {
    if answered.fingerprint != envelope.meta.fingerprint {
        return answer(envelope.port, Reply::KeyReused);
    }
    match &answered.outcome {
        Outcome::Refused(refusal) => answer(envelope.port, Reply::Refused(refusal.clone())),
        Outcome::Done { row } => {
            let row = row.clone().filter(|_| !mutants::is_on(Mutant::NewestRowReplayed));
            let row = row.or_else(|| house.journal.row(answered.stream).ok().flatten());
            answer(envelope.port, Reply::Done(Done { row, replayed: true }));
        }
        // Its ask was closed between look-up and now, or a policy's command is durable with its ask still open.
        Outcome::Open => match envelope.meta.origin {
            Origin::Policy => answer(envelope.port, Reply::Done(Done { row: None, replayed: true })),
            Origin::Edge | Origin::Keyed | Origin::Ask => fail(envelope.port, Unknown::PortDropped.into()),
        },
    }
}

pub(super) fn answer(port: Port, reply: Reply) {
    // A caller that has gone is not an error; the outcome is on record.
    let _ = port.send(Ok(reply));
}

pub(super) fn fail(port: Port, error: CallError) {
    let _ = port.send(Err(error.into()));
}
