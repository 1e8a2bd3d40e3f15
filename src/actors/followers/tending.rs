//! What an operator wants done with facts that followers set aside. The follower itself does it: it alone writes what
//! becomes of its facts.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use crate::actors::runtime::Runtime;
use crate::journal::Position;
use crate::resilience::Deadline;

/// How many wishes may wait for one follower.
const WISHES_MAX: usize = 64;

/// What to do with a fact that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tend {
    /// Try its stream, or row, again at once.
    Retry,
    /// Give it up for this follower, for this reason.
    Skip(String),
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tended {
    /// Its stream is tried from this fact on.
    Trying(Position),
    /// It and so many facts of its row in all were written; none, when the first cannot be taken yet.
    Written(usize),
    /// It is given up.
    Skipped,
    /// The follower has set no such fact aside.
    NotParked,
    /// That it is given up could not be written into the log.
    Unwritten,
    /// The follower did not come to it in time; it may still.
    Waiting,
}

/// A wish and who waits for its end.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) position: Position,
    pub(super) tend: Tend,
    pub(super) reply: oneshot::Sender<Tended>,
}

/// The wishes that wait, by follower.
#[derive(Debug, Default)]
pub(in crate::actors) struct Tending {
    waiting: Mutex<HashMap<Arc<str>, VecDeque<Wish>>>,
    told: watch::Sender<()>,
}

impl Tending {
    /// Returns what to wait on; whoever does looks first.
    pub(super) fn told(&self) -> watch::Receiver<()> {
        self.told.subscribe()
    }

    /// Takes the next wish whose sender still waits.
    pub(super) fn next(&self, follower: &str) -> Option<Wish> {
        let mut waiting = self.waiting.lock();
        let wishes = waiting.get_mut(follower)?;
        while let Some(wish) = wishes.pop_front() {
            if !wish.reply.is_closed() {
                return Some(wish);
            }
        }
        waiting.remove(follower);
        None
    }

    fn put(&self, follower: &Arc<str>, wish: Wish) -> bool {
        let mut waiting = self.waiting.lock();
        let wishes = waiting.entry(Arc::clone(follower)).or_default();
        let has_room = wishes.len() < WISHES_MAX;
        if has_room {
            wishes.push_back(wish);
        }
        drop(waiting);
        self.told.send_replace(());
        has_room
    }
}

impl Runtime {
    /// Has a follower tend a fact it set aside; asks its successor when it is killed meanwhile.
    pub async fn tend(&self, follower: &str, position: Position, tend: Tend, deadline: Deadline) -> Tended {
        let Some(known) = self.house.followers.iter().find(|known| *known.name == *follower) else {
            return Tended::NotParked;
        };
        loop {
            let (reply, tended) = oneshot::channel();
            if !self.house.tending.put(&known.name, Wish { position, tend: tend.clone(), reply }) {
                return Tended::Waiting;
            }
            match tokio::time::timeout_at(deadline.at(), tended).await {
                Ok(Ok(tended)) => return tended,
                Ok(Err(_)) => {}
                Err(_) => return Tended::Waiting,
            }
        }
    }
}
