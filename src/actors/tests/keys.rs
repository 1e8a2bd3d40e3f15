//! A key is one command: whoever resends it gets its first run's answer.

use std::sync::Arc;
use std::time::Duration;

use super::super::chaos::Point;
use super::super::envelope::Reply;
use super::gate::{GatedEngine, Moment};
use super::house::{House, done, keyed, life, refused};
use super::yard::{Add, Tally};
use crate::domain::{Aggregate, Stream};
use crate::journal::memory_engine::MemoryEngine;
use crate::resilience::{CallError, Deadline, Reason};

async fn house() -> House {
    House::start(Arc::new(MemoryEngine::default())).await
}

#[test]
fn creations_of_one_key_at_once_make_one_aggregate() {
    life(async {
        let house = house().await;
        let calls: Vec<_> = (0..20).map(|_| house.begin(keyed(house.make::<Tally>(Add { n: 1 }), "one", 7))).collect();
        let mut fresh = 0;
        for call in calls {
            let (id, answer) = done(call.outcome().await);
            assert_eq!(id, 1);
            assert_eq!(answer.row.map(|row| row.version), Some(1));
            fresh += u32::from(!answer.replayed);
        }
        assert_eq!(fresh, 1);
        assert_eq!(house.story(Stream::new(Tally::KIND, 1)).await, ["Added"]);
    });
}

#[test]
fn a_key_used_for_another_request_is_refused() {
    life(async {
        let house = house().await;
        house.done(keyed(house.make::<Tally>(Add { n: 1 }), "one", 7)).await;
        let other = house.send(keyed(house.make::<Tally>(Add { n: 2 }), "one", 8)).await;
        assert!(matches!(other, Ok((_, Reply::KeyReused))), "{other:?}");
        assert_eq!(house.done(house.make::<Tally>(Add { n: 3 })).await.0, 2, "no id is handed out twice");
    });
}

#[test]
fn requests_of_one_key_that_race_leave_the_winners_id_alone() {
    life(async {
        let house = house().await;
        let held = house.runtime.hold(Stream::new(Tally::KIND, 1), Point::Decide);
        let calls = [
            house.begin(keyed(house.make::<Tally>(Add { n: 1 }), "one", 7)),
            house.begin(keyed(house.make::<Tally>(Add { n: 2 }), "one", 8)),
        ];
        held.reached().await;
        house.done_waiting().await;
        drop(held);
        let mut reused = 0;
        for call in calls {
            match call.outcome().await {
                Ok((_, Reply::KeyReused)) => reused += 1,
                other => assert_eq!(done(other).0, 1),
            }
        }
        assert_eq!(reused, 1);
        assert_eq!(house.done(house.make::<Tally>(Add { n: 3 })).await.0, 2);
        assert_eq!(house.story(Stream::new(Tally::KIND, 1)).await, ["Added"]);
    });
}

#[test]
fn a_key_survives_a_crash_and_the_loss_of_the_store() {
    let storage = MemoryEngine::default();
    let create = async |replayed| {
        let house = House::start(Arc::new(storage.clone())).await;
        let (id, answer) = house.done(keyed(house.make::<Tally>(Add { n: 1 }), "one", 7)).await;
        assert_eq!((id, answer.replayed), (1, replayed));
        assert_eq!(answer.row.map(|row| row.version), Some(1));
        let other = house.send(keyed(house.make::<Tally>(Add { n: 1 }), "one", 8)).await;
        assert!(matches!(other, Ok((_, Reply::KeyReused))), "{other:?}");
        house.done(house.tell::<Tally>(1, Add { n: 2 })).await;
        house.settled().await;
    };
    life(create(false));
    life(create(true));
    storage.lose_store();
    life(create(true));
}

#[test]
fn a_refused_creation_gives_its_id_back() {
    life(async {
        let house = house().await;
        assert_eq!(refused(house.send(house.make::<Tally>(Add { n: 0 })).await), "nothing-to-add");
        let nothing = || keyed(house.make::<Tally>(Add { n: 0 }), "nothing", 7);
        for _ in 0..2 {
            assert_eq!(refused(house.send(nothing()).await), "nothing-to-add");
        }
        assert_eq!(house.done(house.make::<Tally>(Add { n: 1 })).await.0, 1);
        assert_eq!(refused(house.send(nothing()).await), "nothing-to-add");
        assert_eq!(house.done(house.make::<Tally>(Add { n: 1 })).await.0, 2);
    });
}

