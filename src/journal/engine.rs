//! What the journal needs of a storage: an append-only log that syncs, and a store that may lag behind it.

use foldhash::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use thiserror::Error;

use super::ids::IdBlock;
use super::overlay::{Entry, Key};
use super::record::Position;
use crate::fault_points::Injected;

/// A storage.
pub trait Engine: Debug + Send + Sync + 'static {
    /// Appends a group and syncs it once. It is finished whatever happens to the caller.
    ///
    /// # Errors
    ///
    /// A failed write or sync is final: every later call fails too.
    fn write(&self, group: Group) -> BoxFuture<'static, Result<Written, EngineError>>;

    /// Tells, after everything handed over before, which group was written last.
    ///
    /// # Errors
    ///
    /// Fails when the storage is gone.
    fn last_written(&self) -> BoxFuture<'static, Result<Written, EngineError>>;

    /// Takes newest values into the store, then moves its mark; returns how many bytes the values take there.
    ///
    /// A kill leaves the first of them: ids first, then outcomes, rows, intents, and followers' positions last, so that
    /// nothing in the store vouches for what is not there.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    fn apply(&self, batch: Batch) -> BoxFuture<'static, Result<usize, EngineError>>;

    /// Looks a value up in the store; a point read that the store's cache answers.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, EngineError>;

    /// Walks a tree of the store in key order; only while nobody is served.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    fn each(&self, tree: Tree, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), EngineError>;

    /// Reads groups from `from` on, at least one if there is any, about `bytes_max` bytes at most.
    ///
    /// # Errors
    ///
    /// Fails on a damaged log.
    fn read(&self, from: From, bytes_max: usize) -> BoxFuture<'static, Result<Vec<ReadGroup>, EngineError>>;

    /// Reads groups with facts under a key, in order, from the one that holds `from` on, about `bytes_max` bytes at
    /// most and in a bounded time: there may be more even if there is none among them.
    ///
    /// # Errors
    ///
    /// Fails on a damaged log.
    fn read_keyed(&self, key: u64, from: Position, bytes_max: usize) -> BoxFuture<'static, Result<Keyed, EngineError>>;

    /// Returns the group up to which the store holds everything.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    fn mark(&self) -> Result<u64, EngineError>;

    /// Brings the store to the disk as it stands, so that a sealed log may vouch for it.
    ///
    /// # Errors
    ///
    /// Fails when a file cannot be synced.
    fn settle(&self) -> BoxFuture<'static, Result<(), EngineError>>;

    /// Writes a checkpoint of the store beside the traffic, unless the newest one holds as much; drops what has expired.
    ///
    /// # Errors
    ///
    /// Fails when the store or the disk does; the older checkpoints stay.
    fn checkpoint(
        &self,
        settled: Position,
        expiry: Expiry,
    ) -> BoxFuture<'static, Result<CheckpointFigures, EngineError>>;

    /// Tells whether it has such a thread; a storage without threads has none.
    fn has_lane(&self, lane: Lane) -> bool {
        let _ = lane;
        false
    }

    /// Ends a thread as a panic would; tells whether there was one.
    fn end_lane(&self, lane: Lane) -> bool {
        let _ = lane;
        false
    }

    /// Returns how many bytes are free where the log lives; `None` when nothing bounds it or nobody knows.
    fn free_bytes(&self) -> Option<u64>;

    /// Ends every thread of the storage.
    fn close(&self) -> BoxFuture<'static, ()>;

    /// Returns sizes for operators.
    fn figures(&self) -> Figures;
}

/// A thread of a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// The one that writes the log; without it the process ends.
    Writer,
    /// The one that fills the store; without it the process ends.
    Applier,
    /// One of those that read the log; another takes its place.
    Reader,
}

impl Lane {
    /// Returns its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Writer => "writer",
            Self::Applier => "applier",
            Self::Reader => "reader",
        }
    }
}

/// A group of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The position of its first fact.
    pub first_position: Position,
    /// How many positions it takes.
    pub facts: u32,
    /// The encoded records.
    pub payload: Bytes,
}

/// Where to begin reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// With this group.
    Group(u64),
    /// With the group that holds this position.
    Position(Position),
}

/// A group as read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadGroup {
    /// Its number.
    pub number: u64,
    /// The position of its first fact.
    pub first_position: Position,
    /// The encoded records.
    pub payload: Vec<u8>,
}

/// Groups read by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyed {
    /// Those that may hold facts under the key.
    pub groups: Vec<ReadGroup>,
    /// Where to go on; everything before this position was looked at.
    pub next: Position,
}

/// Where the log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// The number of the last group; 0 when there is none.
    pub group: u64,
    /// The position the next fact will get.
    pub next_position: Position,
}

/// Newest values on their way into the store.
#[derive(Debug)]
pub struct Batch {
    /// The values, shared with the overlay, which holds them until they are taken.
    pub entries: Arc<HashMap<Key, Entry>>,
    /// Which ids clients see, where that changed; it may be ahead of the mark, which a replay heals.
    pub ids: Vec<IdBlock>,
    /// The group up to which, after these, the store holds everything.
    pub mark: u64,
}

/// A tree of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tree {
    /// Rows of aggregates and views.
    Rows,
    /// Remembered outcomes by command id.
    Answers,
    /// Open intents by asker.
    Intents,
    /// Followers' positions and parked facts.
    Followers,
    /// Which ids clients see, in blocks.
    Ids,
}

impl Tree {
    /// Every tree, in the order in which an export must take them: a follower's position before the rows it vouches for, ids
    /// after the rows they name.
    pub const EXPORTED: [Self; 5] = [Self::Followers, Self::Rows, Self::Answers, Self::Intents, Self::Ids];

    /// Returns the byte that names it in stored keys.
    #[must_use]
    pub const fn tag(self) -> u8 {
        match self {
            Self::Rows => b'r',
            Self::Answers => b'a',
            Self::Intents => b'i',
            Self::Followers => b'f',
            Self::Ids => b'n',
        }
    }

    /// Returns the tree of a byte.
    #[must_use]
    pub fn of_tag(tag: u8) -> Option<Self> {
        Self::EXPORTED.into_iter().find(|tree| tree.tag() == tag)
    }
}

/// Which remembered outcomes an export leaves out and drops: nobody asks for them again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expiry {
    /// Up to here every policy's turn and every ask was at its end, in the older checkpoint that is kept.
    pub settled_before: Position,
    /// Clients' keys from before this time are forgotten, in milliseconds since 1970.
    pub before_ms: u64,
}

/// A checkpoint for operators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckpointFigures {
    /// The group up to which it holds everything; 0 when there is none.
    pub group: u64,
    /// Its size, in bytes.
    pub bytes: u64,
    /// Up to here every policy's turn and every ask was at its end.
    pub settled: Position,
}

/// Sizes for operators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// How many segments the log has.
    pub segments: u64,
    /// How large the log is, in bytes.
    pub log_bytes: u64,
    /// The last group.
    pub group: u64,
    /// The newest checkpoint.
    pub checkpoint: CheckpointFigures,
}

/// Why a storage failed.
#[derive(Debug, Clone, Error)]
pub enum EngineError {
    /// The log could not be written or synced; nothing will be written any more.
    #[error("the log cannot be written: {0}")]
    Log(String),
    /// The log is damaged where it is read.
    #[error("the log is damaged: {0}")]
    Damaged(String),
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(String),
    /// A thread of the storage is gone.
    #[error("a storage lane is gone: {0}")]
    LaneGone(&'static str),
}

impl std::convert::From<Injected> for EngineError {
    fn from(injected: Injected) -> Self {
        Self::Log(injected.to_string())
    }
}
