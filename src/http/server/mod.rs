//! The door: binds sockets, accepts connections under one shared cap, and drains them at a stop.
//!
//! `warp::serve` has no header timeout, no connection cap and a backlog of 128, so filters run
//! behind this accept loop and hyper's own HTTP/1 connection. It looks at nothing of a request but
//! whether it has a path, and never leaves a connection without an owner: each `run` holds its
//! connections in a `JoinSet` and returns when the last one has ended or has been cut.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{self, JoinError, JoinSet};
use tokio::time;
use warp::{Filter, Rejection, Reply};

use limits::http_of;

mod bind;
mod limits;
mod stop;

pub use bind::{BindError, bind};
pub use limits::Limits;
pub use stop::{Signals, Stop, StopTrigger};

/// Serves any number of listeners under one connection cap; clones share the cap.
#[derive(Debug, Clone)]
pub struct Server {
    http: http1::Builder,
    slots: Arc<Semaphore>,
    drain_timeout: Duration,
    observer: Arc<dyn ConnectionObserver>,
}

impl Server {
    /// Makes a server; its clones share the connection cap.
    #[must_use]
    pub fn new(limits: &Limits, observer: Arc<dyn ConnectionObserver>) -> Self {
        let slots = limits.connections_max.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            http: http_of(limits),
            slots: Arc::new(Semaphore::new(slots)),
            drain_timeout: limits.drain_timeout,
            observer,
        }
    }

    /// Serves `listener` with `filter` until `stop`, then drains.
    ///
    /// At a stop the listener closes at once, idle connections close at once, requests in flight
    /// are answered with `Connection: close`, and what is left after `drain_timeout` is cut. Each
    /// request carries a [`Peer`] extension.
    ///
    /// # Cancel safety
    /// Dropping the future closes the listener and cuts all its connections.
    pub async fn run<F>(&self, listener: TcpListener, filter: F, stop: Stop) -> Drained
    where
        F: Filter<Extract: Reply, Error = Rejection> + Clone + Send + Sync + 'static,
    {
        let service = warp::service(filter);
        let http = self.http.clone();
        let stop_of_each = stop.clone();
        let serve = move |Accepted { stream, peer, open }| {
            let routes = TowerToHyperService::new(service.clone());
            let service = service_fn(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(Peer(peer));
                if request.uri().path_and_query().is_none() {
                    // CONNECT names a host and no path, and filters panic without one.
                    *request.uri_mut() = Uri::from_static("/");
                }
                routes.call(request)
            });
            let connection = http.serve_connection(TokioIo::new(stream), service);
            let mut stop = stop_of_each.clone();
            async move {
                // Declared first, so that the socket is closed before its slot is free.
                let _open = open;
                let mut connection = pin!(connection);
                let stopped = async {
                    stop.requested().await;
                    // The runtime looks at the sockets once more: what has arrived is answered.
                    task::yield_now().await;
                };
                let outcome = tokio::select! {
                    biased;
                    outcome = connection.as_mut() => outcome,
                    () = stopped => {
                        connection.as_mut().graceful_shutdown();
                        connection.await
                    }
                };
                if let Err(error) = outcome {
                    tracing::debug!(error = %error, "connection ended early");
                }
            }
        };
        let mut connections = JoinSet::new();
        self.accept_until_stopped(&listener, stop.clone(), &mut connections, serve).await;
        drop(listener);
        drain(connections, self.drain_timeout).await
    }

    async fn accept_until_stopped<F>(
        &self,
        listener: &TcpListener,
        mut stop: Stop,
        connections: &mut JoinSet<()>,
        serve: impl Fn(Accepted) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut stopped = pin!(stop.requested());
        let mut accepting = pin!(self.accept(listener));
        loop {
            tokio::select! {
                biased;
                () = &mut stopped => return,
                Some(ended) = connections.join_next() => log_panic(&ended),
                accepted = &mut accepting => {
                    connections.spawn(serve(accepted));
                    accepting.set(self.accept(listener));
                }
            }
        }
    }

    /// Waits for a free slot before it accepts, so that above the cap the backlog absorbs the
    /// burst. The slot is not held while nobody knocks, else a quiet listener would keep it from a
    /// busy one; at worst each listener holds one accepted connection that waits for its slot.
    async fn accept(&self, listener: &TcpListener) -> Accepted {
        let mut pause = None;
        loop {
            drop(self.slot().await);
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let open = OpenConnection::new(self.slot().await, Arc::clone(&self.observer));
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(error = %error, "cannot set TCP_NODELAY, the client is gone");
                    }
                    return Accepted { stream, peer, open };
                }
                Err(error) => {
                    self.observer.accept_failed();
                    pause = pause_after(&error, pause);
                    if let Some(pause) = pause {
                        let pause_ms = pause.as_millis();
                        tracing::warn!(error = %error, pause_ms, "cannot accept connections, trying again");
                        time::sleep(pause).await;
                    }
                }
            }
        }
    }

    async fn slot(&self) -> OwnedSemaphorePermit {
        let slots = Arc::clone(&self.slots);
        slots.acquire_owned().await.expect("the semaphore of the connection cap is never closed")
    }
}

