//! The only place where layers are nested. The one order, outermost first, and the reason of each place:
//!
//! 1. **deadline**: bounds all that follows, so an expired call takes no slot, no probe and no token;
//! 2. **retry** (with its budget): outside the breaker, so that each attempt is judged and an open breaker is waited out;
//! 3. **breaker**: outside the bulkhead, so that an open one takes no slot; a rejection further in is no failure to it;
//! 4. **bulkhead**: outside the attempt timeout, so that waiting in line is not taken for a slow callee;
//! 5. **attempt timeout**: measures the work alone;
//! 6. **work**.
//!
//! The guard never repeats work by itself: who asks again ([`super::retry`]) stands around it, as in the order above, and
//! asks through it each time. It never calls a dropped call a failure.

mod attempt;

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use attempt::Attempt;

use super::breaker::{Breaker, Moment, Outcome, Transition};
use super::bulkhead::{self, Bulkhead, Partition};
use super::deadline::Deadline;
use super::observer::Observer;
use super::outcome::{CallError, NotExecuted, Reason, Unknown, Verdict};
use super::policy::{GuardPolicy, PolicyError};
use super::retry::Retries;
use crate::clock::Clock;

/// Stands in front of every call of one kind.
pub struct Guard {
    name: Arc<str>,
    attempt_timeout_ns: AtomicU64,
    breaker: Breaker,
    edge: Bulkhead,
    policies: Bulkhead,
    asks: Bulkhead,
    reads: Bulkhead,
    clock: Clock,
    /// Where the breaker's time begins.
    born: Instant,
    observer: Arc<dyn Observer>,
}

impl Guard {
    /// Why it turns calls away by itself.
    pub const REASONS: [Reason; 5] = [
        Reason::DeadlineExceeded,
        Reason::BreakerOpen,
        Reason::BulkheadFull,
        Reason::BulkheadWaitTimeout,
        Reason::WouldExpire,
    ];

