//! How many aggregates live at once, and who leaves when others want to.
//!
//! A hand goes round the seats of the living: whoever was used since it last came by keeps the seat, up to three rounds
//! for one that is used often, so that a long scan does not empty the house. Others are asked to leave, and leave when
//! nothing of theirs is pending. Nothing is lost with them: the next command recovers another.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::{KindRoom, Living};
use crate::actors::instance::InstanceMessage;
use crate::clock::Clock;
use crate::resilience::{Deadline, NotExecuted, Reason};

/// What an actor costs beside its state, in bytes: measured.
const ACTOR_BYTES: usize = 9_216;
/// How long a start waits for a seat or a recovery at most.
const SEAT_WAIT_MAX: Duration = Duration::from_secs(1);
/// How soon who waits for a seat has the hand move on.
const HAND_EVERY: Duration = Duration::from_millis(5);
/// How many seats the hand passes at once at most, and how many of them it asks to leave.
const SEATS_A_PASS: usize = 64;
const LEAVERS_A_PASS: usize = 4;
/// One seat in so many is kept free, so that a start need not wait for somebody to leave.
const RESERVE_ONE_IN: usize = 8;
/// How many rounds of the hand an aggregate survives unused at most.
const USES_MAX: u8 = 3;

/// How many aggregates may live.
#[derive(Clone, Copy, Debug)]
pub struct LiveLimits {
    /// How many at once.
    pub live_max: usize,
    /// How much memory they may take, in bytes, estimated from their stored size.
    pub bytes_max: usize,
    /// How many recover from the journal at once.
    pub recoveries_max: usize,
}

impl Default for LiveLimits {
    fn default() -> Self {
        Self { live_max: 100_000, bytes_max: 256 * 1024 * 1024, recoveries_max: 1_024 }
    }
}

/// Who lives, in the order of the hand.
#[derive(Debug)]
pub(in crate::actors) struct LiveSet {
    limits: LiveLimits,
    clock: Clock,
    live: AtomicUsize,
    /// Of these, how many were asked to leave and have not answered or ended.
    leaving: AtomicUsize,
    bytes: AtomicUsize,
    freed: Notify,
    recoveries: Arc<Semaphore>,
    seats: Mutex<VecDeque<Seat>>,
}

#[derive(Debug)]
struct Seat {
    room: Arc<KindRoom>,
    id: u64,
    generation: u64,
}

/// The right to live; given back when dropped.
#[derive(Debug)]
pub(in crate::actors) struct Place {
    set: Arc<LiveSet>,
    bytes: usize,
    recovery: Option<OwnedSemaphorePermit>,
}

/// Somebody who was asked to leave. Dropped when they are gone, or could not be asked.
#[derive(Debug)]
pub(in crate::actors) struct Leaver {
    set: Arc<LiveSet>,
    seat: Seat,
}

/// How often an actor was used since the hand came by.
#[derive(Debug, Default)]
pub(in crate::actors) struct Uses(AtomicU8);

impl Uses {
    pub(in crate::actors) fn note(&self) {
        let uses = self.0.load(Ordering::Relaxed);
        if uses < USES_MAX {
            // A use lost in a race is worth nothing.
            self.0.store(uses + 1, Ordering::Relaxed);
        }
    }

    /// Takes one away; tells whether there was none.
    fn fade(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |uses| uses.checked_sub(1)).is_err()
    }
}

impl LiveSet {
    pub(in crate::actors) fn new(limits: LiveLimits, clock: Clock) -> Self {
        Self {
            limits,
            clock,
            live: AtomicUsize::new(0),
            leaving: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            freed: Notify::new(),
            recoveries: Arc::new(Semaphore::new(limits.recoveries_max)),
            seats: Mutex::default(),
        }
    }

    /// Waits for the right to start another, and to recover it unless it is new.
    ///
    /// # Errors
    ///
    /// Refuses when none came free within a second or the deadline; nothing was executed.
    pub(in crate::actors) async fn place(
        self: &Arc<Self>,
        fresh: bool,
        deadline: Deadline,
    ) -> Result<Place, NotExecuted> {
        let give_up = deadline.at().min(self.clock.now() + SEAT_WAIT_MAX);
        let mut place = self.seat_by(give_up).await?;
        if !fresh {
            let recovery = timeout_at(give_up, Arc::clone(&self.recoveries).acquire_owned()).await;
            place.recovery = Some(recovery.ok().and_then(Result::ok).ok_or(FULL)?);
        }
        Ok(place)
    }

