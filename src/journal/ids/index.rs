//! What items can be found by: for each indexed field a mark of every item's value, in memory.
//!
//! Ids are dense, so the marks of a field are a plain column: to find is to walk it, about a nanosecond an item. A mark is
//! a keyed hash of 63 bits; two values of one mark would be one chance in 10^13 with a million items.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;

use crate::domain::{Kind, Resource, Stream, Value};
use crate::journal::core::Core;
use crate::journal::handle::Journal;
use crate::journal::record::Row;

/// How many items are learnt of at a time, before others get a turn.
const LEARNT_AT_ONCE: usize = 256;
/// The item was not looked at yet.
const UNKNOWN: u64 = 0;
/// Clients do not see the item. Marks of values are odd.
const HIDDEN: u64 = 2;

/// The indexed fields of all collections.
#[derive(Debug)]
pub struct Index {
    hasher: RandomState,
    kinds: HashMap<Kind, Columns>,
    is_filled: AtomicBool,
}

/// A collection's columns, one for each indexed field.
#[derive(Debug)]
struct Columns {
    resource: Resource,
    places: Vec<usize>,
    marks: RwLock<Vec<Vec<u64>>>,
}

impl Index {
    fn of<'a>(resources: impl IntoIterator<Item = &'a Resource>) -> Self {
        let columns = resources.into_iter().filter_map(|resource| {
            let places: Vec<_> = (0..resource.fields.len()).filter(|place| resource.fields[*place].indexed).collect();
            let marks = RwLock::new(vec![Vec::new(); places.len()]);
            (!places.is_empty()).then(|| (resource.kind, Columns { resource: resource.clone(), places, marks }))
        });
        Self { hasher: RandomState::new(), kinds: columns.collect(), is_filled: AtomicBool::new(false) }
    }

    /// Learns of a durable row.
    pub(in crate::journal) fn saw(&self, row: &Row) {
        self.mark(row, |mark, new| *mark = new);
    }

    /// Learns of a row that was read: what was seen meanwhile is newer.
    fn learnt(&self, row: &Row) {
        self.mark(row, |mark, new| {
            if *mark == UNKNOWN {
                *mark = new;
            }
        });
    }

    fn mark(&self, row: &Row, set: impl Fn(&mut u64, u64)) {
        let Some(columns) = self.kinds.get(&row.stream.kind) else { return };
        let Ok(at) = usize::try_from(row.stream.id) else { return };
        let values = if row.state.exists() { columns.resource.represent(&*row.state) } else { Vec::new() };
        let mut marks = columns.marks.write();
        for (column, place) in marks.iter_mut().zip(&columns.places) {
            if column.len() <= at {
                column.resize(at + 1, UNKNOWN);
            }
            set(&mut column[at], values.get(*place).map_or(HIDDEN, |value| self.mark_of(value)));
        }
    }

    fn mark_of(&self, value: &Value) -> u64 {
        self.hasher.hash_one(value) | 1
    }

    /// Finds the items of a kind that have all these values, by the places of their fields, in the order of ids; `None` while
    /// items are still being learnt of, soon after a start.
    #[must_use]
    pub fn find(&self, kind: Kind, wanted: &[(usize, Value)]) -> Option<Vec<u64>> {
        if !self.is_filled.load(Ordering::Acquire) {
            return None;
        }
        let Some(columns) = self.kinds.get(&kind) else { return Some(Vec::new()) };
        let marks = columns.marks.read();
        let column = |place| columns.places.iter().position(|indexed| *indexed == place).map(|column| &marks[column]);
        let wanted: Option<Vec<_>> =
            wanted.iter().map(|(place, value)| Some((column(*place)?, self.mark_of(value)))).collect();
        let Some(((first, mark), others)) = wanted.as_ref().and_then(|wanted| wanted.split_first()) else {
            return Some(Vec::new());
        };
        let ids = (0u64..).zip(first.iter()).filter(|(_, found)| *found == mark).map(|(id, _)| id);
        let has_all = |id: &u64| others.iter().all(|(column, mark)| column.get(*id as usize) == Some(mark));
        Some(ids.filter(has_all).collect())
    }
}

impl Journal {
    /// Lets items be found by the indexed fields of these collections from now on; what is stored is learnt of in the
    /// background. Takes 8 bytes of memory for each item and indexed field. Only the first call counts.
    pub fn index<'a>(&self, resources: impl IntoIterator<Item = &'a Resource>) {
        if self.core.index.set(Index::of(resources)).is_ok() {
            self.tasks.lock().spawn(learn(Arc::clone(&self.core)));
        }
    }

    /// Returns what items can be found by, if they can.
    #[must_use]
    pub fn indexed(&self) -> Option<&Index> {
        self.core.index.get()
    }
}

impl Core {
    /// Learns of a durable row.
    pub(in crate::journal) fn saw(&self, row: &Row) {
        self.ids.saw(row.stream.kind, row.stream.id, row.state.exists());
        if let Some(index) = self.index.get() {
            index.saw(row);
        }
    }
}

/// Looks at every stored item once.
async fn learn(core: Arc<Core>) {
    let Some(index) = core.index.get() else { return };
    for kind in index.kinds.keys() {
        let mut last = 0;
        loop {
            let ids = core.ids.after(*kind, last, LEARNT_AT_ONCE);
            let Some(newest) = ids.last() else { break };
            last = *newest;
            for id in ids {
                match core.row(Stream::new(*kind, id)) {
                    Ok(Some(row)) => index.learnt(&row),
                    Ok(None) => {}
                    Err(error) => {
                        tracing::error!(%kind, id, %error, "an item cannot be read, and is not found by its fields")
                    }
                }
            }
            tokio::task::yield_now().await;
        }
    }
    index.is_filled.store(true, Ordering::Release);
}
