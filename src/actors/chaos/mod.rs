//! The levers chaos pulls: kill, panic, hold, and the faults an operator injects. They work on the real parts, at points
//! named here.

pub mod monkey;
pub mod panics;
pub mod victims;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use ractor::ActorCell;
use tokio::sync::watch;

use super::dispatch::unavailable;
use super::runtime::{House, Runtime};
use crate::domain::{Kind, Stream};
use crate::resilience::faults::{End, Faults};
use crate::resilience::{CallError, Reason};
use crate::telemetry::metrics;
use victims::{Name, What, chosen};

/// A point in the handling of a command or a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Before an aggregate decides.
    Decide,
    /// Before it folds its facts.
    Evolve,
    /// Before a policy reacts.
    React,
    /// Before a view applies a fact.
    Apply,
}

impl Point {
    /// Its name, as operators write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decide => "decide",
            Self::Evolve => "evolve",
            Self::React => "react",
            Self::Apply => "apply",
        }
    }
}

/// What chaos knows and holds.
#[derive(Debug, Default)]
pub(super) struct Chaos {
    pub(super) panics: panics::Panics,
    /// The newest incarnation of each follower.
    pub(super) followers: Mutex<BTreeMap<Arc<str>, ActorCell>>,
    monkey: Mutex<Option<Arc<monkey::Monkey>>>,
    /// Streams that are held at a point until let go.
    holds: AtomicUsize,
    held: Mutex<Vec<(Point, Stream, watch::Sender<bool>)>>,
}

/// Holds a stream while it lives.
#[derive(Debug)]
pub struct Hold {
    chaos: Arc<Chaos>,
    point: Point,
    stream: Stream,
}

impl Chaos {
    /// Returns what to wait for while the stream is held at the point.
    pub(super) fn pause_at(&self, point: Point, stream: Stream) -> Option<BoxFuture<'static, ()>> {
        if self.holds.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut gate = {
            let held = self.held.lock();
            let (_, _, gate) = held.iter().find(|(at, who, _)| (*at, *who) == (point, stream))?;
            gate.send_replace(true);
            gate.subscribe()
        };
        // It fails when the hold is dropped, which is what is waited for.
        Some(Box::pin(async move { while gate.changed().await.is_ok() {} }))
    }
}

impl Hold {
    /// Waits until somebody has arrived at the point.
    pub async fn reached(&self) {
        let gate = {
            let held = self.chaos.held.lock();
            held.iter()
                .find(|(at, who, _)| (*at, *who) == (self.point, self.stream))
                .map(|(_, _, gate)| gate.subscribe())
        };
        if let Some(mut gate) = gate {
            // The gate lives as long as this hold.
            let _ = gate.wait_for(|reached| *reached).await;
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.chaos.held.lock().retain(|(at, who, _)| (*at, *who) != (self.point, self.stream));
        self.chaos.holds.fetch_sub(1, Ordering::Relaxed);
    }
}

impl House {
    /// Has a call to a kind meet the faults that are injected there; one that hangs never ends, so the caller bounds it.
    pub(super) async fn meet_faults(&self, kind: Kind) -> Result<(), CallError> {
        if self.faults.is_empty() {
            return Ok(());
        }
        // In a box, so that a call in a house without faults has no room for the wait.
        Box::pin(self.meet_drawn(kind)).await
    }

    async fn meet_drawn(&self, kind: Kind) -> Result<(), CallError> {
        let injected = self.faults.draw(kind.path(), self.clock.now());
        if !injected.latency.is_zero() {
            metrics::fault_injected(kind.path(), "delayed");
            tokio::time::sleep(injected.latency).await;
        }
        match injected.end {
            End::Nothing => Ok(()),
            End::Error => {
                metrics::fault_injected(kind.path(), "failed");
                Err(unavailable(Reason::FaultInjected).into())
            }
            End::Hang => {
                metrics::fault_injected(kind.path(), "hung");
                std::future::pending().await
            }
        }
    }
}

impl Runtime {
    /// Returns the faults that are injected.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.house.faults
    }

    /// Kills living aggregates: the handler is dropped where it awaits, the mailbox with it. Returns which.
    #[must_use]
    pub fn kill(&self, matching: impl Fn(Stream) -> bool, at_most: usize, seed: u64) -> Vec<Stream> {
        let matching = |name: &Name| matches!(name, Name::Aggregate(stream) if matching(*stream));
        let killed = chosen(self.victims(&[What::Aggregates], &matching), at_most, seed);
        self.kill_these(&killed);
        let streams = killed.into_iter().filter_map(|victim| match victim.name {
            Name::Aggregate(stream) => Some(stream),
            Name::Part(_) => None,
        });
        streams.collect()
    }

    /// Holds an aggregate at a point until the hold is dropped.
    #[must_use]
    pub fn hold(&self, stream: Stream, point: Point) -> Hold {
        let chaos = Arc::clone(&self.house.chaos);
        chaos.held.lock().push((point, stream, watch::Sender::new(false)));
        chaos.holds.fetch_add(1, Ordering::Relaxed);
        Hold { chaos, point, stream }
    }

    /// Kills the supervisor of the shard an aggregate belongs to; tells whether there is one.
    pub fn kill_shard_of(&self, stream: Stream) -> bool {
        let Some(room) = self.house.directory.room(stream.kind) else { return false };
        let supervisor = room.shard(stream.id).supervisor.lock().clone();
        supervisor.is_some_and(|supervisor| {
            fell(&supervisor.get_cell());
            true
        })
    }

    /// Kills the supervisor of the service an aggregate belongs to, and all below it; tells whether there is one.
    pub fn kill_service_of(&self, stream: Stream) -> bool {
        let Some(room) = self.house.directory.room(stream.kind) else { return false };
        let supervisor = room.shard(stream.id).supervisor.lock().clone();
        supervisor.and_then(|shard| shard.get_cell().try_get_supervisor()).is_some_and(|service| {
            fell(&service);
            true
        })
    }

    /// Kills every follower, of policies and of views; each goes on where its position is. Returns how many.
    pub fn kill_followers(&self) -> usize {
        let followers = self.victims(&[What::Policies, What::Views], &|_| true);
        self.kill_these(&followers);
        followers.len()
    }
}

/// Kills an actor and all below it, in the order in which they were made: ractor goes by the order of a hash, which no
/// seed repeats.
pub(super) fn fell(actor: &ActorCell) {
    actor.kill();
    below(actor).iter().for_each(fell);
}

/// Returns what hangs below an actor, in the order in which it was made.
fn below(actor: &ActorCell) -> Vec<ActorCell> {
    let mut children = actor.get_children();
    children.sort_by_key(ActorCell::get_id);
    children
}
