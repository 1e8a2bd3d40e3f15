//! What operators decide about circuit breakers: written into the log first, then done, and remembered with who and why
//! for as long as it is so.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;

use super::hal::decoded;
use super::problem::Problem;
use super::request::Request;
use super::routes::Edge;
use crate::resilience::breaker::{Mode, Moment, Snapshot, State};
use crate::resilience::{Guard, Retry};

/// The longest time for which an operator may take a breaker's decision from it: what is forgotten ends by itself.
pub(super) const FORCED_MAX: Duration = Duration::from_secs(24 * 3_600);

/// The newest decision about each breaker; as many as there are guards at most.
#[derive(Debug, Default)]
pub struct Decisions(Mutex<HashMap<String, Decision>>);

/// Who took a breaker's decision from it, why, and until when.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    /// From where it was asked.
    pub(super) by: Option<IpAddr>,
    pub(super) reason: String,
    pub(super) until: Moment,
    /// Which of the breaker's states it is: the next one is not this decision any more.
    generation: u32,
}

/// What an operator wants of a breaker: a state for a time, or that it decides again, closed to begin with.
pub(super) type Wish = Option<(Mode, Duration)>;

impl Decisions {
    /// Does what is wished; of two operators the later has his way, and is the one who is remembered.
    fn carry_out(&self, guard: &Guard, wish: Wish, by: Option<IpAddr>, reason: &str) {
        let mut decisions = self.0.lock();
        let now = guard.now();
        guard.breaker().force(wish.map(|(mode, time)| (mode, Some(time))), now);
        match wish {
            Some((_, time)) => {
                let generation = guard.breaker().snapshot(now).generation;
                let decision = Decision { by, reason: reason.to_owned(), until: now.after(time), generation };
                decisions.insert(guard.name().to_owned(), decision);
            }
            None => drop(decisions.remove(guard.name())),
        }
    }

    /// Returns the decision that a breaker is in the state of, if it is in one.
    pub(super) fn of(&self, guard: &Guard, seen: &Snapshot) -> Option<Decision> {
        let is_forced = matches!(seen.state, State::Forced(_));
        let decision = self.0.lock().get(guard.name()).cloned();
        decision.filter(|decision| is_forced && decision.generation == seen.generation)
    }
}

impl Edge {
    /// Returns the guards whose names begin so, by name.
    pub(super) fn guards(&self, within: &str) -> Vec<&Guard> {
        let mut guards = self.runtime.guards();
        guards.retain(|guard| guard.name().starts_with(within));
        guards
    }

    /// Returns the retries whose names begin so, by name.
    pub(super) fn retries(&self, within: &str) -> Vec<&Retry> {
        let mut retries = self.runtime.retries();
        retries.retain(|retry| retry.name().starts_with(within));
        retries
    }

    /// Finds one of them.
    ///
    /// # Errors
    ///
    /// Fails when none of them has the name.
    pub(super) fn guard(&self, within: &str, name: &str) -> Result<&Guard, Problem> {
        let mut guards = self.guards(within).into_iter();
        guards.find(|guard| guard.name() == name).ok_or(Problem::NoSuchAddress)
    }

    /// Does what an operator wants of a breaker, once it stands in the log.
    ///
    /// # Errors
    ///
    /// Fails when it cannot be written into the log; nothing is done then.
    pub(super) async fn steer(
        &self,
        request: &Request,
        guard: &Guard,
        wish: Wish,
        reason: &str,
    ) -> Result<(), Problem> {
        let action = match wish {
            Some((mode, time)) => format!("force breaker {} for {time:?}", State::Forced(mode).code()),
            None => "close breaker".to_owned(),
        };
        self.audit(request, reason, &action, guard.name()).await?;
        self.decisions.carry_out(guard, wish, request.peer.map(|peer| peer.ip()), reason);
        Ok(())
    }

    /// Returns the wall time of so long ago, to the millisecond.
    pub(super) fn ago(&self, age: Duration) -> Timestamp {
        timestamp(self.clock.wall_ms().saturating_sub(millis(age)))
    }

    /// Returns the wall time in so long, to the millisecond.
    pub(super) fn ahead(&self, wait: Duration) -> Timestamp {
        timestamp(self.clock.wall_ms().saturating_add(millis(wait)))
    }
}

/// Looks at a breaker, which first does what the time has brought about: nobody else may have come by.
pub(super) fn look(guard: &Guard) -> (Snapshot, Moment) {
    let now = guard.now();
    guard.breaker().tick(now);
    (guard.breaker().snapshot(now), now)
}

/// Reads a name with slashes from the rest of a path, whether they were escaped or not.
pub(super) fn name_of(segments: &[&str]) -> String {
    decoded(&segments.join("/"))
}

fn timestamp(time_ms: u64) -> Timestamp {
    i64::try_from(time_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or_default()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
