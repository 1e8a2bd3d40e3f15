//! A command on its way to an actor, and what comes back.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::domain::{AnyCommand, Refusal};
use crate::journal::{CommandMeta, Row};
use crate::resilience::{CallError, Completion, Deadline, NotExecuted, Verdict};
use crate::telemetry::traces::Span;

/// A command with everything its actor needs to decide and to answer.
#[derive(Debug)]
pub struct Envelope {
    /// What it is told.
    pub command: Arc<dyn AnyCommand>,
    /// Which command this is; a resend carries the same.
    pub meta: CommandMeta,
    /// What the sender believes about the state.
    pub precondition: Precondition,
    /// Whether the aggregate must be new.
    pub creates: bool,
    /// Whether it may have been seen before, so that its outcome must be looked up first.
    pub resend: bool,
    /// When it is no longer wanted.
    pub deadline: Deadline,
    /// When it was put into the mailbox.
    pub sent: Instant,
    /// Where the answer goes; dropped means unknown: ask again with the same id.
    pub port: Port,
    /// What is told of it once it is taken in hand.
    pub span: Span,
}

impl Envelope {
    /// Answers, and tells how it ended.
    pub(super) fn answer(mut self, reply: Reply) {
        let outcome = match &reply {
            Reply::Done(_) => "done",
            Reply::Refused(refusal) => {
                if self.span.is_told() {
                    self.span.set("resurgam.rule", refusal.rule.to_string());
                }
                "refused"
            }
            Reply::PreconditionFailed { .. } => "precondition-failed",
            Reply::KeyReused => "key-reused",
        };
        self.span.set("resurgam.outcome", outcome);
        self.span.end();
        // A caller that has gone is not an error; the outcome is on record.
        let _ = self.port.send(Ok(reply));
    }

    /// Says that it was not executed.
    pub(super) fn reject(mut self, reason: NotExecuted) {
        self.span.fail(reason.reason.code());
        self.span.end();
        let _ = self.port.send(Err(reason.into()));
    }
}

/// Where an answer goes.
pub type Port = oneshot::Sender<Result<Reply, NoReply>>;

/// Why an actor gives no reply.
#[derive(Clone, Copy, Debug)]
pub enum NoReply {
    /// Not executed, or unknown.
    Failed(CallError),
    /// Begun and durably given up: as if never executed, whatever was unknown before, and its key is free.
    Withdrawn(NotExecuted),
}

impl<T: Into<CallError>> From<T> for NoReply {
    fn from(error: T) -> Self {
        Self::Failed(error.into())
    }
}

/// An actor's answer.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Accepted and durable.
    Done(Done),
    /// Refused by a rule of the business.
    Refused(Refusal),
    /// The state is not what the sender believed.
    PreconditionFailed {
        /// The public version it has.
        public_version: u64,
    },
    /// The key was used for another request.
    KeyReused,
}

/// An accepted command.
#[derive(Clone, Debug)]
pub struct Done {
    /// The row right after it, where there is one.
    pub row: Option<Arc<Row>>,
    /// Whether this answers an earlier run of the same command.
    pub replayed: bool,
}

impl Verdict for Reply {
    fn completion(&self) -> Completion {
        match self {
            Self::Done(_) => Completion::Success,
            Self::Refused(_) | Self::PreconditionFailed { .. } | Self::KeyReused => Completion::Refused,
        }
    }
}

/// What a sender believes about an aggregate's public version (`If-Match`, `If-None-Match`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    #[default]
    Always,
    /// That clients see it.
    Exists,
    /// That clients do not see it.
    Missing,
    /// That it has one of these versions.
    OneOf(Vec<u64>),
}

impl Precondition {
    /// Tells whether a state fits.
    #[must_use]
    pub fn holds(&self, exists: bool, public_version: u64) -> bool {
        match self {
            Self::Always => true,
            Self::Exists => exists,
            Self::Missing => !exists,
            Self::OneOf(versions) => exists && versions.contains(&public_version),
        }
    }
}
