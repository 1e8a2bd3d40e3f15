//! How long groups took to be written and synced, for operators; the metrics have the distribution.

use std::time::Duration;

use parking_lot::Mutex;

/// The groups of this process.
#[derive(Debug, Default)]
pub(in crate::journal) struct Syncs(Mutex<SyncFigures>);

/// How long groups took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncFigures {
    /// How many were written since the start.
    pub groups: u64,
    /// What they took together.
    pub total: Duration,
    /// What the last one took.
    pub last: Duration,
    /// What the longest took.
    pub longest: Duration,
}

impl Syncs {
    pub(super) fn took(&self, took: Duration) {
        let mut figures = self.0.lock();
        figures.groups += 1;
        figures.total += took;
        figures.last = took;
        figures.longest = figures.longest.max(took);
    }

    pub(in crate::journal) fn figures(&self) -> SyncFigures {
        *self.0.lock()
    }
}

impl SyncFigures {
    /// Returns what a group took on average, if there was any.
    #[must_use]
    pub fn mean(&self) -> Option<Duration> {
        let nanos = self.total.as_nanos().checked_div(u128::from(self.groups))?;
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }
}
