//! Whatever goes wrong at whatever step, clients who ask again are answered, and everything has happened once.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::super::admission::Call;
use super::super::directory::LiveLimits;
use super::super::envelope::Reply;
use super::house::{House, keyed, life, life_on_disk};
use super::shop::{Order, Payment, PlaceOrder};
use super::yard::{Add, Added, Board, Echo, Tally, TallyEvent};
use crate::domain::{Aggregate, Stream, View};
use crate::fault_points::{self, FaultPoint, was_reached};
use crate::journal::Engine;
use crate::journal::memory_engine::MemoryEngine;

/// What is done to whoever comes to a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Panic,
    Error,
    Delay,
    Kill,
    Abort,
}

const DEEDS: [Deed; 5] = [Deed::Panic, Deed::Error, Deed::Delay, Deed::Kill, Deed::Abort];

/// Who comes to a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Instance,
    Committer,
    Follower,
    /// A task that only dies with the process.
    Asker,
    /// The stop itself, which is the process.
    Stop,
}

/// Every point, and who comes there.
const POINTS: [(FaultPoint, Who); 27] = {
    use FaultPoint as P;
    [
        (P::CommandTaken, Who::Instance),
        (P::CommandHandedOver, Who::Instance),
        (P::RecoveryBegun, Who::Instance),
        (P::Recovered, Who::Instance),
        (P::Leaving, Who::Instance),
        (P::Left, Who::Instance),
        (P::GroupGathered, Who::Committer),
        (P::GroupWritten, Who::Committer),
        (P::GroupVisible, Who::Committer),
        (P::AskBegun, Who::Asker),
        (P::AskAnswered, Who::Asker),
        (P::AskAcknowledged, Who::Asker),
        (P::PolicyTakenIn, Who::Follower),
        (P::PolicyReacted, Who::Follower),
        (P::PolicyCommanded, Who::Follower),
        (P::PolicySaved, Who::Follower),
        (P::ViewRead, Who::Follower),
        (P::ViewApplied, Who::Follower),
        (P::ViewSaved, Who::Follower),
        (P::StopBegun, Who::Stop),
        (P::AsksStopped, Who::Stop),
        (P::TreeStopped, Who::Stop),
        (P::Flushed, Who::Stop),
        (P::Drained, Who::Stop),
        (P::Settled, Who::Stop),
        (P::Sealed, Who::Stop),
        (P::Checkpointed, Who::Stop),
    ]
};

/// How a life of the process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Stopped,
    /// Killed, or broken so that only a new one helps.
    Broken,
}

