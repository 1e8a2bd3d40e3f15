//! The outside parties that most businesses have: somebody who takes the money, somebody who carries messages.
//!
//! An aggregate that says by which name it knows its party has it asked beside its facts; while the party is built in, it
//! agrees at once.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use super::aggregate::{Aggregate, Closing, Decision};
use super::ask::{Answer, Ask, Asked};
use super::fact::Kind;
use super::provider::{Outgoing, Provider};
use super::route::Verb;
use super::system::setting::Setting;
use crate::messages;

/// Where the one who takes the money is.
pub const PAYMENT_URL: Setting =
    Setting { key: "payment_url", default: "", about: "the address of who takes the money; empty: it is built in" };
/// Where the one who carries messages is.
pub const MESSAGE_URL: Setting =
    Setting { key: "message_url", default: "", about: "the address of who carries messages; empty: it is built in" };

/// An aggregate for which an outside party takes money.
pub trait Charges: Aggregate {
    /// That party, `system/outside/name`.
    const TELLER: Kind;
}

/// An aggregate whose message an outside party carries.
pub trait Sends: Aggregate {
    /// That party, `system/outside/name`.
    const CARRIER: Kind;
}

/// Who takes the money for an aggregate: `POST /payments`, `DELETE /payments/{id}`.
#[derive(Debug)]
pub struct Teller<A>(PhantomData<A>);

/// Who carries an aggregate's message: `POST /messages`.
#[derive(Debug)]
pub struct Carrier<A>(PhantomData<A>);

/// Takes the money for the aggregate with this id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Charge {
    /// The aggregate's.
    pub id: u64,
    /// Whose money.
    pub payer: Option<String>,
    /// How much, where the business knows.
    pub amount: Option<i64>,
}

/// Gives back what was taken for the aggregate with this id, if anything was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refund {
    /// The aggregate's.
    pub id: u64,
}

/// Carries a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Carry {
    /// The message's.
    pub id: u64,
    /// Who is to have it.
    pub to: Option<String>,
    /// What it says.
    pub text: Option<String>,
}

messages! {
    /// What a teller can be asked.
    pub enum TellerCommand: Command { Charge = 1; Refund = 1 }
}

messages! {
    /// What a carrier can be asked.
    pub enum CarrierCommand: Command { Carry = 1 }
}

impl<A: Charges> Provider for Teller<A> {
    const KIND: Kind = A::TELLER;
    const ADDRESS: &'static str = PAYMENT_URL.key;
    type Command = TellerCommand;

    fn outgoing(_: u64, command: &TellerCommand) -> Outgoing {
        match command {
            TellerCommand::Charge(_) => Outgoing::new(Verb::Post, "/payments"),
            TellerCommand::Refund(Refund { id }) => Outgoing::new(Verb::Delete, format!("/payments/{id}")),
        }
    }
}

impl<A: Sends> Provider for Carrier<A> {
    const KIND: Kind = A::CARRIER;
    const ADDRESS: &'static str = MESSAGE_URL.key;
    type Command = CarrierCommand;

    fn outgoing(_: u64, _: &CarrierCommand) -> Outgoing {
        Outgoing::new(Verb::Post, "/messages")
    }
}

impl<E> Decision<E> {
    /// Has the money taken, if anything happens; given back if nobody knows whether it was. The answer closes as
    /// [`Closing::charged`].
    #[must_use]
    pub fn charging<A: Charges>(self, id: u64, payer: Option<String>, amount: Option<i64>) -> Self {
        let charge = Ask::outside::<Teller<A>>(id, Charge { id, payer, amount });
        self.with(charge.undone_outside_by::<Teller<A>>(Refund { id }))
    }

    /// Has the money given back, if anything happens; asked again until answered.
    #[must_use]
    pub fn refunding<A: Charges>(self, id: u64) -> Self {
        self.with(Ask::outside::<Teller<A>>(id, Refund { id }))
    }

    /// Has a message carried, if anything happens; asked again until answered.
    #[must_use]
    pub fn carrying<A: Sends>(self, id: u64, to: Option<String>, text: Option<String>) -> Self {
        self.with(Ask::outside::<Carrier<A>>(id, Carry { id, to, text }))
    }

    fn with(self, ask: Ask) -> Self {
        if self.facts.is_empty() { self } else { self.asking(ask) }
    }
}

impl<E> Closing<E> {
    /// Closes a charge whose facts stand already: `voided` takes them back when the money was not taken. The answer to a
    /// refund changes nothing.
    #[must_use]
    pub fn charged(asked: &Asked, answer: &Answer, voided: impl Into<E>) -> Self {
        match answer {
            _ if asked.command != "Charge" => Self::facts([]),
            Answer::Done => Self::facts([]),
            Answer::Refused(refusal) => Self::refuse(refusal.clone()).and(voided),
            Answer::Withdrawn => Self::facts([voided.into()]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Refusal, Stream};

    const TELLER: Kind = Kind::new("theatre/outside/teller");

    #[test]
    fn a_charge_that_was_not_taken_is_taken_back_and_a_refund_changes_nothing() {
        let closed = |command: &str, answer: &Answer| {
            let closing = Closing::<u8>::charged(&Asked::of(Stream::new(TELLER, 1), command), answer, 7);
            (closing.facts, closing.refusal)
        };
        let refusal = Refusal::rule("refused-by-provider", "the account is empty");
        assert_eq!(closed("Charge", &Answer::Done), (vec![], None));
        assert_eq!(closed("Charge", &Answer::Withdrawn), (vec![7], None));
        assert_eq!(closed("Charge", &Answer::Refused(refusal.clone())), (vec![7], Some(refusal.clone())));
        for answer in [Answer::Done, Answer::Withdrawn, Answer::Refused(refusal)] {
            assert_eq!(closed("Refund", &answer), (vec![], None));
        }
    }
}
