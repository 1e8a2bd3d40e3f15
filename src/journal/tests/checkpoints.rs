//! A lost store comes back from a checkpoint and the log's tail: the same as if it had never been lost.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::disk::checkpoint::{self, Head};
use super::super::disk::log::StoreId;
use super::super::engine::{Expiry, Tree};
use super::super::{Note, Position, Step};
use super::*;

on_both! {
    a_store_lost_after_a_checkpoint_tells_the_same
    a_checkpoint_beside_the_traffic_loses_nothing
    a_follower_goes_on_from_where_the_checkpoint_saw_it
    outcomes_nobody_asks_for_are_dropped_and_others_stay
    a_second_checkpoint_of_the_same_is_the_first
}

/// Crashes, loses the store, and opens again.
async fn without_its_store(bed: &Bed, journal: Journal, engine: Arc<dyn Engine>) -> Journal {
    crash(journal, engine).await;
    // Until the last thread has let go.
    drop(bed.engine().await);
    bed.lose_store();
    bed.open().await
}

async fn written(journal: &Journal, id: u64, commands: std::ops::Range<u128>) {
    let mut instance = Incarnation::start(journal, product(id)).await;
    for number in commands {
        instance.write(command(number), vec![saved(id, "one", 1)]).await.expect("released");
    }
}

async fn a_store_lost_after_a_checkpoint_tells_the_same(bed: Bed) {
    let engine = bed.engine().await;
    let journal = open_on(Arc::clone(&engine)).await;
    written(&journal, 1, 1..20).await;
    journal.core.overlay.drained().await;
    let checkpoint = journal.checkpoint().await.expect("written");
    assert!(checkpoint.group > 0 && checkpoint.bytes > 0);
    written(&journal, 1, 20..30).await;
    written(&journal, 2, 30..40).await;
    let streams = [product(1), product(2)];
    let commands: Vec<u128> = (1..40).collect();
    let before = told(&journal, &streams, &commands);
    let journal = without_its_store(&bed, journal, engine).await;
    assert_eq!(told(&journal, &streams, &commands), before);
    assert_eq!(journal.figures().engine.checkpoint, checkpoint);
}

async fn a_checkpoint_beside_the_traffic_loses_nothing(bed: Bed) {
    let engine = bed.engine().await;
    let journal = open_on(Arc::clone(&engine)).await;
    let mut writers = tokio::task::JoinSet::new();
    for id in 1..=4u64 {
        let journal = journal.clone();
        let first = u128::from(id) * 1_000;
        writers.spawn(async move { written(&journal, id, first..first + 100).await });
    }
    loop {
        journal.checkpoint().await.expect("written");
        match writers.try_join_next() {
            Some(ended) => ended.expect("a writer does not panic"),
            None if writers.is_empty() => break,
            None => tokio::task::yield_now().await,
        }
    }
    let streams: Vec<Stream> = (1..=4).map(product).collect();
    let commands: Vec<u128> = (1..=4).flat_map(|id| id * 1_000..id * 1_000 + 100).collect();
    let before = told(&journal, &streams, &commands);
    let journal = without_its_store(&bed, journal, engine).await;
    assert_eq!(told(&journal, &streams, &commands), before);
}

async fn a_follower_goes_on_from_where_the_checkpoint_saw_it(bed: Bed) {
    let engine = bed.engine().await;
    let journal = open_on(Arc::clone(&engine)).await;
    written(&journal, 1, 1..10).await;
    let follower: Arc<str> = Arc::from("a view");
    let incarnation = journal.begin_following(&follower);
    journal.advance(&follower, incarnation, Step { position: 5, ..Step::default() }).await;
    journal.core.overlay.drained().await;
    journal.checkpoint().await.expect("written");
    journal.advance(&follower, incarnation, Step { position: 9, ..Step::default() }).await;
    journal.core.overlay.drained().await;
    let journal = without_its_store(&bed, journal, engine).await;
    assert_eq!(journal.progress(&follower).expect("a position"), 5, "its rows since then are lost with the store");
}

#[tokio::test(start_paused = true)]
async fn a_position_that_has_not_reached_the_store_settles_nothing() {
    let bed = Bed::in_memory();
    let journal = bed.open().await;
    written(&journal, 1, 1..10).await;
    let follower: Arc<str> = Arc::from("shipping/policies");
    let incarnation = journal.begin_following(&follower);
    journal.advance(&follower, incarnation, Step { position: 5, ..Step::default() }).await;
    journal.core.overlay.drained().await;
    // It waits for company, and the clock stands still.
    journal.advance(&follower, incarnation, Step { position: 9, ..Step::default() }).await;
    assert_eq!(journal.progress(&follower).expect("a position"), 9);
    assert_eq!(journal.core.checkpoint().await.expect("written").settled, 5);
}

async fn outcomes_nobody_asks_for_are_dropped_and_others_stay(bed: Bed) {
    let engine = bed.engine().await;
    let journal = open_on(Arc::clone(&engine)).await;
    written(&journal, 1, 1..4).await;
    journal.core.overlay.drained().await;
    let second = journal.row(product(1)).expect("a row").expect("a row").position - 1;
    let all = Expiry { settled_before: second, before_ms: u64::MAX };
    engine.checkpoint(0, Expiry { before_ms: 1, ..all }).await.expect("written");
    let kept = |journal: &Journal| (1..4).filter(|id| journal.answer(*id).expect("read").is_some()).collect::<Vec<_>>();
    assert_eq!(kept(&journal), [1, 2, 3], "the time is not over");
    journal.note(Note::Released { follower: "moves the mark".to_owned(), position: 1 }).await.expect("written");
    journal.core.overlay.drained().await;
    engine.checkpoint(0, all).await.expect("written");
    assert_eq!(kept(&journal), [3], "a turn or an ask may still repeat it");
}

