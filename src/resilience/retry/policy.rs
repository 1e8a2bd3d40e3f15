//! Whether a failed attempt is followed by another, and when. A function of its arguments: it takes no token and waits
//! for nothing.

use std::time::Duration;

use thiserror::Error;

use super::backoff::{Backoff, lengthened};
use super::hint::Hint;
use crate::resilience::outcome::{CallError, Reason};

/// The bounds of one call's retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts of one call, the first included.
    pub attempts_max: u32,
    /// The waits between attempts where the callee hints at none.
    pub backoff: Backoff,
    /// The longest hint that is waited for; a longer one is left to the caller.
    pub hint_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts_max: 3, backoff: Backoff::default(), hint_max: Duration::from_secs(60) }
    }
}

impl RetryPolicy {
    /// Decides what follows a failed attempt, given 64 random bits.
    #[must_use]
    pub fn decide(&self, failed: &FailedAttempt, random: u64) -> Decision {
        if let Some(reason) = failed.forbids_repeat() {
            return Decision::Stop(reason);
        }
        if failed.attempts >= self.attempts_max {
            return Decision::Stop(StopReason::Max);
        }
        let delay = match failed.hint {
            None => self.backoff.delay(failed.attempts, failed.previous_delay, random),
            Some(Hint::After(wait)) if wait <= self.hint_max => lengthened(wait, random),
            Some(Hint::After(_) | Hint::Never) => return Decision::Stop(StopReason::Class),
        };
        match delay < failed.remaining {
            true => Decision::RetryAfter(delay),
            false => Decision::Stop(StopReason::Deadline),
        }
    }

    pub(in crate::resilience) fn check(&self) -> Result<(), RetryPolicyError> {
        let Backoff { first, max, jitter: _ } = self.backoff;
        if self.attempts_max == 0 {
            return Err(RetryPolicyError::ZeroAttempts);
        }
        if first.is_zero() {
            return Err(RetryPolicyError::ZeroBackoff);
        }
        match first <= max {
            true => Ok(()),
            false => Err(RetryPolicyError::BackoffMaxBelowFirst),
        }
    }
}

/// A policy that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RetryPolicyError {
    /// Not even the first attempt would be made.
    #[error("attempts_max must be greater than zero")]
    ZeroAttempts,
    /// Retries would follow at once.
    #[error("backoff.first must be greater than zero")]
    ZeroBackoff,
    /// The first delay would exceed the cap.
    #[error("backoff.max must be at least backoff.first")]
    BackoffMaxBelowFirst,
}

/// An attempt that brought no answer, and what is known besides.
#[derive(Clone, Copy, Debug)]
pub struct FailedAttempt {
    /// Attempts so far, this one included.
    pub attempts: u32,
    /// How it ended.
    pub error: CallError,
    /// What a repeat would do.
    pub idempotency: Idempotency,
    /// What the callee said about another try.
    pub hint: Option<Hint>,
    /// The time left to the call's deadline.
    pub remaining: Duration,
    /// The wait before this attempt, zero before the first.
    pub previous_delay: Duration,
}

impl FailedAttempt {
    fn forbids_repeat(&self) -> Option<StopReason> {
        match self.error {
            CallError::NotExecuted(rejection) => {
                (rejection.reason == Reason::DeadlineExceeded).then_some(StopReason::Deadline)
            }
            CallError::Unknown(_) => match self.idempotency {
                Idempotency::Keyed => None,
                Idempotency::Unkeyed => Some(StopReason::Class),
            },
        }
    }
}

/// What repeating a call of unknown outcome would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// Every attempt carries the same command id or key: a repeat is recognised, and does nothing twice.
    Keyed,
    /// A repeat may do the work twice.
    Unkeyed,
}

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// No further attempt: the error is the caller's.
    Stop(StopReason),
    /// Another attempt after this long, if it can be paid for.
    RetryAfter(Duration),
}

