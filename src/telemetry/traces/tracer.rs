//! Who decides what is told, and begins spans.

use std::borrow::Cow;
use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::parent::TraceParent;
use super::span::{Record, Span, SpanKind, Value};
use crate::clock::Clock;
use crate::domain::TraceContext;
use crate::telemetry::metrics;

/// How many spans may wait for the collector.
pub(super) const QUEUE_MAX: usize = 8_192;

/// Begins spans; clones share one queue. The default tells nothing.
#[derive(Clone, Debug, Default)]
pub struct Tracer(Option<Arc<Shared>>);

/// What all spans share.
pub(super) struct Shared {
    pub(super) clock: Clock,
    sampled: f64,
    spans: mpsc::Sender<Record>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("sampled", &self.sampled).finish_non_exhaustive()
    }
}

impl Shared {
    /// Hands a span over, or drops it: nobody waits for a collector.
    pub(super) fn queue(&self, record: Record) {
        match self.spans.try_send(record) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => metrics::spans_dropped("queue-full", 1),
            Err(TrySendError::Closed(_)) => metrics::spans_dropped("stopped", 1),
        }
    }

    fn span_id(&self) -> NonZeroU64 {
        // Zero stands for none; it is drawn once in 2^64 times.
        NonZeroU64::new(self.clock.random()).unwrap_or(NonZeroU64::MIN)
    }

    fn trace_id(&self) -> NonZeroU128 {
        let drawn = (u128::from(self.clock.random()) << 64) | u128::from(self.clock.random());
        NonZeroU128::new(drawn).unwrap_or(NonZeroU128::MIN)
    }
}

impl Tracer {
    /// Tells this share of the traces that begin here, and every trace whose sender tells it.
    pub(super) fn new(sampled: f64, clock: Clock) -> (Self, mpsc::Receiver<Record>) {
        let (spans, queued) = mpsc::channel(QUEUE_MAX);
        (Self(Some(Arc::new(Shared { clock, sampled, spans }))), queued)
    }

    /// Begins the span of a request from outside, if it is told: the sender decides, or chance where there is none.
    #[must_use]
    pub fn arrived(&self, parent: Option<TraceParent>) -> Span {
        let Some(shared) = &self.0 else { return Span::default() };
        let is_told = parent.map_or_else(|| shared.clock.fraction() < shared.sampled, |parent| parent.sampled);
        match is_told {
            true => begun(shared, parent.map(|parent| parent.context), SpanKind::Server, "HTTP"),
            false => Span::default(),
        }
    }

    /// Begins a span below another, if that is told.
    #[must_use]
    pub fn begin<const N: usize>(
        &self,
        parent: Option<TraceContext>,
        kind: SpanKind,
        said: impl FnOnce() -> (String, [(&'static str, Value); N]),
    ) -> Span {
        let (Some(shared), Some(parent)) = (&self.0, parent) else { return Span::default() };
        let (name, attributes) = said();
        let mut span = begun(shared, Some(parent), kind, name);
        attributes.into_iter().for_each(|(key, value)| span.set(key, value));
        span
    }

    /// Begins a span that stands for several others, in a trace of its own with links to them; none for none.
    #[must_use]
    pub fn gathered(&self, name: &'static str, members: impl IntoIterator<Item = TraceContext>) -> Span {
        let Some(shared) = &self.0 else { return Span::default() };
        let mut members = members.into_iter().peekable();
        if members.peek().is_none() {
            return Span::default();
        }
        let mut span = begun(shared, None, SpanKind::Internal, name);
        members.for_each(|member| span.link(member));
        span
    }
}

fn begun(
    shared: &Arc<Shared>,
    parent: Option<TraceContext>,
    kind: SpanKind,
    name: impl Into<Cow<'static, str>>,
) -> Span {
    let trace_id = parent.map_or_else(|| shared.trace_id(), |parent| parent.trace_id);
    let start_ns = shared.clock.wall_ns();
    let record = Record {
        context: TraceContext { trace_id, span_id: shared.span_id() },
        parent,
        name: name.into(),
        kind,
        start_ns,
        end_ns: start_ns,
        attributes: Vec::new(),
        links: Vec::new(),
        links_dropped: 0,
        error: None,
    };
    Span::open(Arc::clone(shared), record)
}
