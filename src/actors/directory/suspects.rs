//! Breakers of single instances: only those that have let a caller down of late have one.
//!
//! An instance whose calls time out one after the other is left alone for a while and then tried with one call, so that
//! it costs its kind five timeouts and not its breaker. Crashes are the supervisor's to count: too many of them are
//! quarantine, which is the same breaker opened by other means. A kill counts nowhere.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{KindRoom, Shard};
use crate::actors::envelope::Reply;
use crate::clock::Clock;
use crate::domain::Stream;
use crate::resilience::breaker::call::{Outcome, Rejected, Ticket};
use crate::resilience::breaker::machine::{Machine, Step};
use crate::resilience::breaker::{BreakerConfig, Cause, Moment, OpenWait, Probes, State, WindowConfig};
use crate::resilience::{CallError, Completion, NotExecuted, Reason};
use crate::telemetry::metrics;

/// When an instance is left alone, and how it is tried.
const INSTANCE: BreakerConfig = BreakerConfig {
    window: WindowConfig::Count(1),
    calls_min: 1,
    failures: None,
    slow: None,
    consecutive: Some(5),
    open: OpenWait {
        first: Duration::from_secs(1),
        max: Duration::from_secs(60),
        jitter: true,
        forgotten_after: Duration::from_secs(60),
    },
    probes: Probes { required: 1, at_once: 1, deadline: Duration::from_secs(2), abandoned_max: 3 },
    ramp: None,
};
/// How many instances of one shard may have a breaker; beyond that only the kind's guards them.
const SUSPECTS_MAX: usize = 2_500;
/// After what time open and untried an instance's breaker may be forgotten for another's sake.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);
/// How many instances of a kind, and how many per hundred, must have crashed in this time for the kind to be at fault.
const CRASHED_MIN: usize = 10;
const CRASHED_PERCENT: usize = 5;
const CRASHED_WITHIN: Duration = Duration::from_secs(60);

/// The breakers of a shard's instances, and how many there are: most calls look at the number only.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    count: AtomicUsize,
    machines: Mutex<foldhash::HashMap<u64, Machine>>,
}

impl Suspects {
    /// Tells whether nobody is suspected, without a lock.
    fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    fn admit(&self, id: u64, step: &mut Step<'_>) -> Result<Option<Ticket>, Rejected> {
        self.machines.lock().get_mut(&id).map(|machine| machine.admit(step)).transpose()
    }

    /// Counts the end of a call; the first failure makes a breaker, a success while closed takes it away.
    fn settle(&self, id: u64, ticket: Option<Ticket>, outcome: Outcome, step: &mut Step<'_>, seed: u64) {
        if ticket.is_none() && outcome != Outcome::Failure {
            return;
        }
        let mut machines = self.machines.lock();
        if !machines.contains_key(&id) {
            if machines.len() >= SUSPECTS_MAX {
                machines.retain(|_, machine| is_worth_keeping(machine, step.now));
            }
            if outcome != Outcome::Failure || machines.len() >= SUSPECTS_MAX {
                return;
            }
            machines.insert(id, Machine::new(&INSTANCE, seed));
        }
        if let Some(machine) = machines.get_mut(&id) {
            // One that began before there was a breaker counts as if it had been admitted.
            let ticket = ticket.map_or_else(|| machine.admit(step).ok(), Some);
            if let Some(ticket) = ticket {
                machine.settle(step, ticket, outcome, Duration::ZERO);
            }
            if machine.state() == State::Closed && outcome == Outcome::Success {
                machines.remove(&id);
            }
        }
        self.count.store(machines.len(), Ordering::Relaxed);
    }

    /// Returns the state of an instance's breaker, if it has one.
    pub(super) fn state(&self, id: u64) -> Option<State> {
        self.machines.lock().get(&id).map(Machine::state)
    }
}

fn is_worth_keeping(machine: &Machine, now: Moment) -> bool {
    machine.open_until().is_some_and(|until| now < until.after(FORGOTTEN_AFTER))
}

/// A call to one instance, until its end.
#[derive(Debug)]
pub(in crate::actors) struct InstanceCall<'a> {
    room: &'a KindRoom,
    stream: Stream,
    clock: &'a Clock,
    ticket: Option<Ticket>,
}

impl<'a> InstanceCall<'a> {
    /// Admits a call.
    ///
    /// # Errors
    ///
    /// Fails when the instance's breaker is open.
    pub(in crate::actors) fn begin(room: &'a KindRoom, stream: Stream, clock: &'a Clock) -> Result<Self, NotExecuted> {
        let mut call = Self { room, stream, clock, ticket: None };
        if room.shard(stream.id).suspects.is_empty() {
            return Ok(call);
        }
        let admitted = call.with(|shard, step| shard.suspects.admit(stream.id, step));
        call.ticket = admitted.map_err(|rejected| NotExecuted {
            reason: Reason::InstanceBreakerOpen,
            retry_after: rejected.retry_after,
        })?;
        Ok(call)
    }

    /// Says what became of it.
    pub(in crate::actors) fn end(mut self, result: &Result<Reply, CallError>) {
        let outcome = match result {
            Ok(_) => Outcome::Success,
            // An operator's fault is the kind's, not the instance's.
            Err(CallError::NotExecuted(_)) => Outcome::NotExecuted,
            Err(error) if error.completion() == Completion::TimedOut => Outcome::Failure,
            Err(CallError::Unknown(_)) => Outcome::Cancelled,
        };
        let ticket = self.ticket.take();
        if ticket.is_some() || outcome == Outcome::Failure {
            self.settle(ticket, outcome);
        }
    }