    /// Creates a guard whose name the observer is told with each call.
    ///
    /// # Errors
    /// When a limit of the policy is zero, or its breaker could not work.
    pub fn new(
        name: impl Into<Arc<str>>,
        policy: GuardPolicy,
        clock: Clock,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, PolicyError> {
        let GuardPolicy { attempt_timeout, breaker, edge, policies, asks, reads } = policy;
        policy.check()?;
        let bulkhead = |partition, limits| {
            Bulkhead::new(limits, clock.clone()).map_err(|limit| PolicyError::ZeroLimit { partition, limit })
        };
        let name: Arc<str> = name.into();
        let watcher = {
            let (name, observer) = (Arc::clone(&name), Arc::clone(&observer));
            Box::new(move |transition: &Transition| observer.moved(&name, transition))
        };
        Ok(Self {
            name,
            attempt_timeout_ns: AtomicU64::new(nanos(attempt_timeout)),
            breaker: Breaker::new(breaker, clock.random(), watcher)?,
            born: clock.now(),
            edge: bulkhead(Partition::Edge, edge)?,
            policies: bulkhead(Partition::Policies, policies)?,
            asks: bulkhead(Partition::Asks, asks)?,
            reads: bulkhead(Partition::Reads, reads)?,
            clock,
            observer,
        })
    }

    /// Runs `work` once a slot is free, giving it the deadline of its attempt.
    ///
    /// # Errors
    /// [`CallError::NotExecuted`] when the work was not begun or says so itself; [`CallError::Unknown`] when it was begun
    /// and no answer came.
    ///
    /// # Cancel safety
    /// A dropped call frees its slot or its place in line. Once admitted, it is reported as [`Cancelled`].
    ///
    /// [`Cancelled`]: super::outcome::Completion::Cancelled
    pub fn call<T, F, Fut>(
        &self,
        partition: Partition,
        deadline: Deadline,
        work: F,
    ) -> impl Future<Output = Result<T, CallError>>
    where
        F: FnOnce(Deadline) -> Fut,
        Fut: Future<Output = Result<T, CallError>>,
        T: Verdict,
    {
        self.attempt(None, partition, deadline, work)
    }

    /// Makes one of the attempts of a request, as [`Self::call`] does; without `retries` there is no other. A probe that
    /// fails is the last and sets the no-retry mark: no request alone decides whether its callee is back.
    ///
    /// # Errors
    /// As [`Self::call`].
    ///
    /// # Cancel safety
    /// As [`Self::call`].
    pub async fn attempt<T, F, Fut>(
        &self,
        retries: Option<&Retries>,
        partition: Partition,
        deadline: Deadline,
        work: F,
    ) -> Result<T, CallError>
    where
        F: FnOnce(Deadline) -> Fut,
        Fut: Future<Output = Result<T, CallError>>,
        T: Verdict,
    {
        let arrived = self.clock.now();
        if deadline.at() <= arrived {
            return Err(self.reject(partition, NotExecuted::deadline_exceeded()));
        }
        let admitted = self.breaker.admit(self.moment(arrived)).map_err(|rejected| {
            self.reject(partition, NotExecuted { reason: Reason::BreakerOpen, retry_after: rejected.retry_after })
        })?;
        let slot = match self.bulkhead(partition).acquire_at(arrived, deadline).await {
            Ok(slot) => slot,
            Err(rejection) => {
                admitted.settle(Outcome::NotExecuted, self.now());
                return Err(self.reject(partition, rejection));
            }
        };
        let mut attempt = Attempt::begin(self, partition, (admitted, slot), arrived);
        let result = self.work(&mut attempt, deadline, work).await;
        let completion = match &result {
            Ok(answer) => answer.completion(),
            Err(error) => error.completion(),
        };
        if let Some(retries) = retries
            && attempt.is_probe()
            && Outcome::from(completion) == Outcome::Failure
        {
            retries.stop();
        }
        attempt.completion = Some(completion);
        result
    }

    /// Takes another policy over: calls under way, windows, permits and queues stay.
    ///
    /// # Errors
    /// When the policy makes no sense; the old one stays in force whole.
    pub fn reconfigure(&self, policy: &GuardPolicy) -> Result<(), PolicyError> {
        policy.check()?;
        self.attempt_timeout_ns.store(nanos(policy.attempt_timeout), Ordering::Relaxed);
        self.breaker.reconfigure(policy.breaker)?;
        for (partition, limits) in policy.partitions() {
            self.bulkhead(partition).resize(limits).map_err(|limit| PolicyError::ZeroLimit { partition, limit })?;
        }
        Ok(())
    }

    /// Returns the policy in force.
    pub fn policy(&self) -> GuardPolicy {
        GuardPolicy {
            attempt_timeout: self.attempt_timeout(),
            breaker: self.breaker.snapshot(self.now()).config,
            edge: self.edge.limits(),
            policies: self.policies.limits(),
            asks: self.asks.limits(),
            reads: self.reads.limits(),
        }
    }

    /// Returns the longest one attempt may take.
    pub fn attempt_timeout(&self) -> Duration {
        Duration::from_nanos(self.attempt_timeout_ns.load(Ordering::Relaxed))
    }

    /// Lets a reader in, who may look for as long as the slot is held. Reads ask no callee that could fail, so the breaker has
    /// no part in them.
    ///
    /// # Errors
    /// When there is no slot for it in time.
    pub async fn look(&self, deadline: Deadline) -> Result<bulkhead::Permit<'_>, NotExecuted> {
        let slot = self.reads.acquire(deadline).await;
        slot.inspect_err(|rejection| self.observer.rejected(&self.name, Partition::Reads, rejection.reason))
    }

    /// Returns its breaker.
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// Returns the time as its breaker counts it.
    pub fn now(&self) -> Moment {
        self.moment(self.clock.now())
    }

