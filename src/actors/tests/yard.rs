//! A small system to be killed: tallies that add and explode, an echo of each, a board that shows the sums.

use std::cell::Cell;

use serde::{Deserialize, Serialize};

use crate::domain::{
    Aggregate, Command, Context, Decision, Event, IdRule, Kind, Policy, Recorded, Refusal, Rejection, Service, System,
    View,
};
use crate::messages;

thread_local! {
    /// A number that this build of the business cannot fold.
    pub(super) static FEARED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Adds numbers up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tally {
    pub(super) sum: u64,
    began: bool,
}

/// Adds a number; none is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Add {
    pub(super) n: u64,
}

/// Changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Look {}

/// Panics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Explode {}

/// A number was added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Added {
    pub(super) n: u64,
}

messages! { pub(super) enum TallyCommand { Add = 1; Look = 1; Explode = 1 } }
messages! { pub(super) enum TallyEvent { Added = 1 } }
impl Command for TallyCommand {}
impl Event for TallyEvent {}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NothingToAdd;

impl Rejection for NothingToAdd {
    fn refusal(&self) -> Refusal {
        Refusal::rule("nothing-to-add", "0 is nothing")
    }
}

impl Aggregate for Tally {
    const KIND: Kind = Kind::new("yard/tally/tally");
    const STATE_VERSION: u16 = 1;
    const IDS: IdRule = IdRule::Sequence;
    type Command = TallyCommand;
    type Event = TallyEvent;
    type Rejection = NothingToAdd;

    fn decide(&self, command: &TallyCommand, _: &Context) -> Result<Decision<TallyEvent>, NothingToAdd> {
        match command {
            TallyCommand::Add(Add { n: 0 }) => Err(NothingToAdd),
            TallyCommand::Add(Add { n }) => Ok(Decision::facts([Added { n: *n }])),
            TallyCommand::Look(_) => Ok(Decision::nothing()),
            TallyCommand::Explode(_) => panic!("told to explode"),
        }
    }

    fn evolve(&mut self, event: &TallyEvent) {
        let TallyEvent::Added(Added { n }) = event;
        assert_ne!(FEARED.get(), Some(*n), "this build fears the number");
        self.sum += n;
        self.began = true;
    }

    fn exists(&self) -> bool {
        self.began
    }
}

/// Hears every number of its tally.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Echo {
    heard: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Hear {
    pub(super) n: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Heard {
    pub(super) n: u64,
}

messages! { pub(super) enum EchoCommand { Hear = 1 } }
messages! { pub(super) enum EchoEvent { Heard = 1 } }
impl Command for EchoCommand {}
impl Event for EchoEvent {}

impl Aggregate for Echo {
    const KIND: Kind = Kind::new("yard/echo/echo");
    const STATE_VERSION: u16 = 1;
    const IDS: IdRule = IdRule::TakenFrom(Tally::KIND);
    type Command = EchoCommand;
    type Event = EchoEvent;
    type Rejection = NothingToAdd;

    fn decide(&self, command: &EchoCommand, _: &Context) -> Result<Decision<EchoEvent>, NothingToAdd> {
        let EchoCommand::Hear(Hear { n }) = command;
        Ok(Decision::facts([Heard { n: *n }]))
    }

    fn evolve(&mut self, event: &EchoEvent) {
        let EchoEvent::Heard(Heard { n }) = event;
        self.heard += n;
    }

    fn exists(&self) -> bool {
        self.heard > 0
    }
}

#[derive(Debug)]
pub(super) struct WheneverAddedEcho;

impl Policy for WheneverAddedEcho {
    const NAME: &'static str = "wheneverAdded_Echo";
    type Source = Tally;
    type Target = Echo;

    fn react(fact: &Recorded, event: &TallyEvent) -> Vec<(u64, EchoCommand)> {
        let TallyEvent::Added(Added { n }) = event;
        vec![(fact.stream.id, Hear { n: *n }.into())]
    }
}

/// Shows how many facts each tally and echo has, and their sums.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Board {
    pub(super) added: u64,
    pub(super) heard: u64,
    pub(super) facts: u64,
}

impl View for Board {
    const KIND: Kind = Kind::new("yard/board/board");
    const ROW_VERSION: u16 = 1;
    const SOURCES: &'static [Kind] = &[Tally::KIND, Echo::KIND];

    fn row(fact: &Recorded) -> Option<u64> {
        Some(fact.stream.id)
    }

    fn apply(&mut self, fact: &Recorded) {
        self.facts += 1;
        if let Some(TallyEvent::Added(Added { n })) = fact.of() {
            self.added += n;
        } else if let Some(EchoEvent::Heard(Heard { n })) = fact.of() {
            self.heard += n;
        }
    }
}

pub(super) fn system() -> System {
    System {
        name: "yard",
        about: "tallies to be killed",
        gateway_port: 9_088,
        settings: Vec::new(),
        services: vec![
            Service::new("tally", 9_081).aggregate::<Tally>(),
            Service::new("echo", 9_082).aggregate::<Echo>().policy::<WheneverAddedEcho>(),
            Service::new("board", 9_083).view::<Board>(),
        ],
    }
}
