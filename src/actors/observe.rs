//! Small snapshots of the living part: for metrics, operators and tests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::directory::{EntryFigures, GuardsError, KindRoom, Shard};
use super::runtime::Runtime;
use crate::domain::{Kind, Stream};
use crate::journal::reading::ReadError;
use crate::journal::{HISTORY, Position};
use crate::resilience::{Guard, GuardPolicies, Retry};
use crate::telemetry::metrics;
use crate::telemetry::metrics::{JournalGauges, KindGauges, Known, Node};

/// How long after its deadline a command may be in hand.
const STUCK_AFTER: Duration = Duration::from_secs(5);

/// A follower's place.
#[derive(Clone, Debug)]
pub struct FollowerFigures {
    /// Its name.
    pub name: Arc<str>,
    /// `policies` or `view`.
    pub what: &'static str,
    /// The last fact it is done with.
    pub position: Position,
    /// How many facts it is behind.
    pub lag_facts: u64,
    /// The age of the oldest fact it is not done with.
    pub lag: Duration,
}

/// Returns where a kind is on the map of services.
pub(super) fn node(kind: Kind) -> Node {
    Node { system: kind.system(), service: kind.service() }
}

impl Runtime {
    /// Returns how many aggregates live or start, and the memory they are counted with, in bytes.
    #[must_use]
    pub fn live(&self) -> (usize, usize) {
        self.house.live.figures()
    }

    /// Has every handler end that is still at a command long after its deadline, if it ever waits or returns; returns whose they
    /// are.
    pub fn end_stuck(&self, now: Instant) -> Vec<Stream> {
        let Some(since) = now.checked_sub(STUCK_AFTER) else { return Vec::new() };
        let of_room = |room: &Arc<KindRoom>| {
            let kind = room.spec.kind;
            let ids: Vec<_> = room.shards.iter().flat_map(|shard| shard.end_stuck(since)).collect();
            ids.into_iter().map(move |id| Stream::new(kind, id))
        };
        self.house.directory.rooms().flat_map(of_room).collect()
    }

