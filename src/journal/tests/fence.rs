//! One writer a stream, whatever is killed: the fence, the barrier, the committer's succession.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::faults::{Faults, Shared};
use super::*;

on_both! {
    an_older_generation_is_refused
    a_wrong_expected_version_is_refused
    a_barrier_waits_for_pending_appends_and_tells_the_newest_row
    an_older_generation_is_refused_after_the_newer_one_has_left
    an_older_generation_is_refused_even_if_the_newer_one_has_left_without_a_word
    a_killed_committer_s_writers_are_refused_until_they_pass_the_barrier
    a_group_in_flight_outlives_its_committer
    kills_at_any_moment_lose_and_double_nothing
    a_panic_at_a_release_harms_nobody_else
}

async fn an_older_generation_is_refused(bed: Bed) {
    let journal = bed.open().await;
    let mut old = Incarnation::start(&journal, product(1)).await;
    old.write(command(1), vec![saved(1, "old", 1)]).await.expect("released");
    let mut new = Incarnation::start(&journal, product(1)).await;
    assert_eq!(new.version, 1);
    assert!(old.write(command(2), vec![saved(1, "late", 1)]).await.is_err());
    new.write(command(3), vec![saved(1, "new", 1)]).await.expect("released");
    assert!(journal.barrier(product(1), old.generation).await.is_none(), "an older barrier is refused too");
    assert_eq!(every_fact(&journal).await.len(), 2);
    assert!(journal.answer(2).expect("a look-up").is_none());
}

async fn a_wrong_expected_version_is_refused(bed: Bed) {
    let journal = bed.open().await;
    let mut instance = Incarnation::start(&journal, product(1)).await;
    instance.write(command(1), vec![saved(1, "one", 1)]).await.expect("released");
    for wrong in [0, 2] {
        let mut other =
            Incarnation { version: wrong, journal: journal.clone(), state: instance.state.clone(), ..instance };
        assert!(other.write(command(2), vec![saved(1, "wrong", 1)]).await.is_err(), "decided on version {wrong}");
    }
    instance.write(command(3), vec![saved(1, "two", 1)]).await.expect("released");
}

async fn a_barrier_waits_for_pending_appends_and_tells_the_newest_row(bed: Bed) {
    let faults = Faults::gated(bed.engine().await);
    let journal = open_on(Arc::new(Shared(Arc::clone(&faults)))).await;
    let mut old = Incarnation::start(&journal, product(1)).await;
    let first = old.write(command(1), vec![saved(1, "one", 1)]);
    faults.arrived.acquire().await.expect("open").forget();
    // The next group: one more fact, the barrier, and a fact that comes too late.
    let second = old.write(command(2), vec![saved(1, "two", 1)]);
    let passing = journal.clone();
    let generation = journal.next_generation();
    let barrier = passing.barrier(product(1), generation);
    tokio::pin!(barrier);
    assert!(futures_util::poll!(barrier.as_mut()).is_pending());
    let late = old.write(command(3), vec![saved(1, "late", 1)]);
    faults.gate.add_permits(1);
    first.await.expect("released");
    faults.arrived.acquire().await.expect("open").forget();
    assert!(futures_util::poll!(barrier.as_mut()).is_pending(), "it waits for what was pending");
    faults.gate.add_permits(1);
    assert_eq!(barrier.await.expect("passed").row.expect("a row").version, 2);
    second.await.expect("released");
    assert!(late.await.is_err());
}

async fn an_older_generation_is_refused_after_the_newer_one_has_left(bed: Bed) {
    let journal = bed.open().await;
    let mut old = Incarnation::start(&journal, product(1)).await;
    old.write(command(1), vec![saved(1, "one", 1)]).await.expect("released");
    let mut new = Incarnation::start(&journal, product(1)).await;
    new.write(command(2), vec![saved(1, "two", 1)]).await.expect("released");
    journal.forget(product(1), new.generation);
    // Killed without notice, and still in a synchronous handler all that time.
    assert!(old.write(command(3), vec![saved(1, "late", 1)]).await.is_err());
    let versions: Vec<u64> = every_fact(&journal).await.iter().map(|fact| fact.version).collect();
    assert_eq!(versions, [1, 2]);
}

async fn an_older_generation_is_refused_even_if_the_newer_one_has_left_without_a_word(bed: Bed) {
    let journal = bed.open().await;
    let mut old = Incarnation::start(&journal, product(1)).await;
    old.write(command(1), vec![saved(1, "one", 1)]).await.expect("released");
    let new = Incarnation::start(&journal, product(1)).await;
    journal.forget(product(1), new.generation);
    // It stands on the newest version still; but what it decides now was answered by its successor.
    assert!(old.write(command(2), vec![saved(1, "late", 1)]).await.is_err());
    let mut next = Incarnation::start(&journal, product(1)).await;
    next.write(command(3), vec![saved(1, "next", 1)]).await.expect("released");
}

