//! What the writer tells the readers: the segments, their indexes, and how far the log is durable.
//! It never shows a group before its sync; only the writer publishes.

use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::journal::disk::frame::{Link, StoreId};
use crate::journal::disk::log::error::LogError;
use crate::journal::disk::log::index::{Bounds, KeysOf, Runs, Sealed};
use crate::journal::disk::log::recovery::torn_block;
use crate::journal::disk::segment::{Access, Frame, Segment, Spot};

/// A reader seeks to the nearest index entry and skips at most about this much.
const INDEX_STEP_BYTES: u64 = 64 * 1024;

/// What writer and readers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: StoreId,
    pub(super) keys_of: KeysOf,
    /// How many frames were read back.
    pub(super) frames_read: AtomicU64,
    state: RwLock<State>,
    index_writer: Mutex<()>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) durable: Durable,
    pub(super) places: Vec<Place>,
}

/// How far readers may go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Durable {
    pub(super) group: u64,
    pub(super) segment: u64,
    pub(super) offset: u64,
    pub(super) next_position: u64,
}

impl Durable {
    pub(super) fn up_to(next: &Spot, segment: &Segment) -> Self {
        Self {
            group: next.link.group - 1,
            segment: segment.block.link.group,
            offset: next.offset,
            next_position: next.link.first_position,
        }
    }
}

impl Shared {
    pub(super) fn new(store: StoreId, keys_of: KeysOf, durable: Durable, places: Vec<Place>) -> Self {
        let state = RwLock::new(State { durable, places });
        Self { store, keys_of, frames_read: AtomicU64::new(0), state, index_writer: Mutex::default() }
    }

    /// The last place whose first spot is `before`, or else the first one.
    pub(super) fn place(&self, before: impl Fn(&Spot) -> bool) -> (usize, Place) {
        let places = &self.read().places;
        let index = places.partition_point(|place| before(&place.first));
        let index = index.saturating_sub(1);
        (index, places[index].without_index())
    }

    pub(super) fn starting_at(&self, link: &Link) -> Option<Place> {
        let (_, place) = self.place(|spot| spot.link.group <= link.group);
        (place.first.link == *link).then_some(place)
    }

    pub(super) fn indexed(&self, index: usize, before: impl Fn(&Spot) -> bool) -> Option<Spot> {
        let state = self.read();
        let spots = state.places[index].index.as_ref()?;
        Some(last_before(spots, before))
    }

    pub(super) fn keep_index(&self, index: usize, spots: Vec<Spot>) {
        self.write().places[index].index.get_or_insert(spots);
    }

    /// Goes on in the next segment; gives what is left to do for the one that is sealed by it.
    pub(super) fn add(&self, place: Place) -> Option<Sealed> {
        let mut state = self.write();
        let sealed = state.places.last_mut().and_then(|before| {
            let Keys::Growing(runs) = std::mem::replace(&mut before.keys, Keys::Filed) else { return None };
            let entries = Arc::new(runs);
            before.keys = Keys::Sealed(Arc::clone(&entries));
            let bounds = Bounds { store: self.store, first: before.first.link, end: place.first.link };
            Some(Sealed { path: before.path.clone(), bounds, entries })
        });
        state.places.push(place);
        sealed
    }

    /// Shows readers everything before `next`; the frame at `spot`, which has these keys, is the newest.
    pub(super) fn publish(&self, spot: &Spot, next: &Spot, segment: &Segment, keys: Option<Vec<u64>>) {
        let mut state = self.write();
        let current = state.places.last_mut().expect("there is a current segment");
        note_spot(current.index.as_mut().expect("the current segment is indexed"), spot);
        if let Keys::Growing(runs) = &mut current.keys {
            runs.note(&current.first, spot, keys);
        }
        state.durable = Durable::up_to(next, segment);
    }

    /// Has readers look into the index file of a segment from now on.
    pub(super) fn forget_entries(&self, first_group: u64) {
        let mut state = self.write();
        let place = state.places.iter_mut().find(|place| place.first.link.group == first_group);
        place.expect("segments stay").keys = Keys::Filed;
    }

    /// Held by whoever writes an index.
    pub(super) fn writing_index(&self) -> MutexGuard<'_, ()> {
        self.index_writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A segment as readers know it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) first: Spot,
    /// Sparse and sorted, beginning with `first`; `None` for a sealed segment nobody has sought in yet.
    pub(super) index: Option<Vec<Spot>>,
    pub(super) keys: Keys,
}

/// Where the entries of a segment's keys are.
#[derive(Debug)]
pub(super) enum Keys {
    /// In memory: the segment is written.
    Growing(Runs),
    /// In memory until its file is there.
    Sealed(Arc<Runs>),
    /// In the file beside the segment; if that is not there or not good, it is made again.
    Filed,
}

impl Place {
    pub(super) fn sealed(segment: &Segment) -> Self {
        Self {
            path: segment.path.clone(),
            bytes: segment.bytes,
            first: segment.first_spot(),
            index: None,
            keys: Keys::Filed,
        }
    }

    pub(super) fn growing(segment: &Segment, mut index: Vec<Spot>, runs: Runs) -> Self {
        if index.is_empty() {
            index.push(segment.first_spot());
        }
        Self { index: Some(index), keys: Keys::Growing(runs), ..Self::sealed(segment) }
    }

    pub(super) fn without_index(&self) -> Self {
        Self { path: self.path.clone(), bytes: self.bytes, first: self.first, index: None, keys: Keys::Filed }
    }

    pub(super) fn open(&self) -> Result<Segment, LogError> {
        match Segment::open(&self.path, Access::Read)? {
            Some(segment) if segment.first_spot() == self.first => Ok(segment),
            Some(_) | None => Err(torn_block(&self.path, self.first.link.group)),
        }
    }
}

/// Where a reader begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum Start {
    Position(u64),
    Group(u64),
}

impl Start {
    pub(super) fn is_at_or_after(self, spot: &Spot) -> bool {
        match self {
            Self::Position(position) => spot.link.first_position <= position,
            Self::Group(group) => spot.link.group <= group,
        }
    }

    pub(super) fn is_reached_by(self, frame: &Frame) -> bool {
        match self {
            Self::Position(position) => frame.header.next_position() > position,
            Self::Group(group) => frame.header.group() >= group,
        }
    }
}

pub(super) fn note_spot(index: &mut Vec<Spot>, spot: &Spot) {
    let due = |last: &Spot| spot.offset >= last.offset + INDEX_STEP_BYTES;
    if index.last().is_none_or(due) {
        index.push(*spot);
    }
}

pub(super) fn last_before(spots: &[Spot], before: impl Fn(&Spot) -> bool) -> Spot {
    spots[spots.partition_point(before).saturating_sub(1)]
}
