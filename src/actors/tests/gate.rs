//! A storage that can be held before a write is done, or after it is done and before that is told.
//!
//! It adds nothing but the wait: every call goes to the storage behind it, in order, and a write that was handed over
//! is finished whatever happens to the one who handed it over.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::journal::Position;
use crate::journal::engine::{
    Batch, CheckpointFigures, Engine, EngineError, Expiry, Figures, From, Group, Keyed, ReadGroup, Tree, Written,
};
use crate::journal::overlay::Key;

/// Where a write is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Handed over, not synced.
    Unsynced,
    /// Synced, not answered.
    Untold,
}

/// Holds the next writes until opened.
#[derive(Clone, Debug)]
pub(super) struct Gate(Arc<watch::Sender<Held>>);

#[derive(Clone, Copy, Debug, Default)]
struct Held {
    at: Option<Moment>,
    reached: bool,
}

impl Gate {
    /// Holds every write from now on.
    pub(super) fn hold(&self, at: Moment) {
        self.0.send_replace(Held { at: Some(at), reached: false });
    }

    /// Waits until a write has arrived.
    pub(super) async fn reached(&self) {
        self.0.subscribe().wait_for(|held| held.reached).await.expect("the gate lives");
    }

    /// Lets everything pass.
    pub(super) fn open(&self) {
        self.0.send_replace(Held::default());
    }

    async fn pass(&self, moment: Moment) {
        if self.0.borrow().at != Some(moment) {
            return;
        }
        self.0.send_modify(|held| held.reached = true);
        self.0.subscribe().wait_for(|held| held.at != Some(moment)).await.expect("the gate lives");
    }
}

/// The storage and its gate.
#[derive(Debug)]
pub(super) struct GatedEngine {
    inner: Arc<dyn Engine>,
    lane: mpsc::UnboundedSender<Work>,
    _writer: JoinSet<()>,
}

#[derive(Debug)]
enum Work {
    Write(Group, oneshot::Sender<Result<Written, EngineError>>),
    LastWritten(oneshot::Sender<Result<Written, EngineError>>),
}

impl GatedEngine {
    /// Puts a gate before a storage.
    pub(super) fn before(inner: Arc<dyn Engine>) -> (Arc<dyn Engine>, Gate) {
        let gate = Gate(Arc::new(watch::Sender::new(Held::default())));
        let (lane, work) = mpsc::unbounded_channel();
        let mut writer = JoinSet::new();
        writer.spawn(write_in_order(Arc::clone(&inner), gate.clone(), work));
        (Arc::new(Self { inner, lane, _writer: writer }), gate)
    }

    fn through(
        &self,
        work: impl FnOnce(oneshot::Sender<Result<Written, EngineError>>) -> Work,
    ) -> BoxFuture<'static, Result<Written, EngineError>> {
        let (reply, answer) = oneshot::channel();
        let sent = self.lane.send(work(reply));
        async move {
            sent.map_err(|_| EngineError::LaneGone("gated writer"))?;
            answer.await.map_err(|_| EngineError::LaneGone("gated writer"))?
        }
        .boxed()
    }
}

async fn write_in_order(inner: Arc<dyn Engine>, gate: Gate, mut lane: mpsc::UnboundedReceiver<Work>) {
    while let Some(work) = lane.recv().await {
        // An answer nobody waits for any more is asked for again by `last_written`.
        let _ = match work {
            Work::Write(group, reply) => {
                gate.pass(Moment::Unsynced).await;
                let written = inner.write(group).await;
                gate.pass(Moment::Untold).await;
                reply.send(written)
            }
            Work::LastWritten(reply) => reply.send(inner.last_written().await),
        };
    }
}

impl Engine for GatedEngine {
    fn write(&self, group: Group) -> BoxFuture<'static, Result<Written, EngineError>> {
        self.through(|reply| Work::Write(group, reply))
    }

    fn last_written(&self) -> BoxFuture<'static, Result<Written, EngineError>> {
        self.through(Work::LastWritten)
    }

    fn apply(&self, batch: Batch) -> BoxFuture<'static, Result<usize, EngineError>> {
        self.inner.apply(batch)
    }

    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, EngineError> {
        self.inner.get(key)
    }

    fn each(&self, tree: Tree, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), EngineError> {
        self.inner.each(tree, visit)
    }

    fn read(&self, from: From, bytes_max: usize) -> BoxFuture<'static, Result<Vec<ReadGroup>, EngineError>> {
        self.inner.read(from, bytes_max)
    }

    fn read_keyed(&self, key: u64, from: Position, bytes_max: usize) -> BoxFuture<'static, Result<Keyed, EngineError>> {
        self.inner.read_keyed(key, from, bytes_max)
    }

    fn mark(&self) -> Result<u64, EngineError> {
        self.inner.mark()
    }

    fn settle(&self) -> BoxFuture<'static, Result<(), EngineError>> {
        self.inner.settle()
    }

    fn checkpoint(
        &self,
        settled: Position,
        expiry: Expiry,
    ) -> BoxFuture<'static, Result<CheckpointFigures, EngineError>> {
        self.inner.checkpoint(settled, expiry)
    }

    fn free_bytes(&self) -> Option<u64> {
        self.inner.free_bytes()
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        self.inner.close()
    }

    fn figures(&self) -> Figures {
        self.inner.figures()
    }
}
