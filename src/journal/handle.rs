//! The journal as the rest of the house holds it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::checkpointing;
use super::codec::CodecError;
use super::commit::{self, Append, INBOX_MAX, Request, SyncFigures};
use super::core::Core;
use super::engine::{CheckpointFigures, Engine, EngineError, Figures};
use super::ids::Ids;
use super::overlay::applier;
use super::reading::ReadError;
use super::record::{Intent, Note, Position, Row};
use super::recovery;
use super::recovery::histories::BrokenHistory;
use super::space;
use crate::clock::Clock;
use crate::domain::{Catalogue, Stream};
use crate::telemetry::traces::Tracer;

/// The journal: append, look up, follow. Clones share it.
#[derive(Clone, Debug)]
pub struct Journal {
    pub(super) core: Arc<Core>,
    pub(super) outbox: mpsc::Sender<Request>,
    pub(super) tasks: Arc<Mutex<JoinSet<()>>>,
}

/// What an operator may set.
#[derive(Clone, Debug)]
pub struct JournalOptions {
    /// How long an unkeyed client's outcome is remembered, in memory.
    pub recent_for: Duration,
    /// How many bytes must be free on the disk for anything to be written.
    pub free_bytes_min: u64,
    /// Who tells of each group.
    pub tracer: Tracer,
}

/// What a new incarnation starts from.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// The newest durable row, if there is one.
    pub row: Option<Arc<Row>>,
    /// The intent that is still open.
    pub intent: Option<Arc<Intent>>,
    /// Why it cannot live, if its history goes on where this build cannot follow.
    pub broken: Option<BrokenHistory>,
}

/// How far a follower has come.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// Everything up to here is done.
    pub position: Position,
    /// The commands by which it was done: from here on nobody asks for their outcomes, unless the position is lost, and then
    /// the log has them.
    pub finished: Vec<u128>,
    /// The rows that were written.
    pub rows: Vec<Arc<Row>>,
}

/// Why a command cannot be written now; it was not executed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unwritable {
    /// Too many commands wait for the committer.
    #[error("too many commands wait for the log")]
    Busy,
    /// A write failed; only a restart heals that.
    #[error("the log cannot be written: {0}")]
    ReadOnly(String),
}

/// Why the journal could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The storage failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The log or the store holds what this build cannot read.
    #[error("{0}")]
    Codec(#[from] CodecError),
}

/// Room for one append, taken before anything is decided.
#[derive(Debug)]
pub struct Room<'a>(mpsc::Permit<'a, Request>);

impl Room<'_> {
    /// Hands an append over; it will be durable or refused, whatever happens to the caller.
    pub fn append(self, append: Append) {
        self.0.send(Request::Append(append));
    }
}

impl Journal {
    /// Opens the journal on a storage: replays what the store lacks, then accepts appends.
    ///
    /// # Errors
    ///
    /// Fails when the log is damaged or holds what this build does not know; nothing is skipped.
    pub async fn open(
        engine: Arc<dyn Engine>,
        catalogue: Arc<Catalogue>,
        clock: Clock,
        options: JournalOptions,
    ) -> Result<Self, OpenError> {
        let (outbox, inbox) = mpsc::channel(INBOX_MAX);
        let free_bytes_min = options.free_bytes_min;
        let core = Arc::new(Core::new(engine, catalogue, clock, inbox, options));
        let mut tasks = JoinSet::new();
        tasks.spawn(applier::run(Arc::clone(&core)));
        recovery::replay(&core).await?;
        // Taken here, so that no instance can be older than the first committer.
        let floor = core.next_generation();
        tasks.spawn(commit::keep_committing(Arc::clone(&core), floor));
        tasks.spawn(space::run(Arc::clone(&core), free_bytes_min));
        tasks.spawn(checkpointing::run(Arc::clone(&core)));
        let journal = Self { core, outbox, tasks: Arc::new(Mutex::new(tasks)) };
        journal.take_histories_up().await?;
        Ok(journal)
    }

