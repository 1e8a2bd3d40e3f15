//! An open ask: who waits for it, and what its end means.

use std::collections::VecDeque;
use std::sync::Arc;

use ractor::ActorRef;
use tokio::sync::oneshot;

use super::InstanceMessage;
use super::resident::{Resident, fail};
use crate::actors::asks::{AskOutcome, Runner};
use crate::actors::envelope::{Done, Envelope, NoReply, Port, Reply};
use crate::clock::derived_id;
use crate::domain::{Answer, AnyCommand, Asked, Held, Refusal};
use crate::journal::{Closed, CommandMeta, FactlessAnswer, Intent, Origin, Record};
use crate::mutants::{self, Mutant};
use crate::resilience::Unknown;

/// How many commands may wait for an open ask.
const PARKED_MAX: usize = 256;

/// An ask that waits for its answer, and who waits for it.
pub(super) struct OpenAsk {
    pub(super) intent: Arc<Intent>,
    waiting: Vec<Port>,
    parked: VecDeque<Envelope>,
}

impl OpenAsk {
    pub(super) const fn new(intent: Arc<Intent>) -> Self {
        Self { intent, waiting: Vec::new(), parked: VecDeque::new() }
    }

    /// Adds one who waits for the outcome; those who left make room.
    pub(super) fn wait(&mut self, port: Port) {
        self.waiting.retain(|port| !port.is_closed());
        self.waiting.push(port);
    }

    /// Tells whether another command may wait for the end; those whose senders left make room.
    pub(super) fn has_room(&mut self) -> bool {
        self.parked.retain(|parked| !parked.port.is_closed());
        self.parked.len() < PARKED_MAX
    }

    /// Adds a command that waits for the end.
    pub(super) fn park(&mut self, envelope: Envelope) {
        self.parked.push_back(envelope);
    }
}

/// How an open ask ends: what the asker is told, what the client is told, what is written.
struct Ending {
    answer: Answer,
    state: Option<Arc<dyn Held>>,
    how: Closed,
    undo: Option<Arc<dyn AnyCommand>>,
    reply: Option<Result<Reply, NoReply>>,
}

impl Ending {
    fn of(outcome: AskOutcome) -> Self {
        match outcome {
            AskOutcome::Answered(answer, row) => {
                let state = row.map(|row| Arc::clone(&row.state));
                Self { answer, state, how: Closed::Answered, undo: None, reply: None }
            }
            AskOutcome::NotExecuted(reason) => Self {
                answer: Answer::Withdrawn,
                state: None,
                how: Closed::Withdrawn,
                undo: None,
                reply: Some(Err(NoReply::Withdrawn(reason))),
            },
            AskOutcome::Undo(unknown, undo) => Self {
                answer: Answer::Withdrawn,
                state: None,
                how: Closed::Withdrawn,
                undo: Some(undo).filter(|_| !mutants::is_on(Mutant::UndoDropped)),
                reply: Some(Err(unknown.into())),
            },
        }
    }
}

impl Resident {
    /// Tells those who wait that nobody knows; the ask itself goes on.
    pub(super) fn still_asking(&mut self, intent: u128, unknown: Unknown, acknowledged: oneshot::Sender<()>) {
        if let Some(open) = self.open.as_mut().filter(|open| open.intent.id == intent) {
            open.waiting.drain(..).for_each(|port| fail(port, unknown.into()));
        }
        acknowledge(acknowledged);
    }

    /// Closes the open ask with what follows from its end, in one group.
    pub(super) fn asked(
        &mut self,
        myself: &ActorRef<InstanceMessage>,
        intent: u128,
        outcome: AskOutcome,
        acknowledged: oneshot::Sender<()>,
    ) {
        if self.lost || self.house.journal.room().is_err() {
            // Not acknowledged: the runner tells again.
            return;
        }
        let Some(OpenAsk { intent, waiting, parked }) = self.open.take_if(|open| open.intent.id == intent) else {
            // Closed already by an earlier run of the same answer: acknowledged behind whatever is pending.
            return self.hand_over(myself, None, Vec::new(), None, move |_| acknowledge(acknowledged));
        };
        let Ending { answer: outcome, state, how, undo, mut reply } = Ending::of(outcome);
        let context = self.context();
        let asked = Asked { state, ..Asked::of(intent.to, intent.command.name()) };
        let closing = self.state.answered(&asked, &outcome, &context);
        let mut records = Vec::with_capacity(3);
        let meta = intent.opened_by.clone();
        let after = self.evolve(&mut records, closing.facts, meta.clone(), context.time_ms, false);
        if how == Closed::Answered {
            records.extend(self.final_answer(meta, closing.refusal.clone(), after.is_some(), context.time_ms));
            reply = closing.refusal.map(|refusal| Ok(Reply::Refused(refusal)));
        }
        let opened_by = intent.opened_by.id;
        records.push(Record::IntentClosed { asker: self.stream, intent: intent.id, opened_by, how });
        let undo = undo.map(|command| Arc::new(undoing(&intent, command, context.time_ms)));
        records.extend(undo.clone().map(Record::IntentOpened));
        self.open = undo.clone().map(OpenAsk::new);
        let house = Arc::clone(&self.house);
        self.hand_over(myself, Some(opened_by), records, after, move |row| {
            for port in waiting {
                let done = || Ok(Reply::Done(Done { row: row.clone(), replayed: false }));
                // A client that has gone is not an error; the outcome is on record.
                let _ = port.send(reply.clone().unwrap_or_else(done));
            }
            acknowledge(acknowledged);
            undo.into_iter().for_each(|undo| Runner::ensure(&house, undo, false));
        });
        for envelope in parked {
            self.take_in_hand(&envelope);
            self.command(myself, envelope);
        }
    }

    /// Returns the record of an outcome that no fact tells: a refusal, or success that changed nothing.
    fn final_answer(
        &self,
        command: CommandMeta,
        refusal: Option<Refusal>,
        has_facts: bool,
        time_ms: u64,
    ) -> Option<Record> {
        (refusal.is_some() || !has_facts)
            .then(|| Record::Answer(FactlessAnswer { stream: self.stream, command, time_ms, refusal }))
    }
}

fn undoing(intent: &Intent, undo: Arc<dyn AnyCommand>, time_ms: u64) -> Intent {
    Intent {
        id: derived_id(intent.id, "undo"),
        asker: intent.asker,
        to: intent.to,
        command: undo,
        timeout: intent.timeout,
        undo: None,
        opened_by: CommandMeta {
            id: derived_id(intent.id, "undone"),
            origin: Origin::Policy,
            fingerprint: 0,
            ..intent.opened_by.clone()
        },
        opened_ms: time_ms,
    }
}

fn acknowledge(port: oneshot::Sender<()>) {
    // A runner that is gone has been replaced; it tells again and is acknowledged then.
    let _ = port.send(());
}
