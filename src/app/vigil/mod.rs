//! Watches over the event loop from a thread of its own, from before anything is opened to the very end of a stop, and
//! tells orchestrators on a listener that lives on that thread too.

mod liveness_file;

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use self::liveness_file::LivenessFile;
use super::AppError;
use crate::clock::Clock;
use crate::config::Settings;
use crate::http::health::{Pulse, Vitals, filter};
use crate::http::server::{BindError, ConnectionObserver, Limits, Server, Stop, StopTrigger, bind};

/// How often the event loop beats.
const BEAT_EVERY: Duration = Duration::from_millis(100);
/// For how long the event loop may stand still before the process ends.
const DEAD_AFTER: Duration = Duration::from_secs(30);
/// The exit code of a process whose event loop is dead.
const LOOP_DEAD: i32 = 73;
/// How long its last line may take to be written.
const LAST_LINE_TIMEOUT: Duration = Duration::from_secs(1);
/// What probes may take: few connections, short heads, no patience.
const PROBES: Limits = Limits {
    connections_max: 64,
    header_bytes_max: 8_192,
    headers_max: 100,
    header_timeout: Duration::from_secs(10),
    backlog: 128,
    drain_timeout: Duration::from_millis(100),
};

/// The thread that looks, the loop's heart, and the liveness file. Threads end when this is dropped, and nobody waits for them
/// then.
#[derive(Debug)]
pub(super) struct Vigil {
    pub(super) vitals: Arc<Vitals>,
    /// Where probes are answered, if they have a listener.
    pub(super) probes: Option<SocketAddr>,
    stop: StopTrigger,
    thread: JoinHandle<()>,
    file: Option<LivenessFile>,
    _heart: JoinSet<()>,
}

impl Vigil {
    /// Begins: the loop beats, the thread looks, the probes' listener answers. An event loop that is dead calls `dead`.
    ///
    /// # Errors
    ///
    /// Fails when the probes' address is in use, the file cannot be made, or there is no thread.
    pub(super) async fn begin(
        settings: &Settings,
        probes: Option<SocketAddr>,
        clock: &Clock,
        dead: impl FnOnce() + Send + 'static,
    ) -> Result<Self, AppError> {
        let vitals = Vitals::new(Duration::from_millis(settings.liveness.still_max_ms));
        let mut heart = JoinSet::new();
        heart.spawn(beat(Arc::clone(&vitals), clock.clone()));
        let (stop, stopped) = StopTrigger::new();
        let (bound, is_bound) = oneshot::channel();
        let watched = Arc::clone(&vitals);
        let watch = move || watch(&watched, probes, bound, stopped, dead);
        let thread =
            thread::Builder::new().name("vigil".to_owned()).spawn(watch).map_err(AppError::beginning("vigil"))?;
        let mut vigil = Self { vitals, probes: None, stop, thread, file: None, _heart: heart };
        // It says nothing only if it panicked, which has been printed.
        vigil.probes = is_bound.await.unwrap_or(Ok(None))?;
        if !settings.liveness.file.as_os_str().is_empty() {
            vigil.file = Some(LivenessFile::keep(&settings.liveness.file, Arc::clone(&vigil.vitals))?);
        }
        Ok(vigil)
    }

    /// Waits until the thread has ended and the file is gone, for as long as their disk or kernel hangs.
    pub(super) fn end(self) {
        drop(self.stop);
        // A panic of its own has been printed.
        let _ = self.thread.join();
        if let Some(file) = self.file {
            file.end();
        }
    }
}

/// Beats for as long as it is polled.
async fn beat(vitals: Arc<Vitals>, clock: Clock) {
    loop {
        let due = clock.now() + BEAT_EVERY;
        sleep_until(due).await;
        vitals.beat(clock.now().saturating_duration_since(due));
    }
}

