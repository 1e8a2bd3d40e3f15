//! id → living actor, or why there is none. A table that no kill can reach.

mod entry;
mod failures;
mod figures;
pub(super) mod guards;
mod live_set;
mod suspects;

use std::sync::Arc;

use foldhash::HashMap;
use parking_lot::Mutex;
use ractor::ActorRef;
use tokio::sync::Notify;
use tokio::time::Instant;

use entry::{Entry, State};
pub(super) use entry::{InHand, Living, Shared};
#[cfg(test)]
pub(in crate::actors) use failures::QUARANTINE_PROBE_AFTER;
use failures::Sentence;
pub(super) use failures::{FAILURES_WINDOW, Fate, restart_wait};
pub use figures::EntryFigures;
pub use guards::{GuardsError, Watcher};
pub use live_set::LiveLimits;
pub(super) use live_set::{Leaver, LiveSet, Place};
pub(super) use suspects::InstanceCall;
use suspects::{Crashes, Suspects};

use super::supervision::ShardMessage;
use crate::domain::Kind;
use crate::domain::provider::ProviderSpec;
use crate::domain::system::AggregateSpec;
use crate::resilience::{Budget, Guard, Retry};

/// All kinds that run here, and the guards of their asks.
#[derive(Debug, Default)]
pub(super) struct Directory {
    kinds: HashMap<Kind, Arc<KindRoom>>,
    asks: HashMap<(Kind, Kind), Guard>,
    providers: HashMap<Kind, Provider>,
    /// What all policies together may add to the load.
    retries_root: Option<Arc<Budget>>,
}

/// An outside party: its description, and how its askers try again.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) spec: ProviderSpec,
    pub(super) retry: Retry,
}

/// One kind: its description, its guard, its shards.
#[derive(Debug)]
pub(super) struct KindRoom {
    pub(super) spec: Arc<AggregateSpec>,
    pub(super) guard: Guard,
    pub(super) shards: Vec<Shard>,
    /// For what its service's policies command.
    pub(super) retry: Retry,
    crashes: Crashes,
}

/// A part of a kind's ids and the supervisor that starts their actors.
#[derive(Debug, Default)]
pub(super) struct Shard {
    entries: Mutex<HashMap<u64, Entry>>,
    suspects: Suspects,
    pub(super) supervisor: Mutex<Option<ActorRef<ShardMessage>>>,
    pub(super) changed: Notify,
}

/// What a look-up found.
#[derive(Debug)]
pub(super) enum Found {
    /// Send to this one.
    Living(Living),
    /// Nobody, and the caller has no place for one.
    Nobody,
    /// Nobody; the caller has been made the one to start it, in the place it had.
    Start { generation: u64, shared: Arc<Shared>, place: Place },
    /// Somebody starts it.
    Starting,
    /// Somebody tries whether it can live again, after a quarantine.
    Probing,
    /// It rests until then.
    Cooling(Instant),
    /// It is set aside until then.
    Quarantined(Instant),
}

impl KindRoom {
    pub(super) fn shard(&self, id: u64) -> &Shard {
        let index = usize::try_from(id).unwrap_or(usize::MAX) % self.shards.len();
        &self.shards[index]
    }
}

impl Shard {
    /// Looks an actor up; when there is none, makes a caller that has a place the one to start it.
    pub(super) fn find(
        &self,
        id: u64,
        now: Instant,
        place: &mut Option<Place>,
        next_generation: impl FnOnce() -> u64,
    ) -> Found {
        let mut entries = self.entries.lock();
        let known = entries.get(&id);
        match known.map(|entry| &entry.state) {
            Some(State::Live(living)) => return Found::Living(living.clone()),
            Some(State::Starting) if known.is_some_and(|entry| entry.is_probed(now)) => return Found::Probing,
            Some(State::Starting) => return Found::Starting,
            Some(State::Cooling(until)) if *until > now => return Found::Cooling(*until),
            Some(State::Quarantined { probe_at }) if *probe_at > now => return Found::Quarantined(*probe_at),
            Some(State::Absent | State::Cooling(_) | State::Quarantined { .. }) | None => {}
        }
        let Some(place) = place.take() else { return Found::Nobody };
        let entry = entries.entry(id).or_default();
        if let (State::Quarantined { .. }, Some(record)) = (&entry.state, &mut entry.record) {
            record.probed(now);
        }
        entry.state = State::Starting;
        entry.generation = next_generation();
        let poisoned = entry.record.as_ref().map_or_else(Vec::new, |record| record.poisoned());
        let shared = Arc::new(Shared { poisoned: Mutex::new(poisoned), ..Shared::default() });
        Found::Start { generation: entry.generation, shared, place }
    }

