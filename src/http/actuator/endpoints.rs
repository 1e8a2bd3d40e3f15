//! From an endpoint's path to its answer, and the list of all of them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};
use warp::http::StatusCode;

use super::breakers;
use super::events::{self, Wanted};
use super::health::{health, liveness, readiness};
use super::prometheus::Names;
use crate::http::answer::Answer;
use crate::http::negotiate::JSON;
use crate::http::problem::Problem;
use crate::http::request::Request;
use crate::http::routes::{Edge, Handled, no_such_address};

/// The type of the actuator's bodies.
pub(super) const ACTUATOR: &str = "application/vnd.spring-boot.actuator.v2+json;charset=UTF-8";

/// The endpoints: their ids, as Spring Boot makes them, and their paths.
const LINKS: [(&str, &str); 26] = [
    ("self", ""),
    ("health", "/health"),
    ("health-liveness", "/health/liveness"),
    ("health-readiness", "/health/readiness"),
    ("info", "/info"),
    ("prometheus", "/prometheus"),
    ("circuitbreakers", "/circuitbreakers"),
    ("circuitbreakers-name", "/circuitbreakers/{name}"),
    ("circuitbreakerevents", "/circuitbreakerevents"),
    ("circuitbreakerevents-name", "/circuitbreakerevents/{name}"),
    ("circuitbreakerevents-name-eventType", "/circuitbreakerevents/{name}/{eventType}"),
    ("bulkheads", "/bulkheads"),
    ("bulkheadevents", "/bulkheadevents"),
    ("bulkheadevents-name", "/bulkheadevents/{name}"),
    ("bulkheadevents-name-eventType", "/bulkheadevents/{name}/{eventType}"),
    ("retries", "/retries"),
    ("retryevents", "/retryevents"),
    ("retryevents-name", "/retryevents/{name}"),
    ("retryevents-name-eventType", "/retryevents/{name}/{eventType}"),
    ("ratelimiters", "/ratelimiters"),
    ("ratelimiterevents", "/ratelimiterevents"),
    ("ratelimiterevents-name", "/ratelimiterevents/{name}"),
    ("timelimiters", "/timelimiters"),
    ("timelimiterevents", "/timelimiterevents"),
    ("timelimiterevents-name", "/timelimiterevents/{name}"),
    ("timelimiterevents-name-eventType", "/timelimiterevents/{name}/{eventType}"),
];

/// Answers what is asked of the running process, behind a prefix, of the guards whose names begin so.
pub(in crate::http) async fn handle(
    edge: &Edge,
    request: &Request,
    (prefix, within): (&str, &str),
    rest: &[&str],
) -> Handled {
    let guards = || edge.guards(within);
    let (route, outcome) = match *rest {
        [] => ("/actuator", read(request, || links(&format!("{}{prefix}/actuator", request.origin())))),
        ["health"] => ("/actuator/health", told(request, || health(edge))),
        ["health", "liveness"] => ("/actuator/health/liveness", told(request, || liveness(edge))),
        ["health", "readiness"] => ("/actuator/health/readiness", told(request, || readiness(edge))),
        ["health", ..] => ("/actuator/health", Err(Problem::NoSuchItem)),
        ["info"] => ("/actuator/info", read(request, || "{}".to_owned())),
        ["prometheus"] => ("/actuator/prometheus", edge.show_metrics(request, Names::Spring).await),
        ["circuitbreakers"] => ("/actuator/circuitbreakers", read(request, || breakers::list(&guards()))),
        ["circuitbreakers", ref name @ ..] => {
            ("/actuator/circuitbreakers/{name}", breakers::update(edge, request, within, name).await)
        }
        ["circuitbreakerevents", ref of @ ..] => (
            "/actuator/circuitbreakerevents",
            read(request, || events::of_breakers(edge, &guards(), &Wanted::read(of, &events::BREAKER_TYPES))),
        ),
        ["bulkheads"] => ("/actuator/bulkheads", read(request, || list("bulkheads", events::bulkheads(&guards())))),
        ["bulkheadevents", ref of @ ..] => (
            "/actuator/bulkheadevents",
            read(request, || events::of_bulkheads(edge, &guards(), &Wanted::read(of, &events::BULKHEAD_TYPES))),
        ),
        ["timelimiters"] => (
            "/actuator/timelimiters",
            read(request, || list("timeLimiters", guards().iter().map(|guard| guard.name()))),
        ),
        ["timelimiterevents", ..] => ("/actuator/timelimiterevents", read(request, || none("timeLimiterEvents"))),
        ["retries"] => (
            "/actuator/retries",
            read(request, || list("retries", edge.retries(within).iter().map(|retry| retry.name()))),
        ),
        ["retryevents", ref of @ ..] => (
            "/actuator/retryevents",
            read(request, || events::of_retries(edge, &edge.retries(within), &Wanted::read(of, &events::RETRY_TYPES))),
        ),
        ["ratelimiters"] => (
            "/actuator/ratelimiters",
            read(request, || list("rateLimiters", edge.shedding.has_rate().then_some("edge"))),
        ),
        ["ratelimiterevents", ..] => ("/actuator/ratelimiterevents", read(request, || none("rateLimiterEvents"))),
        _ => ("/actuator", no_such_address().outcome),
    };
    Handled { route, outcome }
}

/// Answers a read with a body.
fn read(request: &Request, body: impl FnOnce() -> String) -> Result<Answer, Problem> {
    told(request, || (StatusCode::OK, body()))
}

fn told(request: &Request, told: impl FnOnce() -> (StatusCode, String)) -> Result<Answer, Problem> {
    request.must_read()?;
    let media = request.answer_type(&[ACTUATOR, JSON])?;
    let (status, body) = told();
    Ok(Answer::with_body(status, media, body))
}

/// Writes a list under its name.
pub(super) fn list<T: Serialize>(name: &str, items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<T> = items.into_iter().collect();
    serde_json::to_string(&BTreeMap::from([(name, items)])).unwrap_or_default()
}

/// Writes an empty list: of what there is none of, or what is not kept.
fn none(name: &str) -> String {
    list::<()>(name, [])
}

fn links(base: &str) -> String {
    let link = |(id, path): (&str, &str)| {
        (id.to_owned(), json!({ "href": format!("{base}{path}"), "templated": path.contains('{') }))
    };
    let links: Map<String, Value> = LINKS.map(link).into_iter().collect();
    json!({ "_links": links }).to_string()
}
