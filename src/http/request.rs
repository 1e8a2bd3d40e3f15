//! A request as the handlers see it: whole, with its identity, its deadline and its place in a story.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut as _, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::time::Instant;
use warp::http::header::{
    ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, HeaderName, IF_MATCH, IF_NONE_MATCH, TRANSFER_ENCODING,
};
use warp::http::{HeaderMap, Method};

use super::body::fingerprint;
use super::hal::parameters;
use super::negotiate;
use super::problem::Problem;
use crate::clock::Clock;
use crate::domain::{Kind, TraceContext};
use crate::journal::codec::CORRELATION_BYTES_MAX;
use crate::journal::record::keyed_id;
use crate::journal::{CommandMeta, Origin};
use crate::resilience::Deadline;
use crate::telemetry::traces::{TRACEPARENT, TraceParent};

/// The header that carries the story's id.
pub const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REQUEST_TIMEOUT: HeaderName = HeaderName::from_static("request-timeout");
/// The longest idempotency key, in bytes.
const KEY_BYTES_MAX: usize = 255;

/// A request.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path as sent.
    pub path: String,
    /// The query as sent.
    pub query: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body, once it was read.
    pub body: Bytes,
    /// Who sent it.
    pub peer: Option<SocketAddr>,
    /// Where the client's addresses begin, as a trusted proxy says.
    pub forwarded: Option<String>,
    /// The story it belongs to: the client's id, else a new one.
    pub correlation: Arc<str>,
    /// What its sender says of a trace.
    pub parent: Option<TraceParent>,
    /// Its own place in a trace that is told.
    pub trace: Option<TraceContext>,
    /// When its head arrived.
    pub received: Instant,
    /// When its answer is no longer wanted.
    pub deadline: Deadline,
}

/// What the edge allows.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// The largest body, in bytes.
    pub body_bytes_max: usize,
    /// How long a request may take, body included.
    pub deadline: Duration,
}

impl Request {
    /// Returns the body whole, read within its limit and before the deadline.
    ///
    /// # Errors
    ///
    /// Fails when it is too large, too slow, or broken off, or when its end is unclear.
    pub async fn read_body<S, B, E>(&self, body: S, bytes_max: usize) -> Result<Bytes, Problem>
    where
        S: Stream<Item = Result<B, E>>,
        B: Buf,
        E: std::fmt::Display,
    {
        self.must_be_clear_of_its_end()?;
        self.must_not_announce_more_than(bytes_max)?;
        let mut body = std::pin::pin!(body);
        let mut whole = BytesMut::new();
        loop {
            let Ok(chunk) = tokio::time::timeout_at(self.deadline.at(), body.next()).await else {
                return Err(Problem::BodyTimeout);
            };
            match chunk {
                None => break,
                Some(Err(error)) => return Err(Problem::BodyBrokenOff(format!("the body broke off: {error}"))),
                Some(Ok(chunk)) if chunk.remaining() > bytes_max - whole.len() => {
                    return Err(Problem::TooLarge(bytes_max));
                }
                Some(Ok(chunk)) => whole.put(chunk),
            }
        }
        Ok(whole.freeze())
    }

    /// Tells whether the client sends its body only when it is asked for.
    #[must_use]
    pub fn awaits_continue(&self) -> bool {
        self.header(&EXPECT).is_some_and(|expected| expected.eq_ignore_ascii_case("100-continue"))
    }

    /// Refuses codings other than chunks, once: a proxy that reads them otherwise would see the next request elsewhere.
    fn must_be_clear_of_its_end(&self) -> Result<(), Problem> {
        let mut codings = self.headers.get_all(TRANSFER_ENCODING).iter();
        let is_clear = match codings.next() {
            Some(coding) => coding.as_bytes().eq_ignore_ascii_case(b"chunked") && codings.next().is_none(),
            None => true,
        };
        if is_clear { Ok(()) } else { Err(Problem::UnclearEnd) }
    }

