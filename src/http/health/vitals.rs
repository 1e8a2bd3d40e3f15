//! What is known of the event loop, from before anything is opened to the very end. It counts looks from a thread of its own
//! and not time: a process that was stopped and goes on has missed nothing. No look takes a lock, as a stuck thread may
//! hold it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use crate::http::routes::Edge;

/// Looks over which the greatest lag is told.
const LAG_LOOKS: u32 = 60;
/// One in so many looks asks the supervisors.
const LOOKS_PER_ROLL: u64 = 4;

/// The signs of life.
#[derive(Debug)]
pub struct Vitals {
    /// For how long the event loop may stand still, and a supervisor be silent, in a process that lives.
    pub(super) still_max: Duration,
    beats: AtomicU64,
    /// The greatest lateness of a beat since the last look.
    late_ns: AtomicU64,
    still_ns: AtomicU64,
    lag_ns: AtomicU64,
    edge: OnceLock<Weak<Edge>>,
}

impl Vitals {
    /// How long there is between two looks.
    pub const LOOK_EVERY: Duration = Duration::from_millis(250);
    /// For how long a lag is told.
    pub(super) const LAG_TOLD: Duration = Self::LOOK_EVERY.saturating_mul(LAG_LOOKS);

    /// Makes those of a process that has just begun.
    #[must_use]
    pub fn new(still_max: Duration) -> Arc<Self> {
        Arc::new(Self {
            still_max,
            beats: AtomicU64::new(0),
            late_ns: AtomicU64::new(0),
            still_ns: AtomicU64::new(0),
            lag_ns: AtomicU64::new(0),
            edge: OnceLock::new(),
        })
    }

    /// Says that everything is recovered, and who can be asked from now on.
    pub fn recovered(&self, edge: &Arc<Edge>) {
        // There is one edge a process.
        let _ = self.edge.set(Arc::downgrade(edge));
    }

    /// The event loop has turned, and came so late to it.
    pub fn beat(&self, late: Duration) {
        self.beats.fetch_add(1, Ordering::Relaxed);
        self.late_ns.fetch_max(nanos(late), Ordering::Relaxed);
    }

    /// Returns how often the event loop has beaten.
    #[must_use]
    pub fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed)
    }

    /// Returns for how long the event loop has stood still; nothing while it turns.
    #[must_use]
    pub fn still(&self) -> Duration {
        Duration::from_nanos(self.still_ns.load(Ordering::Relaxed))
    }

    /// Returns how late the event loop came to its work at most, over the last looks.
    #[must_use]
    pub fn lag(&self) -> Duration {
        Duration::from_nanos(self.lag_ns.load(Ordering::Relaxed))
    }

    /// Tells whether the process lives.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        super::is_good(&super::live(self))
    }

    /// Tells whether the process takes work.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        super::is_good(&super::ready(self))
    }

    /// Returns the edge, from when it takes requests until it is gone.
    pub(super) fn edge(&self) -> Option<Arc<Edge>> {
        self.edge.get()?.upgrade()
    }

    /// Returns the supervisor that has been silent longest, and for how long at least, while it should answer. The newest
    /// question says nothing: it may have been asked a moment ago.
    pub(super) fn most_silent(&self) -> Option<(Arc<str>, Duration)> {
        let edge = self.edge().filter(|edge| !edge.is_draining())?;
        let (name, questions) = edge.runtime.most_silent()?;
        let looks = u32::try_from((questions - 1).saturating_mul(LOOKS_PER_ROLL)).unwrap_or(u32::MAX);
        Some((name, Self::LOOK_EVERY.saturating_mul(looks)))
    }
}

/// Who looks; one for a process.
#[derive(Debug)]
pub struct Pulse {
    vitals: Arc<Vitals>,
    seen: u64,
    missed: u32,
    looks: u64,
    late_ns: [u64; LAG_LOOKS as usize],
}

impl Pulse {
    /// Begins to look at these.
    #[must_use]
    pub fn of(vitals: Arc<Vitals>) -> Self {
        Self { seen: vitals.beats(), vitals, missed: 0, looks: 0, late_ns: [0; LAG_LOOKS as usize] }
    }

    /// Looks once; the caller does so every [`Vitals::LOOK_EVERY`].
    pub fn look(&mut self) {
        let beats = self.vitals.beats();
        self.missed = if beats == self.seen { self.missed.saturating_add(1) } else { 0 };
        self.seen = beats;
        let still_ns = nanos(Vitals::LOOK_EVERY * self.missed);
        self.late_ns.rotate_right(1);
        self.late_ns[0] = self.vitals.late_ns.swap(0, Ordering::Relaxed).max(still_ns);
        self.vitals.still_ns.store(still_ns, Ordering::Relaxed);
        self.vitals.lag_ns.store(self.late_ns.into_iter().max().unwrap_or(0), Ordering::Relaxed);
        self.looks += 1;
        // In a loop that stands still nobody can answer, and questions would only pile up.
        if self.looks.is_multiple_of(LOOKS_PER_ROLL)
            && self.missed == 0
            && let Some(edge) = self.vitals.edge()
        {
            edge.runtime.call_roll();
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STILL_MAX: Duration = Duration::from_secs(1);
    const LOOKS_TO_DEATH: usize = 4;

    fn vitals() -> (Arc<Vitals>, Pulse) {
        let vitals = Vitals::new(STILL_MAX);
        (Arc::clone(&vitals), Pulse::of(vitals))
    }

    #[test]
    fn an_event_loop_is_dead_after_so_many_looks_without_a_beat_and_lives_with_the_next_one() {
        let (vitals, mut pulse) = vitals();
        for look in 1..LOOKS_TO_DEATH {
            pulse.look();
            assert!(vitals.is_alive(), "at look {look}");
        }
        pulse.look();
        assert_eq!((vitals.is_alive(), vitals.still()), (false, STILL_MAX));
        vitals.beat(Duration::ZERO);
        pulse.look();
        assert_eq!((vitals.is_alive(), vitals.still()), (true, Duration::ZERO));
    }

    #[test]
    fn the_lag_is_the_greatest_of_the_last_looks_and_is_forgotten_after_them() {
        let (vitals, mut pulse) = vitals();
        for late_ms in [3, 200, 5] {
            vitals.beat(Duration::from_millis(late_ms));
        }
        pulse.look();
        assert_eq!(vitals.lag(), Duration::from_millis(200));
        for _ in 1..LAG_LOOKS {
            vitals.beat(Duration::from_millis(1));
            pulse.look();
        }
        assert_eq!(vitals.lag(), Duration::from_millis(200));
        vitals.beat(Duration::from_millis(1));
        pulse.look();
        assert_eq!(vitals.lag(), Duration::from_millis(1));
    }

    #[test]
    fn a_loop_that_stands_still_lags_while_it_does() {
        let (vitals, mut pulse) = vitals();
        vitals.beat(Duration::ZERO);
        pulse.look();
        pulse.look();
        pulse.look();
        assert_eq!(vitals.lag(), 2 * Vitals::LOOK_EVERY);
    }
}
