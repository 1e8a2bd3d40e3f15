//! The journal as the rest of the house holds it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::applier;
use super::codec::{self, CodecError};
use super::committer::{Append, Committer, INBOX_MAX, InFlight, Request};
use super::engine::{Engine, EngineError, Figures, From};
use super::feed::Feed;
use super::ids::Ids;
use super::overlay::{Key, Overlay, Value};
use super::record::{Answered, Intent, Note, Parked, Position, Row};
use super::recovery;
use crate::clock::Clock;
use crate::domain::{Catalogue, Kind, Recorded, Stream};
use crate::telemetry::metrics;

/// How many bytes of the log a follower that fell behind reads at once.
const READ_BYTES_MAX: usize = 256 * 1024;
/// How often the committer may fail (a kill is no failure) before the process must end.
const COMMITTER_FAILURES_MAX: usize = 3;
/// The window in which they count.
const COMMITTER_FAILURES_WINDOW: Duration = Duration::from_secs(30);

/// The journal: append, look up, follow. Clones share it.
#[derive(Clone, Debug)]
pub struct Journal {
    core: Arc<Core>,
    outbox: mpsc::Sender<Request>,
    tasks: Arc<Mutex<JoinSet<()>>>,
}

/// What an operator may set.
#[derive(Clone, Copy, Debug)]
pub struct JournalOptions {
    /// How long an unkeyed client's outcome is remembered, in memory.
    pub recent_for: Duration,
}

/// What a new incarnation starts from.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// The newest durable row, if there is one.
    pub row: Option<Arc<Row>>,
    /// The intent that is still open.
    pub intent: Option<Arc<Intent>>,
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

