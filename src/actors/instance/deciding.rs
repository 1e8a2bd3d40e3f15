//! From a command to facts in the committer's hands.

use std::sync::Arc;

use ractor::ActorRef;

use super::InstanceMessage;
use super::asking::OpenAsk;
use super::pending::LossGuard;
use super::resident::{Resident, answer};
use crate::actors::asks::Runner;
use crate::actors::chaos::Point;
use crate::actors::dispatch::unavailable;
use crate::actors::envelope::{Done, Envelope, Reply};
use crate::domain::system::AnyState;
use crate::domain::{AnyEvent, Decision, Held, OnUnknown, Refusal};
use crate::journal::{Append, CommandMeta, FactlessAnswer, Facts, Intent, Origin, Record, Row, Unwritable};
use crate::resilience::Reason;
use crate::telemetry::tracing::trace_id;

/// The most facts one command may lead to.
const FACTS_MAX: usize = 1_000;

impl Resident {
    pub(super) fn decide(&mut self, myself: &ActorRef<InstanceMessage>, envelope: Envelope) {
        if let Err(unwritable) = self.house.journal.room() {
            return envelope.reject(unavailable(reason_of(&unwritable)));
        }
        self.house.chaos.panics.meet(self.stream, Point::Decide);
        let context = self.context();
        let decided = self.state.decide(&*envelope.command, &context);
        match decided.map(|decision| self.house.agreed(self.stream.kind, &*self.state, decision, &context)) {
            Err(refusal) => self.refuse(myself, envelope, refusal),
            Ok(decision) if decision.facts.len() > FACTS_MAX => {
                let refusal =
                    Refusal::rule("too-many-facts", format!("one command leads to {FACTS_MAX} facts at most"));
                self.refuse(myself, envelope, refusal);
            }
            Ok(Decision { facts, ask: None }) if facts.is_empty() => self.accept_unchanged(myself, envelope),
            Ok(decision) => self.commit(myself, envelope, decision, context.time_ms),
        }
    }

    fn commit(
        &mut self,
        myself: &ActorRef<InstanceMessage>,
        envelope: Envelope,
        decision: Decision<Arc<dyn AnyEvent>>,
        time_ms: u64,
    ) {
        let Envelope { meta, port, span, .. } = envelope;
        let mut records = Vec::with_capacity(2);
        let intent = decision.ask.map(|ask| {
            Arc::new(Intent {
                // New each time: the same key, begun afresh after a withdrawal, must not meet the old ask's answer.
                id: self.house.clock.id(),
                asker: self.stream,
                to: ask.to,
                command: ask.command,
                timeout: ask.timeout,
                undo: match ask.on_unknown {
                    OnUnknown::Resend => None,
                    OnUnknown::Undo(command) => Some(command),
                },
                opened_by: meta.clone(),
                opened_ms: time_ms,
            })
        });
        let id = meta.id;
        let after = self.evolve(&mut records, decision.facts, meta, time_ms, intent.is_some());
        let Some(intent) = intent else {
            return self.hand_over(myself, Some(id), records, after, move |row| {
                span.end();
                answer(port, Reply::Done(Done { row, replayed: false }));
            });
        };
        records.push(Record::IntentOpened(Arc::clone(&intent)));
        // Who waits for a policy's command only waits for its facts and intent to be durable.
        let client_waits = intent.opened_by.origin != Origin::Policy;
        let mut open = OpenAsk::new(Arc::clone(&intent));
        let done = if client_waits {
            open.wait(port);
            None
        } else {
            Some(port)
        };
        self.open = Some(open);
        let house = Arc::clone(&self.house);
        self.hand_over(myself, Some(id), records, after, move |row| {
            span.end();
            Runner::ensure(&house, intent, client_waits);
            if let Some(port) = done {
                answer(port, Reply::Done(Done { row, replayed: false }));
            }
        });
    }