    /// Takes room for one append.
    ///
    /// # Errors
    ///
    /// Fails when too many wait, or nothing can be written any more.
    pub fn room(&self) -> Result<Room<'_>, Unwritable> {
        self.writable()?;
        self.outbox.try_reserve().map(Room).map_err(|_| Unwritable::Busy)
    }

    /// Tells whether anything can be written.
    ///
    /// # Errors
    ///
    /// Fails when a write or sync failed; only a restart heals that.
    pub fn writable(&self) -> Result<(), Unwritable> {
        self.core.read_only.borrow().clone().map_or(Ok(()), |why| Err(Unwritable::ReadOnly(why)))
    }

    /// Takes the next generation for an incarnation.
    #[must_use]
    pub fn next_generation(&self) -> u64 {
        self.core.next_generation()
    }

    /// Waits until everything of older generations of this stream is durable or refused, then returns where it stands.
    /// `None` means that a newer incarnation has passed, or the committer died: stop, or ask again.
    pub async fn barrier(&self, stream: Stream, generation: u64) -> Option<Recovered> {
        let (reply, recovered) = oneshot::channel();
        self.outbox.send(Request::Barrier { stream, generation, reply }).await.ok()?;
        recovered.await.ok()
    }

    /// Says that an instance has left with nothing pending.
    pub fn forget(&self, stream: Stream, generation: u64) {
        // A full inbox only leaves an entry behind, which the next barrier replaces.
        let _ = self.outbox.try_send(Request::Forget { stream, generation });
    }

    /// Writes a note; `None` when its outcome is unknown.
    pub async fn note(&self, note: Note) -> Option<Position> {
        self.writable().ok()?;
        self.note_down(note).await
    }

    pub(super) async fn note_down(&self, note: Note) -> Option<Position> {
        let (reply, written) = oneshot::channel();
        self.outbox.send(Request::Note { note, reply }).await.ok()?;
        written.await.ok()
    }

    /// Returns the ids of every kind.
    #[must_use]
    pub fn ids(&self) -> &Ids {
        &self.core.ids
    }

    /// Returns the durable position, to read and to wait on.
    #[must_use]
    pub fn durable(&self) -> watch::Receiver<Position> {
        self.core.durable.subscribe()
    }

    /// Waits until the durable position is beyond this one. Those who wait go on in the order in which they came.
    pub async fn beyond(&self, position: Position) {
        loop {
            let moved = self.core.moved.notified();
            tokio::pin!(moved);
            // Before the look, so that a move between look and wait is not missed.
            moved.as_mut().enable();
            if *self.core.durable.borrow() > position {
                return;
            }
            moved.await;
        }
    }

    /// Returns why nothing can be written, to read and to wait on.
    #[must_use]
    pub fn read_only(&self) -> watch::Receiver<Option<String>> {
        self.core.read_only.subscribe()
    }

    /// Begins another incarnation of a follower, before it reads its position; an older one that has not noticed its
    /// end moves nothing from here on.
    #[must_use]
    pub fn begin_following(&self, follower: &Arc<str>) -> u64 {
        let incarnation = self.core.next_generation();
        self.core.following.lock().insert(Arc::clone(follower), incarnation);
        incarnation
    }

    /// Says that a command of a fact's turn is about to be given.
    pub fn begin_turn(&self, fact: Position, command: u128) {
        self.core.turns.begin(fact, command);
    }

    /// Moves a follower's position, together with the rows it wrote; waits while too many values wait for the store.
    pub async fn advance(&self, follower: &Arc<str>, incarnation: u64, step: Step) {
        self.core.overlay.room_for_followers().await;
        self.core.follow(follower, incarnation, step);
    }

    /// Forgets facts that a view had set aside and has written since. Not in the log, as the rows are not: a store made
    /// again has the facts wait again, and the view tries them as it begins.
    pub async fn unpark(&self, follower: &Arc<str>, incarnation: u64, facts: &[Position]) {
        // The rows first: without them the facts would be lost.
        self.core.overlay.drained().await;
        self.core.unpark(follower, incarnation, facts);
    }

    /// Returns sizes and positions for operators.
    #[must_use]
    pub fn figures(&self) -> JournalFigures {
        JournalFigures {
            engine: self.core.engine.figures(),
            durable: *self.core.durable.borrow(),
            store_group: self.core.engine.mark().unwrap_or(0),
            waiting: self.core.overlay.len(),
            syncs: self.core.syncs.figures(),
        }
    }

    /// Writes a checkpoint of what is durable now, beside the traffic.
    ///
    /// # Errors
    ///
    /// Fails when the store or the disk does; the older checkpoints stay.
    pub async fn checkpoint(&self) -> Result<CheckpointFigures, ReadError> {
        self.core.overlay.drained().await;
        self.core.checkpoint().await
    }

    /// Kills the committer as chaos does; its successor takes over at once.
    pub fn kill_committer(&self) {
        if let Some(committer) = &*self.core.committer.lock() {
            committer.abort();
        }
    }

    /// Resolves when the committer failed too often for another to take over: the process must end.
    pub async fn ended(&self) {
        // The sender lives as long as this handle.
        let _ = self.core.given_up.subscribe().wait_for(|given_up| *given_up).await;
    }

    /// Returns how many groups the committer has published; whatever was asked of it many groups ago is settled.
    #[must_use]
    pub fn published(&self) -> u64 {
        self.core.published.load(Ordering::Acquire)
    }
}

/// Sizes and positions for operators.
#[derive(Clone, Copy, Debug)]
pub struct JournalFigures {
    /// Of the storage.
    pub engine: Figures,
    /// The newest durable position.
    pub durable: Position,
    /// The group up to which the store holds everything.
    pub store_group: u64,
    /// How many values wait for the store.
    pub waiting: usize,
    /// How long groups took.
    pub syncs: SyncFigures,
}
