//! When sled may be believed: never after a restart of the machine without a seal, never when it is damaged.

use std::fs;
use std::path::Path;

use super::super::Step;
use super::*;

/// Runs each in a directory of its own.
macro_rules! on_disk {
    ($($promise:ident)+) => {
        mod on_disk {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                super::super::within(super::$promise(tempfile::tempdir().expect("a directory"))).await;
            })+
        }
    };
}

on_disk! {
    a_store_is_believed_within_one_boot
    a_store_is_discarded_after_a_restart_of_the_machine_without_a_seal
    a_store_is_discarded_even_if_the_first_start_after_the_restart_came_to_nothing
    a_store_is_discarded_when_the_power_cut_took_the_lock_s_words
    a_damaged_store_is_made_again
    a_store_of_another_log_is_set_aside
    a_start_without_the_log_that_was_there_is_refused
    a_store_is_believed_after_a_restart_of_the_machine_with_a_clean_stop
    a_store_that_was_written_since_the_seal_is_discarded_after_a_restart_of_the_machine
}

/// A directory with one product, crashed or closed; what the journal told.
async fn used(dir: &TempDir, cleanly: bool) -> String {
    let engine: Arc<dyn Engine> = Arc::new(open_disk(dir.path()).await.expect("the directory opens").0);
    let journal = open_on(Arc::clone(&engine)).await;
    let mut instance = Incarnation::start(&journal, product(1)).await;
    instance.write(command(1), vec![saved(1, "one", 1)]).await.expect("released");
    let before = told(&journal, &[product(1)], &[1]);
    drop(instance);
    leave(dir.path(), journal, engine, cleanly).await;
    before
}

async fn reopened(dir: &TempDir) -> (Option<String>, String) {
    let (engine, opening) = open_disk(dir.path()).await.expect("the directory opens");
    let journal = open_on(Arc::new(engine)).await;
    (opening.store_discarded, told(&journal, &[product(1)], &[1]))
}

/// As a restart of the machine leaves it: held by a process of another boot.
fn restart_machine(dir: &Path) {
    let lock = dir.join("LOCK");
    let words = fs::read_to_string(&lock).expect("the lock is a file");
    let boot = |line| if str::starts_with(line, "boot ") { "boot 00000000-0000-0000-0000-000000000000" } else { line };
    fs::write(lock, words.lines().map(boot).collect::<Vec<_>>().join("\n")).expect("the lock is a file");
}

async fn a_store_is_believed_within_one_boot(dir: TempDir) {
    let before = used(&dir, false).await;
    assert_eq!(reopened(&dir).await, (None, before));
}

async fn a_store_is_discarded_after_a_restart_of_the_machine_without_a_seal(dir: TempDir) {
    let before = used(&dir, false).await;
    restart_machine(dir.path());
    let (discarded, after) = reopened(&dir).await;
    assert!(discarded.is_some());
    assert_eq!(after, before);
}

async fn a_store_is_discarded_even_if_the_first_start_after_the_restart_came_to_nothing(dir: TempDir) {
    let before = used(&dir, false).await;
    restart_machine(dir.path());
    let (log, away) = (dir.path().join("log"), dir.path().join("away"));
    fs::rename(&log, &away).expect("the log moves");
    fs::create_dir(&log).expect("a directory");
    fs::copy(away.join("synced"), log.join("synced")).expect("the note");
    open_disk(dir.path()).await.expect_err("a log that lost what was synced");
    fs::remove_dir_all(&log).expect("a directory");
    fs::rename(&away, &log).expect("the log is put back");
    let (discarded, after) = reopened(&dir).await;
    assert!(discarded.is_some(), "it has not become better since");
    assert_eq!(after, before);
}

async fn a_store_is_discarded_when_the_power_cut_took_the_lock_s_words(dir: TempDir) {
    let before = used(&dir, false).await;
    fs::write(dir.path().join("LOCK"), "").expect("the lock is a file");
    let (discarded, after) = reopened(&dir).await;
    assert!(discarded.is_some());
    assert_eq!(after, before);
}

async fn a_damaged_store_is_made_again(dir: TempDir) {
    let before = used(&dir, true).await;
    let db = dir.path().join("sled").join("db");
    let length = fs::metadata(&db).expect("sled's file").len();
    fs::write(&db, vec![0x5A; usize::try_from(length).expect("small")]).expect("sled's file");
    assert_eq!(reopened(&dir).await.1, before);
}

async fn a_start_without_the_log_that_was_there_is_refused(dir: TempDir) {
    used(&dir, false).await;
    for gone in ["log", "sled", "checkpoints"] {
        // Whether or not anything else is left that knows of groups.
        let _ = fs::remove_dir_all(dir.path().join(gone));
        let refused = open_disk(dir.path()).await.expect_err("nothing may begin anew here");
        assert!(refused.contains("has had a log") && refused.contains("restore"), "{refused}");
    }
}

async fn a_store_of_another_log_is_set_aside(dir: TempDir) {
    let other = tempfile::tempdir().expect("a directory");
    let before = used(&dir, true).await;
    used(&other, true).await;
    fs::remove_dir_all(dir.path().join("sled")).expect("a directory");
    fs::rename(other.path().join("sled"), dir.path().join("sled")).expect("a directory");
    let (discarded, after) = reopened(&dir).await;
    assert!(discarded.is_some());
    assert_eq!(after, before);
}

async fn a_store_is_believed_after_a_restart_of_the_machine_with_a_clean_stop(dir: TempDir) {
    let before = used(&dir, true).await;
    let (engine, _) = open_disk(dir.path()).await.expect("the directory opens");
    open_on(Arc::new(engine)).await.close().await;
    restart_machine(dir.path());
    assert_eq!(reopened(&dir).await, (None, before));
}

async fn a_store_that_was_written_since_the_seal_is_discarded_after_a_restart_of_the_machine(dir: TempDir) {
    let before = used(&dir, true).await;
    let engine: Arc<dyn Engine> = Arc::new(open_disk(dir.path()).await.expect("the directory opens").0);
    let journal = open_on(Arc::clone(&engine)).await;
    // Takes no group of the log, so the seal stays its newest.
    let follower = Arc::from("view");
    let incarnation = journal.begin_following(&follower);
    journal.advance(&follower, incarnation, Step { position: 1, ..Step::default() }).await;
    journal.core.overlay.drained().await;
    crash(journal, engine).await;
    drop(open_disk(dir.path()).await.expect("the directory opens"));
    restart_machine(dir.path());
    let (discarded, after) = reopened(&dir).await;
    assert!(discarded.is_some(), "the seal vouches for what the store was before");
    assert_eq!(after, before);
}

#[test]
fn a_client_s_text_is_never_taken_for_a_seal() {
    let mut seal = Vec::new();
    codec::encode_record(&Record::Note(super::super::Note::Seal), &mut seal);
    assert!(codec::ends_with_seal(&seal));
    let name = String::from_utf8(seal).expect("a seal happens to be text");
    let renamed = crate::systems::oa_rental::product::ProductRenamed { id: 1, name: Some(name) };
    let mut payload = Vec::new();
    let facts = Facts {
        stream: product(1),
        first_version: 1,
        public_before: 0,
        time_ms: 0,
        command: command(1),
        open: false,
        events: vec![Arc::new(ProductEvent::from(renamed))],
    };
    codec::encode_record(&Record::Facts(facts), &mut payload);
    assert!(!codec::ends_with_seal(&payload));
}
