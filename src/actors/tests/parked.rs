//! What a follower set aside is tried again, or given up for good: through kills, crashes and the loss of the store.

use std::sync::Arc;
use std::time::Duration;

use super::super::followers::{Tend, Tended};
use super::gate::{GatedEngine, Moment};
use super::house::{DEADLINE, House, life, life_on_disk};
use super::yard::{Add, Board, Echo, Heard, Tally};
use crate::domain::{Aggregate, Stream, View};
use crate::journal::Engine;
use crate::journal::memory_engine::MemoryEngine;
use crate::resilience::Deadline;

const POLICIES: &str = "yard/echo/policies";
const VIEW: &str = "yard/board/board@1";
/// So often a follower panics on a fact before it sets it aside.
const PANICS: u32 = 5;
const ECHO: Stream = Stream::new(Echo::KIND, 1);

impl House {
    async fn tend(&self, follower: &str, position: u64, tend: Tend) -> Tended {
        self.runtime.tend(follower, position, tend, Deadline::after(&self.clock, DEADLINE)).await
    }

    async fn skip(&self, follower: &str, position: u64) -> Tended {
        self.tend(follower, position, Tend::Skip("obsolete".to_owned())).await
    }

    fn parked_of(&self, follower: &str) -> Vec<u64> {
        let parked = self.journal.parked().expect("parked facts").into_iter();
        parked.filter(|item| item.follower == follower).map(|item| item.position).collect()
    }