    /// Folds facts into the state in hand; returns it when there were any.
    pub(super) fn evolve(
        &mut self,
        records: &mut Vec<Record>,
        events: Vec<Arc<dyn AnyEvent>>,
        command: CommandMeta,
        time_ms: u64,
        open: bool,
    ) -> Option<Arc<dyn AnyState>> {
        if events.is_empty() {
            return None;
        }
        self.house.chaos.panics.meet(self.stream, Point::Evolve);
        self.state = self.state.evolved(&events);
        let facts = Facts {
            stream: self.stream,
            first_version: self.version + 1,
            public_before: self.public_version,
            time_ms,
            command,
            open,
            events,
        };
        // Twice the facts may be twice the state.
        let grown = self.version.leading_zeros() != facts.last_version().leading_zeros();
        self.version = facts.last_version();
        self.public_version = facts.public_after();
        records.push(Record::Facts(facts));
        if grown {
            self.weigh();
        }
        Some(Arc::clone(&self.state))
    }

    pub(super) fn refuse(&mut self, myself: &ActorRef<InstanceMessage>, envelope: Envelope, refusal: Refusal) {
        match envelope.meta.origin {
            // An ask's refusal is kept by the facts that close it.
            Origin::Edge | Origin::Ask => self.in_turn(myself, envelope, Reply::Refused(refusal)),
            Origin::Keyed | Origin::Policy => self.record_answer(myself, envelope, Some(refusal)),
        }
    }

    fn accept_unchanged(&mut self, myself: &ActorRef<InstanceMessage>, envelope: Envelope) {
        // A repeat must not be decided anew on a later state.
        if matches!(envelope.meta.origin, Origin::Keyed | Origin::Policy) {
            return self.record_answer(myself, envelope, None);
        }
        self.hand_over(myself, None, Vec::new(), None, move |row| {
            envelope.answer(Reply::Done(Done { row, replayed: false }));
        });
    }

    fn record_answer(&mut self, myself: &ActorRef<InstanceMessage>, envelope: Envelope, refusal: Option<Refusal>) {
        let (meta, time_ms) = (envelope.meta.clone(), self.house.clock.wall_ms());
        let id = meta.id;
        let record = FactlessAnswer { stream: self.stream, command: meta, time_ms, refusal: refusal.clone() };
        self.hand_over(myself, Some(id), vec![Record::Answer(record)], None, move |row| {
            let done = || Reply::Done(Done { row, replayed: false });
            envelope.answer(refusal.map_or_else(done, Reply::Refused));
        });
    }

    /// Answers at once, or behind the appends that were pending when this was decided: a client must not learn from a
    /// refusal what a power cut could still undo.
    pub(super) fn in_turn(&mut self, myself: &ActorRef<InstanceMessage>, envelope: Envelope, reply: Reply) {
        if self.pending.is_empty() {
            return envelope.answer(reply);
        }
        self.hand_over(myself, None, Vec::new(), None, move |_| envelope.answer(reply));
    }

    /// Gives the journal what was decided, and goes on. If it is refused or lost, this incarnation stops.
    pub(super) fn hand_over(
        &mut self,
        myself: &ActorRef<InstanceMessage>,
        command: Option<u128>,
        records: Vec<Record>,
        after: Option<Arc<dyn AnyState>>,
        released: impl FnOnce(Option<Arc<Row>>) + Send + 'static,
    ) {
        let adds: u64 = records.iter().map(Record::positions).sum();
        let guard = LossGuard::new(myself.clone(), self.pending.hand_over(command));
        let append = Append {
            stream: self.stream,
            generation: self.generation,
            expects: self.version - adds,
            records,
            after: after.map(|state| state as Arc<dyn Held>),
            release: Box::new(move |committed| {
                guard.defuse();
                released(committed.row);
            }),
        };
        match self.house.journal.room() {
            Ok(room) => room.append(append),
            // Dropped: the guard tells this incarnation to stop, the port tells the caller to ask again.
            Err(unwritable) => {
                self.lost = true;
                let command = append.command();
                tracing::warn!(
                    stream = %self.stream,
                    correlation = command.map(|command| &*command.correlation),
                    trace_id = trace_id(command.and_then(|command| command.trace)),
                    %unwritable,
                    "an append found no room"
                );
            }
        }
    }
}

const fn reason_of(unwritable: &Unwritable) -> Reason {
    match unwritable {
        Unwritable::Busy => Reason::CommitterBusy,
        Unwritable::ReadOnly(_) => Reason::StorageReadOnly,
    }
}
