//! Answers: none lost, none doubled, none from nowhere, and the same one for the same key.

use std::collections::HashSet;

use super::Evidence;
use crate::chaos::client::Answer;
use crate::chaos::history::{Act, Heard, Op};
use crate::chaos::report::Verdict;
use crate::chaos::story::Command;
use crate::domain::Stream;
use crate::http_client::Method;
use crate::journal::Origin;

/// What the log tells of an op: with a key by its id, without one by its story.
fn told<'a>(evidence: &'a Evidence, op: &Op) -> Option<(u128, &'a Command)> {
    match op.command() {
        Some(id) => evidence.story.commands.by_id.get(&id).map(|command| (id, command)),
        None => evidence.story.commands.of_story(&op.story).next(),
    }
}

/// Every answered write is in the log, with the version the answer told.
pub(super) fn none_is_lost(evidence: &Evidence) -> Verdict {
    let (mut looked_at, mut faults) = (0, Vec::new());
    let undone = undone(evidence);
    for op in &evidence.history {
        if let Some(Heard::Odd(answer)) =
            op.tries.iter().map(|attempt| &attempt.heard).find(|h| matches!(h, Heard::Odd(_)))
        {
            let said = String::from_utf8_lossy(&answer.body);
            faults.push(format!("{} {} was answered {}: {said}", op.story, op.sent.path, answer.status));
        }
        let Some(answer) = op.done().filter(|_| op.writes()) else { continue };
        looked_at += 1;
        let Some((_, command)) = told(evidence, op) else {
            if op.key.is_some() || !may_leave_nothing(op, &undone) {
                faults.push(format!("{} was answered {} and is not in the log", op.story, answer.status));
            }
            continue;
        };
        if command.runs == 0 || command.refused {
            faults.push(format!("{} was answered {} and the log says {command:?}", op.story, answer.status));
        }
        if op.stream().is_some_and(|stream| stream != command.stream) {
            faults.push(format!(
                "{} was answered about {:?}, the log tells of {}",
                op.story,
                op.stream(),
                command.stream
            ));
        }
        let versions = answer.version().zip(command.versions);
        if let Some((told, (_, stored))) = versions
            && told != stored
        {
            faults.push(format!("{} was answered version {told}, the log has {stored}", op.story));
        }
    }
    Verdict::of(looked_at, "answered writes", faults)
}

/// Whatever the log says that clients undid.
fn undone(evidence: &Evidence) -> HashSet<Stream> {
    let undos = evidence.history.iter().filter(|op| op.act == Act::Undo).filter_map(|op| told(evidence, op));
    undos.filter(|(_, command)| command.public > 0).map(|(_, command)| command.stream).collect()
}

/// Without a key, what changes nothing leaves nothing. Of what these clients do, only what is undone by a PATCH stays and
/// may be undone again.
fn may_leave_nothing(op: &Op, undone: &HashSet<Stream>) -> bool {
    let is_undo = op.act == Act::Undo && op.sent.method != Method::DELETE;
    is_undo && op.stream().is_some_and(|stream| undone.contains(&stream))
}

/// Whatever clients' commands the log tells of since the load began were asked for, and what was turned away was not done.
pub(super) fn none_is_a_ghost(evidence: &Evidence) -> Verdict {
    let stories: HashSet<&str> = evidence.history.iter().map(|op| &*op.story).collect();
    let keys: HashSet<u128> = evidence.history.iter().filter_map(Op::command).collect();
    let (mut looked_at, mut faults) = (0, Vec::new());
    for (id, command) in evidence.story.commands.of_clients() {
        // What has no facts stands where the next fact will.
        let begun = evidence.begun_at + u64::from(command.versions.is_none());
        if command.position <= begun && !stories.contains(&*command.correlation) {
            continue;
        }
        looked_at += 1;
        let is_known = match command.origin {
            Origin::Keyed => keys.contains(&id),
            Origin::Edge | Origin::Policy | Origin::Ask => stories.contains(&*command.correlation),
        };
        if !is_known {
            faults.push(format!(
                "command {id:032x} of {} was never asked for (story {})",
                command.stream, command.correlation
            ));
        }
    }
    for op in evidence.history.iter().filter(|op| op.writes() && op.was_turned_away()) {
        looked_at += 1;
        if let Some((_, command)) = told(evidence, op).filter(|(_, command)| command.runs > 0 || command.public > 0) {
            faults.push(format!("{} was turned away and the log says {command:?}", op.story));
        }
    }
    Verdict::of(looked_at, "clients' commands", faults)
}

/// No command runs twice, whoever gave it, and no request became two commands.
pub(super) fn each_runs_once(evidence: &Evidence) -> Verdict {
    let commands = &evidence.story.commands;
    let mut faults = commands.doubled.clone();
    for op in &evidence.history {
        let ran: Vec<_> = commands.of_story(&op.story).filter(|(_, command)| command.runs > 0).collect();
        if ran.len() > 1 {
            faults.push(format!("{} became {} commands", op.story, ran.len()));
        }
    }
    Verdict::of(commands.by_id.len() as u64, "commands", faults)
}

/// What was not answered happened once or not at all, and sending it again with its key said which.
pub(super) fn unknowns_are_resolved(evidence: &Evidence) -> Verdict {
    let (mut looked_at, mut faults) = (0, Vec::new());
    for op in evidence.history.iter().filter(|op| op.writes() && op.was_unknown()) {
        looked_at += 1;
        let told = told(evidence, op);
        let runs = told.map_or(0, |(_, command)| command.runs);
        if runs > 1 {
            faults.push(format!("{} was not answered and ran {runs} times", op.story));
        }
        if op.key.is_none() {
            continue;
        }
        match op.settled().map(|settled| &settled.heard) {
            None => faults.push(format!("{} was sent {} times and never answered", op.story, op.tries.len())),
            Some(Heard::Ok(_)) if runs == 0 => {
                faults.push(format!("{} was answered at last and is not in the log", op.story))
            }
            Some(Heard::Refused(answer)) if told.is_some_and(|(_, command)| command.runs > 0 && !command.refused) => {
                faults.push(format!("{} was done and then answered {}", op.story, answer.status));
            }
            Some(_) => {}
        }
    }
    Verdict::of(looked_at, "writes without an answer", faults)
}

/// All answers to one key are the same, to the byte; a refusal says besides when it was told, and what was missing stays
/// so.
pub(super) fn a_key_has_one_answer(evidence: &Evidence) -> Verdict {
    let (mut looked_at, mut faults) = (0, Vec::new());
    for op in evidence.history.iter().filter(|op| op.key.is_some()) {
        let mut answers = op.tries.iter().filter_map(|attempt| attempt.heard.answer());
        let Some(first) = answers.next() else { continue };
        for other in answers {
            looked_at += 1;
            // What is missing left no answer to repeat; but no id is given twice, so that it stays missing.
            let is_as_before = if first.status == 404 { other.status == 404 } else { is_same(first, other) };
            if !is_as_before {
                faults.push(format!("{}: {first:?}, then {other:?}", op.story));
            }
        }
    }
    Verdict::of(looked_at, "repeated answers", faults)
}

fn is_same(first: &Answer, other: &Answer) -> bool {
    let untimed = |answer: &Answer| {
        let mut body = answer.json();
        let told_at = body.as_object_mut().and_then(|fields| fields.remove("timestamp"));
        (answer.status, answer.etag.clone(), answer.location.clone(), told_at.is_some(), body)
    };
    first == other || (first.status == 409 && untimed(first) == untimed(other))
}