    /// Returns every kind of aggregate.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> + '_ {
        self.house.directory.rooms().map(|room| room.spec.kind)
    }

    /// Returns every outside party.
    pub fn providers(&self) -> impl Iterator<Item = Kind> + '_ {
        self.house.directory.providers()
    }

    /// Returns every kind with its instances.
    #[must_use]
    pub fn actors(&self) -> Vec<(Kind, Vec<EntryFigures>)> {
        let mut kinds: Vec<_> = self
            .house
            .directory
            .rooms()
            .map(|room| {
                let mut entries: Vec<_> = room.shards.iter().flat_map(Shard::figures).collect();
                entries.sort_by_key(|entry| entry.id);
                (room.spec.kind, entries)
            })
            .collect();
        kinds.sort_by_key(|(kind, _)| *kind);
        kinds
    }

    /// Returns what is known of one aggregate's actor, if anything is.
    #[must_use]
    pub fn actor(&self, stream: Stream) -> Option<EntryFigures> {
        self.house.directory.room(stream.kind)?.shard(stream.id).figures_of(stream.id)
    }

    /// Returns what is known before anything happens: services, kinds, who may be asked, policies and views.
    #[must_use]
    pub fn known(&self) -> Known {
        let directory = &self.house.directory;
        Known {
            services: self.house.services.names().collect(),
            kinds: directory.rooms().map(|room| room.spec.kind.path()).collect(),
            asked: directory.asked().into_iter().map(Kind::path).collect(),
            followers: self.house.followers.iter().map(|follower| Arc::clone(&follower.name)).collect(),
            guards: directory.guards().map(|guard| guard.name().to_owned()).collect(),
            retries: directory.every_retry().map(|retry| retry.name().to_owned()).collect(),
        }
    }

    /// Returns every guard, by name.
    #[must_use]
    pub fn guards(&self) -> Vec<&Guard> {
        let mut guards: Vec<_> = self.house.directory.guards().collect();
        guards.sort_unstable_by_key(|guard| guard.name());
        guards
    }

    /// Returns every retry, by name: of what policies command, and of asks of outside parties.
    #[must_use]
    pub fn retries(&self) -> Vec<&Retry> {
        let mut retries: Vec<_> = self.house.directory.every_retry().collect();
        retries.sort_unstable_by_key(|retry| retry.name());
        retries
    }

    /// Has every guard take its policy over, while calls are under way; returns the names of those it changed.
    ///
    /// # Errors
    ///
    /// Fails when a policy makes no sense or is for a guard that does not exist; then all guards keep theirs.
    pub fn reconfigure(&self, policies: &GuardPolicies) -> Result<Vec<String>, GuardsError> {
        self.house.directory.reconfigure(policies)
    }

    /// Lets a quarantined instance start again; tells whether it was quarantined.
    #[must_use]
    pub fn release(&self, stream: Stream) -> bool {
        self.house.directory.room(stream.kind).is_some_and(|room| room.shard(stream.id).release(stream.id))
    }

    /// Returns where each follower is.
    ///
    /// # Errors
    ///
    /// Fails when the journal cannot be read.
    pub async fn followers(&self) -> Result<Vec<FollowerFigures>, ReadError> {
        let journal = &self.house.journal;
        let durable = *journal.durable().borrow();
        let mut figures = Vec::with_capacity(self.house.followers.len());
        for follower in &self.house.followers {
            let position = journal.progress(&follower.name)?;
            let waiting = journal.facts_from(position + 1, 1).await?;
            let now = self.house.clock.wall_ms();
            let lag = waiting.first().map_or(0, |fact| now.saturating_sub(fact.time_ms));
            figures.push(FollowerFigures {
                name: Arc::clone(&follower.name),
                what: follower.what,
                position,
                lag_facts: durable.saturating_sub(position),
                lag: Duration::from_millis(lag),
            });
        }
        Ok(figures)
    }

    /// Waits until every follower has done everything up to the durable position of now.
    ///
    /// # Errors
    ///
    /// Fails when the journal cannot be read.
    pub async fn quiet(&self) -> Result<(), ReadError> {
        let durable = *self.house.journal.durable().borrow();
        for follower in &self.house.followers {
            loop {
                let progressed = self.house.progressed.notified();
                tokio::pin!(progressed);
                progressed.as_mut().enable();
                if self.house.journal.progress(&follower.name)? >= durable {
                    break;
                }
                progressed.await;
            }
        }
        Ok(())
    }

    /// Brings the gauges up to date.
    pub async fn measure(&self) {
        let journal = self.house.journal.figures();
        let writable = self.house.journal.writable().is_ok();
        metrics::journal(&JournalGauges {
            position: journal.durable,
            log_bytes: journal.engine.log_bytes,
            segments: journal.engine.segments,
            waiting: journal.waiting,
            writable,
            free_bytes: self.house.journal.free_bytes(),
        });
        for room in self.house.directory.rooms() {
            let mut gauges = KindGauges::default();
            room.shards.iter().for_each(|shard| shard.count(&mut gauges));
            metrics::kind_doing(room.spec.kind.path(), gauges);
        }
        metrics::asks_open(self.house.asks.len(), self.house.asks.oldest(self.house.clock.wall_ms()));
        self.measure_followers().await;
    }

    async fn measure_followers(&self) {
        match self.followers().await {
            Ok(followers) => {
                for follower in followers {
                    metrics::follower_lag(&follower.name, follower.lag_facts, follower.lag);
                }
            }
            Err(error) => tracing::warn!(%error, "the followers' lag could not be measured"),
        }
        match self.house.journal.parked() {
            Ok(parked) => {
                let names = self.house.followers.iter().map(|follower| &*follower.name).chain([HISTORY]);
                let mut aside: BTreeMap<&str, usize> = names.map(|name| (name, 0)).collect();
                for item in &parked {
                    // A follower of an older build may have left some behind.
                    aside.entry(&item.follower).and_modify(|count| *count += 1);
                }
                aside.into_iter().for_each(|(name, facts)| metrics::follower_aside(name, facts));
            }
            Err(error) => tracing::warn!(%error, "what followers set aside could not be counted"),
        }
    }
}
