//! Every failure → status and body, in one table; nothing else chooses a status for a failure.
//!
//! Bodies are problem+json (RFC 9457) with the keys of the originals' error JSON beside, for old clients.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use warp::http::StatusCode;
use warp::http::header::{ALLOW, ETAG, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};

use super::answer::Answer;
use crate::domain::Refusal;
use crate::domain::aggregate::RefusalClass;
use crate::resilience::{CallError, NotExecuted, Reason};

/// The type of every failure's body.
pub const PROBLEM_JSON: &str = "application/problem+json";
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// The media types a PATCH may have.
pub const PATCH_TYPES: &str = "application/merge-patch+json,application/json-patch+json,application/json";
/// The media types a POST or PUT may have.
pub const BODY_TYPES: &str = "application/json,application/hal+json";

/// A failure.
#[derive(Debug)]
pub enum Problem {
    /// The body, a parameter or a header makes no sense.
    BadRequest(String),
    /// No or a wrong operator's token.
    Unauthorized,
    /// Allowed to nobody as things are set.
    Forbidden(String),
    /// Nothing has that address.
    NoSuchAddress,
    /// The item is not there; empty, as the originals answered.
    NoSuchItem,
    /// The address does not offer the method.
    MethodNotAllowed(String),
    /// The body was not sent in time.
    BodyTimeout,
    /// No offered representation is acceptable.
    NotAcceptable(String),
    /// A rule of the business.
    Refused(Refusal),
    /// The state is not what the client believed; the public version it has.
    PreconditionFailed(u64),
    /// The body is too large; the limit in bytes.
    TooLarge(usize),
    /// The body is of a type that is not read.
    UnsupportedBody(String),
    /// The body is of a type that is not read by PATCH.
    UnsupportedPatch(String),
    /// The idempotency key was used for another request.
    KeyReused,
    /// Too many wrong tokens.
    TooManyAttempts(Duration),
    /// Not executed, or unknown.
    Call(CallError),
    /// A defect, or a damaged store.
    Internal(String),
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What the table says of a failure.
struct Entry {
    status: StatusCode,
    code: String,
    detail: String,
    header: Option<(HeaderName, String)>,
}

impl Problem {
    /// Renders the failure for the request's path at a time (Unix milliseconds).
    #[must_use]
    pub fn into_answer(self, path: &str, time_ms: u64) -> Answer {
        if matches!(&self, Self::NoSuchItem) {
            return Answer::empty(StatusCode::NOT_FOUND);
        }
        if let Self::Refused(Refusal { class: RefusalClass::Missing, .. }) = &self {
            return Answer::empty(StatusCode::NOT_FOUND);
        }
        let Entry { status, code, detail, header } = self.entry();
        let phrase = status.canonical_reason().unwrap_or("Error");
        let body = json!({
            "type": format!("urn:resurgam:problem:{code}"),
            "title": phrase,
            "status": status.as_u16(),
            "detail": detail,
            "instance": path,
            "reason": code,
            "timestamp": boot_time(time_ms),
            "error": phrase,
            "message": detail,
            "path": path,
        });
        let mut answer = Answer::with_body(status, PROBLEM_JSON, body.to_string());
        if let Some((name, value)) = header {
            answer.set(name, &value);
        }
        answer
    }

