//! What the shell runs without knowing the types: each aggregate, policy and view as a value.
//!
//! Derived from the typed traits, once, here: a message or state of a foreign type is refused or passed over,
//! never trusted.

use std::fmt;
use std::sync::Arc;

use crate::domain::aggregate::{Aggregate, Closing, Context, Decision, Held, IdRule, Refusal, Rejection};
use crate::domain::ask::{Answer, Asked};
use crate::domain::fact::{Kind, Recorded};
use crate::domain::message::{AnyCommand, AnyEvent, DecodeError, Message};
use crate::domain::system::setting::SettingValues;
use crate::domain::view::View;

/// Reads a stored value.
pub type Decode<T> = fn(&mut dyn erased_serde::Deserializer<'_>) -> Result<Arc<T>, DecodeError>;

/// Reads a stored message by its name and schema version.
pub type DecodeNamed<T> = fn(&str, u16, &mut dyn erased_serde::Deserializer<'_>) -> Result<Arc<T>, DecodeError>;

/// Everything the shell needs to run one kind of aggregate.
#[derive(Clone)]
pub struct AggregateSpec {
    /// Where it lives.
    pub kind: Kind,
    /// Where its ids come from.
    pub ids: IdRule,
    /// The kinds it may ask.
    pub asks: &'static [Kind],
    /// The version of its state's stored shape.
    pub state_version: u16,
    /// Every (event name, schema version) that can be read.
    pub events: &'static [(&'static str, u16)],
    /// Every (command name, schema version) that can be read.
    pub commands: &'static [(&'static str, u16)],
    /// Makes the state before the first fact.
    pub initial: fn() -> Arc<dyn AnyState>,
    /// Reads a stored state.
    pub decode_state: Decode<dyn AnyState>,
    /// Takes a state up again that was held as a row.
    pub revive: fn(&dyn Held) -> Option<Arc<dyn AnyState>>,
    /// Reads a stored event.
    pub decode_event: DecodeNamed<dyn AnyEvent>,
    /// Reads a stored command.
    pub decode_command: DecodeNamed<dyn AnyCommand>,
}

impl AggregateSpec {
    /// Describes an aggregate.
    #[must_use]
    pub fn of<A: Aggregate>() -> Self {
        Self {
            kind: A::KIND,
            ids: A::IDS,
            asks: A::ASKS,
            state_version: A::STATE_VERSION,
            events: A::Event::known(),
            commands: A::Command::known(),
            initial: || Arc::new(Holding(A::default())),
            decode_state: |from| Ok(Arc::new(Holding(crate::domain::message::read::<A>(A::KIND.path(), from)?))),
            revive: |held| {
                let state: &A = held.as_any().downcast_ref()?;
                Some(Arc::new(Holding(state.clone())))
            },
            decode_event: |name, schema, from| Ok(Arc::new(A::Event::decode(name, schema, from)?)),
            decode_command: |name, schema, from| Ok(Arc::new(A::Command::decode(name, schema, from)?)),
        }
    }
}

impl fmt::Debug for AggregateSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AggregateSpec").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Says which commands make what is there from the first start on.
pub type Sow = Arc<dyn Fn(&SettingValues) -> Vec<Arc<dyn AnyCommand>> + Send + Sync>;

/// What of a kind is there from the first start on.
#[derive(Clone)]
pub struct Seed {
    /// Of which kind.
    pub kind: Kind,
    /// Returns the commands that make them, in the order of their ids, from 1.
    pub commands: Sow,
}

