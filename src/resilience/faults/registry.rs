//! All faults in force.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::RwLock;
use tokio::time::Instant;

use super::fault::{Fault, FaultError, FaultSpec, Injected};

/// How many faults may be in force at once.
pub const FAULTS_MAX: usize = 64;

/// The faults in force.
#[derive(Debug, Default)]
pub struct Faults {
    /// How many are listed; read without the lock, so that a house without faults pays one load a call.
    count: AtomicUsize,
    list: RwLock<List>,
}

#[derive(Debug, Default)]
struct List {
    faults: Vec<Arc<Fault>>,
    last_id: u64,
}

impl Faults {
    /// Tells whether there are none; one relaxed load.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// Draws what becomes of the next call to a place, by every fault that covers it.
    #[must_use]
    pub fn draw(&self, place: &str, now: Instant) -> Injected {
        let mut injected = Injected::default();
        let mut is_one_over = false;
        for fault in &self.list.read().faults {
            if fault.until <= now {
                is_one_over = true;
            } else if fault.covers(place) {
                injected = injected.and(fault.draw());
            }
        }
        if is_one_over {
            self.change(now, |_| ());
        }
        injected
    }

    /// Tells whether a fault could be injected now.
    ///
    /// # Errors
    /// When it makes no sense, or there are as many as there may be.
    pub fn check(&self, spec: &FaultSpec, now: Instant) -> Result<(), FaultError> {
        spec.check()?;
        self.change(now, |list| list.room())
    }

    /// Injects a fault from now on.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn inject(&self, spec: FaultSpec, now: Instant) -> Result<Arc<Fault>, FaultError> {
        spec.check()?;
        self.change(now, |list| {
            list.room()?;
            list.last_id += 1;
            let fault = Arc::new(Fault::new(list.last_id, spec, now));
            list.faults.push(Arc::clone(&fault));
            Ok(fault)
        })
    }

    /// Returns all that are in force, oldest first.
    #[must_use]
    pub fn all(&self, now: Instant) -> Vec<Arc<Fault>> {
        self.change(now, |list| list.faults.clone())
    }

    /// Removes a fault; calls it has in hand stay with it. Returns it if it was there.
    pub fn remove(&self, id: u64, now: Instant) -> Option<Arc<Fault>> {
        self.change(now, |list| {
            let index = list.faults.iter().position(|fault| fault.id == id)?;
            Some(list.faults.remove(index))
        })
    }

    /// Changes the list of those that are not over.
    fn change<T>(&self, now: Instant, change: impl FnOnce(&mut List) -> T) -> T {
        let mut list = self.list.write();
        list.faults.retain(|fault| fault.until > now);
        let changed = change(&mut list);
        self.count.store(list.faults.len(), Ordering::Relaxed);
        changed
    }
}

impl List {
    fn room(&self) -> Result<(), FaultError> {
        if self.faults.len() < FAULTS_MAX { Ok(()) } else { Err(FaultError::Full) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::clock::Clock;
    use crate::resilience::faults::{End, FOR_MAX, FaultFigures};

    const PLACE: &str = "oa-rental/delivery/delivery";
    const LASTS: Duration = Duration::from_secs(60);
    const DRAWS: u64 = 100_000;

    fn now() -> Instant {
        Clock::manual(0, 1).now()
    }

    fn spec(latency: &str, errors: f64, hangs: f64) -> FaultSpec {
        FaultSpec {
            target: "oa-rental/delivery".to_owned(),
            places: vec![PLACE, "oa-rental/delivery/product"],
            latency: latency.parse().expect("a latency"),
            errors,
            hangs,
            lasts: LASTS,
            seed: 42,
            reason: String::new(),
        }
    }

    /// Draws so often from one fault, and returns what it has done by its own account.
    fn draws(spec: FaultSpec, count: u64) -> (Vec<Injected>, FaultFigures) {
        let (faults, now) = (Faults::default(), now());
        let fault = faults.inject(spec, now).expect("a sound fault");
        ((0..count).map(|_| faults.draw(PLACE, now)).collect(), fault.figures())
    }

    #[test]
    fn a_seed_replays_and_another_does_not() {
        let drawn = |seed| draws(FaultSpec { seed, ..spec("400ms..620ms", 0.2, 0.1) }, 1_000);
        assert_eq!(drawn(42), drawn(42));
        assert_ne!(drawn(42), drawn(43));
    }

    #[test]
    fn the_draws_of_a_seed_never_change() {
        let (drawn, _) = draws(spec("400ms..620ms", 0.2, 0.1), 4);
        let told: Vec<_> = drawn.iter().map(|injected| (injected.latency.as_micros(), injected.end)).collect();
        assert_eq!(told, [(435_180, End::Nothing), (475_721, End::Error), (0, End::Hang), (576_139, End::Error)]);
    }

    #[test]
    fn the_same_calls_meet_the_same_faults_however_many_threads_make_them() {
        let tally = |drawn: Vec<Injected>| {
            drawn.into_iter().fold(HashMap::new(), |mut tally, Injected { latency, end }| {
                *tally.entry((latency, format!("{end:?}"))).or_insert(0) += 1;
                tally
            })
        };
        let (faults, now) = (Faults::default(), now());
        faults.inject(spec("400ms..620ms", 0.2, 0.1), now).expect("a sound fault");
        let together = std::thread::scope(|scope| {
            let draw = || (0..1_000).map(|_| faults.draw(PLACE, now)).collect::<Vec<_>>();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(draw)).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("drawing does not panic")).collect()
        });
        assert_eq!(tally(together), tally(draws(spec("400ms..620ms", 0.2, 0.1), 4_000).0));
    }

