//! The only reader of wall and monotonic clocks, ids and randomness.
//!
//! Nothing else may ask for the time or for chance, so a test or a simulation that hands out a manual clock can repeat
//! any run from its seed. Monotonic time is tokio's: a paused runtime moves it. No path takes a lock.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::RngCore as _;
use tokio::time::Instant;
use uuid::{Builder, Uuid};

/// Tells the time and draws ids and random numbers; clones share one source.
///
/// ```
/// use std::time::Duration;
/// use resurgam::clock::Clock;
///
/// let (one, other) = (Clock::manual(1_000, 42), Clock::manual(1_000, 42));
/// assert_eq!((one.id(), one.random()), (other.id(), other.random()), "a run repeats from its seed");
/// one.advance_wall(Duration::from_secs(1));
/// assert_eq!(one.wall_ms(), 2_000);
/// ```
#[derive(Clone, Debug)]
pub struct Clock {
    source: Source,
}

impl Clock {
    /// Creates a clock that reads the machine's time and draws from a generator seeded by the operating system.
    pub fn system() -> Self {
        Self { source: Source::System }
    }

    /// Creates a clock whose wall time stands at `start_wall_ms` until moved, and whose draws repeat from `seed`.
    pub fn manual(start_wall_ms: u64, seed: u64) -> Self {
        Self {
            source: Source::Manual(Arc::new(Manual {
                start_wall_ms,
                advanced_ns: AtomicU64::new(0),
                random_state: AtomicU64::new(seed),
                id_stamp: AtomicU64::new(0),
            })),
        }
    }

    /// Moves the wall time of a manual clock forward.
    ///
    /// # Panics
    /// On a system clock, whose time is not ours to move.
    pub fn advance_wall(&self, by: Duration) {
        match &self.source {
            Source::System => panic!("only a manual clock can be moved by hand"),
            Source::Manual(manual) => {
                let by_ns = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
                manual.advanced_ns.fetch_add(by_ns, Ordering::Relaxed);
            }
        }
    }

    /// Returns the monotonic time, the only one deadlines and durations are measured with.
    pub fn now(&self) -> Instant {
        Instant::now()
    }

    /// Returns the wall time in milliseconds since 1970; it may jump, also backwards.
    pub fn wall_ms(&self) -> u64 {
        match &self.source {
            Source::System => system_wall_ms(),
            Source::Manual(manual) => {
                let advanced_ms = manual.advanced_ns.load(Ordering::Relaxed) / NANOS_PER_MILLI;
                manual.start_wall_ms.saturating_add(advanced_ms)
            }
        }
    }

    /// Returns the wall time in nanoseconds since 1970, as traces are told; it may jump, also backwards.
    pub fn wall_ns(&self) -> u64 {
        match &self.source {
            Source::System => u64::try_from(since_epoch().as_nanos()).unwrap_or(u64::MAX),
            Source::Manual(manual) => {
                let advanced_ns = manual.advanced_ns.load(Ordering::Relaxed);
                manual.start_wall_ms.saturating_mul(NANOS_PER_MILLI).saturating_add(advanced_ns)
            }
        }
    }

    /// Draws an id laid out as a UUID of version 7; each is greater than all drawn before from this source, even when
    /// the wall clock steps back.
    pub fn id(&self) -> u128 {
        let last_stamp = match &self.source {
            Source::System => &SYSTEM_ID_STAMP,
            Source::Manual(manual) => &manual.id_stamp,
        };
        let stamp = next_stamp(last_stamp, self.wall_ms());
        let [.., high, low] = stamp.to_be_bytes();
        let mut tail = [0; 10];
        tail[..2].copy_from_slice(&[high, low]);
        tail[2..].copy_from_slice(&self.random().to_be_bytes());
        Builder::from_unix_timestamp_millis(stamp >> ID_SEQUENCE_BITS, &tail).into_uuid().as_u128()
    }

    /// Makes an id as text: 32 hexadecimal digits.
    pub fn id_text(&self) -> Arc<str> {
        Arc::from(&*Uuid::from_u128(self.id()).simple().encode_lower(&mut Uuid::encode_buffer()))
    }

    /// Draws 64 random bits.
    pub fn random(&self) -> u64 {
        match &self.source {
            Source::System => rand::rng().next_u64(),
            Source::Manual(manual) => split_mix(&manual.random_state),
        }
    }

    /// Draws a fraction in `[0, 1)`, uniform over the 2^53 steps an `f64` can tell apart.
    pub fn fraction(&self) -> f64 {
        fraction_of(self.random())
    }
}

#[derive(Clone)]
enum Source {
    System,
    Manual(Arc<Manual>),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("System"),
            Self::Manual(_) => f.write_str("Manual"),
        }
    }
}

struct Manual {
    start_wall_ms: u64,
    advanced_ns: AtomicU64,
    random_state: AtomicU64,
    id_stamp: AtomicU64,
}

const NANOS_PER_MILLI: u64 = 1_000_000;

/// The bits of an id that count within one millisecond; when they run out, ids run ahead into the next one.
const ID_SEQUENCE_BITS: u32 = 12;