    fn settle(&self, ticket: Option<Ticket>, outcome: Outcome) {
        let (id, seed) = (self.stream.id, self.clock.random());
        self.with(|shard, step| shard.suspects.settle(id, ticket, outcome, step, seed));
    }

    /// Takes a step at the instance's breaker and tells what it led to.
    fn with<T>(&self, work: impl FnOnce(&Shard, &mut Step<'_>) -> T) -> T {
        let mut moved = Vec::new();
        let done = {
            let mut step = Step { config: &INSTANCE, now: self.room.guard.now(), moved: &mut moved };
            work(self.room.shard(self.stream.id), &mut step)
        };
        for transition in moved {
            let (to, cause) = (transition.to.code(), transition.cause.code());
            tracing::warn!(stream = %self.stream, to, cause, "the circuit breaker of an instance changed its state");
            metrics::breaker_moved(self.stream.kind.path(), "instance", &transition);
        }
        done
    }
}

impl Drop for InstanceCall<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.settle(Some(ticket), Outcome::Cancelled);
        }
    }
}

impl Shard {
    /// Returns how many instances are known.
    fn known(&self) -> usize {
        self.entries.lock().len()
    }
}

/// Which instances of a kind crashed of late: each once, by its latest crash.
#[derive(Debug, Default)]
pub(in crate::actors) struct Crashes(Mutex<Crashed>);

#[derive(Debug, Default)]
struct Crashed {
    latest: foldhash::HashMap<u64, Instant>,
    /// The same in the order of time, and earlier crashes of those that crashed again.
    order: VecDeque<(Instant, u64)>,
}

impl Crashed {
    /// Notes a crash; returns how many instances crashed of late. What each crash adds a later one takes out.
    fn note(&mut self, id: u64, now: Instant) -> usize {
        self.latest.insert(id, now);
        self.order.push_back((now, id));
        while let Some((at, id)) = self.order.pop_front_if(|(at, _)| now.duration_since(*at) > CRASHED_WITHIN) {
            if self.latest.get(&id) == Some(&at) {
                self.latest.remove(&id);
            }
        }
        self.latest.len()
    }
}

impl KindRoom {
    /// Notes that an instance crashed; when too many of them do, it is the kind that is at fault, and its breaker opens.
    pub(in crate::actors) fn crashed(&self, id: u64, now: Instant) {
        let different = self.crashes.0.lock().note(id, now);
        if different < CRASHED_MIN {
            return;
        }
        let known: usize = self.shards.iter().map(Shard::known).sum();
        if different * 100 > known * CRASHED_PERCENT {
            self.guard.breaker().trip(Cause::Instances, self.guard.now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// One shard's breakers and their time.
    #[derive(Default)]
    struct Desk {
        suspects: Suspects,
        now: Moment,
    }

    impl Desk {
        fn admits(&self, id: u64) -> Result<Option<Ticket>, Rejected> {
            let mut step = Step { config: &INSTANCE, now: self.now, moved: &mut Vec::new() };
            self.suspects.admit(id, &mut step)
        }

        fn call(&self, id: u64, outcome: Outcome) {
            if let Ok(ticket) = self.admits(id) {
                let mut step = Step { config: &INSTANCE, now: self.now, moved: &mut Vec::new() };
                self.suspects.settle(id, ticket, outcome, &mut step, id);
            }
        }

        fn open(&self, id: u64) {
            (0..5).for_each(|_| self.call(id, Outcome::Failure));
            assert_eq!(self.suspects.state(id), Some(State::Open));
        }

        fn count(&self) -> usize {
            self.suspects.machines.lock().len()
        }
    }

    // Case 123.
    #[test]
    fn who_never_let_anybody_down_is_not_remembered_and_who_did_it_once_gives_way_to_who_is_open() {
        let mut desk = Desk::default();
        (0..1_000_000).for_each(|id| desk.call(id, Outcome::Success));
        assert_eq!(desk.count(), 0);
        (0..100).for_each(|id| desk.open(id));
        for id in 1_000..100_000 {
            desk.call(id, Outcome::Failure);
            assert!(desk.count() <= SUSPECTS_MAX);
        }
        assert!((0..100).all(|id| desk.suspects.state(id) == Some(State::Open)), "none that is open was forgotten");
        assert!(size_of::<Machine>() <= 512, "{}", size_of::<Machine>());
        desk.now = Moment::new(3_600 * SECOND);
        (100_000..100_000 + SUSPECTS_MAX as u64).for_each(|id| desk.call(id, Outcome::Failure));
        assert!((0..100).all(|id| desk.suspects.state(id).is_none()), "those nobody has asked for an hour were");
    }

    #[test]
    fn when_all_are_open_the_next_has_no_breaker_but_its_kinds() {
        let desk = Desk::default();
        (0..SUSPECTS_MAX as u64).for_each(|id| desk.open(id));
        let next = SUSPECTS_MAX as u64;
        (0..5).for_each(|_| desk.call(next, Outcome::Failure));
        assert_eq!((desk.suspects.state(next), desk.count()), (None, SUSPECTS_MAX));
        assert!(desk.admits(next).is_ok_and(|ticket| ticket.is_none()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_instance_counts_once_however_often_it_crashed_and_a_minute_after_its_last_crash_no_more() {
        let mut crashed = Crashed::default();
        let start = Instant::now();
        assert_eq!(crashed.note(1, start), 1);
        assert_eq!(crashed.note(1, start + 30 * SECOND), 1);
        assert_eq!(crashed.note(2, start + 61 * SECOND), 2, "its second crash is half a minute ago");
        assert_eq!(crashed.note(3, start + 91 * SECOND), 2, "the first is forgotten");
        assert_eq!(crashed.note(4, start + 200 * SECOND), 1);
        assert_eq!(crashed.order.len(), 1, "what nobody counts takes no room");
    }
}
