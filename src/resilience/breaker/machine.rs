//! The breaker as a function of its state, an event and the time: no clock, no lock, no randomness but its own seed.
//!
//! Production, the property tests and the model checker run this very code. Nothing happens by itself: whatever the time
//! has brought about is done first, by the next event, and counts from the moment at which it was due.

use std::time::Duration;

use super::call::{Counted, Outcome, Part, Rejected, Rejection, Ticket};
use super::config::BreakerConfig;
use super::flights::Flights;
use super::half_open::Probing;
use super::moment::Moment;
use super::opening::RAMP_PERCENT;
use super::transition::{Cause, Mode, State, Transition};
use super::window::{Tally, Window};

/// A breaker's whole state.
#[derive(Clone, Debug)]
pub struct Machine {
    pub(super) phase: Phase,
    pub(super) forced: Option<Forced>,
    /// Moves with every change of state: an outcome that began in an older one counts for nothing.
    pub(super) generation: u32,
    pub(super) window: Window,
    pub(super) flights: Flights,
    /// Failures since the last success.
    pub(super) in_a_row: u32,
    /// Which of the growing waits was the last.
    pub(super) waits: Option<u32>,
    pub(super) closed_since: Moment,
    /// Whether a breaker that only measures has said that it would be open.
    pub(super) would_be_open: bool,
    pub(super) random: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    Closed,
    /// Closed for a growing share of the load.
    Ramp {
        since: Moment,
    },
    Open {
        until: Moment,
    },
    HalfOpen(Probing),
}

/// What an operator has decided.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forced {
    pub(super) mode: Mode,
    pub(super) until: Option<Moment>,
}

/// What an event meets, and where its consequences are told.
#[derive(Debug)]
pub struct Step<'a> {
    /// The configuration in force.
    pub config: &'a BreakerConfig,
    /// The time.
    pub now: Moment,
    /// The changes of state so far, newest last.
    pub moved: &'a mut Vec<Transition>,
}

impl Machine {
    /// Makes a closed one; the same seed draws the same waits.
    #[must_use]
    pub fn new(config: &BreakerConfig, seed: u64) -> Self {
        Self {
            phase: Phase::Closed,
            forced: None,
            generation: 0,
            window: Window::new(config.window),
            flights: Flights::default(),
            in_a_row: 0,
            waits: None,
            closed_since: Moment::default(),
            would_be_open: false,
            random: seed,
        }
    }

    /// Admits a call, or says when to come again.
    ///
    /// # Errors
    ///
    /// Fails when it is open, or has no place for another probe.
    #[inline]
    pub fn admit(&mut self, step: &mut Step<'_>) -> Result<Ticket, Rejected> {
        self.tick(step);
        let (config, now) = (step.config, step.now);
        let reject = |why, until: Moment| Err(Rejected { why, retry_after: until.since(now) });
        match self.forced {
            Some(Forced { mode: Mode::ForcedOpen, until }) => {
                return reject(Rejection::Forced, until.unwrap_or_else(|| now.after(config.open.max)));
            }
            Some(Forced { mode: Mode::Disabled, .. }) => return Ok(self.ticket(Part::Unseen, now)),
            Some(Forced { mode: Mode::ForcedClosed | Mode::MetricsOnly, .. }) | None => {}
        }
        if let Phase::Open { until } = self.phase
            && until <= now
        {
            self.enter(step, Phase::HalfOpen(Probing::default()), Cause::WaitOver, now);
        }
        match &mut self.phase {
            Phase::Open { until } => reject(Rejection::Open, *until),
            Phase::HalfOpen(probing) => match probing.begin(&config.probes, now) {
                Ok(slot) => Ok(self.ticket(Part::Probe(slot), now)),
                Err(until) => reject(Rejection::HalfOpenFull, until),
            },
            Phase::Ramp { since } => {
                let since = *since;
                match self.ramp_keeps_out_until(config, since, now) {
                    Some(until) => reject(Rejection::Ramping, until),
                    None => Ok(self.noted(config, now)),
                }
            }
            Phase::Closed => Ok(self.noted(config, now)),
        }
    }

    /// Returns the ticket of a call whose time begins anew.
    pub(super) fn restarted(&mut self, ticket: Ticket, now: Moment) -> Ticket {
        let part = match ticket.part {
            Part::Noted(place) if ticket.generation == self.generation => {
                self.flights.end(place);
                Part::Noted(self.flights.begin(now))
            }
            part @ (Part::Plain | Part::Noted(_) | Part::Probe(_) | Part::Unseen) => part,
        };
        Ticket { part, began: now, ..ticket }
    }

