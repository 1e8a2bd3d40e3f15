//! What is measured: each layer alone, all of them nested, and what others offer.

use std::future::{Future, ready};
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use failsafe::CircuitBreaker as _;
use resurgam::clock::Clock;
use resurgam::resilience::breaker::{Breaker, BreakerConfig, Cause, Moment, OpenWait, Outcome as Ended, SlowConfig};
use resurgam::resilience::{
    Budget, BudgetPolicy, Bulkhead, BulkheadLimits, CallError, Completion, Deadline, Guard, GuardPolicy, Idempotency,
    Partition, Retries, Retry, RetryPolicy, Unobserved, Verdict,
};
use tokio::runtime::Runtime;

use crate::Outcome;

/// One line of the table.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// What it does; only rows that do the same are compared.
    pub(crate) does: Does,
    /// Whose it is, where it is not ours.
    pub(crate) peer: Option<Peer>,
    pub(crate) aim_ns: Option<f64>,
    /// Makes so many calls; several threads may do so at once.
    pub(crate) make_calls: Box<dyn Fn(u64) + Sync>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    /// Makes calls that succeed.
    Call,
    /// Turns calls away.
    Reject,
    /// Something that neither of the others has.
    Other,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    Recloser,
    Failsafe,
}

/// Makes every row anew.
pub(crate) fn all() -> Outcome<Vec<Row>> {
    let rows = [breakers()?, layers()?, guards()?, peers()];
    Ok(rows.into_iter().flatten().collect())
}

/// What a guarded call does: next to nothing, and it succeeds.
fn work() -> Result<Answer, CallError> {
    Ok(Answer(black_box(7)))
}

struct Answer(u64);

impl Verdict for Answer {
    fn completion(&self) -> Completion {
        Completion::Success
    }
}

/// Longer than any benchmark.
const LONG: Duration = Duration::from_secs(24 * 60 * 60);
/// The time from one call to the next, where the time is not read: as in a house that is busy.
const CALL_EVERY_NS: u64 = 1_000;

impl Row {
    fn ours(name: &'static str, does: Does, aim_ns: Option<f64>, call: impl Fn() + Sync + 'static) -> Self {
        let make_calls = Box::new(move |calls| (0..calls).for_each(|_| call()));
        Self { name, does, peer: None, aim_ns, make_calls }
    }

    /// A row whose calls are told the time.
    fn timed(name: &'static str, aim_ns: Option<f64>, call: impl Fn(Moment) + Sync + 'static) -> Self {
        let begun = AtomicU64::new(0);
        let make_calls = Box::new(move |calls| {
            let first = begun.fetch_add(calls, Ordering::Relaxed);
            (first..first + calls).for_each(|call_number| call(Moment::from_nanos(call_number * CALL_EVERY_NS)));
        });
        Self { name, does: Does::Call, peer: None, aim_ns, make_calls }
    }

    fn of_peer(peer: Peer, name: &'static str, does: Does, call: impl Fn() + Sync + 'static) -> Self {
        Self { peer: Some(peer), ..Self::ours(name, does, None, call) }
    }
}

/// A closed breaker as in front of a kind, noting calls that run or not.
fn breaker(in_flight: bool) -> Outcome<Breaker> {
    let slow = BreakerConfig::KIND.slow.map(|slow| SlowConfig { in_flight, ..slow });
    Ok(Breaker::new(BreakerConfig { slow, ..BreakerConfig::KIND }, 1, Box::new(|_| ()))?)
}

fn open_wait() -> OpenWait {
    OpenWait { first: LONG, max: LONG, ..BreakerConfig::KIND.open }
}

/// One call through a breaker; the time it ends is asked for once the work is done.
fn through(breaker: &Breaker, began: Moment, ended: impl FnOnce() -> Moment) {
    if let Ok(permit) = breaker.admit(began) {
        let answer = work();
        permit.settle(if answer.is_ok() { Ended::Success } else { Ended::Failure }, ended());
    }
}

fn breakers() -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    for (in_flight, told, asked) in [
        (false, "breaker: admit and record, no clock read", "breaker: the same, two clock reads"),
        (true, "breaker noting calls in flight, no clock read", "breaker noting calls in flight, two clock reads"),
    ] {
        let closed = breaker(in_flight)?;
        rows.push(Row::timed(told, Some(20.0), move |now| through(&closed, now, || now)));
        let (closed, clock) = (breaker(in_flight)?, Clock::system());
        let born = clock.now();
        let now = move || Moment::new(clock.now().saturating_duration_since(born));
        rows.push(Row::ours(asked, Does::Call, Some(60.0), move || through(&closed, now(), &now)));
    }
    let open = Breaker::new(BreakerConfig { open: open_wait(), ..BreakerConfig::KIND }, 1, Box::new(|_| ()))?;
    let (clock, now) = (Clock::system(), Moment::default());
    open.trip(Cause::Instances, now);
    let open = Arc::new(open);
    let asked = Arc::clone(&open);
    rows.push(Row::ours("breaker: open rejection, no clock read", Does::Reject, None, move || {
        let _ = black_box(asked.admit(black_box(now)).is_err());
    }));
    let born = clock.now();
    rows.push(Row::ours("breaker: open rejection, one clock read", Does::Reject, None, move || {
        let now = Moment::new(clock.now().saturating_duration_since(born));
        let _ = black_box(open.admit(now).is_err());
    }));
    Ok(rows)
}

