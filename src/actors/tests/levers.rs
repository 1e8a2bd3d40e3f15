//! The levers of chaos: whatever is killed by name, nothing is lost; the same seed chooses the same.

use std::sync::Arc;
use std::time::Duration;

use super::super::chaos::monkey::{Monkey, MonkeyError, MonkeyWish};
use super::super::chaos::victims::{self, Name, What};
use super::house::{House, life};
use super::yard::{Add, Board, Echo, Tally};
use crate::domain::system::Catalogue;
use crate::domain::{Aggregate, Stream, View};
use crate::journal::codec::decode_records;
use crate::journal::engine::From;
use crate::journal::memory_engine::MemoryEngine;
use crate::journal::{Engine, Note, Record};

const SURVIVED: [What; 6] =
    [What::Aggregates, What::Policies, What::Views, What::Shards, What::Supervisors, What::Committer];

async fn house() -> House {
    House::start(Arc::new(MemoryEngine::default())).await
}

fn of_yard(name: &Name) -> bool {
    name.to_string().starts_with("yard/")
}

#[test]
fn every_part_has_a_name_and_the_house_goes_on_without_it() {
    life(async {
        let house = house().await;
        house.done(house.make::<Tally>(Add { n: 1 })).await;
        house.settled().await;
        let known = |name: &Name| of_yard(name) || name.to_string().starts_with("journal/");
        let names: Vec<String> =
            house.runtime.victims(&What::ALL, &known).iter().map(|victim| victim.name.to_string()).collect();
        let expected = [
            "yard/echo/echo/1",
            "yard/tally/tally/1",
            "yard/echo/policies",
            "yard/board/board@1",
            "yard/echo/echo/shard/0",
            "yard/echo/echo/shard/1",
            "yard/tally/tally/shard/0",
            "yard/tally/tally/shard/1",
            "yard/board/supervisor",
            "yard/echo/supervisor",
            "yard/tally/supervisor",
            "journal/committer",
        ];
        assert_eq!(names, expected, "a storage in memory has no threads");
        for (name, n) in names.iter().zip(2..) {
            let living = house.runtime.victims(&SURVIVED, &|known| known.to_string() == *name);
            house.runtime.kill_these(&living);
            assert_eq!(living.len(), 1, "{name} lives again");
            house.done(house.tell::<Tally>(1, Add { n })).await;
            house.settled().await;
            assert_eq!(house.version(Stream::new(Echo::KIND, 1)), n, "{name}");
        }
        let board: Board = house.state(Board::KIND, 1).expect("a row");
        assert_eq!((board.added, board.heard, board.facts), (91, 91, 26));
    });
}

#[test]
fn the_same_seed_chooses_the_same_of_the_living() {
    let chosen = |seed| {
        life(async {
            let house = house().await;
            for n in 1..=20 {
                house.done(house.make::<Tally>(Add { n })).await;
            }
            house.settled().await;
            let killed = victims::chosen(house.runtime.victims(&SURVIVED, &of_yard), 10, seed);
            house.runtime.kill_these(&killed);
            killed.iter().map(|victim| victim.name.to_string()).collect::<Vec<_>>()
        })
    };
    assert_eq!(chosen(42).len(), 10);
    assert_eq!(chosen(42), chosen(42));
    assert_ne!(chosen(42), chosen(43));
}

#[test]
fn one_panic_of_a_follower_is_survived_and_sets_nothing_aside() {
    for follower in ["yard/echo/policies", "yard/board/board@1"] {
        life(async {
            let house = house().await;
            for n in 1..=3 {
                assert!(house.runtime.panic_in(follower, 1));
                house
                    .done(if n == 1 { house.make::<Tally>(Add { n }) } else { house.tell::<Tally>(1, Add { n }) })
                    .await;
                house.settled().await;
            }
            assert_eq!(house.journal.parked().expect("parked facts"), [], "{follower}");
            let board: Board = house.state(Board::KIND, 1).expect("a row");
            assert_eq!(board, Board { added: 6, heard: 6, facts: 6 });
        });
    }
    life(async { assert!(!house().await.runtime.panic_in("yard/tally/policies", 1), "it has none") });
}

fn wish(rate: u32, lasts: Duration) -> MonkeyWish {
    let (of, target) = (SURVIVED.to_vec(), "yard".to_owned());
    MonkeyWish { rate, lasts, seed: 42, of, target, covered: Arc::new(of_yard) }
}

