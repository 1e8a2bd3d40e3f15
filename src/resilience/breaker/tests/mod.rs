//! The breaker's promises, on the pure machine with a time of its own; the numbers are those of the catalogue of cases.

mod closed;
mod half_open;
mod model;
mod operator;
mod shared;
mod shell;
mod slow;
mod windows;

use std::time::Duration;

use super::call::{Counted, Outcome, Rejected, Ticket};
use super::config::{BreakerConfig, OpenWait, Probes, SlowConfig, WindowConfig};
use super::machine::{Machine, Step};
use super::moment::Moment;
use super::transition::{Cause, State, Transition};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);
const NS: Duration = Duration::from_nanos(1);
const QUICK: Duration = MS;

/// The last ten calls, all of them needed for a rate; half of them failed open it for 5 s; three probes, one at a time.
const C0: BreakerConfig = BreakerConfig {
    window: WindowConfig::Count(10),
    calls_min: 10,
    failures: Some(50),
    slow: Some(SlowConfig { over: Duration::from_millis(100), share: 80, in_flight: false }),
    consecutive: None,
    open: OpenWait {
        first: Duration::from_secs(5),
        max: Duration::from_secs(60),
        jitter: false,
        forgotten_after: Duration::from_secs(60),
    },
    probes: Probes { required: 3, at_once: 1, deadline: Duration::from_secs(2), abandoned_max: 3 },
    ramp: None,
};

/// The same with the last ten seconds.
const T0: BreakerConfig = BreakerConfig { window: WindowConfig::Time { buckets: 10, width: SECOND }, ..C0 };

/// A machine with its time.
struct Desk {
    config: BreakerConfig,
    machine: Machine,
    now: Moment,
    moved: Vec<Transition>,
}

impl Desk {
    fn new(config: BreakerConfig) -> Self {
        config.check().expect("the configuration works");
        Self { config, machine: Machine::new(&config, 42), now: Moment::default(), moved: Vec::new() }
    }

    /// Sets the time since the beginning.
    fn at(&mut self, since: Duration) -> &mut Self {
        self.now = Moment::new(since);
        self
    }

    fn later(&mut self, by: Duration) -> &mut Self {
        self.now = self.now.after(by);
        self
    }

    fn step<T>(&mut self, work: impl FnOnce(&mut Machine, &mut Step<'_>) -> T) -> T {
        let Self { config, machine, now, moved } = self;
        work(machine, &mut Step { config, now: *now, moved })
    }

    fn admit(&mut self) -> Result<Ticket, Rejected> {
        self.step(Machine::admit)
    }

    fn admitted(&mut self) -> Ticket {
        self.admit().expect("it admits")
    }

    fn rejected(&mut self) -> Rejected {
        self.admit().expect_err("it rejects")
    }

    fn settle(&mut self, ticket: Ticket, outcome: Outcome, took: Duration) -> Counted {
        self.step(|machine, step| machine.settle(step, ticket, outcome, took))
    }

    /// One quick call with this outcome.
    fn call(&mut self, outcome: Outcome) -> &mut Self {
        let ticket = self.admitted();
        self.settle(ticket, outcome, QUICK);
        self
    }

    fn calls(&mut self, outcome: Outcome, times: usize) -> &mut Self {
        for _ in 0..times {
            self.call(outcome);
        }
        self
    }

    fn fail(&mut self, times: usize) -> &mut Self {
        self.calls(Outcome::Failure, times)
    }

    fn succeed(&mut self, times: usize) -> &mut Self {
        self.calls(Outcome::Success, times)
    }

    fn state(&self) -> State {
        self.machine.state()
    }

    fn total(&self) -> u64 {
        self.machine.tally_at(self.now).total
    }

    /// The share of failures in percent, if there are enough calls for one.
    fn rate(&self) -> Option<u64> {
        let tally = self.machine.tally_at(self.now);
        (tally.total >= u64::from(self.config.calls_min)).then(|| tally.failed * 100 / tally.total)
    }

    fn last_cause(&self) -> Option<Cause> {
        self.moved.last().map(|transition| transition.cause)
    }

    /// An open one: ten failures at the beginning.
    fn open(config: BreakerConfig) -> Self {
        let mut desk = Self::new(config);
        desk.fail(10);
        assert_eq!(desk.state(), State::Open);
        desk
    }
}
