//! What the log says became of each command: run once, refused, withdrawn and perhaps begun afresh.

use std::collections::BTreeMap;

use crate::domain::Stream;
use crate::journal::{Closed, CommandMeta, Record};

/// Every command of the log.
#[derive(Debug, Default)]
pub(super) struct Runs {
    by_command: BTreeMap<u128, Run>,
    /// What no order of events can explain.
    pub(super) faults: Vec<String>,
}

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) stream: Stream,
    pub(super) stage: Stage,
    /// The rule that refused it.
    pub(super) refused: Option<String>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its facts wait for an ask.
    Open,
    /// It was answered, for good.
    Answered,
    /// As if it had never been.
    Withdrawn,
}

impl Runs {
    pub(super) fn of(&self, command: u128) -> Option<&Run> {
        self.by_command.get(&command)
    }

    pub(super) fn follow(&mut self, record: &Record) {
        match record {
            Record::Facts(facts) => {
                let stage = if facts.open { Stage::Open } else { Stage::Answered };
                self.step(facts.stream, &facts.command, stage, None);
            }
            Record::Answer(answer) => {
                let refused = answer.refusal.as_ref().map(|refusal| refusal.rule.to_string());
                self.step(answer.stream, &answer.command, Stage::Answered, refused);
            }
            Record::IntentOpened(intent) => self.step(intent.asker, &intent.opened_by, Stage::Open, None),
            Record::IntentClosed { opened_by, how, .. } => match self.by_command.get_mut(opened_by) {
                Some(run) if run.stage == Stage::Open => {
                    run.stage = match how {
                        Closed::Answered => Stage::Answered,
                        Closed::Withdrawn => Stage::Withdrawn,
                    };
                }
                other => self.faults.push(format!("an intent was closed of {opened_by:032x}, which is {other:?}")),
            },
            Record::Note(_) => {}
        }
    }

    fn step(&mut self, stream: Stream, command: &CommandMeta, stage: Stage, refused: Option<String>) {
        let new = Run { stream, stage, refused: refused.clone() };
        let Some(run) = self.by_command.get_mut(&command.id) else {
            self.by_command.insert(command.id, new);
            return;
        };
        match run.stage {
            // Begun afresh.
            Stage::Withdrawn => *run = new,
            // What follows from its ask; the intent's end says how it ended.
            Stage::Open if run.stream == stream => run.refused = refused,
            Stage::Open | Stage::Answered => {
                self.faults
                    .push(format!("{:032x} of {} runs again on {stream}: {run:?}", command.id, command.correlation));
            }
        }
    }
}