/// The actions in the log, each with its target.
async fn audits(storage: &MemoryEngine) -> Vec<(String, String)> {
    let catalogue = Catalogue::of(&super::house::systems());
    let groups = storage.read(From::Group(1), usize::MAX).await.expect("groups");
    let records = groups.iter().flat_map(|group| decode_records(&group.payload, &catalogue).expect("records"));
    let audits = records.filter_map(|record| match record {
        Record::Note(Note::Audit { action, target, .. }) => Some((action, target)),
        Record::Facts(_)
        | Record::Answer(_)
        | Record::IntentOpened(_)
        | Record::IntentClosed { .. }
        | Record::Note(_) => None,
    });
    audits.collect()
}

#[test]
fn a_monkey_kills_at_its_rate_until_its_time_is_up_and_nothing_is_lost() {
    life(async {
        let storage = MemoryEngine::default();
        let house = House::start(Arc::new(storage.clone())).await;
        house.done(house.make::<Tally>(Add { n: 1 })).await;
        let began = house.clock.now();
        let monkey = house.runtime.unleash(wish(100, Duration::from_secs(2))).expect("loose");
        assert_eq!(house.runtime.unleash(wish(1, Duration::from_secs(1))).err(), Some(MonkeyError::One));
        for n in 2..=200 {
            house.done(house.tell::<Tally>(1, Add { n })).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        house.settled().await;
        let figures = monkey.figures();
        assert_eq!((figures.ended, figures.ran.as_millis()), (Some("time is up"), 2_000));
        assert!((house.clock.now() - began).as_secs() < 4);
        let killed: u64 = figures.killed.values().sum();
        assert!((100..=200).contains(&killed), "{figures:?}");
        let audits = audits(&storage).await;
        let named: usize =
            audits.iter().filter(|audit| audit.0 == "monkey kill").map(|audit| audit.1.split(' ').count()).sum();
        assert_eq!((named as u64, audits.last().map(|audit| &*audit.0)), (killed, Some("monkey ended: time is up")));
        let rounds = audits.iter().filter(|audit| audit.0 == "monkey kill").count() as u64;
        assert_eq!((rounds, house.version(Stream::new(Tally::KIND, 1))), (figures.rounds, 200));
        let board: Board = house.state(Board::KIND, 1).expect("a row");
        assert_eq!(board, Board { added: 20_100, heard: 20_100, facts: 400 });
        assert_eq!(house.journal.parked().expect("parked facts"), []);
    });
}

#[test]
fn a_monkey_stops_when_it_is_called_back_and_another_may_follow() {
    life(async {
        let house = house().await;
        let monkey = house.runtime.unleash(wish(100, Duration::from_secs(3_600))).expect("loose");
        tokio::time::sleep(Duration::from_secs(1)).await;
        tokio::time::timeout(Duration::from_secs(1), monkey.stop()).await.expect("it comes at once");
        let stopped = monkey.figures();
        assert_eq!((stopped.ended, stopped.ran.as_millis()), (Some("stopped"), 1_000));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(monkey.figures(), stopped, "nobody is killed any more");
        let next = house.runtime.unleash(wish(1, Duration::from_secs(1))).expect("loose");
        assert!(house.runtime.monkey().is_some_and(|newest: Arc<Monkey>| Arc::ptr_eq(&newest, &next)));
        house.runtime.stop().await;
    });
}

#[test]
fn a_monkey_has_bounds() {
    let second = Duration::from_secs(1);
    let fatal = |what| MonkeyWish { of: vec![What::Aggregates, what], ..wish(1, second) };
    for (wish, expected) in [
        (wish(0, second), Err(MonkeyError::Rate)),
        (wish(10_001, second), Err(MonkeyError::Rate)),
        (wish(10_000, 3_600 * second), Ok(())),
        (wish(1, Duration::ZERO), Err(MonkeyError::Lasts)),
        (wish(1, 3_601 * second), Err(MonkeyError::Lasts)),
        (fatal(What::Writer), Err(MonkeyError::Fatal("writer"))),
        (fatal(What::Applier), Err(MonkeyError::Fatal("applier"))),
        (fatal(What::Reader), Ok(())),
    ] {
        assert_eq!(wish.check(), expected, "{wish}");
    }
}

#[test]
fn a_monkey_kills_nobody_while_nothing_can_be_written_into_the_log() {
    life(async {
        let storage = MemoryEngine::default();
        let house = House::start(Arc::new(storage.clone())).await;
        house.done(house.make::<Tally>(Add { n: 1 })).await;
        house.settled().await;
        storage.fail_writes();
        let monkey = house.runtime.unleash(wish(100, Duration::from_secs(1))).expect("loose");
        house.settled().await;
        let figures = monkey.figures();
        assert!(figures.killed.is_empty() && figures.unwritten > 0 && figures.ended.is_some(), "{figures:?}");
    });
}
