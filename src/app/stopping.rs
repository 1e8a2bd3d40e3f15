//! The end of a server: in the reverse order of its beginning. It may be replaced by a crash at any step, and nothing in it
//! keeps the second signal from being heard.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

use super::parts::Parts;
use super::vigil::Vigil;
use super::watchdog::Watchdog;
use crate::http::Edge;
use crate::http::server::{Drained, StopTrigger};

/// How long a thread may take to end before it is left behind; one that hangs at a dead file system never does.
const THREAD_END_TIMEOUT: Duration = Duration::from_secs(2);

/// All that runs and has an end.
pub(super) struct Running {
    pub(super) parts: Parts,
    pub(super) edge: Arc<Edge>,
    pub(super) trigger: StopTrigger,
    pub(super) serving: JoinSet<Drained>,
    pub(super) upkeep: JoinSet<()>,
    pub(super) watchdog: Watchdog,
    pub(super) vigil: Vigil,
    /// How long requests are still taken.
    pub(super) grace: Duration,
}

impl Running {
    /// Drains the listeners and ends everything behind them.
    ///
    /// # Cancel safety
    ///
    /// Whoever drops this ends the process: what is not ended by then is left as a crash would leave it.
    pub(super) async fn stop(mut self) {
        self.edge.draining.send_replace(true);
        sleep(self.grace).await;
        self.trigger.fire();
        drained(self.serving).await;
        self.upkeep.shutdown().await;
        drop(self.edge);
        ended("watchdog", || self.watchdog.end()).await;
        self.parts.stop().await;
        // Last: probes are answered and the file is there until then.
        ended("vigil", || self.vigil.end()).await;
    }

    /// Ends nothing, for a part is gone; has what is still to be told told.
    pub(super) async fn give_up(self) {
        self.parts.give_up().await;
        ended("vigil", || self.vigil.end()).await;
    }
}

/// Ends what has a thread of its own, where waiting for it hurts nobody.
pub(super) async fn ended(name: &str, end: impl FnOnce() + Send + 'static) {
    if timeout(THREAD_END_TIMEOUT, spawn_blocking(end)).await.is_err() {
        tracing::warn!(thread = name, "a thread does not end; it is left behind");
    }
}

async fn drained(mut serving: JoinSet<Drained>) {
    while let Some(drained) = serving.join_next().await {
        if let Ok(drained) = drained
            && drained.cut > 0
        {
            tracing::warn!(connections = drained.cut, "connections were cut at the end of the drain");
        }
    }
}
