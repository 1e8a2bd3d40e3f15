//! A circuit breaker: a callee that fails or hangs is left alone for a while, then tried with a few calls.
//!
//! [`machine`] decides everything and knows no lock and no clock; this shell puts it behind one lock, mirrors what most
//! calls need into one word that they read without it, and keeps the newest events. An admitted call holds a [`Permit`];
//! dropped unsettled, it counts as cancelled. It must never run foreign code under its lock.

pub mod call;
pub mod config;
pub mod machine;
pub mod moment;
pub mod transition;
pub mod window;
mod flights;
mod half_open;
mod log;
mod opening;
mod snapshot;

#[cfg(test)]
mod tests;

use std::fmt;
use std::mem::ManuallyDrop;
use std::time::Duration;

use super::sync::{AtomicU64, Mutex, MutexGuard, Ordering};

use call::{Counted, Ticket};
pub use call::{Outcome, Rejected, Rejection};
pub use config::{BreakerConfig, BreakerConfigError, OpenWait, Probes, SlowConfig, WindowConfig};
pub use log::{Event, EventLog, Happening};
use machine::{Machine, Step};
pub use moment::Moment;
pub use snapshot::{Counts, Snapshot};
pub use transition::{Cause, Mode, State, Transition};
pub use window::Tally;

/// A breaker, shared by all who call the same callee.
///
/// ```
/// use std::time::Duration;
/// use resurgam::resilience::breaker::{Breaker, BreakerConfig, Moment, Outcome};
///
/// let config = BreakerConfig { consecutive: Some(2), ..BreakerConfig::KIND };
/// let breaker = Breaker::new(config, 42, Box::new(|moved| println!("{moved:?}")))?;
/// let now = Moment::new(Duration::ZERO);
/// for _ in 0..2 {
///     let permit = breaker.admit(now).expect("closed");
///     permit.settle(Outcome::Failure, now);
/// }
/// assert!(breaker.admit(now).is_err(), "left alone for a while");
/// # Ok::<(), resurgam::resilience::breaker::BreakerConfigError>(())
/// ```
pub struct Breaker {
    /// What most calls need: may they pass unasked, or not at all, and the generation.
    word: AtomicU64,
    /// Until when none passes, in nanoseconds; read only where the word says so.
    shut_until: AtomicU64,
    rejected: AtomicU64,
    /// From when on a rejection is noted as an event again, in nanoseconds.
    noted_until: AtomicU64,
    stale: AtomicU64,
    core: Mutex<Core>,
    watcher: Watcher,
}

/// Is told of each change of state, after it; two of them may overtake each other on their way.
pub type Watcher = Box<dyn Fn(&Transition) + Send + Sync>;

struct Core {
    config: BreakerConfig,
    machine: Machine,
    counts: Counts,
    log: EventLog,
    moved: Vec<Transition>,
}

const PASSES: u64 = 1 << 32;
const SHUT: u64 = 2 << 32;
const ASKS: u64 = 3 << 32;
const GENERATION: u64 = (1 << 32) - 1;

impl Breaker {
    /// Makes a closed breaker; the same seed draws the same waits.
    ///
    /// # Errors
    ///
    /// Fails when the configuration could not work.
    pub fn new(config: BreakerConfig, seed: u64, watcher: Watcher) -> Result<Self, BreakerConfigError> {
        config.check()?;
        let (machine, counts, log) = (Machine::new(&config, seed), Counts::default(), EventLog::default());
        let core = Core { config, machine, counts, log, moved: Vec::new() };
        let breaker = Self {
            word: AtomicU64::new(0),
            shut_until: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            noted_until: AtomicU64::new(0),
            stale: AtomicU64::new(0),
            core: Mutex::new(core),
            watcher,
        };
        breaker.publish(&breaker.core.lock());
        Ok(breaker)
    }

