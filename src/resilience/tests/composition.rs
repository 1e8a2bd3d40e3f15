//! In which order they stand, and what passes from one to the next.

use std::future::{pending, ready};
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::time::advance;

use super::*;
use crate::resilience::breaker::Rejection;
use crate::resilience::{Idempotency, NotExecuted, Partition, Reason, Unknown};

const FULL: CallError = CallError::NotExecuted(NotExecuted { reason: Reason::MailboxFull, retry_after: ms(50) });
const LOST: CallError = CallError::Unknown(Unknown::AttemptTimeout);

// Case 16.
#[tokio::test(start_paused = true)]
async fn a_callee_that_refuses_by_its_rules_is_well() {
    let guard = guard();
    for _ in 0..10 {
        let refused = guard.call(Partition::Edge, in_ms(1_000), |_| ready(Ok(Answer(Completion::Refused)))).await;
        assert_eq!(refused, Ok(Answer(Completion::Refused)));
    }
    let seen = seen(&guard);
    assert_eq!((seen.state, seen.counts.successes, seen.tally.failed), (State::Closed, 10, 0));
}

// Case 50.
#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_is_not_tried_again_by_its_request() {
    let attempts = async |guard: &Guard| {
        let (retries, made) = (retries(), AtomicU32::new(0));
        let attempt = |_| {
            made.fetch_add(1, Ordering::Relaxed);
            guard.attempt(Some(&retries), Partition::Policies, in_ms(60_000), |_| ready(Ended::Err(LOST)))
        };
        let ended = retry(ms(20), budget()).0.run(&retries, in_ms(60_000), Idempotency::Keyed, attempt).await;
        assert_eq!(ended, Err(LOST));
        made.into_inner()
    };
    let guard = guard();
    assert_eq!(attempts(&guard).await, 3, "while it is closed");
    await_probes(&guard).await;
    assert_eq!(attempts(&guard).await, 1);
    assert_eq!(seen(&guard).state, State::HalfOpen, "one request alone has not decided it");
}

// Case 113.
#[tokio::test(start_paused = true)]
async fn the_layers_turn_away_in_their_order_and_an_outer_one_spares_the_inner_ones() {
    let guard = guard_of(GuardPolicy { edge: BulkheadLimits { queue_max: 0, ..policy().edge }, ..policy() });
    let bulkhead = guard.bulkhead(Partition::Edge);
    let running = [bulkhead.acquire(in_ms(60_000)).await, bulkhead.acquire(in_ms(60_000)).await];
    guard.breaker().trip(Cause::Instances, guard.now());
    let reason = async |deadline| match guard.call(Partition::Edge, deadline, |_| pending::<Ended>()).await {
        Err(CallError::NotExecuted(rejected)) => Ok(rejected.reason),
        Err(CallError::Unknown(unknown)) => Err(unknown),
        Ok(_) => panic!("the work never ends"),
    };
    assert_eq!(reason(in_ms(0)).await, Ok(Reason::DeadlineExceeded));
    assert_eq!(seen(&guard).counts.rejected, 0, "the breaker was not asked");
    assert_eq!(reason(in_ms(60_000)).await, Ok(Reason::BreakerOpen));
    assert_eq!(bulkhead.rejections(), [], "the bulkhead was not asked");
    guard.breaker().force(None, guard.now());
    assert_eq!(reason(in_ms(60_000)).await, Ok(Reason::BulkheadFull));
    assert_eq!(seen(&guard).counts.not_executed, 1);
    drop(running);
    assert_eq!(reason(in_ms(60_000)).await, Err(Unknown::AttemptTimeout));
}

// Case 114.
#[tokio::test(start_paused = true)]
async fn calls_turned_away_further_in_are_not_in_the_breakers_window() {
    let guard = guard();
    for _ in 0..100 {
        assert_eq!(guard.call(Partition::Edge, in_ms(1_000), |_| ready(Ended::Err(FULL))).await, Err(FULL));
    }
    let seen = seen(&guard);
    assert_eq!((seen.state, seen.tally.total, seen.counts.not_executed), (State::Closed, 0, 100));
}

