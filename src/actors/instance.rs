//! The actor of one aggregate: recover, decide, hand over, evolve.
//!
//! It never waits for the disk and never answers before it: what it decided goes to the committer with the reply
//! port inside. A refusal is a reply, never an error; an error or a panic means that this incarnation must die.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::asks::{AskOutcome, Runner};
use super::chaos::Point;
use super::directory::Shared;
use super::envelope::{Done, Envelope, Port, Reply};
use super::runtime::House;
use crate::domain::aggregate::RefusalClass;
use crate::domain::system::{AggregateSpec, AnyState};
use crate::domain::{Answer, AnyEvent, Asked, Context, Decision, OnUnknown, Refusal, Stream};
use crate::journal::{
    Answered, Append, Closed, CommandMeta, FactlessAnswer, Facts, Intent, Origin, Outcome, Record, Row, Unwritable,
};
use crate::resilience::{CallError, NotExecuted, Reason, Unknown};

/// How many commands may wait for an open ask.
const PARKED_MAX: usize = 256;
/// The most facts one command may lead to.
const FACTS_MAX: usize = 1_000;

/// The actor.
#[derive(Debug)]
pub(super) struct Instance;

/// What an instance is told.
#[derive(Debug)]
pub(super) enum InstanceMessage {
    /// A command.
    Command(Envelope),
    /// What became of the open ask.
    Asked { intent: u128, outcome: AskOutcome, acknowledged: tokio::sync::oneshot::Sender<()> },
    /// An append was refused or lost: memory is ahead of the log.
    Lost,
    /// Chaos: the next handling at this point panics.
    PanicAt(Point),
}

/// What an instance starts with.
#[derive(Debug)]
pub(super) struct InstanceArguments {
    pub(super) house: Arc<House>,
    pub(super) spec: Arc<AggregateSpec>,
    pub(super) stream: Stream,
    pub(super) generation: u64,
    pub(super) fresh: bool,
    pub(super) shared: Arc<Shared>,
}

/// What an instance knows.
pub(super) struct Resident {
    house: Arc<House>,
    spec: Arc<AggregateSpec>,
    stream: Stream,
    generation: u64,
    fresh: bool,
    shared: Arc<Shared>,
    state: Arc<dyn AnyState>,
    version: u64,
    public_version: u64,
    pending: Pending,
    open: Option<OpenAsk>,
    panic_at: Option<Point>,
}

/// Appends that are handed over and not yet durable.
#[derive(Debug, Default)]
struct Pending {
    handed_over: u64,
    released: Arc<AtomicU64>,
    commands: VecDeque<(u128, u64)>,
}

/// An ask that waits for its answer, and who waits for it.
struct OpenAsk {
    intent: Arc<Intent>,
    waiting: Vec<Port>,
    parked: VecDeque<Envelope>,
}

impl fmt::Debug for Resident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resident").field("stream", &self.stream).field("version", &self.version).finish_non_exhaustive()
    }
}

impl Actor for Instance {
    type Msg = InstanceMessage;
    type State = Resident;
    type Arguments = InstanceArguments;

    async fn pre_start(
        &self,
        _myself: ActorRef<InstanceMessage>,
        arguments: InstanceArguments,
    ) -> Result<Resident, ActorProcessingErr> {
        let InstanceArguments { house, spec, stream, generation, fresh, shared } = arguments;
        let state = (spec.initial)();
        Ok(Resident {
            house,
            spec,
            stream,
            generation,
            fresh,
            shared,
            state,
            version: 0,
            public_version: 0,
            pending: Pending::default(),
            open: None,
            panic_at: None,
        })
    }

