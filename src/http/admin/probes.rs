//! What an orchestrator and Prometheus ask.

use std::fmt::Write as _;
use std::sync::Arc;

use warp::http::StatusCode;

use super::operator::{Admin, aside};
use crate::http::actuator::faults;
use crate::http::answer::Answer;
use crate::http::problem::Problem;
use crate::http::request::Request;

const TEXT: &str = "text/plain;charset=UTF-8";

/// Says that the process runs.
pub(super) fn alive() -> Answer {
    Answer::with_body(StatusCode::OK, TEXT, "ok\n")
}

impl Admin {
    /// Tells whether the process does its work, and why not; `?verbose`: where the journal stands.
    pub(super) async fn ready(&self, request: &Request) -> Result<Answer, Problem> {
        let faults = faults(&self.edge);
        let (status, mut text) = match faults.is_empty() {
            true => (StatusCode::OK, "ok\n".to_owned()),
            false => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", faults.join("\n"))),
        };
        if request.query.as_deref().is_some_and(|query| query.contains("verbose")) {
            let journal = self.edge.journal.clone();
            let figures = aside(request, async move { journal.figures() }).await?;
            writeln!(text, "journal position {}\nstore group {}", figures.durable, figures.store_group)
                .expect("writing to a string never fails");
        }
        Ok(Answer::with_body(status, TEXT, text))
    }

    /// Shows every metric, gauges brought up to date.
    pub(super) async fn metrics(&self, request: &Request) -> Result<Answer, Problem> {
        let runtime = Arc::clone(&self.edge.runtime);
        aside(request, async move { runtime.measure().await }).await?;
        Ok(self.edge.metrics.answer())
    }
}
