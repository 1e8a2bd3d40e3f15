//! Where a command or a fact belongs in a distributed trace.

use std::num::{NonZeroU64, NonZeroU128};

/// A place in a trace that is told to others: a span of it, under which more may stand. What is not told has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// The trace.
    pub trace_id: NonZeroU128,
    /// The span of it that this came from.
    pub span_id: NonZeroU64,
}

impl TraceContext {
    /// Returns the trace's id as everybody writes it: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_text(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// Returns the span's id as everybody writes it: 16 hexadecimal digits.
    #[must_use]
    pub fn span_text(&self) -> String {
        format!("{:016x}", self.span_id)
    }
}
