//! What all layers of one request share about retries: who pays at the root, and whether any layer was told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::time::Instant;

use crate::resilience::budget::{Budget, Withdrawal, withdraw_both};

/// The retries of one request, on all its layers.
#[derive(Debug)]
pub struct Retries {
    root: Arc<Budget>,
    /// Read as advice: a layer that misses it still needs a token.
    is_stopped: AtomicBool,
}

impl Retries {
    /// Begins a request at its entry, whose budget gets the share of one first attempt.
    pub fn begin(root: Arc<Budget>, now: Instant) -> Self {
        root.deposit(now);
        Self { root, is_stopped: AtomicBool::new(false) }
    }

    /// Sets the no-retry mark: no layer of this request begins another wait.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    /// Tells whether the no-retry mark is set.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    /// Takes what one retry on an edge costs, or sets the mark.
    pub(super) fn withdraw<'a>(&'a self, edge: &'a Budget, now: Instant) -> Option<[Withdrawal<'a>; 2]> {
        if self.is_stopped() {
            return None;
        }
        let tokens = withdraw_both(edge, &self.root, now);
        if tokens.is_none() {
            self.stop();
        }
        tokens
    }
}
