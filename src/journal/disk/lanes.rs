//! The threads that may block: one writer, one applier, some readers, one that exports, each an actix `SyncArbiter`.
//!
//! A panic would kill such a thread for good, so every handler catches it; a heartbeat finds a thread that is gone
//! all the same. Answers go through ports of our own: actix skips a message whose caller has gone, and a group
//! handed over must be written whatever happens to the committer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as std_mpsc;
use std::thread::{self, JoinHandle};

use actix::{Actor, Addr, Handler, Message, SyncArbiter, SyncContext, System};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::checkpoint::Head;
use super::ending::{Alive, End};
use super::exporting::{ExporterLane, WriteCheckpoint};
use super::log::{Log, LogReader};
use super::reading::{self, Read, ReaderLane};
use super::store::Store;
use crate::journal::engine::{
    Batch, CheckpointFigures, EngineError, Expiry, From, Group, Keyed, Lane, ReadGroup, Written,
};
use crate::journal::record::Position;

/// The lanes of one storage.
#[derive(Debug)]
pub(super) struct Lanes {
    addresses: Arc<Mutex<Option<Addresses>>>,
    /// Makes the readers again when one of them ended.
    reader: LogReader,
    readers: usize,
    writer_alive: Alive,
    applier_alive: Alive,
    thread: Mutex<Option<JoinHandle<()>>>,
    system: System,
    /// Set when a checkpoint under way is no longer worth its end.
    stopping: Arc<AtomicBool>,
}

#[derive(Clone, Debug)]
struct Addresses {
    writer: Addr<WriterLane>,
    applier: Addr<ApplierLane>,
    readers: Addr<ReaderLane>,
    /// Of its own, so that nobody who reads waits for a checkpoint.
    exporter: Addr<ExporterLane>,
}

pub(super) type Port<T> = oneshot::Sender<Result<T, EngineError>>;
type Answer<T> = oneshot::Receiver<Result<T, EngineError>>;

impl Lanes {
    /// Starts the threads.
    pub(super) fn start(log: Log, reader: LogReader, store: Store, readers: usize) -> Result<Self, EngineError> {
        let (ready, started) = std_mpsc::channel();
        let (writer_alive, applier_alive) = (Alive::default(), Alive::default());
        let (alive, read_log) = ((writer_alive.clone(), applier_alive.clone()), reader.clone());
        let thread = thread::Builder::new()
            .name("lanes".to_owned())
            .spawn(move || {
                let runner = System::new();
                // The factory runs once a thread; there is one writer, so the log is there to be taken.
                let log = Mutex::new(Some(log));
                let read_from = store.clone();
                let (writer, applier) = alive;
                let addresses = runner.block_on(async {
                    Addresses {
                        writer: SyncArbiter::start(1, move || WriterLane {
                            log: log.lock().take(),
                            _alive: writer.clone(),
                        }),
                        applier: SyncArbiter::start(1, move || ApplierLane {
                            store: store.clone(),
                            _alive: applier.clone(),
                        }),
                        readers: start_readers(readers, read_log),
                        exporter: SyncArbiter::start(1, move || ExporterLane { store: read_from.clone() }),
                    }
                });
                if ready.send((addresses, System::current())).is_ok()
                    && let Err(error) = runner.run()
                {
                    tracing::error!(%error, "the lanes' system ended with an error");
                }
            })
            .map_err(|error| EngineError::Log(format!("cannot start the lanes: {error}")))?;
        let (addresses, system) = started.recv().map_err(|_| EngineError::LaneGone("system"))?;
        Ok(Self {
            addresses: Arc::new(Mutex::new(Some(addresses))),
            reader,
            readers,
            writer_alive,
            applier_alive,
            thread: Mutex::new(Some(thread)),
            system,
            stopping: Arc::default(),
        })
    }

    pub(super) fn write(&self, group: Group) -> Answer<Written> {
        self.send(|addresses, port| addresses.writer.do_send(Write { group, port }))
    }

    pub(super) fn last_written(&self) -> Answer<Written> {
        self.send(|addresses, port| addresses.writer.do_send(LastWritten { port }))
    }

    pub(super) fn apply(&self, batch: Batch) -> Answer<usize> {
        self.send(|addresses, port| addresses.applier.do_send(Apply { batch: Arc::new(batch), port }))
    }

    pub(super) fn read(&self, from: From, bytes_max: usize) -> Answer<Vec<ReadGroup>> {
        self.read_log(move |reader| reading::groups_from(reader, from, bytes_max))
    }

    pub(super) fn read_keyed(&self, key: u64, from: Position, bytes_max: usize) -> Answer<Keyed> {
        self.read_log(move |reader| reading::groups_with_key(reader, key, from, bytes_max))
    }

