//! Looks from a thread of its own whether the event loop still turns, and whether a handler is stuck.
//!
//! It counts looks and not time: a process that was stopped and goes on has missed nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// At how many looks without a beat in between the event loop counts as dead.
const LOOKS_WITHOUT_BEAT_MAX: u32 = 30;
/// How often the event loop beats.
const BEAT_EVERY: Duration = Duration::from_millis(250);

/// The thread; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Watchdog {
    /// Dropped first: that is what ends the thread.
    leash: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Shows that the event loop turns.
#[derive(Debug)]
pub(super) struct Heart(Arc<AtomicU64>);

impl Watchdog {
    /// Begins to look; every look calls `look`, and a dead event loop calls `dead`.
    ///
    /// # Errors
    ///
    /// Fails when the operating system gives no thread.
    pub(super) fn start(
        look: impl FnMut() + Send + 'static,
        dead: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<(Self, Heart)> {
        Self::start_at(LOOK_EVERY, look, dead)
    }

    fn start_at(
        every: Duration,
        mut look: impl FnMut() + Send + 'static,
        dead: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<(Self, Heart)> {
        let (leash, end) = channel();
        let heart = Heart(Arc::default());
        let beats = Arc::clone(&heart.0);
        let watch = move || {
            if watch(&beats, &end, every, &mut look) == Found::Dead {
                dead();
            }
        };
        let thread = thread::Builder::new().name("watchdog".to_owned()).spawn(watch)?;
        Ok((Self { leash: Some(leash), thread: Some(thread) }, heart))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.leash.take());
        if let Some(thread) = self.thread.take() {
            // A panic of its own has been printed.
            let _ = thread.join();
        }
    }
}

impl Heart {
    /// Beats for as long as it is polled.
    pub(super) async fn beat(self) {
        loop {
            self.0.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(BEAT_EVERY).await;
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Found {
    Ended,
    Dead,
}

fn watch(beats: &AtomicU64, end: &Receiver<()>, every: Duration, look: &mut impl FnMut()) -> Found {
    let (mut seen, mut missed) = (beats.load(Ordering::Relaxed), 0);
    while end.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
        let now = beats.load(Ordering::Relaxed);
        missed = if now == seen { missed + 1 } else { 0 };
        seen = now;
        if missed >= LOOKS_WITHOUT_BEAT_MAX {
            return Found::Dead;
        }
        look();
    }
    Found::Ended
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_millis(1);

    fn event_loop() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
    }

    #[test]
    fn an_event_loop_that_stands_still_is_found_dead() {
        let (found, is_found) = channel();
        let (_watchdog, heart) =
            Watchdog::start_at(EVERY, || {}, move || found.send(()).expect("somebody waits")).expect("a thread");
        event_loop().block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            tasks.spawn(heart.beat());
            tokio::task::yield_now().await;
            // Blocks the only thread, as a handler that never ends would.
            is_found.recv().expect("the watchdog looks");
        });
    }

    #[test]
    fn one_that_turns_is_looked_at_until_the_end() {
        let (looked, is_looked) = channel();
        let dead = || panic!("it turned");
        let look = move || {
            let _ = looked.send(());
        };
        let (watchdog, heart) = Watchdog::start_at(20 * BEAT_EVERY / 100, look, dead).expect("a thread");
        event_loop().block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            tasks.spawn(heart.beat());
            let looks = tokio::task::spawn_blocking(move || is_looked.iter().take(40).count());
            assert_eq!(looks.await.expect("a thread"), 40);
        });
        drop(watchdog);
    }
}
