//! Runs asks to their end: once asked, an intent is asked again after every crash until it is answered or undone.
//!
//! Unknown sticks: after a dropped port or a timeout, no later refusal to execute makes it "never happened".

mod telling;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use parking_lot::Mutex;

use self::telling::Telling;
use super::admission::{Call, Target};
use super::envelope::{Precondition, Reply};
use super::observe::node;
use super::runtime::House;
use crate::clock::derived_id;
use crate::domain::aggregate::RefusalClass;
use crate::domain::provider::OUTSIDE;
use crate::domain::{Answer, AnyCommand, Refusal, Stream, TraceContext};
use crate::fault_points::{self, FaultPoint};
use crate::journal::{CommandMeta, Intent, Origin, Position, Row};
use crate::mutants::{self, Mutant};
use crate::resilience::{CallError, Deadline, NotExecuted, Unknown};
use crate::telemetry::metrics;
use crate::telemetry::metrics::By;
use crate::telemetry::traces::{SYSTEM, Span, SpanKind};
use crate::telemetry::tracing::trace_id;

/// The waits between two attempts, doubled each time.
const WAIT_FIRST: Duration = Duration::from_millis(20);
/// The longest wait between two attempts.
const WAIT_MAX: Duration = Duration::from_millis(500);

/// What became of one ask, as its asker is told.
#[derive(Clone, Debug)]
pub(super) enum AskOutcome {
    /// It was answered; with the row of the asked, if it agreed.
    Answered(Answer, Option<Arc<Row>>),
    /// It was never executed, and nobody but the waiting client wanted it.
    NotExecuted(NotExecuted),
    /// Nobody knows, and this command undoes it.
    Undo(Unknown, Arc<dyn AnyCommand>),
}

/// The asks that run now, by id, and when each was opened, in milliseconds since the Unix epoch.
#[derive(Debug, Default)]
pub(super) struct Running(Mutex<HashMap<u128, u64>>);

impl Running {
    /// Returns how many there are.
    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Returns how old the oldest is; nothing when there is none.
    pub(super) fn oldest(&self, now_ms: u64) -> Duration {
        let opened = self.0.lock().values().min().copied();
        Duration::from_millis(opened.map_or(0, |opened| now_ms.saturating_sub(opened)))
    }
}

/// Runs one ask.
#[derive(Debug)]
pub(super) struct Runner {
    house: Arc<House>,
    intent: Arc<Intent>,
    client_waits: bool,
    /// Whether an attempt may have been executed.
    unknown: bool,
    /// How it ended, from then on: whatever happens while the asker is told, it is not asked again.
    outcome: Option<AskOutcome>,
}

impl Runner {
    /// Runs an intent unless it runs already.
    pub(super) fn ensure(house: &Arc<House>, intent: Arc<Intent>, client_waits: bool) {
        match house.asks.0.lock().entry(intent.id) {
            Entry::Occupied(_) => return,
            Entry::Vacant(place) => drop(place.insert(intent.opened_ms)),
        }
        let runner = Self { house: Arc::clone(house), intent, client_waits, unknown: false, outcome: None };
        let stopping = house.stopping.clone();
        // Its end is waited for at a stop; a handle of its own is not needed.
        drop(house.tasks.spawn(async move { stopping.run_until_cancelled(runner.run_on()).await }));
    }

    /// Runs to the end; a panic on the way is a defect, and no reason to leave the asker waiting.
    async fn run_on(mut self) {
        while AssertUnwindSafe(self.run()).catch_unwind().await.is_err() {
            let Intent { asker, to, opened_by, .. } = &*self.intent;
            let (correlation, trace_id) = (&*opened_by.correlation, trace_id(opened_by.trace));
            tracing::error!(%asker, asked = %to, correlation, trace_id, "an ask panicked; it is run again");
            self.unknown = true;
            tokio::time::sleep(WAIT_MAX).await;
        }
    }

    async fn run(&mut self) {
        let outcome = match self.outcome.clone() {
            Some(outcome) => outcome,
            None => self.concluded().await,
        };
        self.outcome = Some(outcome.clone());
        if mutants::now_and_then(Mutant::AskForgotten, 50) {
            return;
        }
        self.tell(Telling::Ended(outcome)).await;
    }

    /// Asks to the end, which is counted and told.
    async fn concluded(&mut self) -> AskOutcome {
        let begun = self.house.clock.now();
        let mut span = self.span();
        let outcome = self.ask(&mut span).await;
        let label = match &outcome {
            AskOutcome::Answered(Answer::Done, _) => "done",
            AskOutcome::Answered(Answer::Refused(_) | Answer::Withdrawn, _) => "refused",
            AskOutcome::NotExecuted(_) => "not-executed",
            AskOutcome::Undo(..) => "undone",
        };
        metrics::ask_ended(self.intent.to.kind.path(), label);
        let failed = matches!(outcome, AskOutcome::NotExecuted(_) | AskOutcome::Undo(..));
        let [client, server] = [self.intent.asker.kind, self.intent.to.kind].map(node);
        metrics::called(client, server, By::Ask, failed, self.house.clock.now() - begun);
        span.set("resurgam.outcome", label);
        match &outcome {
            AskOutcome::Answered(..) => {}
            AskOutcome::NotExecuted(rejected) => span.fail(rejected.reason.code()),
            AskOutcome::Undo(unknown, _) => span.fail(unknown.code()),
        }
        span.end();
        outcome
    }

