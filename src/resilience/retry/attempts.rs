//! Makes the attempts of a call: the first, and those that policy, deadline and budgets allow after it.
//!
//! The caller gets the original error, never one that only says that attempts ran out. Unknown sticks: once an attempt's
//! outcome is unknown, a later one that was not executed does not make it "never happened".

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::hint::Hint;
use super::log::{RetryEvent, RetryHappening, RetryLog};
use super::policy::{Decision, FailedAttempt, Idempotency, RetryPolicy, RetryPolicyError, StopReason};
use super::retries::Retries;
use crate::clock::Clock;
use crate::resilience::budget::{Budget, Withdrawal};
use crate::resilience::deadline::Deadline;
use crate::resilience::observer::Unobserved;
use crate::resilience::outcome::CallError;
use crate::resilience::sync::Mutex;

/// Repeats the calls of one edge: from one caller to one callee.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use resurgam::clock::Clock;
/// use resurgam::resilience::{
///     Budget, BudgetPolicy, CallError, Deadline, Idempotency, Retries, Retry, RetryPolicy, Unknown, Unobserved,
/// };
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let clock = Clock::system();
/// let budget = || Budget::new(BudgetPolicy::default(), clock.now()).map(Arc::new);
/// let retry = Retry::new("orders", RetryPolicy::default(), budget()?, clock.clone(), Arc::new(Unobserved))?;
/// let request = Retries::begin(budget()?, clock.now());
/// let deadline = Deadline::after(&clock, Duration::from_secs(5));
/// let lost_once = async |attempt| match attempt {
///     1 => Err(CallError::Unknown(Unknown::AttemptTimeout)),
///     _ => Ok("done"),
/// };
/// // A key makes a repeat harmless; without one, nobody knows whether the first attempt did it.
/// assert_eq!(retry.run(&request, deadline, Idempotency::Keyed, lost_once).await, Ok("done"));
/// # Ok(()) })
/// # }
/// ```
pub struct Retry {
    edge: Arc<str>,
    policy: RetryPolicy,
    budget: Arc<Budget>,
    clock: Clock,
    observer: Arc<dyn RetryObserver>,
    log: Mutex<RetryLog>,
}

impl Retry {
    /// Creates the retry of an edge, whose name the observer is told with each call.
    ///
    /// # Errors
    /// When the policy makes no sense.
    pub fn new(
        edge: impl Into<Arc<str>>,
        policy: RetryPolicy,
        budget: Arc<Budget>,
        clock: Clock,
        observer: Arc<dyn RetryObserver>,
    ) -> Result<Self, RetryPolicyError> {
        policy.check()?;
        Ok(Self { edge: edge.into(), policy, budget, clock, observer, log: Mutex::default() })
    }

