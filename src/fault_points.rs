//! Points at which tests have the house fail: every step at which something could. Outside of tests they are nothing.
//!
//! A test orders one deed at one point on its own thread; who comes there first does it.

use thiserror::Error;

/// A step at which something could go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultPoint {
    /// An aggregate has a command in hand.
    CommandTaken,
    /// What it decided is in the committer's hands, if anything is.
    CommandHandedOver,
    /// A group is laid out and not with the writer.
    GroupGathered,
    /// A group is durable and nobody has seen it.
    GroupWritten,
    /// A group is visible and nobody has been answered.
    GroupVisible,
    /// An aggregate is about to pass the barrier.
    RecoveryBegun,
    /// It has recovered and has handled nothing.
    Recovered,
    /// An aggregate was told to leave and has not begun to.
    Leaving,
    /// It has handled its last message and has not been forgotten.
    Left,
    /// An ask is about to be made.
    AskBegun,
    /// It is answered and its asker has not been told.
    AskAnswered,
    /// The asker has acknowledged what it was told.
    AskAcknowledged,
    /// Policies have taken facts in.
    PolicyTakenIn,
    /// A policy has said what follows from a fact, and nobody has been told.
    PolicyReacted,
    /// A policy's command is answered.
    PolicyCommanded,
    /// A policy's position has moved.
    PolicySaved,
    /// A view has read facts.
    ViewRead,
    /// Its rows are made and not handed over.
    ViewApplied,
    /// Rows and position have moved.
    ViewSaved,
    /// The runtime begins to stop.
    StopBegun,
    /// No ask runs any more.
    AsksStopped,
    /// No actor lives any more.
    TreeStopped,
    /// Nothing is on its way to the journal any more.
    Flushed,
    /// The store holds everything.
    Drained,
    /// It is on the disk.
    Settled,
    /// The log is sealed.
    Sealed,
    /// The checkpoint is written.
    Checkpointed,
}

/// A failure that a test ordered.
#[derive(Clone, Copy, Debug, Error)]
#[error("a test ordered a failure at {0:?}")]
pub struct Injected(pub FaultPoint);

/// Comes to a point.
///
/// # Errors
///
/// Fails in tests that order it, never else.
#[cfg(not(test))]
pub(crate) fn at(_: FaultPoint) -> std::future::Ready<Result<(), Injected>> {
    std::future::ready(Ok(()))
}

#[cfg(test)]
pub(crate) use ordered::{Deed, at, order, visited, was_reached};

#[cfg(test)]
mod ordered {
    use std::cell::{Cell, RefCell};
    use std::time::Duration;

    use super::{FaultPoint, Injected};

    /// How long who is delayed is: longer than an ask may take.
    const DELAY: Duration = Duration::from_millis(700);

    /// How many points are remembered; long runs have no use for them.
    const VISITED_MAX: usize = 1_024;

    /// What happens at a point.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Deed {
        /// Who comes there panics.
        Panic,
        /// Who comes there never goes on, for whoever kills it.
        Hang,
        /// The step fails.
        Error,
        /// It takes longer than anybody waits.
        Delay,
    }

    thread_local! {
        static ORDERED: Cell<Option<(FaultPoint, Deed)>> = const { Cell::new(None) };
        static VISITED: RefCell<Vec<FaultPoint>> = const { RefCell::new(Vec::new()) };
    }

    /// Orders a deed of whoever comes to a point first, on this thread.
    pub(crate) fn order(point: FaultPoint, deed: Deed) {
        ORDERED.set(Some((point, deed)));
    }

    /// Tells whether somebody has come to the point of the last order.
    pub(crate) fn was_reached() -> bool {
        ORDERED.get().is_none()
    }

    /// Returns the points that were come to on this thread since the last time this was asked, the newest last.
    pub(crate) fn visited() -> Vec<FaultPoint> {
        VISITED.take()
    }

    pub(crate) async fn at(point: FaultPoint) -> Result<(), Injected> {
        VISITED.with_borrow_mut(|visited| {
            if visited.len() < VISITED_MAX {
                visited.push(point);
            }
        });
        let Some((_, deed)) = ORDERED.get().filter(|(ordered, _)| *ordered == point) else { return Ok(()) };
        ORDERED.set(None);
        match deed {
            Deed::Panic => panic!("a test ordered a panic at {point:?}"),
            Deed::Hang => std::future::pending().await,
            Deed::Error => Err(Injected(point)),
            Deed::Delay => {
                tokio::time::sleep(DELAY).await;
                Ok(())
            }
        }
    }
}