    async fn seat_by(self: &Arc<Self>, give_up: Instant) -> Result<Place, NotExecuted> {
        loop {
            let freed = self.freed.notified();
            if let Some(place) = self.try_seat() {
                return Ok(place);
            }
            self.pass();
            let now = self.clock.now();
            if now >= give_up {
                return Err(FULL);
            }
            // Whoever was asked may have stayed: the hand moves on without notice too.
            let _ = timeout_at(give_up.min(now + HAND_EVERY), freed).await;
        }
    }

    fn try_seat(self: &Arc<Self>) -> Option<Place> {
        if self.bytes.load(Ordering::Relaxed) + ACTOR_BYTES > self.limits.bytes_max {
            return None;
        }
        let more = |live: usize| (live < self.limits.live_max).then_some(live + 1);
        let live = self.live.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        let bytes = self.bytes.fetch_add(ACTOR_BYTES, Ordering::Relaxed);
        let leaving = self.leaving.load(Ordering::Relaxed);
        let nearly = |limit: usize| limit - limit / RESERVE_ONE_IN;
        if live.saturating_sub(leaving) >= nearly(self.limits.live_max)
            || bytes.saturating_sub(leaving * ACTOR_BYTES) >= nearly(self.limits.bytes_max)
        {
            self.pass();
        }
        Some(Place { set: Arc::clone(self), bytes: ACTOR_BYTES, recovery: None })
    }

    /// Gives an actor that lives its seat.
    pub(in crate::actors) fn seat(&self, room: &Arc<KindRoom>, id: u64, generation: u64) {
        let mut seats = self.seats.lock();
        seats.push_back(Seat { room: Arc::clone(room), id, generation });
        // The hand rests while there is room: the seats of those that were killed are cleared away here.
        if seats.len() > 2 * self.live.load(Ordering::Relaxed) + SEATS_A_PASS {
            seats.retain(|seat| seat.living().is_some());
        }
    }

    /// Has the hand pass over some seats, unless it is under way.
    fn pass(self: &Arc<Self>) {
        let Some(mut seats) = self.seats.try_lock() else { return };
        let mut leavers = Vec::with_capacity(LEAVERS_A_PASS);
        for _ in 0..SEATS_A_PASS.min(seats.len()) {
            let Some(seat) = seats.pop_front() else { break };
            let Some(living) = seat.living() else { continue };
            if !living.shared.uses.fade() {
                seats.push_back(seat);
                continue;
            }
            self.leaving.fetch_add(1, Ordering::Relaxed);
            leavers.push((living.actor, Leaver { set: Arc::clone(self), seat }));
            if leavers.len() == LEAVERS_A_PASS {
                break;
            }
        }
        drop(seats);
        for (actor, leaver) in leavers {
            // One that is gone meanwhile needs no telling.
            let _ = actor.cast(InstanceMessage::Leave(leaver));
        }
    }

    /// Returns how many live, and the memory they are counted with, in bytes.
    pub(in crate::actors) fn figures(&self) -> (usize, usize) {
        (self.live.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
impl LiveSet {
    /// Returns how many hold a right to recover.
    pub(in crate::actors) fn recovering(&self) -> usize {
        self.limits.recoveries_max - self.recoveries.available_permits()
    }
}

const FULL: NotExecuted = NotExecuted { reason: Reason::RecoveryBusy, retry_after: SEAT_WAIT_MAX };

impl Seat {
    fn living(&self) -> Option<Living> {
        self.room.shard(self.id).incarnation(self.id, self.generation)
    }
}

impl Leaver {
    /// Says that whoever was asked stays.
    pub(in crate::actors) fn stays(self) {
        let Seat { room, id, generation } = &self.seat;
        self.set.seat(room, *id, *generation);
    }
}

impl Drop for Leaver {
    fn drop(&mut self) {
        self.set.leaving.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Place {
    /// Says that the actor has recovered.
    pub(in crate::actors) fn recovered(&mut self) {
        self.recovery = None;
    }

    /// Counts the state at its stored size.
    pub(in crate::actors) fn weigh(&mut self, state_bytes: usize) {
        let bytes = ACTOR_BYTES + state_bytes;
        self.set.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.set.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.set.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.set.live.fetch_sub(1, Ordering::Relaxed);
        self.set.freed.notify_one();
    }
}