async fn a_killed_committer_s_writers_are_refused_until_they_pass_the_barrier(bed: Bed) {
    let journal = bed.open().await;
    let mut instance = Incarnation::start(&journal, product(1)).await;
    instance.write(command(1), vec![saved(1, "one", 1)]).await.expect("released");
    journal.kill_committer();
    let mut next = Incarnation::start(&journal, product(1)).await;
    instance.version = next.version;
    assert!(instance.write(command(2), vec![saved(1, "old", 1)]).await.is_err());
    // The kill may come only now, and fences the next one too: it passes the barrier again.
    while next.write(command(3), vec![saved(1, "new", 1)]).await.is_err() {
        next = Incarnation::start(&journal, product(1)).await;
        if next.version == 2 {
            break;
        }
    }
    let late = Incarnation { journal: journal.clone(), state: next.state.clone(), version: 2, ..instance };
    assert!({ late }.write(command(4), vec![saved(1, "old", 1)]).await.is_err());
    let versions: Vec<u64> = every_fact(&journal).await.iter().map(|fact| fact.version).collect();
    assert_eq!(versions, [1, 2]);
}

async fn a_group_in_flight_outlives_its_committer(bed: Bed) {
    let journal = bed.open().await;
    for turn in 0..50_u64 {
        let mut instance = Incarnation::start(&journal, product(1)).await;
        let (seen, port) = (turn + 1, instance.write(command(u128::from(turn)), vec![saved(1, "one", 1)]));
        journal.kill_committer();
        let released = port.await.is_ok();
        let known = Incarnation::start(&journal, product(1)).await;
        let is_there = journal.answer(u128::from(turn)).expect("a look-up").is_some();
        assert!(is_there || !released, "command {seen} was released, so it is there");
        assert_eq!(known.version as usize, every_fact(&journal).await.len());
    }
}

async fn kills_at_any_moment_lose_and_double_nothing(bed: Bed) {
    const STREAMS: u64 = 8;
    const COMMANDS: u64 = 60;
    const KILLS: u64 = 120;
    let journal = open_on(Arc::new(Shared(Faults::on(bed.engine().await)))).await;
    let released: Arc<Mutex<HashMap<u128, u32>>> = Arc::default();
    let done = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for id in 1..=STREAMS {
        let (journal, released) = (journal.clone(), Arc::clone(&released));
        writers.spawn(async move {
            let mut instance = Incarnation::start(&journal, product(id)).await;
            let mut turn = 0;
            while turn < COMMANDS {
                // A few at once, as an actor that never waits for the disk.
                let ports: Vec<_> = (0..4)
                    .map(|step| {
                        let (port, heard) = oneshot::channel();
                        let (count, name) = (Arc::clone(&released), u128::from(id * 10_000 + turn + step));
                        instance.hand_over(command(name), vec![saved(id, "x", 1)], Vec::new(), false, move |_| {
                            *count.lock().entry(name).or_default() += 1;
                            let _ = port.send(());
                        });
                        heard
                    })
                    .collect();
                turn += 4;
                for port in ports {
                    if port.await.is_err() {
                        instance = Incarnation::start(&journal, product(id)).await;
                    }
                }
            }
        });
    }
    let killer = {
        let (journal, done) = (journal.clone(), Arc::clone(&done));
        let clock = Clock::manual(0, 42);
        async move {
            for _ in 0..KILLS {
                for _ in 0..clock.random() % 64 {
                    tokio::task::yield_now().await;
                }
                journal.kill_committer();
                if done.load(Ordering::SeqCst) {
                    return;
                }
            }
        }
    };
    let mut killers = JoinSet::new();
    killers.spawn(killer);
    while let Some(ended) = writers.join_next().await {
        ended.expect("a writer");
    }
    done.store(true, Ordering::SeqCst);
    killers.join_next().await.expect("a killer").expect("it ends");

    let facts = every_fact(&journal).await;
    let mut written: HashMap<u128, u32> = HashMap::new();
    for fact in &facts {
        *written.entry(fact.command).or_default() += 1;
    }
    assert!(written.values().all(|times| *times == 1), "nothing is written twice");
    let released = released.lock();
    assert!(released.values().all(|times| *times == 1), "nothing is released twice");
    assert!(released.keys().all(|name| written.contains_key(name)), "everything released is there");
    assert!(!released.is_empty());
    for id in 1..=STREAMS {
        let versions = facts.iter().filter(|fact| fact.stream.id == id).map(|fact| fact.version);
        let newest = journal.row(product(id)).expect("a look-up").map_or(0, |row| row.version);
        assert!(versions.eq(1..=newest), "versions of {id} are dense, and the row is the newest");
    }
    for name in written.keys() {
        assert!(journal.answer(*name).expect("a look-up").is_some(), "what is there has its outcome");
    }
}

async fn a_panic_at_a_release_harms_nobody_else(bed: Bed) {
    let journal = bed.open().await;
    let mut instance = Incarnation::start(&journal, product(1)).await;
    instance.hand_over(command(1), vec![saved(1, "one", 1)], Vec::new(), false, |_| panic!("a release that panics"));
    let mut next = Incarnation::start(&journal, product(1)).await;
    assert_eq!(next.version, 1, "it was durable all the same");
    next.write(command(2), vec![saved(1, "two", 1)]).await.expect("released");
    assert_eq!(every_fact(&journal).await.len(), 2);
}
