//! A message about a contract: one to the one in charge when it is made, one to the customer when the car is kept.

use std::convert::Infallible;

use serde::{Deserialize, Serialize};

use super::contract::ContractEvent;
use super::reservation::ReservationEvent;
use crate::domain::parties::Sends;
use crate::domain::{Aggregate, Answer, Asked, Closing, Context, Decided, Decision, IdRule, Kind, Recorded};
use crate::{messages, shows};

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Message {
    letter: Letter,
    sent: bool,
}

/// What a message says, about which contract.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Letter {
    contract_id: u64,
    cust_name: Option<String>,
    model_name: Option<String>,
    text: String,
}

messages! {
    /// What a message can be told.
    pub(super) enum MessageCommand: Command {
        /// Sends it.
        SendMessage { letter: Letter } = 1;
    }
}

messages! {
    /// What happens to a message.
    pub(super) enum MessageEvent: Event hiding MessageWritten {
        /// What it says is settled.
        MessageWritten { letter: Letter } = 1;
        /// It is on its way.
        MessageSent { id: u64 } = 1;
    }
}

impl Sends for Message {
    const CARRIER: Kind = Kind::new("car-rental/outside/message");
}

impl Aggregate for Message {
    const KIND: Kind = Kind::new("car-rental/message/message");
    const IDS: IdRule = IdRule::Sequence;
    const ASKS: &'static [Kind] = &[Self::CARRIER];
    type Command = MessageCommand;
    type Event = MessageEvent;
    type Rejection = Infallible;

    fn decide(&self, command: &MessageCommand, context: &Context) -> Decided<Self> {
        let MessageCommand::SendMessage(SendMessage { letter }) = command;
        Ok(match self.sent {
            true => Decision::nothing(),
            false => Decision::facts([MessageWritten { letter: letter.clone() }]).carrying::<Self>(
                context.id,
                letter.cust_name.clone(),
                Some(letter.text.clone()),
            ),
        })
    }

    fn answered(&self, _: &Asked, answer: &Answer, context: &Context) -> Closing<MessageEvent> {
        match answer {
            Answer::Done => Closing::facts([MessageSent { id: context.id }.into()]),
            // A message that nobody carries is none of the contract's business.
            Answer::Refused(_) | Answer::Withdrawn => Closing::facts([]),
        }
    }

    fn evolve(&mut self, event: &MessageEvent) {
        match event {
            MessageEvent::MessageWritten(written) => self.letter = written.letter.clone(),
            MessageEvent::MessageSent(_) => self.sent = true,
        }
    }

    fn exists(&self) -> bool {
        self.sent
    }
}

/// The one in charge hears of a contract; of a contract's two messages this is the first.
pub(super) fn to_the_one_in_charge(_: &Recorded, event: &ContractEvent) -> Option<(u64, MessageCommand)> {
    let ContractEvent::ContractCompleted(made) = event else { return None };
    let letter = letter("[담당자]", "차량을 계약했습니다.", made.id, &made.cust_name, &made.model_name);
    Some((2 * made.id - 1, SendMessage { letter }.into()))
}

/// The customer hears that the car is kept.
pub(super) fn to_the_customer(_: &Recorded, event: &ReservationEvent) -> Option<(u64, MessageCommand)> {
    let ReservationEvent::Reservated(kept) = event else { return None };
    let letter = letter("[고객]", "차량이 예약되었습니다.", kept.contract_id, &kept.cust_name, &kept.model_name);
    Some((2 * kept.contract_id, SendMessage { letter }.into()))
}

fn letter(to: &str, what: &str, contract_id: u64, cust_name: &Option<String>, model_name: &Option<String>) -> Letter {
    let (customer, model) = (cust_name.as_deref().unwrap_or_default(), model_name.as_deref().unwrap_or_default());
    let text = format!("{to} 계약 {contract_id}번: {customer} 고객님, {model} {what}");
    Letter { contract_id, cust_name: cust_name.clone(), model_name: model_name.clone(), text }
}

shows! {
    Message: |message| {
        long "contractId" = message.letter.contract_id;
        text "custName" = &message.letter.cust_name;
        text "modelName" = &message.letter.model_name;
        text "messageTxt" = &message.letter.text;
    }
}
