//! How the server is asked to stop: a trigger with many listening ends, and the signals that lead to
//! it. It decides nothing: its caller maps the first signal to the trigger, the second to an exit.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Asks all its [`Stop`]s to stop; dropping it does the same, since then nobody is left to ask.
#[derive(Debug)]
pub struct StopTrigger(watch::Sender<()>);

impl StopTrigger {
    /// Makes a trigger and the first of its listening ends; further ones are clones.
    #[must_use]
    pub fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(());
        (Self(sender), Stop(receiver))
    }

    /// Asks all to stop, for good.
    pub fn fire(self) {
        drop(self.0);
    }
}

/// The listening end of a [`StopTrigger`].
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<()>);

impl Stop {
    /// Returns once the stop is asked for, at once if it was before.
    ///
    /// # Cancel safety
    /// Nothing is lost when it is dropped and called again.
    pub async fn requested(&mut self) {
        while self.0.changed().await.is_ok() {}
    }
}

/// SIGINT and SIGTERM, caught from [`Signals::listen`] on. The first one means stop; at a second
/// one the caller ends the process at once with the exit code of that signal.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Takes both signals over from the operating system's default, which ends the process.
    ///
    /// # Errors
    /// The operating system refuses the handler.
    pub fn listen() -> io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next signal and returns the exit code of a process that it ends: 130 or 143.
    ///
    /// # Cancel safety
    /// No signal is lost when it is dropped and called again.
    pub async fn next(&mut self) -> u8 {
        tokio::select! {
            Some(()) = self.interrupt.recv() => 130,
            Some(()) = self.terminate.recv() => 143,
            else => std::future::pending().await,
        }
    }
}