    #[test]
    fn shares_hold_over_many_calls_and_are_counted() {
        let (drawn, figures) = draws(spec("10ms", 0.1, 0.05), DRAWS);
        let count = |end| drawn.iter().filter(|injected| injected.end == end).count() as u64;
        assert_eq!(figures.calls, DRAWS);
        assert_eq!((figures.failed, figures.hung), (count(End::Error), count(End::Hang)));
        assert_eq!(figures.delayed, DRAWS - figures.hung, "a call that never ends is not delayed besides");
        // Five standard deviations.
        assert!(figures.failed.abs_diff(10_000) < 475, "{figures:?}");
        assert!(figures.hung.abs_diff(5_000) < 345, "{figures:?}");
    }

    #[test]
    fn a_share_of_none_and_of_all_is_exact() {
        let (drawn, _) = draws(spec("0ms", 1.0, 0.0), DRAWS);
        assert!(drawn.iter().all(|injected| *injected == Injected { latency: Duration::ZERO, end: End::Error }));
        let (drawn, _) = draws(spec("0ms", 0.0, 1.0), DRAWS);
        assert!(drawn.iter().all(|injected| injected.end == End::Hang));
        let (drawn, _) = draws(spec("1ms", 0.0, 0.0), DRAWS);
        assert!(drawn.iter().all(|injected| injected.end == End::Nothing));
    }

    #[test]
    fn an_even_range_is_filled_evenly_and_not_left() {
        let (drawn, _) = draws(spec("400ms..620ms", 0.0, 0.0), DRAWS);
        let mut tenths = [0_u64; 10];
        for Injected { latency, .. } in drawn {
            assert!((Duration::from_millis(400)..Duration::from_millis(620)).contains(&latency), "{latency:?}");
            tenths[((latency.as_micros() - 400_000) / 22_000) as usize] += 1;
        }
        assert!(tenths.iter().all(|count| count.abs_diff(DRAWS / 10) < 475), "{tenths:?}");
    }

    #[test]
    fn whether_a_call_fails_says_nothing_of_how_long_it_waits() {
        let (drawn, _) = draws(spec("0ms..1000ms", 0.5, 0.0), DRAWS);
        let failed: Vec<_> = drawn.iter().filter(|injected| injected.end == End::Error).collect();
        let mean = failed.iter().map(|injected| injected.latency.as_secs_f64()).sum::<f64>() / failed.len() as f64;
        assert!((0.49..0.51).contains(&mean), "{mean}");
    }

    #[test]
    fn a_fault_covers_its_places_until_it_is_over_and_is_forgotten_then() {
        let (faults, now) = (Faults::default(), now());
        assert!(faults.is_empty());
        let fault = faults.inject(spec("10ms", 0.0, 0.0), now).expect("a sound fault");
        let last = now + LASTS - Duration::from_nanos(1);
        for (place, at, latency_ms) in [
            (PLACE, now, 10),
            ("oa-rental/delivery/product", last, 10),
            ("oa-rental/rental/rental", last, 0),
            (PLACE, now + LASTS, 0),
        ] {
            assert!(!faults.is_empty(), "{place}");
            assert_eq!(faults.draw(place, at).latency, Duration::from_millis(latency_ms), "{place}");
        }
        assert!(faults.is_empty(), "forgotten by the draw that found it over");
        assert_eq!(fault.figures(), FaultFigures { calls: 2, delayed: 2, ..FaultFigures::default() });
    }

