//! Reading the log for one answer: a bounded number at once, none longer than its request may take.

use std::ops::ControlFlow;

use tokio::sync::Semaphore;

use crate::domain::{Recorded, Stream};
use crate::http::problem::Problem;
use crate::journal::reading::{ReadError, Selected};
use crate::journal::{Journal, Position};
use crate::resilience::{Deadline, NotExecuted, Reason};

/// How many scans run at once: they share the threads that read with followers that fell behind.
pub const SCANS_MAX: usize = 16;
/// How many facts are read at once.
const READ_MAX: usize = 4_096;

/// Which facts are shown.
#[derive(Debug, Clone, Copy)]
pub(super) enum Selection<'a> {
    /// All.
    Everything,
    /// Of one aggregate.
    Of(Stream),
    /// With one correlation id.
    Story(&'a str),
}

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
    /// Shows selected facts that are durable now to `take`, in order from a position on, until it breaks off.
    ///
    /// # Errors
    ///
    /// Fails at once when too many scans run, at the deadline, and when the log cannot be read.
    pub(super) async fn read(
        &self,
        journal: &Journal,
        selection: Selection<'_>,
        from: Position,
        deadline: Deadline,
        take: impl FnMut(&Recorded) -> ControlFlow<()>,
    ) -> Result<(), Problem> {
        let Ok(_slot) = self.slots.try_acquire() else { return Err(Problem::unavailable(Reason::BulkheadFull)) };
        match tokio::time::timeout_at(deadline.at(), scan(journal, selection, from, take)).await {
            Ok(read) => read.map_err(unreadable),
            Err(_) => Err(NotExecuted::deadline_exceeded().into()),
        }
    }
}

async fn scan(
    journal: &Journal,
    selection: Selection<'_>,
    from: Position,
    mut take: impl FnMut(&Recorded) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    let end = *journal.durable().borrow();
    let mut next = from.max(1);
    while next <= end {
        let selected = select(journal, selection, next).await?;
        if selected.next <= next {
            break;
        }
        next = selected.next;
        for fact in selected.facts.iter().take_while(|fact| fact.position <= end) {
            if take(fact).is_break() {
                return Ok(());
            }
        }
        // Facts in memory come without a wait: others and the deadline get their turn here.
        tokio::task::yield_now().await;
    }
    Ok(())
}

async fn select(journal: &Journal, selection: Selection<'_>, from: Position) -> Result<Selected, ReadError> {
    match selection {
        Selection::Everything => {
            let facts = journal.facts_from(from, READ_MAX).await?;
            let next = facts.last().map_or(from, |last| last.position + 1);
            Ok(Selected { facts, next })
        }
        Selection::Of(stream) => journal.facts_of_stream(stream, from, READ_MAX).await,
        Selection::Story(correlation) => journal.facts_of_story(correlation, from, READ_MAX).await,
    }
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
