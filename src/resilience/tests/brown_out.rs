//! A callee that is asked for more than it can do, becomes slow for a while, and is fast again: with guard and budgets it
//! does what it can throughout; without them it never comes back, as what was given up is worked off all the same.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::*;
use crate::resilience::breaker::{OpenWait, Probes};
use crate::resilience::{Idempotency, Partition, Unknown};

const WORKERS: usize = 20;
const SERVICE: Duration = ms(50);
/// What the workers can answer in a second.
const CAPACITY: u64 = 400;
const ATTEMPT_TIMEOUT: Duration = ms(200);
const OPEN_MAX: Duration = ms(2_000);
const SEEDS: u64 = 20;

/// Workers with an endless queue in front of them, who do whatever was asked, also when nobody waits for it any more.
struct Callee {
    workers: Arc<Semaphore>,
    jobs: Mutex<JoinSet<()>>,
    times_slower: Arc<AtomicU32>,
    chance: Clock,
}

impl Callee {
    async fn work(&self) -> Ended {
        let (workers, times_slower) = (Arc::clone(&self.workers), Arc::clone(&self.times_slower));
        let takes = SERVICE.mul_f64(0.7 + 0.6 * self.chance.fraction());
        let (done, answer) = oneshot::channel();
        self.jobs.lock().spawn(async move {
            let _worker = workers.acquire().await.expect("it is never closed");
            sleep(takes * times_slower.load(Ordering::Relaxed)).await;
            // Its caller may have gone.
            let _ = done.send(DONE);
        });
        answer.await.expect("every job is done")
    }
}

/// A callee and those who call it.
struct World {
    callee: Callee,
    guard: Option<Guard>,
    retry: Retry,
    root: Arc<Budget>,
    clock: Clock,
    born: Instant,
    /// When each call ended, and whether with an answer.
    log: Mutex<Vec<(Duration, bool)>>,
}

impl World {
    fn new(seed: u64, is_guarded: bool) -> Arc<Self> {
        let clock = Clock::manual(0, seed);
        let limits = BulkheadLimits { running_max: WORKERS, queue_max: WORKERS, wait_max: ms(100) };
        let open = OpenWait { first: ms(1_000), max: OPEN_MAX, ..BreakerConfig::KIND.open };
        let probes = Probes { deadline: ATTEMPT_TIMEOUT, ..BreakerConfig::KIND.probes };
        // A share alone opens late: the successes of the rush stay in the window for ten seconds.
        let breaker = BreakerConfig { open, probes, consecutive: Some(20), ..BreakerConfig::KIND };
        let policy = GuardPolicy { attempt_timeout: ATTEMPT_TIMEOUT, breaker, edge: limits, ..GuardPolicy::default() };
        let guard = Guard::new("callee", policy, clock.clone(), Arc::new(Unobserved)).expect("the policy is sound");
        let endless = BudgetPolicy { ratio_per_mille: 1_000, floor_per_second: 1_000_000, ..BudgetPolicy::default() };
        let budget_policy = if is_guarded { BudgetPolicy::default() } else { endless };
        let budget = || Arc::new(Budget::new(budget_policy, clock.now()).expect("the policy is sound"));
        let retry = Retry::new("callee", RetryPolicy::default(), budget(), clock.clone(), Arc::new(Unobserved));
        let callee = Callee {
            workers: Arc::new(Semaphore::new(WORKERS)),
            jobs: Mutex::default(),
            times_slower: Arc::new(AtomicU32::new(1)),
            chance: clock.clone(),
        };
        Arc::new(Self {
            callee,
            guard: is_guarded.then_some(guard),
            retry: retry.expect("the policy is sound"),
            root: budget(),
            born: clock.now(),
            clock,
            log: Mutex::default(),
        })
    }

