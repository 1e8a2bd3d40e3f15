//! One fact's turn: every command of every policy, in order, each until it is answered.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::actors::admission::{Call, Target};
use crate::actors::envelope::Precondition;
use crate::actors::runtime::House;
use crate::clock::derived_id;
use crate::domain::system::{Order, PolicySpec};
use crate::domain::{Recorded, Stream};
use crate::journal::{CommandMeta, Origin, Position};
use crate::resilience::{CallError, Deadline, Reason};

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

/// Follows one fact: every command of every policy, in order, each until it is answered.
pub(super) async fn follow(house: Arc<House>, policies: Arc<[PolicySpec]>, fact: Arc<Recorded>) -> TurnEnd {
    let started = house.clock.now();
    let mut commands = Vec::new();
    for policy in policies.iter().filter(|policy| policy.source == fact.stream.kind) {
        let orders = match reacted(policy, &fact) {
            Ok(orders) => orders,
            Err(cause) => return TurnEnd::SetAside(fact, cause),
        };
        for (order, index) in orders.into_iter().zip(0u32..) {
            match command(&house, policy, &fact, order, index, started).await {
                Ok(id) => commands.push(id),
                Err(cause) => return TurnEnd::SetAside(fact, cause),
            }
        }
    }
    TurnEnd::Done(fact.stream, fact.position, commands)
}

fn reacted(policy: &PolicySpec, fact: &Recorded) -> Result<Vec<Order>, String> {
    for _ in 0..PANICS_MAX {
        if let Ok(orders) = catch_unwind(AssertUnwindSafe(|| (policy.react)(fact))) {
            return Ok(orders);
        }
    }
    tracing::error!(policy = policy.name, position = fact.position, "a policy panics on a fact; its stream waits");
    Err(format!("{} panics on it", policy.name))
}

/// Gives one command until it is answered; a refusal is an answer. Returns its id.
async fn command(
    house: &Arc<House>,
    policy: &PolicySpec,
    fact: &Recorded,
    order: Order,
    index: u32,
    mut waiting_since: Instant,
) -> Result<u128, String> {
    let meta = CommandMeta {
        id: command_id(policy, fact, index),
        origin: Origin::Policy,
        fingerprint: 0,
        causation: fact.position,
        correlation: Arc::clone(&fact.correlation),
    };
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
            Ok(_) => return Ok(meta.id),
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

/// Names the command of this index that a policy gives on a fact, the same each time the fact is followed.
pub(in crate::actors) fn command_id(policy: &PolicySpec, fact: &Recorded, index: u32) -> u128 {
    derived_id(derived_id(0, policy.name), &format!("{}/{}/{index}", fact.stream, fact.version))
}
