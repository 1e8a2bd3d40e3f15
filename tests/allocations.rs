//! Guarding a call allocates nothing, let through or turned away, once what is made once is made.

use std::future::{Future, ready};
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use resurgam::clock::Clock;
use resurgam::resilience::breaker::{Breaker, BreakerConfig, Cause, Mode, Moment, Outcome, SlowConfig, WindowConfig};
use resurgam::resilience::{
    Budget, BudgetPolicy, Bulkhead, BulkheadLimits, CallError, Completion, Deadline, FailedAttempt, Guard, GuardPolicy,
    Hint, Idempotency, NotExecuted, Observer, Partition, Reason, Retries, Retry, RetryPolicy, Unknown, Unobserved,
    Verdict,
};
use resurgam::telemetry::metrics::GuardMetrics;

/// More than any log of events keeps, so that whatever grows has grown.
const CALLS: u64 = 1_000;

/// Makes calls, told their number from zero on: first until nothing grows any more, then those that count.
#[track_caller]
fn assert_allocates_nothing(mut call: impl FnMut(u64)) {
    (0..CALLS).for_each(&mut call);
    let counted = allocation_counter::measure(|| (CALLS..2 * CALLS).for_each(&mut call));
    assert_eq!(counted.count_total, 0, "allocations in {CALLS} calls");
}

/// Polls once what need not wait.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing here has to wait"),
    }
}

/// A breaker's time: a call each millisecond.
fn moment(call_number: u64) -> Moment {
    Moment::from_nanos(call_number * 1_000_000)
}

fn breaker(config: BreakerConfig) -> Breaker {
    Breaker::new(config, 1, Box::new(|_| ())).expect("the configuration is sound")
}

fn in_an_hour() -> Deadline {
    Deadline::after(&Clock::system(), Duration::from_secs(3_600))
}

#[derive(Debug, PartialEq, Eq)]
struct Answer;

impl Verdict for Answer {
    fn completion(&self) -> Completion {
        Completion::Success
    }
}

fn guard(policy: GuardPolicy, observer: Arc<dyn Observer>) -> Guard {
    Guard::new("allocations", policy, Clock::system(), observer).expect("the policy is sound")
}

/// Calls that end at once, as told, on a runtime of which they need the timer only.
#[track_caller]
fn assert_guards_without_allocations(guard: &Guard, deadline: Deadline, expected: Result<Answer, Reason>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _entered = runtime.enter();
    assert_allocates_nothing(|_| {
        let called = at_once(guard.call(Partition::Edge, deadline, |_| ready(Ok(Answer))));
        let ended = called.map_err(|error| match error {
            CallError::NotExecuted(rejection) => rejection.reason,
            CallError::Unknown(unknown) => panic!("{unknown}"),
        });
        assert_eq!(ended, expected);
    });
}

#[test]
fn an_allocation_is_counted() {
    let counted = allocation_counter::measure(|| drop(black_box(Box::new(1))));
    assert_eq!(counted.count_total, 1);
}

// Case 135.
#[test]
fn a_closed_breaker_admits_and_records_without_an_allocation() {
    for in_flight in [false, true] {
        for window in [BreakerConfig::KIND.window, WindowConfig::Count(100)] {
            let slow = BreakerConfig::KIND.slow.map(|slow| SlowConfig { in_flight, ..slow });
            let breaker = breaker(BreakerConfig { slow, window, ..BreakerConfig::KIND });
            assert_allocates_nothing(|call_number| {
                let permit = breaker.admit(moment(call_number)).expect("it is closed");
                // The log of events takes failures in.
                let outcome = if call_number % 4 == 0 { Outcome::Failure } else { Outcome::Success };
                permit.settle(outcome, moment(call_number + 10));
            });
        }
    }
}

// Case 135.
#[test]
fn an_open_breaker_rejects_without_an_allocation() {
    let open = breaker(BreakerConfig::KIND);
    open.trip(Cause::Instances, Moment::default());
    assert_allocates_nothing(|_| assert!(open.admit(Moment::default()).is_err()));

    let forced = breaker(BreakerConfig::KIND);
    forced.force(Some((Mode::ForcedOpen, None)), Moment::default());
    assert_allocates_nothing(|call_number| assert!(forced.admit(moment(call_number * 100)).is_err()));
}

