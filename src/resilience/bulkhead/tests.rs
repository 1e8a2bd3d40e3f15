//! The bulkhead's promises, on paused time.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;
use tokio::task::{JoinSet, unconstrained, yield_now};
use tokio::time::{advance, sleep};

use super::*;

const WAIT_MAX: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(3_600);

fn clock() -> Clock {
    Clock::manual(0, 1)
}

fn bulkhead(running_max: usize, queue_max: usize) -> Arc<Bulkhead> {
    let limits = BulkheadLimits { running_max, queue_max, wait_max: WAIT_MAX };
    Arc::new(Bulkhead::new(limits, clock()).expect("the limits are above zero"))
}

fn long() -> Deadline {
    Deadline::after(&clock(), LONG)
}

type Acquire<'a> = Pin<Box<dyn Future<Output = Result<Permit<'a>, NotExecuted>> + 'a>>;

fn acquire(bulkhead: &Bulkhead, deadline: Deadline) -> Acquire<'_> {
    Box::pin(bulkhead.acquire(deadline))
}

fn poll<'a>(acquire: &mut Acquire<'a>) -> Poll<Result<Permit<'a>, NotExecuted>> {
    acquire.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Starts to wait in line.
fn waiter(bulkhead: &Bulkhead) -> Acquire<'_> {
    let mut waiter = acquire(bulkhead, long());
    assert!(poll(&mut waiter).is_pending());
    waiter
}

async fn running(bulkhead: &Bulkhead) -> Permit<'_> {
    bulkhead.acquire(long()).await.expect("a slot is free")
}