    /// Asks until there is an outcome that ends it.
    async fn ask(&mut self, span: &mut Span) -> AskOutcome {
        let mut wait = WAIT_FIRST;
        let mut attempts = 0_u64;
        loop {
            attempts += 1;
            span.set("resurgam.attempts", attempts);
            // Looked at before the attempt: what is followed meanwhile does not make its refusal mature.
            let premature = !self.house.has_followed(&self.intent, self.cause());
            match self.attempt(span.context()).await {
                Ok(Reply::Done(done)) => return AskOutcome::Answered(Answer::Done, done.row),
                Ok(Reply::Refused(refusal)) if !premature || refusal.class != RefusalClass::UnknownTarget => {
                    return AskOutcome::Answered(Answer::Refused(refusal), None);
                }
                Ok(Reply::Refused(_)) => self.house.followed(&self.intent, self.cause()).await,
                Ok(Reply::PreconditionFailed { .. } | Reply::KeyReused) => {
                    let refusal = Refusal::rule("ask-not-understood", "an ask carries neither precondition nor key");
                    return AskOutcome::Answered(Answer::Refused(refusal), None);
                }
                Err(CallError::NotExecuted(reason)) if self.client_waits && !self.unknown => {
                    return AskOutcome::NotExecuted(reason);
                }
                Err(CallError::NotExecuted(_)) => {}
                Err(CallError::Unknown(lost)) => {
                    self.unknown = true;
                    if let Some(undo) = &self.intent.undo {
                        return AskOutcome::Undo(lost, Arc::clone(undo));
                    }
                    if self.client_waits {
                        self.client_waits = false;
                        self.tell(Telling::StillAsking(lost)).await;
                    }
                }
            }
            tokio::time::sleep(wait.mul_f64(self.house.clock.fraction())).await;
            wait = (wait * 2).min(WAIT_MAX);
        }
    }

    async fn attempt(&self, trace: Option<TraceContext>) -> Result<Reply, CallError> {
        fault_points::at(FaultPoint::AskBegun).await.map_err(|_| Unknown::PortDropped)?;
        let Intent { id, to, opened_by, timeout, .. } = &*self.intent;
        let house = &self.house;
        if to.kind.service() == OUTSIDE {
            return house.asked_outside(&self.intent, trace).await;
        }
        let call = Call {
            target: Target::Existing(*to),
            command: Arc::clone(&self.intent.command),
            meta: CommandMeta {
                id: derived_id(*id, "command"),
                origin: Origin::Ask,
                fingerprint: 0,
                causation: opened_by.causation,
                correlation: Arc::clone(&opened_by.correlation),
                trace,
            },
            precondition: Precondition::Always,
            // Longer than the ask may take: it is the attempt that times out, and the breaker is told.
            deadline: Deadline::after(&house.clock, 2 * *timeout),
        };
        let outcome = match self.client_waits {
            true => house.asked(self.intent.asker.kind, *to, &call).await,
            false => house.internally(*to, call, *timeout).await,
        };
        // The attempt's deadline is the ask's timeout, not the client's deadline.
        outcome.map_err(|error| match error {
            CallError::Unknown(Unknown::DeadlineExceeded) => Unknown::AttemptTimeout.into(),
            CallError::Unknown(_) | CallError::NotExecuted(_) => error,
        })
    }

    /// Begins to tell of it; the command it sends stands below.
    fn span(&self) -> Span {
        let Intent { to, opened_by, .. } = &*self.intent;
        let (kind, command) = (to.kind.path(), self.intent.command.name());
        self.house.tracer.begin(opened_by.trace, SpanKind::Client, || {
            let attributes = [
                ("messaging.system", SYSTEM.into()),
                ("messaging.operation.name", "ask".into()),
                ("messaging.operation.type", "send".into()),
                ("messaging.destination.name", kind.into()),
                ("messaging.message.conversation_id", (&opened_by.correlation).into()),
                ("resurgam.command", command.into()),
                ("resurgam.id", to.id.into()),
                ("resurgam.asker", self.intent.asker.to_string().into()),
            ];
            (format!("ask {kind} {command}"), attributes)
        })
    }

    fn cause(&self) -> Position {
        self.intent.opened_by.causation
    }

    /// Tells the asker until it acknowledges, which it does when what follows is durable.
    async fn tell(&self, telling: Telling) {
        let mut wait = WAIT_FIRST;
        let mut gone = None;
        while !self.house.tell_asker(&self.intent, telling.clone(), &mut gone).await {
            tokio::time::sleep(wait.mul_f64(self.house.clock.fraction())).await;
            wait = (wait * 2).min(WAIT_MAX);
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.house.asks.0.lock().remove(&self.intent.id);
    }
}

impl House {
    /// Sends a command by the internal lane: its own bound, a stopped service is waited for, no guard.
    async fn internally(&self, to: Stream, mut call: Call, timeout: Duration) -> Result<Reply, CallError> {
        self.services.running(to.kind.system(), to.kind.service()).await;
        call.deadline = Deadline::after(&self.clock, timeout);
        let _place = self.internal_lane.acquire(call.deadline).await?;
        self.unguarded(to, &call).await
    }

    fn has_followed(&self, intent: &Intent, cause: Position) -> bool {
        // Whoever makes the asked aggregate is its own service's follower.
        let follower = super::followers::policies_of(intent.to.kind.system(), intent.to.kind.service());
        let done = self.journal.progress(&follower).unwrap_or(0);
        cause == 0 || done + 1 >= cause
    }

    /// Waits until the asked aggregate's service has followed everything before the cause.
    async fn followed(&self, intent: &Intent, cause: Position) {
        loop {
            let progressed = self.progressed.notified();
            tokio::pin!(progressed);
            progressed.as_mut().enable();
            if self.has_followed(intent, cause) {
                return;
            }
            progressed.await;
        }
    }
}
