//! What is known of one id: its actor, or why there is none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use ractor::ActorRef;
use tokio::time::Instant;

use super::failures::FailureRecord;
use super::live_set::Uses;
use crate::actors::instance::InstanceMessage;
use crate::domain::TraceContext;

/// An id's incarnation, where it stands, and what went wrong with it of late.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) generation: u64,
    pub(super) state: State,
    /// Most never fail.
    pub(super) record: Option<Box<FailureRecord>>,
}

impl Entry {
    /// Forgets failures of long ago; tells whether anything of it is worth keeping: somebody who lives or failed of late.
    pub(super) fn keep(&mut self, now: Instant) -> bool {
        if let Some(record) = &mut self.record {
            record.forget(now);
        }
        !matches!(self.state, State::Absent) || self.record.as_ref().is_some_and(|record| !record.is_clean())
    }

    pub(super) fn is_probed(&self, now: Instant) -> bool {
        matches!(self.state, State::Starting) && self.record.as_ref().is_some_and(|record| record.is_on_probation(now))
    }
}

/// Where an id's actor stands.
#[derive(Debug, Default)]
pub(super) enum State {
    #[default]
    Absent,
    Starting,
    Live(Living),
    Cooling(Instant),
    Quarantined {
        probe_at: Instant,
    },
}

/// A living actor and what is shared with it.
#[derive(Clone, Debug)]
pub(in crate::actors) struct Living {
    pub(in crate::actors) actor: ActorRef<InstanceMessage>,
    pub(in crate::actors) generation: u64,
    pub(in crate::actors) shared: Arc<Shared>,
}

/// A command that is being handled.
#[derive(Clone, Debug)]
pub(in crate::actors) struct InHand {
    pub(in crate::actors) command: u128,
    pub(in crate::actors) correlation: Arc<str>,
    pub(in crate::actors) trace: Option<TraceContext>,
    pub(in crate::actors) deadline: Instant,
}

/// What outlives a handler that dies.
#[derive(Debug, Default)]
pub(in crate::actors) struct Shared {
    /// How many commands wait in the mailbox.
    pub(in crate::actors) waiting: AtomicUsize,
    /// How many appends it has handed over, and of how many of them it is known that they are durable.
    pub(in crate::actors) handed_over: AtomicU64,
    pub(in crate::actors) released: AtomicU64,
    /// The command being handled.
    pub(in crate::actors) in_hand: Mutex<Option<InHand>>,
    /// How often it was used of late.
    pub(in crate::actors) uses: Uses,
    /// Commands that failed too often to be tried again.
    pub(in crate::actors) poisoned: Mutex<Vec<u128>>,
}

impl Shared {
    /// Returns how many appends are handed over and not durable yet.
    pub(super) fn pending(&self) -> u64 {
        let released = self.released.load(Ordering::Relaxed);
        self.handed_over.load(Ordering::Relaxed).saturating_sub(released)
    }
}
