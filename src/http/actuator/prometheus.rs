//! Metrics as text.

use std::fmt;
use std::sync::Arc;

use warp::http::StatusCode;

use crate::http::answer::Answer;

/// The type of the metrics' text.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4;charset=utf-8";

/// Writes every metric as text; the recorder is not ours.
#[derive(Clone)]
pub struct MetricsText(Arc<dyn Fn() -> String + Send + Sync>);

impl MetricsText {
    /// Takes what writes them.
    #[must_use]
    pub fn new(write: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }

    /// Answers with them.
    #[must_use]
    pub fn answer(&self) -> Answer {
        Answer::with_body(StatusCode::OK, PROMETHEUS_TEXT, (self.0)())
    }
}

impl fmt::Debug for MetricsText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsText").finish_non_exhaustive()
    }
}