/// What a client with patience wants: every step again with its key until it is done.
async fn insist(house: &House, call: Call) -> Result<u64, End> {
    for _ in 0..200 {
        if house.journal.writable().is_err() {
            return Err(End::Broken);
        }
        let fresh = Call { deadline: house.tell::<Tally>(1, Add { n: 0 }).deadline, ..call.clone() };
        if let Ok((stream, Reply::Done(_))) = house.send(fresh).await {
            return Ok(stream.id);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("a client asked 200 times and was not answered");
}

/// Makes two tallies with their echoes and an order with its payment, with hardly room to live, then stops in order.
async fn lived(house: Arc<House>) -> Result<End, End> {
    let first = insist(&house, keyed(house.make::<Tally>(Add { n: 5 }), "first", 1)).await?;
    insist(&house, keyed(house.make::<Order>(PlaceOrder { amount: 10 }), "order", 1)).await?;
    insist(&house, keyed(house.make::<Tally>(Add { n: 1 }), "second", 1)).await?;
    insist(&house, keyed(house.tell::<Tally>(first, Add { n: 2 }), "more", 1)).await?;
    // A stream that was set aside is tried again after a minute.
    for _ in 0..300 {
        house.settled().await;
        if house.journal.parked().expect("the journal can be read").is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    house.runtime.stop().await;
    house.journal.clone().close().await;
    Ok(End::Stopped)
}

fn strike(house: &House, who: Who) {
    match who {
        Who::Instance => drop(house.runtime.kill(|_| true, usize::MAX, 0)),
        Who::Committer => house.journal.kill_committer(),
        Who::Follower => assert!(house.runtime.kill_followers() > 0),
        Who::Asker | Who::Stop => unreachable!("only the process can be killed there"),
    }
}

async fn one_life(engine: Arc<dyn Engine>, who: Who, deed: Deed) -> End {
    let live = LiveLimits { live_max: 3, ..LiveLimits::default() };
    let house = Arc::new(House::start_with(engine, live).await);
    let mut living = JoinSet::new();
    living.spawn(lived(Arc::clone(&house)));
    let mut is_due = !was_reached() && matches!(deed, Deed::Kill | Deed::Abort);
    loop {
        tokio::select! {
            biased;
            Some(ended) = living.join_next() => return match ended {
                Ok(Ok(end) | Err(end)) => end,
                // The stop itself was told to panic.
                Err(panicked) if who == Who::Stop && deed == Deed::Panic && was_reached() => {
                    assert!(panicked.is_panic());
                    End::Broken
                }
                Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
            },
            () = tokio::time::sleep(Duration::from_millis(1)), if is_due => {
                if was_reached() {
                    is_due = false;
                    if deed == Deed::Abort {
                        living.shutdown().await;
                        house.journal.ends_with_its_process().await;
                        return End::Broken;
                    }
                    strike(&house, who);
                }
            }
        }
    }
}

fn check(point: FaultPoint, who: Who, deed: Deed) {
    let engine: Arc<dyn Engine> = Arc::new(MemoryEngine::default());
    order(point, deed);
    let mut lives = (0..4).map(|_| life(one_life(Arc::clone(&engine), who, deed)));
    assert!(lives.any(|end| end == End::Stopped), "{deed:?} at {point:?}: it never comes to an end");
    assert!(was_reached(), "{deed:?} at {point:?}: nobody came there");
    life(check_all(engine, &format!("{deed:?} at {point:?}")));
}

fn check_aborted_on_disk(point: FaultPoint, who: Who) {
    let dir = tempfile::tempdir().expect("a directory");
    order(point, Deed::Abort);
    let mut lives = (0..3).map(|_| life_on_disk(dir.path(), async |engine| one_life(engine, who, Deed::Abort).await));
    assert!(lives.any(|end| end == End::Stopped), "{point:?}: it never comes to an end");
    assert!(was_reached(), "{point:?}: nobody came there");
    life_on_disk(dir.path(), async |engine| check_all(engine, &format!("an abort at {point:?}")).await);
}

fn order(point: FaultPoint, deed: Deed) {
    let ordered = match deed {
        Deed::Panic => fault_points::Deed::Panic,
        Deed::Error => fault_points::Deed::Error,
        Deed::Delay => fault_points::Deed::Delay,
        Deed::Kill | Deed::Abort => fault_points::Deed::Hang,
    };
    fault_points::order(point, ordered);
}

/// Everything happened once, and every client is told so again.
async fn check_all(engine: Arc<dyn Engine>, what: &str) {
    let house = House::start(engine).await;
    house.settled().await;
    let facts = house.facts().await;
    let added = facts.iter().filter_map(|fact| fact.of()).map(|TallyEvent::Added(Added { n })| *n);
    assert_eq!(added.collect::<Vec<_>>(), [5, 1, 2], "{what}");
    for (id, sum, numbers) in [(1, 7, 2), (2, 1, 1)] {
        let board: Board = house.state(Board::KIND, id).expect("a row");
        assert_eq!(board, Board { added: sum, heard: sum, facts: 2 * numbers }, "{what}");
        assert_eq!(house.version(Stream::new(Echo::KIND, id)), numbers, "{what}");
    }
    let (mut ordered, mut id) = (0, 0);
    loop {
        id += 1;
        let (order, payment) = (Stream::new(Order::KIND, id), Stream::new(Payment::KIND, id));
        let (order, payment) = (house.story(order).await, house.story(payment).await);
        match order.last().map(String::as_str) {
            None => break,
            Some("Ordered") => {
                ordered += 1;
                assert_eq!(payment, ["PaymentHeld", "Paid"], "{what}");
            }
            Some("OrderWithdrawn") => {
                assert!(payment.last().is_none_or(|last| last == "PaymentVoided"), "{what}: {payment:?}");
            }
            Some(other) => panic!("{what}: an order ends with {other}"),
        }
    }
    assert_eq!((ordered, house.open_intents()), (1, 0), "{what}");
    assert!(house.journal.parked().expect("the journal can be read").is_empty(), "{what}");
    let (_, again) = house.done(keyed(house.make::<Tally>(Add { n: 5 }), "first", 1)).await;
    assert!(again.replayed, "{what}");
}

fn check_all_of(among: &[Who]) {
    for (point, who) in POINTS {
        for deed in DEEDS {
            let is_possible = deed != Deed::Kill || !matches!(who, Who::Asker | Who::Stop);
            if is_possible && among.contains(&who) {
                check(point, who, deed);
            }
        }
    }
}

#[test]
fn whatever_befalls_an_aggregate_at_any_step_everything_happens_once() {
    check_all_of(&[Who::Instance]);
}

#[test]
fn whatever_befalls_the_committer_at_any_step_everything_happens_once() {
    check_all_of(&[Who::Committer]);
}

#[test]
fn whatever_befalls_an_ask_at_any_step_everything_happens_once() {
    check_all_of(&[Who::Asker]);
}

#[test]
fn whatever_befalls_policies_and_views_at_any_step_everything_happens_once() {
    check_all_of(&[Who::Follower]);
}

#[test]
fn whatever_befalls_a_stop_at_any_step_everything_happens_once() {
    check_all_of(&[Who::Stop]);
}

#[test]
fn a_process_that_is_aborted_at_any_step_has_left_everything_on_its_disk() {
    for (point, who) in POINTS {
        check_aborted_on_disk(point, who);
    }
}

#[test]
fn no_point_is_left_out() {
    let points: HashSet<_> = POINTS.iter().map(|(point, _)| *point).collect();
    assert_eq!(points.len(), FaultPoint::Checkpointed as usize + 1, "the last of them is the last of all");
}