/// One for the process, so that two system clocks cannot hand out ids in conflicting order.
static SYSTEM_ID_STAMP: AtomicU64 = AtomicU64::new(0);

/// Takes the next stamp (milliseconds, then sequence): never one taken before, never behind the wall clock.
fn next_stamp(last: &AtomicU64, wall_ms: u64) -> u64 {
    let floor = wall_ms << ID_SEQUENCE_BITS;
    let mut taken = floor;
    let _ = last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
        taken = floor.max(last + 1);
        Some(taken)
    });
    taken
}

fn system_wall_ms() -> u64 {
    u64::try_from(since_epoch().as_millis()).unwrap_or(u64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The step of SplitMix64: unlike rand's seeded generators its numbers never change with a release, so a recorded seed
/// keeps its run.
const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

fn split_mix(state: &AtomicU64) -> u64 {
    mixed(state.fetch_add(GAMMA, Ordering::Relaxed).wrapping_add(GAMMA))
}

const fn mixed(state: u64) -> u64 {
    let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// Returns the number a seed draws at a place of its sequence, the first at 0; those of a manual clock are the same.
#[must_use]
pub const fn drawn(seed: u64, index: u64) -> u64 {
    mixed(seed.wrapping_add(GAMMA.wrapping_mul(index.wrapping_add(1))))
}

/// Makes 64 random bits a fraction in `[0, 1)`, uniform over the 2^53 steps an `f64` can tell apart.
#[must_use]
pub fn fraction_of(random: u64) -> f64 {
    const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
    (random >> 11) as f64 * STEP
}

/// Derives an id from another and a name, the same each time on every machine.
#[must_use]
pub fn derived_id(id: u128, name: &str) -> u128 {
    Uuid::new_v5(&Uuid::from_u128(id), name.as_bytes()).as_u128()
}

/// Writes an id as a UUID, the way others expect one.
#[must_use]
pub fn uuid_text(id: u128) -> String {
    Uuid::from_u128(id).to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread;

    use uuid::{Uuid, Variant};

    use super::*;

    const START_MS: u64 = 1_700_000_000_000;

    #[test]
    fn wall_time_of_a_manual_clock_moves_only_by_hand_and_keeps_parts_of_a_millisecond() {
        let clock = Clock::manual(START_MS, 1);
        assert_eq!(clock.wall_ms(), START_MS);
        clock.advance_wall(Duration::from_micros(600));
        assert_eq!(clock.wall_ms(), START_MS);
        clock.clone().advance_wall(Duration::from_micros(600));
        assert_eq!(clock.wall_ms(), START_MS + 1);
    }

    #[test]
    fn the_same_seed_repeats_ids_and_randomness() {
        let draw = |seed| {
            let clock = Clock::manual(START_MS, seed);
            (0..100).map(|_| (clock.id(), clock.random(), clock.fraction())).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn the_numbers_of_a_seed_never_change() {
        let clock = Clock::manual(START_MS, 0);
        assert_eq!(clock.random(), 0xE220_A839_7B1D_CDAF);
        assert_eq!(clock.random(), 0x6E78_9E6A_A1B9_65F4);
    }

    #[test]
    fn a_seeds_sequence_can_be_read_at_any_place() {
        for seed in [0, 7, u64::MAX] {
            let clock = Clock::manual(START_MS, seed);
            assert!((0..100).all(|index| clock.random() == drawn(seed, index)), "seed {seed}");
        }
    }

    #[test]
    fn an_id_is_a_version_7_uuid_of_the_wall_time() {
        let clock = Clock::manual(START_MS, 3);
        clock.advance_wall(Duration::from_secs(5));
        let id = Uuid::from_u128(clock.id());
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(id.get_variant(), Variant::RFC4122);
        assert_eq!(id.as_u128() >> 80, u128::from(START_MS + 5_000));
    }

    #[test]
    fn ids_of_one_millisecond_stay_in_order_past_the_end_of_the_sequence() {
        let clock = Clock::manual(START_MS, 3);
        let ids: Vec<u128> = (0..10_000).map(|_| clock.id()).collect();
        assert!(ids.is_sorted_by(|earlier, later| earlier < later));
    }

    #[test]
    fn ids_of_the_system_clock_are_unique_and_ordered_on_every_thread() {
        let draw = || {
            let clock = Clock::system();
            (0..10_000).map(|_| clock.id()).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..4).map(|_| thread::spawn(draw)).collect();
        let mut seen = HashSet::new();
        for thread in threads {
            let ids = thread.join().expect("drawing does not panic");
            assert!(ids.is_sorted_by(|earlier, later| earlier < later));
            seen.extend(ids);
        }
        assert_eq!(seen.len(), 40_000);
    }

    #[test]
    fn fractions_lie_in_the_half_open_unit_interval_with_the_middle_as_mean() {
        for clock in [Clock::system(), Clock::manual(START_MS, 11)] {
            let drawn: Vec<f64> = (0..10_000).map(|_| clock.fraction()).collect();
            assert!(drawn.iter().all(|fraction| (0.0..1.0).contains(fraction)));
            let mean = drawn.iter().sum::<f64>() / 10_000.0;
            assert!((0.48..0.52).contains(&mean), "mean {mean}");
        }
    }
}
