//! A disk that fails or is full: nothing that was answered is lost, and nobody is told otherwise meanwhile.
//!
//! `strace` answers for the kernel; it must be there and allowed to trace.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::ExitStatus;
use std::thread;

use tempfile::TempDir;

use crate::campaign::audit::{Faults, audit};
use crate::campaign::disk::Mount;
use crate::campaign::ledger::{Table, Writer};
use crate::campaign::{Dice, Doors, alone, seed};
use crate::client::Request;
use crate::support::{Server, eventually};

const WRITERS: u64 = 4;
/// Small segments: each error falls on a different kind of write or sync.
const SETTINGS: [&str; 4] = ["--set", "journal.segment_bytes=1048576", "--set", "edge.deadline_ms=1000"];
/// What ends a process that cannot go on: its own exit codes.
const OWN_CODES: [Option<i32>; 3] = [Some(70), Some(71), Some(72)];
/// Far more than is written between two looks at the free space.
const FLOOR_BYTES: u64 = 128 * 1024 * 1024;
const SMALL_BYTES: u64 = 64 * 1024 * 1024;

/// One error of the disk.
struct Injected {
    what: &'static str,
    syscall: &'static str,
    error: &'static str,
    /// The file below `data` that it is about; none, if the call is of one file only.
    file: Option<&'static str>,
    /// It comes at one of so many calls.
    spread: u64,
}

const FIRST_SEGMENT: &str = "log/00000000000000000001.log";
const FIRST_CALL: u64 = 20;

const INJECTED: &[Injected] = &[
    Injected { what: "sync", syscall: "fdatasync", error: "EIO", file: None, spread: 200 },
    Injected { what: "sync", syscall: "fdatasync", error: "ENOSPC", file: None, spread: 200 },
    Injected { what: "write", syscall: "pwrite64", error: "EIO", file: Some(FIRST_SEGMENT), spread: 100 },
    Injected { what: "write", syscall: "pwrite64", error: "ENOSPC", file: Some(FIRST_SEGMENT), spread: 100 },
    Injected { what: "write of the note", syscall: "pwrite64", error: "EIO", file: Some("log/synced"), spread: 100 },
];

#[test]
fn a_failed_write_or_sync_of_the_log_stops_writing_and_loses_nothing_that_was_answered() {
    let _machine = alone();
    let seed = seed();
    let mut dice = Dice::new(seed);
    for injected in INJECTED {
        let call = FIRST_CALL + dice.below(injected.spread);
        let what = format!("{} of {} {call}", injected.error, injected.what);
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut server = Server::new(dir.path(), &dir.path().join("server.log"), &SETTINGS);
        server
            .run_below(&strace(injected, &call.to_string(), dir.path()).iter().map(String::as_str).collect::<Vec<_>>());
        server.restart();
        let mut writers: Vec<Writer> = (0..WRITERS).map(|number| Writer::new(&server, number, seed)).collect();
        let end = write_until_refused(&mut server, &mut writers);
        match end {
            Some(status) => assert!(OWN_CODES.contains(&status.code()), "{what}: ended with {status}"),
            None => check_read_only(&server, &writers, &what),
        }
        server.kill9();
        server.run_below(&[]);
        let answered = check_nothing_lost(&mut server, &mut writers, &what, seed);
        let end = end.map_or("read-only".to_owned(), |status| status.to_string());
        eprintln!("== disk: {what}: {end}; {answered} rows asked for, 0 lost, 0 doubled");
    }
}

#[test]
fn a_store_that_takes_no_values_stops_writing_and_loses_nothing_that_was_answered() {
    let _machine = alone();
    let seed = seed();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let store = Injected { what: "store", syscall: "pwrite64", error: "EIO", file: Some("sled/db"), spread: 0 };
    let mut server = Server::new(dir.path(), &dir.path().join("server.log"), &SETTINGS);
    server.run_below(&strace(&store, "3+", dir.path()).iter().map(String::as_str).collect::<Vec<_>>());
    server.restart();
    let mut writers: Vec<Writer> = (0..WRITERS).map(|number| Writer::new(&server, number, seed)).collect();
    let end = write_until_refused(&mut server, &mut writers);
    assert_eq!(end, None, "the process ended though the log is sound");
    check_writes_end(&server, &mut writers[0]);
    let (read, asked) = reads(&server, &writers);
    let lines = server.said().lines().count();
    server.kill9();
    server.run_below(&[]);
    let answered = check_nothing_lost(&mut server, &mut writers, "a failed store", seed);
    eprintln!(
        "== disk: EIO of every write of the store: read-only, {read} of {asked} rows can be read, {lines} lines of log; {answered} rows asked for, 0 lost, 0 doubled"
    );
}

