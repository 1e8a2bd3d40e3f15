//! What goes in and out of the machine: calls and what became of them.

use std::time::Duration;

use super::moment::Moment;

/// An admitted call; its outcome counts for what it was admitted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub(super) generation: u32,
    pub(super) part: Part,
    pub(super) began: Moment,
}

/// What a call was admitted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// One of many.
    Plain,
    /// One of many, noted among those that run.
    Noted(u32),
    /// A try whether the callee is back.
    Probe(u32),
    /// Of a breaker that looks away.
    Unseen,
}

/// A call that was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Why.
    pub why: Rejection,
    /// When another may be, exactly.
    pub retry_after: Duration,
}

/// Why a call was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rejection {
    /// It is open.
    Open,
    /// Its probes are under way.
    HalfOpenFull,
    /// It lets a part of the load through.
    Ramping,
    /// An operator keeps it open.
    Forced,
}

/// What became of an admitted call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The callee did its work, a refusal included.
    Success,
    /// It did not.
    Failure,
    /// It asked for less, or for a pause; no failure while closed.
    Overload {
        /// For how long.
        retry_after: Duration,
    },
    /// It says nothing of the callee.
    Ignored,
    /// The caller went away.
    Cancelled,
    /// A layer further in turned the call away.
    NotExecuted,
}

/// What an event led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// The outcome counts.
    Yes,
    /// The breaker has moved on since the call was admitted.
    Stale,
}

impl Ticket {
    /// Returns the ticket of a call that a closed breaker admits without being asked.
    pub(super) const fn plain(generation: u32, began: Moment) -> Self {
        Self { generation, part: Part::Plain, began }
    }

    /// Returns the generation it was admitted in.
    pub(super) const fn generation(self) -> u32 {
        self.generation
    }

    /// Returns when it was admitted.
    pub(super) const fn began(self) -> Moment {
        self.began
    }

    /// Tells whether it is a try of a half-open breaker, which must be neither hedged nor repeated.
    #[must_use]
    pub const fn is_probe(self) -> bool {
        matches!(self.part, Part::Probe(_))
    }
}
