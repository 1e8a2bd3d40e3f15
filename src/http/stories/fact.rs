//! A fact as clients are told of it: the originals' envelope, with everything the log knows besides in `meta`.

use std::fmt::Display;

use jiff::Timestamp;
use serde_json::json;

use crate::domain::Recorded;
use crate::http::problem::Problem;
use crate::journal::Position;

pub(super) const JSON: &str = "application/json;charset=UTF-8";

/// Tells whether a system's clients may see a fact.
pub(super) fn is_told(fact: &Recorded, system: &str) -> bool {
    fact.event.is_public() && fact.stream.kind.system() == system
}

/// Tells a fact: type, time, the event's own fields, then the rest.
pub(super) fn told(fact: &Recorded) -> String {
    let time = i64::try_from(fact.time_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or_default();
    let fields = serde_json::to_string(fact.event.payload()).unwrap_or_default();
    let fields = fields.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).unwrap_or_default();
    let meta = json!({
        "position": fact.position,
        "aggregate": fact.stream.to_string(),
        "version": fact.public_version,
        "correlationId": &*fact.correlation,
        "commandId": format!("{:032x}", fact.command),
        "causation": fact.causation,
        "time": time.to_string(),
    });
    let comma = if fields.is_empty() { "" } else { "," };
    let stamp = time.strftime("%Y%m%d%H%M%S");
    format!(r#"{{"eventType":"{}","timestamp":"{stamp}",{fields}{comma}"meta":{meta}}}"#, fact.event.name())
}

/// Reads a position that a client sent.
pub(super) fn position(name: impl Display, value: &str) -> Result<Position, Problem> {
    value.trim().parse().map_err(|_| Problem::BadRequest(format!("{name}={value:?} is no position")))
}