    async fn call(&self) {
        let deadline = Deadline::after(&self.clock, ms(2_000));
        let retries = Retries::begin(Arc::clone(&self.root), self.clock.now());
        let attempt = async |_| match &self.guard {
            Some(guard) => guard.attempt(Some(&retries), Partition::Edge, deadline, |_| self.callee.work()).await,
            None => {
                let bound = deadline.capped(&self.clock, ATTEMPT_TIMEOUT);
                timeout_at(bound.at(), self.callee.work()).await.unwrap_or(Err(Unknown::AttemptTimeout.into()))
            }
        };
        let ended = self.retry.run(&retries, deadline, Idempotency::Keyed, attempt).await;
        self.log.lock().push((self.clock.now() - self.born, ended.is_ok()));
    }

    /// Has calls begin for a while, whether or not those before have ended; returns when it was over.
    async fn load(self: &Arc<Self>, calls: &mut JoinSet<()>, seconds: u64, per_second: u64) -> Duration {
        let began = self.clock.now();
        for call in 0..seconds * per_second {
            let nth = call as f64 + 0.8 * self.clock.fraction();
            sleep_until(began + Duration::from_secs_f64(nth / per_second as f64)).await;
            let world = Arc::clone(self);
            calls.spawn(async move { world.call().await });
        }
        sleep_until(began + Duration::from_secs(seconds)).await;
        self.clock.now() - self.born
    }

    /// How many calls ended with an answer and how many without, from one time to another.
    fn ended(&self, from: Duration, to: Duration) -> (u64, u64) {
        let log = self.log.lock();
        let within = log.iter().filter(|(at, _)| (from..to).contains(at));
        within.fold((0, 0), |(good, bad), (_, is_good)| (good + u64::from(*is_good), bad + u64::from(!is_good)))
    }
}

/// What was seen of one life of it.
struct Seen {
    /// At three times the load: answered each second.
    overloaded: u64,
    /// After the brown-out, once the breaker has had time for two waits: answered and not, at half the load.
    recovered: (u64, u64),
    log: Vec<(Duration, bool)>,
}

fn lived(seed: u64, is_guarded: bool) -> Seen {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let (world, mut calls) = (World::new(seed, is_guarded), JoinSet::new());
        let calm = world.load(&mut calls, 2, CAPACITY / 2).await;
        let rush = world.load(&mut calls, 5, 3 * CAPACITY).await;
        world.callee.times_slower.store(20, Ordering::Relaxed);
        world.load(&mut calls, 5, CAPACITY / 2).await;
        world.callee.times_slower.store(1, Ordering::Relaxed);
        let end = world.load(&mut calls, 15, CAPACITY / 2).await;
        let back = end - Duration::from_secs(15) + 2 * OPEN_MAX;
        let (overloaded, _) = world.ended(calm + ms(1_000), rush);
        let log = world.log.lock().clone();
        Seen { overloaded: overloaded / 4, recovered: world.ended(back, end), log }
    })
}

// Case 133.
#[test]
fn a_brown_out_under_load_costs_a_tenth_at_most_and_is_over_when_it_ends() {
    for seed in 0..SEEDS {
        let Seen { overloaded, recovered: (good, bad), .. } = lived(seed, true);
        assert!(overloaded * 10 >= CAPACITY * 9, "seed {seed}: {overloaded} a second");
        assert!(good >= 10 * CAPACITY / 2 && bad == 0, "seed {seed}: {good} answered, {bad} not");
    }
}

// Case 133.
#[test]
fn a_seed_repeats_its_life_call_by_call() {
    for seed in 0..3 {
        assert_eq!(lived(seed, true).log, lived(seed, true).log, "seed {seed}");
    }
    assert_ne!(lived(0, true).log, lived(1, true).log);
}

#[test]
fn without_guard_and_budgets_the_same_callee_stays_down_at_half_the_load() {
    let Seen { recovered: (good, bad), .. } = lived(0, false);
    assert!(good * 10 < bad, "{good} answered, {bad} not");
}
