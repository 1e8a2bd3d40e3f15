//! An earlier answer where no new one was to be had, marked as such.
//!
//! For looks only: what a look missed can be told as it was, what a command missed was not done. It stands in for calls
//! that were turned away or brought no answer; never for an answer, which a refusal is too, and never for what the caller
//! itself brought about. It has few places of its own, so that a callee's outage does not become its substitute's.

use std::error::Error;
use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;

use super::bulkhead::{Bulkhead, BulkheadLimits, ZeroLimit};
use super::deadline::Deadline;
use super::outcome::{CallError, NotExecuted, Reason, Unknown};
use super::sync::{AtomicU64, Ordering, timeout_at};
use crate::clock::Clock;

/// Stands in for the looks at one callee.
#[derive(Debug)]
pub struct Fallback {
    places: Bulkhead,
    clock: Clock,
    degraded: AtomicU64,
    rejected: AtomicU64,
    failed: AtomicU64,
}

impl Fallback {
    /// Makes one that runs so many at once; nobody waits for a place.
    ///
    /// # Errors
    /// When none could run.
    pub fn new(running_max: usize, clock: Clock) -> Result<Self, ZeroLimit> {
        let limits = BulkheadLimits { running_max, queue_max: 0, wait_max: Duration::ZERO };
        let places = Bulkhead::new(limits, clock.clone())?;
        let [degraded, rejected, failed] = std::array::from_fn(|_| AtomicU64::new(0));
        Ok(Self { places, clock, degraded, rejected, failed })
    }

    /// Passes an answer on, or looks for an earlier one in place of one that was not to be had.
    ///
    /// # Errors
    /// Always with the call's own error, and with the fallback's where there was one.
    ///
    /// # Cancel safety
    /// A dropped call frees its place and counts nowhere.
    pub async fn or_earlier<T, E, F, Fut>(
        &self,
        ended: Result<T, CallError>,
        deadline: Deadline,
        earlier: F,
    ) -> Result<Looked<T>, Unanswered<E>>
    where
        T: Reading,
        E: Error + 'static,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Earlier<T>, E>>,
    {
        let cause = match ended {
            Ok(value) => return Ok(Looked { value, degraded: None }),
            Err(cause) if is_the_callers_own(cause) => return Err(Unanswered::Call(cause)),
            Err(cause) => cause,
        };
        let turn_away = |rejected| {
            self.rejected.fetch_add(1, Ordering::Relaxed);
            Unanswered::FallbackRejected { cause, rejected }
        };
        let _place = self.places.acquire(deadline).await.map_err(turn_away)?;
        let looked = timeout_at(deadline.at(), earlier()).await;
        match looked.map_err(|_| turn_away(NotExecuted::deadline_exceeded()))? {
            Ok(Earlier { value, as_of }) => {
                self.degraded.fetch_add(1, Ordering::Relaxed);
                let age = self.clock.now().saturating_duration_since(as_of);
                Ok(Looked { value, degraded: Some(Degraded { cause, age }) })
            }
            Err(source) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                Err(Unanswered::FallbackFailed { cause, source })
            }
        }
    }

    /// Returns how its calls ended so far.
    pub fn numbers(&self) -> FallbackNumbers {
        FallbackNumbers {
            degraded_total: self.degraded.load(Ordering::Relaxed),
            rejected_total: self.rejected.load(Ordering::Relaxed),
            failed_total: self.failed.load(Ordering::Relaxed),
        }
    }
}

/// Tells whether a call ended by its caller's doing, so that no other answer would reach it or be its due.
fn is_the_callers_own(cause: CallError) -> bool {
    match cause {
        CallError::NotExecuted(NotExecuted { reason, .. }) => {
            matches!(reason, Reason::DeadlineExceeded | Reason::ClientRate)
        }
        CallError::Unknown(unknown) => unknown == Unknown::DeadlineExceeded,
    }
}

/// What a look is answered with. Implement it for no answer of a command: an earlier one would tell that something was
/// done that was not.
///
/// ```compile_fail,E0277
/// # use resurgam::{actors::Reply, resilience::{CallError, Deadline, Fallback, fallback::Earlier}};
/// # async fn command(fallback: Fallback, ended: Result<Reply, CallError>, deadline: Deadline, last: Earlier<Reply>) {
/// fallback.or_earlier(ended, deadline, async || Ok::<_, std::io::Error>(last)).await;
/// # }
/// ```
pub trait Reading {}

/// What was told at an earlier time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earlier<T> {
    /// What.
    pub value: T,
    /// When it was true.
    pub as_of: Instant,
}

/// An answer, new or earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looked<T> {
    /// What it says.
    pub value: T,
    /// Whether and why it is an earlier one.
    pub degraded: Option<Degraded>,
}

/// Why an answer is an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Degraded {
    /// Why there is no new one.
    pub cause: CallError,
    /// How long ago it was true.
    pub age: Duration,
}

