//! Every write and every sync of a small run fails once, each in a run of its own, in each of three ways: never a wrong
//! answer, never a silent loss, always a state that is told.
//!
//! `RESURGAM_DISK_CALLS` sets how many of them are drawn (0: all), `RESURGAM_SEED` repeats the draw.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::campaign::audit::{Faults, audit};
use crate::campaign::ledger::Writer;
use crate::campaign::{Dice, Doors, alone, seed, setting};
use crate::client::Request;
use crate::support::{Server, poll};

/// What the run asks for: enough for each kind of change, and for the store to get its share.
const STEPS: u64 = 40;
const SETTINGS: [&str; 4] = ["--set", "journal.segment_bytes=65536", "--set", "edge.deadline_ms=1000"];
const CALLS: [&str; 4] = ["pwrite64", "fdatasync", "fsync", "ftruncate"];
/// How long what failed in the log may go untold.
const TOLD_TIMEOUT: Duration = Duration::from_secs(5);
/// In the paths of the log's segments, and of nothing else.
const LOG: &str = ".log>";
const ERRORS: [&str; 3] = ["EIO", "ENOSPC", "EINTR"];
/// How a process may end of itself: it could not start, or a part is gone.
const OWN_CODES: [Option<i32>; 5] = [Some(1), Some(70), Some(71), Some(72), Some(73)];
/// Cases that are drawn when nobody says how many.
const CASES: u64 = 12;

/// What became of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// The call was not reached.
    NotReached,
    /// Nobody noticed: the call was made again, or was not needed.
    Unharmed,
    ReadOnly,
    Ended,
    DidNotStart,
}

/// Runs with the call that has this number failing, then without; fails when anything answered is lost.
fn run(syscall: &str, error: &str, call: u64, seed: u64) -> End {
    let what = format!("{error} of {syscall} {call}");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (trace, log) = (dir.path().join("strace.log"), dir.path().join("server.log"));
    let mut server = Server::new(dir.path(), &log, &SETTINGS);
    let strace = format!(
        "strace -D -f -y --seccomp-bpf -qq -o {} -e trace={syscall} -e inject={syscall}:error={error}:when={call}",
        trace.display()
    );
    server.run_below(&strace.split(' ').collect::<Vec<_>>());
    let mut writers = Vec::new();
    let mut end = match server.try_restart() {
        Ok(()) => {
            wrote(&server, &mut writers, seed);
            // Looked at before the server is asked: what fails later need not be told yet.
            let of_log = injected(&trace).into_iter().find(|call| error != "EINTR" && call.contains(LOG));
            match (state(&mut server, &what), of_log) {
                // What is called again is not hurt by an interruption; what may not be on the disk is.
                (End::Unharmed, Some(call)) => {
                    poll(TOLD_TIMEOUT, || Some(state(&mut server, &what)).filter(|end| *end != End::Unharmed))
                        .unwrap_or_else(|| panic!("{what} went unnoticed: {call}"))
                }
                (end, _) => end,
            }
        }
        Err(status) => {
            assert!(OWN_CODES.contains(&status.code()), "{what}: a start ended with {status}");
            assert!(!server.said().trim().is_empty(), "{what}: a start ended without a word");
            End::DidNotStart
        }
    };
    server.kill9();
    if injected(&trace).is_empty() {
        end = End::NotReached;
    }
    server.run_below(&[]);
    server.restart();
    let odd = writers.iter().flat_map(|writer| &writer.refused).find(|(status, _)| ![503, 504].contains(status));
    assert!(odd.is_none(), "{what}: a writer was refused: {odd:?}");
    let mut faults = Faults::default();
    writers.iter_mut().for_each(|writer| writer.settle(&server, &mut faults));
    if !writers.is_empty() {
        let found = audit(&server, &mut writers);
        assert!(faults.is_empty() && found.is_empty(), "RESURGAM_SEED={seed} {what}: {faults:#?} {found:#?}");
    }
    end
}

/// How a server is that has started.
fn state(server: &mut Server, what: &str) -> End {
    let ready = server.client("admin").try_send(&Request::get("/readyz")).ok().map(|answer| answer.status);
    match (server.ended(), ready) {
        (Some(status), _) => {
            assert!(OWN_CODES.contains(&status.code()), "{what}: ended with {status}");
            End::Ended
        }
        (None, Some(503)) => End::ReadOnly,
        (None, _) => End::Unharmed,
    }
}

/// One writer takes its steps, as far as it is answered.
fn wrote(server: &Server, writers: &mut Vec<Writer>, seed: u64) {
    let Some(writer) = Writer::try_new(server, 0, seed) else { return };
    writers.push(writer);
    let mut doors = Doors::new(server);
    for _ in 0..STEPS {
        if writers[0].step(&mut doors).is_err() {
            return;
        }
    }
}

/// The calls that failed on purpose, each with the path of its file; each thread counts its own.
fn injected(trace: &Path) -> Vec<String> {
    let text = fs::read_to_string(trace).unwrap_or_default();
    let (mut begun, mut injected) = (BTreeMap::new(), Vec::new());
    for line in text.lines() {
        let thread = line.split(' ').next().unwrap_or_default();
        if line.ends_with("<unfinished ...>") {
            begun.insert(thread, line);
        } else if line.contains("(INJECTED)") {
            // Another thread came in between: the file was named where the call began.
            let before = begun.get(thread).filter(|_| line.contains(" resumed>")).copied().unwrap_or_default();
            injected.push(format!("{before}{line}"));
        }
    }
    injected
}

#[test]
fn any_write_or_sync_may_fail_and_nothing_that_was_answered_is_lost() {
    let _machine = alone();
    let seed = seed();
    let (cases, mut dice) = (setting("RESURGAM_DISK_CALLS", CASES), Dice::new(seed));
    let mut ends: BTreeMap<End, u64> = BTreeMap::new();
    if cases == 0 {
        for syscall in CALLS {
            for error in ERRORS {
                let reached =
                    (1..).map(|call| run(syscall, error, call, seed)).take_while(|end| *end != End::NotReached);
                reached.for_each(|end| *ends.entry(end).or_default() += 1);
            }
        }
    }
    for _ in 0..cases {
        let (syscall, error) = (dice.one_of(&CALLS), dice.one_of(&ERRORS));
        // As many of each as the run makes, about.
        *ends.entry(run(syscall, error, 1 + dice.below(60), seed)).or_default() += 1;
    }
    let tried: u64 = ends.iter().filter(|(end, _)| **end != End::NotReached).map(|(_, count)| count).sum();
    assert!(tried > 0, "no call was reached: {ends:?}");
    eprintln!("== disk: {tried} writes and syncs that failed, each in a run of its own: {ends:?}; 0 lost, 0 doubled");
}
