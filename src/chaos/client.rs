//! A client that never resends by itself: whether an unanswered request happened is the question that is asked here.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, LOCATION};
use hyper::{HeaderMap, Method};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Longer than any deadline of the server, so that a silent server is an unknown outcome and not a hung checker.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// A client of one listener.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
    address: String,
    token: Option<String>,
}

/// What is sent.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<String>,
}

impl Request {
    pub(super) fn new(method: Method, path: String) -> Self {
        Self { method, path, headers: Vec::new(), body: None }
    }

    pub(super) fn post(path: String, body: String) -> Self {
        Self { body: Some(body), ..Self::new(Method::POST, path) }
    }

    pub(super) fn patch(path: String, body: String) -> Self {
        Self { body: Some(body), ..Self::new(Method::PATCH, path) }
    }

    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into())
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) etag: Option<String>,
    pub(super) location: Option<String>,
    pub(super) body: Bytes,
}

impl Answer {
    /// The body as JSON; `Null` when it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The number at the end of `Location`.
    pub(super) fn located(&self) -> Option<u64> {
        self.location.as_deref().and_then(id_of)
    }

    /// The public version that `ETag` tells.
    pub(super) fn version(&self) -> Option<u64> {
        self.etag.as_deref()?.trim_matches('"').parse().ok()
    }
}

/// The number at the end of a link.
pub(super) fn id_of(href: &str) -> Option<u64> {
    href.rsplit('/').next()?.parse().ok()
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// Nobody listened: it was never sent.
    NotSent,
    /// It may have happened.
    Unknown(String),
}

impl Client {
    pub(super) fn new(address: &str, token: Option<String>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let mut pool = Pool::builder(TokioExecutor::new());
        pool.retry_canceled_requests(false);
        Self { pool: pool.build(connector), address: address.trim_end_matches('/').to_owned(), token }
    }

    /// Sends once.
    pub(super) async fn send(&self, request: &Request) -> Result<Answer, NoAnswer> {
        let Request { method, path, headers, body } = request;
        let mut built = hyper::Request::builder().method(method).uri(format!("{}{path}", self.address));
        built = built.header(ACCEPT, "application/json, */*;q=0.5");
        for (name, value) in headers {
            built = built.header(*name, value);
        }
        if let Some(token) = &self.token {
            built = built.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            built = built.header(CONTENT_TYPE, "application/json");
        }
        let body = Full::new(Bytes::from(body.clone().unwrap_or_default()));
        let built = built.body(body).map_err(|_| NoAnswer::NotSent)?;
        match tokio::time::timeout(ANSWER_TIMEOUT, self.exchange(built)).await {
            Ok(answer) => answer,
            Err(_) => Err(NoAnswer::Unknown(format!("no answer within {ANSWER_TIMEOUT:?}"))),
        }
    }

    async fn exchange(&self, request: hyper::Request<Full<Bytes>>) -> Result<Answer, NoAnswer> {
        let answer = self.pool.request(request).await.map_err(|error| match error.is_connect() {
            true => NoAnswer::NotSent,
            false => NoAnswer::Unknown(error.to_string()),
        })?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.map_err(|error| NoAnswer::Unknown(error.to_string()))?.to_bytes();
        let text = |headers: &HeaderMap, name| {
            headers.get(name).and_then(|value: &hyper::header::HeaderValue| value.to_str().ok()).map(str::to_owned)
        };
        let (etag, location) = (text(&head.headers, ETAG), text(&head.headers, LOCATION));
        Ok(Answer { status: head.status.as_u16(), etag, location, body })
    }
}