/// No answer, neither new nor earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unanswered<E: Error + 'static> {
    /// The caller brought it about: nothing was looked for.
    #[error(transparent)]
    Call(CallError),
    /// As many fallbacks run as may, or the deadline passed meanwhile.
    #[error("{cause}, and its fallback was turned away")]
    FallbackRejected {
        /// Why there is no new answer.
        cause: CallError,
        /// Why there is no earlier one.
        #[source]
        rejected: NotExecuted,
    },
    /// There is no earlier answer.
    #[error("{cause}, and its fallback failed")]
    FallbackFailed {
        /// Why there is no new answer.
        cause: CallError,
        /// Why there is no earlier one.
        source: E,
    },
}

/// How the calls of a fallback ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FallbackNumbers {
    /// With an earlier answer.
    pub degraded_total: u64,
    /// Without one: too many ran, or it took too long.
    pub rejected_total: u64,
    /// Without one: there was none.
    pub failed_total: u64,
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::pin::Pin;
    use std::task::{Context, Waker};

    use tokio::time::advance;

    use super::*;

    /// A price on a list.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Price(u32);

    impl Reading for Price {}

    #[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
    #[error("nothing was ever told")]
    struct NeverTold;

    const SECOND: Duration = Duration::from_secs(1);

    fn clock() -> Clock {
        Clock::manual(0, 1)
    }

    fn fallback() -> Fallback {
        Fallback::new(2, clock()).expect("two may run")
    }

    fn soon() -> Deadline {
        Deadline::after(&clock(), SECOND)
    }

    fn rejected(reason: Reason) -> CallError {
        NotExecuted { reason, retry_after: SECOND }.into()
    }

    fn is_pending(look: &mut Pin<Box<impl Future>>) -> bool {
        look.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    // Case 108.
    #[tokio::test(start_paused = true)]
    async fn an_earlier_answer_stands_in_for_one_that_was_not_to_be_had_and_says_why_and_how_old_it_is() {
        let (fallback, as_of) = (fallback(), clock().now());
        advance(7 * SECOND).await;
        let causes = [
            rejected(Reason::BreakerOpen),
            rejected(Reason::BulkheadFull),
            Unknown::AttemptTimeout.into(),
            Unknown::PortDropped.into(),
        ];
        for cause in causes {
            let earlier = async || Ok::<_, NeverTold>(Earlier { value: Price(3), as_of });
            let looked = fallback.or_earlier(Err(cause), soon(), earlier).await;
            let degraded = Some(Degraded { cause, age: 7 * SECOND });
            assert_eq!(looked, Ok(Looked { value: Price(3), degraded }));
        }
        assert_eq!(fallback.numbers(), FallbackNumbers { degraded_total: 4, ..FallbackNumbers::default() });
    }

    // Case 108.
    #[tokio::test(start_paused = true)]
    async fn nothing_stands_in_for_an_answer_nor_for_what_the_caller_brought_about() {
        let fallback = fallback();
        let unasked = async || -> Result<Earlier<Price>, NeverTold> { panic!("it was asked") };
        let new = fallback.or_earlier(Ok(Price(4)), soon(), unasked).await;
        assert_eq!(new, Ok(Looked { value: Price(4), degraded: None }));
        let own = [rejected(Reason::DeadlineExceeded), rejected(Reason::ClientRate), Unknown::DeadlineExceeded.into()];
        for cause in own {
            assert_eq!(fallback.or_earlier(Err(cause), soon(), unasked).await, Err(Unanswered::Call(cause)));
        }
        assert_eq!(fallback.numbers(), FallbackNumbers::default());
    }

    // Case 108.
    #[tokio::test(start_paused = true)]
    async fn the_third_at_once_is_turned_away_and_who_goes_away_or_is_late_leaves_its_place() {
        let fallback = fallback();
        let cause = rejected(Reason::BreakerOpen);
        let hang = || pending::<Result<Earlier<Price>, NeverTold>>();
        let look = || Box::pin(fallback.or_earlier(Err(cause), soon(), hang));
        let (mut first, mut second) = (look(), look());
        assert!(is_pending(&mut first) && is_pending(&mut second));
        let full = look().await.expect_err("two run");
        let is_full = |ended| matches!(ended, Unanswered::FallbackRejected { rejected, .. } if rejected.reason == Reason::BulkheadFull);
        assert!(is_full(full), "{full:?}");
        drop(first);
        let mut third = look();
        assert!(is_pending(&mut third));
        let late = Err(Unanswered::FallbackRejected { cause, rejected: NotExecuted::deadline_exceeded() });
        assert_eq!((second.await, third.await), (late, late));
        assert_eq!(fallback.places.running(), 0);
        assert_eq!(fallback.numbers(), FallbackNumbers { rejected_total: 3, ..FallbackNumbers::default() });
    }

    // Case 108.
    #[tokio::test(start_paused = true)]
    async fn an_error_of_the_fallback_is_told_beside_that_of_the_call() {
        let fallback = fallback();
        let cause = rejected(Reason::BreakerOpen);
        let nothing = async || Err::<Earlier<Price>, _>(NeverTold);
        let error = fallback.or_earlier(Err(cause), soon(), nothing).await.expect_err("there is nothing");
        assert_eq!(error.to_string(), "not executed: breaker-open, and its fallback failed");
        assert_eq!(error.source().map(ToString::to_string), Some("nothing was ever told".to_owned()));
        assert_eq!(fallback.numbers(), FallbackNumbers { failed_total: 1, ..FallbackNumbers::default() });
    }
}
