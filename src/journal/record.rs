//! What the log holds, as values: facts with their command, answers, intents, notes.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::derived_id;
use crate::domain::{AnyCommand, AnyEvent, Held, Kind, Recorded, Refusal, Stream, TraceContext};

/// A place in the log: facts are numbered densely from 1.
pub type Position = u64;

/// The newest durable state of one aggregate or view row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Whose.
    pub stream: Stream,
    /// How many facts it stands on.
    pub version: u64,
    /// How many of them are public: what `ETag` shows.
    pub public_version: u64,
    /// The log position that wrote it.
    pub position: Position,
    /// The state.
    pub state: Arc<dyn Held>,
}

/// Who gave a command, which decides how long its outcome is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A client without a key: remembered for twice the deadline.
    Edge,
    /// A client with a key: remembered 24 h.
    Keyed,
    /// A policy: remembered.
    Policy,
    /// Another aggregate's ask: remembered.
    Ask,
}

/// A command's identity and its place in the story.
#[derive(Clone, Debug)]
pub struct CommandMeta {
    /// Its id; a resend has the same.
    pub id: u128,
    /// Who gave it.
    pub origin: Origin,
    /// A digest of a keyed request, so that a key cannot be used for another one; else 0.
    pub fingerprint: u64,
    /// The position of the fact that caused it; 0 when a client did.
    pub causation: Position,
    /// The story it belongs to.
    pub correlation: Arc<str>,
    /// Its place in a trace that is told.
    pub trace: Option<TraceContext>,
}

/// Returns the id that a client's key gives to a command on this kind.
#[must_use]
pub fn keyed_id(kind: Kind, key: &str) -> u128 {
    derived_id(derived_id(0, kind.path()), key)
}

/// Returns the id of the command that a policy's order of that number gives to what follows from a version of a stream.
#[must_use]
pub fn turn_id(policy: &str, stream: Stream, version: u64, index: u32) -> u128 {
    derived_id(derived_id(0, policy), &format!("{stream}/{version}/{index}"))
}

/// One command's facts.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Whose.
    pub stream: Stream,
    /// The version of the first of them.
    pub first_version: u64,
    /// How many public facts the stream had before.
    pub public_before: u64,
    /// When they were decided, in milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// What caused them.
    pub command: CommandMeta,
    /// Whether the command's outcome still waits for an ask.
    pub open: bool,
    /// What happened.
    pub events: Vec<Arc<dyn AnyEvent>>,
}

impl Facts {
    /// Returns how many public facts the stream has after these.
    #[must_use]
    pub fn public_after(&self) -> u64 {
        self.public_before + self.events.iter().filter(|event| event.is_public()).count() as u64
    }

    /// Returns the version of the last of them.
    #[must_use]
    pub fn last_version(&self) -> u64 {
        self.first_version + self.events.len() as u64 - 1
    }

    /// Returns the row after them, the first of them being at `position`.
    #[must_use]
    pub fn row(&self, position: Position, state: Arc<dyn Held>) -> Row {
        Row {
            stream: self.stream,
            version: self.last_version(),
            public_version: self.public_after(),
            position: position + self.events.len() as u64 - 1,
            state,
        }
    }

    /// Gives each fact its place, the first at `position`.
    pub fn recorded(&self, position: Position) -> impl Iterator<Item = Recorded> + '_ {
        let mut public_version = self.public_before;
        self.events.iter().zip(0u64..).map(move |(event, index)| {
            public_version += u64::from(event.is_public());
            Recorded {
                position: position + index,
                stream: self.stream,
                version: self.first_version + index,
                public_version,
                time_ms: self.time_ms,
                command: self.command.id,
                causation: self.command.causation,
                correlation: Arc::clone(&self.command.correlation),
                trace: self.command.trace,
                event: Arc::clone(event),
            }
        })
    }
}

