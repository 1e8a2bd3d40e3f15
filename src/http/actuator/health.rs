//! Whether the process does its work.

use serde_json::json;
use warp::http::StatusCode;

use super::endpoints::ACTUATOR;
use crate::http::answer::Answer;
use crate::http::health::{is_good, ready};
use crate::http::problem::Problem;
use crate::http::routes::{Edge, Handled};
use crate::resilience::Reason;

/// A status and the body that says it.
type Told = (StatusCode, String);

/// Answers for a stopped service: its probes fail, everything else is unavailable.
pub(in crate::http) fn stopped(rest: &[&str]) -> Handled {
    if let ["actuator", "health", ..] = rest {
        let (status, body) = told("OUT_OF_SERVICE");
        return Handled { route: "/actuator/health", outcome: Ok(Answer::with_body(status, ACTUATOR, body)) };
    }
    Handled { route: "stopped", outcome: Err(Problem::unavailable(Reason::ServiceStopped)) }
}

pub(super) fn health(edge: &Edge) -> Told {
    told(if edge.vitals.is_alive() && edge.journal.writable().is_ok() { "UP" } else { "DOWN" })
}

pub(super) fn liveness(edge: &Edge) -> Told {
    told(if edge.vitals.is_alive() { "UP" } else { "DOWN" })
}

pub(super) fn readiness(edge: &Edge) -> Told {
    told(if is_good(&ready(&edge.vitals)) { "UP" } else { "OUT_OF_SERVICE" })
}

fn told(word: &str) -> Told {
    let status = if word == "UP" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, json!({ "status": word }).to_string())
}
