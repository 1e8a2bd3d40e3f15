//! The newest events of a breaker, for whoever asks; producers never wait, and the oldest give way.

use std::collections::VecDeque;
use std::time::Duration;

use super::call::Outcome;
use super::moment::Moment;
use super::transition::Transition;

/// How many changes of state are kept, and how many calls beside them, as the originals' libraries keep.
const EVENTS_MAX: usize = 100;
/// How often a rejection is noted: an open breaker turns thousands away, and they would push everything else out.
const REJECTION_EVERY: Duration = Duration::from_millis(100);

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Counts up from 1; a gap says how many were given way.
    pub number: u64,
    /// When.
    pub at: Moment,
    /// What.
    pub happening: Happening,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The state changed.
    Moved(Transition),
    /// A call failed.
    Failed {
        /// How long it took.
        took: Duration,
    },
    /// A call was not admitted; one of many.
    Rejected,
}

/// A bounded log of events.
#[derive(Clone, Debug, Default)]
pub struct EventLog {
    moves: VecDeque<Event>,
    /// Apart: a burst of failures would push the changes of state out.
    calls: VecDeque<Event>,
    count: u64,
    /// From when on a rejection is noted.
    next_rejection: Moment,
}

impl EventLog {
    /// Returns what is kept, oldest first.
    #[must_use]
    pub fn newest(&self) -> Vec<Event> {
        let mut events: Vec<Event> = self.moves.iter().chain(&self.calls).copied().collect();
        events.sort_by_key(|event| event.number);
        events
    }

    pub(super) fn moved(&mut self, transition: Transition) {
        self.push(transition.at, Happening::Moved(transition));
    }

    pub(super) fn ended(&mut self, outcome: Outcome, took: Duration, now: Moment) {
        if outcome == Outcome::Failure {
            self.push(now, Happening::Failed { took });
        }
    }

    /// Notes a rejection, unless another was noted just before; returns from when on the next is.
    pub(super) fn rejected(&mut self, now: Moment) -> Moment {
        if now >= self.next_rejection {
            self.next_rejection = now.after(REJECTION_EVERY);
            self.push(now, Happening::Rejected);
        }
        self.next_rejection
    }

    fn push(&mut self, at: Moment, happening: Happening) {
        let events = if matches!(happening, Happening::Moved(_)) { &mut self.moves } else { &mut self.calls };
        if events.len() == EVENTS_MAX {
            events.pop_front();
        }
        self.count += 1;
        events.push_back(Event { number: self.count, at, happening });
    }
}
