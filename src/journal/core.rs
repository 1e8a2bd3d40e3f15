//! What the committer, its successors, the applier and the readers share.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::AbortHandle;

use super::codec::{self, CodecError};
use super::commit::{InFlight, Request, Syncs};
use super::disk_faults::DiskFaults;
use super::engine::Engine;
use super::feed::Feed;
use super::handle::{JournalOptions, Recovered, Step};
use super::ids::Ids;
use super::ids::index::Index;
use super::overlay::{Decoded, Entry, Key, Overlay, Recent, Turns, Value};
use super::reading::ReadError;
use super::record::{Answered, Position, Row};
use super::recovery::histories::Histories;
use crate::clock::Clock;
use crate::domain::system::KindSpec;
use crate::domain::{Catalogue, Kind, Stream};

/// What the committer, its successors and the readers share.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) clock: Clock,
    pub(super) overlay: Overlay,
    pub(super) decoded: Decoded,
    pub(super) feed: Feed,
    pub(super) ids: Ids,
    pub(super) index: OnceLock<Index>,
    pub(super) histories: Histories,
    pub(super) turns: Turns,
    pub(super) recent: Mutex<Recent>,
    pub(super) inbox: tokio::sync::Mutex<mpsc::Receiver<Request>>,
    pub(super) in_flight: Mutex<Option<InFlight>>,
    pub(super) group: AtomicU64,
    pub(super) syncs: Syncs,
    /// How many groups were published, also those that wrote nothing.
    pub(super) published: AtomicU64,
    pub(super) closing: AtomicBool,
    /// The newest incarnation of each follower.
    pub(super) following: Mutex<HashMap<Arc<str>, u64>>,
    pub(super) durable: watch::Sender<Position>,
    /// Told whenever that moves; who waits first is told first, which a watch leaves to chance.
    pub(super) moved: Notify,
    refusals: Mutex<BTreeMap<Refused, String>>,
    pub(super) read_only: watch::Sender<Option<String>>,
    /// Whether the committer failed too often for another to take over.
    pub(super) given_up: watch::Sender<bool>,
    generation: AtomicU64,
    pub(super) committer: Mutex<Option<AbortHandle>>,
    /// Held by whoever writes a checkpoint.
    pub(super) checkpointing: tokio::sync::Mutex<()>,
    broken: AtomicBool,
    sealed: AtomicBool,
    pub(super) replaying: AtomicBool,
    pub(super) disk_faults: DiskFaults,
    pub(super) options: JournalOptions,
}

impl Core {
    pub(super) fn new(
        engine: Arc<dyn Engine>,
        catalogue: Arc<Catalogue>,
        clock: Clock,
        inbox: mpsc::Receiver<Request>,
        options: JournalOptions,
    ) -> Self {
        let ids = Ids::new(catalogue.kinds().into_iter().map(KindSpec::kind));
        Self {
            engine,
            catalogue,
            clock,
            overlay: Overlay::default(),
            decoded: Decoded::default(),
            feed: Feed::default(),
            ids,
            index: OnceLock::new(),
            histories: Histories::default(),
            turns: Turns::default(),
            recent: Mutex::default(),
            inbox: tokio::sync::Mutex::new(inbox),
            in_flight: Mutex::default(),
            group: AtomicU64::new(0),
            syncs: Syncs::default(),
            published: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            following: Mutex::default(),
            durable: watch::Sender::new(0),
            moved: Notify::new(),
            refusals: Mutex::default(),
            read_only: watch::Sender::new(None),
            given_up: watch::Sender::new(false),
            generation: AtomicU64::new(0),
            committer: Mutex::default(),
            checkpointing: tokio::sync::Mutex::default(),
            broken: AtomicBool::new(false),
            sealed: AtomicBool::new(false),
            replaying: AtomicBool::new(true),
            disk_faults: DiskFaults::default(),
            options,
        }
    }