#[test]
fn a_bulkhead_gives_a_slot_and_takes_it_back_without_an_allocation() {
    let bulkhead = Bulkhead::new(BulkheadLimits::EDGE, Clock::system()).expect("the limits are above zero");
    let deadline = in_an_hour();
    assert_allocates_nothing(|_| drop(at_once(bulkhead.acquire(deadline)).expect("a slot is free")));
}

#[test]
fn a_full_bulkhead_turns_away_without_an_allocation() {
    let limits = BulkheadLimits { running_max: 1, queue_max: 0, wait_max: Duration::from_secs(1) };
    let bulkhead = Bulkhead::new(limits, Clock::system()).expect("the limits are above zero");
    let deadline = in_an_hour();
    let _running = at_once(bulkhead.acquire(deadline)).expect("a slot is free");
    assert_allocates_nothing(|_| assert!(at_once(bulkhead.acquire(deadline)).is_err()));
}

// Case 135.
#[test]
fn whether_to_try_again_is_decided_without_an_allocation() {
    let rejection = NotExecuted { reason: Reason::BulkheadFull, retry_after: Duration::from_millis(50) };
    for error in [CallError::from(rejection), Unknown::AttemptTimeout.into(), NotExecuted::deadline_exceeded().into()] {
        let failed = FailedAttempt {
            attempts: 1,
            error,
            idempotency: Idempotency::Keyed,
            hint: Hint::of(&error),
            remaining: Duration::from_secs(5),
            previous_delay: Duration::ZERO,
        };
        let policy = RetryPolicy::default();
        assert_allocates_nothing(|call_number| {
            black_box(policy.decide(black_box(&failed), call_number));
        });
    }
}

#[test]
fn a_call_that_is_not_repeated_passes_the_retry_without_an_allocation() {
    let clock = Clock::system();
    let budget = || Arc::new(Budget::new(BudgetPolicy::default(), clock.now()).expect("the policy is sound"));
    let retries = Retries::begin(budget(), clock.now());
    let retry = Retry::new("allocations", RetryPolicy::default(), budget(), clock.clone(), Arc::new(Unobserved))
        .expect("the policy is sound");
    let lost = CallError::from(Unknown::PortDropped);
    for end in [Ok(Answer), Err(lost)] {
        let deadline = in_an_hour();
        assert_allocates_nothing(|_| {
            let attempt = |_| ready(end.as_ref().map(|_| Answer).map_err(|error| *error));
            assert_eq!(at_once(retry.run(&retries, deadline, Idempotency::Unkeyed, attempt)), end);
        });
    }
}

// Case 135.
#[test]
fn a_guarded_call_that_succeeds_allocates_nothing_with_the_servers_metrics_or_without() {
    let observers: [Arc<dyn Observer>; 2] = [Arc::new(Unobserved), Arc::new(GuardMetrics::default())];
    for observer in observers {
        let guard = guard(GuardPolicy::default(), observer);
        assert_guards_without_allocations(&guard, in_an_hour(), Ok(Answer));
    }
}

// Case 135.
#[test]
fn a_guard_turns_away_without_an_allocation() {
    let full = BulkheadLimits { running_max: 1, queue_max: 0, ..BulkheadLimits::EDGE };
    let guard = guard(GuardPolicy { edge: full, ..GuardPolicy::default() }, Arc::new(Unobserved));
    let expired = Deadline::after(&Clock::system(), Duration::ZERO);
    assert_guards_without_allocations(&guard, expired, Err(Reason::DeadlineExceeded));
    let running = at_once(guard.bulkhead(Partition::Edge).acquire(in_an_hour())).expect("a slot is free");
    assert_guards_without_allocations(&guard, in_an_hour(), Err(Reason::BulkheadFull));
    drop(running);
    guard.breaker().trip(Cause::Instances, guard.now());
    assert_guards_without_allocations(&guard, in_an_hour(), Err(Reason::BreakerOpen));
}
