//! Kill anything at any moment of a command: its caller is answered, its fact is there once.

use std::sync::Arc;

use super::super::chaos::{Hold, Point};
use super::gate::{Gate, GatedEngine, Moment};
use super::house::{House, done, keyed, life, life_on_disk, refused, systems};
use super::yard::{Add, Added, Board, Echo, Heard, Tally, TallyEvent};
use crate::domain::{Aggregate, Catalogue, Stream, View};
use crate::journal::codec::decode_records;
use crate::journal::engine::From;
use crate::journal::memory_engine::MemoryEngine;
use crate::journal::{Engine, Record};
use crate::systems::oa_rental::rental::{CancelRental, Rental};

const TALLY: Stream = Stream::new(Tally::KIND, 1);

/// Where the command is when something is killed.
#[derive(Clone, Copy, Debug)]
enum When {
    Undecided,
    Written(Moment),
}

const MOMENTS: [When; 3] = [When::Undecided, When::Written(Moment::Unsynced), When::Written(Moment::Untold)];

/// What is killed.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Actor,
    Committer,
    Shard,
    Service,
    Followers,
    ActorAndCommitter,
}

const VICTIMS: [Victim; 6] =
    [Victim::Actor, Victim::Committer, Victim::Shard, Victim::Service, Victim::Followers, Victim::ActorAndCommitter];

fn hold(house: &House, gate: &Gate, when: When) -> Option<Hold> {
    match when {
        When::Undecided => Some(house.runtime.hold(TALLY, Point::Decide)),
        When::Written(moment) => {
            gate.hold(moment);
            None
        }
    }
}

fn strike(house: &House, victim: Victim) {
    let kill_actor = || assert_eq!(house.runtime.kill(|stream| stream == TALLY, 1, 0), [TALLY]);
    match victim {
        Victim::Actor => kill_actor(),
        Victim::Committer => house.journal.kill_committer(),
        Victim::Shard => assert!(house.runtime.kill_shard_of(TALLY)),
        Victim::Service => assert!(house.runtime.kill_service_of(TALLY)),
        Victim::Followers => assert!(house.runtime.kill_followers() > 0),
        Victim::ActorAndCommitter => {
            house.journal.kill_committer();
            kill_actor();
        }
    }
}

async fn check_command(storage: Arc<dyn Engine>, when: When, victim: Victim) {
    let (engine, gate) = GatedEngine::before(storage);
    let house = House::start(engine).await;
    let (id, _) = house.done(house.make::<Tally>(Add { n: 1 })).await;
    house.settled().await;
    assert_eq!(id, TALLY.id);
    check_killed(&house, &gate, (when, victim), false).await;
    assert_eq!(numbers(&house).await, [1, 5], "{when:?} {victim:?}");
}

async fn check_creation(storage: Arc<dyn Engine>, when: When, victim: Victim) {
    let (engine, gate) = GatedEngine::before(storage);
    let house = House::start(engine).await;
    check_killed(&house, &gate, (when, victim), true).await;
    assert_eq!(numbers(&house).await, [5], "{when:?} {victim:?}");
    assert_eq!(house.done(house.make::<Tally>(Add { n: 1 })).await.0, 2);
}

async fn check_killed(house: &House, gate: &Gate, (when, victim): (When, Victim), creates: bool) {
    let held = hold(house, gate, when);
    let add = Add { n: 5 };
    let call = house.begin(if creates { house.make::<Tally>(add) } else { house.tell::<Tally>(TALLY.id, add) });
    match &held {
        Some(held) => held.reached().await,
        None => gate.reached().await,
    }
    strike(house, victim);
    drop(held);
    gate.open();
    let (id, answer) = done(call.outcome().await);
    assert_eq!(id, TALLY.id, "{when:?} {victim:?}");
    let version = answer.row.map(|row| row.version);
    assert_eq!(version, Some(if creates { 1 } else { 2 }), "{when:?} {victim:?}");
    house.settled().await;
}

/// What was added, after a look that echo and board have heard each number once.
async fn numbers(house: &House) -> Vec<u64> {
    let facts = house.facts().await;
    let added: Vec<u64> =
        facts.iter().filter_map(|fact| fact.of::<TallyEvent>()).map(|TallyEvent::Added(Added { n })| *n).collect();
    let heard: Vec<u64> = facts
        .iter()
        .filter_map(|fact| fact.of::<super::yard::EchoEvent>())
        .map(|super::yard::EchoEvent::Heard(Heard { n })| *n)
        .collect();
    assert_eq!(added, heard);
    let sum = added.iter().sum();
    let board: Board = house.state(Board::KIND, TALLY.id).expect("a row");
    assert_eq!(board, Board { added: sum, heard: sum, facts: 2 * added.len() as u64 });
    assert_eq!(house.version(Stream::new(Echo::KIND, TALLY.id)), heard.len() as u64);
    added
}

