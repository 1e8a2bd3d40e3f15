//! States: the fold of the log is what clients and operators are shown.

use serde_json::Value;

use super::Evidence;
use crate::chaos::report::Verdict;
use crate::chaos::story::{is_shown, represented};
use crate::domain::Stream;

/// Every aggregate: replayed from its first fact it is what lists, items and operators are shown, and what any answer
/// showed was its state at that version.
pub(super) fn replay_is_what_is_shown(evidence: &Evidence) -> Verdict {
    let (mut looked_at, mut faults) = compared(evidence, false);
    let states = &evidence.story.states;
    for (stream, actor) in &evidence.actors {
        looked_at += 1;
        let Some(row) = states.rows.get(stream) else {
            faults.push(format!("{stream} is shown to operators and is not in the log"));
            continue;
        };
        let state = serde_json::to_value(row.state.payload()).unwrap_or_default();
        if actor["state"] != state || actor["version"] != row.version || actor["publicVersion"] != row.public_version {
            faults
                .push(format!("{stream} is {actor} to operators, the log makes version {} {state} of it", row.version));
        }
    }
    faults.extend(states.never_were());
    Verdict::of(looked_at + states.seen, "states and answers", faults)
}

/// Every view's rows are the fold of their facts.
pub(super) fn views_are_folds(evidence: &Evidence) -> Verdict {
    let (looked_at, faults) = compared(evidence, true);
    Verdict::of(looked_at, "rows", faults)
}

/// Compares every list and every item that was read with the fold.
fn compared(evidence: &Evidence, of_views: bool) -> (u64, Vec<String>) {
    let states = &evidence.story.states;
    let (mut looked_at, mut faults) = (0, Vec::new());
    for (kind, list) in evidence.shown.lists.iter().filter(|(kind, _)| states.is_view(**kind) == of_views) {
        let Some(resource) = states.resource(*kind) else { continue };
        let is_whole = evidence.shown.whole.get(kind) != Some(&false);
        for (stream, row) in states.existing(*kind) {
            let shown = list.get(&stream.id);
            // The list ends before it.
            if shown.is_none() && !is_whole {
                continue;
            }
            looked_at += 1;
            let expected = represented(resource, &*row.state);
            if !shown.is_some_and(|shown| is_shown(&expected, shown)) {
                faults.push(format!("{stream} is shown as {shown:?}, the log makes {expected:?} of it"));
            }
        }
        let is_there = |id: u64| states.rows.get(&Stream::new(*kind, id)).is_some_and(|row| row.state.exists());
        faults.extend(
            list.keys().filter(|id| !is_there(**id)).map(|id| format!("{kind}/{id} is shown and does not exist")),
        );
    }
    for (stream, (version, body)) in &evidence.shown.alone {
        let (Some(row), Some(resource)) = (states.rows.get(stream), states.resource(stream.kind)) else { continue };
        if states.is_view(stream.kind) != of_views {
            continue;
        }
        looked_at += 1;
        faults.extend(alone(*stream, *version, body, row.public_version, &represented(resource, &*row.state)));
    }
    let unread = evidence.shown.faults.iter().filter(|(kind, _)| states.is_view(*kind) == of_views);
    faults.extend(unread.map(|(_, fault)| fault.clone()));
    (looked_at, faults)
}

fn alone(
    stream: Stream,
    version: Option<u64>,
    body: &Value,
    public_version: u64,
    expected: &serde_json::Map<String, Value>,
) -> Option<String> {
    let is_right = version.is_none_or(|version| version == public_version) && is_shown(expected, body);
    (!is_right).then(|| {
        format!("{stream} by itself is version {version:?} {body}, the log makes version {public_version} {expected:?} of it")
    })
}