impl Seed {
    /// Describes what is there of an aggregate.
    #[must_use]
    pub fn of<A: Aggregate>(commands: fn(&SettingValues) -> Vec<A::Command>) -> Self {
        let erased = |command| Arc::new(command) as Arc<dyn AnyCommand>;
        Self { kind: A::KIND, commands: Arc::new(move |settings| commands(settings).into_iter().map(erased).collect()) }
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seed").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Everything the shell needs to run one view.
#[derive(Clone)]
pub struct ViewSpec {
    /// Where it lives.
    pub kind: Kind,
    /// The version of its rows' stored shape.
    pub row_version: u16,
    /// Whose facts it is made of.
    pub sources: &'static [Kind],
    /// Returns which row a fact belongs to, if any.
    pub row: fn(&Recorded) -> Option<u64>,
    /// Writes a fact into a copy of its row (`None`: the row before the first fact).
    pub applied: fn(Option<&dyn Held>, &Recorded) -> Arc<dyn Held>,
    /// Reads a stored row.
    pub decode_row: Decode<dyn Held>,
}

impl ViewSpec {
    /// Describes a view.
    #[must_use]
    pub fn of<V: View>() -> Self {
        Self {
            kind: V::KIND,
            row_version: V::ROW_VERSION,
            sources: V::SOURCES,
            row: V::row,
            applied: |row, fact| {
                let mut row: V = row.and_then(|row| row.as_any().downcast_ref().cloned()).unwrap_or_default();
                row.apply(fact);
                Arc::new(HoldingRow(row))
            },
            decode_row: |from| Ok(Arc::new(HoldingRow(crate::domain::message::read::<V>(V::KIND.path(), from)?))),
        }
    }
}

impl fmt::Debug for ViewSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ViewSpec").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// An aggregate's state whose type the shell does not know.
pub trait AnyState: Held {
    /// See [`Aggregate::decide`].
    ///
    /// # Errors
    ///
    /// A refusal is a business answer.
    fn decide(&self, command: &dyn AnyCommand, context: &Context) -> Result<Decision<Arc<dyn AnyEvent>>, Refusal>;
    /// See [`Aggregate::answered`].
    fn answered(&self, asked: &Asked, answer: &Answer, context: &Context) -> Closing<Arc<dyn AnyEvent>>;
    /// Folds facts into a copy.
    fn evolved(&self, facts: &[Arc<dyn AnyEvent>]) -> Arc<dyn AnyState>;
}

/// Keeps the blanket implementations of aggregates and of rows apart.
#[derive(Debug)]
struct Holding<T>(T);

#[derive(Debug)]
struct HoldingRow<T>(T);

impl<A: Aggregate> Held for Holding<A> {
    fn shape(&self) -> u16 {
        A::STATE_VERSION
    }
    fn payload(&self) -> &dyn erased_serde::Serialize {
        &self.0
    }
    fn exists(&self) -> bool {
        self.0.exists()
    }
    fn as_any(&self) -> &dyn std::any::Any {
        &self.0
    }
}

impl<A: Aggregate> AnyState for Holding<A> {
    fn decide(&self, command: &dyn AnyCommand, context: &Context) -> Result<Decision<Arc<dyn AnyEvent>>, Refusal> {
        let Some(command) = command.as_any().downcast_ref::<A::Command>() else {
            return Err(Refusal::rule("foreign-command", format!("{command:?} is not a command of {}", A::KIND)));
        };
        let decision = self.0.decide(command, context).map_err(|rejection| rejection.refusal())?;
        Ok(Decision { facts: erase(decision.facts), ask: decision.ask })
    }

    fn answered(&self, asked: &Asked, answer: &Answer, context: &Context) -> Closing<Arc<dyn AnyEvent>> {
        let closing = self.0.answered(asked, answer, context);
        Closing { facts: erase(closing.facts), refusal: closing.refusal }
    }

    fn evolved(&self, facts: &[Arc<dyn AnyEvent>]) -> Arc<dyn AnyState> {
        let mut state = self.0.clone();
        for event in facts.iter().filter_map(|fact| fact.as_any().downcast_ref::<A::Event>()) {
            state.evolve(event);
        }
        Arc::new(Self(state))
    }
}

impl<V: View> Held for HoldingRow<V> {
    fn shape(&self) -> u16 {
        V::ROW_VERSION
    }
    fn payload(&self) -> &dyn erased_serde::Serialize {
        &self.0
    }
    fn exists(&self) -> bool {
        self.0.exists()
    }
    fn as_any(&self) -> &dyn std::any::Any {
        &self.0
    }
}

fn erase<E: AnyEvent>(facts: Vec<E>) -> Vec<Arc<dyn AnyEvent>> {
    facts.into_iter().map(|fact| Arc::new(fact) as Arc<dyn AnyEvent>).collect()
}

#[cfg(test)]
pub(in crate::domain) mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;
    use crate::domain::{Command, Event, Policy, Stream};
    use crate::messages;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub(crate) struct TakeSeat {
        pub(crate) seat: u32,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub(crate) struct SeatTaken {
        pub(crate) seat: u32,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub(crate) struct Whisper {}

    messages! { pub(crate) enum SeatCommand { TakeSeat = 1 } }
    messages! { pub(crate) enum SeatEvent { SeatTaken = 1; Whisper = 1 } }
    messages! { pub(crate) enum ForeignCommand { Whisper = 1 } }
    messages! { pub(crate) enum ForeignEvent { Whisper = 1 } }

    impl Command for SeatCommand {}
    impl Command for ForeignCommand {}
    impl Event for ForeignEvent {}
    impl Event for SeatEvent {
        const INTERNAL: &'static [&'static str] = &["Whisper"];
    }

    #[derive(Debug, PartialEq)]
    pub(crate) struct SeatIsTaken;

    impl Rejection for SeatIsTaken {
        fn refusal(&self) -> Refusal {
            Refusal::rule("seat-is-taken", "somebody sits there")
        }
    }

    /// The seats of one row, taken one by one.
    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    pub(crate) struct Seat {
        taken: Vec<u32>,
    }

    impl Aggregate for Seat {
        const KIND: Kind = Kind::new("theatre/hall/seat");
        const STATE_VERSION: u16 = 3;
        const IDS: IdRule = IdRule::Sequence;
        type Command = SeatCommand;
        type Event = SeatEvent;
        type Rejection = SeatIsTaken;

        fn decide(&self, command: &SeatCommand, _context: &Context) -> Result<Decision<SeatEvent>, SeatIsTaken> {
            let SeatCommand::TakeSeat(TakeSeat { seat }) = command;
            match self.taken.contains(seat) {
                true => Err(SeatIsTaken),
                false => Ok(Decision::facts([SeatTaken { seat: *seat }])),
            }
        }

        fn evolve(&mut self, event: &SeatEvent) {
            match event {
                SeatEvent::SeatTaken(SeatTaken { seat }) => self.taken.push(*seat),
                SeatEvent::Whisper(_) => {}
            }
        }

        fn exists(&self) -> bool {
            !self.taken.is_empty()
        }
    }

    /// Whoever takes a seat takes the one beside it.
    #[derive(Debug)]
    pub(crate) struct Couples;

    impl Policy for Couples {
        const NAME: &'static str = "wheneverSeatTaken_Couples";
        type Source = Seat;
        type Target = Seat;

        fn react(fact: &Recorded, event: &SeatEvent) -> Vec<(u64, SeatCommand)> {
            match event {
                SeatEvent::SeatTaken(SeatTaken { seat }) => vec![(fact.stream.id, TakeSeat { seat: seat + 1 }.into())],
                SeatEvent::Whisper(_) => Vec::new(),
            }
        }
    }

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    pub(crate) struct Plan {
        facts: u64,
    }

    impl View for Plan {
        const KIND: Kind = Kind::new("theatre/office/plan");
        const ROW_VERSION: u16 = 1;
        const SOURCES: &'static [Kind] = &[Seat::KIND];

        fn row(fact: &Recorded) -> Option<u64> {
            fact.of::<SeatEvent>().map(|_| fact.stream.id)
        }

        fn apply(&mut self, _fact: &Recorded) {
            self.facts += 1;
        }
    }

    pub(crate) fn recorded(event: impl AnyEvent) -> Recorded {
        Recorded {
            position: 1,
            stream: Stream::new(Seat::KIND, 4),
            version: 1,
            public_version: 1,
            time_ms: 0,
            command: 0,
            causation: 0,
            correlation: Arc::from("story"),
            trace: None,
            event: Arc::new(event),
        }
    }

    const CONTEXT: Context = Context::new(4, 0);

    fn taken(seat: u32) -> Arc<dyn AnyEvent> {
        Arc::new(SeatEvent::from(SeatTaken { seat }))
    }

    fn initial() -> Arc<dyn AnyState> {
        (AggregateSpec::of::<Seat>().initial)()
    }

    #[test]
    fn an_erased_state_decides_as_the_typed_one() {
        let command = SeatCommand::from(TakeSeat { seat: 7 });
        let decision = initial().decide(&command, &CONTEXT).expect("accepted");
        assert_eq!(format!("{:?}", decision.facts), "[SeatTaken(SeatTaken { seat: 7 })]");
        let refusal = initial().evolved(&decision.facts).decide(&command, &CONTEXT).expect_err("taken");
        assert_eq!(refusal, SeatIsTaken.refusal());
    }

    #[test]
    fn a_foreign_command_is_refused_by_name() {
        let refusal = initial().decide(&ForeignCommand::from(Whisper {}), &CONTEXT).expect_err("foreign");
        assert_eq!(refusal.rule, "foreign-command");
        assert!(refusal.detail.contains("theatre/hall/seat"), "{}", refusal.detail);
    }

    #[test]
    fn facts_change_a_copy_and_foreign_facts_change_nothing() {
        let before = initial();
        let foreign: Arc<dyn AnyEvent> = Arc::new(ForeignEvent::from(Whisper {}));
        let after = before.evolved(&[taken(7), foreign]);
        assert_eq!((before.exists(), after.exists()), (false, true));
        assert_eq!(after.as_any().downcast_ref::<Seat>(), Some(&Seat { taken: vec![7] }));
    }

    #[test]
    fn a_stored_state_is_read_and_revived() {
        let spec = AggregateSpec::of::<Seat>();
        let state = initial().evolved(&[taken(7), taken(9)]);
        let stored = serde_json::to_value(state.payload()).expect("a value");
        assert_eq!((state.shape(), &stored), (3, &json!({"taken": [7, 9]})));
        let read = (spec.decode_state)(&mut <dyn erased_serde::Deserializer<'_>>::erase(&stored)).expect("the state");
        let revived = (spec.revive)(&*read).expect("a state of this kind");
        assert_eq!(revived.as_any().downcast_ref::<Seat>(), state.as_any().downcast_ref());
        let row = (ViewSpec::of::<Plan>().applied)(None, &recorded(SeatEvent::from(Whisper {})));
        assert!((spec.revive)(&*row).is_none());
    }

    #[test]
    fn a_stored_state_that_does_not_fit_is_an_error_with_the_kinds_name() {
        let stored = json!({"taken": "all"});
        let read =
            (AggregateSpec::of::<Seat>().decode_state)(&mut <dyn erased_serde::Deserializer<'_>>::erase(&stored));
        let error = read.expect_err("no list").to_string();
        assert!(error.starts_with("stored theatre/hall/seat does not decode: "), "{error}");
    }

    #[test]
    fn a_view_writes_into_a_copy_of_its_row() {
        let spec = ViewSpec::of::<Plan>();
        let fact = recorded(SeatEvent::from(SeatTaken { seat: 7 }));
        assert_eq!((spec.row)(&fact), Some(4));
        assert_eq!((spec.row)(&recorded(ForeignEvent::from(Whisper {}))), None);
        let first = (spec.applied)(None, &fact);
        let second = (spec.applied)(Some(&*first), &fact);
        assert_eq!(first.as_any().downcast_ref(), Some(&Plan { facts: 1 }));
        assert_eq!(second.as_any().downcast_ref(), Some(&Plan { facts: 2 }));
    }
}