    /// Waits until a follower has nothing set aside: as it begins, it forgets what it has written since.
    async fn nothing_parked(&self, follower: &str) {
        let emptied = async {
            while !self.parked_of(follower).is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(DEADLINE, emptied).await.expect("nothing waits for ever");
    }

    /// What the echo has heard, in order.
    async fn heard(&self) -> Vec<u64> {
        let facts = self.facts().await;
        let heard = facts.iter().filter(|fact| fact.stream == ECHO).filter_map(|fact| fact.of());
        heard.map(|super::yard::EchoEvent::Heard(Heard { n })| *n).collect()
    }

    fn board(&self) -> Board {
        self.state(Board::KIND, 1).unwrap_or_default()
    }

    /// Has the first fact of tally 1 set aside, and another behind it.
    async fn with_parked(engine: Arc<dyn Engine>, follower: &str) -> Self {
        let house = Self::start(engine).await;
        assert!(house.runtime.panic_in(follower, PANICS));
        house.done(house.make::<Tally>(Add { n: 1 })).await;
        house.settled().await;
        house.done(house.tell::<Tally>(1, Add { n: 2 })).await;
        house.settled().await;
        house
    }
}

#[test]
fn what_policies_set_aside_is_tried_at_once_when_it_is_wished_and_its_stream_goes_on() {
    for of in 0..2 {
        life(async {
            let house = House::with_parked(Arc::new(MemoryEngine::default()), POLICIES).await;
            let parked = house.parked_of(POLICIES);
            assert_eq!((parked.len(), house.heard().await), (2, vec![]));
            let began = house.clock.now();
            let tried = house.tend(POLICIES, parked[of], Tend::Retry).await;
            assert_eq!(tried, Tended::Trying(parked[0]), "from the first of its stream");
            house.settled().await;
            assert!((house.clock.now() - began) < Duration::from_secs(10), "not by itself a minute later");
            assert_eq!((house.heard().await, house.parked_of(POLICIES)), (vec![1, 2], vec![]));
            assert_eq!(house.tend(POLICIES, parked[0], Tend::Retry).await, Tended::NotParked);
        });
    }
}

#[test]
fn what_a_view_set_aside_is_written_in_order_when_it_is_wished() {
    life(async {
        let house = House::with_parked(Arc::new(MemoryEngine::default()), VIEW).await;
        let parked = house.parked_of(VIEW);
        assert_eq!((parked.len(), house.board().facts), (4, 0));
        assert!(house.runtime.panic_in(VIEW, PANICS));
        assert_eq!(house.tend(VIEW, parked[0], Tend::Retry).await, Tended::Written(0), "it panics again");
        assert_eq!(house.parked_of(VIEW), parked);
        assert_eq!(house.tend(VIEW, parked[2], Tend::Retry).await, Tended::Written(4));
        assert_eq!((house.board(), house.parked_of(VIEW)), (Board { added: 3, heard: 3, facts: 4 }, vec![]));
        house.done(house.tell::<Tally>(1, Add { n: 3 })).await;
        house.settled().await;
        assert_eq!(house.board(), Board { added: 6, heard: 6, facts: 6 });
    });
}

/// What is given up stays given up, in the next life and in one that must make its store again.
fn check_given_up(follower: &'static str, heard: &[u64], board: Board) {
    let storage = MemoryEngine::default();
    life(async {
        let house = House::with_parked(Arc::new(storage.clone()), follower).await;
        let first = house.parked_of(follower)[0];
        assert_eq!(house.skip(follower, first).await, Tended::Skipped);
        assert_eq!(house.skip(follower, first).await, Tended::Skipped, "once is enough");
        house.settled().await;
        assert_eq!(
            (house.heard().await, house.board(), house.parked_of(follower)),
            (heard.to_vec(), board.clone(), vec![])
        );
    });
    for loses_store in [false, true] {
        if loses_store {
            storage.lose_store();
        }
        life(async {
            let house = House::start(Arc::new(storage.clone())).await;
            house.settled().await;
            house.nothing_parked(follower).await;
            let after = (house.heard().await, house.board());
            assert_eq!(after, (heard.to_vec(), board.clone()), "without its store: {loses_store}");
        });
    }
}

#[test]
fn what_is_given_up_for_policies_stays_so() {
    check_given_up(POLICIES, &[2], Board { added: 3, heard: 2, facts: 3 });
}

#[test]
fn what_is_given_up_for_a_view_stays_so() {
    check_given_up(VIEW, &[1, 2], Board { added: 2, heard: 3, facts: 3 });
}

#[test]
fn a_fact_behind_another_can_be_given_up_alone() {
    life(async {
        let house = House::with_parked(Arc::new(MemoryEngine::default()), POLICIES).await;
        let parked = house.parked_of(POLICIES);
        assert_eq!(house.skip(POLICIES, parked[1]).await, Tended::Skipped);
        assert_eq!(house.parked_of(POLICIES), parked[..1]);
        house.tend(POLICIES, parked[0], Tend::Retry).await;
        house.settled().await;
        assert_eq!((house.heard().await, house.parked_of(POLICIES)), (vec![1], vec![]));
    });
}

#[test]
fn a_crash_while_a_fact_is_given_up_leaves_it_given_up_or_followed() {
    for (moment, heard) in [(Moment::Unsynced, vec![1, 2]), (Moment::Untold, vec![2])] {
        let storage = MemoryEngine::default();
        life(async {
            let (engine, gate) = GatedEngine::before(Arc::new(storage.clone()));
            let house = House::with_parked(engine, POLICIES).await;
            let first = house.parked_of(POLICIES)[0];
            gate.hold(moment);
            tokio::select! {
                tended = house.skip(POLICIES, first) => panic!("{tended:?} before it is written"),
                () = gate.reached() => {}
            }
        });
        for _ in 0..2 {
            life(async {
                let house = House::start(Arc::new(storage.clone())).await;
                house.settled().await;
                assert_eq!((house.heard().await, house.parked_of(POLICIES)), (heard.clone(), vec![]), "{moment:?}");
            });
            storage.lose_store();
        }
    }
}

#[test]
fn a_follower_killed_while_it_is_told_is_told_again() {
    for follower in [POLICIES, VIEW] {
        life(async {
            let (engine, gate) = GatedEngine::before(Arc::new(MemoryEngine::default()));
            let house = House::with_parked(engine, follower).await;
            let first = house.parked_of(follower)[0];
            gate.hold(Moment::Unsynced);
            let skipping = house.skip(follower, first);
            tokio::pin!(skipping);
            tokio::select! {
                tended = &mut skipping => panic!("{tended:?} before it is written"),
                () = gate.reached() => {}
            }
            assert!(house.runtime.kill_followers() > 0);
            house.done_waiting().await;
            gate.open();
            let tended = skipping.await;
            // The successor may have tried the fact, with success, before it was told again.
            assert!([Tended::Skipped, Tended::NotParked].contains(&tended), "{follower}: {tended:?}");
            house.settled().await;
            assert!(house.parked_of(follower).is_empty(), "{follower}");
        });
    }
}

#[test]
fn a_view_tries_its_rows_again_as_it_begins() {
    let whole = Board { added: 3, heard: 3, facts: 4 };
    let storage = MemoryEngine::default();
    life(async {
        let house = House::with_parked(Arc::new(storage.clone()), VIEW).await;
        assert_eq!(house.parked_of(VIEW).len(), 4);
    });
    for _ in 0..2 {
        life(async {
            let house = House::start(Arc::new(storage.clone())).await;
            house.settled().await;
            house.nothing_parked(VIEW).await;
            assert_eq!(house.board(), whole);
        });
        storage.lose_store();
    }
}

#[test]
fn a_row_that_was_written_again_is_whole_after_a_crash_on_a_disk() {
    let dir = tempfile::tempdir().expect("a directory");
    life_on_disk(dir.path(), async |storage| {
        let house = House::with_parked(storage, VIEW).await;
        let first = house.parked_of(VIEW)[0];
        assert_eq!(house.tend(VIEW, first, Tend::Retry).await, Tended::Written(4));
    });
    for loses_store in [false, true] {
        if loses_store {
            std::fs::remove_dir_all(dir.path().join("sled")).expect("sled's directory is there");
        }
        life_on_disk(dir.path(), async |storage| {
            let house = House::start(storage).await;
            house.settled().await;
            house.nothing_parked(VIEW).await;
            assert_eq!(house.board(), Board { added: 3, heard: 3, facts: 4 }, "without its store: {loses_store}");
        });
    }
}
