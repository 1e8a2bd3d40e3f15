//! A system in miniature: states, facts and who has still to hear of them, run one step at a time in any order.
//!
//! It keeps what the shell promises and nothing more: a service has one follower, which hears each stream in
//! order; an aggregate with an open ask lets commands wait; a view hears everything in the order of the log.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::domain::aggregate::RefusalClass;
use crate::domain::provider::OUTSIDE;
use crate::domain::system::{AnyState, Order};
use crate::domain::{
    Aggregate, Answer, AnyCommand, AnyEvent, Ask, Asked, Catalogue, Context, Event, Held, Kind, Recorded, Refusal,
    Stream, System, Value,
};

/// More steps than any of the tests' stories can take; beyond it something goes round in circles.
const STEPS_MAX: usize = 20_000;

pub(crate) struct World {
    system: System,
    catalogue: Catalogue,
    states: BTreeMap<Stream, Arc<dyn AnyState>>,
    rows: BTreeMap<Stream, Arc<dyn Held>>,
    pub(crate) log: Vec<Recorded>,
    calls: BTreeMap<Stream, VecDeque<Call>>,
    unheard: BTreeMap<(&'static str, Stream), VecDeque<Recorded>>,
    asks: BTreeMap<Stream, OpenAsk>,
}

/// What a client wants of an aggregate.
pub(crate) struct Call {
    to: Stream,
    command: Arc<dyn AnyCommand>,
    reaches: bool,
}

impl Call {
    pub(crate) fn to<A: Aggregate>(id: u64, command: impl Into<A::Command>) -> Self {
        let command: A::Command = command.into();
        Self { to: Stream::new(A::KIND, id), command: Arc::new(command), reaches: true }
    }

    /// The asked service is stopped: what this call asks is withdrawn.
    pub(crate) fn in_vain(mut self) -> Self {
        self.reaches = false;
        self
    }
}

#[derive(Debug)]
struct OpenAsk {
    ask: Ask,
    caused_by: u64,
    answer: Option<Answer>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Hear(&'static str, Stream),
    Ask(Stream),
    Call(Stream),
}

impl World {
    pub(crate) fn of(system: System) -> Self {
        let catalogue = Catalogue::of(std::slice::from_ref(&system));
        Self {
            system,
            catalogue,
            states: BTreeMap::new(),
            rows: BTreeMap::new(),
            log: Vec::new(),
            calls: BTreeMap::new(),
            unheard: BTreeMap::new(),
            asks: BTreeMap::new(),
        }
    }

    /// Has a client call sometime; calls to one aggregate stay in order.
    pub(crate) fn later(&mut self, call: Call) {
        self.calls.entry(call.to).or_default().push_back(call);
    }

    /// Has a client call now and waits for its answer, while no follower moves.
    pub(crate) fn now(&mut self, call: &Call) -> Result<(), Refusal> {
        assert!(!self.asks.contains_key(&call.to), "{} is asking", call.to);
        self.tell(call.to, &*call.command, 0, call.reaches)?;
        let mut outcome = Ok(());
        while self.asks.contains_key(&call.to) {
            outcome = self.ask(call.to);
        }
        outcome
    }

    /// Has a client call now, with success, and everything that follows done.
    #[track_caller]
    pub(crate) fn settle<A: Aggregate>(&mut self, id: u64, command: impl Into<A::Command>) {
        self.now(&Call::to::<A>(id, command)).expect("accepted");
        self.run(&[]);
    }

    /// Has a client call now, in vain, by the rule of this name.
    #[track_caller]
    pub(crate) fn refuses<A: Aggregate>(&mut self, id: u64, command: impl Into<A::Command>, rule: &str) {
        assert_eq!(self.now(&Call::to::<A>(id, command)).expect_err(rule).rule, rule);
    }

