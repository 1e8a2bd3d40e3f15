//! Given facts, when a command, then facts or a refusal: the whole vocabulary of business tests.

#[cfg(test)]
pub(crate) mod world;

use std::fmt::Debug;

use super::aggregate::{Aggregate, Context, Decision, Rejection as _};
use super::ask::{Answer, Asked};

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

    /// Expects these facts and an ask of that aggregate with that command.
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
        let decision = self.decision.map_err(Refused).expect("accepted");
        assert_eq!(decision.facts, facts.into_iter().collect::<Vec<_>>());
        let ask = decision.ask.expect("an ask");
        assert_eq!((ask.to.kind, ask.to.id), (T::KIND, id));
        assert_eq!(ask.command.as_any().downcast_ref::<T::Command>(), Some(&command.into()));
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
