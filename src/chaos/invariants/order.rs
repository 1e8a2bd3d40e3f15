//! Order: what was over before something else began is before it in the aggregate's versions.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::Evidence;
use crate::chaos::history::{Act, Heard, Op};
use crate::chaos::report::Verdict;
use crate::domain::Stream;
use crate::http_client::Method;

/// One answered operation on an aggregate: when, and which public version it saw or made.
struct Seen<'a> {
    op: &'a Op,
    began: Duration,
    ended: Duration,
    version: u64,
    /// Whether it made that version.
    made: bool,
}

/// For each aggregate: a write's version is above, and a read's not below, every version seen before it began; no answer
/// shows a version whose write had not begun by then; and what was made is missing to nobody before somebody deletes it.
pub(super) fn each_aggregate_is_linearizable(evidence: &Evidence) -> Verdict {
    let mut streams: BTreeMap<Stream, Vec<Seen<'_>>> = BTreeMap::new();
    for op in &evidence.history {
        let (Some(stream), Some(answer), Some(settled)) = (op.stream(), op.done(), op.settled()) else { continue };
        let command = match op.command() {
            Some(id) => evidence.story.commands.by_id.get(&id),
            None => evidence.story.commands.of_story(&op.story).next().map(|(_, command)| command),
        };
        let made = command.filter(|command| command.public > 0).and_then(|command| command.versions);
        // Where the answer tells no version, the log does.
        let Some(version) = answer.version().or(made.map(|(_, public)| public)) else { continue };
        let seen = Seen { op, began: op.began(), ended: settled.ended, version, made: made.is_some() };
        streams.entry(stream).or_default().push(seen);
    }
    let mut looked_at = 0;
    let mut faults = Vec::new();
    for (stream, seen) in &mut streams {
        looked_at += seen.len() as u64;
        judge(*stream, seen, &mut faults);
        let last = evidence.story.states.rows.get(stream).map_or(0, |row| row.public_version);
        let beyond = seen.iter().filter(|seen| seen.version > last);
        faults.extend(
            beyond.map(|seen| format!("{}: {stream} version {} was never written", seen.op.story, seen.version)),
        );
    }
    let (missed, missing) = missing(&evidence.history);
    faults.extend(missing);
    Verdict::of(looked_at + missed, "operations in the order of their versions", faults)
}

/// Returns how often something was missing that had been made before, and where nobody could have deleted it yet.
fn missing(history: &[Op]) -> (u64, Vec<String>) {
    let (mut made, mut deleted) = (HashMap::new(), HashMap::new());
    for op in history {
        let Some(stream) = op.stream() else { continue };
        if op.act == Act::Create {
            made.extend(op.settled().map(|settled| (stream, settled.ended)));
        } else if op.sent.method == Method::DELETE {
            let may_have = op.tries.iter().filter(|attempt| attempt.heard.may_be_done()).map(|attempt| attempt.began);
            deleted.entry(stream).or_insert_with(Vec::new).extend(may_have);
        }
    }
    let (mut looked_at, mut faults) = (0, Vec::new());
    for op in history {
        let misses = |heard: &Heard| matches!(heard, Heard::Refused(answer) if answer.status == 404);
        let miss = op.tries.iter().find(|attempt| misses(&attempt.heard));
        let Some((stream, miss)) = op.stream().zip(miss) else { continue };
        if made.get(&stream).is_none_or(|since: &Duration| *since >= op.began()) {
            continue;
        }
        looked_at += 1;
        if !deleted.get(&stream).is_some_and(|began| began.iter().any(|began| *began <= miss.ended)) {
            faults.push(format!("{} did not find {stream}, which was made before and not deleted", op.story));
        }
    }
    (looked_at, faults)
}

fn judge(stream: Stream, seen: &mut [Seen<'_>], faults: &mut Vec<String>) {
    let mut ends: Vec<(Duration, u64)> = seen.iter().map(|seen| (seen.ended, seen.version)).collect();
    ends.sort_unstable();
    seen.sort_unstable_by_key(|seen| seen.began);
    let (mut over, mut newest) = (ends.into_iter().peekable(), 0);
    for one in seen.iter() {
        while let Some((_, version)) = over.next_if(|(ended, _)| *ended < one.began) {
            newest = newest.max(version);
        }
        let is_behind = if one.made { one.version <= newest } else { one.version < newest };
        if is_behind {
            let (story, version) = (&one.op.story, one.version);
            let what = if one.made { "made" } else { "saw" };
            faults.push(format!("{story} {what} version {version} of {stream} after version {newest} had been seen"));
        }
    }
    let begun: BTreeMap<u64, Duration> =
        seen.iter().filter(|one| one.made).map(|one| (one.version, one.began)).collect();
    for one in seen.iter().filter(|one| !one.made) {
        if begun.get(&one.version).is_some_and(|began| one.ended < *began) {
            faults.push(format!("{} saw version {} of {stream} before it was asked for", one.op.story, one.version));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::client::Request;
    use crate::chaos::history::Act;
    use crate::domain::Kind;

    const STREAM: Stream = Stream::new(Kind::new("made-up/one/a"), 1);

    /// Judges operations, each by when it began and ended (ms), its version, and whether it made that version.
    fn faults(seen: &[(u64, u64, u64, bool)]) -> Vec<String> {
        let sent = Request::get("/");
        let (story, kind) = (String::from("story"), STREAM.kind);
        let op = Op { story, act: Act::Read, kind, target: None, key: None, sent, tries: Vec::new() };
        let [began, ended] = [|one: &(u64, u64, u64, bool)| one.0, |one: &(u64, u64, u64, bool)| one.1];
        let at = |one, of: fn(&(u64, u64, u64, bool)) -> u64| Duration::from_millis(of(one));
        let seen = seen.iter().map(|one| Seen {
            op: &op,
            began: at(one, began),
            ended: at(one, ended),
            version: one.2,
            made: one.3,
        });
        let mut faults = Vec::new();
        judge(STREAM, &mut seen.collect::<Vec<_>>(), &mut faults);
        faults
    }

    #[test]
    fn what_overlaps_may_come_in_any_order() {
        assert_eq!(faults(&[(0, 10, 2, true), (5, 15, 1, true), (0, 20, 1, false), (1, 21, 2, false)]), [""; 0]);
    }

    #[test]
    fn a_read_shows_nothing_older_than_what_was_answered_before_it_began() {
        assert_eq!(faults(&[(0, 10, 2, true), (11, 12, 2, false)]), [""; 0]);
        assert_eq!(faults(&[(0, 10, 2, true), (11, 12, 1, false)]).len(), 1);
        assert_eq!(faults(&[(0, 10, 2, false), (11, 12, 1, false)]).len(), 1, "of two reads the later went back");
    }

    #[test]
    fn a_write_makes_a_version_above_all_that_were_seen_before_it_began() {
        assert_eq!(faults(&[(0, 10, 1, true), (11, 12, 2, true)]), [""; 0]);
        assert_eq!(faults(&[(0, 10, 2, true), (11, 12, 2, true)]).len(), 1);
    }

    #[test]
    fn nothing_is_seen_before_it_was_asked_for() {
        assert_eq!(faults(&[(0, 5, 3, false), (6, 10, 3, true)]).len(), 2, "and its write makes nothing new");
    }
}
