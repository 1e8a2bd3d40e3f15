//! What the commands of policies' turns came to, for as long as the turns last.
//!
//! A turn that began in this life of the process can have been done in this life only: its outcome is here, or there is
//! none. The store need not be asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::HashMap;
use parking_lot::Mutex;

use crate::journal::record::{Answered, Position};

/// The turns under way.
#[derive(Debug, Default)]
pub(in crate::journal) struct Turns {
    /// The last fact of the lives before.
    before: AtomicU64,
    commands: Mutex<HashMap<u128, Option<Arc<Answered>>>>,
}

impl Turns {
    /// Says which facts may have been followed in an earlier life.
    pub(in crate::journal) fn open_at(&self, durable: Position) {
        self.before.store(durable, Ordering::Release);
    }

    /// Says that a command of this fact's turn is about to be given, unless an earlier life may have given it.
    pub(in crate::journal) fn begin(&self, fact: Position, command: u128) {
        if fact > self.before.load(Ordering::Acquire) {
            self.commands.lock().entry(command).or_default();
        }
    }

    /// Notes what a command came to, if its turn is under way.
    pub(in crate::journal) fn remember(&self, command: u128, answered: &Arc<Answered>) {
        if let Some(outcome) = self.commands.lock().get_mut(&command) {
            *outcome = Some(Arc::clone(answered));
        }
    }

    /// Notes that a command was given up: as if it was never given.
    pub(in crate::journal) fn withdraw(&self, command: u128) {
        if let Some(outcome) = self.commands.lock().get_mut(&command) {
            *outcome = None;
        }
    }

    /// Forgets a command: the position has passed its fact.
    pub(in crate::journal) fn end(&self, command: u128) -> Option<Arc<Answered>> {
        self.commands.lock().remove(&command).flatten()
    }

    /// Returns what a command came to by now; `None` when the store must be asked.
    pub(in crate::journal) fn outcome(&self, command: u128) -> Option<Option<Arc<Answered>>> {
        self.commands.lock().get(&command).cloned()
    }
}
