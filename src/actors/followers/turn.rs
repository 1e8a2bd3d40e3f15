//! One fact's turn: every command of every policy, in order, each until it is answered.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::followed;
use super::policies::policies_of;
use crate::actors::admission::{Call, Target};
use crate::actors::envelope::{Precondition, Reply};
use crate::actors::runtime::House;
use crate::domain::system::{Order, PolicySpec};
use crate::domain::{Recorded, Stream};
use crate::fault_points::{self, FaultPoint};
use crate::journal::record::turn_id;
use crate::journal::{CommandMeta, Origin, Position};
use crate::mutants::{self, Mutant};
use crate::resilience::{CallError, Deadline, Reason};
use crate::telemetry::traces::{SYSTEM, Span, SpanKind};
use crate::telemetry::tracing::trace_id;

/// How long one command may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(5);
/// The waits between two rounds of tries of a command, doubled each time.
const WAIT_FIRST: Duration = Duration::from_millis(100);
/// The longest wait between two rounds of tries of a command.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// How long a fact may wait for its target before its stream is set aside.
pub(super) const SET_ASIDE_AFTER: Duration = Duration::from_secs(60);
/// How often a policy may panic on a fact before its stream is set aside.
const PANICS_MAX: u32 = 5;

/// How a turn ended.
pub(super) enum TurnEnd {
    /// The fact is done, by these commands.
    Done(Stream, Position, Vec<u128>),
    /// It has waited too long, or the policy cannot take it; it is tried again by itself.
    SetAside(Arc<Recorded>, String),
}

/// Follows one fact: every command of every policy, in order, each until it is answered. What was set aside before is not told
/// again when it has to wait again.
pub(super) async fn follow(
    house: Arc<House>,
    policies: Arc<[PolicySpec]>,
    fact: Arc<Recorded>,
    was_set_aside: bool,
) -> TurnEnd {
    let started = house.clock.now();
    let mut commands = Vec::new();
    for policy in policies.iter().filter(|policy| policy.source == fact.stream.kind) {
        let mut turn = Turn::begin(&house, policy, &fact);
        let followed = turn.follow(started).await;
        turn.end(followed.is_err(), was_set_aside);
        match followed {
            Ok(given) => commands.extend(given),
            Err(cause) => return TurnEnd::SetAside(fact, cause),
        }
    }
    TurnEnd::Done(fact.stream, fact.position, commands)
}

fn reacted(house: &House, policy: &PolicySpec, fact: &Recorded) -> Result<Vec<Order>, String> {
    let react = || {
        // They command their own service only.
        house.chaos.panics.meet_fact(|| policies_of(policy.target.system(), policy.target.service()));
        (policy.react)(fact)
    };
    for _ in 0..PANICS_MAX {
        if let Ok(orders) = catch_unwind(AssertUnwindSafe(react)) {
            return Ok(orders);
        }
    }
    tracing::error!(
        policy = policy.name,
        position = fact.position,
        correlation = &*fact.correlation,
        trace_id = trace_id(fact.trace),
        "a policy panics on a fact; its stream waits"
    );
    Err(format!("{} panics on it", policy.name))
}

/// What one policy does about a fact.
struct Turn<'a> {
    house: &'a Arc<House>,
    policy: &'a PolicySpec,
    fact: &'a Recorded,
    span: Span,
    /// Whether it did anything that had not been done before.
    is_new: bool,
}

impl<'a> Turn<'a> {
    fn begin(house: &'a Arc<House>, policy: &'a PolicySpec, fact: &'a Recorded) -> Self {
        let span = house.tracer.begin(fact.trace, SpanKind::Consumer, || {
            let attributes = [
                ("messaging.system", SYSTEM.into()),
                ("messaging.operation.name", "turn".into()),
                ("messaging.operation.type", "process".into()),
                ("messaging.destination.name", fact.stream.kind.path().into()),
                ("messaging.message.id", fact.position.into()),
                ("messaging.message.conversation_id", (&fact.correlation).into()),
                ("resurgam.event", fact.event.name().into()),
                ("resurgam.id", fact.stream.id.into()),
            ];
            (format!("{} turn", policy.name), attributes)
        });
        Self { house, policy, fact, span, is_new: false }
    }

    /// Gives every command; returns their ids, or why the fact has to wait.
    async fn follow(&mut self, started: Instant) -> Result<Vec<u128>, String> {
        let orders = reacted(self.house, self.policy, self.fact)?;
        fault_points::at(FaultPoint::PolicyReacted).await.map_err(|injected| injected.to_string())?;
        let mut commands = Vec::new();
        for (order, index) in orders.into_iter().zip(0u32..) {
            commands.push(self.command(order, index, started).await?);
            fault_points::at(FaultPoint::PolicyCommanded).await.map_err(|injected| injected.to_string())?;
        }
        Ok(commands)
    }

    /// Ends it. One that did nothing, or only what an earlier try has done, is not told; neither is one that has to wait again.
    fn end(mut self, has_to_wait: bool, was_set_aside: bool) {
        if has_to_wait && !was_set_aside {
            followed(self.house, self.fact, self.policy.target, true);
            self.span.fail("set-aside");
        }
        match self.is_new || has_to_wait && !was_set_aside {
            true => self.span.end(),
            false => self.span.discard(),
        }
    }

    /// Gives one command until it is answered; a refusal is an answer. Returns its id.
    async fn command(&mut self, order: Order, index: u32, mut waiting_since: Instant) -> Result<u128, String> {
        let Self { house, policy, fact, span, is_new } = self;
        let meta = CommandMeta {
            id: turn_id(policy.name, fact.stream, fact.version, index),
            origin: Origin::Policy,
            fingerprint: 0,
            causation: fact.position,
            correlation: Arc::clone(&fact.correlation),
            trace: span.context(),
        };
        let id = if mutants::is_on(Mutant::RetryWithoutId) { house.clock.id() } else { meta.id };
        let meta = CommandMeta { id, ..meta };
        house.journal.begin_turn(fact.position, meta.id);
        let target = match order.id {
            Some(id) => Target::Existing(Stream::new(order.kind, id)),
            None => Target::New(order.kind),
        };
        let mut wait = WAIT_FIRST;
        loop {
            let call = Call {
                target,
                command: Arc::clone(&order.command),
                meta: meta.clone(),
                precondition: Precondition::Always,
                deadline: Deadline::after(&house.clock, COMMAND_TIMEOUT),
            };
            match house.commanded(&call).await {
                Ok((_, reply)) => {
                    let is_first = match reply {
                        Reply::Done(done) => !done.replayed,
                        // A refusal does not say whether it was given before.
                        Reply::Refused(_) | Reply::PreconditionFailed { .. } | Reply::KeyReused => {
                            fact.position > house.born_at
                        }
                    };
                    if is_first {
                        followed(house, fact, order.kind, false);
                    }
                    *is_new |= is_first;
                    return Ok(meta.id);
                }
                Err(CallError::NotExecuted(reason)) if reason.reason == Reason::ServiceStopped => {
                    house.services.running(order.kind.system(), order.kind.service()).await;
                    waiting_since = house.clock.now();
                }
                Err(error) => {
                    if house.clock.now() - waiting_since >= SET_ASIDE_AFTER {
                        return Err(format!("waiting: {error}"));
                    }
                    tokio::time::sleep(wait.mul_f64(house.clock.fraction())).await;
                    wait = (wait * 2).min(WAIT_MAX);
                }
            }
        }
    }
}
