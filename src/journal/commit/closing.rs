//! The end of a journal: everything into the store, the log sealed, a checkpoint for the next start.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::oneshot;

use super::Request;
use crate::fault_points::{self, FaultPoint};
use crate::journal::core::Refused;
use crate::journal::handle::Journal;
use crate::journal::record::Note;

/// How long a close may take before the log is left unsealed, and again before it is left without a checkpoint.
const CLOSE_MAX: Duration = Duration::from_secs(10);

impl Journal {
    /// Empties the overlay, settles the store, seals the log, writes a checkpoint, and ends every thread. Appends
    /// after this are refused.
    pub async fn close(self) {
        let writable = self.writable().is_ok();
        self.core.refuse(Refused::Closing, Some("the journal is closing".to_owned()));
        self.core.closing.store(true, Ordering::Release);
        let sealed = writable && tokio::time::timeout(CLOSE_MAX, self.seal()).await.unwrap_or(false);
        if !sealed {
            tracing::warn!("the log is not sealed; the next start replays what the store lacks");
        }
        if fault_points::at(FaultPoint::Sealed).await.is_err() {
            return;
        }
        // Worth a wait, because the next start may need it; not worth a long one, because it may not.
        if sealed && !matches!(tokio::time::timeout(CLOSE_MAX, self.checkpoint()).await, Ok(Ok(_))) {
            tracing::warn!("no checkpoint was written at the stop; the older ones and the log stay");
        }
        if fault_points::at(FaultPoint::Checkpointed).await.is_err() {
            return;
        }
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        tasks.shutdown().await;
        self.core.refuse_all().await;
        self.core.engine.close().await;
    }

    /// A seal says that the store holds everything, so it comes last, and only if nothing came in between.
    async fn seal(&self) -> bool {
        let (reply, flushed) = oneshot::channel();
        if self.outbox.send(Request::Flush { reply }).await.is_err() || flushed.await.is_err() {
            return false;
        }
        if fault_points::at(FaultPoint::Flushed).await.is_err() {
            return false;
        }
        self.core.overlay.drained().await;
        if fault_points::at(FaultPoint::Drained).await.is_err() {
            return false;
        }
        let group = self.core.group.load(Ordering::Acquire);
        if let Err(error) = self.core.engine.settle().await {
            tracing::warn!(%error, "the store could not be settled");
            return false;
        }
        if fault_points::at(FaultPoint::Settled).await.is_err() {
            return false;
        }
        let still = self.core.group.load(Ordering::Acquire) == group && self.core.overlay.is_empty();
        still && self.note_down(Note::Seal).await.is_some()
    }
}

#[cfg(test)]
impl Journal {
    /// Lets go of every append that is not through, as the end of a process does: they hold who holds the journal.
    pub(crate) async fn ends_with_its_process(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        tasks.shutdown().await;
        self.core.in_flight.lock().take();
        self.core.refuse_all().await;
    }

    /// The same where nothing runs any more.
    pub(crate) fn lets_go(&self) {
        drop(std::mem::take(&mut *self.tasks.lock()));
        self.core.in_flight.lock().take();
        if let Ok(mut inbox) = self.core.inbox.try_lock() {
            inbox.close();
            while inbox.try_recv().is_ok() {}
        }
    }
}
