//! One admitted call, from its slot to its end, which is reported exactly once.

use tokio::time::Instant;

use super::Guard;
use crate::resilience::breaker::{self, Outcome};
use crate::resilience::bulkhead::{self, Partition};
use crate::resilience::outcome::Completion;

/// One admitted call: reports its end exactly once, also when it is dropped or its work panics.
pub(super) struct Attempt<'a> {
    guard: &'a Guard,
    partition: Partition,
    pub(super) began: Instant,
    /// What it holds until its end: the breaker's permit, then the bulkhead's slot.
    held: Option<(breaker::Permit<'a>, bulkhead::Permit<'a>)>,
    /// Set while the work runs: still set on drop, the work panicked. Asking the thread instead would blame this call
    /// for a panic elsewhere that takes it down.
    pub(super) in_work: bool,
    pub(super) completion: Option<Completion>,
}

impl<'a> Attempt<'a> {
    pub(super) fn begin(
        guard: &'a Guard,
        partition: Partition,
        (mut admitted, slot): (breaker::Permit<'a>, bulkhead::Permit<'a>),
        arrived: Instant,
    ) -> Self {
        // Whoever got a slot at once has not waited, and need not look at the clock again.
        let began = slot.taken();
        if began > arrived {
            admitted.begin_work(guard.moment(began));
        }
        guard.observer.admitted(&guard.name, partition, began.saturating_duration_since(arrived));
        Self { guard, partition, began, held: Some((admitted, slot)), in_work: false, completion: None }
    }

    /// Tells whether it tries a callee that may be back.
    pub(super) fn is_probe(&self) -> bool {
        self.held.as_ref().is_some_and(|(admitted, _)| admitted.is_probe())
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let unfinished = if self.in_work { Completion::Failed } else { Completion::Cancelled };
        let completion = self.completion.unwrap_or(unfinished);
        let guard = self.guard;
        let now = guard.clock.now();
        if let Some((admitted, slot)) = self.held.take() {
            // Before the slot: whoever gets it next meets a breaker that knows.
            admitted.settle(completion.into(), guard.moment(now));
            slot.give_back(now);
        }
        let elapsed = now.saturating_duration_since(self.began);
        guard.observer.completed(&guard.name, self.partition, completion, elapsed);
    }
}

impl From<Completion> for Outcome {
    fn from(completion: Completion) -> Self {
        match completion {
            Completion::Success | Completion::Refused => Self::Success,
            Completion::TimedOut | Completion::Failed => Self::Failure,
            Completion::NotExecuted => Self::NotExecuted,
            Completion::Expired | Completion::Cancelled => Self::Cancelled,
        }
    }
}
