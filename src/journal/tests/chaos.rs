//! What chaos does to the storage: a thread that ends, a disk that stalls or fails, and what a restart finds.

use super::super::disk_faults::{DiskFault, DiskFaultError};
use super::super::engine::{EngineError, Lane};
use super::super::{Note, Parked, Unwritable};
use super::*;
use crate::fault_points::{self, Deed, FaultPoint};

const MINUTE: Duration = Duration::from_secs(60);

fn parked(position: u64) -> Note {
    let (follower, stream, cause) = ("shipping".to_owned(), product(1).to_string(), "panic".to_owned());
    Note::Parked(Parked { follower, stream, position, cause, time_ms: 1_000 })
}

fn positions(journal: &Journal) -> Vec<u64> {
    journal.parked().expect("parked facts").iter().map(|item| item.position).collect()
}

on_both! {
    a_fact_that_was_given_up_is_known_as_such_after_a_crash_and_without_the_store
    a_write_that_fails_is_not_there_after_a_restart_and_one_whose_sync_fails_may_be
}

async fn a_fact_that_was_given_up_is_known_as_such_after_a_crash_and_without_the_store(bed: Bed) {
    let engine = bed.engine().await;
    let journal = open_on(Arc::clone(&engine)).await;
    for position in [1, 2] {
        journal.note(parked(position)).await.expect("written");
    }
    let skipped = Note::Skipped { follower: "shipping".to_owned(), position: 1, reason: "obsolete".to_owned() };
    journal.note(skipped).await.expect("written");
    let known = |journal: &Journal| {
        let aside = journal.set_aside("shipping").expect("facts set aside");
        assert!(aside.parked.iter().map(|item| item.position).eq(positions(journal)));
        let other = journal.set_aside("other").expect("facts set aside");
        (positions(journal), aside.skipped.into_iter().collect::<Vec<_>>(), other.skipped.len())
    };
    assert_eq!(known(&journal), (vec![2], vec![1], 0));
    crash(journal, engine).await;
    let engine = bed.engine().await;
    let journal = open_on(Arc::clone(&engine)).await;
    assert_eq!(known(&journal), (vec![2], vec![1], 0));
    crash(journal, engine).await;
    drop(bed.engine().await);
    bed.lose_store();
    assert_eq!(known(&bed.open().await), (vec![2], vec![1], 0));
}

