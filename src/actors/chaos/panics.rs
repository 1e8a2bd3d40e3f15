//! Panics that wait: where an aggregate decides or folds, where a policy reacts, where a view applies a fact.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::Point;
use super::victims::What;
use crate::actors::runtime::Runtime;
use crate::domain::Stream;
use crate::telemetry::metrics;

/// How many panics may wait at one target; five on one fact set it aside.
pub const PANICS_MAX: u32 = 100;
/// At how many targets panics may wait.
pub const PANIC_TARGETS_MAX: usize = 100;

/// Whether an aggregate is meant.
type Covers = Box<dyn Fn(Stream) -> bool + Send + Sync>;

/// Panics that wait at one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingPanics {
    /// Whose: a follower's name, or what covers aggregates.
    pub target: Arc<str>,
    /// Where.
    pub at: Point,
    /// How many are left.
    pub left: u32,
}

/// The panics that wait.
#[derive(Debug, Default)]
pub(in crate::actors) struct Panics {
    /// At how many targets.
    armed: AtomicUsize,
    armory: Mutex<Vec<Armed>>,
}

struct Armed {
    panics: WaitingPanics,
    /// Followers are meant by their names.
    covers: Option<Covers>,
}

impl fmt::Debug for Armed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.panics.fmt(f)
    }
}

impl Panics {
    /// Has panics wait from now on, in place of those that wait there; tells whether there was room.
    fn arm(&self, panics: WaitingPanics, covers: Option<Covers>) -> bool {
        let mut armory = self.armory.lock();
        armory.retain(|armed| (&armed.panics.target, armed.panics.at) != (&panics.target, panics.at));
        let has_room = armory.len() < PANIC_TARGETS_MAX;
        if has_room {
            armory.push(Armed { panics, covers });
        }
        self.armed.store(armory.len(), Ordering::Release);
        has_room
    }

    /// Panics if one waits for this follower.
    pub(in crate::actors) fn meet_fact(&self, follower: impl FnOnce() -> Arc<str>) {
        if self.armed.load(Ordering::Acquire) == 0 {
            return;
        }
        let follower = follower();
        if self.take(|armed| armed.covers.is_none() && armed.panics.target == follower) {
            panic!("chaos: {follower} was told to panic");
        }
    }

    /// Panics if one waits for this aggregate at this point.
    pub(in crate::actors) fn meet(&self, stream: Stream, point: Point) {
        if self.armed.load(Ordering::Acquire) == 0 {
            return;
        }
        let is_meant = |armed: &Armed| armed.covers.as_ref().is_some_and(|covers| covers(stream));
        if self.take(|armed| armed.panics.at == point && is_meant(armed)) {
            panic!("chaos: {stream} was told to panic at {}", point.name());
        }
    }

    fn take(&self, is_meant: impl Fn(&Armed) -> bool) -> bool {
        let mut armory = self.armory.lock();
        let Some(index) = armory.iter().position(is_meant) else { return false };
        armory[index].panics.left -= 1;
        if armory[index].panics.left == 0 {
            armory.remove(index);
            self.armed.store(armory.len(), Ordering::Release);
        }
        true
    }

    fn waiting(&self) -> Vec<WaitingPanics> {
        self.armory.lock().iter().map(|armed| armed.panics.clone()).collect()
    }

    fn disarm(&self) -> Vec<WaitingPanics> {
        let disarmed = std::mem::take(&mut *self.armory.lock());
        self.armed.store(0, Ordering::Release);
        disarmed.into_iter().map(|armed| armed.panics).collect()
    }
}

impl Runtime {
    /// Returns the names of the followers of a sort.
    #[must_use]
    pub fn follower_names(&self, what: What) -> Vec<Arc<str>> {
        let of = |view: bool| what == if view { What::Views } else { What::Policies };
        let known = self.house.followers.iter().filter(|follower| of(follower.what == "view"));
        known.map(|follower| Arc::clone(&follower.name)).collect()
    }

    /// Has the next reactions of a service's policies, or the next facts a view applies, panic so often. Tells whether there
    /// is such a follower, and room at [`PANIC_TARGETS_MAX`] targets.
    pub fn panic_in(&self, follower: &str, times: u32) -> bool {
        let Some(known) = self.house.followers.iter().find(|known| *known.name == *follower) else { return false };
        let at = if known.what == "view" { Point::Apply } else { Point::React };
        self.armed(WaitingPanics { target: Arc::clone(&known.name), at, left: times }, None)
    }

    /// Has the next handlings of covered aggregates at a point panic so often; living ones, and those that come to life
    /// later. Tells whether there was room at [`PANIC_TARGETS_MAX`] targets.
    pub fn panic_among(
        &self,
        target: &str,
        covers: impl Fn(Stream) -> bool + Send + Sync + 'static,
        at: Point,
        times: u32,
    ) -> bool {
        self.armed(WaitingPanics { target: target.into(), at, left: times }, Some(Box::new(covers)))
    }

    /// Has an aggregate's next handling at a point panic.
    pub fn panic_at(&self, stream: Stream, point: Point) -> bool {
        self.panic_among(&stream.to_string(), move |who| who == stream, point, 1)
    }

    fn armed(&self, mut panics: WaitingPanics, covers: Option<Covers>) -> bool {
        panics.left = panics.left.clamp(1, PANICS_MAX);
        let at = panics.at;
        let is_armed = self.house.chaos.panics.arm(panics, covers);
        if is_armed {
            metrics::chaos_acted("panic", at.name());
        }
        is_armed
    }

    /// Lists the panics that wait, oldest first.
    #[must_use]
    pub fn waiting_panics(&self) -> Vec<WaitingPanics> {
        self.house.chaos.panics.waiting()
    }

    /// Takes back the panics that wait, and returns them.
    pub fn take_panics_back(&self) -> Vec<WaitingPanics> {
        self.house.chaos.panics.disarm()
    }
}
