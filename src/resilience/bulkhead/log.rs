//! The newest rejections of a bulkhead, for whoever asks; the oldest give way. Calls that get a slot never come here.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::resilience::outcome::Reason;

/// How many are kept, as many as the originals' libraries keep.
const REJECTIONS_MAX: usize = 100;
/// How often one is noted: a flood turns thousands away, and they would push everything else out.
const REJECTION_EVERY: Duration = Duration::from_millis(100);

/// A call that was turned away; one of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// When.
    pub at: Instant,
    /// Why.
    pub reason: Reason,
}

/// A bounded log of them.
#[derive(Debug, Default)]
pub(super) struct Rejections(VecDeque<Rejection>);

impl Rejections {
    /// Returns what is kept, oldest first.
    pub(super) fn newest(&self) -> Vec<Rejection> {
        self.0.iter().copied().collect()
    }

    /// Notes one, unless another was noted just before.
    pub(super) fn note(&mut self, reason: Reason, at: Instant) {
        if self.0.back().is_some_and(|last| at.saturating_duration_since(last.at) < REJECTION_EVERY) {
            return;
        }
        if self.0.len() == REJECTIONS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Rejection { at, reason });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn a_flood_is_noted_ten_times_a_second_and_the_newest_hundred_are_kept() {
        let began = Clock::manual(0, 1).now();
        let mut log = Rejections::default();
        for ms in 0..20_000 {
            log.note(Reason::BulkheadFull, began + Duration::from_millis(ms));
        }
        let kept: Vec<_> = log.newest().iter().map(|rejection| (rejection.at - began).as_millis()).collect();
        assert_eq!(kept, (10_000..20_000).step_by(100).collect::<Vec<_>>());
    }

    #[test]
    fn one_whose_time_was_read_before_the_last_ones_moves_nothing() {
        let now = Clock::manual(0, 1).now() + Duration::from_secs(1);
        let mut log = Rejections::default();
        log.note(Reason::BulkheadFull, now);
        log.note(Reason::WouldExpire, now - Duration::from_millis(1));
        assert_eq!(log.newest(), [Rejection { at: now, reason: Reason::BulkheadFull }]);
    }
}
