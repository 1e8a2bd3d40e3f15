//! Who may ask, and what is asked.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;
use warp::Filter;
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use super::{lists, probes};
use crate::http::answer::Answer;
use crate::http::problem::Problem;
use crate::http::request::Request;
use crate::http::routes::{Edge, Handled, requests};
use crate::resilience::NotExecuted;

const JSON: &str = "application/json;charset=UTF-8";

/// What the operator's listener needs beside the edge.
#[derive(Debug)]
pub struct Admin {
    pub(super) edge: Arc<Edge>,
    pub(super) metrics_open: bool,
    pub(super) chaos: bool,
    pub(super) started: Instant,
    pub(super) reloading: Reloading,
}

/// Reads the settings again and has them take effect; what they are is not ours to know.
#[derive(Clone)]
pub struct Reloading(Arc<Reload>);

/// Returns what was changed, or why nothing was.
type Reload = dyn Fn() -> Result<Vec<String>, String> + Send + Sync;

impl Reloading {
    /// Takes what does it: returns what was changed, or why nothing was.
    #[must_use]
    pub fn new(reload: impl Fn() -> Result<Vec<String>, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(reload))
    }

    pub(super) fn reload(&self) -> Result<Vec<String>, String> {
        (self.0)()
    }
}

impl Default for Reloading {
    fn default() -> Self {
        Self::new(|| Ok(Vec::new()))
    }
}

impl fmt::Debug for Reloading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloading").finish_non_exhaustive()
    }
}

impl Admin {
    /// Puts the levers behind the edge's token.
    #[must_use]
    pub fn new(edge: Arc<Edge>, metrics_open: bool, chaos: bool) -> Self {
        let started = edge.clock.now();
        Self { edge, metrics_open, chaos, started, reloading: Reloading::default() }
    }

    /// Has settings read again by this.
    #[must_use]
    pub fn reloading(self, reloading: Reloading) -> Self {
        Self { reloading, ..self }
    }
}

/// Makes the filter of the operator's listener.
pub fn filter(
    admin: Arc<Admin>,
) -> impl Filter<Extract = (Response,), Error = warp::Rejection> + Clone + Send + Sync + 'static {
    requests(Arc::clone(&admin.edge)).and_then(move |mut request: Request, body| {
        let admin = Arc::clone(&admin);
        async move {
            let handled = match request.read_body(body, admin.edge.limits.body_bytes_max).await {
                Ok(body) => {
                    request.body = body;
                    Handled { route: "admin", outcome: handle(&admin, &request).await }
                }
                Err(problem) => Handled::unread(problem),
            };
            let answer = handled.concluded(&admin.edge, &request, ("process", "admin"));
            Ok::<_, warp::Rejection>(answer.into_response())
        }
    })
}

/// Answers an operator.
pub(in crate::http) async fn handle(admin: &Arc<Admin>, request: &Request) -> Result<Answer, Problem> {
    let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    let open = matches!(path[..], ["livez" | "readyz"]) || (admin.metrics_open && path == ["metrics"]);
    if !open {
        admin.edge.must_be_operator(request)?;
    }
    match (&request.method, &path[..]) {
        (&Method::GET | &Method::HEAD, ["livez"]) => Ok(probes::alive()),
        (&Method::GET | &Method::HEAD, ["readyz"]) => admin.ready(request).await,
        (&Method::GET | &Method::HEAD, ["metrics"]) => admin.metrics(request).await,
        (&Method::GET | &Method::HEAD, _) => lists::shown(admin, request).await,
        (&Method::POST, ["admin", "faults"]) => admin.inject(request).await,
        (&Method::DELETE, ["admin", "faults", id]) => admin.remove_fault(request, id).await,
        (&Method::POST, ["admin", "breakers", name @ ..]) if !name.is_empty() => admin.steer(request, name).await,
        (&Method::POST, ["chaos", lever]) => admin.pull(request, lever).await,
        (&Method::DELETE, ["chaos", lever @ ("monkey" | "disk")]) => admin.let_go(request, lever).await,
        (&Method::POST, _) => admin.done(request, &path).await,
        (_, ["chaos", "monkey" | "disk"]) => Err(Problem::MethodNotAllowed("GET,HEAD,POST,DELETE,OPTIONS".to_owned())),
        (_, ["admin", "faults", _]) => Err(Problem::MethodNotAllowed("GET,HEAD,DELETE,OPTIONS".to_owned())),
        _ => Err(Problem::MethodNotAllowed("GET,HEAD,POST,OPTIONS".to_owned())),
    }
}

/// Runs what may wait for the disk on a thread where that hurts nobody, as long as the request may take.
pub(super) async fn aside<T: Send + 'static>(
    request: &Request,
    look: impl Future<Output = T> + Send + 'static,
) -> Result<T, Problem> {
    let (runtime, deadline) = (tokio::runtime::Handle::current(), request.deadline.at());
    let looking = move || runtime.block_on(tokio::time::timeout_at(deadline, look));
    match tokio::task::spawn_blocking(looking).await {
        Ok(Ok(seen)) => Ok(seen),
        Ok(Err(_)) => Err(NotExecuted::deadline_exceeded().into()),
        Err(panicked) => Err(Problem::Internal(format!("an operator's look failed: {panicked}"))),
    }
}

/// Answers in plain JSON.
pub(super) fn answer(body: &serde_json::Value) -> Answer {
    Answer::with_body(StatusCode::OK, JSON, body.to_string())
}
