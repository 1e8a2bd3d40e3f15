//! One exchange: a request as warp takes it apart, its answer as warp sends it. Every listener's, the operator's too.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::{FutureExt as _, Stream};
use warp::Filter;
use warp::http::header::{ALLOW, CONNECTION, HeaderName};
use warp::http::{HeaderMap, Method, StatusCode};
use warp::path::FullPath;
use warp::reply::Response;

use super::dispatch::{self, Edge};
use super::place::{Face, Place, Scope};
use crate::http::answer::Answer;
use crate::http::gateway;
use crate::http::problem::Problem;
use crate::http::request::{self, CORRELATION_ID, Request};
use crate::http::server::Peer;
use crate::http::shedding::{self, Arrival};
use crate::telemetry::metrics;
use crate::telemetry::metrics::{By, Node, RouteLabel};
use crate::telemetry::traces::{Span, TRACERESPONSE, TraceParent};
use crate::telemetry::tracing::trace_id;

/// Makes the filter of a listener.
pub fn filter(
    edge: Arc<Edge>,
    face: Face,
) -> impl Filter<Extract = (Response,), Error = warp::Rejection> + Clone + Send + Sync + 'static {
    requests(Arc::clone(&edge)).and_then(move |request, body| {
        let edge = Arc::clone(&edge);
        async move { Ok::<_, warp::Rejection>(answered(&edge, face, request, body).await.into_response()) }
    })
}

/// A handler's outcome with the route it is counted under.
#[derive(Debug)]
pub(in crate::http) struct Handled {
    pub(in crate::http) route: RouteLabel,
    pub(in crate::http) outcome: Result<Answer, Problem>,
}

impl Handled {
    /// Says that nothing was made of the request.
    pub(in crate::http) fn unread(problem: Problem) -> Self {
        Self { route: "unread", outcome: Err(problem) }
    }

    /// Renders the outcome, gives it the story's id, and counts it.
    pub(in crate::http) fn concluded(
        self,
        edge: &Edge,
        request: &Request,
        (system, service): (&'static str, &'static str),
    ) -> Answer {
        let mut answer = match self.outcome {
            Ok(answer) => answer,
            // Who refuses a method says which there are, and that is all OPTIONS asks.
            Err(Problem::MethodNotAllowed(allow)) if request.method == Method::OPTIONS => {
                Answer::empty(StatusCode::OK).header(ALLOW, &allow)
            }
            Err(problem) => {
                if let Problem::Internal(detail) = &problem {
                    let (correlation, trace_id) = (&*request.correlation, trace_id(request.trace));
                    tracing::error!(%detail, path = request.path, correlation, trace_id, "a request failed by a defect");
                }
                problem.into_answer(&request.path, request.accept(), edge.clock.wall_ms())
            }
        };
        answer.set(CORRELATION_ID, &request.correlation);
        if request.method == Method::HEAD {
            answer = answer.without_body();
        }
        let labels = metrics::HttpLabels { system, service, route: self.route, method: method_label(&request.method) };
        metrics::http_answered(&labels, answer.status.as_u16(), edge.clock.now() - request.received);
        answer
    }
}

/// Takes requests apart; accepts every one.
pub(in crate::http) fn requests(
    edge: Arc<Edge>,
) -> impl Filter<Extract = (Request, impl Stream<Item = Result<impl Buf, warp::Error>>), Error = warp::Rejection>
+ Clone
+ Send
+ Sync
+ 'static {
    let query = warp::query::raw().map(Some).or(warp::any().map(|| None)).unify();
    warp::method()
        .and(warp::path::full())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<Peer>())
        .map(move |method, path: FullPath, query, headers: HeaderMap, peer: Option<Peer>| {
            let parent = request::trace_parent(&headers);
            Request {
                method,
                path: path.as_str().to_owned(),
                query,
                body: Bytes::new(),
                peer: peer.map(|peer| peer.0),
                forwarded: None,
                correlation: request::correlation(&headers, parent, &edge.clock),
                parent,
                trace: None,
                received: edge.clock.now(),
                deadline: request::deadline(&headers, &edge.limits, &edge.clock),
                headers,
            }
        })
        .and(warp::body::stream())
}

