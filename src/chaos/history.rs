//! What was asked and what was answered, with times: the clients' side of the truth.

use std::time::Duration;

use super::client::{Answer, Request};
use crate::domain::{Kind, Stream};
use crate::http_client::NoAnswer;
use crate::journal::record::keyed_id;

/// What a request wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Create,
    Change,
    Undo,
    Read,
}

/// One request and every time it was sent; all but the first only with its key.
#[derive(Clone, Debug)]
pub(super) struct Op {
    /// Its correlation id, by which the log tells it from all others.
    pub(super) story: String,
    pub(super) act: Act,
    pub(super) kind: Kind,
    /// To which; none for a creation.
    pub(super) target: Option<u64>,
    pub(super) key: Option<String>,
    pub(super) sent: Request,
    pub(super) tries: Vec<Try>,
}

/// One time it was sent; times since the history began.
#[derive(Clone, Debug)]
pub(super) struct Try {
    pub(super) began: Duration,
    pub(super) ended: Duration,
    pub(super) heard: Heard,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It is done.
    Ok(Answer),
    /// A rule, or a missing item, refused it for good.
    Refused(Answer),
    /// It was turned away.
    NotExecuted,
    /// Nobody listened.
    Gone,
    /// The server says that nobody knows.
    TimedOut,
    /// The connection broke, or stayed silent: it may have happened.
    Unknown,
    /// The client left: it may have happened.
    Left,
    /// An answer that nobody may get for what is sent here.
    Odd(Answer),
}

impl Heard {
    pub(super) fn of(answer: Result<Answer, NoAnswer>) -> Self {
        match answer {
            Ok(answer) => match answer.status {
                200..300 => Self::Ok(answer),
                404 | 409 | 412 => Self::Refused(answer),
                429 | 503 => Self::NotExecuted,
                504 if says_not_executed(&answer) => Self::NotExecuted,
                504 => Self::TimedOut,
                _ => Self::Odd(answer),
            },
            Err(NoAnswer::NotSent) => Self::Gone,
            Err(NoAnswer::Unknown(_)) => Self::Unknown,
        }
    }

    pub(super) const fn is_final(&self) -> bool {
        self.answer().is_some()
    }

    /// Tells whether what was sent is done, or may be.
    pub(super) const fn may_be_done(&self) -> bool {
        match self {
            Self::Ok(_) | Self::Odd(_) | Self::TimedOut | Self::Unknown | Self::Left => true,
            Self::Refused(_) | Self::NotExecuted | Self::Gone => false,
        }
    }

    pub(super) const fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Ok(answer) | Self::Refused(answer) | Self::Odd(answer) => Some(answer),
            Self::NotExecuted | Self::Gone | Self::TimedOut | Self::Unknown | Self::Left => None,
        }
    }
}

impl Op {
    /// Gives it a key, so that it may be sent again.
    pub(super) fn keyed(mut self) -> Self {
        let key = format!("key-{}", self.story);
        self.sent = self.sent.with("idempotency-key", format!("\"{key}\""));
        self.key = Some(key);
        self
    }

    /// The first try that settled it.
    pub(super) fn settled(&self) -> Option<&Try> {
        self.tries.iter().find(|attempt| attempt.heard.is_final())
    }

    /// The answer that says it is done, if one does.
    pub(super) fn done(&self) -> Option<&Answer> {
        let settled = &self.settled()?.heard;
        if let Heard::Ok(answer) = settled { Some(answer) } else { None }
    }

    /// Whether every try was turned away, or met nobody.
    pub(super) fn was_turned_away(&self) -> bool {
        self.tries.iter().all(|attempt| matches!(attempt.heard, Heard::NotExecuted | Heard::Gone))
    }

    /// Whether a try may have happened that was not answered.
    pub(super) fn was_unknown(&self) -> bool {
        self.tries.iter().any(|attempt| matches!(attempt.heard, Heard::TimedOut | Heard::Unknown | Heard::Left))
    }

    pub(super) const fn writes(&self) -> bool {
        !matches!(self.act, Act::Read)
    }

    /// When it was sent first.
    pub(super) fn began(&self) -> Duration {
        self.tries.first().map_or(Duration::ZERO, |attempt| attempt.began)
    }

    /// Whom it was about, if that is known.
    pub(super) fn stream(&self) -> Option<Stream> {
        let id = self.target.or_else(|| self.done()?.located())?;
        Some(Stream::new(self.kind, id))
    }

    /// The command's id, if its key gives it one.
    pub(super) fn command(&self) -> Option<u128> {
        self.key.as_deref().map(|key| keyed_id(self.kind, key))
    }
}

/// A deadline may pass before anything was done, and the answer says so.
fn says_not_executed(answer: &Answer) -> bool {
    answer.json()["reason"] == "deadline-exceeded"
}
