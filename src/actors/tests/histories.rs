//! A history that a build cannot fold costs its aggregate, nobody else, and not for ever.

use std::sync::Arc;

use super::house::{House, life, life_on_disk};
use super::yard::{Add, Board, FEARED, Tally};
use crate::domain::{Aggregate, Stream, View};
use crate::journal::Engine;
use crate::journal::memory_engine::MemoryEngine;
use crate::journal::recovery::histories::HISTORY;
use crate::resilience::{CallError, Reason};

const TALLY: Stream = Stream::new(Tally::KIND, 1);

/// A life of a build that fears a number, or none; the tree stops as a crash would.
async fn build(engine: &MemoryEngine, feared: Option<u64>) -> House {
    FEARED.set(feared);
    House::start(Arc::new(engine.clone())).await
}

async fn check_set_aside(house: &House, sum: u64, version: u64) {
    let tally: Tally = house.state(Tally::KIND, 1).expect("a row");
    assert_eq!((tally.sum, house.version(TALLY)), (sum, version), "it is shown as it was before");
    let parked = house.journal.parked().expect("the journal can be read");
    assert_eq!((parked.len(), &*parked[0].follower, &*parked[0].stream), (1, HISTORY, "yard/tally/tally/1"));
    let began = house.clock.now();
    match house.send(house.tell::<Tally>(1, Add { n: 1 })).await {
        Err(CallError::NotExecuted(why)) => assert_eq!(why.reason, Reason::Quarantined),
        other => panic!("it took a command: {other:?}"),
    }
    assert!((house.clock.now() - began).as_millis() < 10, "at once");
    let entry = house.figures(TALLY).expect("an entry");
    let cause = format!("readable up to version {version}");
    assert!(entry.state == "quarantined" && entry.last_error.is_some_and(|error| error.contains(&cause)));
}

#[test]
fn an_aggregate_whose_history_cannot_be_folded_is_shown_as_before_until_a_build_can() {
    let engine = MemoryEngine::default();
    life(async {
        let house = build(&engine, None).await;
        for n in [5, 13, 2] {
            match n {
                5 => drop(house.done(house.make::<Tally>(Add { n })).await),
                _ => drop(house.done(house.tell::<Tally>(1, Add { n })).await),
            }
        }
        house.done(house.make::<Tally>(Add { n: 3 })).await;
        house.settled().await;
    });
    engine.lose_store();
    life(async {
        let house = build(&engine, Some(13)).await;
        check_set_aside(&house, 5, 1).await;
        house.done(house.tell::<Tally>(2, Add { n: 4 })).await;
        house.settled().await;
        assert_eq!(house.version(Stream::new(Tally::KIND, 2)), 2, "others go on");
        house.runtime.stop().await;
        house.journal.clone().close().await;
    });
    // The store holds what was set aside now, and the log is not read again.
    life(async {
        let house = build(&engine, Some(13)).await;
        check_set_aside(&house, 5, 1).await;
    });
    life(async {
        let house = build(&engine, None).await;
        let (_, done) = house.done(house.tell::<Tally>(1, Add { n: 1 })).await;
        assert_eq!(done.row.map(|row| row.version), Some(4));
        house.settled().await;
        let (tally, board): (Tally, Board) =
            (house.state(Tally::KIND, 1).expect("a row"), house.state(Board::KIND, 1).expect("a row"));
        assert_eq!((tally.sum, board.added, board.heard), (21, 21, 21));
        assert!(house.journal.parked().expect("the journal can be read").is_empty());
    });
}

#[test]
fn an_aggregate_whose_very_first_fact_cannot_be_folded_is_not_made_anew() {
    let dir = tempfile::tempdir().expect("a directory");
    let lived = |feared: Option<u64>, lived: fn(u64) -> bool| {
        life_on_disk(dir.path(), async |engine: Arc<dyn Engine>| {
            FEARED.set(feared);
            let house = House::start(engine).await;
            if !house.journal.ids().knows(Tally::KIND, 1) {
                house.done(house.make::<Tally>(Add { n: 13 })).await;
            } else {
                let told = house.send(house.tell::<Tally>(1, Add { n: 1 })).await;
                assert!(told.is_ok() == feared.is_none(), "{told:?}");
            }
            assert!(lived(house.version(TALLY)), "version {}", house.version(TALLY));
        });
    };
    lived(None, |version| version == 1);
    std::fs::remove_dir_all(dir.path().join("sled")).expect("sled's directory is there");
    lived(Some(13), |version| version == 0);
    lived(None, |version| version == 2);
}
