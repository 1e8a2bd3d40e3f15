//! The log's format: one line an event, readable alone, fields for queries.

use tracing_subscriber::EnvFilter;

/// The runtime of the actors opens a span for each of them and enters it at every message: only who asks for it by name
/// pays for that.
const QUIET: &str = "ractor=warn";

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