/// Is told what happens to connections; for metrics. Called on the runtime's threads, so it must
/// not block.
pub trait ConnectionObserver: std::fmt::Debug + Send + Sync + 'static {
    /// A connection has its slot and is about to be served.
    fn opened(&self);
    /// A connection that was opened has ended, in whatever way.
    fn closed(&self);
    /// The operating system refused to hand over a connection.
    fn accept_failed(&self);
}

/// The address at the other end of the connection, as an extension of each request; behind a proxy
/// it is the proxy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// How a listener's connections ended after the stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that ended by themselves within the drain timeout.
    pub finished: usize,
    /// Connections that were still at work at the drain timeout and were cut.
    pub cut: usize,
}

const ACCEPT_PAUSE_MIN: Duration = Duration::from_millis(10);
const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Returns how long to wait after a failed accept: not at all if only that one client went away,
/// else (no descriptors, no memory) longer each time.
fn pause_after(error: &io::Error, previous: Option<Duration>) -> Option<Duration> {
    let is_client_gone = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    );
    if is_client_gone {
        return None;
    }
    Some(previous.map_or(ACCEPT_PAUSE_MIN, |pause| (pause * 2).min(ACCEPT_PAUSE_MAX)))
}

async fn drain(mut connections: JoinSet<()>, timeout: Duration) -> Drained {
    let mut drained = Drained { finished: 0, cut: 0 };
    let mut cutting = pin!(time::sleep(timeout));
    let mut is_cutting = false;
    loop {
        tokio::select! {
            ended = connections.join_next() => match ended {
                None => return drained,
                Some(ended) => {
                    log_panic(&ended);
                    let is_cut = ended.is_err_and(|error| error.is_cancelled());
                    if is_cut { drained.cut += 1 } else { drained.finished += 1 }
                },
            },
            () = &mut cutting, if !is_cutting => {
                is_cutting = true;
                connections.abort_all();
            }
        }
    }
}

fn log_panic(ended: &Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(error = %error, "a request panicked and took its connection with it");
    }
}

struct Accepted {
    stream: TcpStream,
    peer: SocketAddr,
    open: OpenConnection,
}

/// A connection's slot, seen by the observer from its taking to its release.
struct OpenConnection {
    observer: Arc<dyn ConnectionObserver>,
    _slot: OwnedSemaphorePermit,
}

impl OpenConnection {
    fn new(slot: OwnedSemaphorePermit, observer: Arc<dyn ConnectionObserver>) -> Self {
        observer.opened();
        Self { observer, _slot: slot }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.observer.closed();
    }
}

#[cfg(test)]
mod tests;
