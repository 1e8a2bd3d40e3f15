//! Outcomes that only a moment's resend asks for: in memory, bounded by time and number.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use foldhash::HashMap;
use tokio::time::Instant;

use crate::journal::record::Answered;

/// Outcomes of unkeyed clients' commands, for as long as they may ask again.
#[derive(Debug, Default)]
pub(in crate::journal) struct Recent {
    answers: HashMap<u128, Arc<Answered>>,
    order: VecDeque<(Instant, u128)>,
}

/// How many unkeyed outcomes are remembered at most.
const RECENT_MAX: usize = 131_072;

impl Recent {
    pub(in crate::journal) fn get(&self, command: u128) -> Option<Arc<Answered>> {
        self.answers.get(&command).cloned()
    }

    pub(in crate::journal) fn forget(&mut self, command: u128) {
        self.answers.remove(&command);
    }

    pub(in crate::journal) fn put(&mut self, now: Instant, keep: Duration, command: u128, answered: Arc<Answered>) {
        if self.answers.insert(command, answered).is_none() {
            self.order.push_back((now, command));
        }
        while let Some((at, oldest)) = self.order.front().copied() {
            if now - at < keep && self.order.len() <= RECENT_MAX {
                break;
            }
            self.answers.remove(&oldest);
            self.order.pop_front();
        }
    }
}
