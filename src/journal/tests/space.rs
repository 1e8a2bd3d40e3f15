//! A disk that is nearly full is told before it is hit, and heals by itself.

use super::super::Unwritable;
use super::faults::{Faults, Shared};
use super::*;

const FLOOR: u64 = 1_000_000;

async fn after_a_look(journal: &Journal) -> Result<(), Unwritable> {
    // On a paused clock.
    tokio::time::sleep(Duration::from_secs(2)).await;
    journal.writable()
}

#[tokio::test(start_paused = true)]
async fn appends_are_refused_below_the_floor_and_taken_again_above_it() {
    let engine = MemoryEngine::default();
    engine.set_free_bytes(FLOOR);
    let options = JournalOptions { recent_for: RECENT_FOR, free_bytes_min: FLOOR, tracer: Tracer::default() };
    let journal =
        Journal::open(Arc::new(engine.clone()), catalogue(), Clock::system(), options).await.expect("it opens");
    let mut instance = Incarnation::start(&journal, product(1)).await;
    instance.write(command(1), vec![saved(1, "one", 1)]).await.expect("released");
    assert_eq!(after_a_look(&journal).await, Ok(()));

    engine.set_free_bytes(FLOOR - 1);
    let refused = after_a_look(&journal).await.expect_err("below the floor").to_string();
    assert!(refused.contains("999999") && refused.contains("1000000"), "{refused}");
    assert!(journal.room().is_err());
    assert_eq!(journal.row(product(1)).expect("read").expect("reads go on").version, 1);

    engine.set_free_bytes(FLOOR);
    assert!(after_a_look(&journal).await.is_err(), "not at the very edge");
    engine.set_free_bytes(FLOOR + FLOOR / 20);
    assert_eq!(after_a_look(&journal).await, Ok(()));
    instance.write(command(2), vec![saved(1, "two", 2)]).await.expect("released");
}

#[tokio::test(start_paused = true)]
async fn space_does_not_heal_what_only_a_restart_heals() {
    let engine = MemoryEngine::default();
    engine.set_free_bytes(0);
    let options = JournalOptions { recent_for: RECENT_FOR, free_bytes_min: FLOOR, tracer: Tracer::default() };
    let journal =
        Journal::open(Arc::new(engine.clone()), catalogue(), Clock::system(), options).await.expect("it opens");
    assert!(after_a_look(&journal).await.is_err());
    engine.fail_writes();
    assert!(journal.core.is_refused(super::super::core::Refused::Space));
    journal.core.stop_writing("a sync failed");
    engine.set_free_bytes(u64::MAX);
    let refused = after_a_look(&journal).await.expect_err("broken").to_string();
    assert!(refused.contains("a sync failed"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_ends_writes_until_it_does() {
    let faults = Faults::on(Arc::new(MemoryEngine::default()));
    let journal = open_on(Arc::new(Shared(Arc::clone(&faults)))).await;
    let mut instance = Incarnation::start(&journal, product(1)).await;
    faults.apply_gate.forget_permits(usize::MAX);
    instance.write(command(1), vec![saved(1, "one", 1)]).await.expect("released: the log has it");
    assert_eq!(after_a_look(&journal).await, Ok(()), "it may take its time");
    tokio::time::sleep(Duration::from_secs(6)).await;
    let refused = journal.writable().expect_err("it has had its time").to_string();
    assert!(refused.contains("the store has not answered for 5s"), "{refused}");
    assert_eq!(journal.row(product(1)).expect("read").expect("reads go on").version, 1);

    faults.apply_gate.add_permits(100);
    journal.core.overlay.drained().await;
    assert_eq!(journal.writable(), Ok(()));
    instance.write(command(2), vec![saved(1, "two", 2)]).await.expect("released");
}
