//! Every failure → status and body, in one table; nothing else chooses a status for a failure.
//!
//! Bodies are problem+json (RFC 9457) with the keys of the originals' error JSON beside, for old clients.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use warp::http::StatusCode;
use warp::http::header::{ALLOW, CONNECTION, ETAG, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};

use super::answer::Answer;
use super::conditional;
use super::negotiate::{self, BODY_TYPES, PATCH_TYPES};
use crate::domain::Refusal;
use crate::domain::aggregate::RefusalClass;
use crate::resilience::{CallError, NotExecuted, Reason};

/// The type of every failure's body.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// When to come back where nothing better is known.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(1);
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

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
    /// The item is not there.
    NoSuchItem,
    /// The address does not offer the method.
    MethodNotAllowed(String),
    /// The body was not sent in time; what is left of it is not read, so the connection is closed.
    BodyTimeout,
    /// The body ended before its end, or is framed against the rules; the connection is closed.
    BodyBrokenOff(String),
    /// Servers could differ on where the body ends; the connection is closed.
    UnclearEnd,
    /// No offered representation is acceptable.
    NotAcceptable(String),
    /// A rule of the business.
    Refused(Refusal),
    /// The state is not what the client believed; the public version it has, if it is there.
    PreconditionFailed(Option<u64>),
    /// The body is too large; the limit in bytes. It is not read, so the connection is closed.
    TooLarge(usize),
    /// The body is of a type that is not read.
    UnsupportedBody(String),
    /// The body is of a type that is not read by PATCH.
    UnsupportedPatch(String),
    /// Items cannot be found by their fields yet: the process is young.
    NotYetIndexed,
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