async fn a_second_checkpoint_of_the_same_is_the_first(bed: Bed) {
    let journal = bed.open().await;
    written(&journal, 1, 1..4).await;
    journal.core.overlay.drained().await;
    let first = journal.checkpoint().await.expect("written");
    assert_eq!(journal.checkpoint().await.expect("nothing to do"), first);
}

/// The commands of the second life; those of the first are old enough to be dropped by its checkpoint.
const SECOND: [u128; 4] = [11, 12, 13, 14];

/// A directory closed twice, so that it has two checkpoints; what its journal told.
async fn twice_closed(bed: &Bed) -> String {
    for round in 0..2u64 {
        let journal = bed.open().await;
        written(&journal, 1, u128::from(round) * 10 + 1..u128::from(round) * 10 + 5).await;
        journal.close().await;
    }
    told(&bed.open().await, &[product(1)], &SECOND)
}

fn files(bed: &Bed) -> Vec<PathBuf> {
    let Bed::Disk(dir) = bed else { panic!("only a disk has files") };
    let found = checkpoint::list(&dir.path().join("checkpoints")).expect("a list");
    found.into_iter().map(|checkpoint| checkpoint.path).collect()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).expect("a file");
    bytes[at] ^= 1;
    fs::write(path, bytes).expect("a file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_checkpoint_gives_way_to_the_older_one_and_both_to_the_log() {
    within(async {
        let bed = Bed::on_disk();
        let before = twice_closed(&bed).await;
        let [newest, older] = &files(&bed)[..] else { panic!("two are kept") };
        for (round, damaged) in [None, Some(newest), Some(older)].into_iter().enumerate() {
            if let Some(path) = damaged {
                let middle = fs::metadata(path).expect("a file").len() / 2;
                flip(path, usize::try_from(middle).expect("small"));
            }
            drop(bed.engine().await);
            bed.lose_store();
            let Bed::Disk(dir) = &bed else { panic!("it is on disk") };
            let (engine, opening) = open_disk(dir.path()).await.expect("the directory opens");
            let restored = opening.restored.map(|checkpoint| checkpoint.path);
            assert_eq!(restored.as_ref(), [Some(newest), Some(older), None][round], "round {round}");
            let journal = open_on(Arc::new(engine)).await;
            assert_eq!(told(&journal, &[product(1)], &SECOND), before);
        }
    })
    .await;
}

const HEAD: Head = Head { store: StoreId(7), shapes: 8, mark: 9, settled: 10 };

type Entries = Vec<(Tree, Vec<u8>, Vec<u8>)>;

fn written_file(dir: &Path, entries: &Entries) -> PathBuf {
    let show =
        |visit: &mut checkpoint::Visit<'_>| entries.iter().try_for_each(|(tree, key, value)| visit(*tree, key, value));
    checkpoint::write(dir, HEAD, show).expect("written").path
}

fn read_file(path: &Path) -> Result<Entries, checkpoint::CheckpointError> {
    let mut entries = Vec::new();
    checkpoint::read(path, &mut |tree, key, value| {
        entries.push((tree, key.to_vec(), value.to_vec()));
        Ok(())
    })?;
    Ok(entries)
}

proptest::proptest! {
    #[test]
    fn what_is_read_from_a_checkpoint_is_what_was_written(
        entries in proptest::collection::vec((0..5usize, proptest::collection::vec(0u8.., 0..40), 0..20_000usize), 0..40),
    ) {
        let dir = tempfile::tempdir().expect("a directory");
        let entries: Entries =
            entries.into_iter().map(|(tree, key, len)| (Tree::EXPORTED[tree], key, vec![7; len])).collect();
        let path = written_file(dir.path(), &entries);
        proptest::prop_assert_eq!(read_file(&path).expect("whole"), entries);
        proptest::prop_assert_eq!(checkpoint::list(dir.path()).expect("a list")[0].head, HEAD);
    }
}

#[test]
fn a_checkpoint_cut_or_flipped_anywhere_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let entries = vec![(Tree::Rows, b"a key".to_vec(), vec![1; 50]), (Tree::Ids, b"another".to_vec(), vec![2; 3])];
    let path = written_file(dir.path(), &entries);
    let whole = fs::read(&path).expect("a file");
    for at in 0..whole.len() {
        fs::write(&path, &whole[..at]).expect("a file");
        assert!(read_file(&path).is_err(), "cut at {at}");
        fs::write(&path, &whole).expect("a file");
        flip(&path, at);
        assert!(read_file(&path).is_err(), "flipped at {at}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_killed_while_it_fills_the_store_begins_afresh() {
    within(async {
        let bed = Bed::on_disk();
        let before = twice_closed(&bed).await;
        drop(bed.engine().await);
        bed.lose_store();
        let Bed::Disk(dir) = &bed else { panic!("it is on disk") };
        // As such a start leaves it: values, but no word whose they are.
        let half: Position = 1;
        let sled = sled::open(dir.path().join("sled")).expect("sled opens");
        sled.open_tree("followers").expect("a tree").insert("half", &half.to_le_bytes()).expect("taken");
        drop(sled);
        let (engine, opening) = open_disk(dir.path()).await.expect("the directory opens");
        assert!(opening.store_discarded.expect("a reason").contains("not finished") && opening.restored.is_some());
        let journal = open_on(Arc::new(engine)).await;
        assert_eq!(told(&journal, &[product(1)], &SECOND), before);
    })
    .await;
}