    #[test]
    fn a_removed_fault_does_nothing_more_and_its_number_is_not_used_again() {
        let (faults, now) = (Faults::default(), now());
        let inject = || faults.inject(spec("10ms", 0.0, 0.0), now).expect("a sound fault").id;
        assert_eq!((inject(), inject()), (1, 2));
        assert_eq!(faults.remove(2, now).map(|fault| fault.id), Some(2));
        assert!(faults.remove(2, now).is_none());
        assert_eq!(inject(), 3);
        assert_eq!(faults.all(now).iter().map(|fault| fault.id).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(faults.draw(PLACE, now).latency, Duration::from_millis(20), "the waits of two add up");
        assert!(faults.remove(1, now + LASTS).is_none(), "it is over");
        assert!(faults.is_empty());
    }

    #[test]
    fn the_worst_of_several_faults_is_what_happens() {
        let (faults, now) = (Faults::default(), now());
        for (errors, hangs, end) in [(0.0, 0.0, End::Nothing), (1.0, 0.0, End::Error), (0.0, 1.0, End::Hang)] {
            faults.inject(spec("1ms", errors, hangs), now).expect("a sound fault");
            assert_eq!(faults.draw(PLACE, now).end, end);
        }
    }

    #[test]
    fn there_are_so_many_faults_at_most_and_those_that_are_over_do_not_count() {
        let (faults, now) = (Faults::default(), now());
        for _ in 0..FAULTS_MAX {
            faults.inject(spec("1ms", 0.0, 0.0), now).expect("there is room");
        }
        assert_eq!(faults.check(&spec("1ms", 0.0, 0.0), now), Err(FaultError::Full));
        assert_eq!(faults.inject(spec("1ms", 0.0, 0.0), now).err(), Some(FaultError::Full));
        assert!(faults.inject(spec("1ms", 0.0, 0.0), now + LASTS).is_ok());
    }

    #[test]
    fn a_fault_that_makes_no_sense_is_refused_by_its_field() {
        let sound = spec("1ms", 0.1, 0.1);
        let lasting = |lasts| FaultSpec { lasts, ..sound.clone() };
        for (unsound, message) in [
            (FaultSpec { errors: 1.1, ..sound.clone() }, "errors = 1.1: a share is from 0 to 1"),
            (FaultSpec { errors: f64::NAN, ..sound.clone() }, "errors = NaN: a share is from 0 to 1"),
            (FaultSpec { hangs: -0.1, ..sound.clone() }, "hangs = -0.1: a share is from 0 to 1"),
            (FaultSpec { errors: 0.5, hangs: 1.0, ..sound.clone() }, "errors + hangs = 1.5: a share is from 0 to 1"),
            (spec("0ms", 0.0, 0.0), "latency, errors and hangs are all zero: nothing would happen"),
            (lasting(Duration::ZERO), "for: a fault lasts at least 1ms and at most 1h"),
            (lasting(FOR_MAX + Duration::from_millis(1)), "for: a fault lasts at least 1ms and at most 1h"),
        ] {
            let faults = Faults::default();
            let refused = faults.inject(unsound.clone(), now()).expect_err(message);
            assert_eq!(refused.to_string(), message);
            assert_eq!(faults.check(&unsound, now()).map_err(|error| error.to_string()), Err(message.to_owned()));
            assert!(faults.is_empty());
        }
        assert!(Faults::default().inject(lasting(FOR_MAX), now()).is_ok());
    }

    proptest! {
        #[test]
        fn whatever_is_injected_removed_and_waited_for_those_in_force_are_exactly_those_listed(
            steps in prop::collection::vec((0_u8..3, 1_u64..20, 0_u64..8), 1..60),
        ) {
            let (faults, start) = (Faults::default(), now());
            let (mut model, mut next, mut at_ms) = (Vec::<(u64, u64)>::new(), 1, 0);
            for (step, number, pass_ms) in steps {
                at_ms += pass_ms;
                let now = start + Duration::from_millis(at_ms);
                model.retain(|(_, until_ms)| *until_ms > at_ms);
                match step {
                    0 => {
                        let lasting = FaultSpec { lasts: Duration::from_millis(number), ..spec("1ms", 0.0, 0.0) };
                        prop_assert_eq!(faults.inject(lasting, now).map(|fault| fault.id), Ok(next));
                        model.push((next, at_ms + number));
                        next += 1;
                    }
                    1 => {
                        let known = model.iter().position(|(id, _)| *id == number);
                        prop_assert_eq!(faults.remove(number, now).is_some(), known.is_some());
                        known.map(|index| model.remove(index));
                    }
                    _ => {
                        let waits = Duration::from_millis(model.len() as u64);
                        prop_assert_eq!(faults.draw(PLACE, now).latency, waits);
                        prop_assert_eq!(faults.is_empty(), model.is_empty());
                    }
                }
                let listed: Vec<_> = faults.all(now).iter().map(|fault| fault.id).collect();
                prop_assert_eq!(listed, model.iter().map(|(id, _)| *id).collect::<Vec<_>>());
            }
        }
    }
}
