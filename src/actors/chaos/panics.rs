//! Panics that wait for a follower's next fact: in a policy's reaction, or where a view applies it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::victims::What;
use crate::actors::runtime::Runtime;
use crate::telemetry::metrics;

/// How many panics may wait for one follower; five on one fact set it aside.
pub const PANICS_MAX: u32 = 100;

/// The panics that wait, by follower.
#[derive(Debug, Default)]
pub(in crate::actors) struct Panics {
    /// How many followers they wait for.
    armed: AtomicUsize,
    waiting: Mutex<BTreeMap<Arc<str>, u32>>,
}

impl Panics {
    /// Has so many wait for a follower from now on, in place of those that wait.
    fn arm(&self, follower: Arc<str>, times: u32) {
        let mut waiting = self.waiting.lock();
        match times {
            0 => drop(waiting.remove(&follower)),
            _ => drop(waiting.insert(follower, times)),
        }
        self.armed.store(waiting.len(), Ordering::Release);
    }

    /// Panics if one waits for this follower.
    pub(in crate::actors) fn meet(&self, follower: impl FnOnce() -> Arc<str>) {
        if self.armed.load(Ordering::Acquire) == 0 {
            return;
        }
        let follower = follower();
        if self.take(&follower) {
            panic!("chaos: {follower} was told to panic");
        }
    }

    fn take(&self, follower: &str) -> bool {
        let mut waiting = self.waiting.lock();
        let Some(left) = waiting.get_mut(follower) else { return false };
        *left -= 1;
        if *left == 0 {
            waiting.remove(follower);
            self.armed.store(waiting.len(), Ordering::Release);
        }
        true
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

    /// Has the next reactions of a service's policies, or the next facts a view applies, panic so often; 0 takes back
    /// what waits. Tells whether there is such a follower.
    pub fn panic_in(&self, follower: &str, times: u32) -> bool {
        let Some(known) = self.house.followers.iter().find(|known| *known.name == *follower) else { return false };
        self.house.chaos.panics.arm(Arc::clone(&known.name), times.min(PANICS_MAX));
        metrics::chaos_acted("panic", if known.what == "view" { "apply" } else { "react" });
        true
    }
}
