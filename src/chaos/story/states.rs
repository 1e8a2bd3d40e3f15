//! The fold: every aggregate and every view's row made again from the first fact, and what readers were shown on the way.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::{At, facts_of};
use crate::chaos::history::Op;
use crate::domain::system::{AnyState, ViewSpec};
use crate::domain::{Catalogue, Held, Kind, Recorded, Resource, Stream, System, Value};
use crate::journal::{Facts, Record};

/// What the fold has come to.
#[derive(Clone, Debug)]
pub(in crate::chaos) struct Folded {
    pub(in crate::chaos) state: Arc<dyn Held>,
    pub(in crate::chaos) version: u64,
    pub(in crate::chaos) public_version: u64,
}

/// Every aggregate and row.
#[derive(Debug)]
pub(in crate::chaos) struct States {
    resources: HashMap<Kind, Resource>,
    views: Vec<ViewSpec>,
    living: HashMap<Stream, (Arc<dyn AnyState>, u64, u64)>,
    pub(in crate::chaos) rows: BTreeMap<Stream, Folded>,
    /// Facts that do not go on where their stream stood: somebody else had written meanwhile.
    pub(in crate::chaos) forked: Vec<String>,
    /// How many commands' facts were folded.
    pub(in crate::chaos) folded: u64,
    /// Answers that show an item, by what version of it they show; taken out when the fold meets them.
    shown: HashMap<(Stream, u64), Vec<Shown>>,
    pub(in crate::chaos) seen: u64,
}

/// What a client was shown, and in which story.
#[derive(Clone, Debug)]
struct Shown {
    story: String,
    body: Json,
}

impl States {
    pub(super) fn new(systems: &[System], history: &[Op]) -> Self {
        let services = || systems.iter().flat_map(|system| &system.services);
        let resources = services().flat_map(|service| &service.resources);
        let mut shown: HashMap<_, Vec<_>> = HashMap::new();
        for op in history {
            let Some((stream, answer)) = op.stream().zip(op.done()) else { continue };
            let Some(version) = answer.version().filter(|_| !answer.body.is_empty()) else {
                continue;
            };
            shown.entry((stream, version)).or_default().push(Shown { story: op.story.clone(), body: answer.json() });
        }
        Self {
            resources: resources.map(|resource| (resource.kind, resource.clone())).collect(),
            views: services().flat_map(|service| service.views.iter().cloned()).collect(),
            living: HashMap::new(),
            rows: BTreeMap::new(),
            forked: Vec::new(),
            folded: 0,
            shown,
            seen: 0,
        }
    }

    pub(super) fn take(&mut self, at: At, record: &Record, catalogue: &Catalogue) {
        let Some(facts) = facts_of(record) else { return };
        self.folded += 1;
        self.fold(at, facts, catalogue);
        for fact in facts.recorded(at.position) {
            self.view(&fact);
        }
    }

    fn fold(&mut self, at: At, facts: &Facts, catalogue: &Catalogue) {
        let Some(spec) = catalogue.aggregate(facts.stream.kind.path()) else { return };
        let before = self.living.entry(facts.stream).or_insert_with(|| ((spec.initial)(), 0, 0));
        if facts.first_version != before.1 + 1 || facts.public_before != before.2 {
            self.forked.push(format!(
                "{} goes on in group {} with version {} ({} public before), it stood at {} ({})",
                facts.stream, at.group, facts.first_version, facts.public_before, before.1, before.2
            ));
        }
        *before = (before.0.evolved(&facts.events), facts.last_version(), facts.public_after());
        let (state, version, public_version) = before.clone();
        self.meet(facts.stream, public_version, &*state);
        self.rows.insert(facts.stream, Folded { state: state as Arc<dyn Held>, version, public_version });
    }

    fn view(&mut self, fact: &Recorded) {
        for view in self.views.iter().filter(|view| view.sources.contains(&fact.stream.kind)) {
            let Some(id) = (view.row)(fact) else { continue };
            let stream = Stream::new(view.kind, id);
            let row = self.rows.get(&stream);
            let state = (view.applied)(row.map(|row| &*row.state), fact);
            let (version, public) = row.map_or((0, 0), |row| (row.version, row.public_version));
            let public_version = public + u64::from(fact.event.is_public());
            self.rows.insert(stream, Folded { state, version: version + 1, public_version });
        }
    }

    /// Takes out whatever was shown of this version and looks like this state.
    fn meet(&mut self, stream: Stream, public_version: u64, state: &dyn Held) {
        let Some(waiting) = self.shown.get_mut(&(stream, public_version)) else { return };
        let Some(resource) = self.resources.get(&stream.kind) else { return };
        let expected = represented(resource, state);
        let before = waiting.len();
        waiting.retain(|shown| !is_shown(&expected, &shown.body));
        self.seen += (before - waiting.len()) as u64;
    }

    /// What was shown and never was.
    pub(in crate::chaos) fn never_were(&self) -> Vec<String> {
        let left = self.shown.iter().flat_map(|((stream, version), shown)| {
            shown
                .iter()
                .map(move |shown| format!("{} was shown {stream} version {version} as {}", shown.story, shown.body))
        });
        left.collect()
    }

    /// Every aggregate or row of a kind that exists.
    pub(in crate::chaos) fn existing(&self, kind: Kind) -> impl Iterator<Item = (&Stream, &Folded)> {
        let of_kind = Stream::new(kind, 0)..=Stream::new(kind, u64::MAX);
        self.rows.range(of_kind).filter(|(_, row)| row.state.exists())
    }

    /// Tells whether a kind is a view's.
    pub(in crate::chaos) fn is_view(&self, kind: Kind) -> bool {
        self.views.iter().any(|view| view.kind == kind)
    }

    /// The resource that shows a kind.
    pub(in crate::chaos) fn resource(&self, kind: Kind) -> Option<&Resource> {
        self.resources.get(&kind)
    }
}

/// A state as clients see its fields.
pub(in crate::chaos) fn represented(resource: &Resource, state: &dyn Held) -> Map<String, Json> {
    let fields = resource.fields.iter().zip(resource.represent(state));
    fields.map(|(field, value)| (field.name.to_owned(), json(value))).collect()
}

/// Tells whether a body shows these fields; one without a value may be missing.
pub(in crate::chaos) fn is_shown(expected: &Map<String, Json>, body: &Json) -> bool {
    expected.iter().all(|(name, value)| body.get(name).unwrap_or(&Json::Null) == value)
}

fn json(value: Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Int(number) => number.into(),
        Value::Text(text) => text.into(),
    }
}
