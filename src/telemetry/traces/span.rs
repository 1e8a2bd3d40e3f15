//! One span: what was done, for whom, from when to when.

use std::borrow::Cow;
use std::sync::Arc;

use tokio::time::Instant;

use super::tracer::Shared;
use crate::domain::TraceContext;

/// How many links a span has at most; the rest are counted.
pub(super) const LINKS_MAX: usize = 128;
/// The error of a span that was let go before its end.
const ABANDONED: &str = "abandoned";

/// What a span is to the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// Something of our own.
    Internal,
    /// A request of somebody else's.
    Server,
    /// A request to somebody else.
    Client,
    /// A message that is handled.
    Consumer,
}

/// What an attribute says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text.
    Text(Cow<'static, str>),
    /// A number.
    Int(i64),
    /// A number with a fraction.
    Double(f64),
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<&Arc<str>> for Value {
    fn from(text: &Arc<str>) -> Self {
        Self::Text(Cow::Owned(text.as_ref().to_owned()))
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Int(number.into())
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::from(number as u64)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Double(number)
    }
}

/// A span as it is told.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) context: TraceContext,
    pub(super) parent: Option<TraceContext>,
    pub(super) name: Cow<'static, str>,
    pub(super) kind: SpanKind,
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
    pub(super) attributes: Vec<(&'static str, Value)>,
    pub(super) links: Vec<TraceContext>,
    pub(super) links_dropped: u32,
    pub(super) error: Option<Cow<'static, str>>,
}

/// A span that is going on, or none where nothing is told. Let go before its end, it is told as abandoned.
#[derive(Debug, Default)]
pub struct Span(Option<Box<Open>>);

#[derive(Debug)]
struct Open {
    tracer: Arc<Shared>,
    started: Instant,
    record: Record,
}

impl Span {
    pub(super) fn open(tracer: Arc<Shared>, record: Record) -> Self {
        let started = tracer.clock.now();
        Self(Some(Box::new(Open { tracer, started, record })))
    }

    /// Tells whether anything is told.
    #[must_use]
    pub const fn is_told(&self) -> bool {
        self.0.is_some()
    }

    /// Returns its place, for what follows from it.
    #[must_use]
    pub fn context(&self) -> Option<TraceContext> {
        self.0.as_ref().map(|open| open.record.context)
    }

    /// Names it anew, where its name is only known at its end.
    pub fn rename(&mut self, name: impl FnOnce() -> String) {
        if let Some(open) = &mut self.0 {
            open.record.name = Cow::Owned(name());
        }
    }

    /// Says more of it; the last word counts.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        if let Some(open) = &mut self.0 {
            open.record.attributes.retain(|(said, _)| *said != key);
            open.record.attributes.push((key, value.into()));
        }
    }

    /// Says that it has to do with another.
    pub fn link(&mut self, other: TraceContext) {
        let Some(open) = &mut self.0 else { return };
        match open.record.links.len() < LINKS_MAX {
            true => open.record.links.push(other),
            false => open.record.links_dropped += 1,
        }
    }

    /// Says that it has failed, in one of few words.
    pub fn fail(&mut self, error: impl Into<Cow<'static, str>>) {
        if let Some(open) = &mut self.0 {
            open.record.error = Some(error.into());
        }
    }

    /// Ends it.
    pub fn end(mut self) {
        if let Some(open) = self.0.take() {
            open.tell();
        }
    }

    /// Ends it now and says nothing of it.
    pub fn discard(mut self) {
        self.0 = None;
    }
}

impl Open {
    fn tell(self) {
        let Self { tracer, started, mut record } = self;
        let took = tracer.clock.now().saturating_duration_since(started);
        record.end_ns = record.start_ns.saturating_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        tracer.queue(record);
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(mut open) = self.0.take() {
            open.record.error.get_or_insert(Cow::Borrowed(ABANDONED));
            open.tell();
        }
    }
}
