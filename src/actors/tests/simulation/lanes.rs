//! The storage as one life of the process has it: two lanes, one that writes and one that applies, each in order.

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::bugs::Bug;
use super::storage::Storage;
use crate::journal::Position;
use crate::journal::engine::{
    Batch, CheckpointFigures, Engine, EngineError, Expiry, Figures, From, Group, Keyed, ReadGroup, Tree, Written,
};
use crate::journal::overlay::Key;

/// The storage as one life of the process has it.
#[derive(Debug)]
pub(super) struct Opened {
    storage: Storage,
    writer: mpsc::UnboundedSender<Work>,
    applier: mpsc::UnboundedSender<(Batch, oneshot::Sender<Result<usize, EngineError>>)>,
    _lanes: JoinSet<()>,
}

impl Opened {
    /// Opens a storage for one life of the process; what it has under way dies with that life.
    pub(super) fn new(storage: &Storage) -> Self {
        let mut lanes = JoinSet::new();
        let (writer, work) = mpsc::unbounded_channel();
        lanes.spawn(write_in_order(storage.clone(), work));
        let (applier, batches) = mpsc::unbounded_channel();
        lanes.spawn(apply_in_order(storage.clone(), batches));
        Self { storage: storage.clone(), writer, applier, _lanes: lanes }
    }
}

#[derive(Debug)]
enum Work {
    Write(Group, oneshot::Sender<Result<Written, EngineError>>),
    LastWritten(oneshot::Sender<Result<Written, EngineError>>),
}

async fn write_in_order(storage: Storage, mut lane: mpsc::UnboundedReceiver<Work>) {
    while let Some(work) = lane.recv().await {
        // An answer nobody waits for any more is asked for again by `last_written`.
        let _ = match work {
            Work::Write(group, reply) => {
                let written = match storage.begin_write(group) {
                    Ok(()) => {
                        storage.wait().await;
                        let written = storage.sync();
                        storage.wait().await;
                        written
                    }
                    Err(error) => Err(error),
                };
                reply.send(written)
            }
            Work::LastWritten(reply) => reply.send(storage.last_written()),
        };
    }
}

async fn apply_in_order(
    storage: Storage,
    mut lane: mpsc::UnboundedReceiver<(Batch, oneshot::Sender<Result<usize, EngineError>>)>,
) {
    while let Some((batch, reply)) = lane.recv().await {
        storage.begin_apply(&batch);
        storage.wait().await;
        // Whoever does not wait any more finds the values in the store.
        let _ = reply.send(storage.apply(batch));
    }
}

impl Engine for Opened {
    fn write(&self, group: Group) -> BoxFuture<'static, Result<Written, EngineError>> {
        let (reply, answer) = oneshot::channel();
        let sent = self.writer.send(Work::Write(group, reply));
        lane(sent.is_ok(), answer)
    }

    fn last_written(&self) -> BoxFuture<'static, Result<Written, EngineError>> {
        let (reply, answer) = oneshot::channel();
        let sent = self.writer.send(Work::LastWritten(reply));
        lane(sent.is_ok(), answer)
    }

    fn apply(&self, batch: Batch) -> BoxFuture<'static, Result<usize, EngineError>> {
        let (reply, answer) = oneshot::channel();
        let sent = self.applier.send((batch, reply));
        lane(sent.is_ok(), answer)
    }

    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, EngineError> {
        match (self.storage.bug(), key) {
            (Some(Bug::ForgetsAnswers), Key::Answer(_)) => Ok(None),
            (Some(Bug::SkipsTurns), Key::Progress(_)) => {
                let stored = self.storage.inner().get(key)?;
                let ahead = |bytes: Vec<u8>| bytes.first_chunk().map(|done| u64::from_le_bytes(*done) + 1);
                Ok(stored.and_then(ahead).map(|done| done.to_le_bytes().to_vec()))
            }
            _ => self.storage.inner().get(key),
        }
    }

    fn each(&self, tree: Tree, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), EngineError> {
        self.storage.inner().each(tree, visit)
    }

    fn read(&self, from: From, bytes_max: usize) -> BoxFuture<'static, Result<Vec<ReadGroup>, EngineError>> {
        self.storage.inner().read(from, bytes_max)
    }

    fn read_keyed(&self, key: u64, from: Position, bytes_max: usize) -> BoxFuture<'static, Result<Keyed, EngineError>> {
        self.storage.inner().read_keyed(key, from, bytes_max)
    }

    fn mark(&self) -> Result<u64, EngineError> {
        self.storage.inner().mark()
    }

    fn settle(&self) -> BoxFuture<'static, Result<(), EngineError>> {
        self.storage.inner().settle()
    }

    fn checkpoint(
        &self,
        settled: Position,
        expiry: Expiry,
    ) -> BoxFuture<'static, Result<CheckpointFigures, EngineError>> {
        self.storage.inner().checkpoint(settled, expiry)
    }

    fn free_bytes(&self) -> Option<u64> {
        None
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        ready(()).boxed()
    }

    fn figures(&self) -> Figures {
        self.storage.inner().figures()
    }
}

fn lane<T: Send + 'static>(
    sent: bool,
    answer: oneshot::Receiver<Result<T, EngineError>>,
) -> BoxFuture<'static, Result<T, EngineError>> {
    async move {
        if !sent {
            return Err(EngineError::LaneGone("simulated"));
        }
        answer.await.map_err(|_| EngineError::LaneGone("simulated"))?
    }
    .boxed()
}