#[test]
fn a_full_disk_stops_writing_and_loses_nothing_that_was_answered() {
    let _machine = alone();
    let seed = seed();
    let place = tempfile::tempdir().expect("a temporary folder");
    let (mount, dir, lines) = small_disk(&place, SMALL_BYTES);
    let mut server = Server::new(&dir, &lines, &[&SETTINGS[..], &["--set", "journal.free_bytes_min=0"]].concat());
    server.restart();
    let mut writers: Vec<Writer> = (0..WRITERS).map(|number| Writer::new(&server, number, seed)).collect();
    let filler = fill(&mount, &dir, 3 * 1024 * 1024);
    let end = write_until_refused(&mut server, &mut writers);
    match end {
        Some(status) => assert!(OWN_CODES.contains(&status.code()), "ended with {status}"),
        None => check_writes_end(&server, &mut writers[0]),
    }
    let (read, asked) = reads(&server, &writers);
    let free_bytes = mount.free_bytes();
    server.kill9();
    fs::remove_file(filler).expect("the filler goes");
    let answered = check_nothing_lost(&mut server, &mut writers, "a full disk", seed);
    let end = end.map_or("read-only".to_owned(), |status| status.to_string());
    eprintln!(
        "== disk: full at {free_bytes} bytes: {end}, {read} of {asked} rows can be read; {answered} rows asked for, 0 lost, 0 doubled"
    );
}

#[test]
fn writes_are_refused_below_the_floor_of_free_space_and_taken_again_above_it() {
    let _machine = alone();
    let seed = seed();
    let place = tempfile::tempdir().expect("a temporary folder");
    let (mount, dir, lines) = small_disk(&place, 2 * FLOOR_BYTES);
    let floor = format!("journal.free_bytes_min={FLOOR_BYTES}");
    let mut server = Server::new(&dir, &lines, &[&SETTINGS[..], &["--set", &floor]].concat());
    server.restart();
    let mut writers: Vec<Writer> = (0..WRITERS).map(|number| Writer::new(&server, number, seed)).collect();
    for times in 1..=2 {
        let filler = fill(&mount, &dir, FLOOR_BYTES - 1);
        let end = write_until_refused(&mut server, &mut writers);
        assert_eq!(end, None, "the process ended below the floor");
        check_read_only(&server, &writers, "below the floor");
        let (read, asked) = reads(&server, &writers);
        assert_eq!(read, asked, "rows that can be read below the floor, and rows there are");
        let free_bytes = mount.free_bytes();
        fs::remove_file(filler).expect("the filler goes");
        eventually("the server is ready", || (server.get("admin", "/readyz").status == 200).then_some(()));
        let (mut doors, before) = (Doors::new(&server), writers[0].refused.len());
        writers[0].grow(&mut doors).expect("an answer");
        assert_eq!(writers[0].refused.len(), before, "refused above the floor: {:?}", writers[0].refused.last());
        let mut faults = Faults::default();
        writers.iter_mut().for_each(|writer| writer.settle(&server, &mut faults));
        let found = audit(&server, &mut writers);
        assert!(faults.is_empty() && found.is_empty(), "RESURGAM_SEED={seed}: {faults:#?} {found:#?}");
        eprintln!(
            "== disk: floor {times}: refused at {free_bytes} bytes, {read} rows read meanwhile, 0 lost, 0 doubled"
        );
    }
    server.kill9();
    check_nothing_lost(&mut server, &mut writers, "the floor", seed);
}

/// How many rows that are there can be read, and how many were tried.
fn reads(server: &Server, writers: &[Writer]) -> (usize, usize) {
    let mut client = server.client("product");
    let ids: Vec<u64> =
        writers.iter().flat_map(|writer| writer.rows(Table::Products)).filter_map(|row| row.id).collect();
    let mut is_read = |id: &&u64| client.send(&Request::get(&format!("/products/{id}"))).status == 200;
    (ids.iter().filter(|id| is_read(id)).count(), ids.len())
}

/// The store may fail before the log does; then the last writes end a little later.
fn check_writes_end(server: &Server, writer: &mut Writer) {
    eventually("the server is not ready", || (server.get("admin", "/readyz").status == 503).then_some(()));
    let (mut doors, before) = (Doors::new(server), writer.refused.len());
    writer.grow(&mut doors).expect("an answer");
    assert!(writer.refused.len() > before && is_refused(writer), "a write on a full disk: {:?}", writer.refused.last());
}