    /// Runs until nothing is left to do; the choices say what comes next, and when they end it is the first.
    pub(crate) fn run(&mut self, choices: &[usize]) {
        let mut choices = choices.iter().copied();
        for _ in 0..STEPS_MAX {
            let steps = self.steps();
            if steps.is_empty() {
                let idle = self.asks.is_empty() && self.unheard.values().all(VecDeque::is_empty);
                assert!(idle, "stuck: {:?} {:?}", self.asks, self.unheard);
                return;
            }
            match steps[choices.next().unwrap_or(0) % steps.len()] {
                Step::Hear(service, stream) => self.hear(service, stream),
                Step::Ask(asker) => drop(self.ask(asker)),
                Step::Call(to) => self.call(to),
            }
        }
        panic!("still busy after {STEPS_MAX} steps");
    }

    /// What clients see of one item of a service's collection.
    pub(crate) fn get(&self, service: &str, collection: &str, id: u64) -> Option<Vec<Value>> {
        let service = self.system.services.iter().find(|candidate| candidate.name == service);
        let mut resources = service.expect("a service").resources.iter();
        let resource = resources.find(|candidate| candidate.collection == collection).expect("a collection");
        let stream = Stream::new(resource.kind, id);
        let state = self.states.get(&stream).map(|state| &**state as &dyn Held);
        let shown = state.or_else(|| self.rows.get(&stream).map(|row| &**row))?;
        shown.exists().then(|| resource.represent(shown))
    }

    /// One value of what clients see of an item.
    pub(crate) fn value(&self, service: &str, collection: &str, id: u64, at: usize) -> Option<Value> {
        self.get(service, collection, id).map(|values| values[at].clone())
    }

    /// The facts of one family, in the order of the log.
    pub(crate) fn facts<E: Event>(&self) -> impl Iterator<Item = (&Recorded, &E)> {
        self.log.iter().filter_map(|fact| Some((fact, fact.of::<E>()?)))
    }

    fn steps(&self) -> Vec<Step> {
        let heard = self.unheard.iter().filter(|(_, facts)| !facts.is_empty());
        let heard = heard.filter(|((service, _), facts)| {
            let known = |order: &Order| Some(Stream::new(order.kind, order.id?));
            self.orders(service, &facts[0]).iter().filter_map(known).all(|to| !self.asks.contains_key(&to))
        });
        let asks = self.asks.iter().filter(|(_, open)| open.answer.is_some() || self.answers(open));
        let calls = self.calls.keys().filter(|to| !self.asks.contains_key(to));
        heard
            .map(|((service, stream), _)| Step::Hear(service, *stream))
            .chain(asks.map(|(asker, _)| Step::Ask(*asker)))
            .chain(calls.map(|to| Step::Call(*to)))
            .collect()
    }

    /// An unknown target is an answer only once everything before the asking fact was heard.
    fn answers(&self, open: &OpenAsk) -> bool {
        let (to, command) = (open.ask.to, &*open.ask.command);
        if self.asks.contains_key(&to) {
            return false;
        }
        let is_late = |fact: &Recorded| fact.position < open.caused_by;
        let mut unheard = self.unheard.iter().filter(|((service, _), _)| *service == to.kind.service());
        match self.state(to).decide(command, &context(to)) {
            Err(refusal) if refusal.class == RefusalClass::UnknownTarget => {
                !unheard.any(|(_, facts)| facts.iter().any(is_late))
            }
            Err(_) | Ok(_) => true,
        }
    }

    fn call(&mut self, to: Stream) {
        let calls = self.calls.get_mut(&to).expect("a chosen call");
        let call = calls.pop_front().expect("a chosen call");
        if calls.is_empty() {
            self.calls.remove(&to);
        }
        drop(self.tell(to, &*call.command, 0, call.reaches));
    }

    fn hear(&mut self, service: &'static str, stream: Stream) {
        let facts = self.unheard.get_mut(&(service, stream)).expect("a chosen stream");
        let fact = facts.pop_front().expect("a chosen fact");
        for order in self.orders(service, &fact) {
            let to = Stream::new(order.kind, order.id.unwrap_or_else(|| self.next_id(order.kind)));
            drop(self.tell(to, &*order.command, fact.position, true));
        }
    }

    fn next_id(&self, kind: Kind) -> u64 {
        let last = self.states.keys().filter(|stream| stream.kind == kind).map(|stream| stream.id).max();
        last.unwrap_or(0) + 1
    }