    /// Refuses before the body is asked for, so that a client that waits for `100 Continue` need not send it.
    fn must_not_announce_more_than(&self, bytes_max: usize) -> Result<(), Problem> {
        let announced = self.header(&CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        match announced.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > bytes_max)) {
            true => Err(Problem::TooLarge(bytes_max)),
            false => Ok(()),
        }
    }

    /// Returns a header as text.
    #[must_use]
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns `Accept`.
    #[must_use]
    pub fn accept(&self) -> Option<&str> {
        self.header(&ACCEPT)
    }

    /// Returns `Content-Type`.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.header(&CONTENT_TYPE)
    }

    /// Returns `If-Match`.
    #[must_use]
    pub fn if_match(&self) -> Option<&str> {
        self.header(&IF_MATCH)
    }

    /// Returns `If-None-Match`.
    #[must_use]
    pub fn if_none_match(&self) -> Option<&str> {
        self.header(&IF_NONE_MATCH)
    }

    /// Chooses the type of the answer among those offered, the default first.
    ///
    /// # Errors
    ///
    /// Fails when the client accepts none of them.
    pub fn answer_type(&self, offered: &[&'static str]) -> Result<&'static str, Problem> {
        negotiate::answer_type(self.accept(), offered).map_err(|error| Problem::NotAcceptable(error.offered))
    }

    /// Checks that it only reads.
    ///
    /// # Errors
    ///
    /// Fails when it has another method.
    pub fn must_read(&self) -> Result<(), Problem> {
        match self.method {
            Method::GET | Method::HEAD => Ok(()),
            _ => Err(Problem::MethodNotAllowed("GET,HEAD,OPTIONS".to_owned())),
        }
    }

    /// Returns where the client thinks it is, `http://localhost:8081`.
    #[must_use]
    pub fn origin(&self) -> String {
        if let Some(origin) = &self.forwarded {
            return origin.clone();
        }
        let host = self.header(&HOST).map(str::trim).filter(|host| !host.is_empty());
        format!("http://{}", host.unwrap_or("localhost"))
    }

    /// Returns one parameter of the query, the first of that name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        let mut sent = parameters(self.query.as_deref().unwrap_or_default());
        sent.find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Gives the command its identity: the key's, where there is one, so that a resend is recognised.
    ///
    /// # Errors
    ///
    /// Fails when the key is empty or too long.
    pub fn command_meta(&self, kind: Kind, clock: &Clock) -> Result<CommandMeta, Problem> {
        let (id, origin, fingerprint) = match self.keyed_id(kind)? {
            Some(id) => (id, Origin::Keyed, fingerprint(self.method.as_str(), &self.path, &self.body)),
            None => (clock.id(), Origin::Edge, 0),
        };
        Ok(CommandMeta {
            id,
            origin,
            fingerprint,
            causation: 0,
            correlation: Arc::clone(&self.correlation),
            trace: self.trace,
        })
    }

    /// Returns the id that the request's key, if it has one, gives to a command on this kind.
    ///
    /// # Errors
    ///
    /// Fails when the key is empty or too long.
    pub fn keyed_id(&self, kind: Kind) -> Result<Option<u128>, Problem> {
        Ok(self.key()?.map(|key| keyed_id(kind, key)))
    }

    fn key(&self) -> Result<Option<&str>, Problem> {
        let Some(value) = self.headers.get(&IDEMPOTENCY_KEY) else { return Ok(None) };
        let key = value.to_str().map(|key| key.trim().trim_matches('"')).unwrap_or_default();
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Err(Problem::BadRequest(format!("an Idempotency-Key has 1 to {KEY_BYTES_MAX} visible characters")));
        }
        Ok(Some(key))
    }
}

/// Returns the story's id: the client's when it can be stored, else that of the trace the request belongs to, else a
/// new one.
#[must_use]
pub fn correlation(headers: &HeaderMap, parent: Option<TraceParent>, clock: &Clock) -> Arc<str> {
    let sent = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let own = sent(CORRELATION_ID).filter(|id| !id.is_empty() && id.len() <= CORRELATION_BYTES_MAX);
    match (own, parent) {
        (Some(id), _) => Arc::from(id),
        (None, Some(parent)) => Arc::from(parent.context.trace_text()),
        (None, None) => clock.id_text(),
    }
}

/// Reads where the request belongs in a trace of its sender's; a header that breaks its form says nothing, and neither do
/// several.
#[must_use]
pub fn trace_parent(headers: &HeaderMap) -> Option<TraceParent> {
    let mut sent = headers.get_all(TRACEPARENT).iter();
    let only = sent.next().filter(|_| sent.next().is_none())?;
    only.to_str().ok().and_then(TraceParent::read)
}

/// Returns the request's deadline; `Request-Timeout` (seconds) may shorten it.
#[must_use]
pub fn deadline(headers: &HeaderMap, limits: &RequestLimits, clock: &Clock) -> Deadline {
    let asked = headers.get(&REQUEST_TIMEOUT).and_then(|value| value.to_str().ok()?.trim().parse::<f64>().ok());
    let asked = asked.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    Deadline::after(clock, asked.unwrap_or(limits.deadline).min(limits.deadline))
}

#[cfg(test)]
mod tests {
    use warp::http::HeaderValue;

    use super::*;

    #[test]
    fn one_traceparent_says_where_a_request_belongs_and_several_say_nothing() {
        let sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let mut headers = HeaderMap::new();
        assert_eq!(trace_parent(&headers), None);
        headers.append(TRACEPARENT, HeaderValue::from_static(sent));
        assert_eq!(trace_parent(&headers), TraceParent::read(sent));
        assert!(trace_parent(&headers).is_some());
        headers.append(TRACEPARENT, HeaderValue::from_static(sent));
        assert_eq!(trace_parent(&headers), None, "the same twice are several too");
    }
}