    /// Recovers here and not in `pre_start`: the supervisor does not wait, the mailbox is the stash, and a failure is
    /// the supervisor's to see.
    async fn post_start(
        &self,
        myself: ActorRef<InstanceMessage>,
        resident: &mut Resident,
    ) -> Result<(), ActorProcessingErr> {
        if resident.fresh {
            return Ok(());
        }
        let Some(recovered) = resident.house.journal.barrier(resident.stream, resident.generation).await else {
            // A newer incarnation has passed, or the committer died: whoever waits asks again.
            myself.stop(Some("superseded".to_owned()));
            return Ok(());
        };
        if let Some(row) = recovered.row {
            let revived = (resident.spec.revive)(&*row.state);
            resident.state = revived.ok_or_else(|| format!("the row of {} is another kind's", resident.stream))?;
            resident.version = row.version;
            resident.public_version = row.public_version;
        }
        if let Some(intent) = recovered.intent {
            Runner::ensure(&resident.house, Arc::clone(&intent), false);
            resident.open = Some(OpenAsk { intent, waiting: Vec::new(), parked: VecDeque::new() });
        }
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<InstanceMessage>,
        message: InstanceMessage,
        resident: &mut Resident,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            InstanceMessage::Command(envelope) => {
                resident.shared.waiting.fetch_sub(1, Ordering::Relaxed);
                resident.house.chaos.pause_at(Point::Decide, resident.stream).await;
                resident.command(&myself, envelope);
            }
            InstanceMessage::Asked { intent, outcome, acknowledged } => {
                resident.asked(&myself, intent, outcome, acknowledged)?;
            }
            InstanceMessage::Lost => myself.stop(Some("lost".to_owned())),
            InstanceMessage::PanicAt(point) => resident.panic_at = Some(point),
        }
        Ok(())
    }
}

impl Resident {
    fn command(&mut self, myself: &ActorRef<InstanceMessage>, envelope: Envelope) {
        *self.shared.in_hand.lock() = Some(envelope.meta.id);
        self.consider(myself, envelope);
        *self.shared.in_hand.lock() = None;
    }

