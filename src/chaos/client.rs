//! A client that never resends by itself: whether an unanswered request happened is the question that is asked here.

use std::time::Duration;

use serde_json::Value;

use crate::http_client;
use crate::http_client::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderName, LOCATION};
use crate::http_client::{Address, Bytes, Connections, HttpClient, Method, NoAnswer};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Longer than any deadline of the server, so that a silent server is an unknown outcome and not a hung checker.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// How much of an answer is read, in bytes: more than a whole page of anything.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long an idle connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// A client of one listener.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: HttpClient,
    address: Address,
    token: Option<String>,
}

/// What is sent.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<String>,
}

impl Request {
    pub(crate) fn new(method: Method, path: String) -> Self {
        Self { method, path, headers: Vec::new(), body: None }
    }

    pub(crate) fn post(path: String, body: String) -> Self {
        Self { body: Some(body), ..Self::new(Method::POST, path) }
    }

    pub(crate) fn patch(path: String, body: String) -> Self {
        Self { body: Some(body), ..Self::new(Method::PATCH, path) }
    }

    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into())
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) etag: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body as JSON; `Null` when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The number at the end of `Location`.
    pub(crate) fn located(&self) -> Option<u64> {
        self.location.as_deref().and_then(id_of)
    }

    /// The public version that `ETag` tells.
    pub(crate) fn version(&self) -> Option<u64> {
        self.etag.as_deref()?.trim_matches('"').parse().ok()
    }
}

/// The number at the end of a link.
pub(crate) fn id_of(href: &str) -> Option<u64> {
    href.rsplit('/').next()?.parse().ok()
}

impl Client {
    pub(crate) fn new(address: Address, token: Option<String>) -> Self {
        let http = HttpClient::new(Connections {
            connect_timeout: CONNECT_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            idle_max: usize::MAX,
            resends_unsent: false,
        });
        Self { http, address, token }
    }

    /// Sends once.
    pub(crate) async fn send(&self, request: &Request) -> Result<Answer, NoAnswer> {
        let Request { method, path, headers, body } = request;
        let url = self.address.below(path).map_err(|_| NoAnswer::NotSent)?;
        let mut built = http_client::Request::builder().method(method).uri(url);
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
        let built = built.body(Bytes::from(body.clone().unwrap_or_default())).map_err(|_| NoAnswer::NotSent)?;
        match tokio::time::timeout(ANSWER_TIMEOUT, self.exchange(built)).await {
            Ok(answer) => answer,
            Err(_) => Err(NoAnswer::Unknown(format!("no answer within {ANSWER_TIMEOUT:?}"))),
        }
    }

    async fn exchange(&self, request: http_client::Request<Bytes>) -> Result<Answer, NoAnswer> {
        let mut answer = self.http.send(request).await?;
        let body = answer.body(ANSWER_BYTES_MAX).await?;
        let text = |name: HeaderName| answer.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(Answer { status: answer.status.as_u16(), etag: text(ETAG), location: text(LOCATION), body })
    }
}