    fn read_log<T: Send + 'static>(
        &self,
        read: impl FnOnce(&LogReader) -> Result<T, EngineError> + Send + 'static,
    ) -> Answer<T> {
        self.send(|addresses, port| addresses.readers.do_send(Read { read: Box::new(read), port }))
    }

    /// Writes a checkpoint, and says in `newest` that it has, whether or not anybody still waits.
    pub(super) fn checkpoint(
        &self,
        dir: PathBuf,
        head: Head,
        expiry: Expiry,
        newest: Arc<Mutex<CheckpointFigures>>,
    ) -> Answer<CheckpointFigures> {
        let stopping = Arc::clone(&self.stopping);
        self.send(|addresses, port| {
            addresses.exporter.do_send(WriteCheckpoint { dir, head, expiry, newest, stopping, port });
        })
    }

    fn send<T>(&self, hand_over: impl FnOnce(&Addresses, Port<T>)) -> Answer<T> {
        let (port, answer) = oneshot::channel();
        // Without addresses the port drops, which the caller sees as a lane that is gone.
        if let Some(addresses) = &*self.addresses.lock() {
            hand_over(addresses, port);
        }
        answer
    }

    /// Ends a thread as a panic in it would. Whoever reads finds other threads that do; nobody writes again.
    pub(super) fn end(&self, lane: Lane) {
        let addresses = Arc::clone(&self.addresses);
        match lane {
            Lane::Writer => drop(self.addresses.lock().as_ref().map(|all| all.writer.do_send(End))),
            Lane::Applier => drop(self.addresses.lock().as_ref().map(|all| all.applier.do_send(End))),
            Lane::Reader => {
                let (readers, reader) = (self.readers, self.reader.clone());
                // In their system, the only place where threads are started. What the others have begun they end.
                self.system.arbiter().spawn_fn(move || {
                    if let Some(all) = &mut *addresses.lock() {
                        std::mem::replace(&mut all.readers, start_readers(readers, reader)).do_send(End);
                    }
                });
            }
        }
    }

    /// Returns a thread that is gone and has no successor.
    pub(super) fn gone(&self) -> Option<Lane> {
        [(Lane::Writer, &self.writer_alive), (Lane::Applier, &self.applier_alive)]
            .into_iter()
            .find_map(|(lane, alive)| alive.is_alone().then_some(lane))
    }

    /// Ends the threads after everything handed over is done.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        drop(self.addresses.lock().take());
        self.system.stop();
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the lanes' thread panicked");
        }
    }
}

fn start_readers(readers: usize, reader: LogReader) -> Addr<ReaderLane> {
    SyncArbiter::start(readers, move || ReaderLane { reader: reader.clone() })
}

/// Answers a port, and turns a panic into an error.
pub(super) fn answer<T>(lane: &'static str, port: Port<T>, work: impl FnOnce() -> Result<T, EngineError>) {
    let outcome = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        tracing::error!(lane, "a storage lane panicked");
        Err(EngineError::LaneGone(lane))
    });
    // A caller that is gone asks again through its successor.
    let _ = port.send(outcome);
}

#[derive(Debug)]
pub(super) struct WriterLane {
    log: Option<Log>,
    _alive: Alive,
}

impl WriterLane {
    fn written(&self) -> Result<Written, EngineError> {
        let log = self.log.as_ref().ok_or(EngineError::LaneGone("writer"))?;
        Ok(Written { group: log.last_group(), next_position: log.next_position() })
    }
}

impl Actor for WriterLane {
    type Context = SyncContext<Self>;
}

#[derive(Debug)]
struct Write {
    group: Group,
    port: Port<Written>,
}

impl Message for Write {
    type Result = ();
}

impl Handler<Write> for WriterLane {
    type Result = ();

    fn handle(&mut self, message: Write, _: &mut SyncContext<Self>) {
        // A log that panicked is not used again: what it wrote is unknown.
        let Some(mut log) = self.log.take() else {
            let _ = message.port.send(Err(EngineError::LaneGone("writer")));
            return;
        };
        let Group { facts, payload, .. } = message.group;
        answer("writer", message.port, || {
            let outcome = log.append(facts, &payload).map_err(|error| EngineError::Log(error.to_string()));
            self.log = Some(log);
            outcome?;
            self.written()
        });
    }
}

#[derive(Debug)]
struct LastWritten {
    port: Port<Written>,
}

impl Message for LastWritten {
    type Result = ();
}

impl Handler<LastWritten> for WriterLane {
    type Result = ();

    fn handle(&mut self, message: LastWritten, _: &mut SyncContext<Self>) {
        answer("writer", message.port, || self.written());
    }
}

#[derive(Debug)]
pub(super) struct ApplierLane {
    store: Store,
    _alive: Alive,
}

impl Actor for ApplierLane {
    type Context = SyncContext<Self>;
}

#[derive(Debug)]
struct Apply {
    batch: Arc<Batch>,
    port: Port<usize>,
}

impl Message for Apply {
    type Result = ();
}

impl Handler<Apply> for ApplierLane {
    type Result = ();

    fn handle(&mut self, message: Apply, _: &mut SyncContext<Self>) {
        answer("applier", message.port, || self.store.apply(&message.batch));
    }
}
