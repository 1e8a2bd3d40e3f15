//! Whose time it is that passes.

use std::future::{pending, poll_fn, ready};
use std::pin::pin;
use std::task::{Context, Poll, Wake, Waker};

use tokio::time::advance;

use super::*;
use crate::resilience::{Idempotency, NotExecuted, Partition, Reason, Unknown};

// Case 19.
#[tokio::test(start_paused = true)]
async fn the_wall_clock_neither_shortens_nor_lengthens_an_open_wait() {
    let clock = clock();
    let guard = Guard::new("orders", policy(), clock.clone(), Arc::new(Unobserved)).expect("the policy is sound");
    guard.breaker().trip(Cause::Instances, guard.now());
    let rejected = async || guard.call(Partition::Edge, in_ms(1_000), |_| ready(DONE)).await;
    let before = rejected().await;
    assert!(matches!(before, Err(CallError::NotExecuted(NotExecuted { reason: Reason::BreakerOpen, .. }))));
    clock.advance_wall(Duration::from_secs(3_600));
    assert_eq!(rejected().await, before);
}

// Case 91.
#[tokio::test(start_paused = true)]
async fn attempts_share_the_time_of_their_call_and_the_last_has_what_is_left() {
    let guard = guard_of(GuardPolicy { attempt_timeout: ms(50), ..policy() });
    let (retries, (retry, _), began, deadline) = (retries(), retry(ms(10), budget()), clock().now(), in_ms(100));
    let attempts = Mutex::new(Vec::new());
    let work = |bound: Deadline| {
        attempts.lock().push((clock().now() - began, bound.remaining(&clock())));
        pending::<Ended>()
    };
    let attempt = |_| guard.attempt(Some(&retries), Partition::Policies, deadline, work);
    let ended = retry.run(&retries, deadline, Idempotency::Keyed, attempt).await;
    assert_eq!(ended, Err(Unknown::DeadlineExceeded.into()));
    assert_eq!(*attempts.lock(), [(ms(0), ms(50)), (ms(60), ms(40))]);
    assert_eq!(clock().now() - began, ms(100));
}

// Case 99. Inside the process a hop takes no time worth a margin.
#[tokio::test(start_paused = true)]
async fn who_is_asked_has_no_more_time_than_who_asks() {
    let (asking, asked) = (guard(), guard_of(GuardPolicy { attempt_timeout: ms(500), ..policy() }));
    let ask = async |deadline: Deadline| {
        let work = async |bound: Deadline| {
            assert_eq!(bound.remaining(&clock()), ms(80));
            pending::<Ended>().await
        };
        asked.call(Partition::Asks, deadline, work).await
    };
    let (began, ended) = (clock().now(), asking.call(Partition::Edge, in_ms(80), ask).await);
    assert_eq!((ended, clock().now() - began), (Err(Unknown::DeadlineExceeded.into()), ms(80)));
    assert_eq!((seen(&asking).tally.failed, seen(&asked).tally.failed), (0, 0), "the caller was in a hurry");
}

/// Wakes nobody; as many as hold it wait to wake.
struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

// Case 95.
#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_calls_that_have_ended_leave_no_timer() {
    let guard = guard();
    let nobody = Arc::new(Nobody);
    for call in 0..100_000 {
        let waker = Waker::from(Arc::clone(&nobody));
        let mut context = Context::from_waker(&waker);
        let mut is_begun = false;
        let work = |_| {
            poll_fn(move |_| if std::mem::replace(&mut is_begun, true) { Poll::Ready(DONE) } else { Poll::Pending })
        };
        let mut call_in_hand = pin!(guard.call(Partition::Edge, in_ms(1_000), work));
        assert!(call_in_hand.as_mut().poll(&mut context).is_pending());
        assert_eq!(Arc::strong_count(&nobody), 3, "call {call}: a timer waits to wake");
        assert_eq!(call_in_hand.as_mut().poll(&mut context), Poll::Ready(DONE));
    }
    assert_eq!(Arc::strong_count(&nobody), 1);
    advance(ms(1_000)).await;
    assert_eq!(seen(&guard).counts.successes, 100_000);
}
