//! A storage between the journal and the real one that waits, fails or dies on command.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;

use super::super::Position;
use super::super::engine::{
    Batch, CheckpointFigures, EngineError, Expiry, Figures, Group, Keyed, ReadGroup, Tree, Written,
};
use super::*;

/// Passes everything on, except what it was told not to.
#[derive(Debug)]
pub(super) struct Faults {
    inner: Arc<dyn Engine>,
    /// Writes and syncs fail.
    pub(super) writes_fail: AtomicBool,
    /// How many batches of values are still taken.
    pub(super) applies_left: AtomicU64,
    /// Values are taken, but the process dies before the mark moves.
    pub(super) mark_stays: AtomicBool,
    /// Each batch of values takes one before it is taken.
    pub(super) apply_gate: Semaphore,
    /// How many batches were refused.
    pub(super) applies_refused: AtomicU64,
    /// Each write takes one; closed at first by [`Faults::gated`].
    pub(super) gate: Semaphore,
    /// Gets one for each write that has arrived at the gate.
    pub(super) arrived: Semaphore,
}

impl Faults {
    pub(super) fn on(inner: Arc<dyn Engine>) -> Arc<Self> {
        Self::with_permits(inner, Semaphore::MAX_PERMITS)
    }

    /// Every write waits for a permit of the gate.
    pub(super) fn gated(inner: Arc<dyn Engine>) -> Arc<Self> {
        Self::with_permits(inner, 0)
    }

    fn with_permits(inner: Arc<dyn Engine>, permits: usize) -> Arc<Self> {
        Arc::new(Self {
            inner,
            writes_fail: AtomicBool::new(false),
            applies_left: AtomicU64::new(u64::MAX),
            mark_stays: AtomicBool::new(false),
            apply_gate: Semaphore::new(Semaphore::MAX_PERMITS),
            applies_refused: AtomicU64::new(0),
            gate: Semaphore::new(permits),
            arrived: Semaphore::new(0),
        })
    }
}

/// A [`Faults`] that the journal can hold while the test does too.
#[derive(Debug)]
pub(super) struct Shared(pub(super) Arc<Faults>);

impl Engine for Shared {
    fn write(&self, group: Group) -> BoxFuture<'static, Result<Written, EngineError>> {
        let faults = Arc::clone(&self.0);
        if faults.writes_fail.load(Ordering::SeqCst) {
            return futures_util::future::ready(Err(EngineError::Log("the disk is gone".to_owned()))).boxed();
        }
        if faults.gate.available_permits() > Semaphore::MAX_PERMITS / 2 {
            // Handed over at once, and answered later: the writer of a kill has time to be killed.
            let written = faults.inner.write(group);
            return async move {
                tokio::task::yield_now().await;
                written.await
            }
            .boxed();
        }
        async move {
            faults.arrived.add_permits(1);
            faults.gate.acquire().await.expect("the gate is never closed").forget();
            faults.inner.write(group).await
        }
        .boxed()
    }

    fn last_written(&self) -> BoxFuture<'static, Result<Written, EngineError>> {
        self.0.inner.last_written()
    }

    fn apply(&self, mut batch: Batch) -> BoxFuture<'static, Result<usize, EngineError>> {
        let left = |left: u64| left.checked_sub(1);
        if self.0.applies_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left).is_err() {
            self.0.applies_refused.fetch_add(1, Ordering::SeqCst);
            return futures_util::future::ready(Err(EngineError::Store("the store is full".to_owned()))).boxed();
        }
        if self.0.mark_stays.load(Ordering::SeqCst) {
            batch.mark = self.0.inner.mark().expect("a mark");
        }
        if self.0.apply_gate.available_permits() > Semaphore::MAX_PERMITS / 2 {
            return self.0.inner.apply(batch);
        }
        let faults = Arc::clone(&self.0);
        async move {
            faults.apply_gate.acquire().await.expect("the gate is never closed").forget();
            faults.inner.apply(batch).await
        }
        .boxed()
    }

    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, EngineError> {
        self.0.inner.get(key)
    }

    fn each(&self, tree: Tree, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), EngineError> {
        self.0.inner.each(tree, visit)
    }

    fn read(&self, from: From, bytes_max: usize) -> BoxFuture<'static, Result<Vec<ReadGroup>, EngineError>> {
        self.0.inner.read(from, bytes_max)
    }

    fn read_keyed(&self, key: u64, from: Position, bytes_max: usize) -> BoxFuture<'static, Result<Keyed, EngineError>> {
        self.0.inner.read_keyed(key, from, bytes_max)
    }

    fn mark(&self) -> Result<u64, EngineError> {
        self.0.inner.mark()
    }

    fn settle(&self) -> BoxFuture<'static, Result<(), EngineError>> {
        self.0.inner.settle()
    }

    fn checkpoint(
        &self,
        settled: Position,
        expiry: Expiry,
    ) -> BoxFuture<'static, Result<CheckpointFigures, EngineError>> {
        self.0.inner.checkpoint(settled, expiry)
    }

    fn free_bytes(&self) -> Option<u64> {
        self.0.inner.free_bytes()
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        self.0.inner.close()
    }

    fn figures(&self) -> Figures {
        self.0.inner.figures()
    }
}
