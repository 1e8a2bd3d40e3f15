//! However many aggregates there are, so many live, and nobody outside can tell.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::chaos::Point;
use super::super::directory::LiveLimits;
use super::gate::{GatedEngine, Moment};
use super::house::{House, done, life};
use super::yard::{Add, Look, Tally};
use crate::domain::{Aggregate, Stream};
use crate::journal::memory_engine::MemoryEngine;
use crate::resilience::{CallError, Reason};

const fn tally(id: u64) -> Stream {
    Stream::new(Tally::KIND, id)
}

async fn house_of(live_max: usize) -> House {
    let live = LiveLimits { live_max, ..LiveLimits::default() };
    House::start_with(Arc::new(MemoryEngine::default()), live).await
}

#[test]
fn a_thousand_aggregates_share_ten_seats() {
    life(async {
        let house = house_of(10).await;
        for id in 1..=1_000 {
            house.done(house.make::<Tally>(Add { n: id })).await;
            assert!(house.live().0 <= 10);
        }
        for id in (1..=1_000).rev() {
            house.done(house.tell::<Tally>(id, Add { n: 1 })).await;
            assert!(house.live().0 <= 10);
        }
        assert!((1..=1_000).all(|id| house.version(tally(id)) == 2));
    });
}

#[test]
fn memory_bounds_the_living_as_well() {
    life(async {
        let live = LiveLimits { bytes_max: 100_000, ..LiveLimits::default() };
        let house = House::start_with(Arc::new(MemoryEngine::default()), live).await;
        for id in 1..=100 {
            house.done(house.make::<Tally>(Add { n: id })).await;
            let (living, bytes) = house.live();
            assert!(living <= 10 && bytes <= 100_000 + living * 100, "{living} live in {bytes} bytes");
        }
    });
}

#[test]
fn one_that_is_used_often_stays_while_others_come_and_go() {
    life(async {
        let house = house_of(10).await;
        house.done(house.make::<Tally>(Add { n: 1 })).await;
        let generation = house.figures(tally(1)).expect("it lives").generation;
        for id in 2..=500 {
            house.done(house.make::<Tally>(Add { n: id })).await;
            house.done(house.tell::<Tally>(1, Add { n: 1 })).await;
        }
        assert_eq!(house.figures(tally(1)).expect("it lives").generation, generation);
    });
}

#[test]
fn a_start_that_finds_no_seat_is_refused_and_the_next_finds_one() {
    life(async {
        let house = house_of(1).await;
        house.done(house.make::<Tally>(Add { n: 1 })).await;
        let held = house.runtime.hold(tally(1), Point::Decide);
        let in_hand = house.begin(house.tell::<Tally>(1, Add { n: 1 }));
        held.reached().await;
        let outcome = house.send(house.make::<Tally>(Add { n: 1 })).await;
        let full = matches!(outcome, Err(CallError::NotExecuted(why)) if why.reason == Reason::RecoveryBusy);
        assert!(full, "{outcome:?}");
        drop(held);
        done(in_hand.outcome().await);
        house.done(house.make::<Tally>(Add { n: 1 })).await;
        assert_eq!(house.version(tally(1)), 2);
    });
}

// Case 109. What a miss costs here is a start, and all who miss wait for the same.
#[test]
fn a_hundred_calls_to_one_that_does_not_live_start_it_once_whoever_goes_away() {
    life(async {
        let (engine, gate) = GatedEngine::before(Arc::new(MemoryEngine::default()));
        let house = House::start(engine).await;
        for n in 1..=2 {
            house.done(house.make::<Tally>(Add { n })).await;
        }
        assert_eq!(house.runtime.kill(|stream| stream == tally(1), 1, 0), [tally(1)]);
        house.done_waiting().await;
        // A start waits for the group in hand.
        gate.hold(Moment::Unsynced);
        let in_hand = house.begin(house.tell::<Tally>(2, Add { n: 1 }));
        gate.reached().await;
        let first = house.begin(house.tell::<Tally>(1, Look {}));
        house.done_waiting().await;
        let started = house.generation(tally(1));
        let calls: Vec<_> = (1..100).map(|n| house.begin(house.tell::<Tally>(1, Add { n }))).collect();
        house.done_waiting().await;
        drop(first);
        gate.open();
        for call in calls {
            done(call.outcome().await);
        }
        done(in_hand.outcome().await);
        assert_eq!(house.generation(tally(1)), started);
        assert_eq!(house.version(tally(1)), 100);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn no_command_is_lost_or_doubled_whoever_leaves_or_is_killed_meanwhile(
        seats in 1usize..6,
        commands in prop::collection::vec((1u64..12, 0u8..8), 1..120),
    ) {
        life(async move {
            let house = house_of(seats).await;
            for n in 1..12 {
                house.done(house.make::<Tally>(Add { n })).await;
            }
            let mut added = [1u64; 12];
            for chunk in commands.chunks(seats) {
                let mut calls = Vec::new();
                for (id, act) in chunk {
                    calls.push(house.begin(house.tell::<Tally>(*id, Add { n: 1 })));
                    added[usize::try_from(*id).expect("small")] += 1;
                    if *act == 0 {
                        drop(house.runtime.kill(|stream| stream == tally(*id), 1, 0));
                    }
                }
                for call in calls {
                    done(call.outcome().await);
                }
            }
            for (id, added) in (1u64..12).zip(&added[1..]) {
                assert_eq!(house.version(tally(id)), *added, "{id}");
            }
            assert!(house.live().0 <= seats);
        });
    }
}
