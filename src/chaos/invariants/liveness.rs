//! Afterwards: everything answers, nothing is kept, and it is as quick as before.

use std::time::Duration;

use super::Evidence;
use crate::chaos::history::Heard;
use crate::chaos::operator::Vitals;
use crate::chaos::probes::{PACED, Paced};
use crate::chaos::report::Verdict;

/// By how much memory may have grown beyond what is known to be held, in percent.
const GROWN_PERCENT: u64 = 10;
/// What durable values on their way to the store, and decoded rows, may hold: the overlay's and the caches' bounds.
const KEPT_BYTES: u64 = 192 * 1024 * 1024;
/// How many files more may be open: segments that are read, and connections that came or went between two looks.
const FILES_MORE: u64 = 8;
/// How many tasks more there may be: connections, and aggregates, that came or went between two looks.
const TASKS_MORE: u64 = 32;
/// How much longer than before the slowest of a hundred may take, and what is quick enough in any case, in seconds.
const SLOWER: f64 = 4.0;
const QUICK: f64 = 0.25;
/// How long the server may be away when it is killed, in seconds.
const AWAY_MAX: f64 = 10.0;

/// Nothing waits for a time here.
pub(super) fn timers(_: &Evidence) -> Verdict {
    Verdict::default().or_absent("no aggregate of these systems sets a timer")
}

/// Every aggregate that was made answers; nobody is between two states, set aside or behind; nothing is held that is 0
/// at rest; files, tasks and memory are as before, if it is the same process.
pub(super) fn everything_answers_and_nothing_leaks(evidence: &Evidence) -> Verdict {
    let Evidence { before, rest, after, .. } = evidence;
    let mut faults = evidence.silent.clone();
    faults.extend(rest.unrest().into_iter().map(|what| format!("at rest, {what}")));
    faults.extend(after.unrest().into_iter().map(|what| format!("after everything answered, {what}")));
    faults.extend(after.quarantined.iter().map(|actor| format!("in quarantine: {actor}")));
    faults.extend(after.parked.iter().map(|item| format!("parked: {item}")));
    faults.extend(after.unshown().map(|name| format!("the operator's listener does not show {name}")));
    if after.lags.is_empty() {
        faults.push("the operator's listener shows no follower".to_owned());
    }
    let gauges = after.held.len() as u64 + after.lags.len() as u64;
    let (leaks, unjudged) = leaks(before, after);
    faults.extend(leaks);
    Verdict { unjudged, ..Verdict::of(evidence.knocked + gauges, "aggregates and gauges", faults) }
}

/// What the process has more of than before; or why that cannot be said.
fn leaks(before: &Vitals, after: &Vitals) -> (Vec<String>, Option<&'static str>) {
    if !before.is_seen() || !after.is_seen() {
        return (Vec::new(), Some("files, tasks and memory, because the process cannot be looked at"));
    }
    if before.process != after.process {
        return (Vec::new(), Some("files, tasks and memory, because the process is another one"));
    }
    let mut faults = Vec::new();
    if after.files > before.files + FILES_MORE {
        faults.push(format!("{} files are open, {} were", after.files, before.files));
    }
    if after.tasks > before.tasks + TASKS_MORE {
        faults.push(format!("{} tasks run, {} did", after.tasks, before.tasks));
    }
    let live = after.live_bytes.saturating_sub(before.live_bytes);
    let expected = (before.resident_bytes + live + KEPT_BYTES) / 100 * (100 + GROWN_PERCENT);
    if after.resident_bytes > expected {
        let mebibytes = [after.resident_bytes, before.resident_bytes, expected].map(|bytes| bytes >> 20);
        faults.push(format!("it holds {} MiB, before {}, and {} would do", mebibytes[0], mebibytes[1], mebibytes[2]));
    }
    (faults, None)
}

/// One request at a time is done each time, and as quickly as before.
pub(super) fn latency_is_back(evidence: &Evidence) -> Verdict {
    let Evidence { idle_before, idle_after, .. } = evidence;
    let mut faults = Vec::new();
    for (when, Paced { took, failed }) in [("before", idle_before), ("after", idle_after)] {
        if took.len() < PACED || !failed.is_empty() {
            faults.push(format!("{} of {PACED} requests were done {when} the load: {failed:?}", took.len()));
        }
    }
    let slowest = |paced: &Paced| paced.took.last().copied().unwrap_or(0.0);
    let (before, after) = (slowest(idle_before), slowest(idle_after));
    if after > (before * SLOWER).max(QUICK) {
        faults.push(format!("the slowest of a hundred takes {after:.4} s, before {before:.4} s"));
    }
    Verdict::of(idle_after.took.len() as u64, "requests one by one", faults)
}

/// How long the server was away each time: from the first connection that broke or was refused to the first answer to
/// whoever asked after that, or to the end if there was none.
fn absences(evidence: &Evidence) -> Vec<f64> {
    let mut tries: Vec<_> = evidence.history.iter().flat_map(|op| &op.tries).collect();
    tries.sort_by_key(|attempt| attempt.ended);
    let end = tries.last().map_or(Duration::ZERO, |attempt| attempt.ended);
    let (mut away, mut absences) = (None, Vec::new());
    for attempt in tries {
        match attempt.heard {
            Heard::Gone | Heard::Unknown => {
                away.get_or_insert(attempt.ended);
            }
            Heard::Ok(_) => {
                if let Some(began) = away.take_if(|began| attempt.began > *began) {
                    absences.push((attempt.ended - began).as_secs_f64());
                }
            }
            Heard::Refused(_) | Heard::Odd(_) | Heard::NotExecuted | Heard::TimedOut | Heard::Left => {}
        }
    }
    absences.extend(away.map(|began| (end - began).as_secs_f64()));
    absences
}

/// After each kill of the process, the first answer came in time.
pub(super) fn restarts_are_short(evidence: &Evidence) -> Verdict {
    let absences = absences(evidence);
    let long = absences.iter().filter(|away| **away > AWAY_MAX);
    let faults = long.map(|away| format!("the server was away for {away:.1} s")).collect();
    Verdict::of(absences.len() as u64, "restarts", faults).or_absent("the server was not restarted meanwhile")
}
