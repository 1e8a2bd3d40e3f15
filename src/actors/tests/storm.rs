//! Everything at once: many commands on few aggregates while everything is killed in a random order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::admission::Call;
use super::gate::{Gate, GatedEngine, Moment};
use super::house::{House, Pending, done, keyed, life};
use super::yard::{Add, Added, Board, Tally, TallyEvent};
use crate::clock::Clock;
use crate::domain::{Aggregate, Stream, View};
use crate::journal::memory_engine::MemoryEngine;
use crate::resilience::CallError;

/// How many storms there are.
const STORMS: u64 = 60;
/// How many things happen in each.
const STEPS: u64 = 250;
/// How many aggregates they happen to.
const TALLIES: u64 = 3;

/// One storm, repeatable from its seed.
struct Storm {
    house: House,
    gate: Gate,
    dice: Clock,
    calls: BTreeMap<u64, (Option<String>, Pending)>,
}

impl Storm {
    async fn begin(seed: u64, storage: &MemoryEngine) -> Self {
        let (engine, gate) = GatedEngine::before(Arc::new(storage.clone()));
        let house = House::start(engine).await;
        let dice = Clock::manual(0, seed);
        Self { house, gate, dice, calls: BTreeMap::new() }
    }

    fn draw(&self, below: u64) -> u64 {
        self.dice.random() % below
    }

    async fn step(&mut self, number: u64) {
        let victim = Stream::new(Tally::KIND, 1 + self.draw(TALLIES));
        match self.draw(20) {
            0..=9 => self.add(number),
            10..=11 => drop(self.house.runtime.kill(|stream| stream.kind.system() == "yard", 1, self.dice.random())),
            12 => self.house.journal.kill_committer(),
            13 => drop(self.house.runtime.kill_shard_of(victim)),
            14 => drop(self.house.runtime.kill_followers()),
            15 => drop(self.house.runtime.kill_service_of(victim)),
            16 => self.gate.hold(if self.draw(2) == 0 { Moment::Unsynced } else { Moment::Untold }),
            17 | 18 => self.gate.open(),
            _ => tokio::time::advance(Duration::from_millis(self.draw(20))).await,
        }
        for _ in 0..self.draw(12) {
            tokio::task::yield_now().await;
        }
    }

    fn add(&mut self, n: u64) {
        let key = (self.draw(2) == 0).then(|| format!("key {n}"));
        let call = self.call(n, key.as_deref());
        self.calls.insert(n, (key, self.house.begin(call)));
    }

    fn call(&self, n: u64, key: Option<&str>) -> Call {
        // Every tenth makes a new one; the others go to the first few.
        let call = match n % 10 {
            0 => self.house.make::<Tally>(Add { n }),
            _ => self.house.tell::<Tally>(1 + n % TALLIES, Add { n }),
        };
        match key {
            Some(key) => keyed(call, key, n),
            None => call,
        }
    }

    /// Judges every answer by the log.
    async fn end(mut self, seed: u64) {
        self.gate.open();
        let mut answered = BTreeMap::new();
        for (n, (key, call)) in std::mem::take(&mut self.calls) {
            let outcome = call.outcome().await;
            if let Some(key) = &key
                && outcome.is_ok()
            {
                let (id, again) = self.house.done(self.call(n, Some(key))).await;
                let (first, _) = done(outcome.clone());
                assert_eq!((id, again.replayed), (first, true), "seed {seed}: a resend of {n}");
            }
            answered.insert(n, outcome);
        }
        self.house.settled().await;
        let mut found: BTreeMap<u64, Vec<Stream>> = BTreeMap::new();
        for fact in self.house.facts().await {
            if let Some(TallyEvent::Added(Added { n })) = fact.of() {
                found.entry(*n).or_default().push(fact.stream);
            }
        }
        let mut lost = 0;
        for (n, outcome) in answered {
            let places = found.remove(&n).unwrap_or_default();
            match outcome {
                Err(CallError::NotExecuted(why)) => assert!(places.is_empty(), "seed {seed}: {n}: {why:?} {places:?}"),
                Err(CallError::Unknown(_)) => {
                    lost += 1;
                    assert!(places.len() <= 1, "seed {seed}: {n}: {places:?}");
                }
                answer => {
                    let (id, _) = done(answer);
                    assert_eq!(places, [Stream::new(Tally::KIND, id)], "seed {seed}: {n}");
                }
            }
        }
        assert!(lost <= STEPS / 20, "seed {seed}: {lost} of {STEPS} went unanswered");
        self.check_followers(seed).await;
    }

    async fn check_followers(&self, seed: u64) {
        let mut sums: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
        for fact in self.house.facts().await {
            if let Some(TallyEvent::Added(Added { n })) = fact.of() {
                let (facts, sum) = sums.entry(fact.stream.id).or_default();
                *facts += 1;
                *sum += n;
            }
        }
        for (id, (facts, sum)) in sums {
            let board: Board = self.house.state(Board::KIND, id).expect("a row");
            assert_eq!(board, Board { added: sum, heard: sum, facts: 2 * facts }, "seed {seed}: tally {id}");
        }
    }
}

#[test]
fn a_storm_of_kills_loses_nothing_and_does_nothing_twice() {
    for seed in 1..=STORMS {
        let storage = MemoryEngine::default();
        life(async {
            let mut storm = Storm::begin(seed, &storage).await;
            for _ in 0..TALLIES {
                storm.house.done(storm.house.make::<Tally>(Add { n: 1_000_000 })).await;
            }
            for number in 1..=STEPS {
                storm.step(number).await;
            }
            storm.end(seed).await;
        });
        life(async {
            let after = Storm::begin(seed, &storage).await;
            after.house.settled().await;
            after.check_followers(seed).await;
        });
    }
}