    /// Takes in what became of an admitted call, and how long it took.
    #[inline]
    pub fn settle(&mut self, step: &mut Step<'_>, ticket: Ticket, outcome: Outcome, took: Duration) -> Counted {
        self.tick(step);
        if ticket.generation != self.generation {
            return Counted::Stale;
        }
        let slow = step.config.slow.is_some_and(|slow| took > slow.over);
        match ticket.part {
            Part::Unseen => {}
            Part::Plain => self.record(step, outcome, slow),
            Part::Noted(place) => {
                self.flights.end(place);
                self.record(step, outcome, slow);
            }
            Part::Probe(slot) => return self.settle_probe(step, (slot, ticket.began), outcome, slow),
        }
        Counted::Yes
    }

    /// Does what an operator has decided, until a moment or for good; `None` takes it back, and the breaker is closed.
    pub fn force(&mut self, step: &mut Step<'_>, wish: Option<(Mode, Option<Moment>)>) {
        self.tick(step);
        let from = self.state();
        self.forced = wish.map(|(mode, until)| Forced { mode, until });
        self.waits = None;
        self.start_over(Phase::Closed, step.now);
        self.tell(step, from, Cause::Operator, step.now);
    }

    /// Opens it for a cause that lies outside of its window.
    pub fn trip(&mut self, step: &mut Step<'_>, cause: Cause) {
        self.tick(step);
        if matches!(self.phase, Phase::Closed | Phase::Ramp { .. }) {
            self.open(step, cause, step.now, Duration::ZERO);
        }
    }

    /// Takes another configuration over; what the window holds and who is under way stay.
    pub fn reconfigure(&mut self, config: &BreakerConfig) {
        self.window.reshape(config.window);
    }

    /// Does what the time alone has brought about: a limit that is over, probes that are overdue, calls that hang.
    pub fn tick(&mut self, step: &mut Step<'_>) {
        if let Some(Forced { mode, until: Some(until) }) = self.forced
            && until <= step.now
        {
            let from = self.state();
            self.forced = None;
            let probes = mode == Mode::ForcedOpen;
            self.start_over(if probes { Phase::HalfOpen(Probing::default()) } else { Phase::Closed }, until);
            self.tell(step, from, Cause::TimeLimit, until);
        }
        match &mut self.phase {
            Phase::HalfOpen(probing) => {
                if let Some(deadline) = probing.expire(&step.config.probes, step.now) {
                    self.judge(step, Cause::ProbeOverdue, deadline);
                    // Another one may be overdue too.
                    self.tick(step);
                }
            }
            Phase::Ramp { since } => {
                let steps = u32::try_from(RAMP_PERCENT.len()).unwrap_or(u32::MAX);
                let end = step.config.ramp.map_or(*since, |each| since.after(each.saturating_mul(steps)));
                if end <= step.now {
                    self.phase = Phase::Closed;
                    self.closed_since = end;
                    self.tell(step, State::Ramping, Cause::Ramped, end);
                }
            }
            Phase::Closed => self.look_for_hanging(step),
            Phase::Open { .. } => {}
        }
    }

    /// Returns the state after the last event.
    #[must_use]
    pub const fn state(&self) -> State {
        match (&self.forced, &self.phase) {
            (Some(forced), _) => State::Forced(forced.mode),
            (None, Phase::Closed) => State::Closed,
            (None, Phase::Ramp { .. }) => State::Ramping,
            (None, Phase::Open { .. }) => State::Open,
            (None, Phase::HalfOpen(_)) => State::HalfOpen,
        }
    }

    /// Returns the number of changes of state; a ramp's end is none, as whoever began in it still counts.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// Returns until when nobody passes, if it is open.
    #[must_use]
    pub const fn open_until(&self) -> Option<Moment> {
        match (&self.forced, &self.phase) {
            (None, Phase::Open { until }) => Some(*until),
            (Some(Forced { mode: Mode::ForcedOpen, until }), _) => *until,
            (Some(_) | None, _) => None,
        }
    }

    /// Returns what the window holds at a moment.
    #[must_use]
    pub fn tally_at(&self, now: Moment) -> Tally {
        self.window.tally_at(now)
    }

    /// Tells whether every call is admitted without a place or a note of its own.
    pub(super) fn admits_unasked(&self, config: &BreakerConfig) -> bool {
        self.forced.is_none() && matches!(self.phase, Phase::Closed) && !notes(config)
    }

    fn noted(&mut self, config: &BreakerConfig, now: Moment) -> Ticket {
        let part = if notes(config) { Part::Noted(self.flights.begin(now)) } else { Part::Plain };
        self.ticket(part, now)
    }

    const fn ticket(&self, part: Part, now: Moment) -> Ticket {
        Ticket { generation: self.generation, part, began: now }
    }
}

/// Tells whether calls that run are noted, so that those that hang are seen.
fn notes(config: &BreakerConfig) -> bool {
    config.slow.is_some_and(|slow| slow.in_flight)
}
