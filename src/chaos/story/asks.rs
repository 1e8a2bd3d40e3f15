//! Asks: each opened once, closed once, and followed by its undo where it was given up.

use std::collections::HashMap;

use super::At;
use crate::clock::derived_id;
use crate::domain::Kind;
use crate::domain::provider::OUTSIDE;
use crate::journal::{Closed, Record};

/// An ask as the log tells it.
#[derive(Clone, Debug)]
pub(in crate::chaos) struct AskLife {
    pub(in crate::chaos) to: Kind,
    pub(in crate::chaos) opened_by: u128,
    pub(in crate::chaos) has_undo: bool,
    pub(in crate::chaos) ends: Vec<Closed>,
    /// The command the asked is given.
    pub(in crate::chaos) command: u128,
    /// The intent that undoes it, if it is ever opened.
    pub(in crate::chaos) undo: u128,
}

impl AskLife {
    pub(in crate::chaos) fn is_outside(&self) -> bool {
        self.to.service() == OUTSIDE
    }
}

/// Every ask by its id.
#[derive(Debug, Default)]
pub(in crate::chaos) struct Asks {
    pub(in crate::chaos) by_id: HashMap<u128, AskLife>,
    /// Asks that were opened twice, or closed and never opened.
    pub(in crate::chaos) faults: Vec<String>,
}

impl Asks {
    pub(super) fn take(&mut self, at: At, record: &Record) {
        match record {
            Record::IntentOpened(intent) => {
                let life = AskLife {
                    to: intent.to.kind,
                    opened_by: intent.opened_by.id,
                    has_undo: intent.undo.is_some(),
                    ends: Vec::new(),
                    command: derived_id(intent.id, "command"),
                    undo: derived_id(intent.id, "undo"),
                };
                if self.by_id.insert(intent.id, life).is_some() {
                    self.faults.push(format!("ask {:032x} is opened again in group {}", intent.id, at.group));
                }
            }
            Record::IntentClosed { intent, how, .. } => match self.by_id.get_mut(intent) {
                Some(life) => life.ends.push(*how),
                None => self.faults.push(format!("ask {intent:032x} ends in group {} and never began", at.group)),
            },
            Record::Facts(_) | Record::Answer(_) | Record::Note(_) => {}
        }
    }
}
