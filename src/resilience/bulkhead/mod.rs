//! Limits how many calls run at once and how many wait for their turn, so that one slow callee cannot take the house.
//!
//! The limit is exact, the queue strictly first come, first served, bounded in length and in time. A slot is never free
//! while somebody waits: whoever gives it back hands it to the first in line, so no newcomer can overtake. It must never
//! run foreign code (wakers, work) under its lock. Relies on tokio's oneshot channel: what is sent before it is closed
//! can still be received, what is sent afterwards stays with the sender.

mod limits;
mod log;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::iter;
use std::mem::ManuallyDrop;
use std::time::Duration;

use tokio::time::Instant;

pub use limits::{BulkheadLimits, Partition, ZeroLimit};
pub use log::Rejection;
use log::Rejections;

use super::deadline::Deadline;
use super::outcome::{NotExecuted, Reason};
use super::sync::{Mutex, oneshot, timeout_at};
use crate::clock::Clock;

/// The slots of one partition and the queue in front of them.
pub struct Bulkhead {
    clock: Clock,
    state: Mutex<State>,
}

impl Bulkhead {
    /// Creates a bulkhead with all slots free.
    ///
    /// # Errors
    /// When a limit is zero, as nothing could ever pass or wait.
    pub fn new(limits: BulkheadLimits, clock: Clock) -> Result<Self, ZeroLimit> {
        limits.check()?;
        let state = State {
            limits,
            running: 0,
            queue: VecDeque::new(),
            next_ticket: 0,
            hold_mean_ns: None,
            rejections: Rejections::default(),
        };
        Ok(Self { clock, state: Mutex::new(state) })
    }

    /// Changes the limits at once: fewer slots are reached as calls end, more are given to those who wait, in order. Who
    /// waits stays in line, even in one that has become too long.
    ///
    /// # Errors
    /// When a limit is zero; the old ones stay in force.
    pub fn resize(&self, limits: BulkheadLimits) -> Result<(), ZeroLimit> {
        limits.check()?;
        let now = self.clock.now();
        let added: Vec<_> = {
            let mut state = self.state.lock();
            state.limits = limits;
            iter::from_fn(|| state.grow()).collect()
        };
        for slot in added {
            self.hand_over(slot, now);
        }
        Ok(())
    }

    /// Returns the limits in force.
    pub fn limits(&self) -> BulkheadLimits {
        self.state.lock().limits
    }

    /// Takes a slot, waiting in line for at most `wait_max` and never past `deadline`.
    ///
    /// # Errors
    /// When the deadline is over (before or during the wait), the queue is full, or the longest wait is over.
    ///
    /// # Cancel safety
    /// A dropped wait leaves the queue, and a slot handed to it in that instant goes to the next in line.
    pub async fn acquire(&self, deadline: Deadline) -> Result<Permit<'_>, NotExecuted> {
        let arrived = self.clock.now();
        if deadline.at() <= arrived {
            return Err(NotExecuted::deadline_exceeded());
        }
        self.acquire_at(arrived, deadline).await
    }

    /// Takes a slot as [`Self::acquire`] does, for a caller that has just looked at the clock.
    ///
    /// # Errors
    /// As [`Self::acquire`], but for a deadline that was over on arrival: the caller has seen that it is not.
    pub async fn acquire_at(&self, arrived: Instant, deadline: Deadline) -> Result<Permit<'_>, NotExecuted> {
        let place = {
            let mut state = self.state.lock();
            if state.take_free() {
                return Ok(self.permit(arrived));
            }
            self.line_up(&mut state, arrived, deadline)?
        };
        place.wait(deadline).await
    }

    /// Returns how many slots are taken, counting those on their way to a waiter.
    pub fn running(&self) -> usize {
        self.state.lock().running
    }

    /// Returns how many calls wait for a slot.
    pub fn queued(&self) -> usize {
        self.state.lock().queue.len()
    }

    /// Returns its newest rejections, oldest first; ten a second at most are kept.
    pub fn rejections(&self) -> Vec<Rejection> {
        self.state.lock().rejections.newest()
    }

    /// Takes a place in line.
    fn line_up(&self, state: &mut State, now: Instant, deadline: Deadline) -> Result<Place<'_>, NotExecuted> {
        if state.queue.len() >= state.limits.queue_max {
            return Err(state.reject(Reason::BulkheadFull, now));
        }
        // Who would wait in vain need not wait at all.
        if state.predicted_wait().is_some_and(|wait| now + wait > deadline.at()) {
            return Err(state.reject(Reason::WouldExpire, now));
        }
        let (slot, handed) = oneshot::channel();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.queue.push_back((ticket, slot));
        Ok(Place { bulkhead: self, ticket, handed })
    }

    const fn permit(&self, taken: Instant) -> Permit<'_> {
        Permit { bulkhead: self, taken }
    }

    /// Takes a slot back that was held since `taken`, and passes it on.
    fn take_back(&self, taken: Instant, now: Instant) {
        let first = {
            let mut state = self.state.lock();
            state.learn_hold(now.saturating_duration_since(taken));
            state.next_in_line()
        };
        if let Some(slot) = first {
            self.hand_over(slot, now);
        }
    }

    /// Hands a slot to a waiter who was taken out of the queue, or to the next who still wants it, or frees it.
    fn hand_over(&self, mut first: Slot, now: Instant) {
        while first.send(now).is_err() {
            let Some(next) = self.state.lock().next_in_line() else { return };
            first = next;
        }
    }
}

