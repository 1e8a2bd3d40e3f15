//! What operators see of instances.

use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::{Entry, InHand, Living, Shard, State};
use crate::resilience::breaker::State as BreakerState;
use crate::telemetry::metrics::KindGauges;

/// An instance as operators see it.
#[derive(Clone, Debug)]
pub struct EntryFigures {
    /// Which one.
    pub id: u64,
    /// `live`, `recovering`, `cooling`, `quarantined`, `absent`.
    pub state: &'static str,
    /// Its incarnation's number.
    pub generation: u64,
    /// How many commands wait in its mailbox.
    pub waiting: usize,
    /// How many of its appends are handed over and not durable yet.
    pub pending: u64,
    /// How often it was restarted after a failure.
    pub restarts: u64,
    /// What it failed with last.
    pub last_error: Option<String>,
    /// The state of its circuit breaker, if it has let a caller down of late.
    pub breaker: Option<&'static str>,
}

impl Shard {
    /// Returns what operators see.
    pub(in crate::actors) fn figures(&self) -> Vec<EntryFigures> {
        let entries = self.entries.lock();
        entries.iter().map(|(id, entry)| self.shown(*id, entry)).collect()
    }

    /// Returns what operators see of one.
    pub(in crate::actors) fn figures_of(&self, id: u64) -> Option<EntryFigures> {
        self.entries.lock().get(&id).map(|entry| self.shown(id, entry))
    }

    fn shown(&self, id: u64, entry: &Entry) -> EntryFigures {
        let (waiting, pending) = match &entry.state {
            State::Live(living) => (living.shared.waiting.load(Ordering::Relaxed), living.shared.pending()),
            State::Absent | State::Starting | State::Cooling(_) | State::Quarantined { .. } => (0, 0),
        };
        EntryFigures {
            id,
            state: entry.state.label(),
            generation: entry.generation,
            waiting,
            pending,
            restarts: entry.record.as_ref().map_or(0, |record| record.restarts),
            last_error: entry.record.as_ref().and_then(|record| record.last_error.clone()),
            breaker: self.suspects.state(id).map(BreakerState::code),
        }
    }

    /// Adds how its instances are doing.
    pub(in crate::actors) fn count(&self, gauges: &mut KindGauges) {
        for entry in self.entries.lock().values() {
            match &entry.state {
                State::Live(living) => {
                    gauges.live += 1;
                    gauges.waiting += living.shared.waiting.load(Ordering::Relaxed);
                }
                State::Quarantined { .. } => gauges.quarantined += 1,
                State::Absent | State::Starting | State::Cooling(_) => {}
            }
        }
    }

    /// Has every handler end that is still at a command whose deadline was before `since`, which it does if it ever waits or
    /// returns; returns whose they are.
    pub(in crate::actors) fn end_stuck(&self, since: Instant) -> Vec<u64> {
        let is_stuck =
            |living: &Living| living.shared.in_hand.lock().as_ref().is_some_and(|in_hand| in_hand.deadline < since);
        let stuck: Vec<_> = self.living().into_iter().filter(|(_, living)| is_stuck(living)).collect();
        stuck.iter().for_each(|(_, living)| living.actor.get_cell().kill());
        stuck.into_iter().map(|(id, _)| id).collect()
    }

    /// Returns the command an incarnation had in hand.
    pub(in crate::actors) fn in_hand(&self, id: u64, generation: u64) -> Option<InHand> {
        let entries = self.entries.lock();
        match &entries.get(&id).filter(|entry| entry.generation == generation)?.state {
            State::Live(living) => living.shared.in_hand.lock().clone(),
            State::Absent | State::Starting | State::Cooling(_) | State::Quarantined { .. } => None,
        }
    }
}

impl State {
    const fn label(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Starting => "recovering",
            Self::Live(_) => "live",
            Self::Cooling(_) => "cooling",
            Self::Quarantined { .. } => "quarantined",
        }
    }
}
