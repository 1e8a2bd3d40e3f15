//! The log's format: one line an event, readable alone, fields for queries: those that concern a command or a
//! request have its story's id (`correlation`) and, if it is told, its trace's (`trace_id`).

use ::tracing::field::{DisplayValue, display};
use tracing_subscriber::EnvFilter;

use crate::domain::TraceContext;

/// The runtime of the actors opens a span for each of them and enters it at every message: only who asks for it by name
/// pays for that.
const QUIET: &str = "ractor=warn";

/// Returns a trace's id as a line's field; there is no such field without one.
#[must_use]
pub fn trace_id(trace: Option<TraceContext>) -> Option<DisplayValue<String>> {
    trace.map(|trace| display(trace.trace_text()))
}

/// Sends log lines to standard error; `filter` as in `info,resurgam=debug`, `json` for machines.
///
/// # Errors
///
/// Fails when the filter does not parse, naming the part.
pub fn install(filter: &str, json: bool) -> Result<(), String> {
    let filter = EnvFilter::try_new(format!("{QUIET},{filter}"))
        .map_err(|error| format!("log.filter {filter:?} does not parse: {error}"))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let installed = if json { lines.json().try_init() } else { lines.with_target(false).try_init() };
    installed.map_err(|error| error.to_string())
}