/// Answers a request whose body is still to come.
pub(in crate::http) async fn answered<S, B, E>(edge: &Edge, face: Face, mut request: Request, body: S) -> Answer
where
    S: Stream<Item = Result<B, E>>,
    B: Buf,
    E: std::fmt::Display,
{
    let place = Place::of(&edge.systems, face, &request.path);
    let (arrival, span) = match place.is_actuator() {
        true => (Arrival::UNASKED, Span::default()),
        false => (edge.shedding.arrival(&edge.proxies, &request), edge.tracer.arrived(request.parent)),
    };
    request.trace = span.context();
    let is_body_unwanted = arrival.verdict.is_err() && request.awaits_continue();
    let read = match arrival.verdict {
        Err(rejected) if is_body_unwanted => Err(rejected.into()),
        // Else what was sent is read though it is not wanted: left on the wire it would cost the client its connection.
        verdict => match request.read_body(body, edge.limits.body_bytes_max).await {
            Ok(body) => verdict.map(|()| body).map_err(Problem::from),
            Err(problem) => Err(problem),
        },
    };
    let origin = edge.proxies.origin(request.peer, &request.headers);
    let handled = match read.and_then(|body| Ok((body, origin?))) {
        Ok((body, origin)) => {
            (request.body, request.forwarded) = (body, origin);
            inside(edge, &place, &request).await
        }
        Err(problem) => Handled::unread(problem),
    };
    let route = handled.route;
    let mut answer = handled.concluded(edge, &request, place.scope.labels());
    if !place.is_actuator() {
        mapped(&place, answer.status, edge.clock.now() - request.received);
    }
    told(span, &place, &request, route, &mut answer);
    arrival.tell(&mut answer);
    if is_body_unwanted {
        answer.set(CONNECTION, "close");
    }
    if let Scope::Gateway(_) = place.scope
        && let Some(origin) = gateway::origin(&request.headers)
    {
        gateway::let_in(&mut answer, &origin);
    }
    answer
}

/// Counts a request on the map of services: to its service, through a gateway if it came so.
fn mapped(place: &Place<'_>, status: StatusCode, took: Duration) {
    let (system, service) = place.scope.labels();
    let (door, failed) = (Node { system, service }, status.is_server_error());
    metrics::called(Node::USER, door, By::Request, failed, took);
    if let (Scope::Gateway(routes), [first, ..]) = (place.scope, &place.rest[..])
        && let Some(behind) = routes.service_of(first)
    {
        metrics::called(door, Node { system, service: behind.name }, By::Request, failed, took);
    }
}

/// Says where the request's answer belongs, and ends its span.
fn told(mut span: Span, place: &Place<'_>, request: &Request, route: RouteLabel, answer: &mut Answer) {
    let own = span.context().map(TraceParent::told);
    // Who tells nothing has no span of his own to name.
    let parent = request.parent.map(|parent| TraceParent { sampled: false, ..parent });
    if let Some(at) = own.or(parent) {
        answer.set(HeaderName::from_static(TRACERESPONSE), &at.text());
    }
    if !span.is_told() {
        return;
    }
    let (method, (system, service)) = (method_label(&request.method), place.scope.labels());
    // What no route's template names has none.
    if route.starts_with('/') {
        let route = format!("{}{route}", place.prefix);
        span.rename(|| format!("{method} {route}"));
        span.set("http.route", route);
    } else {
        span.rename(|| method.to_owned());
    }
    span.set("http.request.method", if method == "other" { "_OTHER" } else { method });
    span.set("url.scheme", "http");
    span.set("url.path", request.path.clone());
    span.set("http.response.status_code", answer.status.as_u16());
    span.set("resurgam.system", system);
    span.set("resurgam.service", service);
    span.set("resurgam.correlation_id", &request.correlation);
    if answer.status.is_server_error() {
        span.fail(answer.status.as_str().to_owned());
    }
    span.end();
}

/// Handles a request in a place of its own.
async fn inside(edge: &Edge, place: &Place<'_>, request: &Request) -> Handled {
    let handled = caught(dispatch::handle(edge, place, request)).map(|handled| handled.unwrap_or_else(Handled::unread));
    if place.is_actuator() {
        return handled.await;
    }
    match edge.shedding.enter(edge.clock.now()) {
        Ok(permit) => {
            let handled = handled.await;
            permit.settle(shedding::ending(&handled.outcome));
            handled
        }
        Err(rejected) => Handled::unread(rejected.into()),
    }
}

/// Makes a problem of a handler's panic: its connection carries other requests too.
pub(in crate::http) async fn caught<T>(handled: impl Future<Output = T>) -> Result<T, Problem> {
    AssertUnwindSafe(handled).catch_unwind().await.map_err(|_| Problem::Internal("its handler panicked".to_owned()))
}

/// Bounds what metrics see of methods.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}