    /// Admits a call.
    ///
    /// # Errors
    ///
    /// Fails when it is open, and says when another call may pass.
    #[inline]
    pub fn admit(&self, now: Moment) -> Result<Permit<'_>, Rejected> {
        let word = self.word.load(Ordering::Acquire);
        if word & !GENERATION == PASSES {
            // At once: a ticket that meets the other way's in memory waits for its own stores, as long as a lock takes.
            return Ok(Permit { breaker: self, ticket: Ticket::plain(generation_of(word), now) });
        }
        let until = Moment::from_nanos(self.shut_until.load(Ordering::Acquire));
        let admitted = if word & !GENERATION == SHUT && now < until {
            Err(Rejected { why: Rejection::Open, retry_after: until.since(now) })
        } else {
            self.ask(now)
        };
        let ticket = admitted.inspect_err(|_| self.count_rejection(now))?;
        Ok(Permit { breaker: self, ticket })
    }

    /// Looks whether the time alone has changed it.
    pub fn tick(&self, now: Moment) {
        self.with(|core| core.machine.tick(&mut step(&core.config, now, &mut core.moved)));
    }

    /// Does what an operator has decided, for a time or for good; `None` closes it and forgets what it has counted.
    pub fn force(&self, wish: Option<(Mode, Option<Duration>)>, now: Moment) {
        let wish = wish.map(|(mode, time)| (mode, time.map(|time| now.after(time))));
        self.with(|core| core.machine.force(&mut step(&core.config, now, &mut core.moved), wish));
    }

    /// Opens it for a cause that its own calls do not show.
    pub fn trip(&self, cause: Cause, now: Moment) {
        self.with(|core| core.machine.trip(&mut step(&core.config, now, &mut core.moved), cause));
    }

    /// Takes another configuration over; state, window, permits and events stay.
    ///
    /// # Errors
    ///
    /// Fails when the configuration could not work; the old one stays in force.
    pub fn reconfigure(&self, config: BreakerConfig) -> Result<(), BreakerConfigError> {
        config.check()?;
        let core = &mut *self.core.lock();
        core.machine.reconfigure(&config);
        core.config = config;
        self.publish(core);
        Ok(())
    }

    /// Returns what it looks like now; changes nothing.
    #[must_use]
    pub fn snapshot(&self, now: Moment) -> Snapshot {
        let core = self.core.lock();
        let tally = core.machine.tally_at(now);
        Snapshot {
            state: core.machine.state(),
            generation: core.machine.generation(),
            tally,
            has_rate: tally.total >= u64::from(core.config.calls_min),
            counts: Counts {
                rejected: self.rejected.load(Ordering::Relaxed),
                stale: self.stale.load(Ordering::Relaxed),
                ..core.counts
            },
            open_until: core.machine.open_until(),
            config: core.config,
        }
    }

    /// Returns the newest events, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.core.lock().log.newest()
    }

    fn restarted(&self, ticket: Ticket, now: Moment) -> Ticket {
        self.core.lock().machine.restarted(ticket, now)
    }

    /// Asks the machine; not [`Self::with`] it, which would copy the ticket.
    fn ask(&self, now: Moment) -> Result<Ticket, Rejected> {
        let mut locked = self.core.lock();
        let core = &mut *locked;
        let admitted = core.machine.admit(&mut step(&core.config, now, &mut core.moved));
        self.release(locked);
        admitted
    }

    /// Counts each rejection, and takes the lock for those only that are noted as an event.
    fn count_rejection(&self, now: Moment) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
        if now.nanos() >= self.noted_until.load(Ordering::Relaxed) {
            let noted_until = self.core.lock().log.rejected(now);
            self.noted_until.store(noted_until.nanos(), Ordering::Relaxed);
        }
    }

    fn settle(&self, ticket: Ticket, outcome: Outcome, took: Duration, now: Moment) {
        if generation_of(self.word.load(Ordering::Acquire)) != ticket.generation() {
            self.stale.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let counted = self.with(|core| {
            let counted = core.machine.settle(&mut step(&core.config, now, &mut core.moved), ticket, outcome, took);
            if counted == Counted::Yes {
                core.counts.count(outcome, core.config.slow.is_some_and(|slow| took > slow.over));
                core.log.ended(outcome, took, now);
            }
            counted
        });
        if counted == Counted::Stale {
            self.stale.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Works on the core.
    fn with<T>(&self, work: impl FnOnce(&mut Core) -> T) -> T {
        let mut core = self.core.lock();
        let done = work(&mut core);
        self.release(core);
        done
    }

    /// Lets go of the core. Whatever changes the state says so in `moved`; most calls change nothing.
    fn release(&self, core: MutexGuard<'_, Core>) {
        if !core.moved.is_empty() {
            self.tell(core);
        }
    }

    /// Mirrors the new state, keeps what led to it, and tells of it.
    #[cold]
    fn tell(&self, mut core: MutexGuard<'_, Core>) {
        self.publish(&core);
        let moved = std::mem::take(&mut core.moved);
        moved.iter().for_each(|transition| core.log.moved(*transition));
        drop(core);
        moved.iter().for_each(&self.watcher);
    }

    fn publish(&self, core: &Core) {
        let generation = u64::from(core.machine.generation());
        let tag = match (core.machine.admits_unasked(&core.config), core.machine.state(), core.machine.open_until()) {
            (true, ..) => PASSES,
            (false, State::Open, Some(until)) => {
                self.shut_until.store(until.nanos(), Ordering::Release);
                SHUT
            }
            (false, ..) => ASKS,
        };
        self.word.store(tag | generation, Ordering::Release);
    }
}

/// The right to one call. Settle it with what became of the call.
#[must_use = "a permit that is dropped counts as a cancelled call"]
pub struct Permit<'a> {
    breaker: &'a Breaker,
    ticket: Ticket,
}

impl Permit<'_> {
    /// Returns when it was given.
    #[must_use]
    pub const fn began(&self) -> Moment {
        self.ticket.began()
    }

    /// Notes that the work begins only now: what came before was waiting in line. A probe's deadline stays.
    pub fn begin_work(&mut self, now: Moment) {
        if !self.ticket.is_probe() {
            self.ticket = self.breaker.restarted(self.ticket, now);
        }
    }

    /// Tells whether it is a try of a half-open breaker, which must be neither hedged nor repeated.
    #[must_use]
    pub const fn is_probe(&self) -> bool {
        self.ticket.is_probe()
    }

    /// Says what became of the call.
    pub fn settle(self, outcome: Outcome, now: Moment) {
        let Self { breaker, ticket } = *ManuallyDrop::new(self);
        breaker.settle(ticket, outcome, now.since(ticket.began()), now);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        // Who goes away says nothing, not even when: for the breaker no time has passed.
        self.breaker.settle(self.ticket, Outcome::Cancelled, Duration::ZERO, self.began());
    }
}

const fn step<'a>(config: &'a BreakerConfig, now: Moment, moved: &'a mut Vec<Transition>) -> Step<'a> {
    Step { config, now, moved }
}

fn generation_of(word: u64) -> u32 {
    u32::try_from(word & GENERATION).unwrap_or(0)
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker").field("state", &self.core.lock().machine.state()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}
