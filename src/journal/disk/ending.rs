//! How a thread of the storage ends before its time: as a panic would end it, and so that it is noticed.

use std::panic::resume_unwind;
use std::sync::Arc;

use actix::{Handler, Message, SyncContext};

use super::lanes::{ApplierLane, WriterLane};
use super::reading::ReaderLane;

/// End as a panic would.
#[derive(Debug)]
pub(super) struct End;

impl Message for End {
    type Result = ();
}

/// Shared between a lane and whoever watches it: the lane's goes when its thread does.
#[derive(Clone, Debug, Default)]
pub(super) struct Alive(Arc<()>);

impl Alive {
    /// Tells whether nobody else has it any more.
    pub(super) fn is_alone(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

macro_rules! ends {
    ($($lane:ty),+) => {$(
        impl Handler<End> for $lane {
            type Result = ();

            fn handle(&mut self, _: End, _: &mut SyncContext<Self>) {
                // Nothing catches it here, and no hook tells of it as of a fault of ours.
                resume_unwind(Box::new("chaos: told to end"));
            }
        }
    )+};
}

ends!(WriterLane, ApplierLane, ReaderLane);
