//! Evidence made by hand: a history, a log and what was seen, with something wrong that its invariant must name.

mod answers;
mod asks;
mod business;
mod liveness;
mod order;
mod states;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::Value;

use super::client::{Answer, Request};
use super::history::{Act, Heard, Op, Try};
use super::invariants::{Evidence, judge};
use super::operator::Vitals;
use super::probes::Paced;
use super::report::Verdict;
use super::shown::Shown;
use super::story::Story;
use crate::clock::derived_id;
use crate::domain::{Catalogue, Kind, Stream};
use crate::http_client::{Bytes, Method};
use crate::journal::{CommandMeta, Facts, Origin, Record};
use crate::systems;

/// An office rental.
const RENTAL: Stream = Stream::new(Kind::new("oa-rental/rental/rental"), 1);

/// What is judged, made piece by piece.
struct Case {
    evidence: Evidence,
    catalogue: Catalogue,
    /// How many facts each stream has, and how many of them are public.
    versions: HashMap<Stream, (u64, u64)>,
    facts: u64,
}

impl Case {
    fn new() -> Self {
        let systems = systems::all();
        let evidence = Evidence {
            history: Vec::new(),
            begun_at: 0,
            story: Story::new(&systems, &[]),
            shown: Shown::default(),
            actors: BTreeMap::new(),
            before: Vitals::default(),
            rest: Vitals::default(),
            after: Vitals::default(),
            knocked: 0,
            silent: Vec::new(),
            idle_before: Paced::default(),
            idle_after: Paced::default(),
        };
        Self { evidence, catalogue: Catalogue::of(&systems), versions: HashMap::new(), facts: 0 }
    }

    /// Writes a fact of a client's command without a key, in a group of its own.
    fn fact(&mut self, stream: Stream, story: &str, name: &str, fields: Value) {
        let spec = self.catalogue.aggregate(stream.kind.path()).expect("a kind of the catalogue");
        let (_, schema) = spec.events.iter().find(|(known, _)| *known == name).expect("an event of that kind");
        let mut fields = <dyn erased_serde::Deserializer<'_>>::erase(fields);
        let event = (spec.decode_event)(name, *schema, &mut fields).expect("its fields");
        let (version, public_before) = self.versions.get(&stream).copied().unwrap_or_default();
        let command = CommandMeta {
            id: derived_id(0, story),
            origin: Origin::Edge,
            fingerprint: 0,
            causation: 0,
            correlation: story.into(),
            trace: None,
        };
        let (first_version, events) = (version + 1, vec![event]);
        let facts = Facts { stream, first_version, public_before, time_ms: 0, command, open: false, events };
        self.versions.insert(stream, (facts.last_version(), facts.public_after()));
        self.record(&[Record::Facts(facts)]);
    }

    /// Writes a group.
    fn record(&mut self, records: &[Record]) {
        self.facts += 1;
        self.evidence.story.tell(self.facts, self.facts, records, &self.catalogue);
    }

    fn verdict(&self, invariant: &str) -> Verdict {
        let verdicts = judge(&self.evidence);
        verdicts.into_iter().find(|(_, name, _)| *name == invariant).expect("an invariant of that name").2
    }

    fn faults(&self, invariant: &str) -> Vec<String> {
        self.verdict(invariant).faults
    }
}

/// A request about one aggregate that was not sent yet.
fn op(story: &str, act: Act, method: Method, stream: Stream) -> Op {
    let target = (act != Act::Create).then_some(stream.id);
    let sent = Request::new(method, "/".to_owned());
    Op { story: story.to_owned(), act, kind: stream.kind, target, key: None, sent, tries: Vec::new() }
}

impl Op {
    /// Is sent, and answered with that status; times in milliseconds.
    fn answered(self, began: u64, ended: u64, status: u16) -> Self {
        let location = (status == 201).then(|| "/1".to_owned());
        self.heard(began, ended, Heard::of(Ok(Answer { status, etag: None, location, body: Bytes::new() })))
    }

    /// Is sent, and ends like that.
    fn heard(mut self, began: u64, ended: u64, heard: Heard) -> Self {
        let [began, ended] = [began, ended].map(Duration::from_millis);
        self.tries.push(Try { began, ended, heard });
        self
    }
}
