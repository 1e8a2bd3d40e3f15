//! A message to a customer: sent when books are on their way, or by whoever asks for it.

use crate::domain::parties::Sends;
use crate::domain::prelude::*;

/// A message that was sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Kakao {
    letter: Letter,
    sent: bool,
}

form! {
    /// What a message says, about which order.
    pub(super) struct Letter {
        order_id: Option<i64> as indexed, customer_id: Option<i64> as indexed, status: Option<String>, message: Option<String>
    }
}

messages! {
    pub(super) enum KakaoCommand: Command {
        SendMessage(Letter) = 1;
    }

    pub(super) enum KakaoEvent: Event hiding MessageWritten {
        /// What it says is settled.
        MessageWritten(Letter) = 1;
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
    const IDS: IdRule = IdRule::Sequence;
    const ASKS: &'static [Kind] = &[Self::CARRIER];
    type Command = KakaoCommand;
    type Event = KakaoEvent;
    type Rejection = Infallible;

    fn decide(&self, command: &KakaoCommand, context: &Context) -> Decided<Self> {
        let KakaoCommand::SendMessage(SendMessage(letter)) = command.clone();
        let (to, text) = (letter.customer_id.map(|id| id.to_string()), letter.message.clone());
        Ok(Decision::facts([MessageWritten(letter)]).carrying::<Self>(context.id, to, text))
    }

    fn answered(&self, _: &Asked, answer: &Answer, context: &Context) -> Closing<KakaoEvent> {
        let Letter { order_id, customer_id, status, message } = self.letter.clone();
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
            KakaoEvent::MessageWritten(MessageWritten(letter)) => *self = Self { letter, sent: false },
            KakaoEvent::SentMessage(_) => self.sent = true,
        }
    }

    fn exists(&self) -> bool {
        self.sent
    }
}

shows! { Kakao: |kakao| { ..Letter = kakao.letter; } }