    fn orders(&self, service: &str, fact: &Recorded) -> Vec<Order> {
        let service = self.system.services.iter().find(|candidate| candidate.name == service);
        let policies = service.expect("a service").policies.iter();
        policies.filter(|policy| policy.source == fact.stream.kind).flat_map(|policy| (policy.react)(fact)).collect()
    }

    /// First has the asked decide, then tells the asker: two steps, between which anything may happen.
    fn ask(&mut self, asker: Stream) -> Result<(), Refusal> {
        let open = self.asks.get(&asker).expect("a chosen ask");
        let (to, command, cause) = (open.ask.to, open.ask.command.clone(), open.caused_by);
        if let Some(answer) = open.answer.clone() {
            let state = matches!(answer, Answer::Done).then(|| self.state(to) as Arc<dyn Held>);
            let asked = Asked { state, ..Asked::of(to, command.name()) };
            let closing = self.state(asker).answered(&asked, &answer, &context(asker));
            self.asks.remove(&asker);
            self.append(asker, &closing.facts);
            return closing.refusal.map_or(Ok(()), Err);
        }
        let answer = match self.tell(to, &*command, cause, true) {
            Ok(()) => Answer::Done,
            Err(refusal) => Answer::Refused(refusal),
        };
        assert!(!self.asks.contains_key(&to), "{to} answers without asking further");
        self.asks.get_mut(&asker).expect("the same ask").answer = Some(answer);
        Ok(())
    }

    fn tell(&mut self, to: Stream, command: &dyn AnyCommand, cause: u64, reaches: bool) -> Result<(), Refusal> {
        let decision = self.state(to).decide(command, &context(to))?;
        self.append(to, &decision.facts);
        if let Some(ask) = decision.ask.as_ref().filter(|ask| ask.to.kind.service() == OUTSIDE) {
            // Built in: it agrees at once.
            let asked = Asked::of(ask.to, ask.command.name());
            let closing = self.state(to).answered(&asked, &Answer::Done, &context(to));
            self.append(to, &closing.facts);
            return closing.refusal.map_or(Ok(()), Err);
        }
        if let Some(ask) = decision.ask {
            let spec = self.catalogue.aggregate(to.kind.path()).expect("an aggregate");
            assert!(spec.asks.contains(&ask.to.kind), "{} asks {} unannounced", to, ask.to);
            let answer = (!reaches).then_some(Answer::Withdrawn);
            self.asks.insert(to, OpenAsk { ask, caused_by: cause, answer });
        }
        Ok(())
    }

    fn state(&self, stream: Stream) -> Arc<dyn AnyState> {
        let initial = || (self.catalogue.aggregate(stream.kind.path()).expect("an aggregate").initial)();
        self.states.get(&stream).cloned().unwrap_or_else(initial)
    }

    fn append(&mut self, stream: Stream, events: &[Arc<dyn AnyEvent>]) {
        if events.is_empty() {
            return;
        }
        let state = self.state(stream).evolved(events);
        self.states.insert(stream, state);
        for event in events {
            let mine = self.log.iter().filter(|fact| fact.stream == stream);
            let public = mine.clone().filter(|fact| fact.event.is_public()).count() as u64;
            let fact = Recorded {
                position: self.log.len() as u64 + 1,
                stream,
                version: mine.count() as u64 + 1,
                public_version: public + u64::from(event.is_public()),
                time_ms: 0,
                command: 0,
                causation: 0,
                correlation: Arc::from("story"),
                trace: None,
                event: event.clone(),
            };
            self.publish(fact);
        }
    }

    fn publish(&mut self, fact: Recorded) {
        let kind: Kind = fact.stream.kind;
        for service in &self.system.services {
            for view in service.views.iter().filter(|view| view.sources.contains(&kind)) {
                let Some(id) = (view.row)(&fact) else {
                    continue;
                };
                let row = Stream::new(view.kind, id);
                let applied = (view.applied)(self.rows.get(&row).map(|row| &**row), &fact);
                self.rows.insert(row, applied);
            }
            if service.policies.iter().any(|policy| policy.source == kind) {
                self.unheard.entry((service.name, fact.stream)).or_default().push_back(fact.clone());
            }
        }
        self.log.push(fact);
    }
}

const fn context(stream: Stream) -> Context {
    Context::new(stream.id, 0)
}
