//! Given facts, when a command, then facts or a refusal: the whole vocabulary of business tests.

#[cfg(test)]
pub(crate) mod world;

use std::fmt::Debug;

use super::aggregate::{Aggregate, Context, Decision, Refusal, Rejection as _};
use super::ask::{Answer, Asked, OnUnknown};
use super::fact::Stream;
use super::provider::Provider;

/// An aggregate with a past, about to be told something.
#[derive(Debug)]
pub struct Given<A: Aggregate> {
    state: A,
    context: Context,
}

/// What the aggregate decided.
#[derive(Debug)]
pub struct Then<A: Aggregate> {
    decision: Result<Decision<A::Event>, A::Rejection>,
}

/// Starts from these facts, as aggregate 1 at time 0.
///
/// ```
/// use resurgam::domain::prelude::*;
/// use resurgam::domain::testing::given;
///
/// form! { struct Lamp { is_on: i32 } }
/// messages! {
///     enum LampCommand: Command { Switch {} = 1 }
///     enum LampEvent: Event { SwitchedOn {} = 1 }
/// }
/// impl Aggregate for Lamp {
///     const KIND: Kind = Kind::new("house/hall/lamp");
///     const IDS: IdRule = IdRule::Sequence;
///     type Command = LampCommand;
///     type Event = LampEvent;
///     type Rejection = Refusal;
///     fn decide(&self, _: &LampCommand, _: &Context) -> Decided<Self> {
///         Refusal::unless(self.is_on == 0, "lamp-is-off", || "it is on".to_owned())?;
///         Ok(Decision::facts([SwitchedOn {}]))
///     }
///     fn evolve(&mut self, _: &LampEvent) {
///         self.is_on = 1;
///     }
/// }
///
/// given::<Lamp>([]).when(Switch {}).then([SwitchedOn {}]);
/// given::<Lamp>([SwitchedOn {}.into()]).when(Switch {}).then_broken("lamp-is-off");
/// ```
#[must_use]
pub fn given<A: Aggregate>(facts: impl IntoIterator<Item = A::Event>) -> Given<A> {
    let mut state = A::default();
    facts.into_iter().for_each(|fact| state.evolve(&fact));
    Given { state, context: Context::new(1, 0) }
}

impl<A: Aggregate> Given<A> {
    /// Tells it something.
    #[must_use]
    pub fn when(self, command: impl Into<A::Command>) -> Then<A> {
        Then { decision: self.state.decide(&command.into(), &self.context) }
    }

    /// Gives it the answer to its open ask.
    #[must_use]
    pub fn when_answered(self, asked: &Asked, answer: &Answer) -> Vec<A::Event> {
        self.state.answered(asked, answer, &self.context).facts
    }

    /// Expects it to close the try of this name as it must: by the first fact when the asked agreed, by the second when
    /// not, and by nothing more when its undo is answered.
    ///
    /// # Panics
    ///
    /// Panics when it closes one otherwise.
    #[track_caller]
    pub fn closes_try(self, name: &str, made: impl Into<A::Event>, withdrawn: impl Into<A::Event>) {
        let closed = |command: &str, answer: Answer| {
            let asked = Asked::of(Stream::new(A::KIND, self.context.id), command);
            let closing = self.state.answered(&asked, &answer, &self.context);
            (closing.facts, closing.refusal)
        };
        let (withdrawn, refusal) = (withdrawn.into(), Refusal::rule("the-asked-refuses", ""));
        assert_eq!(closed(name, Answer::Done), (vec![made.into()], None));
        assert_eq!(closed(name, Answer::Withdrawn), (vec![withdrawn.clone()], None));
        assert_eq!(closed(name, Answer::Refused(refusal.clone())), (vec![withdrawn], Some(refusal)));
        assert_eq!(closed("its undo", Answer::Done), (Vec::new(), None));
    }

    /// Returns the state itself.
    #[must_use]
    pub fn state(self) -> A {
        self.state
    }
}

