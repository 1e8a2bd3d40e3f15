//! The places inside: taken, given back, counted exactly.

use std::fmt;
use std::time::Duration;

use parking_lot::Mutex;
use thiserror::Error;
use tokio::time::Instant;

use super::control::{Control, Ending};
use crate::clock::Clock;
use crate::resilience::outcome::NotExecuted;

/// The places inside, and the control that says how many there are.
///
/// ```
/// use resurgam::clock::Clock;
/// use resurgam::resilience::{AdaptiveLimit, Ending, LimitPolicy};
///
/// let clock = Clock::system();
/// let two = LimitPolicy { floor: 2, initial: 2, ceiling: 2, ..LimitPolicy::EDGE };
/// let limit = AdaptiveLimit::new(two, clock.clone())?;
/// let inside = [(); 2].map(|()| limit.try_acquire(clock.now()).expect("there is room"));
/// assert!(limit.try_acquire(clock.now()).is_err(), "turned away at once");
/// inside.into_iter().for_each(|permit| permit.settle(Ending::Answered));
/// assert_eq!(limit.in_flight(), 0);
/// # Ok::<(), resurgam::resilience::LimitError>(())
/// ```
pub struct AdaptiveLimit {
    clock: Clock,
    control: Mutex<Control>,
}

impl AdaptiveLimit {
    /// Creates a limit with all places free.
    ///
    /// # Errors
    /// When the policy would let nothing pass or contradicts itself.
    pub fn new(policy: LimitPolicy, clock: Clock) -> Result<Self, LimitError> {
        policy.check()?;
        let control = Mutex::new(Control::new(policy, clock.now()));
        Ok(Self { clock, control })
    }

    /// Takes a place inside at `now`; never waits.
    ///
    /// # Errors
    /// When as many are inside as the limit allows.
    pub fn try_acquire(&self, now: Instant) -> Result<Permit<'_>, NotExecuted> {
        self.control.lock().enter()?;
        Ok(Permit { limit: self, began: now, ending: Ending::Abandoned })
    }

    /// Checks that a place is free, and takes none.
    ///
    /// # Errors
    /// As [`AdaptiveLimit::try_acquire`]; who is told so counts as turned away.
    pub fn must_have_room(&self) -> Result<(), NotExecuted> {
        self.control.lock().must_have_room()
    }

    /// Returns how many may be inside at once.
    pub fn limit(&self) -> usize {
        self.control.lock().limit()
    }

    /// Returns how many are inside.
    pub fn in_flight(&self) -> usize {
        self.control.lock().in_flight()
    }
}

impl fmt::Debug for AdaptiveLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.control.lock().fmt(f)
    }
}

/// A place inside; given back when dropped, with how the call ended and how long it took.
#[must_use = "dropping the permit gives the place back"]
#[derive(Debug)]
pub struct Permit<'a> {
    limit: &'a AdaptiveLimit,
    began: Instant,
    ending: Ending,
}

impl Permit<'_> {
    /// Gives the place back and says how the call ended; one that is merely dropped was abandoned.
    pub fn settle(mut self, ending: Ending) {
        self.ending = ending;
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let now = self.limit.clock.now();
        self.limit.control.lock().leave(self.began, self.ending, now);
    }
}

/// Between what the limit moves, and what is no reason to lower it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitPolicy {
    /// The least limit.
    pub floor: usize,
    /// The limit before anything is known.
    pub initial: usize,
    /// The greatest limit.
    pub ceiling: usize,
    /// The mean latency up to which the limit is not lowered, however fast calls are when there are few.
    pub tolerated: Duration,
}

impl LimitPolicy {
    /// The default of the HTTP edge. Up to 256 clients that wait for their answers are never turned away, whatever
    /// happened before; the initial limit leaves as much room again, and the ceiling is below the connections' cap.
    pub const EDGE: Self = Self { floor: 256, initial: 512, ceiling: 8_192, tolerated: Duration::from_millis(50) };

    /// Checks that something can pass and that the bounds are in order.
    ///
    /// # Errors
    /// Names the first that is not.
    pub fn check(&self) -> Result<(), LimitError> {
        let Self { floor, initial, ceiling, tolerated } = *self;
        if floor == 0 {
            return Err(LimitError::ZeroFloor);
        }
        if ceiling < floor {
            return Err(LimitError::CeilingBelowFloor);
        }
        if !(floor..=ceiling).contains(&initial) {
            return Err(LimitError::InitialOutOfBounds);
        }
        if tolerated.is_zero() {
            return Err(LimitError::ZeroTolerated);
        }
        Ok(())
    }
}

