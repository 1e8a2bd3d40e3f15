//! A message about a contract: one to the one in charge when it is made, one to the customer when the car is kept.

use super::contract::ContractCompleted;
use super::reservation::Reservated;
use crate::domain::parties::Sends;
use crate::domain::prelude::*;

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Message {
    letter: Letter,
    sent: bool,
}

form! {
    /// What a message says, about which contract.
    pub(super) struct Letter {
        contract_id: u64 as indexed, cust_name: Option<String>, model_name: Option<String>, message_txt: String
    }
}

messages! {
    pub(super) enum MessageCommand: Command {
        SendMessage { letter: Letter } = 1;
    }

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
        let MessageCommand::SendMessage(SendMessage { letter }) = command.clone();
        let (to, text) = (letter.cust_name.clone(), Some(letter.message_txt.clone()));
        Ok(Decision::only_if(!self.sent, MessageWritten { letter }).carrying::<Self>(context.id, to, text))
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
pub(super) fn to_the_one_in_charge(ContractCompleted(made): &ContractCompleted) -> (u64, SendMessage) {
    let letter = letter("[담당자]", "차량을 계약했습니다.", made.id, &made.cust_name, &made.model_name);
    (2 * made.id - 1, SendMessage { letter })
}

/// The customer hears that the car is kept.
pub(super) fn to_the_customer(kept: &Reservated) -> (u64, SendMessage) {
    let letter = letter("[고객]", "차량이 예약되었습니다.", kept.contract_id, &kept.cust_name, &kept.model_name);
    (2 * kept.contract_id, SendMessage { letter })
}

fn letter(to: &str, what: &str, contract_id: u64, cust_name: &Option<String>, model_name: &Option<String>) -> Letter {
    let (customer, model) = (cust_name.as_deref().unwrap_or_default(), model_name.as_deref().unwrap_or_default());
    let message_txt = format!("{to} 계약 {contract_id}번: {customer} 고객님, {model} {what}");
    Letter { contract_id, cust_name: cust_name.clone(), model_name: model_name.clone(), message_txt }
}

shows! { Message: |message| { ..Letter = message.letter; } }