    fn entry(self) -> Entry {
        let entry = |status, code: &str, detail: String| Entry { status, code: code.to_owned(), detail, header: None };
        match self {
            Self::BadRequest(detail) => entry(StatusCode::BAD_REQUEST, "malformed-request", detail),
            Self::Unauthorized => entry(
                StatusCode::UNAUTHORIZED,
                "token-required",
                "send the operator's token as `Authorization: Bearer …`".to_owned(),
            )
            .with(WWW_AUTHENTICATE, "Bearer"),
            Self::Forbidden(detail) => entry(StatusCode::FORBIDDEN, "forbidden", detail),
            Self::NoSuchAddress => {
                entry(StatusCode::NOT_FOUND, "no-such-address", "nothing has this address".to_owned())
            }
            Self::NoSuchItem => entry(StatusCode::NOT_FOUND, "no-such-item", "it is not there".to_owned()),
            Self::MethodNotAllowed(allow) => {
                entry(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", format!("this address offers {allow}"))
                    .with(ALLOW, &allow)
            }
            Self::BodyTimeout => {
                entry(StatusCode::REQUEST_TIMEOUT, "body-timeout", "the body did not arrive in time".to_owned())
            }
            Self::NotAcceptable(offered) => {
                entry(StatusCode::NOT_ACCEPTABLE, "not-acceptable", format!("this address answers with {offered}"))
            }
            Self::Refused(refusal) => {
                let status = match refusal.class {
                    RefusalClass::Rule | RefusalClass::UnknownTarget => StatusCode::CONFLICT,
                    RefusalClass::Missing => StatusCode::NOT_FOUND,
                    RefusalClass::Poisoned => StatusCode::INTERNAL_SERVER_ERROR,
                };
                entry(status, &refusal.rule, refusal.detail)
            }
            Self::PreconditionFailed(version) => {
                let detail = format!("its version is \"{version}\" now");
                entry(StatusCode::PRECONDITION_FAILED, "precondition-failed", detail)
                    .with(ETAG, &format!("\"{version}\""))
            }
            Self::TooLarge(limit) => {
                entry(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", format!("a body has {limit} bytes at most"))
            }
            Self::UnsupportedBody(detail) => {
                entry(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
                    .with(ACCEPT_POST, BODY_TYPES)
            }
            Self::UnsupportedPatch(detail) => {
                entry(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
                    .with(ACCEPT_PATCH, PATCH_TYPES)
            }
            Self::KeyReused => entry(
                StatusCode::UNPROCESSABLE_ENTITY,
                "key-reused",
                "this Idempotency-Key was used for another request; use a new key".to_owned(),
            ),
            Self::TooManyAttempts(wait) => {
                entry(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", "too many wrong tokens".to_owned())
                    .with(RETRY_AFTER, &seconds(wait))
            }
            Self::Call(CallError::NotExecuted(rejected)) => not_executed(rejected),
            Self::Call(CallError::Unknown(unknown)) => entry(
                StatusCode::GATEWAY_TIMEOUT,
                unknown.code(),
                "no answer came in time; the outcome may follow: ask again with the same Idempotency-Key".to_owned(),
            ),
            Self::Internal(detail) => {
                tracing::error!(%detail, "a request failed by a defect");
                entry(StatusCode::INTERNAL_SERVER_ERROR, "internal", "this is a defect; it is in the log".to_owned())
            }
        }
    }
}

impl Entry {
    fn with(mut self, name: HeaderName, value: &str) -> Self {
        self.header = Some((name, value.to_owned()));
        self
    }
}

fn not_executed(rejected: NotExecuted) -> Entry {
    let (status, detail) = match rejected.reason {
        Reason::DeadlineExceeded => (StatusCode::GATEWAY_TIMEOUT, "not executed: the deadline passed before its turn"),
        Reason::BulkheadFull | Reason::BulkheadWaitTimeout | Reason::MailboxFull | Reason::CommitterBusy => {
            (StatusCode::SERVICE_UNAVAILABLE, "not executed: too much is going on; try again later")
        }
        Reason::ServiceStopped => (StatusCode::SERVICE_UNAVAILABLE, "not executed: the service is stopped"),
        Reason::Draining => (StatusCode::SERVICE_UNAVAILABLE, "not executed: the server is stopping"),
        Reason::Quarantined => (StatusCode::SERVICE_UNAVAILABLE, "not executed: it failed too often and is set aside"),
        Reason::RecoveryBusy => (StatusCode::SERVICE_UNAVAILABLE, "not executed: too many are being recovered"),
        Reason::StorageReadOnly => {
            (StatusCode::SERVICE_UNAVAILABLE, "not executed: the storage cannot be written; reads go on")
        }
        Reason::BreakerOpen => (StatusCode::SERVICE_UNAVAILABLE, "not executed: its circuit breaker is open"),
    };
    let read_only = rejected.reason == Reason::StorageReadOnly;
    let code = if read_only { "storage-unavailable" } else { rejected.reason.code() };
    let header = (status == StatusCode::SERVICE_UNAVAILABLE).then(|| (RETRY_AFTER, seconds(rejected.retry_after)));
    Entry { status, code: code.to_owned(), detail: detail.to_owned(), header }
}

/// Whole seconds, at least one: what `Retry-After` can say.
fn seconds(wait: Duration) -> String {
    wait.as_millis().div_ceil(1000).max(1).to_string()
}

/// The originals' timestamp, `2021-02-23T12:26:23.350+0000`.
fn boot_time(time_ms: u64) -> String {
    let time = i64::try_from(time_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
}
