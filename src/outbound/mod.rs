//! The way to outside parties: a real HTTP client behind the port of the actors' asks.
//!
//! It sends and reads; breaker, bulkhead, retry and timeout stand in front of it, as of every call.

mod answer;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, RETRY_AFTER};
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use thiserror::Error;

use crate::actors::{Errand, Outbound, Said};
use crate::clock::uuid_text;
use crate::resilience::{CallError, NotExecuted, Reason, Unknown};
use answer::Kind;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(200);
/// How long an idle connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How many idle connections are kept for each provider.
const IDLE_MAX: usize = 64;
/// How much of an answer is read, in bytes; a longer one closes its connection.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// When to come back if a provider that cannot be reached does not say.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(1);

/// The outside parties that have an address.
#[derive(Debug)]
pub struct Providers {
    client: Client<HttpConnector, Full<Bytes>>,
    /// By provider, without a slash at the end.
    addresses: BTreeMap<String, String>,
}

/// An address that cannot be used.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// It is no address.
    #[error("{0:?} is no address; one looks like http://payments.example:8080")]
    Malformed(String),
    /// It asks for TLS.
    #[error("{0:?}: only http is spoken to providers; put a proxy that speaks TLS in front of this one")]
    Scheme(String),
}

impl Providers {
    /// Knows each provider (`system/outside/name`) that has an address; an empty address is none.
    ///
    /// # Errors
    ///
    /// Fails with the first provider whose address cannot be used.
    pub fn at(addresses: impl IntoIterator<Item = (String, String)>) -> Result<Self, (String, AddressError)> {
        let set = addresses.into_iter().filter(|(_, address)| !address.is_empty());
        let checked = set.map(|(provider, address)| match check(&address) {
            Ok(()) => Ok((provider, address.trim_end_matches('/').to_owned())),
            Err(error) => Err((provider, error)),
        });
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let mut client = Client::builder(TokioExecutor::new());
        client.pool_idle_timeout(IDLE_TIMEOUT).pool_max_idle_per_host(IDLE_MAX);
        Ok(Self { client: client.build(connector), addresses: checked.collect::<Result<_, _>>()? })
    }

    async fn send(&self, address: &str, errand: Errand<'_>) -> Result<Said, CallError> {
        let request = Request::builder()
            .method(errand.method)
            .uri(format!("{address}{}", errand.path))
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", uuid_text(errand.key))
            .header("x-correlation-id", errand.correlation)
            .body(Full::new(Bytes::from(errand.body)));
        // A path or a correlation id that HTTP cannot carry: nothing was sent.
        let request = request.map_err(|error| {
            tracing::error!(provider = errand.provider, path = errand.path, %error, "it cannot be asked");
            unavailable(RETRY_AFTER_DEFAULT)
        })?;
        let answer = self.client.request(request).await.map_err(|error| match error.is_connect() {
            true => unavailable(RETRY_AFTER_DEFAULT),
            false => Unknown::BrokenOff.into(),
        })?;
        read(answer).await
    }
}

impl Outbound for Providers {
    fn reaches(&self, provider: &str) -> bool {
        self.addresses.contains_key(provider)
    }

    fn ask<'a>(&'a self, errand: Errand<'a>) -> BoxFuture<'a, Result<Said, CallError>> {
        match self.addresses.get(errand.provider) {
            Some(address) => Box::pin(self.send(address, errand)),
            None => Box::pin(std::future::ready(Ok(Said::Done))),
        }
    }
}

async fn read(answer: Response<Incoming>) -> Result<Said, CallError> {
    let (head, body) = answer.into_parts();
    let kind = Kind::of(head.status);
    // Read in any case, so that the connection can be used again.
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
    match kind {
        Kind::Done => Ok(Said::Done),
        Kind::Refused => {
            let body = body.map(|body| body.to_bytes()).unwrap_or_default();
            Ok(Said::Refused(answer::why(head.status, &body)))
        }
        Kind::Unavailable => {
            let hint = head.headers.get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.parse().ok());
            Err(unavailable(hint.map_or(RETRY_AFTER_DEFAULT, Duration::from_secs)))
        }
        Kind::Failed => Err(Unknown::BrokenOff.into()),
    }
}

fn unavailable(retry_after: Duration) -> CallError {
    NotExecuted { reason: Reason::ProviderUnavailable, retry_after }.into()
}

fn check(address: &str) -> Result<(), AddressError> {
    let uri: Uri = address.parse().map_err(|_| AddressError::Malformed(address.to_owned()))?;
    match (uri.scheme_str(), uri.host(), uri.query()) {
        (Some("http"), Some(host), None) if !host.is_empty() => Ok(()),
        (Some("https"), _, _) => Err(AddressError::Scheme(address.to_owned())),
        (Some(_) | None, _, _) => Err(AddressError::Malformed(address.to_owned())),
    }
}

#[cfg(test)]
mod tests;
