//! The newest facts in memory, decoded once for all followers.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use super::record::Position;
use crate::domain::Recorded;

/// How many facts are kept in memory for followers that keep up.
pub const FEED_FACTS_MAX: usize = 65_536;

/// A bounded ring of the newest facts; a follower that falls behind reads the log.
#[derive(Debug, Default)]
pub struct Feed {
    facts: Mutex<VecDeque<Arc<Recorded>>>,
}

impl Feed {
    /// Adds a group's facts in order; those already there are skipped.
    pub fn push(&self, recorded: impl IntoIterator<Item = Recorded>) {
        let mut facts = self.facts.lock();
        for fact in recorded {
            if facts.back().is_none_or(|last| last.position < fact.position) {
                facts.push_back(Arc::new(fact));
            }
        }
        let surplus = facts.len().saturating_sub(FEED_FACTS_MAX);
        facts.drain(..surplus);
    }

    /// Returns up to `max` facts from `from` on; `None` when they are no longer (or not yet) in memory.
    #[must_use]
    pub fn from(&self, from: Position, max: usize) -> Option<Vec<Arc<Recorded>>> {
        let facts = self.facts.lock();
        let first = facts.front()?.position;
        let skip = usize::try_from(from.checked_sub(first)?).ok()?;
        if skip > facts.len() {
            return None;
        }
        Some(facts.iter().skip(skip).take(max).cloned().collect())
    }
}
