//! A server that is not as it was before.

use std::collections::BTreeMap;

use super::{Case, RENTAL, op};
use crate::chaos::history::{Act, Heard, Op};
use crate::chaos::operator::Vitals;
use crate::chaos::probes::{PACED, Paced};
use crate::chaos::report::Verdict;
use crate::http_client::Method;

const MEBIBYTE: u64 = 1 << 20;

/// A server at rest.
fn at_rest() -> Vitals {
    let held = [
        "resilience_bulkhead_in_flight{guard=\"g\"}",
        "resilience_bulkhead_queue_depth",
        "resilience_limit_in_flight",
        "resurgam_asks_open",
        "resurgam_mailbox_depth{kind=\"k\"}",
        "resurgam_handlers_stuck",
        "resurgam_journal_waiting_values",
    ];
    Vitals {
        process: Some(1),
        files: 10,
        tasks: 100,
        resident_bytes: 100 * MEBIBYTE,
        held: held.map(|series| (series.to_owned(), 0.0)).into(),
        lags: [("a follower".to_owned(), 0)].into(),
        ..Vitals::default()
    }
}

fn rested(after: Vitals) -> Verdict {
    let mut case = Case::new();
    (case.evidence.before, case.evidence.rest, case.evidence.after) = (at_rest(), at_rest(), after);
    case.verdict("liveness")
}

#[test]
fn each_gauge_that_is_nothing_at_rest_is_shown() {
    assert_eq!(rested(at_rest()).faults, [""; 0]);
    for name in at_rest().held.keys() {
        let mut after = at_rest();
        after.held.remove(name);
        after.held.insert(format!("{}_renamed", name.split('{').next().unwrap_or_default()), 0.0);
        let faults = rested(after).faults;
        assert_eq!(faults.len(), 1, "without {name}: {faults:?}");
    }
    let faults = rested(Vitals { lags: BTreeMap::new(), ..at_rest() }).faults;
    assert_eq!(faults, ["the operator's listener shows no follower"]);
}

#[test]
fn files_tasks_and_memory_are_as_before_or_it_is_said_that_nobody_knows() {
    let same = rested(at_rest());
    assert_eq!((same.faults.len(), same.unjudged), (0, None));
    assert_eq!(rested(Vitals { files: 19, ..at_rest() }).faults.len(), 1);
    assert_eq!(rested(Vitals { tasks: 132, ..at_rest() }).faults.len(), 0);
    assert_eq!(rested(Vitals { tasks: 133, ..at_rest() }).faults.len(), 1);
    assert_eq!(rested(Vitals { resident_bytes: 500 * MEBIBYTE, ..at_rest() }).faults.len(), 1);
    let another = rested(Vitals { process: Some(2), ..at_rest() });
    assert_eq!(another.unjudged, Some("files, tasks and memory, because the process is another one"));
    let unseen = rested(Vitals { process: None, ..at_rest() });
    assert_eq!(unseen.unjudged, Some("files, tasks and memory, because the process cannot be looked at"));
}

/// All done at once but the last, which took so many seconds.
fn paced(slowest: f64) -> Paced {
    let mut took = vec![0.001; PACED];
    took[PACED - 1] = slowest;
    Paced { took, failed: Vec::new() }
}

fn latency_faults(before: Paced, after: Paced) -> usize {
    let mut case = Case::new();
    (case.evidence.idle_before, case.evidence.idle_after) = (before, after);
    case.faults("latency-after").len()
}

#[test]
fn the_slowest_of_a_hundred_requests_is_as_quick_as_before() {
    assert_eq!(latency_faults(paced(0.002), paced(0.2)), 0, "quick enough in any case");
    assert_eq!(latency_faults(paced(0.5), paced(1.9)), 0);
    assert_eq!(latency_faults(paced(0.002), paced(0.3)), 1);
}

#[test]
fn each_single_request_is_done() {
    let mut one_failed = paced(0.001);
    one_failed.took.pop();
    one_failed.failed.push("after-7 heard Unknown".to_owned());
    assert_eq!(latency_faults(paced(0.001), one_failed), 1);
    assert_eq!(latency_faults(Paced::default(), paced(0.001)), 1, "there is nothing to compare it with");
}

fn read(began: u64, ended: u64, heard: Heard) -> Op {
    op("read", Act::Read, Method::GET, RENTAL).heard(began, ended, heard)
}

fn found(began: u64, ended: u64) -> Op {
    op("read", Act::Read, Method::GET, RENTAL).answered(began, ended, 200)
}

#[test]
fn a_server_that_never_came_back_was_away_to_the_end() {
    let mut case = Case::new();
    case.evidence.history = vec![found(0, 1), read(2, 3, Heard::Gone), read(4, 30_000, Heard::Gone)];
    assert_eq!(case.faults("restart-time"), ["the server was away for 30.0 s"]);
    case.evidence.history.push(found(4_000, 5_000));
    assert_eq!(case.faults("restart-time"), [""; 0]);
}
