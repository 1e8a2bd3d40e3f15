//! A stopped service takes nothing, and loses nothing.

use std::sync::Arc;

use super::house::{House, Outcome, life};
use super::yard::{Add, Board, Echo, Tally};
use crate::domain::{Aggregate, Stream, View};
use crate::fault_points::FaultPoint::{
    AsksStopped, Checkpointed, Drained, Flushed, Sealed, Settled, StopBegun, TreeStopped,
};
use crate::fault_points::visited;
use crate::journal::memory_engine::MemoryEngine;
use crate::resilience::{CallError, Reason};

#[track_caller]
fn check_stopped<T: std::fmt::Debug>(outcome: Result<T, CallError>) {
    let stopped = matches!(&outcome, Err(CallError::NotExecuted(why)) if why.reason == Reason::ServiceStopped);
    assert!(stopped, "{outcome:?}");
}

async fn house() -> House {
    let house = House::start(Arc::new(MemoryEngine::default())).await;
    house.done(house.make::<Tally>(Add { n: 1 })).await;
    house.settled().await;
    house
}

#[test]
fn a_stopped_service_takes_neither_commands_nor_reads() {
    life(async {
        let house = house().await;
        let tally = Stream::new(Tally::KIND, 1);
        let services = house.runtime.services();
        assert!(services.set("yard", "tally", false));
        let outcome: Outcome = house.send(house.tell::<Tally>(1, Add { n: 2 })).await;
        check_stopped(outcome);
        check_stopped(house.send(house.make::<Tally>(Add { n: 2 })).await);
        check_stopped(house.runtime.admission().read(tally));
        assert!(services.set("yard", "tally", true));
        assert!(house.runtime.admission().read(tally).expect("it runs").is_some());
        assert_eq!(house.done(house.make::<Tally>(Add { n: 2 })).await.0, 2);
    });
}

#[test]
fn a_stop_lets_go_of_what_is_above_before_what_it_stands_on() {
    life(async {
        let house = house().await;
        drop(visited());
        house.runtime.stop().await;
        house.journal.clone().close().await;
        let steps = [StopBegun, AsksStopped, TreeStopped, Flushed, Drained, Settled, Sealed, Checkpointed];
        let went: Vec<_> = visited().into_iter().filter(|point| steps.contains(point)).collect();
        assert_eq!(went, steps, "no asks, then no actors, then no committer, then the store, then the log");
    });
}

#[test]
fn a_service_that_does_not_exist_cannot_be_stopped() {
    life(async {
        assert!(!house().await.runtime.services().set("yard", "cellar", false));
    });
}

#[test]
fn policies_and_views_of_a_stopped_service_wait_and_catch_up() {
    life(async {
        let house = house().await;
        let services = house.runtime.services();
        assert!(services.set("yard", "echo", false) && services.set("yard", "board", false));
        for n in 2..=5 {
            house.done(house.tell::<Tally>(1, Add { n })).await;
        }
        house.done_waiting().await;
        assert_eq!(house.version(Stream::new(Echo::KIND, 1)), 1);
        assert_eq!(house.state::<Board>(Board::KIND, 1).expect("a row").facts, 2);
        tokio::time::advance(std::time::Duration::from_secs(3_600)).await;
        assert!(services.set("yard", "echo", true) && services.set("yard", "board", true));
        house.settled().await;
        assert_eq!(house.version(Stream::new(Echo::KIND, 1)), 5);
        assert_eq!(house.state::<Board>(Board::KIND, 1).expect("a row"), Board { added: 15, heard: 15, facts: 10 });
    });
}

#[test]
fn a_stop_is_not_remembered_over_a_restart() {
    let storage = MemoryEngine::default();
    life(async {
        let house = House::start(Arc::new(storage.clone())).await;
        assert!(house.runtime.services().set("yard", "echo", false));
        house.done(house.make::<Tally>(Add { n: 1 })).await;
    });
    life(async {
        let house = House::start(Arc::new(storage.clone())).await;
        house.settled().await;
        assert_eq!(house.version(Stream::new(Echo::KIND, 1)), 1);
    });
}

#[test]
fn a_runtime_that_was_stopped_in_order_is_taken_up_again() {
    let storage = MemoryEngine::default();
    for n in 1..=3 {
        life(async {
            let house = House::start(Arc::new(storage.clone())).await;
            let add = Add { n };
            let call = if n == 1 { house.make::<Tally>(add) } else { house.tell::<Tally>(1, add) };
            house.done(call).await;
            house.runtime.stop().await;
            house.journal.clone().close().await;
        });
    }
    life(async {
        let house = House::start(Arc::new(storage.clone())).await;
        house.settled().await;
        assert_eq!(house.story(Stream::new(Echo::KIND, 1)).await.len(), 3);
    });
}