/// A final outcome without facts.
#[derive(Clone, Debug)]
pub struct FactlessAnswer {
    /// Whose answer.
    pub stream: Stream,
    /// What was answered.
    pub command: CommandMeta,
    /// When, in milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// The refusal; `None` when the command was accepted and changed nothing.
    pub refusal: Option<Refusal>,
}

/// A synchronous request that must be brought to an end, whatever crashes.
#[derive(Clone, Debug)]
pub struct Intent {
    /// Its id; the asked command's id is derived from it.
    pub id: u128,
    /// Who asks.
    pub asker: Stream,
    /// Who is asked.
    pub to: Stream,
    /// What it is told.
    pub command: Arc<dyn AnyCommand>,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// What undoes it when its outcome stays unknown; `None`: it is asked again until answered.
    pub undo: Option<Arc<dyn AnyCommand>>,
    /// The command that opened it; its sender waits for the outcome.
    pub opened_by: CommandMeta,
    /// When it was opened, in milliseconds since the Unix epoch.
    pub opened_ms: u64,
}

/// How an intent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// With an answer.
    Answered,
    /// Given up: the opening command was never executed, and its key is free again.
    Withdrawn,
}

/// Everything else worth remembering.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Note {
    /// The process stopped cleanly after this group.
    Seal,
    /// A follower set a fact aside.
    Parked(Parked),
    /// A parked fact was taken up again.
    Released {
        /// The follower.
        follower: String,
        /// The fact.
        position: Position,
    },
    /// An operator gave a parked fact up.
    Skipped {
        /// The follower.
        follower: String,
        /// The fact.
        position: Position,
        /// Why.
        reason: String,
    },
    /// An operator did something.
    Audit {
        /// What was done.
        action: String,
        /// To whom.
        target: String,
        /// Why.
        reason: String,
        /// When, in milliseconds since the Unix epoch.
        time_ms: u64,
    },
    /// A service's policies have done everything up to here; a store made again from the log need not repeat it.
    Followed {
        /// The follower.
        follower: String,
        /// The last fact it is done with.
        position: Position,
    },
}

/// A fact a follower could not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// The follower.
    pub follower: String,
    /// The stream that waits, as shown.
    pub stream: String,
    /// The fact.
    pub position: Position,
    /// Why, in words.
    pub cause: String,
    /// When, in milliseconds since the Unix epoch.
    pub time_ms: u64,
}

/// One record of a group.
#[derive(Clone, Debug)]
pub enum Record {
    /// One command's facts.
    Facts(Facts),
    /// A final outcome without facts.
    Answer(FactlessAnswer),
    /// An ask begins.
    IntentOpened(Arc<Intent>),
    /// An ask has ended.
    IntentClosed {
        /// Who asked.
        asker: Stream,
        /// Which intent.
        intent: u128,
        /// The command that opened it.
        opened_by: u128,
        /// How.
        how: Closed,
    },
    /// Everything else.
    Note(Note),
}

impl Record {
    /// Returns how many positions it takes.
    #[must_use]
    pub fn positions(&self) -> u64 {
        match self {
            Self::Facts(facts) => facts.events.len() as u64,
            Self::Answer(_) | Self::IntentOpened(_) | Self::IntentClosed { .. } | Self::Note(_) => 0,
        }
    }
}

/// A remembered outcome.
#[derive(Clone, Debug)]
pub struct Answered {
    /// Whose answer it is.
    pub stream: Stream,
    /// The digest of the keyed request, else 0.
    pub fingerprint: u64,
    /// When, in milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// The log position it belongs to.
    pub position: Position,
    /// What was answered.
    pub outcome: Outcome,
}

/// What a command came to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Accepted; with the row as it was then where a client may want to see it again.
    Done {
        /// The row right after the command.
        row: Option<Arc<Row>>,
    },
    /// Refused by a rule.
    Refused(Refusal),
    /// Still waiting for an ask.
    Open,
}