async fn a_write_that_fails_is_not_there_after_a_restart_and_one_whose_sync_fails_may_be(bed: Bed) {
    for (fault, position, found) in [(DiskFault::FailWrite, 2, vec![1]), (DiskFault::FailSync, 3, vec![1, 3])] {
        let engine = bed.engine().await;
        let journal = open_on(Arc::clone(&engine)).await;
        journal.note(parked(1)).await.expect("written");
        journal.disturb_disk(fault, MINUTE).expect("sound");
        assert_eq!(journal.note(parked(position)).await, None, "its outcome is unknown");
        let mut read_only = journal.read_only();
        read_only.wait_for(Option::is_some).await.expect("the journal lives");
        let refused = journal.writable();
        assert!(
            matches!(&refused, Err(Unwritable::ReadOnly(why)) if why.contains("Input/output error")),
            "{refused:?}"
        );
        assert_eq!(journal.disk_fault(), None, "it fails once");
        assert!(journal.mend_disk().is_none() && journal.writable().is_err(), "and for good");
        assert_eq!(positions(&journal), [1], "nobody is shown what nobody was told");
        crash(journal, engine).await;
        let engine = bed.engine().await;
        let journal = open_on(Arc::clone(&engine)).await;
        assert_eq!(positions(&journal), found, "{fault:?}");
        journal.note(parked(1)).await.expect("a restart heals");
        crash(journal, engine).await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_write_takes_longer_until_the_time_is_over_or_the_disk_is_mended() {
    let journal = open_on(Arc::new(MemoryEngine::default())).await;
    let clock = Clock::system();
    let took = async |position| {
        let began = clock.now();
        journal.note(parked(position)).await.expect("written");
        (clock.now() - began).as_millis()
    };
    assert_eq!(took(1).await, 0);
    let stall = DiskFault::Stall(Duration::from_millis(200));
    journal.disturb_disk(stall, Duration::from_millis(300)).expect("sound");
    assert_eq!((took(2).await, took(3).await), (200, 200));
    assert_eq!((took(4).await, journal.disk_fault()), (0, None), "over by itself");
    journal.disturb_disk(stall, MINUTE).expect("sound");
    assert_eq!(took(5).await, 200);
    assert_eq!(journal.mend_disk().map(|was| was.writes), Some(1));
    assert_eq!(took(6).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_committer_killed_while_the_disk_stalls_leaves_nothing_half_done() {
    let journal = open_on(Arc::new(MemoryEngine::default())).await;
    journal.disturb_disk(DiskFault::Stall(Duration::from_secs(1)), MINUTE).expect("sound");
    let note = journal.note(parked(1));
    tokio::pin!(note);
    assert!(tokio::time::timeout(Duration::from_millis(500), &mut note).await.is_err());
    journal.kill_committer();
    assert_eq!(note.await, None, "what was not written is nobody's");
    assert!(positions(&journal).is_empty());
    assert!(journal.note(parked(2)).await.is_some());
    assert_eq!(positions(&journal), [2]);
}

#[test]
fn a_fault_of_the_disk_has_bounds() {
    let stall = |ms| DiskFault::Stall(Duration::from_millis(ms));
    for (fault, lasts, expected) in [
        (stall(0), MINUTE, Err(DiskFaultError::Stall)),
        (stall(10_001), MINUTE, Err(DiskFaultError::Stall)),
        (stall(10_000), MINUTE, Ok(())),
        (stall(1), Duration::ZERO, Err(DiskFaultError::Lasts)),
        (DiskFault::FailSync, 61 * MINUTE, Err(DiskFaultError::Lasts)),
        (DiskFault::FailWrite, 60 * MINUTE, Ok(())),
    ] {
        assert_eq!(fault.check(lasts), expected, "{fault:?} {lasts:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_ends_has_a_successor_and_no_read_fails() {
    let bed = Bed::on_disk();
    let engine = bed.engine().await;
    let journal = open_on(Arc::clone(&engine)).await;
    journal.note(parked(1)).await.expect("written");
    for _ in 0..50 {
        assert!(engine.end_lane(Lane::Reader));
        for _ in 0..4 {
            assert_eq!(engine.read(From::Group(1), 1_024).await.expect("groups").len(), 1);
        }
    }
    crash(journal, engine).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_or_applier_that_ends_is_missed() {
    for lane in [Lane::Writer, Lane::Applier] {
        let dir = tempfile::tempdir().expect("a directory");
        let (engine, _) = open_disk(dir.path()).await.expect("opens");
        engine.beat().await.expect("all live");
        assert!(engine.has_lane(lane) && engine.end_lane(lane));
        let missed = within_reason(async || match engine.beat().await {
            Err(EngineError::LaneGone(missed)) => Some(missed),
            Ok(()) | Err(_) => None,
        });
        assert_eq!(missed.await, lane.name());
    }
}

async fn within_reason<T>(look: impl AsyncFn() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(STUCK_AFTER, found).await.expect("nothing waits for ever")
}

#[tokio::test(start_paused = true)]
async fn a_committer_that_fails_three_times_in_half_a_minute_gives_up_and_a_slower_one_never_does() {
    for (apart_s, gives_up) in [(14, true), (16, false)] {
        let journal = Bed::in_memory().open().await;
        for failure in 1..=3 {
            journal.note(parked(failure)).await.expect("written");
            fault_points::order(FaultPoint::GroupGathered, Deed::Panic);
            assert_eq!(journal.note(parked(100 + failure)).await, None, "its outcome is unknown");
            assert!(fault_points::was_reached());
            tokio::time::advance(Duration::from_secs(apart_s)).await;
        }
        let ended = tokio::time::timeout(Duration::ZERO, journal.ended()).await;
        assert_eq!(ended.is_ok(), gives_up, "{apart_s} s apart");
        let why = "the committer failed three times in 30 s";
        let refused = matches!(journal.writable(), Err(Unwritable::ReadOnly(told)) if told.contains(why));
        assert_eq!(refused, gives_up, "{apart_s} s apart");
        assert_eq!(journal.note(parked(4)).await.is_none(), gives_up, "{apart_s} s apart");
        assert_eq!(positions(&journal)[..3], [1, 2, 3], "what is written can be read");
    }
}
