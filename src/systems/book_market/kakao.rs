//! A message to a customer: sent when books are on their way, or by whoever asks for it.

use std::convert::Infallible;

use serde::{Deserialize, Serialize};

use crate::domain::{Aggregate, Body, Context, Decision, Field, IdRule, Kind, Shown, Value};
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
    pub(super) enum KakaoEvent: Event {
        /// It was sent.
        SentMessage {
            id: u64, order_id: Option<i64>, customer_id: Option<i64>, status: Option<String>, message: Option<String>
        } = 1;
    }
}

impl Aggregate for Kakao {
    const KIND: Kind = Kind::new("book-market/kakao/kakao");
    const STATE_VERSION: u16 = 1;
    const IDS: IdRule = IdRule::Sequence;
    type Command = KakaoCommand;
    type Event = KakaoEvent;
    type Rejection = Infallible;

    fn decide(&self, command: &KakaoCommand, context: &Context) -> Result<Decision<KakaoEvent>, Infallible> {
        let KakaoCommand::SendMessage(message) = command;
        let SendMessage { order_id, customer_id, status, message } = message.clone();
        Ok(Decision::facts([SentMessage { id: context.id, order_id, customer_id, status, message }]))
    }

    fn evolve(&mut self, event: &KakaoEvent) {
        let KakaoEvent::SentMessage(SentMessage { order_id, customer_id, status, message, .. }) = event.clone();
        *self = Self { order_id, customer_id, status, message, sent: true };
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
