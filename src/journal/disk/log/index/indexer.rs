//! Writes the index of a segment that was just sealed, beside the writer's path.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::journal::disk::log::index::{Bounds, Runs, write};
use crate::journal::disk::log::shared::Shared;

/// A sealed segment whose index is in memory alone.
#[derive(Debug)]
pub(in crate::journal::disk::log) struct Sealed {
    pub(in crate::journal::disk::log) path: PathBuf,
    pub(in crate::journal::disk::log) bounds: Bounds,
    pub(in crate::journal::disk::log) entries: Arc<Runs>,
}

/// Owns the thread that writes, one index at a time; waits for it when dropped.
#[derive(Debug, Default)]
pub(in crate::journal::disk::log) struct Indexer {
    thread: Option<JoinHandle<()>>,
}

impl Indexer {
    /// Begins to write an index; the one before had the time of a whole segment.
    pub(in crate::journal::disk::log) fn begin(&mut self, sealed: Sealed, shared: &Arc<Shared>) {
        self.wait();
        let shared = Arc::clone(shared);
        let thread = std::thread::Builder::new().name("log-index".to_owned());
        match thread.spawn(move || file(&sealed, &shared)) {
            Ok(thread) => self.thread = Some(thread),
            Err(error) => tracing::warn!(%error, "the index of a segment stays in memory"),
        }
    }

    fn wait(&mut self) {
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes an index panicked, the index stays in memory");
        }
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        self.wait();
    }
}

fn file(sealed: &Sealed, shared: &Shared) {
    let entries = sealed.entries.all();
    let outcome = {
        let _one_at_a_time = shared.writing_index();
        write(&sealed.path, &sealed.bounds, &entries)
    };
    if let Err(error) = outcome {
        tracing::warn!(segment = %sealed.path.display(), %error, "an index is not written; it is made when it is needed");
    }
    shared.forget_entries(sealed.bounds.first.group);
}