fn ready(polled: Poll<Result<Permit<'_>, NotExecuted>>) -> Permit<'_> {
    match polled {
        Poll::Ready(Ok(permit)) => permit,
        Poll::Ready(Err(rejection)) => panic!("turned away: {rejection}"),
        Poll::Pending => panic!("still waits"),
    }
}

// Case 65.
#[tokio::test(start_paused = true)]
async fn every_slot_and_every_place_in_line_can_be_taken_and_not_one_more() {
    let bulkhead = bulkhead(2, 3);
    let _running = [running(&bulkhead).await, running(&bulkhead).await];
    let _waiting: Vec<_> = (0..3).map(|_| waiter(&bulkhead)).collect();
    let rejection = bulkhead.acquire(long()).await.expect_err("the queue is full");
    assert_eq!(rejection.reason, Reason::BulkheadFull);
    assert_eq!((bulkhead.running(), bulkhead.queued()), (2, 3));
}

// Case 67. More than a task may do in one poll before tokio makes it yield.
#[tokio::test(start_paused = true)]
async fn free_slots_are_given_in_one_poll_whatever_their_number() {
    let bulkhead = bulkhead(1_000, 1);
    let mut permits = Vec::new();
    for _ in 0..1_000 {
        permits.push(ready(poll(&mut acquire(&bulkhead, long()))));
    }
    assert_eq!(bulkhead.running(), 1_000);
}

// Case 70.
#[tokio::test(start_paused = true)]
async fn who_has_not_begun_to_wait_holds_neither_a_slot_nor_a_place() {
    let bulkhead = bulkhead(1, 1);
    let _idle: Vec<_> = (0..1_000).map(|_| acquire(&bulkhead, long())).collect();
    assert_eq!((bulkhead.running(), bulkhead.queued()), (0, 0));
    drop(running(&bulkhead).await);
}

// Case 58.
#[tokio::test(start_paused = true)]
async fn waiters_are_served_in_the_order_of_their_arrival_and_nobody_overtakes() {
    let bulkhead = bulkhead(1, 10);
    let mut permit = running(&bulkhead).await;
    let mut line: VecDeque<_> = (0..5).map(|_| waiter(&bulkhead)).collect();
    while let Some(mut first) = line.pop_front() {
        drop(permit);
        let mut newcomer = acquire(&bulkhead, long());
        assert!(poll(&mut newcomer).is_pending(), "a newcomer overtook");
        assert!(line.iter_mut().all(|later| poll(later).is_pending()));
        permit = ready(poll(&mut first));
    }
}

// Case 59.
#[tokio::test(start_paused = true)]
async fn a_cancelled_waiter_frees_its_place_and_is_passed_over() {
    let bulkhead = bulkhead(1, 3);
    let permit = running(&bulkhead).await;
    let (mut first, second, mut third) = (waiter(&bulkhead), waiter(&bulkhead), waiter(&bulkhead));
    drop(second);
    assert_eq!(bulkhead.queued(), 2);
    let fourth = waiter(&bulkhead);
    drop(permit);
    let permit = ready(poll(&mut first));
    drop(permit);
    drop((ready(poll(&mut third)), fourth));
    assert_eq!((bulkhead.running(), bulkhead.queued()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_slot_handed_to_a_waiter_who_left_goes_to_the_next() {
    let bulkhead = bulkhead(1, 3);
    let permit = running(&bulkhead).await;
    let (first, mut second) = (waiter(&bulkhead), waiter(&bulkhead));
    drop(permit);
    drop(first);
    let _permit = ready(poll(&mut second));
    assert_eq!((bulkhead.running(), bulkhead.queued()), (1, 0));
}

// Case 62.
#[tokio::test(start_paused = true)]
async fn fewer_slots_are_reached_as_calls_end_and_nobody_waits_for_the_change() {
    let bulkhead = bulkhead(10, 5);
    let mut running: Vec<_> = Vec::new();
    for _ in 0..8 {
        running.push(self::running(&bulkhead).await);
    }
    bulkhead.resize(BulkheadLimits { running_max: 4, queue_max: 0, wait_max: WAIT_MAX }).expect("it works");
    for still in (4..8).rev() {
        assert_eq!(bulkhead.acquire(long()).await.expect_err("none is free").reason, Reason::BulkheadFull);
        running.pop();
        assert_eq!(bulkhead.running(), still);
    }
    running.pop();
    let _one = self::running(&bulkhead).await;
    assert_eq!(bulkhead.acquire(long()).await.expect_err("none is free").reason, Reason::BulkheadFull);
}

// Case 63.
#[tokio::test(start_paused = true)]
async fn more_slots_go_to_those_who_wait_in_their_order() {
    let bulkhead = bulkhead(2, 10);
    let _running = [running(&bulkhead).await, running(&bulkhead).await];
    let mut waiters: Vec<_> = (0..4).map(|_| waiter(&bulkhead)).collect();
    bulkhead.resize(BulkheadLimits { running_max: 5, queue_max: 10, wait_max: WAIT_MAX }).expect("it works");
    let mut last = waiters.pop().expect("four wait");
    let _granted: Vec<_> = waiters.iter_mut().map(|waiter| ready(poll(waiter))).collect();
    assert!(poll(&mut last).is_pending());
    assert_eq!((bulkhead.running(), bulkhead.queued()), (5, 1));
}

// Case 57.
#[tokio::test(start_paused = true)]
async fn without_a_queue_whoever_finds_no_slot_is_turned_away_at_once() {
    let limits = BulkheadLimits { running_max: 1, queue_max: 0, wait_max: Duration::ZERO };
    let bulkhead = Arc::new(Bulkhead::new(limits, clock()).expect("it works"));
    let _running = running(&bulkhead).await;
    let mut turned_away = acquire(&bulkhead, long());
    assert!(matches!(poll(&mut turned_away), Poll::Ready(Err(NotExecuted { reason: Reason::BulkheadFull, .. }))));
}

// Case 66.
#[tokio::test(start_paused = true)]
async fn whoever_would_wait_past_the_deadline_is_turned_away_at_once() {
    let bulkhead = bulkhead(1, 10);
    let held = running(&bulkhead).await;
    advance(Duration::from_millis(80)).await;
    drop(held);
    let _held = running(&bulkhead).await;
    let began = clock().now();
    let deadline = Deadline::after(&clock(), Duration::from_millis(20));
    let refused = bulkhead.acquire(deadline).await.expect_err("it takes 80 ms");
    assert_eq!((refused.reason, clock().now()), (Reason::WouldExpire, began));
    assert!(bulkhead.acquire(Deadline::after(&clock(), Duration::from_millis(20))).await.is_err());
}

// Case 65.
#[tokio::test(start_paused = true)]
async fn a_wait_ends_exactly_at_its_bound() {
    let bulkhead = bulkhead(1, 1);
    let _permit = running(&bulkhead).await;
    let began = clock().now();
    let rejection = bulkhead.acquire(long()).await.expect_err("no slot comes free");
    assert_eq!(rejection.reason, Reason::BulkheadWaitTimeout);
    assert_eq!(clock().now() - began, WAIT_MAX);
    assert_eq!((bulkhead.running(), bulkhead.queued()), (1, 0));
}

// Case 66.
#[tokio::test(start_paused = true)]
async fn a_deadline_before_the_bound_ends_the_wait() {
    let bulkhead = bulkhead(1, 1);
    let _permit = running(&bulkhead).await;
    let deadline = Deadline::after(&clock(), Duration::from_millis(20));
    let rejection = bulkhead.acquire(deadline).await.expect_err("the deadline comes first");
    assert_eq!(rejection, NotExecuted::deadline_exceeded());
    assert_eq!(clock().now(), deadline.at());
    assert_eq!(bulkhead.queued(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_expired_deadline_takes_no_slot_neither_at_once_nor_after_a_wait() {
    let bulkhead = bulkhead(1, 1);
    let expired = Deadline::after(&clock(), Duration::ZERO);
    let rejection = bulkhead.acquire(expired).await.expect_err("it is expired");
    assert_eq!(rejection, NotExecuted::deadline_exceeded());

    let permit = running(&bulkhead).await;
    let mut late = acquire(&bulkhead, Deadline::after(&clock(), Duration::from_millis(10)));
    assert!(poll(&mut late).is_pending());
    drop(permit);
    advance(Duration::from_millis(10)).await;
    assert!(matches!(poll(&mut late), Poll::Ready(Err(_))));
    assert_eq!((bulkhead.running(), bulkhead.queued()), (0, 0));
}

// Case 60.
#[tokio::test(start_paused = true)]
async fn a_slot_that_comes_in_the_instant_of_the_bound_is_taken() {
    let bulkhead = bulkhead(1, 1);
    let permit = running(&bulkhead).await;
    let mut waiter = waiter(&bulkhead);
    advance(WAIT_MAX).await;
    drop(permit);
    let _permit = ready(poll(&mut waiter));
}

// Case 65.
#[tokio::test(start_paused = true)]
async fn a_rejection_estimates_the_wait_from_the_line_and_the_pace() {
    let bulkhead = bulkhead(2, 3);
    for _ in 0..2 {
        let permit = running(&bulkhead).await;
        sleep(Duration::from_millis(400)).await;
        drop(permit);
    }
    let _running = [running(&bulkhead).await, running(&bulkhead).await];
    let _waiting: Vec<_> = (0..3).map(|_| waiter(&bulkhead)).collect();
    let rejection = bulkhead.acquire(long()).await.expect_err("the queue is full");
    assert_eq!(rejection.retry_after, Duration::from_millis(400 * 4 / 2));
}

/// How long it is to be waited for a slot of one that the only one was held for these times, one after the other.
async fn wait_after(holds_ms: &[u64]) -> Duration {
    let bulkhead = bulkhead(1, 0);
    for hold_ms in holds_ms {
        let _held = running(&bulkhead).await;
        advance(Duration::from_millis(*hold_ms)).await;
    }
    let _held = running(&bulkhead).await;
    bulkhead.acquire(long()).await.expect_err("none is free").retry_after
}

#[tokio::test(start_paused = true)]
async fn the_newest_hold_is_an_eighth_of_the_mean() {
    assert_eq!(wait_after(&[100]).await, Duration::from_millis(100));
    assert_eq!(wait_after(&[800, 0]).await, Duration::from_millis(700));
    assert_eq!(wait_after(&[800, 1_600]).await, Duration::from_millis(900));
}

#[tokio::test(start_paused = true)]
async fn a_slot_was_held_until_the_instant_at_which_whoever_gives_it_back_has_looked() {
    let bulkhead = bulkhead(1, 0);
    let held = running(&bulkhead).await;
    let looked = clock().now() + Duration::from_millis(40);
    advance(Duration::from_millis(80)).await;
    held.give_back(looked);
    let _held = running(&bulkhead).await;
    let estimate = bulkhead.acquire(long()).await.expect_err("none is free").retry_after;
    assert_eq!(estimate, Duration::from_millis(40));
}

#[tokio::test(start_paused = true)]
async fn an_estimate_is_neither_so_short_that_all_come_at_once_nor_longer_than_anybody_waits() {
    assert_eq!(wait_after(&[1]).await, Duration::from_millis(10));
    assert_eq!(wait_after(&[60_000]).await, Duration::from_secs(30));
    assert_eq!(wait_after(&[]).await, WAIT_MAX, "nothing is known");
}

#[tokio::test(start_paused = true)]
async fn whoever_would_wait_exactly_until_the_deadline_may_wait() {
    let bulkhead = bulkhead(1, 1);
    let held = running(&bulkhead).await;
    advance(Duration::from_millis(80)).await;
    drop(held);
    let _held = running(&bulkhead).await;
    let mut patient = acquire(&bulkhead, Deadline::after(&clock(), Duration::from_millis(80)));
    assert!(poll(&mut patient).is_pending());
}

#[test]
fn partitions_go_by_the_names_that_settings_and_metrics_know() {
    assert_eq!(Partition::ALL.map(Partition::code), ["edge", "policies", "asks", "reads"]);
    assert_eq!(Partition::Asks.full_name("oa-rental/delivery/delivery"), "oa-rental/delivery/delivery/asks");
}

// Case 64.
#[test]
fn a_zero_limit_is_refused_by_name() {
    let sound = BulkheadLimits::EDGE;
    for (limits, limit) in [
        (BulkheadLimits { running_max: 0, ..sound }, "running_max"),
        (BulkheadLimits { wait_max: Duration::ZERO, ..sound }, "wait_max"),
    ] {
        let refused = Bulkhead::new(limits, clock()).expect_err("a limit is zero");
        assert_eq!(refused, ZeroLimit { limit });
    }
}

// Case 68.
#[tokio::test(start_paused = true)]
async fn many_tasks_with_random_cancels_never_exceed_the_limit_and_leave_nothing_behind() {
    let bulkhead = bulkhead(10, 400);
    let chance = Clock::manual(0, 42);
    let inside = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    let mut aborts = Vec::new();
    for _ in 0..400 {
        let (bulkhead, chance, inside) = (Arc::clone(&bulkhead), chance.clone(), Arc::clone(&inside));
        aborts.push(tasks.spawn(async move {
            sleep(Duration::from_millis(chance.random() % 100)).await;
            if let Ok(_permit) = bulkhead.acquire(long()).await {
                let _inside = Inside::enter(&inside, 10);
                sleep(Duration::from_millis(chance.random() % 50)).await;
            }
        }));
    }
    for abort in aborts.iter().step_by(3) {
        sleep(Duration::from_millis(chance.random() % 5)).await;
        abort.abort();
        assert!(bulkhead.running() <= 10);
    }
    while let Some(ended) = tasks.join_next().await {
        assert!(ended.map_or_else(|error| error.is_cancelled(), |()| true));
    }
    assert_eq!((bulkhead.running(), bulkhead.queued()), (0, 0));
}

// Case 68.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_that_race_for_slots_and_away_from_them_never_exceed_the_limit() {
    let bulkhead = bulkhead(3, 64);
    let inside = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for task in 0..16 {
        let (bulkhead, inside) = (Arc::clone(&bulkhead), Arc::clone(&inside));
        let chance = Clock::manual(0, task);
        tasks.spawn(async move {
            for _ in 0..1_000 {
                let patience = Duration::from_micros(chance.random() % 2_000);
                let acquired = tokio::time::timeout(patience, bulkhead.acquire(long())).await;
                if let Ok(Ok(_permit)) = acquired {
                    let _inside = Inside::enter(&inside, 3);
                    yield_now().await;
                }
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no task saw the limit exceeded");
    }
    assert_eq!((bulkhead.running(), bulkhead.queued()), (0, 0));
}

/// Counts who holds a permit, independently of the bulkhead.
struct Inside<'a>(&'a AtomicUsize);

impl<'a> Inside<'a> {
    fn enter(inside: &'a AtomicUsize, running_max: usize) -> Self {
        let before = inside.fetch_add(1, Ordering::SeqCst);
        assert!(before < running_max, "{before} already run");
        Self(inside)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Arrive,
    Poll(usize),
    Cancel(usize),
    Finish(usize),
    Advance(u64),
}

const MODEL_RUNNING_MAX: usize = 3;
const MODEL_QUEUE_MAX: usize = 5;

/// The bulkhead beside a plain account of who must hold, be handed or wait for a slot.
struct Model<'a> {
    bulkhead: &'a Bulkhead,
    next_caller: u64,
    futures: BTreeMap<u64, Acquire<'a>>,
    running: Vec<Permit<'a>>,
    handed: Vec<u64>,
    /// Callers in line with the instant at which their wait is over.
    line: VecDeque<(u64, Instant)>,
}

impl<'a> Model<'a> {
    /// Accounts for a bulkhead of [`MODEL_RUNNING_MAX`] slots and [`MODEL_QUEUE_MAX`] places.
    fn new(bulkhead: &'a Bulkhead) -> Self {
        Self {
            bulkhead,
            next_caller: 0,
            futures: BTreeMap::new(),
            running: Vec::new(),
            handed: Vec::new(),
            line: VecDeque::new(),
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Arrive => self.arrive(),
            Step::Poll(pick) => self.poll(pick),
            Step::Cancel(pick) => self.cancel(pick),
            Step::Finish(pick) => self.finish(pick),
            Step::Advance(by_ms) => advance(Duration::from_millis(by_ms)).await,
        }
        let taken = self.running.len() + self.handed.len();
        assert_eq!((self.bulkhead.running(), self.bulkhead.queued()), (taken, self.line.len()));
    }

    fn arrive(&mut self) {
        let mut future = acquire(self.bulkhead, long());
        let polled = poll(&mut future);
        if self.running.len() + self.handed.len() < MODEL_RUNNING_MAX {
            self.running.push(ready(polled));
        } else if self.line.len() < MODEL_QUEUE_MAX {
            assert!(polled.is_pending());
            self.futures.insert(self.next_caller, future);
            self.line.push_back((self.next_caller, clock().now() + WAIT_MAX));
            self.next_caller += 1;
        } else {
            assert!(matches!(polled, Poll::Ready(Err(full)) if full.reason == Reason::BulkheadFull));
        }
    }

    fn poll(&mut self, pick: usize) {
        let Some(caller) = self.pick(pick) else {
            return;
        };
        let future = self.futures.get_mut(&caller).expect("the caller waits");
        let polled = poll(future);
        if let Some(index) = self.handed.iter().position(|&handed| handed == caller) {
            self.handed.remove(index);
            self.running.push(ready(polled));
        } else {
            let index = self.place_of(caller);
            if clock().now() < self.line[index].1 {
                assert!(polled.is_pending());
                return;
            }
            assert!(matches!(polled, Poll::Ready(Err(over)) if over.reason == Reason::BulkheadWaitTimeout));
            self.line.remove(index);
        }
        self.futures.remove(&caller);
    }

    fn cancel(&mut self, pick: usize) {
        let Some(caller) = self.pick(pick) else {
            return;
        };
        self.futures.remove(&caller);
        if let Some(index) = self.handed.iter().position(|&handed| handed == caller) {
            self.handed.remove(index);
            self.hand_over();
        } else {
            let index = self.place_of(caller);
            self.line.remove(index);
        }
    }

    fn finish(&mut self, pick: usize) {
        if !self.running.is_empty() {
            drop(self.running.swap_remove(pick % self.running.len()));
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        self.handed.extend(self.line.pop_front().map(|(caller, _)| caller));
    }

    fn pick(&self, pick: usize) -> Option<u64> {
        let waiting = self.futures.len();
        (waiting > 0).then(|| *self.futures.keys().nth(pick % waiting).expect("it is in range"))
    }

    fn place_of(&self, caller: u64) -> usize {
        self.line.iter().position(|&(waiting, _)| waiting == caller).expect("the caller is in line")
    }
}

// Case 60.
#[tokio::test(start_paused = true)]
async fn ten_thousand_random_steps_lose_no_permit_and_no_place() {
    let chance = Clock::manual(0, 2_024);
    let bulkhead = bulkhead(MODEL_RUNNING_MAX, MODEL_QUEUE_MAX);
    unconstrained(async {
        let mut model = Model::new(&bulkhead);
        for _ in 0..10_000 {
            let pick = (chance.random() >> 8) as usize;
            let step = match chance.random() % 11 {
                0..=3 => Step::Arrive,
                4..=5 => Step::Poll(pick),
                6..=7 => Step::Cancel(pick),
                8..=9 => Step::Finish(pick),
                _ => Step::Advance(pick as u64 % 400),
            };
            model.step(step).await;
        }
    })
    .await;
    assert_eq!((bulkhead.running(), bulkhead.queued()), (0, 0));
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Arrive),
        2 => any::<usize>().prop_map(Step::Poll),
        2 => any::<usize>().prop_map(Step::Cancel),
        2 => any::<usize>().prop_map(Step::Finish),
        1 => (0..1_500_u64).prop_map(Step::Advance),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn any_sequence_of_steps_keeps_the_account(steps in prop::collection::vec(step(), 1..200)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime can be built");
        runtime.block_on(unconstrained(async {
            let bulkhead = bulkhead(MODEL_RUNNING_MAX, MODEL_QUEUE_MAX);
            let mut model = Model::new(&bulkhead);
            for step in steps {
                model.step(step).await;
            }
        }));
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_turned_away_is_logged_with_the_reason_and_who_passes_or_waits_is_not() {
    let bulkhead = bulkhead(1, 1);
    let began = clock().now();
    let permit = running(&bulkhead).await;
    let mut waiting = waiter(&bulkhead);
    assert_eq!(bulkhead.rejections(), []);
    assert!(bulkhead.acquire(long()).await.is_err(), "the queue is full");
    advance(WAIT_MAX).await;
    assert!(
        matches!(poll(&mut waiting), Poll::Ready(Err(rejection)) if rejection.reason == Reason::BulkheadWaitTimeout)
    );
    drop(permit);
    drop(running(&bulkhead).await);
    let told = [(began, Reason::BulkheadFull), (began + WAIT_MAX, Reason::BulkheadWaitTimeout)];
    assert_eq!(bulkhead.rejections(), told.map(|(at, reason)| Rejection { at, reason }));
}
