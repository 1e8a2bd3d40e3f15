//! What the committer is asked to do, and what it answers.

use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::domain::{Held, Stream};
use crate::journal::handle::Recovered;
use crate::journal::record::{CommandMeta, Note, Position, Record, Row};

/// How many requests may wait for the committer.
pub const INBOX_MAX: usize = 16_384;

/// What becomes of one command, on its way to the log.
pub struct Append {
    /// Whose.
    pub stream: Stream,
    /// The incarnation that decided it; older ones than the fence knows are refused.
    pub generation: u64,
    /// The version it was decided on.
    pub expects: u64,
    /// What to write; nothing, when only an answer has to wait its turn.
    pub records: Vec<Record>,
    /// The state after the facts.
    pub after: Option<Arc<dyn Held>>,
    /// Called when durable; dropped uncalled when refused or lost, which its owner must notice.
    pub release: Release,
}

impl Append {
    /// Returns the command it comes from, where it has one.
    #[must_use]
    pub fn command(&self) -> Option<&CommandMeta> {
        self.records.iter().find_map(|record| match record {
            Record::Facts(facts) => Some(&facts.command),
            Record::Answer(answer) => Some(&answer.command),
            Record::IntentOpened(intent) => Some(&intent.opened_by),
            Record::IntentClosed { .. } | Record::Note(_) => None,
        })
    }
}

/// Called once with what was committed.
pub type Release = Box<dyn FnOnce(Committed) + Send>;

/// A durable command.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The stream's newest durable row.
    pub row: Option<Arc<Row>>,
    /// The durable position after the command's group.
    pub position: Position,
}

impl fmt::Debug for Append {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Append").field("stream", &self.stream).field("expects", &self.expects).finish_non_exhaustive()
    }
}

/// What the committer is asked to do.
#[derive(Debug)]
pub(in crate::journal) enum Request {
    Append(Append),
    /// Everything of older generations is durable or refused before this is answered.
    Barrier {
        stream: Stream,
        generation: u64,
        reply: oneshot::Sender<Recovered>,
    },
    /// An instance left; its fence entry may go.
    Forget {
        stream: Stream,
        generation: u64,
    },
    /// Everything asked before is done when this is answered.
    Flush {
        reply: oneshot::Sender<()>,
    },
    Note {
        note: Note,
        reply: oneshot::Sender<Position>,
    },
}
