//! A service's policies: durable facts in, commands to the service's own aggregates out.
//!
//! Streams are followed side by side, one stream in order. The position is the low-water mark: everything up to it is
//! done, so that a kill repeats some commands, which their derived ids make harmless, and never skips one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use foldhash::HashMap;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use ractor::ActorProcessingErr;

use super::turn::{SET_ASIDE_AFTER, TurnEnd, follow};
use crate::actors::runtime::House;
use crate::domain::system::PolicySpec;
use crate::domain::{Recorded, Stream};
use crate::journal::{Note, Parked, Position, Step};
use crate::telemetry::metrics;

/// How many facts of different streams are followed at once.
const IN_FLIGHT_MAX: usize = 1_024;
/// After how many facts the low-water mark is noted in the log, for a store that must be made again.
const NOTE_EVERY: u64 = 4_096;
/// How many facts are read at once.
const READ_MAX: usize = 256;

/// Names the follower of a service's policies.
#[must_use]
pub fn policies_of(system: &str, service: &str) -> Arc<str> {
    Arc::from(format!("{system}/{service}/policies"))
}

/// A service's policies, and the house they act in.
#[derive(Clone, Debug)]
pub(in crate::actors) struct PoliciesOf {
    pub(in crate::actors) house: Arc<House>,
    pub(in crate::actors) system: &'static str,
    pub(in crate::actors) service: &'static str,
    pub(in crate::actors) policies: Arc<[PolicySpec]>,
}

impl PoliciesOf {
    pub(super) async fn follow(&self) -> Result<(), ActorProcessingErr> {
        Progress::begin(self.clone()).await?.run().await
    }
}

/// Where a follower is.
struct Progress {
    of: PoliciesOf,
    name: Arc<str>,
    incarnation: u64,
    next: Position,
    saved: Position,
    noted_mark: Position,
    unfinished: BTreeSet<Position>,
    /// The commands of facts that are done, until the position passes them.
    finished: BTreeMap<Position, Vec<u128>>,
    /// Facts that an earlier incarnation set aside.
    noted: BTreeSet<Position>,
    queues: HashMap<Stream, Queue>,
    turns: FuturesUnordered<BoxFuture<'static, TurnEnd>>,
}

/// The facts of one stream that are not done; the first of them is being followed.
#[derive(Debug, Default)]
struct Queue {
    facts: VecDeque<Arc<Recorded>>,
    set_aside: BTreeSet<Position>,
}

impl Progress {
    async fn begin(of: PoliciesOf) -> Result<Self, ActorProcessingErr> {
        let name = policies_of(of.system, of.service);
        let incarnation = of.house.journal.begin_following(&name);
        let saved = of.house.journal.progress(&name)?;
        let mut progress = Self {
            of,
            name,
            incarnation,
            next: saved + 1,
            saved,
            noted_mark: saved,
            unfinished: BTreeSet::new(),
            finished: BTreeMap::new(),
            noted: BTreeSet::new(),
            queues: HashMap::default(),
            turns: FuturesUnordered::new(),
        };
        progress.take_up_parked().await?;
        Ok(progress)
    }

    async fn run(mut self) -> Result<(), ActorProcessingErr> {
        let (house, system, service) = {
            let PoliciesOf { house, system, service, .. } = &self.of;
            (Arc::clone(house), *system, *service)
        };
        loop {
            house.services.running(system, service).await;
            // Before the look, so that a move between look and wait is not missed.
            let seen = *house.journal.durable().borrow();
            self.take_in().await?;
            self.save(&house).await;
            let has_room = self.unfinished.len() < IN_FLIGHT_MAX;
            // What has ended goes first, so that a run can be repeated; new facts do not starve, they are taken in each time.
            tokio::select! {
                biased;
                Some(end) = self.turns.next(), if !self.turns.is_empty() => self.ended(end).await,
                () = house.journal.beyond(seen), if has_room => {}
            }
            // A group ends many turns at once: the position is saved once for all of them.
            while let Some(Some(end)) = self.turns.next().now_or_never() {
                self.ended(end).await;
            }
        }
    }

    /// Reads on until enough is in flight or nothing is left.
    async fn take_in(&mut self) -> Result<(), ActorProcessingErr> {
        while self.unfinished.len() < IN_FLIGHT_MAX {
            let facts = self.of.house.journal.facts_from(self.next, READ_MAX).await?;
            if facts.is_empty() {
                break;
            }
            for fact in facts {
                self.next = fact.position + 1;
                if self.listens_to(&fact) {
                    self.enqueue(fact).await;
                }
            }
        }
        Ok(())
    }

    fn listens_to(&self, fact: &Recorded) -> bool {
        self.of.policies.iter().any(|policy| policy.source == fact.stream.kind)
    }