#[test]
fn a_key_that_was_not_executed_is_free() {
    life(async {
        let house = house().await;
        let services = house.runtime.services();
        assert!(services.set("yard", "tally", false));
        let outcome = house.send(keyed(house.make::<Tally>(Add { n: 1 }), "one", 7)).await;
        let stopped = matches!(outcome, Err(CallError::NotExecuted(why)) if why.reason == Reason::ServiceStopped);
        assert!(stopped, "{outcome:?}");
        assert!(services.set("yard", "tally", true));
        let (id, answer) = house.done(keyed(house.make::<Tally>(Add { n: 2 }), "one", 8)).await;
        assert_eq!((id, answer.replayed), (1, false));
    });
}

#[test]
fn a_creation_whose_client_went_away_keeps_its_key() {
    life(async {
        let house = house().await;
        let held = house.runtime.hold(Stream::new(Tally::KIND, 1), Point::Decide);
        let call = house.begin(keyed(house.make::<Tally>(Add { n: 1 }), "one", 7));
        held.reached().await;
        drop(call);
        house.done_waiting().await;
        drop(held);
        let (id, answer) = house.done(keyed(house.make::<Tally>(Add { n: 1 }), "one", 7)).await;
        assert_eq!(id, 1);
        assert_eq!(answer.row.map(|row| row.version), Some(1));
        assert_eq!(house.done(house.make::<Tally>(Add { n: 3 })).await.0, 2);
    });
}

#[test]
fn a_creation_killed_past_its_deadline_does_not_give_its_id_back() {
    life(async {
        let (engine, gate) = GatedEngine::before(Arc::new(MemoryEngine::default()));
        let house = House::start(engine).await;
        let tally = Stream::new(Tally::KIND, 1);
        gate.hold(Moment::Unsynced);
        let first = house.begin(house.make::<Tally>(Add { n: 1 }));
        gate.reached().await;
        // The next incarnation waits at the barrier until nobody waits for it any more.
        assert_eq!(house.runtime.kill(|stream| stream == tally, 1, 0), [tally]);
        let outcome = first.outcome().await;
        assert!(matches!(outcome, Err(CallError::Unknown(_))), "what was handed over may happen: {outcome:?}");
        gate.open();
        house.settled().await;
        assert_eq!(house.done(house.make::<Tally>(Add { n: 2 })).await.0, 2);
        assert_eq!(house.story(tally).await, ["Added"]);
    });
}

// Case 98.
#[test]
fn a_key_resent_while_its_first_run_is_still_being_written_makes_nothing_new() {
    life(async {
        let (engine, gate) = GatedEngine::before(Arc::new(MemoryEngine::default()));
        let house = House::start(engine).await;
        let create = || keyed(house.make::<Tally>(Add { n: 1 }), "one", 7);
        gate.hold(Moment::Unsynced);
        let outcome = house.send(create()).await;
        assert!(matches!(outcome, Err(CallError::Unknown(_))), "{outcome:?}");
        let resent = house.begin(create());
        house.done_waiting().await;
        gate.open();
        assert_eq!(done(resent.outcome().await).0, 1);
        assert_eq!(house.done(house.make::<Tally>(Add { n: 2 })).await.0, 2);
        assert_eq!(house.story(Stream::new(Tally::KIND, 1)).await, ["Added"]);
        assert_eq!(house.version(Stream::new(Tally::KIND, 2)), 1);
    });
}

#[test]
fn a_resend_that_is_turned_away_does_not_free_a_key_whose_first_run_may_still_happen() {
    life(async {
        let (engine, gate) = GatedEngine::before(Arc::new(MemoryEngine::default()));
        let house = House::start(engine).await;
        let create = || keyed(house.make::<Tally>(Add { n: 1 }), "one", 7);
        gate.hold(Moment::Unsynced);
        let outcome = house.send(create()).await;
        assert!(matches!(outcome, Err(CallError::Unknown(_))), "{outcome:?}");
        let mut late = create();
        late.deadline = Deadline::after(&house.clock, Duration::ZERO);
        let outcome = house.send(late).await;
        assert!(matches!(outcome, Err(CallError::NotExecuted(_))), "{outcome:?}");
        let resent = house.begin(create());
        house.done_waiting().await;
        gate.open();
        assert_eq!(done(resent.outcome().await).0, 1);
        assert_eq!(house.done(house.make::<Tally>(Add { n: 2 })).await.0, 2);
        assert_eq!(house.facts().await.iter().filter(|fact| fact.stream.kind == Tally::KIND).count(), 2);
    });
}