    /// Answers a command that needs no decision, or decides it.
    fn consider(&mut self, myself: &ActorRef<InstanceMessage>, envelope: Envelope) {
        if envelope.deadline.is_expired(&self.house.clock) {
            return reject(envelope.port, NotExecuted::deadline_exceeded());
        }
        let Some(envelope) = self.answer_again(myself, envelope) else { return };
        if let Some(open) = &mut self.open {
            return match open.parked.len() < PARKED_MAX {
                true => open.parked.push_back(envelope),
                false => reject(envelope.port, unavailable(Reason::MailboxFull)),
            };
        }
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
            return self.in_turn(myself, envelope.port, reply);
        }
        if envelope.creates && self.version > 0 {
            let refusal = Refusal::rule("id-is-free", format!("{} exists", self.stream));
            return self.refuse(myself, envelope, refusal);
        }
        self.decide(myself, envelope);
    }

    /// A resend gets the answer of its first run; gives the command back when there was none.
    fn answer_again(&mut self, myself: &ActorRef<InstanceMessage>, envelope: Envelope) -> Option<Envelope> {
        let id = envelope.meta.id;
        if let Some(open) = self.open.as_mut().filter(|open| open.intent.opened_by.id == id) {
            match open.intent.opened_by.fingerprint == envelope.meta.fingerprint {
                true => open.waiting.push(envelope.port),
                false => answer(envelope.port, Reply::KeyReused),
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
                tracing::error!(stream = %self.stream, %error, "an answer could not be looked up");
                reject(envelope.port, unavailable(Reason::StorageReadOnly));
                None
            }
        }
    }

    /// Waits behind the pending append of the same command, then answers as it did.
    fn attach(&mut self, myself: &ActorRef<InstanceMessage>, envelope: Envelope) {
        let house = Arc::clone(&self.house);
        let release = move || {
            if let Ok(Some(answered)) = house.journal.answer(envelope.meta.id) {
                replay(&house, envelope, &answered);
            }
        };
        self.hand_over(myself, None, Vec::new(), None, move |_| release());
    }

    fn decide(&mut self, myself: &ActorRef<InstanceMessage>, envelope: Envelope) {
        if let Err(unwritable) = self.house.journal.room() {
            return reject(envelope.port, unavailable(reason_of(&unwritable)));
        }
        self.panic_if(Point::Decide);
        let context = Context { id: self.stream.id, time_ms: self.house.clock.wall_ms() };
        match self.state.decide(&*envelope.command, &context) {
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
        let Envelope { meta, port, .. } = envelope;
        let mut records = Vec::with_capacity(2);
        let intent = decision.ask.map(|ask| {
            Arc::new(Intent {
                id: derived(meta.id, "ask"),
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
                answer(port, Reply::Done(Done { row, replayed: false }));
            });
        };
        records.push(Record::IntentOpened(Arc::clone(&intent)));
        // Who waits for a policy's command only waits for its facts and intent to be durable.
        let client_waits = intent.opened_by.origin != Origin::Policy;
        let (waiting, done) = if client_waits { (vec![port], None) } else { (Vec::new(), Some(port)) };
        self.open = Some(OpenAsk { intent: Arc::clone(&intent), waiting, parked: VecDeque::new() });
        let house = Arc::clone(&self.house);
        self.hand_over(myself, Some(id), records, after, move |row| {
            Runner::ensure(&house, intent, client_waits);
            if let Some(port) = done {
                answer(port, Reply::Done(Done { row, replayed: false }));
            }
        });
    }

    /// Folds facts into the state in hand; returns it when there were any.
    fn evolve(
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
        self.panic_if(Point::Evolve);
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
        self.version = facts.last_version();
        self.public_version = facts.public_after();
        records.push(Record::Facts(facts));
        Some(Arc::clone(&self.state))
    }

    /// What became of the open ask: an answer closes it, anything else is told to whoever waits.
    fn asked(
        &mut self,
        myself: &ActorRef<InstanceMessage>,
        intent: u128,
        outcome: AskOutcome,
        acknowledged: tokio::sync::oneshot::Sender<()>,
    ) -> Result<(), ActorProcessingErr> {
        let Some(open) = self.open.take_if(|open| open.intent.id == intent) else {
            // Closed already by an earlier run of the same answer; durable or pending, in any case not ours to close.
            self.hand_over(myself, None, Vec::new(), None, move |_| acknowledge(acknowledged));
            return Ok(());
        };
        if let AskOutcome::Unknown(unknown) = outcome {
            let waiting = open.waiting;
            self.open = Some(OpenAsk { waiting: Vec::new(), ..open });
            waiting.into_iter().for_each(|port| fail(port, unknown.into()));
            acknowledge(acknowledged);
            return Ok(());
        }
        if self.house.journal.room().is_err() {
            // Not acknowledged: the runner tells again.
            self.open = Some(open);
            return Ok(());
        }
        let OpenAsk { intent, waiting, parked } = open;
        let context = Context { id: self.stream.id, time_ms: self.house.clock.wall_ms() };
        let asked = Asked { to: intent.to, command: intent.command.name().to_owned() };
        let (answered, how, undo) = match &outcome {
            AskOutcome::Answered(answered) => (answered.clone(), Closed::Answered, None),
            AskOutcome::NotExecuted(_) | AskOutcome::Unknown(_) => (Answer::Withdrawn, Closed::Withdrawn, None),
            AskOutcome::Undo(_, undo) => (Answer::Withdrawn, Closed::Withdrawn, Some(Arc::clone(undo))),
        };
        let closing = self.state.answered(&asked, &answered, &context);
        let mut records = Vec::with_capacity(3);
        let meta = intent.opened_by.clone();
        let after = self.evolve(&mut records, closing.facts, meta.clone(), context.time_ms, false);
        let final_reply = match (&outcome, closing.refusal) {
            (AskOutcome::Answered(_), None) => None,
            (AskOutcome::Answered(_), Some(refusal)) => Some(Ok(Reply::Refused(refusal))),
            (AskOutcome::NotExecuted(reason), _) => Some(Err(CallError::from(*reason))),
            (AskOutcome::Undo(unknown, _) | AskOutcome::Unknown(unknown), _) => Some(Err(CallError::from(*unknown))),
        };
        if how == Closed::Answered && (after.is_none() || matches!(final_reply, Some(Ok(Reply::Refused(_))))) {
            let refusal = match &final_reply {
                Some(Ok(Reply::Refused(refusal))) => Some(refusal.clone()),
                Some(_) | None => None,
            };
            let answer = FactlessAnswer { stream: self.stream, command: meta, time_ms: context.time_ms, refusal };
            records.push(Record::Answer(answer));
        }
        let opened_by = intent.opened_by.id;
        records.push(Record::IntentClosed { asker: self.stream, intent: intent.id, opened_by, how });
        let undo = undo.map(|undo| Arc::new(undoing(&intent, undo, context.time_ms)));
        records.extend(undo.clone().map(Record::IntentOpened));
        let house = Arc::clone(&self.house);
        if let Some(undo) = &undo {
            self.open = Some(OpenAsk { intent: Arc::clone(undo), waiting: Vec::new(), parked: VecDeque::new() });
        }
        self.hand_over(myself, Some(opened_by), records, after, move |row| {
            for port in waiting {
                // A client that has gone is not an error; the outcome is on record.
                let done = || Ok(Reply::Done(Done { row: row.clone(), replayed: false }));
                let _ = port.send(final_reply.clone().unwrap_or_else(done));
            }
            acknowledge(acknowledged);
            undo.into_iter().for_each(|undo| Runner::ensure(&house, undo, false));
        });
        parked.into_iter().for_each(|envelope| self.command(myself, envelope));
        Ok(())
    }

    fn refuse(&mut self, myself: &ActorRef<InstanceMessage>, envelope: Envelope, refusal: Refusal) {
        match envelope.meta.origin {
            // An ask's refusal is kept by the facts that close it.
            Origin::Edge | Origin::Ask => self.in_turn(myself, envelope.port, Reply::Refused(refusal)),
            Origin::Keyed | Origin::Policy => self.record_answer(myself, envelope, Some(refusal)),
        }
    }

    fn accept_unchanged(&mut self, myself: &ActorRef<InstanceMessage>, envelope: Envelope) {
        if envelope.meta.origin == Origin::Keyed {
            return self.record_answer(myself, envelope, None);
        }
        self.hand_over(myself, None, Vec::new(), None, move |row| {
            answer(envelope.port, Reply::Done(Done { row, replayed: false }));
        });
    }

    fn record_answer(&mut self, myself: &ActorRef<InstanceMessage>, envelope: Envelope, refusal: Option<Refusal>) {
        let Envelope { meta, port, .. } = envelope;
        let (id, time_ms) = (meta.id, self.house.clock.wall_ms());
        let record = FactlessAnswer { stream: self.stream, command: meta, time_ms, refusal: refusal.clone() };
        self.hand_over(myself, Some(id), vec![Record::Answer(record)], None, move |row| {
            let done = || Reply::Done(Done { row, replayed: false });
            answer(port, refusal.map_or_else(done, Reply::Refused));
        });
    }

    /// Answers at once, or behind the appends that were pending when this was decided: a client must not learn from a
    /// refusal what a power cut could still undo.
    fn in_turn(&mut self, myself: &ActorRef<InstanceMessage>, port: Port, reply: Reply) {
        if self.pending.is_empty() {
            return answer(port, reply);
        }
        self.hand_over(myself, None, Vec::new(), None, move |_| answer(port, reply));
    }

    /// Gives the journal what was decided, and goes on. If it is refused or lost, this incarnation stops.
    fn hand_over(
        &mut self,
        myself: &ActorRef<InstanceMessage>,
        command: Option<u128>,
        records: Vec<Record>,
        after: Option<Arc<dyn AnyState>>,
        released: impl FnOnce(Option<Arc<Row>>) + Send + 'static,
    ) {
        let adds: u64 = records.iter().map(Record::positions).sum();
        let ticket = self.pending.hand_over(command);
        let guard = LossGuard { actor: Some(myself.clone()), released: ticket };
        let append = Append {
            stream: self.stream,
            generation: self.generation,
            expects: self.version - adds,
            records,
            after: after.map(|state| state as Arc<dyn crate::domain::Held>),
            release: Box::new(move |committed| {
                guard.defuse();
                released(committed.row);
            }),
        };
        match self.house.journal.room() {
            Ok(room) => room.append(append),
            // Dropped: the guard tells this incarnation to stop, the port tells the caller to ask again.
            Err(unwritable) => tracing::warn!(stream = %self.stream, %unwritable, "an append found no room"),
        }
    }

    fn panic_if(&mut self, point: Point) {
        if self.panic_at.take_if(|at| *at == point).is_some() {
            panic!("chaos: told to panic at {point:?}");
        }
    }
}

impl Pending {
    fn hand_over(&mut self, command: Option<u128>) -> Arc<AtomicU64> {
        self.handed_over += 1;
        self.forget_released();
        self.commands.extend(command.map(|id| (id, self.handed_over)));
        Arc::clone(&self.released)
    }

    fn holds(&mut self, command: u128) -> bool {
        self.forget_released();
        self.commands.iter().any(|(id, _)| *id == command)
    }

    fn is_empty(&self) -> bool {
        self.released.load(Ordering::Acquire) == self.handed_over
    }

    fn forget_released(&mut self) {
        let released = self.released.load(Ordering::Acquire);
        while self.commands.front().is_some_and(|(_, ticket)| *ticket <= released) {
            self.commands.pop_front();
        }
    }
}

/// Tells the actor when its append was dropped instead of released.
struct LossGuard {
    actor: Option<ActorRef<InstanceMessage>>,
    released: Arc<AtomicU64>,
}

impl LossGuard {
    fn defuse(mut self) {
        self.released.fetch_add(1, Ordering::Release);
        self.actor = None;
    }
}

impl Drop for LossGuard {
    fn drop(&mut self) {
        if let Some(actor) = &self.actor {
            // An actor that is gone needs no telling.
            let _ = actor.cast(InstanceMessage::Lost);
        }
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
            let row = row.clone().or_else(|| house.journal.row(answered.stream).ok().flatten());
            answer(envelope.port, Reply::Done(Done { row, replayed: true }));
        }
        // Its ask was closed between look-up and now, or a policy's command is durable with its ask still open.
        Outcome::Open => match envelope.meta.origin {
            Origin::Policy => answer(envelope.port, Reply::Done(Done { row: None, replayed: true })),
            Origin::Edge | Origin::Keyed | Origin::Ask => fail(envelope.port, Unknown::PortDropped.into()),
        },
    }
}

