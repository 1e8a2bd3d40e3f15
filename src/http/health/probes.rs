//! What an orchestrator asks on a listener of its own, which runs on a thread of its own and needs nothing of the edge's.

use std::sync::Arc;

use warp::Filter;
use warp::http::header::ALLOW;
use warp::http::{Method, StatusCode};
use warp::path::FullPath;
use warp::reply::Response;

use super::vitals::Vitals;
use super::{Check, is_good, live, ready, text};
use crate::http::answer::Answer;

const TEXT: &str = "text/plain;charset=UTF-8";

/// Makes the filter of the probes' listener: `/livez` and `/readyz`, for everybody.
pub fn filter(
    vitals: Arc<Vitals>,
) -> impl Filter<Extract = (Response,), Error = warp::Rejection> + Clone + Send + Sync + 'static {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::method().and(warp::path::full()).and(query).and_then(move |method, path: FullPath, query: String| {
        let answer = answer(&vitals, &method, path.as_str(), &query);
        async move { Ok::<_, warp::Rejection>(answer.into_response()) }
    })
}

fn answer(vitals: &Vitals, method: &Method, path: &str, query: &str) -> Answer {
    let answer = match path.trim_end_matches('/') {
        "/livez" => told(&live(vitals), Some(query)),
        "/readyz" => told(&ready(vitals), Some(query)),
        _ => return Answer::empty(StatusCode::NOT_FOUND),
    };
    match *method {
        Method::GET => answer,
        Method::HEAD => answer.without_body(),
        _ => Answer::empty(StatusCode::METHOD_NOT_ALLOWED).header(ALLOW, "GET,HEAD"),
    }
}

/// Answers with what was found.
pub(in crate::http) fn told(checks: &[Check], query: Option<&str>) -> Answer {
    let status = if is_good(checks) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Answer::with_body(status, TEXT, text(checks, query.is_some_and(|query| query.contains("verbose"))))
}
