//! The front doors: of one system, and of the process. Pages of any origin are let in, as at the originals' gateways.

use serde_json::{Value, json};
use warp::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use warp::http::{HeaderMap, Method, StatusCode};

use super::answer::Answer;
use super::hal::{Link, links};
use super::negotiate::{HAL, JSON};
use super::problem::Problem;
use super::request::Request;
use super::routes::{Edge, Handled, SystemRoutes, no_such_address};
use crate::domain::Verb;

const METHODS: &str = "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS";

/// Returns the origin of the page that asks, if a page does.
pub(super) fn origin(headers: &HeaderMap) -> Option<String> {
    headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).map(str::to_owned)
}

/// Lets the page read the answer.
pub(super) fn let_in(answer: &mut Answer, origin: &str) {
    answer.set(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    answer.set(ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    answer.set(VARY, "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
}

/// Answers a browser that asks whether it may ask.
pub(super) fn preflight(request: &Request) -> Option<Handled> {
    request.header(&ORIGIN)?;
    request.header(&ACCESS_CONTROL_REQUEST_METHOD)?;
    if request.method != Method::OPTIONS {
        return None;
    }
    let mut answer = Answer::empty(StatusCode::OK).header(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    if let Some(asked) = request.header(&ACCESS_CONTROL_REQUEST_HEADERS) {
        answer.set(ACCESS_CONTROL_ALLOW_HEADERS, asked);
    }
    Some(Handled { route: "preflight", outcome: Ok(answer) })
}

/// Refuses a browser that asks a service itself: only the gateway lets pages of other origins in.
pub(super) fn preflight_at_service(request: &Request) -> Option<Handled> {
    preflight(request)?;
    let refusal = Problem::Forbidden("Invalid CORS request: ask the gateway".to_owned());
    Some(Handled { route: "preflight", outcome: Err(refusal) })
}

/// Answers a system's own front page: where its collections are.
pub(super) fn front(system: &SystemRoutes, request: &Request, prefix: &str) -> Handled {
    let outcome = request.must_read().and_then(|()| {
        let media = request.answer_type(&[HAL, JSON])?;
        let origin = request.origin();
        let mut targets: Vec<&'static str> = Vec::new();
        for at in system.services.iter().flat_map(|service| &service.resources) {
            if !targets.contains(&at.resource.collection) {
                targets.push(at.resource.collection);
            }
        }
        let routes = system.services.iter().flat_map(|service| &service.routes);
        let looks = routes.filter(|route| route.verb == Verb::Get && !route.path.contains('{'));
        for path in looks.map(|route| route.path.trim_start_matches('/')) {
            if !targets.contains(&path) {
                targets.push(path);
            }
        }
        targets.extend(["events", "actuator"]);
        let href = |path: &&'static str| Link { rel: path, href: format!("{origin}{prefix}/{path}"), templated: false };
        Ok(Answer::with_body(StatusCode::OK, media, links(targets.iter().map(href))))
    });
    Handled { route: "/", outcome }
}

/// Answers the process's own front page: the systems.
pub(super) fn process(edge: &Edge, request: &Request, rest: &[&str]) -> Handled {
    if !rest.is_empty() {
        return no_such_address();
    }
    let outcome = request.must_read().map(|()| {
        let origin = request.origin();
        let systems: Vec<_> = edge.systems.iter().map(|system| shown(system, &origin)).collect();
        let body = json!({ "systems": systems, "actuator": format!("{origin}/actuator") });
        Answer::with_body(StatusCode::OK, JSON, format!("{body:#}"))
    });
    Handled { route: "/", outcome }
}

fn shown(system: &SystemRoutes, origin: &str) -> Value {
    let href = format!("{origin}/{}", system.name);
    let services = system
        .services
        .iter()
        .map(|service| json!({ "name": service.name, "href": format!("{href}/services/{}", service.name) }));
    let services: Vec<_> = services.collect();
    json!({ "name": system.name, "about": system.about, "href": href, "services": services })
}
