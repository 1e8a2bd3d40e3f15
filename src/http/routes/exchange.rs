//! One exchange: a request as warp takes it apart, its answer as warp sends it. Every listener's, the operator's too.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use futures_util::Stream;
use warp::Filter;
use warp::http::header::{ALLOW, CONNECTION};
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
use crate::telemetry::metrics::RouteLabel;

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
            Err(problem) => problem.into_answer(&request.path, request.accept(), edge.clock.wall_ms()),
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
        .map(move |method, path: FullPath, query, headers: HeaderMap, peer: Option<Peer>| Request {
            method,
            path: path.as_str().to_owned(),
            query,
            body: Bytes::new(),
            peer: peer.map(|peer| peer.0),
            forwarded: None,
            correlation: request::correlation(&headers, &edge.clock),
            received: edge.clock.now(),
            deadline: request::deadline(&headers, &edge.limits, &edge.clock),
            headers,
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
    let arrival = match place.is_actuator() {
        true => Arrival::UNASKED,
        false => edge.shedding.arrival(&edge.proxies, &request),
    };
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
    let mut answer = handled.concluded(edge, &request, place.scope.labels());
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

/// Handles a request in a place of its own.
async fn inside(edge: &Edge, place: &Place<'_>, request: &Request) -> Handled {
    if place.is_actuator() {
        return dispatch::handle(edge, place, request).await;
    }
    match edge.shedding.enter(edge.clock.now()) {
        Ok(permit) => {
            let handled = dispatch::handle(edge, place, request).await;
            permit.settle(shedding::ending(&handled.outcome));
            handled
        }
        Err(rejected) => Handled::unread(rejected.into()),
    }
}

/// Bounds what metrics see of methods.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}
