//! Health, info and metrics, on every listener, in the originals' form.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};
use warp::http::StatusCode;

use super::answer::Answer;
use super::problem::Problem;
use super::request::Request;
use super::routes::{Edge, Handled};
use crate::resilience::Reason;

const ACTUATOR: &str = "application/vnd.spring-boot.actuator.v2+json;charset=UTF-8";
const JSON: &str = "application/json;charset=UTF-8";
/// The type of the metrics' text.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4;charset=utf-8";

/// Writes every metric as text; the recorder is not ours.
#[derive(Clone)]
pub struct MetricsText(Arc<dyn Fn() -> String + Send + Sync>);

impl MetricsText {
    /// Takes what writes them.
    #[must_use]
    pub fn new(write: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }

    /// Answers with them.
    #[must_use]
    pub fn answer(&self) -> Answer {
        Answer::with_body(StatusCode::OK, PROMETHEUS_TEXT, (self.0)())
    }
}

impl fmt::Debug for MetricsText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsText").finish_non_exhaustive()
    }
}

/// Tells whether all is well, and the body that says so; from the actuator's own address.
type Body = fn(&Edge, &str) -> (bool, Value);

/// Answers what is asked of the running process.
pub(super) fn handle(edge: &Edge, request: &Request, prefix: &str, rest: &[&str]) -> Handled {
    let (route, body): (_, Body) = match rest {
        [] => ("/actuator", |_, base| (true, links(base))),
        ["health"] => ("/actuator/health", |edge, _| health(edge)),
        ["health", "liveness"] => ("/actuator/health/liveness", |_, _| (true, json!({ "status": "UP" }))),
        ["health", "readiness"] => ("/actuator/health/readiness", |edge, _| readiness(edge)),
        ["info"] => ("/actuator/info", |_, _| (true, json!({}))),
        ["prometheus"] => {
            let outcome = request.must_read().map(|()| edge.metrics.answer());
            return Handled { route: "/actuator/prometheus", outcome };
        }
        ["health", ..] => return Handled { route: "/actuator/health", outcome: Err(Problem::NoSuchItem) },
        _ => return super::routes::no_such_address(),
    };
    let outcome = request.must_read().and_then(|()| {
        let media = request.answer_type(&[ACTUATOR, JSON])?;
        let (well, body) = body(edge, &format!("{}{prefix}/actuator", request.origin()));
        let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        Ok(Answer::with_body(status, media, body.to_string()))
    });
    Handled { route, outcome }
}

/// Answers for a stopped service: its probes fail, everything else is unavailable.
pub(super) fn stopped(rest: &[&str]) -> Handled {
    if let ["actuator", "health", ..] = rest {
        let body = json!({ "status": "OUT_OF_SERVICE" }).to_string();
        let answer = Answer::with_body(StatusCode::SERVICE_UNAVAILABLE, ACTUATOR, body);
        return Handled { route: "/actuator/health", outcome: Ok(answer) };
    }
    Handled { route: "stopped", outcome: Err(Problem::unavailable(Reason::ServiceStopped)) }
}

/// Tells whether the process does its work, and why not.
pub(super) fn faults(edge: &Edge) -> Vec<String> {
    let mut faults = Vec::new();
    if let Err(unwritable) = edge.journal.writable() {
        faults.push(unwritable.to_string());
    }
    if edge.is_draining() {
        faults.push("the server is stopping".to_owned());
    }
    faults
}

fn health(edge: &Edge) -> (bool, Value) {
    match edge.journal.writable() {
        Ok(()) => (true, json!({ "status": "UP" })),
        Err(_) => (false, json!({ "status": "DOWN" })),
    }
}

fn readiness(edge: &Edge) -> (bool, Value) {
    match faults(edge).is_empty() {
        true => (true, json!({ "status": "UP" })),
        false => (false, json!({ "status": "OUT_OF_SERVICE" })),
    }
}

fn links(base: &str) -> Value {
    let link = |path: &str| json!({ "href": format!("{base}{path}"), "templated": false });
    json!({ "_links": {
        "self": link(""),
        "health": link("/health"),
        "health-liveness": link("/health/liveness"),
        "health-readiness": link("/health/readiness"),
        "info": link("/info"),
        "prometheus": link("/prometheus"),
    } })
}