impl From<NotExecuted> for Problem {
    fn from(rejected: NotExecuted) -> Self {
        Self::Call(rejected.into())
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
    /// Says that something was not executed because it is unavailable for a while.
    #[must_use]
    pub const fn unavailable(reason: Reason) -> Self {
        Self::Call(CallError::NotExecuted(NotExecuted { reason, retry_after: RETRY_AFTER_DEFAULT }))
    }

    /// Renders the failure for the request's path and `Accept` at a time (Unix milliseconds).
    ///
    /// A missing item has a body only for a client that names its type: the originals answered with none.
    #[must_use]
    pub fn into_answer(self, path: &str, accept: Option<&str>, time_ms: u64) -> Answer {
        let is_bare = self.is_bare() && !negotiate::names(accept, PROBLEM_JSON);
        let Entry { status, code, detail, header } = self.entry();
        let answer = match is_bare {
            true => Answer::empty(status),
            false => Answer::with_body(status, PROBLEM_JSON, body(status, &code, &detail, path, time_ms)),
        };
        match header {
            Some((name, value)) => answer.header(name, &value),
            None => answer,
        }
    }

    fn is_bare(&self) -> bool {
        matches!(self, Self::NoSuchItem | Self::Refused(Refusal { class: RefusalClass::Missing, .. }))
    }

    fn entry(self) -> Entry {
        let entry = Entry::of;
        match self {
            Self::BadRequest(detail) => entry(StatusCode::BAD_REQUEST, "malformed-request", detail),
            Self::Unauthorized => {
                let detail = "send the operator's token as `Authorization: Bearer …`";
                said(StatusCode::UNAUTHORIZED, "token-required", detail).with(WWW_AUTHENTICATE, "Bearer")
            }
            Self::Forbidden(detail) => entry(StatusCode::FORBIDDEN, "forbidden", detail),
            Self::NoSuchAddress => said(StatusCode::NOT_FOUND, "no-such-address", "nothing has this address"),
            Self::NoSuchItem => said(StatusCode::NOT_FOUND, "no-such-item", "it is not there"),
            Self::MethodNotAllowed(allow) => {
                entry(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", format!("this address offers {allow}"))
                    .with(ALLOW, &allow)
            }
            Self::NotYetIndexed => {
                let detail = "items cannot be found by their fields yet";
                said(StatusCode::SERVICE_UNAVAILABLE, "not-yet-indexed", detail).with(RETRY_AFTER, "1")
            }
            Self::BodyTimeout => {
                last(StatusCode::REQUEST_TIMEOUT, "body-timeout", "the body did not arrive in time".to_owned())
            }
            Self::BodyBrokenOff(detail) => last(StatusCode::BAD_REQUEST, "body-broken-off", detail),
            Self::UnclearEnd => last(
                StatusCode::BAD_REQUEST,
                "unclear-end",
                "a body is sent with a Content-Length or with `Transfer-Encoding: chunked`, and with no other coding"
                    .to_owned(),
            ),
            Self::NotAcceptable(offered) => {
                entry(StatusCode::NOT_ACCEPTABLE, "not-acceptable", format!("this address answers with {offered}"))
            }
            Self::Refused(refusal) => refused(refusal),
            Self::PreconditionFailed(version) => precondition_failed(version),
            Self::TooLarge(limit) => {
                last(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", format!("a body has {limit} bytes at most"))
            }
            Self::UnsupportedBody(detail) => unsupported(detail).with(ACCEPT_POST, BODY_TYPES),
            Self::UnsupportedPatch(detail) => unsupported(detail).with(ACCEPT_PATCH, PATCH_TYPES),
            Self::KeyReused => {
                let detail = "this Idempotency-Key was used for another request; use a new key";
                said(StatusCode::UNPROCESSABLE_ENTITY, "key-reused", detail)
            }
            Self::TooManyAttempts(wait) => {
                let entry = said(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", "too many wrong tokens");
                entry.with(RETRY_AFTER, &seconds(wait))
            }
            Self::Call(CallError::NotExecuted(rejected)) => not_executed(rejected),
            Self::Call(CallError::Unknown(unknown)) => {
                let detail = "no answer came in time; the outcome may follow: ask again with the same Idempotency-Key";
                said(StatusCode::GATEWAY_TIMEOUT, unknown.code(), detail)
            }
            Self::Internal(_) => {
                said(StatusCode::INTERNAL_SERVER_ERROR, "internal", "this is a defect; it is in the log")
            }
        }
    }
}

fn body(status: StatusCode, code: &str, detail: &str, path: &str, time_ms: u64) -> String {
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
    body.to_string()
}

impl Entry {
    fn of(status: StatusCode, code: &str, detail: String) -> Self {
        Self { status, code: code.to_owned(), detail, header: None }
    }

    fn with(mut self, name: HeaderName, value: &str) -> Self {
        self.header = Some((name, value.to_owned()));
        self
    }
}

/// What is said before a body was read to its end: where the next request would begin is not known.
fn last(status: StatusCode, code: &str, detail: String) -> Entry {
    Entry::of(status, code, detail).with(CONNECTION, "close")
}

fn said(status: StatusCode, code: &str, detail: &str) -> Entry {
    Entry::of(status, code, detail.to_owned())
}

fn unsupported(detail: String) -> Entry {
    Entry::of(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
}

fn refused(refusal: Refusal) -> Entry {
    let status = match refusal.class {
        RefusalClass::Rule | RefusalClass::UnknownTarget => StatusCode::CONFLICT,
        RefusalClass::Missing => StatusCode::NOT_FOUND,
        RefusalClass::Poisoned => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Entry::of(status, &refusal.rule, refusal.detail)
}

fn precondition_failed(version: Option<u64>) -> Entry {
    let entry = |detail| Entry::of(StatusCode::PRECONDITION_FAILED, "precondition-failed", detail);
    match version {
        Some(version) => {
            let etag = conditional::etag(version);
            entry(format!("its version is {etag} now")).with(ETAG, &etag)
        }
        None => entry("it is not there".to_owned()),
    }
}

fn not_executed(rejected: NotExecuted) -> Entry {
    let (status, detail) = match rejected.reason {
        Reason::DeadlineExceeded => (StatusCode::GATEWAY_TIMEOUT, "not executed: the deadline passed before its turn"),
        Reason::WouldExpire => (StatusCode::GATEWAY_TIMEOUT, "not executed: the deadline would pass before its turn"),
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
        Reason::BreakerOpen | Reason::InstanceBreakerOpen => {
            (StatusCode::SERVICE_UNAVAILABLE, "not executed: its circuit breaker is open")
        }
        Reason::FaultInjected => (StatusCode::SERVICE_UNAVAILABLE, "not executed: an operator has some calls fail"),
        Reason::EdgeOverloaded => {
            (StatusCode::SERVICE_UNAVAILABLE, "not executed: as many requests are here as are answered in time")
        }
        Reason::ProviderUnavailable => {
            (StatusCode::SERVICE_UNAVAILABLE, "not executed: an outside party that must agree cannot be reached")
        }
        Reason::ClientRate => (StatusCode::TOO_MANY_REQUESTS, "not executed: this client comes more often than it may"),
    };
    let read_only = rejected.reason == Reason::StorageReadOnly;
    let code = if read_only { "storage-unavailable" } else { rejected.reason.code() };
    // Waiting does not help who sets itself too short a deadline.
    let header = (status != StatusCode::GATEWAY_TIMEOUT).then(|| (RETRY_AFTER, seconds(rejected.retry_after)));
    Entry { status, code: code.to_owned(), detail: detail.to_owned(), header }
}

fn seconds(wait: Duration) -> String {
    whole_seconds(wait).to_string()
}

/// Whole seconds, at least one: what `Retry-After` can say.
pub(super) fn whole_seconds(wait: Duration) -> u128 {
    wait.as_nanos().div_ceil(1_000_000_000).max(1)
}

/// The originals' timestamp, `2021-02-23T12:26:23.350+0000`.
fn boot_time(time_ms: u64) -> String {
    let time = i64::try_from(time_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::tests::body_of;
    use crate::resilience::Unknown;

    const SECOND: Duration = Duration::from_millis(1_001);

    fn rejected(reason: Reason) -> Problem {
        Problem::from(NotExecuted { reason, retry_after: SECOND })
    }

    fn refusal(class: RefusalClass) -> Problem {
        Refusal { rule: "stock-is-there".into(), detail: "3 are wanted".to_owned(), class }.into()
    }

    /// A failure, its status, its reason and its own header.
    type Row = (Problem, u16, &'static str, Option<(&'static str, &'static str)>);

    fn requests() -> Vec<Row> {
        let text = || "why".to_owned();
        vec![
            (Problem::BadRequest(text()), 400, "malformed-request", None),
            (Problem::Unauthorized, 401, "token-required", Some(("www-authenticate", "Bearer"))),
            (Problem::Forbidden(text()), 403, "forbidden", None),
            (Problem::NoSuchAddress, 404, "no-such-address", None),
            (Problem::MethodNotAllowed("GET,HEAD".to_owned()), 405, "method-not-allowed", Some(("allow", "GET,HEAD"))),
            (Problem::NotAcceptable(text()), 406, "not-acceptable", None),
            (Problem::BodyTimeout, 408, "body-timeout", Some(("connection", "close"))),
            (Problem::BodyBrokenOff(text()), 400, "body-broken-off", Some(("connection", "close"))),
            (Problem::UnclearEnd, 400, "unclear-end", Some(("connection", "close"))),
            (Problem::PreconditionFailed(Some(7)), 412, "precondition-failed", Some(("etag", "\"7\""))),
            (Problem::PreconditionFailed(None), 412, "precondition-failed", None),
            (Problem::TooLarge(9), 413, "body-too-large", Some(("connection", "close"))),
            (Problem::UnsupportedBody(text()), 415, "unsupported-media-type", Some(("accept-post", BODY_TYPES))),
            (Problem::UnsupportedPatch(text()), 415, "unsupported-media-type", Some(("accept-patch", PATCH_TYPES))),
            (Problem::KeyReused, 422, "key-reused", None),
            (Problem::TooManyAttempts(SECOND), 429, "too-many-attempts", Some(("retry-after", "2"))),
            (Problem::TooManyAttempts(Duration::ZERO), 429, "too-many-attempts", Some(("retry-after", "1"))),
        ]
    }

    fn outcomes() -> Vec<Row> {
        let wait = Some(("retry-after", "2"));
        vec![
            (refusal(RefusalClass::Rule), 409, "stock-is-there", None),
            (refusal(RefusalClass::UnknownTarget), 409, "stock-is-there", None),
            (refusal(RefusalClass::Poisoned), 500, "stock-is-there", None),
            (Problem::Internal("a secret".to_owned()), 500, "internal", None),
            (rejected(Reason::BulkheadFull), 503, "bulkhead-full", wait),
            (rejected(Reason::BulkheadWaitTimeout), 503, "bulkhead-wait-timeout", wait),
            (rejected(Reason::MailboxFull), 503, "mailbox-full", wait),
            (rejected(Reason::CommitterBusy), 503, "committer-busy", wait),
            (rejected(Reason::ServiceStopped), 503, "service-stopped", wait),
            (rejected(Reason::Draining), 503, "draining", wait),
            (rejected(Reason::Quarantined), 503, "quarantined", wait),
            (rejected(Reason::RecoveryBusy), 503, "recovery-busy", wait),
            (rejected(Reason::BreakerOpen), 503, "breaker-open", wait),
            (rejected(Reason::FaultInjected), 503, "fault-injected", wait),
            (rejected(Reason::EdgeOverloaded), 503, "edge-overloaded", wait),
            (rejected(Reason::StorageReadOnly), 503, "storage-unavailable", wait),
            (Problem::unavailable(Reason::BulkheadFull), 503, "bulkhead-full", Some(("retry-after", "1"))),
            (NotExecuted::deadline_exceeded().into(), 504, "deadline-exceeded", None),
            (Problem::Call(Unknown::AttemptTimeout.into()), 504, "attempt-timeout", None),
            (Problem::Call(Unknown::DeadlineExceeded.into()), 504, "answer-overdue", None),
            (Problem::Call(Unknown::PortDropped.into()), 504, "port-dropped", None),
        ]
    }

    #[tokio::test]
    async fn every_failure_has_its_status_its_reason_its_header_and_the_keys_of_old_and_new_clients() {
        const OWN: [&str; 7] =
            ["www-authenticate", "allow", "connection", "etag", "accept-post", "accept-patch", "retry-after"];
        for (problem, status, reason, header) in requests().into_iter().chain(outcomes()) {
            let what = format!("{problem:?}");
            let answer = problem.into_answer("/rentals/1", None, 1_614_083_183_350);
            assert_eq!(answer.status.as_u16(), status, "{what}");
            assert_eq!(answer.headers[warp::http::header::CONTENT_TYPE], PROBLEM_JSON, "{what}");
            let sent = OWN.iter().filter_map(|name| Some((*name, answer.headers.get(*name)?.to_str().ok()?)));
            assert_eq!(sent.collect::<Vec<_>>(), header.into_iter().collect::<Vec<_>>(), "{what}");

            let body: serde_json::Value = serde_json::from_slice(&body_of(answer).await).expect("json");
            let keys: Vec<&str> = body.as_object().expect("an object").keys().map(String::as_str).collect();
            let expected =
                ["detail", "error", "instance", "message", "path", "reason", "status", "timestamp", "title", "type"];
            assert_eq!(keys, expected, "{what}");
            assert_eq!((&body["status"], &body["reason"]), (&json!(status), &json!(reason)), "{what}");
            assert_eq!((&body["instance"], &body["path"]), (&json!("/rentals/1"), &json!("/rentals/1")), "{what}");
            assert_eq!(body["type"], format!("urn:resurgam:problem:{reason}"), "{what}");
            assert_eq!((&body["detail"], &body["title"]), (&body["message"], &body["error"]), "{what}");
            assert_eq!(body["timestamp"], "2021-02-23T12:26:23.350+0000", "{what}");
            assert!(!body.to_string().contains("a secret"), "a defect's words are for the log");
        }
    }

    // Case 128.
    #[tokio::test]
    async fn a_rejection_says_when_to_come_back_unless_that_would_not_help() {
        let check = |reason, wait_ms, status: u16, retry_after: Option<&str>| {
            let rejected = NotExecuted { reason, retry_after: Duration::from_millis(wait_ms) };
            let answer = Problem::from(rejected).into_answer("/rentals", None, 0);
            let told = answer.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            assert_eq!((answer.status.as_u16(), told), (status, retry_after), "{reason:?}");
        };
        check(Reason::BreakerOpen, 1_200, 503, Some("2"));
        check(Reason::EdgeOverloaded, 100, 503, Some("1"));
        check(Reason::ClientRate, 1_200, 429, Some("2"));
        check(Reason::DeadlineExceeded, 1_200, 504, None);
        check(Reason::WouldExpire, 1_200, 504, None);
    }

    #[tokio::test]
    async fn a_client_that_comes_too_often_has_a_problem_whatever_it_accepts() {
        let answer = |accept| rejected(Reason::ClientRate).into_answer("/rentals", accept, 0);
        for accept in [None, Some("*/*"), Some("application/hal+json"), Some(PROBLEM_JSON)] {
            let body: serde_json::Value = serde_json::from_slice(&body_of(answer(accept)).await).expect("json");
            assert_eq!((&body["status"], &body["reason"]), (&json!(429), &json!("client-rate")), "{accept:?}");
        }
    }

    #[tokio::test]
    async fn what_is_not_there_has_a_problem_for_a_client_that_names_the_type() {
        for accept in [PROBLEM_JSON, "application/hal+json, Application/Problem+JSON;q=0.1"] {
            for problem in [Problem::NoSuchItem, refusal(RefusalClass::Missing)] {
                let answer = problem.into_answer("/rentals/1", Some(accept), 0);
                assert_eq!(answer.status, StatusCode::NOT_FOUND);
                assert_eq!(answer.headers[warp::http::header::CONTENT_TYPE], PROBLEM_JSON);
                let body: serde_json::Value = serde_json::from_slice(&body_of(answer).await).expect("json");
                assert_eq!((&body["title"], &body["status"]), (&json!("Not Found"), &json!(404)));
            }
        }
    }

    #[tokio::test]
    async fn what_is_not_there_is_answered_without_a_body_as_the_originals_did() {
        for accept in [None, Some("*/*"), Some("application/*"), Some("application/problem+json;q=0")] {
            for problem in [Problem::NoSuchItem, refusal(RefusalClass::Missing)] {
                let answer = problem.into_answer("/rentals/1", accept, 0);
                assert_eq!((answer.status, answer.headers.len()), (StatusCode::NOT_FOUND, 0), "{accept:?}");
                assert!(body_of(answer).await.is_empty());
            }
        }
    }
}
