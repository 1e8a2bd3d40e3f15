//! What threads share or hand over with, in one place, so that a model checker can put its own there (`verify/loom`).

pub(super) use std::sync::atomic::{AtomicU64, Ordering};

pub(super) use parking_lot::{Mutex, MutexGuard};
pub(super) use tokio::sync::oneshot;
pub(super) use tokio::time::timeout_at;
