//! What happened: an aggregate's history and past, the story of a correlation id, the feed of events.
//!
//! Each reads the log, all of it or what its index names; how many do so at once is bounded, and each ends with its
//! request's deadline.

mod scans;
mod history;
mod correlation;
mod feed;
mod page;
mod fact;

pub use scans::{SCANS_MAX, Scans};

pub(in crate::http) use correlation::correlation;
pub(in crate::http) use feed::events;
pub(in crate::http) use history::{history, row_at};

/// The most facts one answer tells.
pub const FACTS_MAX: usize = 10_000;