impl<A: Aggregate> Then<A> {
    /// Expects exactly these facts.
    ///
    /// # Panics
    ///
    /// Panics when the decision differs.
    #[track_caller]
    pub fn then<T: Into<A::Event>, const N: usize>(self, facts: [T; N]) {
        let expected: Vec<A::Event> = facts.into_iter().map(Into::into).collect();
        let decision = self.decision.map(|decision| (decision.facts, decision.ask.map(|ask| ask.to))).map_err(Refused);
        assert_eq!(decision, Ok((expected, None)));
    }

    /// Expects acceptance without any fact and without an ask.
    ///
    /// # Panics
    ///
    /// Panics when the decision differs.
    #[track_caller]
    pub fn then_nothing(self) {
        let decision = self.decision.map_err(Refused).expect("accepted");
        assert!(decision.facts.is_empty() && decision.ask.is_none(), "expected nothing, got {decision:?}");
    }

    /// Expects these facts and an ask of that aggregate with that command, which is asked again until answered.
    ///
    /// # Panics
    ///
    /// Panics when the decision differs.
    #[track_caller]
    pub fn then_asks<T: Aggregate>(
        self,
        facts: impl IntoIterator<Item = A::Event>,
        id: u64,
        command: impl Into<T::Command>,
    ) {
        let on_unknown = self.asks::<T>(facts, id, command);
        assert!(matches!(on_unknown, OnUnknown::Resend), "it is undone: {on_unknown:?}");
    }

    /// Expects these facts and an ask of that outside party with that command.
    ///
    /// # Panics
    ///
    /// Panics when the decision differs.
    #[track_caller]
    pub fn then_asks_outside<P: Provider>(
        self,
        facts: impl IntoIterator<Item = A::Event>,
        command: impl Into<P::Command>,
    ) {
        let decision = self.decision.map_err(Refused).expect("accepted");
        assert_eq!(decision.facts, facts.into_iter().collect::<Vec<_>>());
        let ask = decision.ask.expect("an ask");
        assert_eq!(ask.to.kind, P::KIND);
        assert_eq!(ask.command.as_any().downcast_ref::<P::Command>(), Some(&command.into()));
    }

    /// Expects these facts and a try of that aggregate with that command, whose unknown outcome is undone by the other.
    ///
    /// # Panics
    ///
    /// Panics when the decision differs.
    #[track_caller]
    pub fn then_tries<T: Aggregate>(
        self,
        facts: impl IntoIterator<Item = A::Event>,
        id: u64,
        command: impl Into<T::Command>,
        undo: impl Into<T::Command>,
    ) {
        let on_unknown = self.asks::<T>(facts, id, command);
        let OnUnknown::Undo(actual) = on_unknown else { panic!("it is not undone: {on_unknown:?}") };
        assert_eq!(actual.as_any().downcast_ref::<T::Command>(), Some(&undo.into()));
    }

    #[track_caller]
    fn asks<T: Aggregate>(
        self,
        facts: impl IntoIterator<Item = A::Event>,
        id: u64,
        command: impl Into<T::Command>,
    ) -> OnUnknown {
        let decision = self.decision.map_err(Refused).expect("accepted");
        assert_eq!(decision.facts, facts.into_iter().collect::<Vec<_>>());
        let ask = decision.ask.expect("an ask");
        assert_eq!((ask.to.kind, ask.to.id), (T::KIND, id));
        assert_eq!(ask.command.as_any().downcast_ref::<T::Command>(), Some(&command.into()));
        ask.on_unknown
    }

    /// Expects a refusal by the rule of this name.
    ///
    /// # Panics
    ///
    /// Panics when the decision differs.
    #[track_caller]
    pub fn then_broken(self, rule: &str) {
        match self.decision {
            Ok(decision) => panic!("expected {rule} to be broken, got {decision:?}"),
            Err(rejection) => assert_eq!(rejection.refusal().rule, rule),
        }
    }

    /// Expects this refusal.
    ///
    /// # Panics
    ///
    /// Panics when the decision differs.
    #[track_caller]
    pub fn then_refused(self, rejection: &A::Rejection) {
        match self.decision {
            Ok(decision) => panic!("expected {rejection:?}, got {decision:?}"),
            Err(actual) => assert_eq!(&actual, rejection),
        }
    }
}

#[derive(Debug, PartialEq)]
struct Refused<R: Debug>(R);
