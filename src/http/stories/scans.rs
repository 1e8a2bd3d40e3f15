//! Reading the log for one answer: a bounded number at once, none longer than its request may take.

use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::domain::Recorded;
use crate::http::problem::Problem;
use crate::journal::reading::ReadError;
use crate::journal::{Journal, Position};
use crate::resilience::{Deadline, NotExecuted, Reason};

/// How many scans run at once: they share the threads that read with followers that fell behind.
pub const SCANS_MAX: usize = 16;
/// How many facts are read at once.
const READ_MAX: usize = 4_096;

/// The scans under way.
#[derive(Debug)]
pub struct Scans {
    slots: Semaphore,
}

impl Default for Scans {
    fn default() -> Self {
        Self { slots: Semaphore::new(SCANS_MAX) }
    }
}

impl Scans {
    /// Shows facts that are durable now to `take`, in order from a position on, until it breaks off.
    ///
    /// # Errors
    ///
    /// Fails at once when too many scans run, at the deadline, and when the log cannot be read.
    pub(super) async fn read(
        &self,
        journal: &Journal,
        from: Position,
        deadline: Deadline,
        take: impl FnMut(&Recorded) -> ControlFlow<()>,
    ) -> Result<(), Problem> {
        let Ok(_slot) = self.slots.try_acquire() else { return Err(Problem::unavailable(Reason::BulkheadFull)) };
        match tokio::time::timeout_at(deadline.at(), scan(journal, from, take)).await {
            Ok(read) => read.map_err(unreadable),
            Err(_) => Err(NotExecuted::deadline_exceeded().into()),
        }
    }
}

async fn scan(
    journal: &Journal,
    from: Position,
    mut take: impl FnMut(&Recorded) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    let end = *journal.durable().borrow();
    let mut next = from.max(1);
    while next <= end {
        let facts: Vec<Arc<Recorded>> = journal.facts_from(next, READ_MAX).await?;
        let Some(last) = facts.last() else { break };
        next = last.position + 1;
        for fact in facts.iter().take_while(|fact| fact.position <= end) {
            if take(fact).is_break() {
                return Ok(());
            }
        }
        // Facts in memory come without a wait: others and the deadline get their turn here.
        tokio::task::yield_now().await;
    }
    Ok(())
}

fn unreadable(error: ReadError) -> Problem {
    Problem::Internal(format!("the log cannot be read: {error}"))
}

#[cfg(test)]
impl Scans {
    /// Takes every slot until the permit is dropped.
    pub(in crate::http) fn take_all(&self) -> tokio::sync::SemaphorePermit<'_> {
        let slots = u32::try_from(SCANS_MAX).expect("a small number");
        self.slots.try_acquire_many(slots).expect("no scan is under way")
    }
}
