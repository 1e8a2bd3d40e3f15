//! The way to outside parties: a real HTTP client behind the port of the actors' asks.
//!
//! It sends and reads; breaker, bulkhead, retry and timeout stand in front of it, as of every call.

mod answer;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::BoxFuture;
use thiserror::Error;

use crate::actors::{Errand, Outbound, Said};
use crate::clock::{Clock, uuid_text};
use crate::http_client::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use crate::http_client::{
    Address, AddressError, Answer, Bytes, Connections, HttpClient, MessageError, NoAnswer, PathError, Request, Uri,
};
use crate::resilience::{CallError, Hint, NotExecuted, Reason, Unknown};
use crate::telemetry::traces::{Span, SpanKind, TRACEPARENT, TraceParent, Tracer};
use crate::telemetry::tracing::trace_id;
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
/// The longest wait that is passed on, whatever a provider says: longer than anybody here waits.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// Where outside parties are, by provider.
#[derive(Debug)]
pub struct Addresses(BTreeMap<String, Address>);

/// The outside parties that have an address.
#[derive(Debug)]
pub struct Providers {
    client: HttpClient,
    addresses: Addresses,
    clock: Clock,
    tracer: Tracer,
}

/// What HTTP cannot carry.
#[derive(Debug, Error)]
enum Unsendable {
    #[error(transparent)]
    Path(#[from] PathError),
    #[error(transparent)]
    Http(#[from] MessageError),
}

impl Addresses {
    /// Reads the address of each provider (`system/outside/name`) that has one; an empty address is none.
    ///
    /// # Errors
    ///
    /// Fails with the first provider whose address cannot be used.
    pub fn read(addresses: impl IntoIterator<Item = (String, String)>) -> Result<Self, (String, AddressError)> {
        let set = addresses.into_iter().filter(|(_, address)| !address.is_empty());
        let checked = set.map(|(provider, address)| match address.parse() {
            Ok(address) => Ok((provider, address)),
            Err(error) => Err((provider, error)),
        });
        checked.collect::<Result<_, _>>().map(Self)
    }
}

impl Providers {
    /// Knows the way to each of them, and has every call told.
    #[must_use]
    pub fn at(addresses: Addresses, clock: Clock, tracer: Tracer) -> Self {
        let client = HttpClient::new(Connections {
            connect_timeout: CONNECT_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            idle_max: IDLE_MAX,
            resends_unsent: true,
        });
        Self { client, addresses, clock, tracer }
    }

    async fn send(&self, address: &Address, mut errand: Errand<'_>) -> Result<Said, CallError> {
        let mut request = match request(address, &mut errand) {
            Ok(request) => request,
            // Asked again it would be no other.
            Err(error) => {
                let (provider, path, correlation) = (errand.provider, errand.path, errand.correlation);
                let trace_id = trace_id(errand.trace);
                tracing::error!(provider, path, correlation, trace_id, %error, "it cannot be asked");
                return Ok(Said::Refused(format!("it cannot be sent: {error}")));
            }
        };
        let mut span = self.span(request.uri(), &errand);
        let told = span.context().and_then(|trace| HeaderValue::try_from(TraceParent::told(trace).text()).ok());
        request.headers_mut().extend(told.map(|told| (HeaderName::from_static(TRACEPARENT), told)));
        let answer = match self.client.send(request).await {
            Ok(answer) => answer,
            Err(missing) => {
                let (told, error) = match missing {
                    NoAnswer::NotSent => ("unreachable", unavailable(RETRY_AFTER_DEFAULT)),
                    NoAnswer::Unknown(_) => ("broken-off", Unknown::BrokenOff.into()),
                };
                span.fail(told);
                span.end();
                return Err(error);
            }
        };
        span.set("http.response.status_code", answer.status.as_u16());
        // To who asks, a status of the client's errors is one as well.
        if answer.status.is_client_error() || answer.status.is_server_error() {
            span.fail(answer.status.as_str().to_owned());
        }
        let said = read(answer, self.clock.wall_ms()).await;
        span.end();
        said
    }

    /// Begins to tell of a call.
    fn span(&self, url: &Uri, errand: &Errand<'_>) -> Span {
        self.tracer.begin(errand.trace, SpanKind::Client, || {
            let attributes = [
                ("http.request.method", errand.method.into()),
                ("url.full", url.to_string().into()),
                ("peer.service", errand.provider.to_owned().into()),
                ("resurgam.correlation_id", errand.correlation.to_owned().into()),
            ];
            (errand.method.to_owned(), attributes)
        })
    }
}

impl Outbound for Providers {
    fn reaches(&self, provider: &str) -> bool {
        self.addresses.0.contains_key(provider)
    }

    fn ask<'a>(&'a self, errand: Errand<'a>) -> BoxFuture<'a, Result<Said, CallError>> {
        match self.addresses.0.get(errand.provider) {
            Some(address) => Box::pin(self.send(address, errand)),
            None => Box::pin(std::future::ready(Ok(Said::Done))),
        }
    }
}

/// Makes what is sent.
fn request(address: &Address, errand: &mut Errand<'_>) -> Result<Request<Bytes>, Unsendable> {
    let request = Request::builder()
        .method(errand.method)
        .uri(address.below(errand.path)?)
        .header(CONTENT_TYPE, "application/json")
        .header("idempotency-key", uuid_text(errand.key))
        .header("x-correlation-id", errand.correlation);
    Ok(request.body(Bytes::from(std::mem::take(&mut errand.body)))?)
}

async fn read(mut answer: Answer, wall_ms: u64) -> Result<Said, CallError> {
    // Read in any case, so that the connection can be used again.
    let body = answer.body(ANSWER_BYTES_MAX).await;
    match Kind::of(answer.status) {
        Kind::Done => Ok(Said::Done),
        Kind::Refused => Ok(Said::Refused(answer::why(answer.status, &body.unwrap_or_default()))),
        Kind::Unavailable => Err(unavailable(wait(answer.retry_after(wall_ms)))),
        Kind::Failed => Err(Unknown::BrokenOff.into()),
    }
}

/// How long a provider is left alone that was not asked.
fn wait(hint: Option<Hint>) -> Duration {
    match hint {
        None => RETRY_AFTER_DEFAULT,
        Some(Hint::After(wait)) => wait.min(RETRY_AFTER_MAX),
        Some(Hint::Never) => RETRY_AFTER_MAX,
    }
}

fn unavailable(retry_after: Duration) -> CallError {
    NotExecuted { reason: Reason::ProviderUnavailable, retry_after }.into()
}

#[cfg(test)]
mod tests;