    pub(super) fn next_generation(&self) -> u64 {
        self.generation.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn next_position(&self) -> Position {
        *self.durable.borrow() + 1
    }

    /// Moves the durable position to just before `next`, and wakes the followers.
    pub(super) fn advance(&self, next: Position) {
        if self.durable.send_if_modified(|durable| std::mem::replace(durable, (*durable).max(next - 1)) < next - 1) {
            self.moved.notify_waiters();
        }
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
    pub(super) async fn refuse_all(&self) {
        let mut inbox = self.inbox.lock().await;
        inbox.close();
        while inbox.try_recv().is_ok() {}
        // What was with the last committer may be written; nobody is left to find out.
        self.in_flight.lock().take();
    }

    /// Refuses appends for a cause, or no longer; while any cause stands, nothing is written.
    pub(super) fn refuse(&self, cause: Refused, why: Option<String>) {
        let mut refusals = self.refusals.lock();
        match why {
            Some(why) => drop(refusals.insert(cause, why)),
            None => drop(refusals.remove(&cause)),
        }
        self.read_only.send_replace(refusals.values().next().cloned());
    }

    pub(super) fn is_refused(&self, cause: Refused) -> bool {
        self.refusals.lock().contains_key(&cause)
    }

    pub(super) fn stop_writing(&self, why: &str) {
        self.broken.store(true, Ordering::Release);
        tracing::error!(why, "nothing can be written any more; restart the process when the cause is gone");
        self.refuse(Refused::Broken, Some(why.to_owned()));
    }

    pub(super) fn row(&self, stream: Stream) -> Result<Option<Arc<Row>>, ReadError> {
        let key = Key::Row(stream);
        let epoch = self.decoded.epoch();
        match self.overlay.get(&key) {
            Some(Entry { value: Some(Value::Row(row)), .. }) => return Ok(Some(row)),
            Some(_) => return Ok(None),
            None => {}
        }
        if let Some(row) = self.decoded.get(stream) {
            return Ok(Some(row));
        }
        let Some(bytes) = self.engine.get(&key)? else { return Ok(None) };
        let row = codec::decode_row(stream, &bytes, &self.catalogue)?.map(Arc::new);
        if let Some(row) = &row {
            self.decoded.put(epoch, row);
        }
        Ok(row)
    }

    pub(super) fn answer(&self, command: u128) -> Result<Option<Arc<Answered>>, ReadError> {
        if let Some(outcome) = self.turns.outcome(command) {
            return Ok(outcome);
        }
        if let Some(answered) = self.recent.lock().get(command) {
            return Ok(Some(answered));
        }
        let pick = |value| match value {
            Value::Answer(answered) => Some(answered),
            Value::Row(_) | Value::Intent(_) | Value::Progress | Value::Note(_) => None,
        };
        let decode = |bytes: &[u8]| Ok(Some(Arc::new(codec::decode_answered(bytes, &self.catalogue)?)));
        self.look(&Key::Answer(command), pick, decode)
    }

    pub(super) fn recovered(&self, stream: Stream) -> Result<Recovered, ReadError> {
        let pick = |value| match value {
            Value::Intent(intent) => Some(intent),
            Value::Row(_) | Value::Answer(_) | Value::Progress | Value::Note(_) => None,
        };
        let decode = |bytes: &[u8]| Ok(Some(Arc::new(codec::decode_intent(bytes, &self.catalogue)?)));
        let intent = self.look(&Key::Intent(stream), pick, decode)?;
        Ok(Recovered { row: self.row(stream)?, intent, broken: self.histories.broken(stream) })
    }

    /// Looks in the overlay first, then in the store.
    fn look<T>(
        &self,
        key: &Key,
        pick: impl FnOnce(Value) -> Option<T>,
        decode: impl FnOnce(&[u8]) -> Result<Option<T>, CodecError>,
    ) -> Result<Option<T>, ReadError> {
        match self.overlay.get(key) {
            Some(entry) => Ok(entry.value.and_then(pick)),
            None => match self.engine.get(key)? {
                Some(bytes) => Ok(decode(&bytes)?),
                None => Ok(None),
            },
        }
    }

    pub(super) fn remember_recent(&self, command: u128, answered: Arc<Answered>) {
        self.recent.lock().put(self.clock.now(), self.options.recent_for, command, answered);
    }

    pub(super) fn forget_recent(&self, command: u128) {
        self.recent.lock().forget(command);
        self.turns.withdraw(command);
    }

    pub(super) fn follow(&self, follower: &Arc<str>, incarnation: u64, step: Step) {
        let Step { position, finished, rows } = step;
        // Held over the put: rows of an older incarnation must not land on a newer one's.
        let following = self.following.lock();
        // While closing the store is being settled; the next start follows these facts again.
        if following.get(follower) != Some(&incarnation) || self.closing.load(Ordering::Acquire) {
            return;
        }
        for row in &rows {
            self.saw(row);
        }
        let progress = (Key::Progress(Arc::clone(follower)), Entry { position, value: Some(Value::Progress) });
        let rows = rows.into_iter().map(|row| {
            let entry = Entry { position: row.position, value: Some(Value::Row(Arc::clone(&row))) };
            (Key::Row(row.stream), entry)
        });
        // A killed follower's last command may still be on its way: its outcome stays at hand for a while.
        let ended = |command: &u128| {
            let answered = self.turns.end(*command)?;
            self.remember_recent(*command, answered);
            Some(Key::Answer(*command))
        };
        let needless: Vec<Key> = finished.iter().filter_map(ended).collect();
        self.overlay.put_and_drop(rows.chain([progress]), needless);
    }

    pub(super) fn unpark(&self, follower: &Arc<str>, incarnation: u64, facts: &[Position]) {
        let following = self.following.lock();
        if following.get(follower) != Some(&incarnation) || self.closing.load(Ordering::Acquire) {
            return;
        }
        let position = self.next_position();
        let gone = |fact: &Position| (Key::Parked(Arc::clone(follower), *fact), Entry { position, value: None });
        self.overlay.put(facts.iter().map(gone));
    }

    pub(super) fn kind_of(&self, path: &str) -> Option<Kind> {
        self.catalogue.kind(path)
    }
}

/// Why nothing is written; the first that stands is the one that is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Refused {
    /// The journal is closing.
    Closing,
    /// A write or sync failed, or the committer did too often: only a restart heals that.
    Broken,
    /// The disk is nearly full.
    Space,
    /// The store takes no values.
    Store,
}