/// Why there is no further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StopReason {
    /// The outcome allows none: a repeat might do the work twice, or the callee wants none, or none so soon.
    Class,
    /// As many attempts were made as allowed.
    Max,
    /// The next attempt could not begin before the deadline.
    Deadline,
    /// A budget has no token, or the request bears the no-retry mark.
    Budget,
}

impl StopReason {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Class, Self::Max, Self::Deadline, Self::Budget];

    /// Returns the machine-readable name, as metrics see it.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Max => "max",
            Self::Deadline => "deadline",
            Self::Budget => "budget",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::resilience::outcome::{NotExecuted, Unknown};
    use crate::resilience::retry::backoff::Jitter;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn policy() -> RetryPolicy {
        let backoff = Backoff { first: ms(100), max: ms(1_000), jitter: Jitter::None };
        RetryPolicy { backoff, ..RetryPolicy::default() }
    }

    fn rejected(reason: Reason) -> CallError {
        NotExecuted { reason, retry_after: Duration::ZERO }.into()
    }

    fn failed(error: impl Into<CallError>) -> FailedAttempt {
        FailedAttempt {
            attempts: 1,
            error: error.into(),
            idempotency: Idempotency::Keyed,
            hint: None,
            remaining: ms(5_000),
            previous_delay: Duration::ZERO,
        }
    }

    fn hinted(hint: Hint) -> FailedAttempt {
        FailedAttempt { hint: Some(hint), ..failed(rejected(Reason::BulkheadFull)) }
    }

    #[track_caller]
    fn check(failed: FailedAttempt, expected: Decision) {
        for random in [0, u64::MAX / 2, u64::MAX] {
            assert_eq!(policy().decide(&failed, random), expected, "{failed:?}");
        }
    }

    // Case 80.
    #[test]
    fn only_what_cannot_happen_twice_is_repeated() {
        let retried = Decision::RetryAfter(ms(100));
        for unknown in [Unknown::AttemptTimeout, Unknown::PortDropped, Unknown::DeadlineExceeded] {
            let unkeyed = FailedAttempt { idempotency: Idempotency::Unkeyed, ..failed(unknown) };
            check(unkeyed, Decision::Stop(StopReason::Class));
            check(failed(unknown), retried);
        }
        for reason in [Reason::BreakerOpen, Reason::MailboxFull, Reason::ServiceStopped] {
            for idempotency in [Idempotency::Keyed, Idempotency::Unkeyed] {
                check(FailedAttempt { idempotency, ..failed(rejected(reason)) }, retried);
            }
        }
    }

    #[test]
    fn a_call_whose_deadline_is_over_is_not_repeated() {
        check(failed(NotExecuted::deadline_exceeded()), Decision::Stop(StopReason::Deadline));
    }

    #[test]
    fn the_last_attempt_is_the_last() {
        check(FailedAttempt { attempts: 2, ..failed(Unknown::PortDropped) }, Decision::RetryAfter(ms(200)));
        for attempts in [3, 4, u32::MAX] {
            check(FailedAttempt { attempts, ..failed(Unknown::PortDropped) }, Decision::Stop(StopReason::Max));
        }
    }

    #[test]
    fn a_wait_that_reaches_the_deadline_is_not_begun() {
        let remaining = |remaining| FailedAttempt { remaining, ..failed(Unknown::PortDropped) };
        check(remaining(ms(101)), Decision::RetryAfter(ms(100)));
        for over in [ms(100), ms(99), Duration::ZERO] {
            check(remaining(over), Decision::Stop(StopReason::Deadline));
        }
    }

    // Case 77.
    #[test]
    fn a_hint_beyond_the_deadline_stops_at_once() {
        let late = FailedAttempt { remaining: ms(1_000), ..hinted(Hint::After(ms(2_000))) };
        check(late, Decision::Stop(StopReason::Deadline));
    }

    // Case 78.
    #[test]
    fn chance_lengthens_a_hint_by_up_to_a_tenth() {
        let delayed = |random| policy().decide(&hinted(Hint::After(ms(2_000))), random);
        assert_eq!(delayed(0), Decision::RetryAfter(ms(2_000)));
        assert_eq!(delayed(u64::MAX), Decision::RetryAfter(ms(2_200)));
    }

    // Case 78.
    #[test]
    fn a_hint_beyond_the_longest_is_not_waited_for() {
        let remaining = Duration::from_secs(24 * 60 * 60);
        let hinted_secs = |secs| FailedAttempt { remaining, ..hinted(Hint::After(Duration::from_secs(secs))) };
        check(hinted_secs(60 * 60), Decision::Stop(StopReason::Class));
        check(hinted_secs(61), Decision::Stop(StopReason::Class));
        assert_eq!(policy().decide(&hinted_secs(60), 0), Decision::RetryAfter(Duration::from_secs(60)));
    }

    // Case 79.
    #[test]
    fn a_hint_of_never_stops_and_one_of_zero_retries_at_once() {
        check(hinted(Hint::Never), Decision::Stop(StopReason::Class));
        check(hinted(Hint::After(Duration::ZERO)), Decision::RetryAfter(Duration::ZERO));
    }

    // Case 79.
    #[test]
    fn a_hint_that_cannot_be_read_leaves_the_computed_delay() {
        let unread = FailedAttempt { hint: Hint::parse("soon", 0), ..failed(rejected(Reason::BulkheadFull)) };
        check(unread, Decision::RetryAfter(ms(100)));
    }

    #[test]
    fn the_reasons_to_stop_go_by_the_names_that_metrics_know() {
        assert_eq!(StopReason::ALL.map(StopReason::code), ["class", "max", "deadline", "budget"]);
    }

    #[test]
    fn a_policy_that_makes_no_sense_is_refused_by_name() {
        let sound = policy();
        let with = |first, max| RetryPolicy { backoff: Backoff { first, max, jitter: Jitter::Full }, ..sound };
        for (policy, message) in [
            (RetryPolicy { attempts_max: 0, ..sound }, "attempts_max must be greater than zero"),
            (with(Duration::ZERO, ms(1)), "backoff.first must be greater than zero"),
            (with(ms(2), ms(1)), "backoff.max must be at least backoff.first"),
        ] {
            assert_eq!(policy.check().expect_err("it makes no sense").to_string(), message);
        }
        assert_eq!(RetryPolicy::default().check(), Ok(()));
        assert_eq!(with(ms(1), ms(1)).check(), Ok(()));
    }

    proptest! {
        // Case 78.
        #[test]
        fn a_hint_wins_over_the_computed_delay_and_jitter_only_adds(hint_ms in 1_u64..4_000, random: u64) {
            let decision = policy().decide(&hinted(Hint::After(ms(hint_ms))), random);
            let Decision::RetryAfter(delay) = decision else { panic!("{decision:?}") };
            prop_assert!((ms(hint_ms)..=ms(hint_ms) * 11 / 10).contains(&delay));
        }

        #[test]
        fn no_retry_begins_at_or_after_the_deadline(
            attempts: u32, remaining_ms in 0_u64..2_000, previous_ms in 0_u64..2_000, hint_ms: Option<u16>, random: u64,
        ) {
            let hint = hint_ms.map(|wait_ms| Hint::After(ms(u64::from(wait_ms))));
            let (remaining, previous_delay) = (ms(remaining_ms), ms(previous_ms));
            let failed = FailedAttempt { attempts, hint, remaining, previous_delay, ..failed(Unknown::PortDropped) };
            for jitter in [Jitter::None, Jitter::Full, Jitter::Equal, Jitter::Decorrelated] {
                let backoff = Backoff { jitter, ..policy().backoff };
                if let Decision::RetryAfter(delay) = (RetryPolicy { backoff, ..policy() }).decide(&failed, random) {
                    prop_assert!(delay < remaining && attempts < 3);
                }
            }
        }
    }
}
