//! Metrics as text.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::time::timeout_at;
use warp::http::StatusCode;

use crate::http::answer::Answer;
use crate::http::aside::aside;
use crate::http::problem::Problem;
use crate::http::request::Request;
use crate::http::routes::Edge;
use crate::resilience::NotExecuted;

/// The type of the metrics' text.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4;charset=utf-8";

/// The counter of requests, as it is named here and by Spring.
const REQUESTS: &str = "http_server_requests_total";
const SPRINGS_REQUESTS: &str = "http_server_requests_seconds_count";
/// How the lines of the durations begin.
const DURATIONS: &str = "http_server_requests_seconds";

/// By which names metrics are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Names {
    /// Ours.
    Own,
    /// As the originals' dashboards know them: requests counted under the name of Spring's timer, in the place of the
    /// durations, which have other labels here.
    Spring,
}

/// Writes every metric as text; the recorder is not ours.
pub struct MetricsText {
    write: Arc<dyn Fn() -> String + Send + Sync>,
    is_open: bool,
    /// One text at a time: it is large, and whoever asks for many waits for each.
    turn: Mutex<()>,
}

impl MetricsText {
    /// Takes what writes them, and whether everybody may read them or operators only.
    #[must_use]
    pub fn new(is_open: bool, write: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self { write: Arc::new(write), is_open, turn: Mutex::new(()) }
    }
}

fn in_springs_names(text: &str) -> String {
    let told = text.lines().filter(|line| !line.trim_start_matches("# TYPE ").starts_with(DURATIONS));
    told.map(|line| line.replacen(REQUESTS, SPRINGS_REQUESTS, 1) + "\n").collect()
}

impl Edge {
    /// Shows every metric, gauges brought up to date.
    pub(in crate::http) async fn show_metrics(&self, request: &Request, names: Names) -> Result<Answer, Problem> {
        request.must_read()?;
        if !self.metrics.is_open {
            self.must_be_operator(request)?;
        }
        let turn = timeout_at(request.deadline.at(), self.metrics.turn.lock()).await;
        let _turn = turn.map_err(|_| NotExecuted::deadline_exceeded())?;
        let (runtime, write) = (Arc::clone(&self.runtime), Arc::clone(&self.metrics.write));
        let text = aside(request, async move {
            runtime.measure().await;
            match names {
                Names::Own => write(),
                Names::Spring => in_springs_names(&write()),
            }
        });
        Ok(Answer::with_body(StatusCode::OK, PROMETHEUS_TEXT, text.await?))
    }
}

impl fmt::Debug for MetricsText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsText").finish_non_exhaustive()
    }
}
