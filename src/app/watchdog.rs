//! Looks once a second, from a thread of its own that may wait: at handlers that are stuck, and after the liveness file.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::actors::Runtime;
use crate::clock::Clock;
use crate::telemetry::metrics;

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The thread; it ends when this is dropped, and nobody waits for it then.
#[derive(Debug)]
pub(super) struct Watchdog {
    /// Dropping it is what ends the thread.
    leash: Sender<()>,
    thread: JoinHandle<()>,
}

impl Watchdog {
    /// Begins to look at the handlers; a stuck one cannot be ended, but it can be told.
    ///
    /// # Errors
    ///
    /// Fails when the operating system gives no thread.
    pub(super) fn of_handlers(runtime: &Arc<Runtime>, clock: &Clock) -> std::io::Result<Self> {
        let (runtime, clock) = (Arc::clone(runtime), clock.clone());
        let mut known = HashSet::new();
        Self::start("watchdog", move || {
            let stuck = runtime.end_stuck(clock.now());
            metrics::handlers_stuck(stuck.len());
            known.retain(|stream| stuck.contains(stream));
            for stream in stuck.into_iter().filter(|stream| known.insert(*stream)) {
                tracing::error!(%stream, "a command is being decided long after its deadline; a thread is stuck with it");
            }
        })
    }

    /// Begins to call `look`.
    ///
    /// # Errors
    ///
    /// Fails when the operating system gives no thread.
    pub(super) fn start(name: &str, look: impl FnMut() + Send + 'static) -> std::io::Result<Self> {
        Self::start_at(LOOK_EVERY, name, look)
    }

    fn start_at(every: Duration, name: &str, mut look: impl FnMut() + Send + 'static) -> std::io::Result<Self> {
        let (leash, end) = channel();
        let watch = move || {
            while end.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                look();
            }
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(watch)?;
        Ok(Self { leash, thread })
    }

    /// Waits until the thread has ended, for as long as a look hangs.
    pub(super) fn end(self) {
        drop(self.leash);
        // A panic of its own has been printed.
        let _ = self.thread.join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_until_it_is_ended_and_not_after() {
        let (looked, is_looked) = channel();
        let look = move || {
            let _ = looked.send(());
        };
        let watchdog = Watchdog::start_at(Duration::from_millis(1), "test", look).expect("a thread");
        assert_eq!(is_looked.iter().take(20).count(), 20);
        watchdog.end();
        // The thread has ended, and its end of the channel with it.
        is_looked.iter().for_each(drop);
    }
}