    /// Notes that an actor lives; tells whether anybody still waits for that incarnation.
    pub(super) fn started(&self, id: u64, living: Living) -> bool {
        let mut entries = self.entries.lock();
        let entry = entries.get_mut(&id).filter(|entry| entry.generation == living.generation);
        let Some(entry) = entry.filter(|entry| matches!(entry.state, State::Starting)) else { return false };
        entry.state = State::Live(living);
        drop(entries);
        self.changed.notify_waiters();
        true
    }

    /// Notes that an actor is gone without having failed. Another may start at once: the fence keeps the old one out.
    pub(super) fn gone(&self, id: u64, generation: u64, now: Instant) {
        let mut entries = self.entries.lock();
        let entry = entries.get_mut(&id).filter(|entry| entry.generation == generation);
        // A failure that was noted already decides when another may start.
        if let Some(entry) = entry.filter(|entry| matches!(entry.state, State::Live(_) | State::Starting)) {
            entry.state = State::Absent;
            if !entry.keep(now) {
                entries.remove(&id);
            }
        }
        drop(entries);
        self.changed.notify_waiters();
    }

    /// Takes back that somebody starts an actor, because there was nobody to ask. Wakes no one: nothing has changed.
    pub(super) fn not_started(&self, id: u64, generation: u64) {
        if let Some(entry) = self.entries.lock().get_mut(&id).filter(|entry| entry.generation == generation)
            && matches!(entry.state, State::Starting)
        {
            entry.state = State::Absent;
        }
    }

    /// Notes that an actor failed, and decides when another may start. Returns whether it was set aside.
    pub(super) fn failed(
        &self,
        id: u64,
        generation: u64,
        error: String,
        (now, jitter): (Instant, f64),
        fate: Fate,
    ) -> bool {
        let mut entries = self.entries.lock();
        let Some(entry) = entries.get_mut(&id).filter(|entry| entry.generation == generation) else { return false };
        let record = entry.record.get_or_insert_default();
        if let State::Live(living) = &entry.state {
            let in_hand = living.shared.in_hand.lock().take();
            record.suspect(in_hand.map(|in_hand| in_hand.command), now);
        }
        entry.state = match record.fails(error, now, jitter, fate) {
            Sentence::RestartAtOnce => State::Absent,
            Sentence::RestartAfter(until) => State::Cooling(until),
            Sentence::Quarantine(probe_at) => State::Quarantined { probe_at },
        };
        let set_aside = matches!(entry.state, State::Quarantined { .. });
        drop(entries);
        self.changed.notify_waiters();
        set_aside
    }

    /// Forgets every actor: their supervisor died, and they with it, without notice. Returns how many lived.
    pub(super) fn reset(&self, now: Instant) -> u64 {
        let mut lived = 0;
        self.entries.lock().retain(|_, entry| {
            lived += u64::from(matches!(entry.state, State::Live(_)));
            if matches!(entry.state, State::Live(_) | State::Starting) {
                entry.state = State::Absent;
            }
            entry.keep(now)
        });
        self.changed.notify_waiters();
        lived
    }

    /// Lets a quarantined instance start again; tells whether there was one.
    pub(super) fn release(&self, id: u64) -> bool {
        let mut entries = self.entries.lock();
        let Some(entry) = entries.get_mut(&id) else { return false };
        let was = matches!(entry.state, State::Quarantined { .. });
        if was {
            entry.state = State::Absent;
            entry.record = None;
        }
        was
    }

    /// Returns this incarnation, if it lives.
    fn incarnation(&self, id: u64, generation: u64) -> Option<Living> {
        match self.entries.lock().get(&id).map(|entry| &entry.state) {
            Some(State::Live(living)) if living.generation == generation => Some(living.clone()),
            Some(State::Live(_) | State::Absent | State::Starting | State::Cooling(_) | State::Quarantined { .. })
            | None => None,
        }
    }

    /// Returns the living actors.
    pub(super) fn living(&self) -> Vec<(u64, Living)> {
        let entries = self.entries.lock();
        let living = entries.iter().filter_map(|(id, entry)| match &entry.state {
            State::Live(living) => Some((*id, living.clone())),
            State::Absent | State::Starting | State::Cooling(_) | State::Quarantined { .. } => None,
        });
        living.collect()
    }
}
