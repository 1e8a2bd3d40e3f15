//! A message to a customer: sent when books are on their way, or by whoever asks for it.

use std::convert::Infallible;

use serde::{Deserialize, Serialize};

use crate::domain::parties::Sends;
use crate::domain::{Aggregate, Answer, Asked, Body, Closing, Context, Decision, Field, IdRule, Kind, Shown, Value};
use crate::messages;

/// A message that was sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Kakao {
    order_id: Option<i64>,
    customer_id: Option<i64>,
    status: Option<String>,
    message: Option<String>,
    sent: bool,
}

messages! {
    /// What Kakao can be told.
    pub(super) enum KakaoCommand: Command {
        /// Sends a message.
        SendMessage {
            order_id: Option<i64>, customer_id: Option<i64>, status: Option<String>, message: Option<String>
        } = 1;
    }
}

messages! {
    /// What happens to a message.
    pub(super) enum KakaoEvent: Event hiding MessageWritten {
        /// What it says is settled.
        MessageWritten { order_id: Option<i64>, customer_id: Option<i64>, status: Option<String>, message: Option<String> } = 1;
        /// It was sent.
        SentMessage {
            id: u64, order_id: Option<i64>, customer_id: Option<i64>, status: Option<String>, message: Option<String>
        } = 1;
    }
}

impl Sends for Kakao {
    const CARRIER: Kind = Kind::new("book-market/outside/message");
}

impl Aggregate for Kakao {
    const KIND: Kind = Kind::new("book-market/kakao/kakao");
    const STATE_VERSION: u16 = 1;
    const IDS: IdRule = IdRule::Sequence;
    const ASKS: &'static [Kind] = &[Self::CARRIER];
    type Command = KakaoCommand;
    type Event = KakaoEvent;
    type Rejection = Infallible;

    fn decide(&self, command: &KakaoCommand, context: &Context) -> Result<Decision<KakaoEvent>, Infallible> {
        let KakaoCommand::SendMessage(message) = command;
        let SendMessage { order_id, customer_id, status, message } = message.clone();
        let (to, text) = (customer_id.map(|id| id.to_string()), message.clone());
        let written = MessageWritten { order_id, customer_id, status, message };
        Ok(Decision::facts([written]).carrying::<Self>(context.id, to, text))
    }

    fn answered(&self, _: &Asked, answer: &Answer, context: &Context) -> Closing<KakaoEvent> {
        let Self { order_id, customer_id, status, message, .. } = self.clone();
        match answer {
            Answer::Done => {
                Closing::facts([SentMessage { id: context.id, order_id, customer_id, status, message }.into()])
            }
            Answer::Refused(refusal) => Closing::refuse(refusal.clone()),
            Answer::Withdrawn => Closing::facts([]),
        }
    }

    fn evolve(&mut self, event: &KakaoEvent) {
        match event.clone() {
            KakaoEvent::MessageWritten(MessageWritten { order_id, customer_id, status, message }) => {
                *self = Self { order_id, customer_id, status, message, sent: false };
            }
            KakaoEvent::SentMessage(_) => self.sent = true,
        }
    }

    fn exists(&self) -> bool {
        self.sent
    }
}

impl Shown for Kakao {
    const FIELDS: &'static [Field] =
        &[Field::long("orderId"), Field::long("customerId"), Field::text("status"), Field::text("message")];

    fn values(&self) -> Vec<Value> {
        vec![self.order_id.into(), self.customer_id.into(), (&self.status).into(), (&self.message).into()]
    }
}

pub(super) fn send(body: &Body) -> KakaoCommand {
    SendMessage {
        order_id: body.long("orderId"),
        customer_id: body.long("customerId"),
        status: body.text("status"),
        message: body.text("message"),
    }
    .into()
}
