//! A synchronous request of one aggregate to another, which survives a crash of either.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::aggregate::{Aggregate, Closing, Decision, Held, Refusal};
use super::fact::Stream;
use super::message::AnyCommand;
use super::provider::Provider;

/// How long an answer is waited for by default, in milliseconds; the originals' Hystrix timeout.
pub const ASK_TIMEOUT_MS: u64 = 610;

/// What must be asked of whom before the asker can go on.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The asked aggregate.
    pub to: Stream,
    /// What it is told.
    pub command: Arc<dyn AnyCommand>,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// What to do when nobody knows whether it happened.
    pub on_unknown: OnUnknown,
}

impl Ask {
    /// Asks an aggregate; an unknown outcome is asked again until answered.
    #[must_use]
    pub fn of<A: Aggregate>(id: u64, command: impl Into<A::Command>) -> Self {
        Self::resent(Stream::new(A::KIND, id), command.into())
    }

    /// Asks an outside party on behalf of the aggregate with this id; an unknown outcome is asked again until answered.
    #[must_use]
    pub fn outside<P: Provider>(id: u64, command: impl Into<P::Command>) -> Self {
        Self::resent(Stream::new(P::KIND, id), command.into())
    }

    fn resent(to: Stream, command: impl AnyCommand) -> Self {
        let timeout = Duration::from_millis(ASK_TIMEOUT_MS);
        Self { to, command: Arc::new(command), timeout, on_unknown: OnUnknown::Resend }
    }

    /// Has an unknown outcome undone by this command to the same outside party.
    #[must_use]
    pub fn undone_outside_by<P: Provider>(mut self, command: impl Into<P::Command>) -> Self {
        self.on_unknown = OnUnknown::Undo(Arc::new(command.into()));
        self
    }

    /// Has an unknown outcome undone by this command to the same aggregate.
    #[must_use]
    pub fn undone_by<A: Aggregate>(mut self, command: impl Into<A::Command>) -> Self {
        self.on_unknown = OnUnknown::Undo(Arc::new(command.into()));
        self
    }
}

/// What follows when an ask's outcome is unknown while a client waits.
#[derive(Clone, Debug)]
pub enum OnUnknown {
    /// Ask again, with the same id, until answered: for what must not be undone.
    Resend,
    /// Withdraw, and send this until acknowledged: for what was only tried.
    Undo(Arc<dyn AnyCommand>),
}

/// How far something is that was asked for before it was certain: tried, then confirmed or undone.
///
/// ```
/// use resurgam::domain::{Decision, Hold};
///
/// let facts = |decision: Decision<&'static str>| decision.facts;
/// assert_eq!(facts(Hold::Nothing.hold("held")), ["held"]);
/// assert_eq!(facts(Hold::Held.confirm("paid")), ["paid"]);
/// assert!(facts(Hold::Voided.hold("held")).is_empty(), "a try that comes after its undo");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hold {
    /// Not tried yet.
    #[default]
    Nothing,
    /// Tried: kept for the asker and for nobody else.
    Held,
    /// The asker is certain.
    Confirmed,
    /// Undone, perhaps before it was tried; a late try leaves it so.
    Voided,
}

impl Hold {
    /// Tries: `held` is what happens, once.
    #[must_use]
    pub fn hold<E>(self, held: impl Into<E>) -> Decision<E> {
        self.moved(&[Self::Nothing], held)
    }

    /// Confirms what is held.
    #[must_use]
    pub fn confirm<E>(self, confirmed: impl Into<E>) -> Decision<E> {
        self.moved(&[Self::Held], confirmed)
    }

    /// Undoes what is held, or what may still come; never what is confirmed.
    #[must_use]
    pub fn void<E>(self, voided: impl Into<E>) -> Decision<E> {
        self.moved(&[Self::Nothing, Self::Held], voided)
    }

    fn moved<E>(self, from: &[Self], fact: impl Into<E>) -> Decision<E> {
        Decision::only_if(from.contains(&self), fact)
    }
}

/// What had been asked, shown to the asker with the answer.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The asked aggregate.
    pub to: Stream,
    /// The command's name.
    pub command: String,
    /// The asked as it was right after it agreed, or a little later when it was asked again.
    pub state: Option<Arc<dyn Held>>,
}

impl Asked {
    /// Says what was asked of whom.
    #[must_use]
    pub fn of(to: Stream, command: impl Into<String>) -> Self {
        Self { to, command: command.into(), state: None }
    }

    /// Looks at the asked, if it agreed and is of that type.
    #[must_use]
    pub fn seen<A: Aggregate>(&self) -> Option<&A> {
        self.state.as_deref()?.as_any().downcast_ref()
    }
}

/// How an ask ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done.
    Done,
    /// Refused by a rule of the asked.
    Refused(Refusal),
    /// Never executed, or being undone: the asker gives up what it had begun.
    Withdrawn,
}

impl<E> Closing<E> {
    /// Closes with this fact when the asked agreed, and passes its refusal on.
    #[must_use]
    pub fn agreed(answer: &Answer, fact: impl Into<E>) -> Self {
        match answer {
            Answer::Done => Self::facts([fact.into()]),
            Answer::Refused(refusal) => Self::refuse(refusal.clone()),
            Answer::Withdrawn => Self::facts([]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_agreement_is_a_fact_and_a_refusal_is_passed_on() {
        let closed = |answer: &Answer| {
            let closing = Closing::<u8>::agreed(answer, 7_u8);
            (closing.facts, closing.refusal)
        };
        let refusal = Refusal::rule("seat-is-taken", "somebody sits there");
        assert_eq!(closed(&Answer::Done), (vec![7], None));
        assert_eq!(closed(&Answer::Withdrawn), (vec![], None));
        assert_eq!(closed(&Answer::Refused(refusal.clone())), (vec![], Some(refusal)));
    }

    #[test]
    fn a_hold_is_tried_once_confirmed_when_held_and_undone_until_confirmed() {
        let moves = |hold: Hold| {
            let moved = [hold.hold::<u8>(1), hold.confirm(2), hold.void(3)];
            moved.map(|decision| !decision.facts.is_empty())
        };
        assert_eq!(moves(Hold::Nothing), [true, false, true]);
        assert_eq!(moves(Hold::Held), [false, true, true]);
        assert_eq!(moves(Hold::Confirmed), [false, false, false]);
        assert_eq!(moves(Hold::Voided), [false, false, false]);
        assert_eq!(Hold::Nothing.hold::<u8>(7_u8).facts, [7]);
    }
}
