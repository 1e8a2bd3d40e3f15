//! Connections that are kept, and what comes back over them.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::RETRY_AFTER;
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::resilience::Hint;

/// How a client treats its connections.
#[derive(Clone, Copy, Debug)]
pub struct Connections {
    /// How long one may take to be made.
    pub connect_timeout: Duration,
    /// How long an idle one is kept.
    pub idle_timeout: Duration,
    /// How many idle ones are kept for each address.
    pub idle_max: usize,
    /// Whether a request whose connection was closed before any of it was sent goes over another.
    pub resends_unsent: bool,
}

/// Sends requests, each over a connection that is kept. It bounds no time but a connection's making: who asks does.
#[derive(Clone, Debug)]
pub struct HttpClient(Client<HttpConnector, Full<Bytes>>);

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// Nobody listened: it was never sent.
    NotSent,
    /// It may have happened.
    Unknown(String),
}

/// An answer whose head has arrived.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    body: Incoming,
}

impl HttpClient {
    /// Makes a client that has no connections yet.
    #[must_use]
    pub fn new(connections: Connections) -> Self {
        let Connections { connect_timeout, idle_timeout, idle_max, resends_unsent } = connections;
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(connect_timeout));
        connector.set_nodelay(true);
        let mut client = Client::builder(TokioExecutor::new());
        client.pool_timer(TokioTimer::new()).pool_idle_timeout(idle_timeout).pool_max_idle_per_host(idle_max);
        client.retry_canceled_requests(resends_unsent);
        Self(client.build(connector))
    }

    /// Sends a request once.
    ///
    /// # Errors
    ///
    /// Fails when no head of an answer arrives.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Answer, NoAnswer> {
        let answer = self.0.request(request.map(Full::new)).await.map_err(|error| match error.is_connect() {
            true => NoAnswer::NotSent,
            false => NoAnswer::Unknown(error.to_string()),
        })?;
        let (head, body) = answer.into_parts();
        Ok(Answer { status: head.status, headers: head.headers, body })
    }
}

impl Answer {
    /// Reads the body, so that the connection can be used again; a longer one closes it.
    ///
    /// # Errors
    ///
    /// Fails when the body is too long or breaks off.
    pub async fn body(&mut self, bytes_max: usize) -> Result<Bytes, NoAnswer> {
        let body = Limited::new(&mut self.body, bytes_max).collect().await;
        body.map(|body| body.to_bytes()).map_err(|error| NoAnswer::Unknown(error.to_string()))
    }

    /// Returns when to come again, if that is said, at a time (Unix milliseconds).
    #[must_use]
    pub fn retry_after(&self, wall_ms: u64) -> Option<Hint> {
        Hint::parse(self.headers.get(RETRY_AFTER)?.to_str().ok()?, wall_ms)
    }
}
