//! Asks between aggregates and of outside parties: ended once, and undone where they were given up.

use std::collections::HashMap;

use super::Evidence;
use crate::chaos::history::{Act, Heard};
use crate::chaos::report::Verdict;
use crate::journal::Closed;

/// Each intent was opened once and closed once; an answered one's command ran.
pub(super) fn each_ends_once(evidence: &Evidence) -> Verdict {
    let asks = &evidence.story.asks;
    let mut faults = asks.faults.clone();
    for (id, life) in &asks.by_id {
        if life.ends.len() != 1 {
            faults.push(format!("ask {id:032x} of {} ended {} times", life.to, life.ends.len()));
        }
        let runs = evidence.story.commands.by_id.get(&life.command).map_or(0, |command| command.runs);
        if runs > 1 {
            faults.push(format!("ask {id:032x} had {} do it more than once", life.to));
        }
        // What an outside party did is in no log of ours.
        if runs == 0 && life.ends == [Closed::Answered] && !life.is_outside() {
            faults.push(format!("ask {id:032x} was answered, and {} never ran it", life.to));
        }
    }
    Verdict::of(asks.by_id.len() as u64, "asks", faults)
}

/// A try whose end nobody knew was withdrawn together with its undo, which came to its end; nothing is held at rest.
pub(super) fn what_was_given_up_is_undone(evidence: &Evidence) -> Verdict {
    let asks = &evidence.story.asks.by_id;
    let (mut looked_at, mut faults) = (0, Vec::new());
    let mut withdrawn: HashMap<u128, Vec<(u128, u128)>> = HashMap::new();
    for (id, life) in asks {
        if life.has_undo && life.ends.contains(&Closed::Withdrawn) {
            withdrawn.entry(life.opened_by).or_default().push((*id, life.undo));
        }
    }
    for op in evidence.history.iter().filter(|op| op.act == Act::Create) {
        let id = op.command().or_else(|| evidence.story.commands.of_story(&op.story).next().map(|(id, _)| id));
        let Some(given_up) = id.and_then(|id| withdrawn.get(&id)) else { continue };
        looked_at += given_up.len() as u64;
        // Turned away, it needs no undo; without any answer, nobody knows which it was.
        let timed_out = op.tries.iter().any(|attempt| attempt.heard == Heard::TimedOut);
        let is_clear =
            !op.tries.iter().any(|attempt| matches!(attempt.heard, Heard::NotExecuted | Heard::Unknown | Heard::Left));
        if timed_out && is_clear && !given_up.iter().any(|(_, undo)| asks.contains_key(undo)) {
            faults.push(format!("{} was given up and nothing undid what it had asked for", op.story));
        }
    }
    for (stream, row) in &evidence.story.states.rows {
        let state = serde_json::to_value(row.state.payload()).unwrap_or_default();
        let Some(hold) = state.get("hold").or(state.get("held")) else { continue };
        looked_at += 1;
        if hold == "Held" || hold.as_object().is_some_and(|held| !held.is_empty()) {
            faults.push(format!("{stream} still holds {hold} for somebody"));
        }
    }
    Verdict::of(looked_at, "holds", faults)
}

/// Whatever an outside party was asked came to an end, under one id each.
pub(super) fn providers_are_asked_to_an_end(evidence: &Evidence) -> Verdict {
    let outside = evidence.story.asks.by_id.iter().filter(|(_, life)| life.is_outside());
    let (mut looked_at, mut faults) = (0, Vec::new());
    for (id, life) in outside {
        looked_at += 1;
        if life.ends.len() != 1 {
            faults.push(format!("{} was asked {id:032x}, which ended {} times", life.to, life.ends.len()));
        }
    }
    Verdict::of(looked_at, "errands", faults)
        .or_absent("no outside party has an address here: the built-in ones agree at once")
}
