//! The newest calls that took more than one attempt, or failed, for whoever asks; the oldest give way.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::policy::StopReason;

/// How many events are kept, as many as the originals' libraries keep.
const EVENTS_MAX: usize = 100;

/// Something that happened to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryEvent {
    /// When.
    pub at: Instant,
    /// What.
    pub happening: RetryHappening,
    /// How many attempts there had been.
    pub attempts: u32,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryHappening {
    /// An attempt failed, and another follows.
    Retried,
    /// It was answered, not at the first attempt.
    Answered,
    /// It failed, and as often as it may.
    Failed,
    /// It failed in a way that is not tried again.
    NotRetried,
}

impl RetryHappening {
    /// Says how a call ended that was stopped for this reason.
    pub(super) const fn ended(reason: StopReason) -> Self {
        match reason {
            StopReason::Class => Self::NotRetried,
            StopReason::Max | StopReason::Deadline | StopReason::Budget => Self::Failed,
        }
    }
}

/// A bounded log of them. Calls that are answered at once never come here.
#[derive(Debug, Default)]
pub(super) struct RetryLog(VecDeque<RetryEvent>);

impl RetryLog {
    /// Returns what is kept, oldest first.
    pub(super) fn newest(&self) -> Vec<RetryEvent> {
        self.0.iter().copied().collect()
    }

    pub(super) fn note(&mut self, event: RetryEvent) {
        if self.0.len() == EVENTS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn the_newest_hundred_are_kept_oldest_first() {
        let at = Clock::manual(0, 1).now();
        let mut log = RetryLog::default();
        for attempts in 0..250 {
            log.note(RetryEvent { at, happening: RetryHappening::Retried, attempts });
        }
        let kept: Vec<_> = log.newest().iter().map(|event| event.attempts).collect();
        assert_eq!(kept, (150..250).collect::<Vec<_>>());
    }
}
