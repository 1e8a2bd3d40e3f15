//! Who may ask, and what is asked.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use warp::Filter;
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use super::lists;
use crate::http::actuator::Names;
use crate::http::answer::Answer;
use crate::http::problem::Problem;
use crate::http::request::Request;
use crate::http::routes::{Edge, Handled, caught, requests};

const JSON: &str = "application/json;charset=UTF-8";

/// What the operator's listener needs beside the edge.
pub struct Admin {
    pub(super) edge: Arc<Edge>,
    pub(super) chaos: bool,
    pub(super) started: Instant,
    pub(super) settings: Arc<dyn InForce>,
}

/// The settings in force; what they are is not ours to know.
pub trait InForce: Send + Sync {
    /// Shows each with its origin, by key; no secret.
    fn shown(&self) -> Value;

    /// Reads them again and has them take effect.
    ///
    /// # Errors
    ///
    /// Says why nothing was changed.
    fn reload(&self) -> Result<Reloaded, String>;
}

/// What became of settings that were read again.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reloaded {
    /// The guards that were changed.
    pub changed: Vec<String>,
    /// The keys that have changed since the start and take effect at the next one.
    pub waiting_for_restart: Vec<String>,
}

/// A house that was given no settings.
struct NoSettings;

impl InForce for NoSettings {
    fn shown(&self) -> Value {
        json!({})
    }

    fn reload(&self) -> Result<Reloaded, String> {
        Ok(Reloaded::default())
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("chaos", &self.chaos).finish_non_exhaustive()
    }
}

impl Admin {
    /// Puts the levers behind the edge's token.
    #[must_use]
    pub fn new(edge: Arc<Edge>, chaos: bool) -> Self {
        let started = edge.clock.now();
        Self { edge, chaos, started, settings: Arc::new(NoSettings) }
    }

    /// Has these settings shown and read again.
    #[must_use]
    pub fn with_settings(self, settings: impl InForce + 'static) -> Self {
        Self { settings: Arc::new(settings), ..self }
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
                    Handled { route: "admin", outcome: caught(handle(&admin, &request)).await.flatten() }
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
    // Metrics know by themselves who may see them.
    if !matches!(path[..], ["livez" | "readyz" | "metrics"]) {
        admin.edge.must_be_operator(request)?;
    }
    match (&request.method, &path[..]) {
        (&Method::GET | &Method::HEAD, ["livez"]) => Ok(admin.alive(request)),
        (&Method::GET | &Method::HEAD, ["readyz"]) => Ok(admin.ready(request)),
        (&Method::GET | &Method::HEAD, ["metrics"]) => admin.edge.show_metrics(request, Names::Own).await,
        (&Method::GET | &Method::HEAD, _) => lists::shown(admin, request).await,
        (&Method::POST, ["admin", "faults"]) => admin.inject(request).await,
        (&Method::DELETE, ["admin", "faults", id]) => admin.remove_fault(request, id).await,
        (&Method::POST, ["admin", "breakers", name @ ..]) if !name.is_empty() => admin.steer(request, name).await,
        (&Method::POST, ["chaos", lever]) => admin.pull(request, lever).await,
        (&Method::DELETE, ["chaos", lever @ ("monkey" | "disk" | "panic")]) => admin.let_go(request, lever).await,
        (&Method::POST, _) => admin.done(request, &path).await,
        (_, ["chaos", "monkey" | "disk" | "panic"]) => {
            Err(Problem::MethodNotAllowed("GET,HEAD,POST,DELETE,OPTIONS".to_owned()))
        }
        (_, ["admin", "faults", _]) => Err(Problem::MethodNotAllowed("GET,HEAD,DELETE,OPTIONS".to_owned())),
        _ => Err(Problem::MethodNotAllowed("GET,HEAD,POST,OPTIONS".to_owned())),
    }
}

/// Answers in plain JSON.
pub(super) fn answer(body: &Value) -> Answer {
    Answer::with_body(StatusCode::OK, JSON, body.to_string())
}