    /// Makes attempts, told their number from one on, until one is answered or there must be no other. Any answer ends
    /// the call, a refusal too.
    ///
    /// # Errors
    /// The last attempt's error, or the last unknown one if there was any. [`Retries::is_stopped`] then tells whether a
    /// budget was the reason.
    ///
    /// # Cancel safety
    /// A call dropped while it waits makes no further attempt, gives its tokens back and leaves no timer.
    pub async fn run<T, F, Fut>(
        &self,
        retries: &Retries,
        deadline: Deadline,
        idempotency: Idempotency,
        mut attempt: F,
    ) -> Result<T, CallError>
    where
        F: FnMut(u32) -> Fut,
        Fut: Future<Output = Result<T, CallError>>,
    {
        self.budget.deposit(self.clock.now());
        let (mut attempts, mut previous_delay, mut unknown) = (1, Duration::ZERO, None);
        loop {
            let error = match attempt(attempts).await {
                Ok(answer) => {
                    if attempts > 1 {
                        self.note(RetryHappening::Answered, attempts);
                    }
                    self.observer.ended(&self.edge, RetryEnd::successful(attempts), attempts);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            if let CallError::Unknown(lost) = error {
                unknown = Some(lost);
            }
            let remaining = deadline.remaining(&self.clock);
            let hint = Hint::of(&error);
            let failed = FailedAttempt { attempts, error, idempotency, hint, remaining, previous_delay };
            previous_delay = match self.back_off(retries, deadline, &failed).await {
                Ok(delay) => delay,
                Err(reason) => {
                    self.note(RetryHappening::ended(reason), attempts);
                    self.observer.stopped(&self.edge, reason);
                    self.observer.ended(&self.edge, RetryEnd::failed(attempts), attempts);
                    return Err(unknown.map_or(error, CallError::from));
                }
            };
            self.note(RetryHappening::Retried, attempts);
            attempts += 1;
            self.observer.retried(&self.edge);
        }
    }

    /// Returns the name given at creation.
    pub fn name(&self) -> &str {
        &self.edge
    }

    /// Returns the newest events, oldest first.
    pub fn events(&self) -> Vec<RetryEvent> {
        self.log.lock().newest()
    }

    fn note(&self, happening: RetryHappening, attempts: u32) {
        self.log.lock().note(RetryEvent { at: self.clock.now(), happening, attempts });
    }

    /// Pays for another attempt and waits until it may begin, or says why there is none.
    async fn back_off(
        &self,
        retries: &Retries,
        deadline: Deadline,
        failed: &FailedAttempt,
    ) -> Result<Duration, StopReason> {
        let delay = match self.policy.decide(failed, self.clock.random()) {
            Decision::RetryAfter(delay) => delay,
            Decision::Stop(reason) => return Err(reason),
        };
        // Before the wait: nobody waits for an attempt that is refused in the end.
        let tokens = retries.withdraw(&self.budget, self.clock.now()).ok_or(StopReason::Budget)?;
        sleep(delay).await;
        // A timer is coarse and a busy house late.
        if deadline.is_expired(&self.clock) {
            return Err(StopReason::Deadline);
        }
        tokens.into_iter().for_each(Withdrawal::spent);
        Ok(delay)
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("edge", &self.edge)
            .field("policy", &self.policy)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

/// Is told what becomes of each call. Called on the path of the call: must not block or panic.
pub trait RetryObserver: Send + Sync {
    /// Another attempt begins.
    fn retried(&self, edge: &str);
    /// A failed attempt is not followed by another; exactly one `ended` follows.
    fn stopped(&self, edge: &str, reason: StopReason);
    /// A call ended after so many attempts. Of a dropped one nothing is told.
    fn ended(&self, edge: &str, end: RetryEnd, attempts: u32);
}

impl RetryObserver for Unobserved {
    fn retried(&self, _: &str) {}
    fn stopped(&self, _: &str, _: StopReason) {}
    fn ended(&self, _: &str, _: RetryEnd, _: u32) {}
}

/// How a call ended, in the words of resilience4j, so that its dashboards fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetryEnd {
    /// The first attempt was answered.
    SuccessfulWithoutRetry,
    /// A later attempt was answered.
    SuccessfulWithRetry,
    /// The first attempt was not answered, and there was no other.
    FailedWithoutRetry,
    /// No attempt was answered.
    FailedWithRetry,
}

impl RetryEnd {
    /// Every one.
    pub const ALL: [Self; 4] =
        [Self::SuccessfulWithoutRetry, Self::SuccessfulWithRetry, Self::FailedWithoutRetry, Self::FailedWithRetry];

    /// Returns the machine-readable name, as metrics see it.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::SuccessfulWithoutRetry => "successful_without_retry",
            Self::SuccessfulWithRetry => "successful_with_retry",
            Self::FailedWithoutRetry => "failed_without_retry",
            Self::FailedWithRetry => "failed_with_retry",
        }
    }

    fn successful(attempts: u32) -> Self {
        if attempts == 1 { Self::SuccessfulWithoutRetry } else { Self::SuccessfulWithRetry }
    }

    fn failed(attempts: u32) -> Self {
        if attempts == 1 { Self::FailedWithoutRetry } else { Self::FailedWithRetry }
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::pin::pin;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::{Context, Wake, Waker};

    use futures_util::future::join_all;
    use parking_lot::Mutex;
    use tokio::time::advance;

    use super::*;
    use crate::resilience::budget::BudgetPolicy;
    use crate::resilience::outcome::{NotExecuted, Reason, Unknown};
    use crate::resilience::retry::backoff::{Backoff, Jitter};

    const TIMED_OUT: CallError = CallError::Unknown(Unknown::AttemptTimeout);

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Told {
        Retried,
        Stopped(StopReason),
        Ended(RetryEnd, u32),
    }

    #[derive(Default)]
    struct Diary(Mutex<Vec<Told>>);

    impl Diary {
        fn read(&self) -> Vec<Told> {
            std::mem::take(&mut self.0.lock())
        }
    }

    impl RetryObserver for Diary {
        fn retried(&self, _: &str) {
            self.0.lock().push(Told::Retried);
        }
        fn stopped(&self, _: &str, reason: StopReason) {
            self.0.lock().push(Told::Stopped(reason));
        }
        fn ended(&self, _: &str, end: RetryEnd, attempts: u32) {
            self.0.lock().push(Told::Ended(end, attempts));
        }
    }

    fn clock() -> Clock {
        Clock::manual(0, 1)
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn in_ms(timeout_ms: u64) -> Deadline {
        Deadline::after(&clock(), ms(timeout_ms))
    }

    fn rejected(reason: Reason, retry_after: Duration) -> CallError {
        NotExecuted { reason, retry_after }.into()
    }

    /// A budget that the floor fills with ten times `floor_per_second`.
    fn budget(ratio_per_mille: u32, floor_per_second: u32) -> Arc<Budget> {
        let policy = BudgetPolicy { ratio_per_mille, floor_per_second, ttl: Duration::from_secs(10) };
        Arc::new(Budget::new(policy, clock().now()).expect("the policy is sound"))
    }

    fn tokens(budget: &Budget) -> u64 {
        budget.numbers(clock().now()).tokens
    }

    fn retry(budget: Arc<Budget>) -> (Retry, Arc<Diary>) {
        retry_with(Jitter::None, budget)
    }

    fn retry_with(jitter: Jitter, budget: Arc<Budget>) -> (Retry, Arc<Diary>) {
        let backoff = Backoff { first: ms(100), max: ms(1_000), jitter };
        let policy = RetryPolicy { backoff, ..RetryPolicy::default() };
        let diary = Arc::new(Diary::default());
        let observer: Arc<dyn RetryObserver> = Arc::clone(&diary) as _;
        (Retry::new("asks", policy, budget, clock(), observer).expect("the policy is sound"), diary)
    }

    fn retries() -> Retries {
        Retries::begin(budget(200, 10), clock().now())
    }

    /// Runs one call whose attempts end as told, in turn; returns its end, what was told, and how long it took.
    async fn called(
        idempotency: Idempotency,
        timeout_ms: u64,
        ends: &[Result<(), CallError>],
    ) -> (Result<(), CallError>, Vec<Told>, Duration) {
        let (retry, diary) = retry(budget(200, 10));
        let (began, retries) = (clock().now(), retries());
        let attempt = |number: u32| ready(ends[number as usize - 1]);
        let result = retry.run(&retries, in_ms(timeout_ms), idempotency, attempt).await;
        (result, diary.read(), clock().now() - began)
    }

    // Case 72.
    #[tokio::test(start_paused = true)]
    async fn a_call_that_keeps_failing_ends_after_three_attempts_with_the_last_error() {
        let full = |waited| Err(rejected(Reason::BulkheadFull, ms(waited)));
        let (result, told, _) = called(Idempotency::Keyed, 60_000, &[full(10), full(20), full(30)]).await;
        assert_eq!(result, full(30));
        let ended = Told::Ended(RetryEnd::FailedWithRetry, 3);
        assert_eq!(told, [Told::Retried, Told::Retried, Told::Stopped(StopReason::Max), ended]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_edge_goes_by_its_name_and_remembers_every_attempt_but_a_first_that_was_answered() {
        let (retry, _) = retry(budget(200, 10));
        let lost = Err(TIMED_OUT);
        for ends in [vec![Ok(())], vec![lost, Ok(())], vec![lost; 3]] {
            let attempt = |number: u32| ready(ends[number as usize - 1]);
            let _ = retry.run(&retries(), in_ms(5_000), Idempotency::Keyed, attempt).await;
        }
        assert_eq!(retry.name(), "asks");
        let told: Vec<_> = retry.events().iter().map(|event| (event.happening, event.attempts)).collect();
        let given_up = RetryHappening::ended(StopReason::Max);
        let (again, answered) = (RetryHappening::Retried, RetryHappening::Answered);
        assert_eq!(told, [(again, 1), (answered, 2), (again, 1), (again, 2), (given_up, 3)]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_outcome_once_unknown_is_not_made_undone_by_a_later_rejection() {
        let ends = [Err(TIMED_OUT), Err(rejected(Reason::BreakerOpen, ms(60_000)))];
        let (result, told, _) = called(Idempotency::Keyed, 5_000, &ends).await;
        assert_eq!(result, Err(TIMED_OUT));
        assert_eq!(told[1], Told::Stopped(StopReason::Deadline));
    }

    #[tokio::test(start_paused = true)]
    async fn waits_between_attempts_grow_and_none_follows_the_last() {
        let (_, _, took) = called(Idempotency::Keyed, 5_000, &[Err(TIMED_OUT); 3]).await;
        assert_eq!(took, ms(100 + 200));
    }

    #[tokio::test(start_paused = true)]
    async fn each_wait_is_computed_from_the_one_before() {
        let (retry, _) = retry_with(Jitter::Decorrelated, budget(200, 10));
        let (began, retries) = (clock().now(), retries());
        let failing = |_| ready(Err::<(), _>(TIMED_OUT));
        assert_eq!(retry.run(&retries, in_ms(5_000), Idempotency::Keyed, failing).await, Err(TIMED_OUT));
        let (chance, backoff) = (clock(), retry.policy.backoff);
        let first = backoff.delay(1, Duration::ZERO, chance.random());
        let second = backoff.delay(2, first, chance.random());
        // Each wait ends with the millisecond in which it would.
        assert!((first + second..first + second + ms(2)).contains(&(clock().now() - began)));
    }

    // Case 77.
    #[tokio::test(start_paused = true)]
    async fn a_hint_beyond_the_deadline_returns_the_error_without_a_wait() {
        let full = Err(rejected(Reason::BulkheadFull, ms(2_000)));
        let (result, told, took) = called(Idempotency::Keyed, 1_000, &[full]).await;
        assert_eq!((result, took), (full, Duration::ZERO));
        assert_eq!(told, [Told::Stopped(StopReason::Deadline), Told::Ended(RetryEnd::FailedWithoutRetry, 1)]);
    }

    // Case 78.
    #[tokio::test(start_paused = true)]
    async fn a_hint_is_waited_for_and_one_of_an_hour_is_passed_to_the_caller() {
        let (hinted, in_an_hour) =
            (rejected(Reason::BulkheadFull, ms(2_000)), rejected(Reason::ServiceStopped, ms(3_600_000)));
        let (result, _, took) = called(Idempotency::Keyed, 60_000, &[Err(hinted), Ok(())]).await;
        assert_eq!(result, Ok(()));
        assert!((ms(2_000)..=ms(2_201)).contains(&took), "{took:?}");
        let (result, told, took) = called(Idempotency::Keyed, 86_400_000, &[Err(in_an_hour)]).await;
        assert_eq!((result, told[0], took), (Err(in_an_hour), Told::Stopped(StopReason::Class), Duration::ZERO));
    }

    // Case 79.
    #[tokio::test(start_paused = true)]
    async fn a_callee_that_asks_not_to_be_tried_again_is_not() {
        let (retry, diary) = retry(budget(200, 10));
        let retries = retries();
        let pushes_back = async |_| {
            retries.stop();
            Err::<(), _>(TIMED_OUT)
        };
        assert_eq!(retry.run(&retries, in_ms(5_000), Idempotency::Keyed, pushes_back).await, Err(TIMED_OUT));
        assert_eq!(diary.read()[0], Told::Stopped(StopReason::Budget));
    }

    // Case 80.
    #[tokio::test(start_paused = true)]
    async fn an_answer_is_final_and_an_unknown_outcome_is_repeated_under_a_key_only() {
        let (retry, _) = retry(budget(200, 10));
        let refused = |number| ready(Ok(("no stock", number)));
        assert_eq!(retry.run(&retries(), in_ms(5_000), Idempotency::Keyed, refused).await, Ok(("no stock", 1)));
        let lost = [Err(TIMED_OUT), Ok(())];
        assert_eq!(called(Idempotency::Unkeyed, 5_000, &lost).await.0, Err(TIMED_OUT));
        assert_eq!(called(Idempotency::Keyed, 5_000, &lost).await.0, Ok(()));
        let not_executed = [Err(rejected(Reason::MailboxFull, ms(50))), Ok(())];
        assert_eq!(called(Idempotency::Unkeyed, 5_000, &not_executed).await.0, Ok(()));
    }

    /// Wakes nobody; as many as hold it wait to wake.
    struct Nobody;

    impl Wake for Nobody {
        fn wake(self: Arc<Self>) {}
    }

    // Case 81.
    #[tokio::test(start_paused = true)]
    async fn a_call_dropped_while_it_waits_tries_no_more_gives_its_tokens_back_and_leaves_no_timer() {
        let (edge, root, attempts) = (budget(1_000, 0), budget(1_000, 0), AtomicU32::new(0));
        let (retry, diary) = retry(Arc::clone(&edge));
        let retries = Retries::begin(Arc::clone(&root), clock().now());
        let nobody = Arc::new(Nobody);
        let waker = Waker::from(Arc::clone(&nobody));
        let attempt = |_| {
            attempts.fetch_add(1, Ordering::Relaxed);
            ready(Err::<(), _>(TIMED_OUT))
        };
        let mut call = Box::pin(retry.run(&retries, in_ms(5_000), Idempotency::Keyed, attempt));
        assert!(call.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        assert_eq!(Arc::strong_count(&nobody), 2, "the timer waits to wake");
        assert_eq!((tokens(&edge), tokens(&root)), (0, 0), "tokens are taken before the wait");
        drop(call);
        assert_eq!(Arc::strong_count(&nobody), 1);
        assert_eq!((tokens(&edge), tokens(&root)), (1, 1));
        advance(ms(5_000)).await;
        assert_eq!(attempts.load(Ordering::Relaxed), 1);
        assert_eq!(diary.read(), []);
    }

    // Case 82.
    #[tokio::test(start_paused = true)]
    async fn an_open_breaker_is_waited_for_within_the_deadline_only() {
        let check = async |opens_after: Duration, expected: Result<(), CallError>, attempts, took: Duration| {
            let (retry, diary) = retry(budget(200, 10));
            let (began, retries) = (clock().now(), retries());
            let breaker = |_| {
                let retry_after = opens_after.saturating_sub(clock().now() - began);
                ready(if retry_after.is_zero() { Ok(()) } else { Err(rejected(Reason::BreakerOpen, retry_after)) })
            };
            assert_eq!(retry.run(&retries, in_ms(1_000), Idempotency::Unkeyed, breaker).await, expected);
            assert!((took..=took * 11 / 10).contains(&(clock().now() - began)));
            let told = diary.read();
            assert!(matches!(told.last(), Some(Told::Ended(_, made)) if *made == attempts), "{told:?}");
        };
        let open = Err(rejected(Reason::BreakerOpen, ms(5_000)));
        check(ms(5_000), open, 1, Duration::ZERO).await;
        check(ms(200), Ok(()), 2, ms(200)).await;
    }

    // Case 83.
    #[tokio::test(start_paused = true)]
    async fn every_call_is_counted_once_by_its_end() {
        let check = async |ends: &[_], retried: usize, stopped, end| {
            let (_, told, _) = called(Idempotency::Keyed, 5_000, ends).await;
            let mut expected = vec![Told::Retried; retried];
            expected.extend(stopped);
            expected.push(Told::Ended(end, retried as u32 + 1));
            assert_eq!(told, expected);
        };
        let (lost, stopped) = (Err(TIMED_OUT), |reason| Some(Told::Stopped(reason)));
        let late = Err(NotExecuted::deadline_exceeded().into());
        check(&[Ok(())], 0, None, RetryEnd::SuccessfulWithoutRetry).await;
        check(&[lost, lost, Ok(())], 2, None, RetryEnd::SuccessfulWithRetry).await;
        check(&[late], 0, stopped(StopReason::Deadline), RetryEnd::FailedWithoutRetry).await;
        check(&[lost, late], 1, stopped(StopReason::Deadline), RetryEnd::FailedWithRetry).await;
    }

    #[test]
    fn the_ends_of_calls_go_by_the_names_of_resilience4j() {
        let with_and_without = ["successful_without_retry", "successful_with_retry"];
        assert_eq!(RetryEnd::ALL.map(RetryEnd::code)[..2], with_and_without);
        assert_eq!(RetryEnd::ALL.map(RetryEnd::code)[2..], ["failed_without_retry", "failed_with_retry"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_ends_after_the_deadline_is_followed_by_no_attempt() {
        let (edge, root) = (budget(1_000, 0), budget(1_000, 0));
        let (retry, diary) = retry(Arc::clone(&edge));
        let retries = Retries::begin(Arc::clone(&root), clock().now());
        let mut call = pin!(retry.run(&retries, in_ms(150), Idempotency::Keyed, |_| ready(Err::<(), _>(TIMED_OUT))));
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        advance(ms(150)).await;
        assert_eq!(call.await, Err(TIMED_OUT));
        assert_eq!(diary.read(), [Told::Stopped(StopReason::Deadline), Told::Ended(RetryEnd::FailedWithoutRetry, 1)]);
        assert_eq!((tokens(&edge), tokens(&root)), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_budget_returns_the_original_error_at_once_and_sets_the_mark() {
        for (edge, root) in [(budget(0, 0), budget(0, 1)), (budget(0, 1), budget(0, 0))] {
            let (retry, diary) = retry(Arc::clone(&edge));
            let (began, retries) = (clock().now(), Retries::begin(Arc::clone(&root), clock().now()));
            let failing = |_| ready(Err::<(), _>(TIMED_OUT));
            assert_eq!(retry.run(&retries, in_ms(5_000), Idempotency::Keyed, failing).await, Err(TIMED_OUT));
            assert_eq!(clock().now(), began);
            assert!(retries.is_stopped());
            assert_eq!(diary.read()[0], Told::Stopped(StopReason::Budget));
            assert_eq!(tokens(&edge) + tokens(&root), 10, "neither budget paid");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_layer_that_may_not_retry_stops_those_further_out_that_could_pay() {
        let (rich, poor) = (budget(200, 10), budget(0, 0));
        let ((outer, _), (inner, _)) = (retry(Arc::clone(&rich)), retry(poor));
        let (retries, deadline, leaf) = (retries(), in_ms(5_000), AtomicU32::new(0));
        let failing = |_| {
            leaf.fetch_add(1, Ordering::Relaxed);
            ready(Err::<(), _>(TIMED_OUT))
        };
        let layers = |_| inner.run(&retries, deadline, Idempotency::Keyed, failing);
        assert_eq!(outer.run(&retries, deadline, Idempotency::Keyed, layers).await, Err(TIMED_OUT));
        assert_eq!(leaf.load(Ordering::Relaxed), 1);
        assert_eq!(tokens(&rich), 100);
    }

    /// Sends calls at once through three layers to a leaf that always fails; returns its attempts and how many calls
    /// bear the no-retry mark.
    async fn leaf_attempts(calls: u32, edges: [Arc<Budget>; 3], root: Arc<Budget>) -> (u32, usize) {
        let [outer, middle, inner] = edges.map(|edge| retry(edge).0);
        let (leaf, deadline) = (AtomicU32::new(0), in_ms(60_000));
        let call = async || {
            let retries = Retries::begin(Arc::clone(&root), clock().now());
            let failing = async |_| {
                leaf.fetch_add(1, Ordering::Relaxed);
                sleep(ms(1)).await;
                Err::<(), _>(TIMED_OUT)
            };
            let inwards = |_| inner.run(&retries, deadline, Idempotency::Keyed, failing);
            let through = |_| middle.run(&retries, deadline, Idempotency::Keyed, inwards);
            assert_eq!(outer.run(&retries, deadline, Idempotency::Keyed, through).await, Err(TIMED_OUT));
            retries.is_stopped()
        };
        let marks = join_all((0..calls).map(|_| call())).await;
        (leaf.into_inner(), marks.into_iter().filter(|is_stopped| *is_stopped).count())
    }

    fn three(budget: impl Fn() -> Arc<Budget>) -> [Arc<Budget>; 3] {
        [budget(), budget(), budget()]
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_multiply_over_the_layers_as_far_as_budgets_allow() {
        assert_eq!(leaf_attempts(1, three(|| budget(0, 10)), budget(0, 10)).await, (27, 0));
    }

    // Case 88.
    #[tokio::test(start_paused = true)]
    async fn layers_that_could_pay_more_share_what_the_root_allows() {
        let root = budget(200, 1);
        let (attempts, marked) = leaf_attempts(1_000, three(|| budget(1_000, 1_000)), Arc::clone(&root)).await;
        assert_eq!((attempts, marked), (1_000 + 200 + 10, 1_000));
        assert_eq!(root.numbers(clock().now()).withdrawn_total, 210);
    }

    // Case 89.
    #[tokio::test(start_paused = true)]
    async fn three_layers_of_three_attempts_add_a_tenth_to_the_load_of_a_leaf_that_always_fails() {
        let ended = leaf_attempts(1_000, three(|| budget(100, 0)), budget(100, 0)).await;
        assert_eq!(ended, (1_100, 1_000));
    }
}