// Case 115.
#[tokio::test(start_paused = true)]
async fn the_breaker_sees_every_attempt_and_the_retry_one_call() {
    let (guard, retries, (retry, ends)) = (guard(), retries(), retry(ms(20), budget()));
    let attempt = |_| guard.attempt(Some(&retries), Partition::Policies, in_ms(5_000), |_| pending::<Ended>());
    assert_eq!(retry.run(&retries, in_ms(5_000), Idempotency::Keyed, attempt).await, Err(LOST));
    assert_eq!(seen(&guard).counts.failures, 3);
    assert_eq!(*ends.0.lock(), [(RetryEnd::FailedWithRetry, 3)]);
}

// Case 116.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_between_two_attempts_is_no_outcome_of_the_callee() {
    let (guard, retries, (retry, ends)) = (guard(), retries(), retry(ms(1_000), budget()));
    let attempt = |_| guard.attempt(Some(&retries), Partition::Policies, in_ms(5_000), |_| ready(Ended::Err(LOST)));
    let call = retry.run(&retries, in_ms(5_000), Idempotency::Keyed, attempt);
    assert!(tokio::time::timeout(ms(500), call).await.is_err());
    advance(ms(5_000)).await;
    let counts = seen(&guard).counts;
    assert_eq!((counts.failures, counts.cancelled, counts.successes), (1, 0, 0));
    assert!(ends.0.lock().is_empty());
}

// Case 106. Who matters more is told by the partition, not by a rank.
#[tokio::test(start_paused = true)]
async fn twice_as_many_clients_as_can_be_served_turn_no_policy_away_and_not_each_other() {
    let guard = guard();
    let work = async |_| {
        tokio::time::sleep(ms(10)).await;
        DONE
    };
    let clients = futures_util::future::join_all((0..8).map(|_| guard.call(Partition::Edge, in_ms(1_000), work)));
    let policies = futures_util::future::join_all((0..4).map(|_| guard.call(Partition::Policies, in_ms(1_000), work)));
    let (clients, policies) = tokio::join!(clients, policies);
    assert!(policies.iter().all(Result::is_ok), "{policies:?}");
    assert_eq!(clients.iter().filter(|ended| ended.is_ok()).count(), 4, "{clients:?}");
}

// Case 96.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_late_already_takes_neither_a_slot_nor_a_probes_place_nor_a_token() {
    let guard = guard();
    await_probes(&guard).await;
    let (edge, root) = (budget(), budget());
    let (retries, (retry, _)) = (Retries::begin(Arc::clone(&root), clock().now()), retry(ms(20), Arc::clone(&edge)));
    let before = (tokens(&edge), tokens(&root));
    let attempt = |_| guard.attempt(Some(&retries), Partition::Edge, in_ms(0), |_| ready(DONE));
    let late = retry.run(&retries, in_ms(0), Idempotency::Keyed, attempt).await;
    assert_eq!(late, Err(NotExecuted::deadline_exceeded().into()));
    assert_eq!((tokens(&edge), tokens(&root)), before);
    assert_eq!(guard.bulkhead(Partition::Edge).running(), 0);
    assert_eq!(seen(&guard).state, State::Open, "nobody has asked it");
    assert!(probe(&guard));
}

#[tokio::test(start_paused = true)]
async fn who_is_turned_away_in_line_gives_the_probes_place_back() {
    let guard = guard_of(GuardPolicy { edge: BulkheadLimits { queue_max: 0, ..policy().edge }, ..policy() });
    await_probes(&guard).await;
    let bulkhead = guard.bulkhead(Partition::Edge);
    let _running = [bulkhead.acquire(in_ms(60_000)).await, bulkhead.acquire(in_ms(60_000)).await];
    for _ in 0..100 {
        assert!(guard.call(Partition::Edge, in_ms(1_000), |_| ready(DONE)).await.is_err());
    }
    let permit = guard.breaker().admit(guard.now()).expect("its place is free");
    let full = guard.breaker().admit(guard.now()).map(drop).expect_err("one probe at a time");
    assert_eq!(full.why, Rejection::HalfOpenFull);
    drop(permit);
}
