//! A client of the operator's listener.

use serde_json::Value;
use thiserror::Error;

use crate::chaos::client::{Client, Request};
use crate::http_client::{Address, AddressError, Method, NoAnswer};

/// Why a server did not do what was asked.
#[derive(Debug, Error)]
pub enum OperatorError {
    /// No address.
    #[error(transparent)]
    Address(#[from] AddressError),
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
    client: Client,
    url: Address,
    reason: String,
}

impl Operator {
    /// Asks with this token; the reason goes with everything that changes something.
    pub(super) fn new(url: Address, token: String, reason: String) -> Self {
        Self { client: Client::new(url.clone(), Some(token)), url, reason }
    }

    /// Sends one request and returns its answer.
    pub(super) async fn call(&self, method: Method, path: &str, wish: Value) -> Result<Value, OperatorError> {
        let body = (method != Method::GET).then(|| self.body(wish));
        let request = Request { body, ..Request::new(method, path.to_owned()) };
        let unreachable = |why: String| OperatorError::Unreachable { url: self.url.to_string(), why };
        let answer = self.client.send(&request).await.map_err(|missing| match missing {
            NoAnswer::NotSent => unreachable("nobody listens".to_owned()),
            NoAnswer::Unknown(why) => unreachable(why),
        })?;
        let told = answer.json();
        if (200..300).contains(&answer.status) {
            return Ok(told);
        }
        let why = ["detail", "title"].iter().find_map(|field| told[field].as_str()).unwrap_or("it did not say why");
        Err(OperatorError::Refused { status: answer.status, why: why.to_owned() })
    }

    /// What is wished, and why.
    fn body(&self, mut wish: Value) -> String {
        if wish.is_null() {
            wish = Value::Object(Default::default());
        }
        if !self.reason.is_empty() {
            wish["reason"] = Value::String(self.reason.clone());
        }
        wish.to_string()
    }
}
