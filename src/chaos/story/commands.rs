//! Every command the log knows, and what it came to: once, or not at all.

use std::collections::HashMap;
use std::sync::Arc;

use super::At;
use crate::domain::Stream;
use crate::journal::{Closed, CommandMeta, Facts, Origin, Position, Record};

/// How far a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::chaos) enum Phase {
    /// Nothing, or withdrawn: its id is free.
    Free,
    /// Its first facts stand; the same group must open its intent.
    Opening,
    /// Its ask is open.
    Open,
    /// Its last facts stand; the same group must close its intent.
    Closing,
    /// It has come to its end.
    Done,
}

/// A command as the log tells it.
#[derive(Clone, Debug)]
pub(in crate::chaos) struct Command {
    pub(in crate::chaos) stream: Stream,
    pub(in crate::chaos) origin: Origin,
    pub(in crate::chaos) correlation: Arc<str>,
    pub(in crate::chaos) phase: Phase,
    /// How often it came to an end.
    pub(in crate::chaos) runs: u32,
    pub(in crate::chaos) withdrawn: u32,
    /// How many public facts it led to.
    pub(in crate::chaos) public: u64,
    /// The version and the public version after its facts.
    pub(in crate::chaos) versions: Option<(u64, u64)>,
    pub(in crate::chaos) refused: bool,
    /// Where it is told of first.
    pub(in crate::chaos) order: u64,
    pub(in crate::chaos) position: Position,
}

/// Every command by its id.
#[derive(Debug, Default)]
pub(in crate::chaos) struct Commands {
    pub(in crate::chaos) by_id: HashMap<u128, Command>,
    by_story: HashMap<Arc<str>, Vec<u128>>,
    /// Commands that came to an end more than once.
    pub(in crate::chaos) doubled: Vec<String>,
    /// Commands whose parts stand apart.
    pub(in crate::chaos) torn: Vec<String>,
    unfinished: Vec<u128>,
}

impl Commands {
    pub(super) fn take(&mut self, at: At, record: &Record) {
        match record {
            Record::Facts(facts) => self.facts(at, facts),
            Record::Answer(answer) => {
                let command = self.known(at, answer.stream, &answer.command);
                command.refused = answer.refusal.is_some();
                self.ended(at, answer.command.id, Phase::Done);
            }
            Record::IntentOpened(intent) => {
                self.known(at, intent.asker, &intent.opened_by);
                self.opened(at, intent.opened_by.id);
            }
            Record::IntentClosed { opened_by, how, .. } => self.closed(at, *opened_by, *how),
            Record::Note(_) => {}
        }
    }

    fn facts(&mut self, at: At, facts: &Facts) {
        let command = self.known(at, facts.stream, &facts.command);
        command.public += facts.public_after() - facts.public_before;
        command.versions = Some((facts.last_version(), facts.public_after()));
        self.ended(at, facts.command.id, if facts.open { Phase::Opening } else { Phase::Done });
    }

    fn known(&mut self, at: At, stream: Stream, meta: &CommandMeta) -> &mut Command {
        let by_story = &mut self.by_story;
        let command = self.by_id.entry(meta.id).or_insert_with(|| {
            if matches!(meta.origin, Origin::Edge | Origin::Keyed) {
                by_story.entry(Arc::clone(&meta.correlation)).or_default().push(meta.id);
            }
            Command {
                stream,
                origin: meta.origin,
                correlation: Arc::clone(&meta.correlation),
                phase: Phase::Free,
                runs: 0,
                withdrawn: 0,
                public: 0,
                versions: None,
                refused: false,
                order: at.order,
                position: at.position,
            }
        });
        // Begun afresh after a withdrawal, a creation gets another id.
        if command.phase == Phase::Free {
            command.stream = stream;
        }
        command
    }

    /// Facts or an answer: of a whole run, or of one end of an ask.
    fn ended(&mut self, at: At, id: u128, alone: Phase) {
        let Some(command) = self.by_id.get_mut(&id) else { return };
        match command.phase {
            Phase::Free => {
                command.phase = alone;
                command.runs += u32::from(alone == Phase::Done);
            }
            Phase::Open | Phase::Closing => command.phase = Phase::Closing,
            Phase::Opening => {
                self.torn.push(format!("command {id:032x} goes on in group {} without its ask", at.group))
            }
            Phase::Done => {
                command.runs += 1;
                self.doubled.push(format!("command {id:032x} of {} runs again in group {}", command.stream, at.group));
            }
        }
        self.unfinished.push(id);
    }

    fn opened(&mut self, at: At, id: u128) {
        let Some(command) = self.by_id.get_mut(&id) else { return };
        match command.phase {
            Phase::Free | Phase::Opening => command.phase = Phase::Open,
            Phase::Open | Phase::Closing | Phase::Done => {
                self.doubled.push(format!("command {id:032x} of {} asks again in group {}", command.stream, at.group));
            }
        }
    }

    fn closed(&mut self, at: At, id: u128, how: Closed) {
        let Some(command) = self.by_id.get_mut(&id) else {
            self.torn.push(format!("an ask of command {id:032x} ends in group {} and never began", at.group));
            return;
        };
        match how {
            Closed::Answered => {
                command.phase = Phase::Done;
                command.runs += 1;
            }
            Closed::Withdrawn => {
                command.phase = Phase::Free;
                command.withdrawn += 1;
            }
        }
    }

    /// At the end of a group no command may stand half.
    pub(super) fn group_ends(&mut self, group: u64) -> u64 {
        let ended = std::mem::take(&mut self.unfinished);
        for id in &ended {
            let phase = self.by_id.get(id).map(|command| command.phase);
            if matches!(phase, Some(Phase::Opening | Phase::Closing)) {
                self.torn.push(format!("command {id:032x} stands half at the end of group {group}: {phase:?}"));
            }
        }
        ended.len() as u64
    }

    /// What clients' commands of a story came to; a key has one, a request without has one too.
    pub(in crate::chaos) fn of_story(&self, story: &str) -> impl Iterator<Item = (u128, &Command)> {
        let ids = self.by_story.get(story).map_or(&[][..], Vec::as_slice);
        ids.iter().filter_map(|id| Some((*id, self.by_id.get(id)?)))
    }

    /// Every command that a client gave.
    pub(in crate::chaos) fn of_clients(&self) -> impl Iterator<Item = (u128, &Command)> {
        let is_clients = |command: &&Command| matches!(command.origin, Origin::Edge | Origin::Keyed);
        self.by_id.iter().map(|(id, command)| (*id, command)).filter(move |(_, command)| is_clients(command))
    }
}
