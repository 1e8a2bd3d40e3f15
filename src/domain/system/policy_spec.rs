//! What the shell runs of a policy without knowing its types.

use std::fmt;
use std::sync::Arc;

use crate::domain::aggregate::Aggregate;
use crate::domain::fact::{Kind, Recorded};
use crate::domain::message::{AnyCommand, Tells};
use crate::domain::policy::Policy;

/// Says what follows from a fact.
pub type React = Arc<dyn Fn(&Recorded) -> Vec<Order> + Send + Sync>;

/// Everything the shell needs to run one policy.
#[derive(Clone)]
pub struct PolicySpec {
    /// Its name.
    pub name: &'static str,
    /// Whose facts it listens to.
    pub source: Kind,
    /// Whom it commands.
    pub target: Kind,
    /// Returns the commands that follow from a fact of the source.
    pub react: React,
}

impl PolicySpec {
    /// Describes a policy.
    #[must_use]
    pub fn of<P: Policy>() -> Self {
        Self::whenever::<P::Source, P::Target, _>(P::NAME, P::react)
    }

    /// Describes a policy that is one function, of commands and the ids of their targets.
    #[must_use]
    pub fn whenever<S: Aggregate, T: Aggregate, C>(name: &'static str, react: fn(&Recorded, &S::Event) -> C) -> Self
    where
        C: IntoIterator<Item = (u64, T::Command)> + 'static,
    {
        Self::ordering::<S, T>(name, move |fact, event| {
            react(fact, event).into_iter().map(|(id, command)| (Some(id), command)).collect()
        })
    }

    /// Describes a policy that is one function, of commands that make a new aggregate each.
    #[must_use]
    pub fn whenever_new<S: Aggregate, T: Aggregate, C>(name: &'static str, react: fn(&Recorded, &S::Event) -> C) -> Self
    where
        C: IntoIterator<Item = T::Command> + 'static,
    {
        Self::ordering::<S, T>(name, move |fact, event| {
            react(fact, event).into_iter().map(|command| (None, command)).collect()
        })
    }

    /// Describes a policy on one event: who is told what when it happens.
    #[must_use]
    pub fn on<S, M, T, C>(name: &'static str, react: fn(&M) -> (u64, C)) -> Self
    where
        S: Aggregate<Event: Tells<M>>,
        M: 'static,
        T: Aggregate,
        C: Into<T::Command> + 'static,
    {
        Self::ordering::<S, T>(name, move |_, event| {
            event.told().map(react).into_iter().map(|(id, command)| (Some(id), command.into())).collect()
        })
    }

    fn ordering<S: Aggregate, T: Aggregate>(
        name: &'static str,
        react: impl Fn(&Recorded, &S::Event) -> Vec<(Option<u64>, T::Command)> + Send + Sync + 'static,
    ) -> Self {
        let order = |(id, command)| Order { kind: T::KIND, id, command: Arc::new(command) };
        let react = move |fact: &Recorded| {
            let orders = fact.of::<S::Event>().map(|event| react(fact, event)).unwrap_or_default();
            orders.into_iter().map(order).collect()
        };
        Self { name, source: S::KIND, target: T::KIND, react: Arc::new(react) }
    }
}

impl fmt::Debug for PolicySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicySpec").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A command a policy gives.
#[derive(Clone, Debug)]
pub struct Order {
    /// To an aggregate of this kind.
    pub kind: Kind,
    /// To which; none for a new one.
    pub id: Option<u64>,
    /// What.
    pub command: Arc<dyn AnyCommand>,
}

#[cfg(test)]
mod tests {
    use super::super::spec::tests::{Couples, ForeignEvent, Seat, SeatEvent, SeatTaken, TakeSeat, Whisper, recorded};
    use super::*;

    #[test]
    fn a_policys_commands_go_to_its_target_and_a_foreign_fact_to_nobody() {
        let spec = PolicySpec::of::<Couples>();
        assert_eq!((spec.name, spec.source, spec.target), (Couples::NAME, Seat::KIND, Seat::KIND));
        let orders = (spec.react)(&recorded(SeatEvent::from(SeatTaken { seat: 7 })));
        assert_eq!(orders.len(), 1);
        assert_eq!((orders[0].kind, orders[0].id), (Seat::KIND, Some(4)));
        assert_eq!(orders[0].command.name(), "TakeSeat");
        assert!((spec.react)(&recorded(ForeignEvent::from(Whisper {}))).is_empty());
    }

    #[test]
    fn a_policy_that_makes_aggregates_names_no_target() {
        let spec = PolicySpec::whenever_new::<Seat, Seat, _>("wheneverSeatTaken_Row", |_, event| match event {
            SeatEvent::SeatTaken(SeatTaken { seat }) => Some(TakeSeat { seat: *seat }.into()),
            SeatEvent::Whisper(_) => None,
        });
        assert_eq!((spec.source, spec.target), (Seat::KIND, Seat::KIND));
        let orders = (spec.react)(&recorded(SeatEvent::from(SeatTaken { seat: 7 })));
        assert_eq!(orders.iter().map(|order| (order.kind, order.id)).collect::<Vec<_>>(), [(Seat::KIND, None)]);
        assert!((spec.react)(&recorded(SeatEvent::from(Whisper {}))).is_empty());
    }

    #[test]
    fn a_policy_on_one_event_hears_no_other() {
        let spec = PolicySpec::on::<Seat, SeatTaken, Seat, _>("wheneverSeatTaken_Next", |taken| {
            (9, TakeSeat { seat: taken.seat + 1 })
        });
        let orders = (spec.react)(&recorded(SeatEvent::from(SeatTaken { seat: 7 })));
        assert_eq!((orders.len(), orders[0].kind, orders[0].id), (1, Seat::KIND, Some(9)));
        assert!((spec.react)(&recorded(SeatEvent::from(Whisper {}))).is_empty());
        assert!((spec.react)(&recorded(ForeignEvent::from(Whisper {}))).is_empty());
    }
}
