//! A fact as the log holds it, and the names facts go by.

use std::fmt;
use std::sync::Arc;

use super::message::{AnyEvent, Event};
use super::trace::TraceContext;

/// The kind of an aggregate or view, as `system/service/kind`; the name is stored, so it never changes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(&'static str);

impl Kind {
    /// Names a kind by its path `system/service/kind`.
    ///
    /// # Panics
    ///
    /// Panics (at compile time in a `const`) when the path is longer than 255 bytes.
    #[must_use]
    pub const fn new(path: &'static str) -> Self {
        assert!(path.len() <= 255, "a kind's path is at most 255 bytes");
        Self(path)
    }

    /// Returns the whole path.
    #[must_use]
    pub const fn path(self) -> &'static str {
        self.0
    }

    /// Returns the system's name.
    #[must_use]
    pub fn system(self) -> &'static str {
        self.part(0)
    }

    /// Returns the service's name.
    #[must_use]
    pub fn service(self) -> &'static str {
        self.part(1)
    }

    /// Returns the kind's own name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.part(2)
    }

    fn part(self, index: usize) -> &'static str {
        self.0.split('/').nth(index).unwrap_or("")
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// One aggregate or view row: a kind and an id. Its facts are versions 1..n.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stream {
    /// What it is.
    pub kind: Kind,
    /// Which one.
    pub id: u64,
}

impl Stream {
    /// Names one aggregate.
    #[must_use]
    pub const fn new(kind: Kind, id: u64) -> Self {
        Self { kind, id }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.id)
    }
}

/// A committed event with everything known about it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its place in the log; dense from 1.
    pub position: u64,
    /// Whose fact it is.
    pub stream: Stream,
    /// Its number in the stream; dense from 1.
    pub version: u64,
    /// How many public facts the stream has up to and including this one: what `ETag` shows.
    pub public_version: u64,
    /// When it was decided, in milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// The command that caused it.
    pub command: u128,
    /// The position of the fact that caused the command; 0 when a client did.
    pub causation: u64,
    /// The story it belongs to.
    pub correlation: Arc<str>,
    /// The place of its command in a trace that is told.
    pub trace: Option<TraceContext>,
    /// What happened.
    pub event: Arc<dyn AnyEvent>,
}

impl Recorded {
    /// Gives the typed event when it belongs to that family.
    #[must_use]
    pub fn of<E: Event>(&self) -> Option<&E> {
        self.event.as_any().downcast_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::super::system::spec::tests::{ForeignEvent, SeatEvent, SeatTaken, recorded};
    use super::*;

    #[test]
    fn a_kind_says_where_it_lives() {
        let kind = Kind::new("theatre/hall/seat");
        assert_eq!((kind.system(), kind.service(), kind.name()), ("theatre", "hall", "seat"));
        assert_eq!(kind.to_string(), kind.path());
        assert_eq!(Stream::new(kind, 7).to_string(), "theatre/hall/seat/7");
    }

    #[test]
    fn a_fact_gives_its_event_only_as_what_it_is() {
        let fact = recorded(SeatEvent::from(SeatTaken { seat: 7 }));
        assert_eq!(fact.of::<SeatEvent>(), Some(&SeatTaken { seat: 7 }.into()));
        assert_eq!(fact.of::<ForeignEvent>(), None);
    }
}
