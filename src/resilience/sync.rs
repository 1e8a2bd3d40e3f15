//! The primitives that breakers are built on, in one place, so that a model checker can put its own there.

pub(super) use std::sync::atomic::{AtomicU64, Ordering};

pub(super) use parking_lot::{Mutex, MutexGuard};
