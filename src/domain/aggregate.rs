//! What a business object is: a pure decision on a state, and a total fold of facts.

use std::any::Any;
use std::fmt::Debug;

pub use super::refusal::{Refusal, RefusalClass, Rejection};

use super::ask::{Answer, Ask, Asked};
use super::fact::Kind;
use super::message::{Command, Event, Stored};
use super::system::setting::{NO_SETTINGS, SettingValues};

/// A business object whose every change is a fact.
///
/// Its `Default` is the state before the first fact.
///
/// ```
/// use resurgam::domain::testing::given;
/// use resurgam::domain::{Aggregate, Command, Context, Decision, Event, IdRule, Kind, Refusal, Rejection};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
/// struct TakeSeat {}
/// #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
/// struct SeatTaken { id: u64 }
/// resurgam::messages! { enum SeatCommand { TakeSeat = 1 } }
/// resurgam::messages! { enum SeatEvent { SeatTaken = 1 } }
/// impl Command for SeatCommand {}
/// impl Event for SeatEvent {}
///
/// #[derive(Debug, PartialEq)]
/// struct SeatIsTaken;
/// impl Rejection for SeatIsTaken {
///     fn refusal(&self) -> Refusal { Refusal::rule("seat-is-taken", "somebody sits there") }
/// }
///
/// #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
/// struct Seat { taken: bool }
/// impl Aggregate for Seat {
///     const KIND: Kind = Kind::new("theatre/hall/seat");
///     const STATE_VERSION: u16 = 1;
///     const IDS: IdRule = IdRule::Sequence;
///     type Command = SeatCommand;
///     type Event = SeatEvent;
///     type Rejection = SeatIsTaken;
///     fn decide(&self, _: &SeatCommand, context: &Context) -> Result<Decision<SeatEvent>, SeatIsTaken> {
///         if self.taken { Err(SeatIsTaken) } else { Ok(Decision::facts([SeatTaken { id: context.id }])) }
///     }
///     fn evolve(&mut self, _: &SeatEvent) { self.taken = true }
///     fn exists(&self) -> bool { self.taken }
/// }
///
/// given::<Seat>([]).when(TakeSeat {}).then([SeatTaken { id: 1 }]);
/// given::<Seat>([SeatTaken { id: 1 }.into()]).when(TakeSeat {}).then_refused(&SeatIsTaken);
/// ```
pub trait Aggregate: Default + Stored {
    /// Where it lives.
    const KIND: Kind;
    /// The version of the state's stored shape; a new one makes the shell fold the facts again.
    const STATE_VERSION: u16 = 1;
    /// Where its ids come from.
    const IDS: IdRule;
    /// The kinds it may ask; the graph of all of them has no cycle.
    const ASKS: &'static [Kind] = &[];
    /// What it can be told.
    type Command: Command;
    /// What can happen to it.
    type Event: Event;
    /// Why it may refuse.
    type Rejection: Rejection;

    /// Decides what a command does to this state.
    ///
    /// # Errors
    ///
    /// A refusal is a business answer: it names the broken rule and changes nothing.
    fn decide(&self, command: &Self::Command, context: &Context) -> Result<Decision<Self::Event>, Self::Rejection>;

    /// Decides what the answer to its open ask means. By default a refusal of the asked is passed on.
    fn answered(&self, asked: &Asked, answer: &Answer, context: &Context) -> Closing<Self::Event> {
        let _ = (asked, context);
        match answer {
            Answer::Done => Closing::facts([]),
            Answer::Refused(refusal) => Closing::refuse(refusal.clone()),
            Answer::Withdrawn => Closing::facts([]),
        }
    }

    /// Folds a fact into the state; total, never fails, never judges.
    fn evolve(&mut self, event: &Self::Event);

    /// Tells whether clients see it: not before its first public fact, not after its removal. By default as soon as
    /// anything happened to it.
    fn exists(&self) -> bool {
        *self != Self::default()
    }
}

/// What an aggregate decides on a command: a decision, or a refusal.
pub type Decided<A> = Result<Decision<<A as Aggregate>::Event>, <A as Aggregate>::Rejection>;

/// Where a kind's ids come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdRule {
    /// 1, 2, 3 … handed out by the shell.
    Sequence,
    /// The id of the aggregate it belongs to.
    TakenFrom(Kind),
}

/// What a decision may know beside state and command.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The id of the aggregate that decides.
    pub id: u64,
    /// When, in milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// The system's settings.
    pub settings: &'static SettingValues,
}

impl Context {
    /// Knows who and when, in a system without settings.
    #[must_use]
    pub const fn new(id: u64, time_ms: u64) -> Self {
        Self { id, time_ms, settings: &NO_SETTINGS }
    }
}

/// What a command leads to: facts, and at most one request to another aggregate.
#[derive(Debug)]
pub struct Decision<E> {
    /// What happened, in order.
    pub facts: Vec<E>,
    /// What must be asked before the client is answered.
    pub ask: Option<Ask>,
}

impl<E> Decision<E> {
    /// Decides on these facts.
    #[must_use]
    pub fn facts<T: Into<E>, const N: usize>(facts: [T; N]) -> Self {
        Self { facts: facts.into_iter().map(Into::into).collect(), ask: None }
    }

