//! Rows of the store that were read lately, decoded: what many ask for is decoded once.
//!
//! A row here is the store's newest: whatever goes into the store passes [`Decoded::refresh`] while it is still found in
//! the overlay, and a row that a reader took from the store before that is not taken in after it.

use std::mem;
use std::sync::Arc;

use foldhash::HashMap;
use parking_lot::Mutex;

use super::{Entry, Key, Value};
use crate::domain::Stream;
use crate::journal::record::Row;

/// How many rows are kept at most.
const ROWS_MAX: usize = 16_384;

/// Decoded rows, in two generations: those asked for since the last turn, and those of the turn before.
#[derive(Debug, Default)]
pub(in crate::journal) struct Decoded {
    generations: Mutex<Generations>,
}

#[derive(Debug, Default)]
struct Generations {
    epoch: Epoch,
    young: HashMap<Stream, Arc<Row>>,
    old: HashMap<Stream, Arc<Row>>,
}

/// How many batches went into the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::journal) struct Epoch(u64);

impl Decoded {
    /// Returns the epoch; a reader asks before it looks anywhere.
    pub(in crate::journal) fn epoch(&self) -> Epoch {
        self.generations.lock().epoch
    }

    /// Looks a row up that the overlay does not have.
    pub(in crate::journal) fn get(&self, stream: Stream) -> Option<Arc<Row>> {
        let mut generations = self.generations.lock();
        if let Some(row) = generations.young.get(&stream) {
            return Some(Arc::clone(row));
        }
        let row = generations.old.remove(&stream)?;
        generations.keep(stream, Arc::clone(&row));
        Some(row)
    }

    /// Takes in what the store had, unless something went into it since this epoch.
    pub(in crate::journal) fn put(&self, epoch: Epoch, row: &Arc<Row>) {
        let mut generations = self.generations.lock();
        if generations.epoch == epoch {
            generations.keep(row.stream, Arc::clone(row));
        }
    }

    /// Brings rows up to a batch that the store has taken; called before the batch leaves the overlay.
    pub(in crate::journal) fn refresh<'a>(&self, batch: impl IntoIterator<Item = (&'a Key, &'a Entry)>) {
        // First, so that nobody takes in what the batch has made old.
        self.generations.lock().epoch.0 += 1;
        for (key, entry) in batch {
            let Key::Row(stream) = key else { continue };
            match &entry.value {
                Some(Value::Row(row)) => self.generations.lock().replace(*stream, row),
                _ => self.generations.lock().remove(*stream),
            }
        }
    }
}

impl Generations {
    fn keep(&mut self, stream: Stream, row: Arc<Row>) {
        if self.young.len() >= ROWS_MAX / 2 {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(stream, row);
    }

    fn replace(&mut self, stream: Stream, row: &Arc<Row>) {
        let held = self.young.get_mut(&stream).or_else(|| self.old.get_mut(&stream));
        if let Some(held) = held {
            *held = Arc::clone(row);
        }
    }

    fn remove(&mut self, stream: Stream) {
        self.young.remove(&stream);
        self.old.remove(&stream);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::tests::samples;

    fn row(version: u64) -> Arc<Row> {
        let sample = samples::rows().swap_remove(0);
        Arc::new(Row { version, position: version, ..sample })
    }

    fn batch(row: &Arc<Row>) -> HashMap<Key, Entry> {
        HashMap::from_iter([(
            Key::Row(row.stream),
            Entry { position: row.position, value: Some(Value::Row(Arc::clone(row))) },
        )])
    }

    fn version_of(decoded: &Decoded, stream: Stream) -> Option<u64> {
        decoded.get(stream).map(|row| row.version)
    }

    #[test]
    fn a_row_that_was_read_before_a_batch_went_in_is_not_taken_in_after_it() {
        let decoded = Decoded::default();
        let (before, after) = (row(1), row(2));
        let epoch = decoded.epoch();
        decoded.refresh(&batch(&after));
        decoded.put(epoch, &before);
        assert_eq!(version_of(&decoded, before.stream), None);
    }

    #[test]
    fn a_batch_brings_kept_rows_up_to_date() {
        let decoded = Decoded::default();
        let (before, after) = (row(1), row(2));
        decoded.put(decoded.epoch(), &before);
        decoded.refresh(&batch(&after));
        assert_eq!(version_of(&decoded, before.stream), Some(2));
    }

    #[test]
    fn a_row_that_a_batch_removes_is_gone() {
        let decoded = Decoded::default();
        let kept = row(1);
        decoded.put(decoded.epoch(), &kept);
        decoded.refresh(&HashMap::from_iter([(Key::Row(kept.stream), Entry { position: 2, value: None })]));
        assert_eq!(version_of(&decoded, kept.stream), None);
    }

    #[test]
    fn rows_nobody_asks_for_make_room() {
        let decoded = Decoded::default();
        let asked = row(1);
        decoded.put(decoded.epoch(), &asked);
        for id in 2..=2 * ROWS_MAX as u64 {
            let other = Row { stream: Stream::new(asked.stream.kind, id), ..(*asked).clone() };
            decoded.put(decoded.epoch(), &Arc::new(other));
            assert!(version_of(&decoded, asked.stream).is_some(), "still asked for at {id}");
        }
        let generations = decoded.generations.lock();
        assert!(generations.young.len() + generations.old.len() <= ROWS_MAX);
    }
}
