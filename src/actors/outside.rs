//! Asks of outside parties: through the guard of the ask and the port that `outbound` fills, or agreed to at once.
//!
//! While no address of a provider is set and nobody experiments with it, its asker closes the ask in the group that would
//! have opened it: a built-in provider costs nothing.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::directory::Provider;
use super::dispatch::unavailable;
use super::envelope::{Done, Reply};
use super::runtime::House;
use crate::domain::provider::OUTSIDE;
use crate::domain::system::AnyState;
use crate::domain::{Answer, AnyEvent, Asked, Context, Decision, Kind, Refusal, TraceContext, Verb};
use crate::journal::Intent;
use crate::resilience::breaker::State;
use crate::resilience::{CallError, Completion, Deadline, Guard, Idempotency, Partition, Reason, Verdict};

/// The way to outside parties.
pub trait Outbound: fmt::Debug + Send + Sync {
    /// Tells whether this provider (`system/outside/name`) is asked out there; else it is built in.
    fn reaches(&self, provider: &str) -> bool;

    /// Asks. A provider that is not reached agrees.
    ///
    /// # Errors
    ///
    /// [`Reason::ProviderUnavailable`] when it was surely not asked, unknown when it may have been.
    fn ask<'a>(&'a self, errand: Errand<'a>) -> BoxFuture<'a, Result<Said, CallError>>;
}

/// What is asked.
#[derive(Debug)]
pub struct Errand<'a> {
    /// Whom: `system/outside/name`.
    pub provider: &'a str,
    /// The method.
    pub method: &'static str,
    /// The path below the provider's address.
    pub path: &'a str,
    /// The command's fields as JSON.
    pub body: Vec<u8>,
    /// The same for every attempt.
    pub key: u128,
    /// The story it belongs to.
    pub correlation: &'a str,
    /// Its place in a trace that is told.
    pub trace: Option<TraceContext>,
}

/// What an outside party says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It has done it.
    Done,
    /// It will not, for this reason.
    Refused(String),
}

/// No outside party is asked out there.
#[derive(Debug)]
pub struct BuiltIn;

impl Outbound for BuiltIn {
    fn reaches(&self, _: &str) -> bool {
        false
    }

    fn ask<'a>(&'a self, _: Errand<'a>) -> BoxFuture<'a, Result<Said, CallError>> {
        Box::pin(std::future::ready(Ok(Said::Done)))
    }
}

/// What came of one attempt. A provider that fails is the failure of its own guard, and of no other on the way back.
#[derive(Debug)]
struct Heard(Result<Reply, CallError>);

impl Verdict for Heard {
    fn completion(&self) -> Completion {
        self.0.as_ref().map_or(Completion::Failed, Verdict::completion)
    }
}

impl House {
    /// Asks an outside party through the guard of that ask, and again where it was surely not asked.
    pub(super) async fn asked_outside(&self, intent: &Intent, trace: Option<TraceContext>) -> Result<Reply, CallError> {
        let Intent { asker, to, timeout, .. } = intent;
        let guard = self.directory.ask_guard(asker.kind, to.kind);
        let provider = self.directory.provider(to.kind);
        let (Some(guard), Some(provider), Some(retries)) = (guard, provider, self.directory.retries(self.clock.now()))
        else {
            return Err(unavailable(Reason::ProviderUnavailable).into());
        };
        let attempt = |_| async {
            // Longer than the ask may take: it is the attempt that times out, and the breaker is told.
            let deadline = Deadline::after(&self.clock, 2 * *timeout);
            // The guard drops an attempt that takes too long.
            let work = |_| self.ask_once(provider, intent, trace);
            guard.call(Partition::Asks, deadline, work).await?.0
        };
        // No attempt begins when who asked the asker has gone. What may have been done is asked again by the intent, whose
        // key the provider knows, not here.
        let patience = Deadline::after(&self.clock, *timeout);
        provider.retry.run(&retries, patience, Idempotency::Unkeyed, attempt).await
    }

    async fn ask_once(
        &self,
        provider: &Provider,
        intent: &Intent,
        trace: Option<TraceContext>,
    ) -> Result<Heard, CallError> {
        let kind = intent.to.kind;
        self.meet_faults(kind).await?;
        let outgoing = (provider.spec.outgoing)(intent.to.id, &*intent.command);
        let body = serde_json::to_vec(intent.command.payload());
        let (Some(outgoing), Ok(body)) = (outgoing, body) else {
            let what = format!("{} cannot be sent to {kind}", intent.command.name());
            return Ok(Heard(Ok(Reply::Refused(Refusal::rule("ask-not-understood", what)))));
        };
        let errand = Errand {
            provider: kind.path(),
            method: method(outgoing.verb),
            path: &outgoing.path,
            body,
            key: intent.id,
            correlation: &intent.opened_by.correlation,
            trace,
        };
        Ok(Heard(self.outbound.ask(errand).await.map(|said| match said {
            Said::Done => Reply::Done(Done { row: None, replayed: false }),
            Said::Refused(why) => Reply::Refused(Refusal::rule("refused-by-provider", why)),
        })))
    }

    /// Closes the decision's ask at once if a built-in provider agrees to it.
    pub(super) fn agreed(
        &self,
        asker: Kind,
        state: &dyn AnyState,
        mut decision: Decision<Arc<dyn AnyEvent>>,
        context: &Context,
    ) -> Decision<Arc<dyn AnyEvent>> {
        let Some(ask) = decision.ask.take_if(|ask| self.agrees_at_once(asker, ask.to.kind)) else { return decision };
        let asked = Asked::of(ask.to, ask.command.name());
        let closing = state.evolved(&decision.facts).answered(&asked, &Answer::Done, context);
        if closing.refusal.is_some() {
            // Facts and a refusal: an ask's long way has a place for both.
            return decision.asking(ask);
        }
        decision.facts.extend(closing.facts);
        decision
    }

    fn agrees_at_once(&self, asker: Kind, asked: Kind) -> bool {
        let is_built_in = asked.service() == OUTSIDE && !self.outbound.reaches(asked.path());
        let is_closed = |guard: &Guard| matches!(guard.breaker().snapshot(guard.now()).state, State::Closed);
        is_built_in && self.faults.is_empty() && self.directory.ask_guard(asker, asked).is_some_and(is_closed)
    }
}

const fn method(verb: Verb) -> &'static str {
    match verb {
        Verb::Get => "GET",
        Verb::Post => "POST",
        Verb::Patch => "PATCH",
        Verb::Delete => "DELETE",
    }
}