    /// Decides on this fact where that holds, and else on nothing.
    #[must_use]
    pub fn only_if(holds: bool, fact: impl Into<E>) -> Self {
        if holds { Self::facts([fact.into()]) } else { Self::nothing() }
    }

    /// Accepts the command without any change.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { facts: Vec::new(), ask: None }
    }

    /// Adds a fact.
    #[must_use]
    pub fn and(mut self, fact: impl Into<E>) -> Self {
        self.facts.push(fact.into());
        self
    }

    /// Adds the request that must be answered first.
    #[must_use]
    pub fn asking(mut self, ask: Ask) -> Self {
        self.ask = Some(ask);
        self
    }
}

/// How an open ask is closed.
#[derive(Debug)]
pub struct Closing<E> {
    /// What follows from the answer.
    pub facts: Vec<E>,
    /// What the waiting client is told instead of success.
    pub refusal: Option<Refusal>,
}

impl<E> Closing<E> {
    /// Closes with these facts; the client's command succeeded.
    #[must_use]
    pub fn facts<const N: usize>(facts: [E; N]) -> Self {
        Self { facts: facts.into_iter().collect(), refusal: None }
    }

    /// Closes without facts; the client's command is refused.
    #[must_use]
    pub const fn refuse(refusal: Refusal) -> Self {
        Self { facts: Vec::new(), refusal: Some(refusal) }
    }

    /// Closes a try, the command of this name: with the first fact when the asked agreed, else with the second, beside
    /// its refusal if it refused. The answer to its undo changes nothing more.
    #[must_use]
    pub fn tried(name: &str, asked: &Asked, answer: &Answer, made: impl Into<E>, withdrawn: impl Into<E>) -> Self {
        match answer {
            _ if asked.command != name => Self::facts([]),
            Answer::Done => Self::facts([made.into()]),
            Answer::Refused(refusal) => Self::refuse(refusal.clone()).and(withdrawn),
            Answer::Withdrawn => Self::facts([withdrawn.into()]),
        }
    }

    /// Adds what is stored beside the refusal.
    #[must_use]
    pub fn and(mut self, fact: impl Into<E>) -> Self {
        self.facts.push(fact.into());
        self
    }
}

/// A state or a view's row whose type the shell does not know.
pub trait Held: Any + Debug + Send + Sync {
    /// Returns the version of its stored shape.
    fn shape(&self) -> u16;
    /// Returns what is stored.
    fn payload(&self) -> &dyn erased_serde::Serialize;
    /// Tells whether clients see it.
    fn exists(&self) -> bool;
    /// Gives the typed value back to code that knows it.
    fn as_any(&self) -> &dyn Any;
}

#[cfg(test)]
mod tests {
    use super::super::system::spec::tests::{Seat, SeatTaken};
    use super::*;
    use crate::domain::Stream;

    fn answered(answer: &Answer) -> Closing<<Seat as Aggregate>::Event> {
        let asked = Asked::of(Stream::new(Seat::KIND, 2), "TakeSeat");
        Seat::default().answered(&asked, answer, &Context::new(1, 0))
    }

    #[test]
    fn a_refusal_of_the_asked_is_passed_on_unless_the_asker_knows_better() {
        let refusal = Refusal::rule("seat-is-taken", "somebody sits there");
        assert_eq!(answered(&Answer::Refused(refusal.clone())).refusal, Some(refusal));
        for answer in [Answer::Done, Answer::Withdrawn] {
            let closing = answered(&answer);
            assert!(closing.facts.is_empty() && closing.refusal.is_none(), "{closing:?}");
        }
    }

    #[test]
    fn a_try_is_made_when_the_asked_agrees_and_withdrawn_otherwise() {
        let answered = |command: &str, answer: &Answer| {
            let asked = Asked::of(Stream::new(Seat::KIND, 2), command);
            Closing::<SeatTaken>::tried("TakeSeat", &asked, answer, SeatTaken { seat: 1 }, SeatTaken { seat: 2 })
        };
        let refusal = Refusal::unless(false, "seat-is-taken", || "somebody sits there".to_owned()).expect_err("broken");
        let table = [
            (Answer::Done, 1, None),
            (Answer::Withdrawn, 2, None),
            (Answer::Refused(refusal.clone()), 2, Some(refusal.refusal())),
        ];
        for (answer, seat, refused) in table {
            let closing = answered("TakeSeat", &answer);
            assert_eq!((closing.facts, closing.refusal), (vec![SeatTaken { seat }], refused));
            assert!(answered("LeaveSeat", &answer).facts.is_empty(), "the undo's");
        }
    }

    #[test]
    fn a_decision_keeps_its_facts_in_order() {
        let decision: Decision<SeatTaken> = Decision::facts([SeatTaken { seat: 1 }]).and(SeatTaken { seat: 2 });
        assert_eq!(decision.facts, [SeatTaken { seat: 1 }, SeatTaken { seat: 2 }]);
        assert!(decision.ask.is_none());
    }

    #[test]
    fn a_decision_is_only_made_where_it_holds() {
        let facts = |holds| Decision::<SeatTaken>::only_if(holds, SeatTaken { seat: 1 }).facts;
        assert_eq!((facts(true), facts(false)), (vec![SeatTaken { seat: 1 }], vec![]));
    }
}
