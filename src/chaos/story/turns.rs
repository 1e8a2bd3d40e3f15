//! Policies' turns: what must follow from each fact, and where the log tells that it did.

use std::collections::{BTreeMap, HashSet};

use super::{At, facts_of};
use crate::domain::system::PolicySpec;
use crate::domain::{Stream, System};
use crate::journal::record::turn_id;
use crate::journal::{Note, Position, Record};

/// A command that a fact must lead to, once.
#[derive(Clone, Debug)]
pub(in crate::chaos) struct Turn {
    pub(in crate::chaos) command: u128,
    /// The follower, and the stream whose facts it follows in order.
    pub(in crate::chaos) service: &'static str,
    pub(in crate::chaos) source: Stream,
    pub(in crate::chaos) version: u64,
    pub(in crate::chaos) position: Position,
    pub(in crate::chaos) policy: &'static str,
}

/// Every turn that must have been, in the order of the facts.
#[derive(Debug)]
pub(in crate::chaos) struct Turns {
    policies: Vec<(&'static str, PolicySpec)>,
    pub(in crate::chaos) expected: Vec<Turn>,
    pub(in crate::chaos) ids: HashSet<u128>,
    /// How often followers noted where they are, and where one went back.
    pub(in crate::chaos) noted: u64,
    pub(in crate::chaos) back: Vec<String>,
    marks: BTreeMap<String, Position>,
}

impl Turns {
    pub(super) fn new(systems: &[System]) -> Self {
        let services = systems.iter().flat_map(|system| &system.services);
        let policies =
            services.flat_map(|service| service.policies.iter().map(|policy| (service.name, policy.clone())));
        Self {
            policies: policies.collect(),
            expected: Vec::new(),
            ids: HashSet::new(),
            noted: 0,
            back: Vec::new(),
            marks: BTreeMap::new(),
        }
    }

    pub(super) fn take(&mut self, at: At, record: &Record) {
        if let Record::Note(Note::Followed { follower, position }) = record {
            self.noted += 1;
            let mark = self.marks.entry(follower.clone()).or_default();
            if *position < *mark {
                self.back.push(format!("{follower} goes back from {mark} to {position}"));
            }
            *mark = *position;
        }
        let Some(facts) = facts_of(record) else { return };
        let policies = &self.policies;
        for fact in facts.recorded(at.position) {
            for (service, policy) in policies.iter().filter(|(_, policy)| policy.source == fact.stream.kind) {
                for (_, index) in (policy.react)(&fact).iter().zip(0..) {
                    let command = turn_id(policy.name, fact.stream, fact.version, index);
                    self.ids.insert(command);
                    let (source, version, position) = (fact.stream, fact.version, fact.position);
                    self.expected.push(Turn { command, service, source, version, position, policy: policy.name });
                }
            }
        }
    }
}