fn layers() -> Outcome<Vec<Row>> {
    let clock = Clock::system();
    let (now, deadline) = (clock.now(), Deadline::after(&clock, LONG));
    let reading = clock.clone();
    let bulkhead = || Bulkhead::new(BulkheadLimits::EDGE, clock.clone());
    let (told, asked) = (bulkhead()?, bulkhead()?);
    let budget = || Budget::new(BudgetPolicy::default(), now).map(Arc::new);
    let retries = Retries::begin(budget()?, now);
    let retry = Retry::new("bench", RetryPolicy::default(), budget()?, clock, Arc::new(Unobserved))?;
    Ok(vec![
        Row::ours("one clock read", Does::Other, None, move || {
            black_box(reading.now());
        }),
        Row::ours("bulkhead: acquire and release, no clock read", Does::Other, Some(15.0), move || {
            if let Ok(permit) = at_once(told.acquire_at(now, deadline)) {
                permit.give_back(black_box(now));
            }
        }),
        Row::ours("bulkhead: the same, two clock reads", Does::Other, None, move || {
            drop(at_once(asked.acquire(deadline)));
        }),
        Row::ours("retry: the first try succeeds", Does::Other, None, move || {
            let called = retry.run(&retries, deadline, Idempotency::Keyed, |_| ready(work()));
            black_box(at_once(called).is_ok());
        }),
    ])
}

fn guards() -> Outcome<Vec<Row>> {
    let policy = GuardPolicy::default();
    let open = GuardPolicy { breaker: BreakerConfig { open: open_wait(), ..policy.breaker }, ..policy };
    let unnoted = policy.breaker.slow.map(|slow| SlowConfig { in_flight: false, ..slow });
    let unnoted = GuardPolicy { breaker: BreakerConfig { slow: unnoted, ..policy.breaker }, ..policy };
    let happy = guard_row("guard: happy path", Does::Call, Some(150.0), policy)?;
    let unnoted = guard_row("guard: happy path, calls in flight not noted", Does::Call, Some(150.0), unnoted)?;
    Ok(vec![happy.1, unnoted.1, {
        let (guard, row) = guard_row("guard: open rejection", Does::Reject, None, open)?;
        guard.breaker().trip(Cause::Instances, guard.now());
        row
    }])
}

fn guard_row(name: &'static str, does: Does, aim_ns: Option<f64>, policy: GuardPolicy) -> Outcome<(Arc<Guard>, Row)> {
    let (clock, runtime) = (Clock::system(), timer()?);
    let deadline = Deadline::after(&clock, LONG);
    let guard = Arc::new(Guard::new("bench", policy, clock, Arc::new(Unobserved))?);
    let called = Arc::clone(&guard);
    let make_calls = Box::new(move |calls| {
        let _entered = runtime.enter();
        for _ in 0..calls {
            let answer = at_once(called.call(Partition::Edge, deadline, |_| ready(work())));
            black_box(answer.map_or(0, |answer| answer.0));
        }
    });
    Ok((guard, Row { name, does, peer: None, aim_ns, make_calls }))
}

/// A runtime for its timer only.
fn timer() -> Outcome<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_time().build()?)
}

/// What others offer, as they offer it: a breaker that reads no clock while it is closed, and one that does.
fn peers() -> Vec<Row> {
    let closed = recloser::Recloser::custom().build();
    let open = recloser::Recloser::custom().closed_len(1).open_wait(LONG).build();
    let fails = || Err::<u64, _>(());
    // It opens with the first outcome after its ring is full.
    let _ = (open.call(fails), open.call(fails));
    let closed_failsafe = failsafe::Config::new().build();
    let policy = failsafe::failure_policy::consecutive_failures(1, failsafe::backoff::constant(LONG));
    let open_failsafe = failsafe::Config::new().failure_policy(policy).build();
    let _ = open_failsafe.call(fails);
    vec![
        Row::of_peer(Peer::Recloser, "recloser: call", Does::Call, move || {
            black_box(closed.call(work).is_ok());
        }),
        Row::of_peer(Peer::Failsafe, "failsafe: call", Does::Call, move || {
            black_box(closed_failsafe.call(work).is_ok());
        }),
        Row::of_peer(Peer::Recloser, "recloser: open rejection", Does::Reject, move || {
            black_box(open.call(work).is_err());
        }),
        Row::of_peer(Peer::Failsafe, "failsafe: open rejection", Does::Reject, move || {
            black_box(open_failsafe.call(work).is_err());
        }),
    ]
}

/// Polls once what need not wait.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing here has to wait"),
    }
}