/// What the committer, its successors and the readers share.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) clock: Clock,
    pub(super) overlay: Arc<Overlay>,
    pub(super) feed: Feed,
    pub(super) ids: Ids,
    pub(super) recent: Mutex<Recent>,
    pub(super) inbox: tokio::sync::Mutex<mpsc::Receiver<Request>>,
    pub(super) in_flight: Mutex<Option<InFlight>>,
    pub(super) group: AtomicU64,
    durable: watch::Sender<Position>,
    read_only: watch::Sender<Option<String>>,
    generation: AtomicU64,
    committer: Mutex<Option<AbortHandle>>,
    broken: AtomicBool,
    sealed: AtomicBool,
    pub(super) replaying: AtomicBool,
    options: JournalOptions,
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
        let kinds = catalogue.kinds().into_iter().map(|spec| match spec {
            crate::domain::system::KindSpec::Aggregate(spec) => spec.kind,
            crate::domain::system::KindSpec::View(spec) => spec.kind,
        });
        let ids = Ids::new(kinds);
        let core = Arc::new(Core {
            engine,
            catalogue,
            clock,
            overlay: Arc::default(),
            feed: Feed::default(),
            ids,
            recent: Mutex::default(),
            inbox: tokio::sync::Mutex::new(inbox),
            in_flight: Mutex::default(),
            group: AtomicU64::new(0),
            durable: watch::Sender::new(0),
            read_only: watch::Sender::new(None),
            generation: AtomicU64::new(0),
            committer: Mutex::default(),
            broken: AtomicBool::new(false),
            sealed: AtomicBool::new(false),
            replaying: AtomicBool::new(true),
            options,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(applier::run(Arc::clone(&core.overlay), Arc::clone(&core.engine)));
        recovery::replay(&core).await?;
        tasks.spawn(keep_committing(Arc::clone(&core)));
        Ok(Self { core, outbox, tasks: Arc::new(Mutex::new(tasks)) })
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

    async fn note_down(&self, note: Note) -> Option<Position> {
        let (reply, written) = oneshot::channel();
        self.outbox.send(Request::Note { note, reply }).await.ok()?;
        written.await.ok()
    }

    /// Returns the newest durable row.
    ///
    /// # Errors
    ///
    /// Fails when the store does, or holds what does not decode.
    pub fn row(&self, stream: Stream) -> Result<Option<Arc<Row>>, ReadError> {
        self.core.row(stream)
    }

    /// Returns what a command came to, if that is remembered.
    ///
    /// # Errors
    ///
    /// Fails when the store does, or holds what does not decode.
    pub fn answer(&self, command: u128) -> Result<Option<Arc<Answered>>, ReadError> {
        self.core.answer(command)
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

    /// Returns why nothing can be written, to read and to wait on.
    #[must_use]
    pub fn read_only(&self) -> watch::Receiver<Option<String>> {
        self.core.read_only.subscribe()
    }

    /// Returns durable facts from a position on, in order, `max` at most; none when there are none yet.
    ///
    /// # Errors
    ///
    /// Fails on a damaged log or an unknown type.
    pub async fn facts_from(&self, from: Position, max: usize) -> Result<Vec<Arc<Recorded>>, ReadError> {
        let durable = *self.core.durable.borrow();
        if from > durable {
            return Ok(Vec::new());
        }
        // A group that is synced but not yet visible is read a moment later.
        let max = max.min(usize::try_from(durable - from + 1).unwrap_or(usize::MAX));
        if let Some(facts) = self.core.feed.from(from, max) {
            return Ok(facts);
        }
        let groups = self.core.engine.read(From::Position(from), READ_BYTES_MAX).await?;
        recovery::facts_of(&groups, &self.core.catalogue, from, max)
    }

    /// Returns every public or internal fact of one stream, oldest first, at most `max`.
    ///
    /// # Errors
    ///
    /// Fails on a damaged log or an unknown type.
    pub async fn history(&self, stream: Stream, max: usize) -> Result<Vec<Arc<Recorded>>, ReadError> {
        recovery::select(&self.core, 1, max, |fact| fact.stream == stream).await
    }

    /// Returns the facts of one story, oldest first, at most `max`.
    ///
    /// # Errors
    ///
    /// Fails on a damaged log or an unknown type.
    pub async fn story(&self, correlation: &str, max: usize) -> Result<Vec<Arc<Recorded>>, ReadError> {
        recovery::select(&self.core, 1, max, |fact| &*fact.correlation == correlation).await
    }

    /// Returns a follower's position: the last fact it is done with.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub fn progress(&self, follower: &Arc<str>) -> Result<Position, ReadError> {
        let key = Key::Progress(Arc::clone(follower));
        if let Some(entry) = self.core.overlay.get(&key) {
            return Ok(entry.position);
        }
        Ok(self.core.engine.get(&key)?.map_or(0, |bytes| codec::position_of(&bytes)))
    }

    /// Moves a follower's position, together with the rows it wrote.
    pub fn advance(&self, follower: &Arc<str>, position: Position, rows: Vec<Arc<Row>>) {
        self.core.follow(follower, position, rows);
    }

    /// Returns the facts that followers have set aside.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn parked(&self) -> Result<Vec<Parked>, ReadError> {
        self.core.overlay.drained().await;
        let mut parked = Vec::new();
        self.core.engine.each(super::engine::Tree::Followers, &mut |key, bytes| {
            if key.starts_with(b"parked\0")
                && let Ok(Note::Parked(item)) = codec::decode_note(bytes)
            {
                parked.push(item);
            }
        })?;
        Ok(parked)
    }

    /// Returns the intents that were open when the journal was opened or asked.
    ///
    /// # Errors
    ///
    /// Fails when the store does, or holds what does not decode.
    pub async fn open_intents(&self) -> Result<Vec<Arc<Intent>>, ReadError> {
        self.core.overlay.drained().await;
        let mut intents = Vec::new();
        let mut failed = None;
        self.core.engine.each(super::engine::Tree::Intents, &mut |_, bytes| match codec::decode_intent(
            bytes,
            &self.core.catalogue,
        ) {
            Ok(intent) => intents.push(Arc::new(intent)),
            Err(error) => failed = Some(error),
        })?;
        failed.map_or(Ok(intents), |error| Err(error.into()))
    }

    /// Returns sizes and positions for operators.
    #[must_use]
    pub fn figures(&self) -> JournalFigures {
        JournalFigures {
            engine: self.core.engine.figures(),
            durable: *self.core.durable.borrow(),
            store_group: self.core.engine.mark().unwrap_or(0),
            waiting: self.core.overlay.len(),
        }
    }

    /// Kills the committer as chaos does; its successor takes over at once.
    pub fn kill_committer(&self) {
        if let Some(committer) = &*self.core.committer.lock() {
            committer.abort();
        }
    }

    /// Seals the log, empties the overlay and ends every thread. Appends after this are refused.
    pub async fn close(self) {
        let writable = self.writable();
        self.core.read_only.send_replace(Some("the journal is closing".to_owned()));
        if writable.is_err() || self.note_down(Note::Seal).await.is_none() {
            tracing::warn!("the log could not be sealed; the next start verifies its end");
        }
        if tokio::time::timeout(DRAIN_MAX, self.core.overlay.drained()).await.is_err() {
            tracing::warn!("the store takes no values; the next start replays them from the log");
        }
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        tasks.shutdown().await;
        self.core.refuse_all().await;
        self.core.engine.close().await;
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
}

/// Why a look-up failed.
#[derive(Debug, Clone, Error)]
pub enum ReadError {
    /// The storage failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It holds what does not decode.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// How long a close waits for the store.
const DRAIN_MAX: Duration = Duration::from_secs(10);

async fn keep_committing(core: Arc<Core>) {
    commit_to_the_end(&core).await;
    core.refuse_all().await;
}

async fn commit_to_the_end(core: &Arc<Core>) {
    let mut failures: VecDeque<tokio::time::Instant> = VecDeque::new();
    loop {
        let mut incarnation = JoinSet::new();
        let owned = Arc::clone(core);
        let handle = incarnation.spawn(async move { Committer::take_over(owned).await.run().await });
        *core.committer.lock() = Some(handle);
        match incarnation.join_next().await {
            Some(Ok(())) | None => return,
            Some(Err(ended)) if ended.is_cancelled() => tracing::warn!("the committer was killed; another takes over"),
            Some(Err(ended)) => {
                let now = core.clock.now();
                failures.push_back(now);
                while failures.front().is_some_and(|first| now - *first > COMMITTER_FAILURES_WINDOW) {
                    failures.pop_front();
                }
                tracing::error!(%ended, "the committer failed; another takes over");
                if failures.len() >= COMMITTER_FAILURES_MAX {
                    core.stop_writing("the committer failed three times in 30 s");
                    return;
                }
            }
        }
        metrics::committer_restarted();
    }
}

/// Outcomes of unkeyed clients' commands, for as long as they may ask again.
#[derive(Debug, Default)]
pub(super) struct Recent {
    answers: std::collections::HashMap<u128, Arc<Answered>>,
    order: VecDeque<(tokio::time::Instant, u128)>,
}

/// How many unkeyed outcomes are remembered at most.
const RECENT_MAX: usize = 131_072;

impl Recent {
    fn put(&mut self, now: tokio::time::Instant, keep: Duration, command: u128, answered: Arc<Answered>) {
        if self.answers.insert(command, answered).is_none() {
            self.order.push_back((now, command));
        }
        while let Some((at, oldest)) = self.order.front().copied() {
            if now - at < keep && self.order.len() <= RECENT_MAX {
                break;
            }
            self.answers.remove(&oldest);
            self.order.pop_front();
        }
    }
}

impl Core {
    pub(super) fn next_generation(&self) -> u64 {
        self.generation.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn next_position(&self) -> Position {
        *self.durable.borrow() + 1
    }

    /// Moves the durable position to just before `next`, and wakes the followers.
    pub(super) fn advance(&self, next: Position) {
        self.durable.send_if_modified(|durable| std::mem::replace(durable, (*durable).max(next - 1)) < next - 1);
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    pub(super) fn is_sealed(&self) -> bool {
        self.sealed.load(Ordering::Acquire)
    }

    pub(super) fn seal(&self) {
        self.sealed.store(true, Ordering::Release);
    }

    /// Lets everybody know who still waits that nobody will answer.
    async fn refuse_all(&self) {
        let mut inbox = self.inbox.lock().await;
        inbox.close();
        while inbox.try_recv().is_ok() {}
    }

    pub(super) fn stop_writing(&self, why: &str) {
        self.broken.store(true, Ordering::Release);
        tracing::error!(why, "nothing can be written any more; restart the process when the cause is gone");
        self.read_only.send_replace(Some(why.to_owned()));
    }

    pub(super) fn row(&self, stream: Stream) -> Result<Option<Arc<Row>>, ReadError> {
        let key = Key::Row(stream);
        match self.overlay.get(&key) {
            Some(entry) => Ok(match entry.value {
                Some(Value::Row(row)) => Some(row),
                Some(Value::Answer(_) | Value::Intent(_) | Value::Progress | Value::Note(_)) | None => None,
            }),
            None => match self.engine.get(&key)? {
                Some(bytes) => Ok(codec::decode_row(stream, &bytes, &self.catalogue)?.map(Arc::new)),
                None => Ok(None),
            },
        }
    }

    pub(super) fn answer(&self, command: u128) -> Result<Option<Arc<Answered>>, ReadError> {
        if let Some(answered) = self.recent.lock().answers.get(&command) {
            return Ok(Some(Arc::clone(answered)));
        }
        let key = Key::Answer(command);
        match self.overlay.get(&key) {
            Some(entry) => Ok(match entry.value {
                Some(Value::Answer(answered)) => Some(answered),
                Some(Value::Row(_) | Value::Intent(_) | Value::Progress | Value::Note(_)) | None => None,
            }),
            None => match self.engine.get(&key)? {
                Some(bytes) => Ok(Some(Arc::new(codec::decode_answered(&bytes, &self.catalogue)?))),
                None => Ok(None),
            },
        }
    }

    pub(super) fn recovered(&self, stream: Stream) -> Result<Recovered, ReadError> {
        let key = Key::Intent(stream);
        let intent = match self.overlay.get(&key) {
            Some(entry) => match entry.value {
                Some(Value::Intent(intent)) => Some(intent),
                Some(Value::Row(_) | Value::Answer(_) | Value::Progress | Value::Note(_)) | None => None,
            },
            None => match self.engine.get(&key)? {
                Some(bytes) => Some(Arc::new(codec::decode_intent(&bytes, &self.catalogue)?)),
                None => None,
            },
        };
        Ok(Recovered { row: self.row(stream)?, intent })
    }

    pub(super) fn remember_recent(&self, command: u128, answered: Answered) {
        self.recent.lock().put(self.clock.now(), self.options.recent_for, command, Arc::new(answered));
    }

    pub(super) fn forget_recent(&self, command: u128) {
        self.recent.lock().answers.remove(&command);
    }

    fn follow(&self, follower: &Arc<str>, position: Position, rows: Vec<Arc<Row>>) {
        for row in &rows {
            self.ids.saw(row.stream.kind, row.stream.id, row.state.exists());
        }
        let progress =
            (Key::Progress(Arc::clone(follower)), super::overlay::Entry { position, value: Some(Value::Progress) });
        let rows = rows.into_iter().map(|row| {
            let entry = super::overlay::Entry { position: row.position, value: Some(Value::Row(Arc::clone(&row))) };
            (Key::Row(row.stream), entry)
        });
        self.overlay.put(rows.chain([progress]));
    }

    pub(super) fn kind_of(&self, path: &str) -> Option<Kind> {
        self.catalogue.kind(path)
    }
}
