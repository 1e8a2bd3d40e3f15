//! Each fact has its effect once, wherever its followers are killed.

use std::sync::Arc;

use super::super::chaos::Point;
use super::gate::{GatedEngine, Moment};
use super::house::{House, life, life_on_disk};
use super::yard::{Add, Board, Echo, Tally};
use crate::domain::{Aggregate, Stream, View};
use crate::journal::Engine;
use crate::journal::memory_engine::MemoryEngine;

const TALLY: Stream = Stream::new(Tally::KIND, 1);
const ECHO: Stream = Stream::new(Echo::KIND, 1);

#[derive(Clone, Copy, Debug)]
enum Victim {
    Followers,
    Service,
    Target,
    Committer,
}

const VICTIMS: [Victim; 4] = [Victim::Followers, Victim::Service, Victim::Target, Victim::Committer];

async fn strike(house: &House, victim: Victim) {
    match victim {
        Victim::Followers => assert!(house.runtime.kill_followers() > 0),
        Victim::Service => assert!(house.runtime.kill_service_of(ECHO)),
        Victim::Target => assert_eq!(house.runtime.kill(|stream| stream == ECHO, 1, 0), [ECHO]),
        Victim::Committer => house.journal.kill_committer(),
    }
    house.done_waiting().await;
}

async fn check_once(house: &House, facts: u64) {
    house.settled().await;
    assert_eq!(house.version(TALLY), facts);
    assert_eq!(house.story(ECHO).await.len() as u64, facts);
    let board: Board = house.state(Board::KIND, 1).expect("a row");
    assert_eq!((board.facts, board.added), (2 * facts, board.heard));
}

#[test]
fn a_policys_command_that_waits_when_its_follower_dies_is_given_once() {
    for victim in VICTIMS {
        life(async {
            let house = House::start(Arc::new(MemoryEngine::default())).await;
            let held = house.runtime.hold(ECHO, Point::Decide);
            house.done(house.make::<Tally>(Add { n: 1 })).await;
            held.reached().await;
            strike(&house, victim).await;
            drop(held);
            check_once(&house, 1).await;
        });
    }
}

/// Kills while the command is on its way to the log or just in it, and the follower's position is not yet moved.
async fn check_written(storage: Arc<dyn Engine>, moment: Moment, victim: Victim) {
    let (engine, gate) = GatedEngine::before(storage);
    let house = House::start(engine).await;
    let held = house.runtime.hold(ECHO, Point::Decide);
    house.done(house.make::<Tally>(Add { n: 1 })).await;
    held.reached().await;
    gate.hold(moment);
    drop(held);
    gate.reached().await;
    strike(&house, victim).await;
    gate.open();
    check_once(&house, 1).await;
}

#[test]
fn a_policys_command_that_is_written_when_its_follower_dies_is_given_once() {
    for moment in [Moment::Unsynced, Moment::Untold] {
        for victim in VICTIMS {
            life(check_written(Arc::new(MemoryEngine::default()), moment, victim));
        }
    }
}

#[test]
fn a_policys_command_is_given_once_on_a_disk() {
    for moment in [Moment::Unsynced, Moment::Untold] {
        let dir = tempfile::tempdir().expect("a directory");
        life_on_disk(dir.path(), async |storage| check_written(storage, moment, Victim::Followers).await);
        life_on_disk(dir.path(), async |storage| check_once(&House::start(storage).await, 1).await);
    }
}

#[test]
fn a_crash_between_a_policys_command_and_its_position_repeats_nothing() {
    for moment in [Moment::Unsynced, Moment::Untold] {
        let storage = MemoryEngine::default();
        life(async {
            let (engine, gate) = GatedEngine::before(Arc::new(storage.clone()));
            let house = House::start(engine).await;
            let held = house.runtime.hold(ECHO, Point::Decide);
            house.done(house.make::<Tally>(Add { n: 1 })).await;
            held.reached().await;
            gate.hold(moment);
            drop(held);
            gate.reached().await;
        });
        life(async {
            let house = House::start(Arc::new(storage.clone())).await;
            check_once(&house, 1).await;
            house.done(house.tell::<Tally>(1, Add { n: 2 })).await;
            check_once(&house, 2).await;
        });
    }
}

#[test]
fn a_crash_on_a_disk_between_a_policys_command_and_its_position_repeats_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    life_on_disk(dir.path(), async |storage| {
        let (engine, gate) = GatedEngine::before(storage);
        let house = House::start(engine).await;
        let held = house.runtime.hold(ECHO, Point::Decide);
        house.done(house.make::<Tally>(Add { n: 1 })).await;
        held.reached().await;
        gate.hold(Moment::Untold);
        drop(held);
        gate.reached().await;
    });
    life_on_disk(dir.path(), async |storage| {
        let house = House::start(storage).await;
        check_once(&house, 1).await;
        house.done(house.tell::<Tally>(1, Add { n: 2 })).await;
        check_once(&house, 2).await;
    });
}

#[test]
fn followers_that_lost_their_positions_with_the_store_repeat_nothing() {
    let storage = MemoryEngine::default();
    life(async {
        let house = House::start(Arc::new(storage.clone())).await;
        house.done(house.make::<Tally>(Add { n: 1 })).await;
        house.done(house.tell::<Tally>(1, Add { n: 2 })).await;
        check_once(&house, 2).await;
    });
    storage.lose_store();
    life(async {
        let house = House::start(Arc::new(storage.clone())).await;
        check_once(&house, 2).await;
    });
}

#[test]
fn followers_killed_again_and_again_miss_nothing() {
    life(async {
        let house = House::start(Arc::new(MemoryEngine::default())).await;
        house.done(house.make::<Tally>(Add { n: 1 })).await;
        for n in 2..=50 {
            let call = house.begin(house.tell::<Tally>(1, Add { n }));
            house.runtime.kill_followers();
            super::house::done(call.outcome().await);
        }
        check_once(&house, 50).await;
    });
}
