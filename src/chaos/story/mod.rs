//! What the log tells, read once from the first record to the last, without the server's lock.

mod asks;
mod commands;
mod groups;
mod ledgers;
mod pairs;
mod states;
mod turns;

use std::path::Path;

use super::history::Op;
use crate::domain::{Catalogue, System};
use crate::journal::disk::log::{Frame, Verified, walk_living};
use crate::journal::{Position, Record, codec};

pub(super) use asks::Asks;
pub(super) use commands::{Command, Commands};
pub(super) use groups::Groups;
pub(super) use ledgers::Ledgers;
pub(crate) use pairs::Pairs;
pub(super) use states::{States, is_shown, represented};
pub(super) use turns::Turns;

/// Where a record stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    /// Its number among all records.
    pub(super) order: u64,
    pub(super) group: u64,
    /// The position of its first fact, if it has any.
    pub(super) position: Position,
}

/// The whole log, each part read for what it promises.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) commands: Commands,
    pub(super) groups: Groups,
    pub(super) states: States,
    pub(super) turns: Turns,
    pub(super) asks: Asks,
    pub(super) ledgers: Ledgers,
    pub(super) pairs: Pairs,
    /// What was walked; or the damage found.
    pub(super) walked: Result<Verified, String>,
    records: u64,
}

impl Story {
    /// Reads the log in a data directory beside a history.
    pub(super) fn read(data: &Path, systems: &[System], history: &[Op]) -> Self {
        let catalogue = Catalogue::of(systems);
        let mut story = Self::new(systems, history);
        let walked = walk_living(&data.join("log"), &mut |frame| story.take(frame, &catalogue));
        story.walked = walked.map_err(|error| error.to_string());
        story
    }

    /// Begins beside a history, before the first record.
    pub(super) fn new(systems: &[System], history: &[Op]) -> Self {
        Self {
            commands: Commands::default(),
            groups: Groups::default(),
            states: States::new(systems, history),
            turns: Turns::new(systems),
            asks: Asks::default(),
            ledgers: Ledgers::default(),
            pairs: Pairs::default(),
            walked: Err("nothing was read".to_owned()),
            records: 0,
        }
    }

    fn take(&mut self, frame: &Frame, catalogue: &Catalogue) {
        let records = match codec::decode_records(&frame.payload, catalogue) {
            Ok(records) => records,
            Err(error) => {
                self.groups.faults.push(format!("group {} cannot be read: {error}", frame.header.group()));
                return;
            }
        };
        self.tell(frame.header.group(), frame.header.first_position(), &records, catalogue);
        self.groups.take(frame, &records, &mut self.commands);
    }

    /// Takes a group's records in.
    pub(super) fn tell(&mut self, group: u64, first: Position, records: &[Record], catalogue: &Catalogue) {
        let mut position = first;
        for record in records {
            self.records += 1;
            let at = At { order: self.records, group, position };
            self.commands.take(at, record);
            self.states.take(at, record, catalogue);
            self.turns.take(at, record);
            self.asks.take(at, record);
            self.ledgers.take(at, record);
            self.pairs.take(record);
            position += record.positions();
        }
    }
}

/// The record's facts, if it has any.
fn facts_of(record: &Record) -> Option<&crate::journal::Facts> {
    match record {
        Record::Facts(facts) => Some(facts),
        Record::Answer(_) | Record::IntentOpened(_) | Record::IntentClosed { .. } | Record::Note(_) => None,
    }
}