/// The thread: looks and serves until it is stopped.
fn watch(
    vitals: &Arc<Vitals>,
    probes: Option<SocketAddr>,
    bound: oneshot::Sender<Result<Option<SocketAddr>, AppError>>,
    mut stopped: Stop,
    dead: impl FnOnce(),
) {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let own = match built {
        Ok(own) => own,
        Err(error) => return drop(bound.send(Err(AppError::beginning("vigil")(error)))),
    };
    own.block_on(async {
        let listener = match listener(probes) {
            Ok(listener) => listener,
            Err(error) => return drop(bound.send(Err(error.into()))),
        };
        let address = listener.as_ref().and_then(|listener| listener.local_addr().ok());
        let mut serving = JoinSet::new();
        if let Some(listener) = listener {
            let (server, stop) = (Server::new(&PROBES, Arc::new(Uncounted)), stopped.clone());
            let filter = filter(Arc::clone(vitals));
            serving.spawn(async move { server.run(listener, filter, stop).await });
        }
        // Who waited for it may have given up the start.
        let _ = bound.send(Ok(address));
        tokio::select! {
            () = stopped.requested() => drop(serving.join_all().await),
            () = look(vitals) => dead(),
        }
    });
}

fn listener(probes: Option<SocketAddr>) -> Result<Option<TcpListener>, BindError> {
    probes.map(|address| bind(address, PROBES.backlog)).transpose()
}

/// Looks until the event loop is dead. Each wait begins with a look, so that a process that was stopped is not judged by
/// the looks it could not take.
async fn look(vitals: &Arc<Vitals>) {
    let mut pulse = Pulse::of(Arc::clone(vitals));
    while vitals.still() < DEAD_AFTER {
        sleep(Vitals::LOOK_EVERY).await;
        pulse.look();
    }
}

/// Ends the process, because nobody else can.
pub(super) fn end_with_the_loop() {
    is_done_within(LAST_LINE_TIMEOUT, || {
        let still_s = DEAD_AFTER.as_secs();
        tracing::error!("the event loop has stood still for {still_s} s; the process ends, start it again");
    });
    std::process::exit(LOOP_DEAD);
}

/// Does this on a thread that is left behind if it takes longer: what the event loop hangs at, such as a standard error that
/// nobody reads, hangs whoever writes there. Tells whether it was done.
fn is_done_within(limit: Duration, act: impl FnOnce() + Send + 'static) -> bool {
    let (done, is_done) = mpsc::channel();
    let act = move || {
        act();
        // Who waited for it may have left.
        let _ = done.send(());
    };
    thread::Builder::new().name("last-line".to_owned()).spawn(act).is_ok() && is_done.recv_timeout(limit).is_ok()
}

/// Probes' connections are in no metric: counting them would take a lock that a stuck thread may hold.
#[derive(Debug)]
struct Uncounted;

impl ConnectionObserver for Uncounted {
    fn opened(&self) {}
    fn closed(&self) {}
    fn accept_failed(&self) {}
}

#[cfg(test)]
mod tests {
    use std::io::{Write as _, pipe};

    use tokio::time::timeout;

    use super::*;

    const STILL_MAX: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn an_event_loop_that_stands_still_is_dead_after_half_a_minute() {
        let clock = Clock::system();
        let begun = clock.now();
        look(&Vitals::new(STILL_MAX)).await;
        assert_eq!(clock.now() - begun, DEAD_AFTER);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_turns_is_looked_at_for_ever_and_lives() {
        let vitals = Vitals::new(STILL_MAX);
        let mut heart = JoinSet::new();
        heart.spawn(beat(Arc::clone(&vitals), Clock::system()));
        assert!(timeout(10 * DEAD_AFTER, look(&vitals)).await.is_err(), "it was found dead");
        assert_eq!((vitals.is_alive(), vitals.still()), (true, Duration::ZERO));
    }
    #[test]
    fn the_last_line_is_not_waited_for_where_nobody_reads_it() {
        let (reader, mut writer) = pipe().expect("a pipe");
        // More than any pipe holds.
        let writes = move || while writer.write_all(&[b'.'; 4_096]).is_ok() {};
        assert!(!is_done_within(Duration::from_millis(10), writes), "a pipe that nobody reads took everything");
        // It ends the thread.
        drop(reader);
        assert!(is_done_within(DEAD_AFTER, || {}), "what is done at once is done");
    }
}