/// A policy that would let nothing pass or contradicts itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LimitError {
    /// Nobody would be let in.
    #[error("floor must be greater than zero")]
    ZeroFloor,
    /// No limit is between them.
    #[error("ceiling must be at least the floor")]
    CeilingBelowFloor,
    /// The first limit is none that may be.
    #[error("initial must be from the floor to the ceiling")]
    InitialOutOfBounds,
    /// Every latency would be too long.
    #[error("tolerated must be greater than zero")]
    ZeroTolerated,
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use tokio::time::advance;

    use super::*;
    use crate::resilience::outcome::Reason;

    fn clock() -> Clock {
        Clock::manual(0, 1)
    }

    fn limit(places: usize) -> AdaptiveLimit {
        let policy = LimitPolicy { floor: places, initial: places, ceiling: places, ..LimitPolicy::EDGE };
        AdaptiveLimit::new(policy, clock()).expect("the policy is sound")
    }

    // Case 107.
    #[test]
    fn sixty_four_threads_at_a_limit_of_fifty_are_never_fifty_one() {
        let (limit, inside, most) = (limit(50), AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..64 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        let Ok(permit) = limit.try_acquire(clock().now()) else { continue };
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        permit.settle(Ending::Answered);
                    }
                });
            }
        });
        assert!((1..=50).contains(&most.into_inner()));
        assert_eq!(limit.in_flight(), 0);
    }

    #[test]
    fn every_place_can_be_taken_and_comes_back_however_a_call_ends() {
        let limit = limit(4);
        let now = clock().now();
        for ending in [Ending::Answered, Ending::Dropped, Ending::Ignored, Ending::Abandoned] {
            let mut permits: Vec<_> = (0..4).map(|_| limit.try_acquire(now).expect("a place is free")).collect();
            let rejected = limit.try_acquire(now).expect_err("every place is taken");
            assert_eq!((rejected.reason, limit.in_flight()), (Reason::EdgeOverloaded, 4));
            assert_eq!(limit.must_have_room().expect_err("every place is taken").reason, Reason::EdgeOverloaded);
            permits.remove(0).settle(ending);
            assert!(limit.must_have_room().is_ok());
            assert_eq!(limit.in_flight(), 3, "a look takes no place");
            drop(permits);
            assert_eq!(limit.in_flight(), 0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_permit_tells_how_long_its_call_took() {
        let policy = LimitPolicy { floor: 1, initial: 100, ceiling: 100, tolerated: Duration::from_millis(10) };
        let limit = AdaptiveLimit::new(policy, clock()).expect("the policy is sound");
        let round = async |latency: Duration| {
            let permits: Vec<_> = (0..).map_while(|_| limit.try_acquire(clock().now()).ok()).collect();
            advance(latency).await;
            permits.into_iter().for_each(|permit| permit.settle(Ending::Answered));
        };
        for _ in 0..300 {
            round(Duration::from_millis(10)).await;
        }
        assert_eq!(limit.limit(), 100, "calls take what is tolerated");
        for _ in 0..3 {
            round(Duration::from_secs(1)).await;
        }
        assert!(limit.limit() < 100, "calls take longer");
    }

    #[test]
    fn a_policy_that_contradicts_itself_is_refused_by_name() {
        let sound = LimitPolicy::EDGE;
        for (policy, message) in [
            (LimitPolicy { floor: 0, ..sound }, "floor must be greater than zero"),
            (LimitPolicy { ceiling: 255, ..sound }, "ceiling must be at least the floor"),
            (LimitPolicy { initial: 255, ..sound }, "initial must be from the floor to the ceiling"),
            (LimitPolicy { initial: 8_193, ..sound }, "initial must be from the floor to the ceiling"),
            (LimitPolicy { tolerated: Duration::ZERO, ..sound }, "tolerated must be greater than zero"),
        ] {
            let refused = AdaptiveLimit::new(policy, clock()).expect_err("it contradicts itself");
            assert_eq!(refused.to_string(), message);
        }
        assert!(AdaptiveLimit::new(sound, clock()).is_ok());
    }
}
