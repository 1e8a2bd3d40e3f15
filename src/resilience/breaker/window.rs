//! The outcomes a breaker looks at: the last so many, or those of the last so many buckets of time.

use std::time::Duration;

use super::config::WindowConfig;
use super::moment::{Moment, nanos};

/// How many outcomes, and how many of them were bad; a slow failure is both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub total: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that were slow.
    pub slow: u64,
    /// Those that were slow and failed.
    pub slow_failed: u64,
}

impl Tally {
    const fn one(failed: bool, slow: bool) -> Self {
        Self { total: 1, failed: failed as u64, slow: slow as u64, slow_failed: (slow && failed) as u64 }
    }

    fn add(&mut self, other: Self) {
        self.total += other.total;
        self.failed += other.failed;
        self.slow += other.slow;
        self.slow_failed += other.slow_failed;
    }

    fn subtract(&mut self, other: Self) {
        self.total -= other.total;
        self.failed -= other.failed;
        self.slow -= other.slow;
        self.slow_failed -= other.slow_failed;
    }
}

/// A window of outcomes; recording costs the same however many it holds.
#[derive(Clone, Debug)]
pub struct Window {
    tally: Tally,
    kept: Kept,
}

#[derive(Clone, Debug)]
enum Kept {
    Last(Ring),
    Recent(Buckets),
}

impl Window {
    /// Makes an empty one.
    #[must_use]
    pub fn new(config: WindowConfig) -> Self {
        let kept = match config {
            WindowConfig::Count(count) => Kept::Last(Ring { outcomes: Vec::with_capacity(count), count, next: 0 }),
            WindowConfig::Time { buckets, width } => Kept::Recent(Buckets::new(buckets, width)),
        };
        Self { tally: Tally::default(), kept }
    }

    /// Takes in an outcome of this moment.
    #[inline]
    pub fn record(&mut self, failed: bool, slow: bool, at: Moment) {
        let outcome = Tally::one(failed, slow);
        match &mut self.kept {
            Kept::Last(ring) => {
                if let Some(oldest) = ring.push((failed, slow)) {
                    self.tally.subtract(oldest);
                }
                self.tally.add(outcome);
            }
            Kept::Recent(buckets) => buckets.add(outcome, at, &mut self.tally),
        }
    }

    /// Returns what it held at its last outcome.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    /// Returns what it holds at this moment; changes nothing.
    #[must_use]
    pub fn tally_at(&self, now: Moment) -> Tally {
        match &self.kept {
            Kept::Last(_) => self.tally,
            Kept::Recent(buckets) => buckets.tally_at(now),
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.tally = Tally::default();
        match &mut self.kept {
            Kept::Last(ring) => {
                ring.outcomes.clear();
                ring.next = 0;
            }
            Kept::Recent(buckets) => buckets.slots.fill(Tally::default()),
        }
    }

    /// Takes another shape and keeps what still fits; outcomes of another kind of window do not.
    pub fn reshape(&mut self, config: WindowConfig) {
        let mut reshaped = Self::new(config);
        match (&self.kept, &mut reshaped.kept) {
            (Kept::Last(old), Kept::Last(new)) => {
                for outcome in old.in_order() {
                    if let Some(oldest) = new.push(outcome) {
                        reshaped.tally.subtract(oldest);
                    }
                    reshaped.tally.add(Tally::one(outcome.0, outcome.1));
                }
            }
            (Kept::Recent(old), Kept::Recent(new)) => {
                for (epoch, bucket) in old.in_order() {
                    new.add(bucket, Moment::from_nanos(epoch.saturating_mul(old.width)), &mut reshaped.tally);
                }
            }
            (Kept::Last(_), Kept::Recent(_)) | (Kept::Recent(_), Kept::Last(_)) => {}
        }
        *self = reshaped;
    }
}

/// The last outcomes; the oldest is overwritten.
#[derive(Clone, Debug)]
struct Ring {
    outcomes: Vec<(bool, bool)>,
    count: usize,
    next: usize,
}

impl Ring {
    /// Takes an outcome in and returns the one it displaced.
    fn push(&mut self, outcome: (bool, bool)) -> Option<Tally> {
        let displaced = match self.outcomes.get_mut(self.next) {
            Some(oldest) => Some(std::mem::replace(oldest, outcome)),
            None => {
                self.outcomes.push(outcome);
                None
            }
        };
        self.next = if self.next + 1 == self.count { 0 } else { self.next + 1 };
        displaced.map(|(failed, slow)| Tally::one(failed, slow))
    }

    fn in_order(&self) -> impl Iterator<Item = (bool, bool)> + '_ {
        let (newer, older) = self.outcomes.split_at(self.next.min(self.outcomes.len()));
        older.iter().chain(newer).copied()
    }
}

/// Buckets by absolute number, so that no gap and no late writer can mix two of them.
#[derive(Clone, Debug)]
struct Buckets {
    /// In nanoseconds.
    width: u64,
    /// The number of the newest bucket; the others follow it backwards.
    newest: u64,
    slots: Vec<Tally>,
}

impl Buckets {
    fn new(buckets: usize, width: Duration) -> Self {
        Self { width: nanos(width).max(1), newest: 0, slots: vec![Tally::default(); buckets] }
    }

    // Inline: a tally passed by address is stored in parts and loaded whole, which takes as long as a lock.
    #[inline]
    fn add(&mut self, outcomes: Tally, at: Moment, tally: &mut Tally) {
        let epoch = at.nanos() / self.width;
        self.roll_to(epoch, tally);
        // A late writer's bucket, if it is still there.
        if self.newest - epoch < self.slots.len() as u64 {
            let slot = self.slot(epoch);
            self.slots[slot].add(outcomes);
            tally.add(outcomes);
        }
    }

    /// Makes this bucket the newest, unless a newer one is there.
    fn roll_to(&mut self, epoch: u64, tally: &mut Tally) {
        if epoch <= self.newest {
            return;
        }
        let steps = (epoch - self.newest).min(self.slots.len() as u64);
        for passed in (epoch - steps + 1)..=epoch {
            let slot = self.slot(passed);
            tally.subtract(std::mem::take(&mut self.slots[slot]));
        }
        self.newest = epoch;
    }

    fn slot(&self, epoch: u64) -> usize {
        usize::try_from(epoch % self.slots.len() as u64).unwrap_or(0)
    }

    /// Returns each bucket that holds something with its number, oldest first.
    fn in_order(&self) -> impl Iterator<Item = (u64, Tally)> + '_ {
        let oldest = self.newest.saturating_sub(self.slots.len() as u64 - 1);
        (oldest..=self.newest).map(|epoch| (epoch, self.slots[self.slot(epoch)])).filter(|(_, tally)| tally.total > 0)
    }

    fn tally_at(&self, now: Moment) -> Tally {
        let newest = (now.nanos() / self.width).max(self.newest);
        let mut tally = Tally::default();
        for (_, bucket) in self.in_order().filter(|(epoch, _)| newest - epoch < self.slots.len() as u64) {
            tally.add(bucket);
        }
        tally
    }
}