impl fmt::Debug for Bulkhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.limits().fmt(f)
    }
}

/// The right to run one call; given back when dropped, and never twice:
///
/// ```compile_fail,E0382
/// # use resurgam::resilience::bulkhead::Permit;
/// fn twice(permit: Permit<'_>, now: tokio::time::Instant) {
///     permit.give_back(now);
///     permit.give_back(now);
/// }
/// ```
#[must_use = "dropping the permit gives the slot back"]
#[derive(Debug)]
pub struct Permit<'a> {
    bulkhead: &'a Bulkhead,
    taken: Instant,
}

impl Permit<'_> {
    /// Returns when the slot was taken.
    pub(super) const fn taken(&self) -> Instant {
        self.taken
    }

    /// Gives the slot back, for a caller that has just looked at the clock.
    pub fn give_back(self, now: Instant) {
        let Self { bulkhead, taken } = *ManuallyDrop::new(self);
        bulkhead.take_back(taken, now);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.bulkhead.take_back(self.taken, self.bulkhead.clock.now());
    }
}

/// Where a waiter is told when it was given a slot.
type Slot = oneshot::Sender<Instant>;

struct State {
    limits: BulkheadLimits,
    running: usize,
    /// Each waiter's ticket, ascending, and where to send the slot; empty whenever a slot is free.
    queue: VecDeque<(u64, Slot)>,
    next_ticket: u64,
    /// How long a slot is held, smoothed; none before the first return.
    hold_mean_ns: Option<u64>,
    rejections: Rejections,
}

impl State {
    /// Takes a slot if one is free.
    fn take_free(&mut self) -> bool {
        let is_free = self.running < self.limits.running_max;
        debug_assert!(!is_free || self.queue.is_empty(), "a slot is free and somebody waits");
        self.running += usize::from(is_free);
        is_free
    }

    /// Takes the first waiter out of the queue to be handed a slot that is free.
    fn grow(&mut self) -> Option<Slot> {
        let first = if self.running < self.limits.running_max { self.queue.pop_front() } else { None };
        self.running += usize::from(first.is_some());
        first.map(|(_, slot)| slot)
    }

    /// Takes the first waiter out of the queue to be handed the slot in hand; with none left, or one slot too many, the slot
    /// is gone.
    fn next_in_line(&mut self) -> Option<Slot> {
        let first = if self.running <= self.limits.running_max { self.queue.pop_front() } else { None };
        if first.is_none() {
            self.running -= 1;
        }
        first.map(|(_, slot)| slot)
    }

    fn learn_hold(&mut self, held: Duration) {
        let held_ns = u64::try_from(held.as_nanos()).unwrap_or(u64::MAX);
        let mean_ns = self.hold_mean_ns.unwrap_or(held_ns);
        self.hold_mean_ns = Some(mean_ns - mean_ns / HOLD_WEIGHT + held_ns / HOLD_WEIGHT);
    }

    /// Turns a call away, estimating when it would get a slot: after everyone ahead, at the pace at which slots come back.
    fn reject(&mut self, reason: Reason, now: Instant) -> NotExecuted {
        self.rejections.note(reason, now);
        let estimate = self.predicted_wait().unwrap_or(self.limits.wait_max);
        NotExecuted { reason, retry_after: estimate.clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX) }
    }

    /// Returns how long a newcomer would wait at the pace of late; `None` before any slot came back.
    fn predicted_wait(&self) -> Option<Duration> {
        let ahead = self.queue.len() as u64 + 1;
        self.hold_mean_ns.map(|mean| Duration::from_nanos(mean.saturating_mul(ahead) / self.limits.running_max as u64))
    }
}

/// The newest hold counts one part in so many towards the mean.
const HOLD_WEIGHT: u64 = 8;
const RETRY_AFTER_MIN: Duration = Duration::from_millis(10);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// A place in the queue; dropping it gives the place up, and a slot that was already handed over with it.
struct Place<'a> {
    bulkhead: &'a Bulkhead,
    ticket: u64,
    handed: oneshot::Receiver<Instant>,
}

impl<'a> Place<'a> {
    async fn wait(mut self, deadline: Deadline) -> Result<Permit<'a>, NotExecuted> {
        let Bulkhead { clock, state } = self.bulkhead;
        let wait_max = state.lock().limits.wait_max;
        let wait_end = deadline.capped(clock, wait_max);
        let handed = timeout_at(wait_end.at(), &mut self.handed).await;
        let permit = handed.ok().and_then(Result::ok).map(|taken| self.bulkhead.permit(taken));
        if deadline.is_expired(clock) {
            return Err(NotExecuted::deadline_exceeded());
        }
        permit.ok_or_else(|| {
            let now = clock.now();
            state.lock().reject(Reason::BulkheadWaitTimeout, now)
        })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let left = {
            let mut state = self.bulkhead.state.lock();
            let queue = &mut state.queue;
            let found = queue.binary_search_by_key(&self.ticket, |(ticket, _)| *ticket);
            found.ok().and_then(|index| queue.remove(index))
        };
        // Outside the lock, as dropping the sending half may wake a task.
        drop(left);
        // From here on whoever hands a slot over keeps it; one that has come is passed on.
        self.handed.close();
        if let Ok(taken) = self.handed.try_recv() {
            self.bulkhead.take_back(taken, self.bulkhead.clock.now());
        }
    }
}