    async fn enqueue(&mut self, fact: Arc<Recorded>) {
        let queue = self.queues.entry(fact.stream).or_default();
        let first = queue.facts.is_empty();
        queue.facts.push_back(Arc::clone(&fact));
        // Taken out when done, or when a durable note says that it is parked.
        self.unfinished.insert(fact.position);
        if !queue.set_aside.is_empty() {
            // Behind a parked fact of its stream: parked too, so that the low-water mark can pass.
            self.park(&fact, "behind a parked fact").await;
        }
        if first {
            self.turns.push(self.turn(fact, Duration::ZERO));
        }
    }

    async fn ended(&mut self, end: TurnEnd) {
        match end {
            TurnEnd::Done(stream, position, commands) => {
                self.unfinished.remove(&position);
                self.finished.insert(position, commands);
                let Some(queue) = self.queues.get_mut(&stream) else { return };
                queue.facts.pop_front();
                let was_set_aside = queue.set_aside.remove(&position) | self.noted.remove(&position);
                let next = queue.facts.front().cloned();
                if next.is_none() {
                    self.queues.remove(&stream);
                }
                self.turns.extend(next.map(|fact| self.turn(fact, Duration::ZERO)));
                if was_set_aside {
                    let released = Note::Released { follower: self.name.to_string(), position };
                    // Lost, it is released again after the next start, when its commands are found done.
                    self.of.house.journal.note(released).await;
                }
            }
            TurnEnd::SetAside(fact, cause) => {
                let waiting: Vec<_> = self.queues.get(&fact.stream).map_or_else(Vec::new, |queue| {
                    queue.facts.iter().filter(|fact| !queue.set_aside.contains(&fact.position)).cloned().collect()
                });
                for fact in waiting {
                    self.park(&fact, &cause).await;
                }
                self.turns.push(self.turn(fact, SET_ASIDE_AFTER));
            }
        }
    }

    async fn park(&mut self, fact: &Recorded, cause: &str) {
        let parked = Parked {
            follower: self.name.to_string(),
            stream: fact.stream.to_string(),
            position: fact.position,
            cause: cause.to_owned(),
            time_ms: self.of.house.clock.wall_ms(),
        };
        // Not written, it holds the low-water mark instead, and nothing is lost either.
        if self.of.house.journal.note(Note::Parked(parked)).await.is_some() {
            metrics::follower_parked(&self.name);
            self.unfinished.remove(&fact.position);
            if let Some(queue) = self.queues.get_mut(&fact.stream) {
                queue.set_aside.insert(fact.position);
            }
        }
    }

    /// Takes up what an earlier incarnation set aside.
    async fn take_up_parked(&mut self) -> Result<(), ActorProcessingErr> {
        let mut parked = self.of.house.journal.parked()?;
        parked.retain(|item| *item.follower == *self.name);
        self.noted = parked.iter().map(|item| item.position).collect();
        // Those beyond the low-water mark are read again in their turn.
        parked.retain(|item| item.position <= self.saved);
        parked.sort_by_key(|item| item.position);
        for item in parked {
            let facts = self.of.house.journal.facts_from(item.position, 1).await?;
            let Some(fact) = facts.into_iter().next() else { continue };
            let queue = self.queues.entry(fact.stream).or_default();
            queue.set_aside.insert(fact.position);
            queue.facts.push_back(Arc::clone(&fact));
            if queue.facts.len() == 1 {
                self.turns.push(self.turn(fact, Duration::ZERO));
            }
        }
        Ok(())
    }

    /// Saves the low-water mark when it has moved.
    async fn save(&mut self, house: &House) {
        let done = self.unfinished.first().map_or(self.next - 1, |first| first - 1);
        if done > self.saved {
            self.saved = done;
            let later = self.finished.split_off(&(done + 1));
            let finished = std::mem::replace(&mut self.finished, later).into_values().flatten().collect();
            let step = Step { position: done, finished, rows: Vec::new() };
            house.journal.advance(&self.name, self.incarnation, step).await;
            house.progressed.notify_waiters();
            if done >= self.noted_mark + NOTE_EVERY {
                self.noted_mark = done;
                let followed = Note::Followed { follower: self.name.to_string(), position: done };
                // Lost, the next one says more.
                house.journal.note(followed).await;
            }
        }
    }

    fn turn(&self, fact: Arc<Recorded>, after: Duration) -> BoxFuture<'static, TurnEnd> {
        let PoliciesOf { house, policies, .. } = self.of.clone();
        Box::pin(async move {
            if !after.is_zero() {
                tokio::time::sleep(after).await;
            }
            follow(house, policies, fact).await
        })
    }
}