/// The words that have these calls of a kind fail; the server stays a child of the test.
fn strace(injected: &Injected, calls: &str, dir: &Path) -> Vec<String> {
    let Injected { syscall, error, file, .. } = injected;
    let mut words = format!(
        "strace -D -f --seccomp-bpf -qq -o {} -e trace={syscall} -e inject={syscall}:error={error}:when={calls}",
        dir.join("strace.log").display()
    );
    if let Some(file) = file {
        words.push_str(&format!(" -P {}", dir.join("data").join(file).display()));
    }
    words.split(' ').map(str::to_owned).collect()
}

/// Writes until every writer was told that nothing is written any more, or the process has ended.
fn write_until_refused(server: &mut Server, writers: &mut [Writer]) -> Option<ExitStatus> {
    let all_refused = thread::scope(|scope| {
        let write = |writer| {
            let mut doors = Doors::new(server);
            scope.spawn(move || write_one_until_refused(writer, &mut doors))
        };
        let running: Vec<_> = writers.iter_mut().map(write).collect();
        running.into_iter().all(|writer| writer.join().expect("a writer ends well"))
    });
    if all_refused {
        return server.ended();
    }
    Some(eventually("a server that answers nothing ends", || server.ended()))
}

/// Says whether it was refused, or got no answer.
fn write_one_until_refused(writer: &mut Writer, doors: &mut Doors) -> bool {
    let before = writer.refused.len();
    while writer.step(doors).is_ok() {
        if writer.refused.len() > before && is_refused(writer) {
            return true;
        }
    }
    false
}

/// Whether its newest refusal is for want of a storage.
fn is_refused(writer: &Writer) -> bool {
    writer.refused.last().is_some_and(|(status, said)| *status == 503 && said.contains("storage-unavailable"))
}

/// Reads go on, writes are refused in words, and whoever balances load is told.
fn check_read_only(server: &Server, writers: &[Writer], what: &str) {
    for writer in writers {
        let path = format!("/products/{}", writer.stock_id);
        let read = server.get("product", &path);
        assert_eq!(read.status, 200, "{what}: GET {path}: {}", read.text());
    }
    let refused = server.send("product", &Request::post("/products", r#"{"name":"late","qty":1}"#));
    assert_eq!(refused.status, 503, "{what}: {}", refused.text());
    assert_eq!(refused.json()["reason"], "storage-unavailable", "{what}");
    assert!(refused.header("retry-after").is_some(), "{what}: no Retry-After");
    assert_eq!(server.get("admin", "/readyz").status, 503, "{what}: ready all the same");
    assert_eq!(server.get("admin", "/livez").status, 200, "{what}: a restart by a watchdog would not help");
    let odd = writers.iter().flat_map(|writer| &writer.refused).find(|(status, _)| ![503, 504].contains(status));
    assert!(odd.is_none(), "{what}: a writer was refused: {odd:?}");
}

/// Starts on a sound disk and compares everything; says how many rows were asked for.
fn check_nothing_lost(server: &mut Server, writers: &mut [Writer], what: &str, seed: u64) -> usize {
    server.restart();
    let mut faults = Faults::default();
    writers.iter_mut().for_each(|writer| writer.settle(server, &mut faults));
    let found = audit(server, writers);
    assert!(faults.is_empty() && found.is_empty(), "RESURGAM_SEED={seed} {what}: {faults:#?} {found:#?}");
    writers.iter().map(|writer| writer.rows(Table::Products).len() + writer.rows(Table::Rentals).len()).sum()
}

/// A disk of that size, mounted; where the data goes, and a log of the server beside it.
fn small_disk(place: &TempDir, bytes: u64) -> (Mount, std::path::PathBuf, std::path::PathBuf) {
    let dir = place.path().join("disk");
    fs::create_dir(&dir).expect("a mount point");
    (Mount::small(&dir, bytes), dir, place.path().join("server.log"))
}

/// Leaves so many bytes free.
fn fill(mount: &Mount, dir: &Path, free_bytes: u64) -> std::path::PathBuf {
    let filler = dir.join("filler");
    let bytes = mount.free_bytes().checked_sub(free_bytes).expect("more is free than shall be");
    let zeros = vec![0; usize::try_from(bytes).expect("a small disk")];
    File::create(&filler).and_then(|mut file| file.write_all(&zeros)).expect("a filler");
    filler
}