    fn moment(&self, at: Instant) -> Moment {
        Moment::new(at.saturating_duration_since(self.born))
    }

    /// Returns the name given at creation.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the bulkhead of one partition, to read its gauges.
    pub fn bulkhead(&self, partition: Partition) -> &Bulkhead {
        match partition {
            Partition::Edge => &self.edge,
            Partition::Policies => &self.policies,
            Partition::Asks => &self.asks,
            Partition::Reads => &self.reads,
        }
    }

    /// Runs the work under the attempt timeout. The work is gone when this returns, so no slot is freed under it.
    async fn work<T, F, Fut>(&self, attempt: &mut Attempt<'_>, deadline: Deadline, work: F) -> Result<T, CallError>
    where
        F: FnOnce(Deadline) -> Fut,
        Fut: Future<Output = Result<T, CallError>>,
    {
        let bound = deadline.earlier_of(Deadline::at_instant(attempt.began + self.attempt_timeout()));
        attempt.in_work = true;
        let mut work = pin!(work(bound));
        attempt.in_work = false;
        let watched = poll_fn(|context| {
            attempt.in_work = true;
            let polled = work.as_mut().poll(context);
            attempt.in_work = false;
            polled
        });
        match timeout_at(bound.at(), watched).await {
            Ok(result) => result,
            Err(_) if deadline == bound => Err(Unknown::DeadlineExceeded.into()),
            Err(_) => Err(Unknown::AttemptTimeout.into()),
        }
    }

    fn reject(&self, partition: Partition, rejection: NotExecuted) -> CallError {
        self.observer.rejected(&self.name, partition, rejection.reason);
        rejection.into()
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("name", &self.name)
            .field("attempt_timeout", &self.attempt_timeout())
            .field("edge", &self.edge)
            .field("policies", &self.policies)
            .field("asks", &self.asks)
            .finish_non_exhaustive()
    }
}

fn nanos(duration: Duration) -> u64 {
    duration.as_nanos().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::task::{Context, Waker};

    use parking_lot::Mutex;
    use tokio::task::JoinSet;
    use tokio::time::sleep;

    use super::*;
    use crate::resilience::breaker::{BreakerConfig, SlowConfig};
    use crate::resilience::{BulkheadLimits, Completion, Unobserved};

    const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(100);

    #[derive(Debug, PartialEq, Eq)]
    enum Told {
        Admitted(Duration),
        Rejected(Reason),
        Completed(Completion, Duration),
    }

    #[derive(Default)]
    struct Diary(Mutex<Vec<Told>>);

    impl Diary {
        fn read(&self) -> Vec<Told> {
            std::mem::take(&mut self.0.lock())
        }
    }

    impl Observer for Diary {
        fn admitted(&self, _: &str, _: Partition, waited: Duration) {
            self.0.lock().push(Told::Admitted(waited));
        }
        fn rejected(&self, _: &str, _: Partition, reason: Reason) {
            self.0.lock().push(Told::Rejected(reason));
        }
        fn completed(&self, _: &str, _: Partition, completion: Completion, elapsed: Duration) {
            self.0.lock().push(Told::Completed(completion, elapsed));
        }
        fn moved(&self, _: &str, _: &Transition) {}
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Answer(Completion);

    impl Verdict for Answer {
        fn completion(&self) -> Completion {
            self.0
        }
    }

    const DONE: Result<Answer, CallError> = Ok(Answer(Completion::Success));

    fn clock() -> Clock {
        Clock::manual(0, 1)
    }

    fn in_ms(timeout_ms: u64) -> Deadline {
        Deadline::after(&clock(), ms(timeout_ms))
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn guard() -> (Arc<Guard>, Arc<Diary>) {
        let one = BulkheadLimits { running_max: 1, queue_max: 1, wait_max: ms(50) };
        let policy = GuardPolicy {
            attempt_timeout: ATTEMPT_TIMEOUT,
            edge: one,
            policies: one,
            asks: one,
            reads: one,
            ..GuardPolicy::default()
        };
        let diary = Arc::new(Diary::default());
        let observer: Arc<dyn Observer> = Arc::clone(&diary) as _;
        let guard = Guard::new("orders", policy, clock(), observer).expect("the policy is sound");
        (Arc::new(guard), diary)
    }

    #[tokio::test(start_paused = true)]
    async fn the_verdict_of_an_answer_is_reported_with_the_time_of_the_work() {
        for verdict in [Completion::Success, Completion::Refused, Completion::Failed] {
            let (guard, diary) = guard();
            let work = async |_| {
                sleep(ms(30)).await;
                Ok(Answer(verdict))
            };
            assert_eq!(guard.call(Partition::Edge, in_ms(1_000), work).await, Ok(Answer(verdict)));
            assert_eq!(diary.read(), [Told::Admitted(ms(0)), Told::Completed(verdict, ms(30))]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_expired_deadline_never_starts_the_work() {
        let (guard, diary) = guard();
        let call = guard.call(Partition::Edge, in_ms(0), |_| -> std::future::Ready<Result<Answer, CallError>> {
            panic!("the work was started")
        });
        assert_eq!(call.await, Err(NotExecuted::deadline_exceeded().into()));
        assert_eq!(diary.read(), [Told::Rejected(Reason::DeadlineExceeded)]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_ends_at_its_timeout_with_an_unknown_outcome() {
        let (guard, diary) = guard();
        let result = guard.call(Partition::Edge, in_ms(1_000), |_| pending::<Result<Answer, _>>()).await;
        assert_eq!(result, Err(Unknown::AttemptTimeout.into()));
        assert_eq!(diary.read()[1], Told::Completed(Completion::TimedOut, ATTEMPT_TIMEOUT));
        assert_eq!(guard.bulkhead(Partition::Edge).running(), 0);
    }

    // Case 92.
    #[tokio::test(start_paused = true)]
    async fn an_attempt_ends_at_the_deadline_if_that_comes_first() {
        let (guard, diary) = guard();
        let result = guard.call(Partition::Edge, in_ms(40), |_| pending::<Result<Answer, _>>()).await;
        assert_eq!(result, Err(Unknown::DeadlineExceeded.into()));
        assert_eq!(diary.read()[1], Told::Completed(Completion::Expired, ms(40)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_work_is_given_the_earlier_of_deadline_and_attempt_timeout() {
        let (guard, _) = guard();
        for (timeout_ms, given_ms) in [(40, 40), (1_000, 100)] {
            let work = async |bound: Deadline| {
                assert_eq!(bound.remaining(&clock()), ms(given_ms));
                DONE
            };
            assert_eq!(guard.call(Partition::Asks, in_ms(timeout_ms), work).await, DONE);
        }
    }

    // Case 94.
    #[tokio::test(start_paused = true)]
    async fn an_answer_in_the_instant_of_the_timeout_wins() {
        let (guard, _) = guard();
        let work = async |_| {
            sleep(ATTEMPT_TIMEOUT).await;
            DONE
        };
        assert_eq!(guard.call(Partition::Edge, in_ms(1_000), work).await, DONE);
    }

    // Case 56.
    #[tokio::test(start_paused = true)]
    async fn waiting_in_line_is_reported_and_not_counted_as_work() {
        let (guard, diary) = guard();
        let work = async |_| {
            sleep(ms(30)).await;
            DONE
        };
        let (first, second) = tokio::join!(
            guard.call(Partition::Edge, in_ms(1_000), work),
            guard.call(Partition::Edge, in_ms(1_000), work),
        );
        assert_eq!((first, second), (DONE, DONE));
        let told = diary.read();
        assert!(told.contains(&Told::Admitted(ms(30))));
        assert_eq!(told[3], Told::Completed(Completion::Success, ms(30)));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_in_line_does_not_make_a_call_slow_to_the_breaker() {
        let (guard, _) = guard();
        let slow = SlowConfig { over: ms(40), share: 100, in_flight: false };
        let breaker = BreakerConfig { slow: Some(slow), ..BreakerConfig::KIND };
        guard.reconfigure(&GuardPolicy { breaker, ..guard.policy() }).expect("the policy is sound");
        let work = async |_| {
            sleep(ms(30)).await;
            DONE
        };
        let call = || guard.call(Partition::Edge, in_ms(1_000), work);
        assert_eq!(tokio::join!(call(), call()), (DONE, DONE));
        let tally = guard.breaker().snapshot(guard.now()).tally;
        assert_eq!((tally.total, tally.slow), (2, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn another_policy_is_taken_over_whole_or_not_at_all() {
        let (guard, _) = guard();
        let limits = |running_max| BulkheadLimits { running_max, queue_max: 7, wait_max: ms(70) };
        let other = GuardPolicy {
            attempt_timeout: ms(70),
            breaker: BreakerConfig::ask(ms(70)),
            edge: limits(1),
            policies: limits(2),
            asks: limits(3),
            reads: limits(4),
        };
        assert_eq!(guard.reconfigure(&other), Ok(()));
        assert_eq!(guard.policy(), other);
        let unsound = GuardPolicy { attempt_timeout: ms(9), edge: limits(9), reads: limits(0), ..other };
        assert!(guard.reconfigure(&unsound).is_err());
        assert_eq!(guard.policy(), other);
    }

    #[tokio::test(start_paused = true)]
    async fn readers_have_slots_of_their_own_and_whoever_finds_none_is_told() {
        let (guard, diary) = guard();
        let _edge = guard.bulkhead(Partition::Edge).acquire(in_ms(1_000)).await;
        let reader = guard.look(in_ms(1_000)).await;
        assert!(reader.is_ok());
        let turned_away = guard.look(in_ms(1_000)).await.expect_err("the only slot is taken");
        assert_eq!(turned_away.reason, Reason::BulkheadWaitTimeout);
        assert_eq!(diary.read(), [Told::Rejected(Reason::BulkheadWaitTimeout)]);
        drop(reader);
        assert!(guard.look(in_ms(1_000)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_guard_goes_by_its_name_and_counts_its_breakers_time_from_its_birth() {
        let (guard, _) = guard();
        assert_eq!((guard.name(), guard.now()), ("orders", Moment::default()));
        sleep(ms(30)).await;
        assert_eq!(guard.now(), Moment::new(ms(30)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_partition_turns_calls_away_and_leaves_the_others_alone() {
        let (guard, diary) = guard();
        let mut calls = JoinSet::new();
        for _ in 0..2 {
            let (guard, deadline) = (Arc::clone(&guard), in_ms(1_000));
            calls.spawn(async move { guard.call(Partition::Edge, deadline, |_| pending::<Result<Answer, _>>()).await });
        }
        sleep(ms(1)).await;
        let turned_away = guard.call(Partition::Edge, in_ms(1_000), |_| ready(DONE)).await;
        assert!(matches!(turned_away, Err(CallError::NotExecuted(full)) if full.reason == Reason::BulkheadFull));
        for partition in [Partition::Policies, Partition::Asks] {
            assert_eq!(guard.call(partition, in_ms(1_000), |_| ready(DONE)).await, DONE);
        }
        sleep(ms(50)).await;
        assert!(diary.read().contains(&Told::Rejected(Reason::BulkheadWaitTimeout)));
    }

    // Cases 61 and 93.
    #[tokio::test(start_paused = true)]
    async fn a_dropped_call_is_reported_as_cancelled_and_frees_its_slot() {
        let (guard, diary) = guard();
        let call = guard.call(Partition::Edge, in_ms(1_000), |_| pending::<Result<Answer, _>>());
        assert!(tokio::time::timeout(ms(10), call).await.is_err());
        assert_eq!(diary.read(), [Told::Admitted(ms(0)), Told::Completed(Completion::Cancelled, ms(10))]);
        assert_eq!(guard.bulkhead(Partition::Edge).running(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_dropped_in_line_leaves_no_trace() {
        let (guard, diary) = guard();
        let slot = guard.bulkhead(Partition::Edge).acquire(in_ms(1_000)).await;
        let call = guard.call(Partition::Edge, in_ms(1_000), |_| ready(DONE));
        assert!(tokio::time::timeout(ms(10), call).await.is_err());
        drop(slot);
        assert_eq!(diary.read(), []);
        let bulkhead = guard.bulkhead(Partition::Edge);
        assert_eq!((bulkhead.running(), bulkhead.queued()), (0, 0));
    }

    // Cases 28 and 61.
    #[tokio::test(start_paused = true)]
    async fn a_panic_of_the_work_is_a_failure_and_frees_the_slot() {
        let (guard, diary) = guard();
        let mut calls = JoinSet::new();
        let (called, deadline) = (Arc::clone(&guard), in_ms(1_000));
        calls.spawn(async move {
            let work = async |_| -> Result<Answer, CallError> { panic!("the work breaks on purpose") };
            called.call(Partition::Edge, deadline, work).await
        });
        let ended = calls.join_next().await.expect("one call was made");
        assert!(ended.expect_err("it panicked").is_panic());
        assert_eq!(diary.read()[1], Told::Completed(Completion::Failed, ms(0)));
        assert_eq!(guard.bulkhead(Partition::Edge).running(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_elsewhere_that_drops_a_call_is_not_its_failure() {
        let (guard, diary) = guard();
        let mut call = Box::pin(guard.call(Partition::Edge, in_ms(1_000), |_| pending::<Result<Answer, _>>()));
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let panicked = catch_unwind(AssertUnwindSafe(move || {
            let _call = call;
            panic!("somebody else breaks on purpose");
        }));
        assert!(panicked.is_err());
        assert_eq!(diary.read()[1], Told::Completed(Completion::Cancelled, ms(0)));
    }

    #[tokio::test(start_paused = true)]
    async fn errors_of_the_work_pass_through_and_are_told_by_kind() {
        let stopped = NotExecuted { reason: Reason::ServiceStopped, retry_after: ms(5_000) };
        let check = async |error: CallError, completion| {
            let (guard, diary) = guard();
            let result: Result<Answer, _> = guard.call(Partition::Edge, in_ms(1_000), |_| ready(Err(error))).await;
            assert_eq!(result, Err(error));
            assert_eq!(diary.read()[1], Told::Completed(completion, ms(0)));
        };
        check(stopped.into(), Completion::NotExecuted).await;
        check(Unknown::AttemptTimeout.into(), Completion::TimedOut).await;
        check(Unknown::PortDropped.into(), Completion::Cancelled).await;
    }

    #[test]
    fn a_zero_in_the_policy_is_refused_by_name() {
        let sound = GuardPolicy::default();
        let zero = BulkheadLimits { running_max: 0, ..BulkheadLimits::ASKS };
        for (policy, message) in [
            (GuardPolicy { attempt_timeout: Duration::ZERO, ..sound }, "attempt_timeout must be greater than zero"),
            (GuardPolicy { asks: zero, ..sound }, "asks.running_max must be greater than zero"),
            (GuardPolicy { edge: zero, ..sound }, "edge.running_max must be greater than zero"),
        ] {
            let refused = Guard::new("orders", policy, clock(), Arc::new(Unobserved)).expect_err("it holds a zero");
            assert_eq!(refused.to_string(), message);
        }
        assert!(Guard::new("orders", sound, clock(), Arc::new(Unobserved)).is_ok());
    }
}