fn undoing(intent: &Intent, undo: Arc<dyn crate::domain::AnyCommand>, time_ms: u64) -> Intent {
    Intent {
        id: derived(intent.id, "undo"),
        asker: intent.asker,
        to: intent.to,
        command: undo,
        timeout: intent.timeout,
        undo: None,
        opened_by: CommandMeta {
            id: derived(intent.opened_by.id, "undo"),
            origin: Origin::Policy,
            fingerprint: 0,
            ..intent.opened_by.clone()
        },
        opened_ms: time_ms,
    }
}

/// Derives a command's id from another's, the same each time.
pub(super) fn derived(id: u128, what: &str) -> u128 {
    crate::clock::derived_id(id, what)
}

fn answer(port: Port, reply: Reply) {
    // A caller that has gone is not an error; the outcome is on record.
    let _ = port.send(Ok(reply));
}

fn reject(port: Port, reason: NotExecuted) {
    let _ = port.send(Err(reason.into()));
}

fn fail(port: Port, error: CallError) {
    let _ = port.send(Err(error));
}

fn acknowledge(port: tokio::sync::oneshot::Sender<()>) {
    let _ = port.send(());
}

const fn reason_of(unwritable: &Unwritable) -> Reason {
    match unwritable {
        Unwritable::Busy => Reason::CommitterBusy,
        Unwritable::ReadOnly(_) => Reason::StorageReadOnly,
    }
}

/// The wait suggested when nothing better is known.
pub(super) const RETRY_AFTER: std::time::Duration = std::time::Duration::from_secs(1);

fn unavailable(reason: Reason) -> NotExecuted {
    NotExecuted { reason, retry_after: RETRY_AFTER }
}
