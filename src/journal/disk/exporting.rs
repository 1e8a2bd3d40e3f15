//! The lane that writes checkpoints: a reader of the store beside the traffic.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix::{Actor, Handler, Message, SyncContext};
use parking_lot::Mutex;

use super::checkpoint::{self, Head};
use super::lanes::{Port, answer};
use super::store::Store;
use crate::journal::engine::{CheckpointFigures, EngineError, Expiry};

#[derive(Debug)]
pub(super) struct ExporterLane {
    pub(super) store: Store,
}

impl Actor for ExporterLane {
    type Context = SyncContext<Self>;
}

#[derive(Debug)]
pub(super) struct WriteCheckpoint {
    pub(super) dir: PathBuf,
    pub(super) head: Head,
    pub(super) expiry: Expiry,
    pub(super) newest: Arc<Mutex<CheckpointFigures>>,
    pub(super) stopping: Arc<AtomicBool>,
    pub(super) port: Port<CheckpointFigures>,
}

impl Message for WriteCheckpoint {
    type Result = ();
}

impl Handler<WriteCheckpoint> for ExporterLane {
    type Result = ();

    fn handle(&mut self, message: WriteCheckpoint, _: &mut SyncContext<Self>) {
        let WriteCheckpoint { dir, head, expiry, newest, stopping, port } = message;
        answer("exporter", port, || {
            let written = checkpoint::write(&dir, head, |visit| {
                self.store.export(expiry, &mut |tree, key, value| match stopping.load(Ordering::Relaxed) {
                    false => visit(tree, key, value),
                    true => Err(EngineError::LaneGone("exporter")),
                })
            });
            let written = written.map_err(|error| EngineError::Store(error.to_string()))?;
            *newest.lock() = written.figures();
            Ok(written.figures())
        });
    }
}
