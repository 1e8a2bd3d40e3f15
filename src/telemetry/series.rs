//! Handles of series that are recorded with every call: finding one by its labels costs more than recording.

use std::borrow::Borrow;
use std::hash::Hash;

use foldhash::HashMap;
use parking_lot::RwLock;

/// Handles by what distinguishes their labels; as many as there are combinations of the descriptions' own words.
#[derive(Debug)]
pub(super) struct Series<K, H>(RwLock<HashMap<K, H>>);

impl<K, H> Default for Series<K, H> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<K: Eq + Hash, H> Series<K, H> {
    /// Records with the handle of `key`, made the first time.
    pub(super) fn record<Q>(&self, key: &Q, make: impl FnOnce() -> H, record: impl FnOnce(&H))
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        if let Some(handle) = self.0.read().get(key) {
            return record(handle);
        }
        record(self.0.write().entry(key.to_owned()).or_insert_with(make));
    }
}
