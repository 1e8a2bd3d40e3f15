//! A service's policies: durable facts in, commands to the service's own aggregates out.
//!
//! Streams are followed side by side, one stream in order. The position is the low-water mark: everything up to it is
//! done, so that a kill repeats some commands, which their derived ids make harmless, and never skips one. What an
//! operator gave up is left out, for good.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use foldhash::HashMap;
use futures_util::future::{AbortHandle, Abortable, Aborted, BoxFuture, abortable};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use ractor::ActorProcessingErr;

use super::turn::{SET_ASIDE_AFTER, TurnEnd, follow};
use crate::actors::runtime::House;
use crate::domain::system::PolicySpec;
use crate::domain::{Recorded, Stream};
use crate::fault_points::{self, FaultPoint};
use crate::journal::reading::SetAside;
use crate::journal::{Note, Position, Step};
use crate::mutants::{self, Mutant};

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
pub(super) struct Progress {
    pub(super) of: PoliciesOf,
    pub(super) name: Arc<str>,
    incarnation: u64,
    next: Position,
    pub(super) saved: Position,
    noted_mark: Position,
    pub(super) unfinished: BTreeSet<Position>,
    /// The commands of facts that are done, until the position passes them.
    finished: BTreeMap<Position, Vec<u128>>,
    /// Facts that an earlier incarnation set aside.
    pub(super) noted: BTreeSet<Position>,
    /// Facts that were given up.
    pub(super) skipped: BTreeSet<Position>,
    pub(super) queues: HashMap<Stream, Queue>,
    turns: FuturesUnordered<Abortable<BoxFuture<'static, TurnEnd>>>,
}

/// The facts of one stream that are not done; the first of them is being followed.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) facts: VecDeque<Arc<Recorded>>,
    pub(super) set_aside: BTreeSet<Position>,
    /// Ends the turn of the first.
    pub(super) turn: Option<AbortHandle>,
}

impl Progress {
    async fn begin(of: PoliciesOf) -> Result<Self, ActorProcessingErr> {
        let name = policies_of(of.system, of.service);
        let incarnation = of.house.journal.begin_following(&name);
        let saved = of.house.journal.progress(&name)?;
        let SetAside { parked, skipped } = of.house.journal.set_aside(&name)?;
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
            skipped,
            queues: HashMap::default(),
            turns: FuturesUnordered::new(),
        };
        progress.take_up(parked).await?;
        Ok(progress)
    }

    async fn run(mut self) -> Result<(), ActorProcessingErr> {
        let (house, system, service) = {
            let PoliciesOf { house, system, service, .. } = &self.of;
            (Arc::clone(house), *system, *service)
        };
        let mut told = house.tending.told();
        loop {
            house.services.running(system, service).await;
            // Before the look, so that a move between look and wait is not missed.
            let seen = *house.journal.durable().borrow();
            self.tend_all().await;
            self.take_in().await?;
            fault_points::at(FaultPoint::PolicyTakenIn).await?;
            self.save(&house).await?;
            let has_room = self.unfinished.len() < IN_FLIGHT_MAX;
            // What has ended goes first, so that a run can be repeated; new facts do not starve, they are taken in each time.
            tokio::select! {
                biased;
                Some(end) = self.turns.next(), if !self.turns.is_empty() => self.ended(end).await,
                () = house.journal.beyond(seen), if has_room => {}
                changed = told.changed() => changed?,
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
                if self.listens_to(&fact) && !self.skipped.contains(&fact.position) {
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
            self.begin_turn(fact, Duration::ZERO);
        }
    }

    async fn ended(&mut self, end: Result<TurnEnd, Aborted>) {
        match end {
            // Whoever ended it has begun another, or given the fact up.
            Err(Aborted) => {}
            Ok(TurnEnd::Done(stream, position, commands)) => {
                self.unfinished.remove(&position);
                self.finished.insert(position, commands);
                let Some(queue) = self.queues.get_mut(&stream) else { return };
                queue.facts.pop_front();
                let was_set_aside = queue.set_aside.remove(&position) | self.noted.remove(&position);
                let next = queue.facts.front().cloned();
                if next.is_none() {
                    self.queues.remove(&stream);
                }
                if let Some(next) = next {
                    self.begin_turn(next, Duration::ZERO);
                }
                if was_set_aside {
                    let released = Note::Released { follower: self.name.to_string(), position };
                    // Lost, it is released again after the next start, when its commands are found done.
                    self.of.house.journal.note(released).await;
                }
            }
            Ok(TurnEnd::SetAside(fact, cause)) => {
                let waiting: Vec<_> = self.queues.get(&fact.stream).map_or_else(Vec::new, |queue| {
                    queue.facts.iter().filter(|fact| !queue.set_aside.contains(&fact.position)).cloned().collect()
                });
                for fact in waiting {
                    self.park(&fact, &cause).await;
                }
                self.begin_turn(fact, SET_ASIDE_AFTER);
            }
        }
    }

    /// Saves the low-water mark when it has moved.
    async fn save(&mut self, house: &House) -> Result<(), ActorProcessingErr> {
        let first = self.unfinished.first().filter(|_| !mutants::is_on(Mutant::OffsetBeforeEffect));
        let done = first.map_or(self.next - 1, |first| first - 1);
        if done > self.saved {
            self.saved = done;
            let later = self.finished.split_off(&(done + 1));
            let finished = std::mem::replace(&mut self.finished, later).into_values().flatten().collect();
            let step = Step { position: done, finished, rows: Vec::new() };
            house.journal.advance(&self.name, self.incarnation, step).await;
            house.progressed.notify_waiters();
            fault_points::at(FaultPoint::PolicySaved).await?;
            if done >= self.noted_mark + NOTE_EVERY {
                self.noted_mark = done;
                let followed = Note::Followed { follower: self.name.to_string(), position: done };
                // Lost, the next one says more.
                house.journal.note(followed).await;
            }
        }
        Ok(())
    }

    /// Begins the turn of the first fact of a stream.
    pub(super) fn begin_turn(&mut self, fact: Arc<Recorded>, after: Duration) {
        let PoliciesOf { house, policies, .. } = self.of.clone();
        let (stream, position) = (fact.stream, fact.position);
        let was_set_aside = self.noted.contains(&position)
            || self.queues.get(&stream).is_some_and(|queue| queue.set_aside.contains(&position));
        let (turn, handle) = abortable(Box::pin(async move {
            if !after.is_zero() {
                tokio::time::sleep(after).await;
            }
            mutants::linger(&[Mutant::OffsetBeforeEffect]).await;
            follow(house, policies, fact, was_set_aside).await
        }) as BoxFuture<'static, TurnEnd>);
        self.turns.push(turn);
        if let Some(queue) = self.queues.get_mut(&stream) {
            queue.turn = Some(handle);
        }
    }
}
