//! A client of the operator's listener.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use thiserror::Error;

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How much of an answer is read, in bytes: the names of everything one request may kill.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Why a server did not do what was asked.
#[derive(Debug, Error)]
pub enum OperatorError {
    /// No address.
    #[error("{0:?} is no address; one looks like http://127.0.0.1:9464")]
    Address(String),
    /// It was not reached, or did not answer.
    #[error("{url}: {why}")]
    Unreachable {
        /// Where.
        url: String,
        /// Why not.
        why: String,
    },
    /// It did not do it.
    #[error("{status}: {why}")]
    Refused {
        /// The answer's status.
        status: u16,
        /// What it said.
        why: String,
    },
}

/// An operator at a server.
#[derive(Debug)]
pub(super) struct Operator {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
    token: String,
    reason: String,
}

impl Operator {
    /// Asks with this token; the reason goes with everything that changes something.
    pub(super) fn new(url: &str, token: String, reason: String) -> Result<Self, OperatorError> {
        let url = url.trim_end_matches('/').to_owned();
        match url.parse::<Uri>() {
            Ok(uri) if uri.scheme_str() == Some("http") && uri.host().is_some() => {}
            Ok(_) | Err(_) => return Err(OperatorError::Address(url)),
        }
        let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        Ok(Self { client, url, token, reason })
    }

    /// Sends one request and returns its answer.
    pub(super) async fn call(&self, method: &str, path: &str, wish: Value) -> Result<Value, OperatorError> {
        let unreachable = |why: String| OperatorError::Unreachable { url: self.url.clone(), why };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(self.body(method, wish)))
            .map_err(|error| unreachable(error.to_string()))?;
        let asked = async {
            let answer = self.client.request(request).await.map_err(|error| error.to_string())?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
            Ok::<_, String>((status, body.map_err(|error| error.to_string())?.to_bytes()))
        };
        let (status, body) = match tokio::time::timeout(TIMEOUT, asked).await {
            Ok(answered) => answered.map_err(unreachable)?,
            Err(_) => return Err(unreachable(format!("no answer within {TIMEOUT:?}"))),
        };
        let told: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_success() {
            return Ok(told);
        }
        let why = ["detail", "title"].iter().find_map(|field| told[field].as_str()).unwrap_or("it did not say why");
        Err(OperatorError::Refused { status: status.as_u16(), why: why.to_owned() })
    }

    fn body(&self, method: &str, wish: Value) -> Bytes {
        let mut fields = match wish {
            Value::Object(fields) => fields,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Default::default(),
        };
        if method == "GET" {
            return Bytes::new();
        }
        if !self.reason.is_empty() {
            fields.insert("reason".to_owned(), Value::String(self.reason.clone()));
        }
        Bytes::from(Value::Object(fields).to_string())
    }
}
