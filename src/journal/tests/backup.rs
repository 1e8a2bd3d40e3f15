//! A backup taken beside a running journal, and what is restored from it.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::super::disk::backup::{BackupError, backup, restore};
use super::*;

/// A journal that still runs, and what it told before the backup began.
async fn backed_up(data: &TempDir, to: &Path) -> (Journal, String) {
    let journal = open_on(Arc::new(open_disk(data.path()).await.expect("the directory opens").0)).await;
    let mut instance = Incarnation::start(&journal, product(1)).await;
    for number in 1..200 {
        instance.write(command(number), vec![saved(1, "one", 1)]).await.expect("released");
    }
    journal.core.overlay.drained().await;
    journal.checkpoint().await.expect("written");
    let before = told(&journal, &[product(1)], &[1, 199]);
    let (mut ports, mut next) = (Vec::new(), 1_000);
    let done = backup(data.path(), to, &mut |_| {
        // Beside the copying.
        ports.push(instance.write(command(next), vec![saved(1, "later", 2)]));
        next += 1;
    })
    .expect("backed up");
    assert!(done.facts >= 199 && done.files >= 4);
    for port in ports {
        port.await.expect("released");
    }
    (journal, before)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_tells_what_was_durable_when_it_began() {
    within(async {
        let (data, to, other) = (dir(), dir(), dir());
        let (_running, before) = backed_up(&data, to.path()).await;
        let restored = other.path().join("data");
        restore(to.path(), &restored, &mut |_| {}).expect("restored");
        let (engine, opening) = open_disk(&restored).await.expect("it opens");
        assert!(opening.restored.is_some(), "from the checkpoint in it");
        let journal = open_on(Arc::new(engine)).await;
        let answers = |told: &str| told.lines().filter(|line| line.starts_with("command")).map(str::to_owned).collect();
        let (now, before): (Vec<String>, Vec<String>) =
            (answers(&told(&journal, &[product(1)], &[1, 199])), answers(&before));
        assert_eq!(now, before);
        let facts = every_fact(&journal).await.len();
        let row = journal.row(product(1)).expect("read").expect("a row");
        assert_eq!(row.version, facts as u64);
        assert!(facts >= 199);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_backup_is_refused_with_the_file() {
    within(async {
        let (data, to) = (dir(), dir());
        drop(backed_up(&data, to.path()).await);
        let manifest = fs::read_to_string(to.path().join("MANIFEST")).expect("a manifest");
        let names = manifest.lines().filter_map(|line| line.splitn(3, ' ').nth(2)).chain(["MANIFEST"]);
        for name in names {
            let path = to.path().join(name);
            let whole = fs::read(&path).expect("a file");
            let mut flipped = whole.clone();
            flipped[whole.len() / 2] ^= 1;
            fs::write(&path, flipped).expect("a file");
            let other = dir();
            let refused = restore(to.path(), other.path(), &mut |_| {}).expect_err("damaged").to_string();
            assert!(refused.contains(name), "{refused}");
            fs::write(&path, whole).expect("a file");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_backup_nor_restore_touches_what_is_there() {
    within(async {
        let (data, to) = (dir(), dir());
        drop(backed_up(&data, to.path()).await);
        let refused = backup(data.path(), to.path(), &mut |_| {}).expect_err("a backup is there");
        assert!(matches!(refused, BackupError::NotEmpty(_)), "{refused}");
        let refused = restore(to.path(), data.path(), &mut |_| {}).expect_err("a journal is there");
        assert!(matches!(refused, BackupError::NotEmpty(_)), "{refused}");
        let refused = backup(dir().path(), dir().path(), &mut |_| {}).expect_err("nothing to back up");
        assert!(matches!(refused, BackupError::NoJournal(_)), "{refused}");
    })
    .await;
}

fn dir() -> TempDir {
    tempfile::tempdir().expect("a directory")
}
