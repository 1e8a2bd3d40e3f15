//! Appends that are handed over and not yet durable.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ractor::ActorRef;

use super::InstanceMessage;
use crate::actors::directory::Shared;

/// Appends that are handed over and not yet durable.
#[derive(Debug)]
pub(super) struct Pending {
    handed_over: u64,
    shared: Arc<Shared>,
    commands: VecDeque<(u128, u64)>,
}

impl Pending {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { handed_over: 0, shared, commands: VecDeque::new() }
    }

    pub(super) fn hand_over(&mut self, command: Option<u128>) -> Arc<Shared> {
        self.handed_over += 1;
        self.shared.handed_over.store(self.handed_over, Ordering::Relaxed);
        self.forget_released();
        self.commands.extend(command.map(|id| (id, self.handed_over)));
        Arc::clone(&self.shared)
    }

    pub(super) fn holds(&mut self, command: u128) -> bool {
        self.forget_released();
        self.commands.iter().any(|(id, _)| *id == command)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.shared.released.load(Ordering::Acquire) == self.handed_over
    }

    fn forget_released(&mut self) {
        let released = self.shared.released.load(Ordering::Acquire);
        while self.commands.front().is_some_and(|(_, ticket)| *ticket <= released) {
            self.commands.pop_front();
        }
    }
}

/// Tells the actor when its append was dropped instead of released.
pub(super) struct LossGuard {
    actor: Option<ActorRef<InstanceMessage>>,
    shared: Arc<Shared>,
}

impl LossGuard {
    pub(super) fn new(actor: ActorRef<InstanceMessage>, shared: Arc<Shared>) -> Self {
        Self { actor: Some(actor), shared }
    }

    pub(super) fn defuse(mut self) {
        self.shared.released.fetch_add(1, Ordering::Release);
        self.actor = None;
    }
}

impl Drop for LossGuard {
    fn drop(&mut self) {
        if let Some(actor) = &self.actor {
            // An actor that is gone needs no telling.
            let _ = actor.cast(InstanceMessage::Lost);
        }
    }
}