#[test]
fn a_command_survives_every_kill_at_every_moment() {
    for when in MOMENTS {
        for victim in VICTIMS {
            life(check_command(Arc::new(MemoryEngine::default()), when, victim));
        }
    }
}

#[test]
fn a_creation_survives_every_kill_at_every_moment() {
    for when in MOMENTS {
        for victim in VICTIMS {
            life(check_creation(Arc::new(MemoryEngine::default()), when, victim));
        }
    }
}

#[test]
fn a_command_survives_every_kill_on_a_disk() {
    for when in MOMENTS {
        for victim in VICTIMS {
            let dir = tempfile::tempdir().expect("a directory");
            life_on_disk(dir.path(), async |storage| check_command(storage, when, victim).await);
        }
    }
}

#[test]
fn what_was_decided_before_a_kill_lands_before_what_comes_after_it() {
    life(async {
        let (engine, gate) = GatedEngine::before(Arc::new(MemoryEngine::default()));
        let house = House::start(engine).await;
        house.done(house.make::<Tally>(Add { n: 1 })).await;
        house.settled().await;
        gate.hold(Moment::Unsynced);
        let first = house.begin(house.tell::<Tally>(1, Add { n: 2 }));
        gate.reached().await;
        // Decided, and behind the group that is being written.
        let second = house.begin(house.tell::<Tally>(1, Add { n: 3 }));
        house.done_waiting().await;
        strike(&house, Victim::Actor);
        let third = house.begin(house.tell::<Tally>(1, Add { n: 4 }));
        house.done_waiting().await;
        gate.open();
        for call in [first, second, third] {
            done(call.outcome().await);
        }
        house.settled().await;
        assert_eq!(numbers(&house).await, [1, 2, 3, 4]);
    });
}

#[test]
fn a_key_that_was_refused_is_not_decided_again_while_a_new_committer_makes_the_refusal_visible() {
    const MISSING: Stream = Stream::new(Rental::KIND, 9);
    life(async {
        let storage = MemoryEngine::default();
        let (engine, gate) = GatedEngine::before(Arc::new(storage.clone()));
        let house = House::start(engine).await;
        let cancel = || keyed(house.tell::<Rental>(MISSING.id, CancelRental {}), "cancel", 1);
        gate.hold(Moment::Untold);
        let left = house.begin(cancel());
        gate.reached().await;
        // Written and not told: the client leaves, and what knew of it is killed.
        drop(left);
        assert_eq!(house.runtime.kill(|stream| stream == MISSING, 1, 0), [MISSING]);
        house.journal.kill_committer();
        house.done_waiting().await;
        let again = house.begin(cancel());
        house.done_waiting().await;
        gate.open();
        assert_eq!(refused(again.outcome().await), "not-found");
        let groups = storage.read(From::Group(1), usize::MAX).await.expect("it reads");
        let records = groups.iter().flat_map(|group| {
            decode_records(&group.payload, &Catalogue::of(&systems())).expect("what was written can be read")
        });
        assert_eq!(records.filter(|record| matches!(record, Record::Answer(_))).count(), 1);
    });
}

// Case 121.
#[test]
fn an_incarnation_that_was_overtaken_writes_nothing_more() {
    life(async {
        let house = House::start(Arc::new(MemoryEngine::default())).await;
        house.done(house.make::<Tally>(Add { n: 1 })).await;
        let older = house.generation(TALLY);
        // A newer one passes the barrier while the older still lives and decides.
        house.journal.barrier(TALLY, house.journal.next_generation()).await.expect("passed");
        let (_, answer) = house.done(house.tell::<Tally>(1, Add { n: 5 })).await;
        assert_eq!(answer.row.map(|row| row.version), Some(2));
        assert!(house.generation(TALLY) > older + 1, "another incarnation has answered");
        house.settled().await;
        assert_eq!(numbers(&house).await, [1, 5]);
    });
}

#[test]
fn each_answer_shows_the_row_right_after_its_own_command() {
    life(async {
        let (engine, gate) = GatedEngine::before(Arc::new(MemoryEngine::default()));
        let house = House::start(engine).await;
        house.done(house.make::<Tally>(Add { n: 1 })).await;
        house.settled().await;
        gate.hold(Moment::Unsynced);
        let calls: Vec<_> = (2..=5).map(|n| house.begin(house.tell::<Tally>(1, Add { n }))).collect();
        gate.reached().await;
        house.done_waiting().await;
        gate.open();
        let mut versions = Vec::new();
        for call in calls {
            versions.extend(done(call.outcome().await).1.row.map(|row| row.version));
        }
        assert_eq!(versions, [2, 3, 4, 5]);
    });
}

#[test]
fn the_first_instances_are_not_older_than_the_first_committer() {
    life(async {
        let house = House::start(Arc::new(MemoryEngine::default())).await;
        let before = house.journal.next_generation();
        let (id, _) = house.done(house.make::<Tally>(Add { n: 1 })).await;
        assert_eq!((id, house.generation(TALLY)), (1, before + 1), "it was not fenced and started again");
    });
}
