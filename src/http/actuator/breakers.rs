//! Circuit breakers: listed, and put into another state.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use warp::http::{Method, StatusCode};

use super::endpoints::ACTUATOR;
use crate::http::answer::Answer;
use crate::http::negotiate::JSON;
use crate::http::problem::Problem;
use crate::http::request::Request;
use crate::http::routes::Edge;
use crate::http::steering::{FORCED_MAX, look, name_of};
use crate::resilience::Guard;
use crate::resilience::breaker::{Mode, Snapshot};

/// A breaker as resilience4j shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    failure_rate: String,
    slow_call_rate: String,
    failure_rate_threshold: String,
    slow_call_rate_threshold: String,
    buffered_calls: u64,
    failed_calls: u64,
    slow_calls: u64,
    slow_failed_calls: u64,
    not_permitted_calls: u64,
    state: &'static str,
}

impl Shown {
    fn of(seen: &Snapshot) -> Self {
        let Snapshot { tally, counts, config, state, .. } = seen;
        Self {
            failure_rate: percent(seen.failure_ratio().map(|ratio| ratio * 100.0)),
            slow_call_rate: percent(seen.slow_ratio().map(|ratio| ratio * 100.0)),
            failure_rate_threshold: percent(config.failures.map(f64::from)),
            slow_call_rate_threshold: percent(config.slow.map(|slow| slow.share.into())),
            buffered_calls: tally.total,
            failed_calls: tally.failed,
            slow_calls: tally.slow,
            slow_failed_calls: tally.slow_failed,
            not_permitted_calls: counts.rejected,
            state: state.resilience4j_code(),
        }
    }
}

/// What a POST wishes; our `reason` and nothing else beside the originals' word.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Update {
    update_state: UpdateState,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum UpdateState {
    Close,
    ForceOpen,
    Disable,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Updated<'a> {
    circuit_breaker_name: &'a str,
    current_state: &'static str,
    message: String,
}

/// Lists breakers by name.
pub(super) fn list(guards: &[&Guard]) -> String {
    let shown: BTreeMap<&str, Shown> = guards.iter().map(|guard| (guard.name(), Shown::of(&look(guard).0))).collect();
    serde_json::to_string(&BTreeMap::from([("circuitBreakers", shown)])).unwrap_or_default()
}

/// Puts a breaker into another state, for the longest time there is: the originals name none.
pub(super) async fn update(edge: &Edge, request: &Request, within: &str, name: &[&str]) -> Result<Answer, Problem> {
    if request.method != Method::POST {
        return Err(Problem::MethodNotAllowed("POST,OPTIONS".to_owned()));
    }
    edge.must_be_operator(request)?;
    let media = request.answer_type(&[ACTUATOR, JSON])?;
    // The originals' library makes a breaker of a name it does not know, so that a typing error is answered with 200.
    let guard = edge.guard(within, &name_of(name))?;
    let Update { update_state, reason } =
        serde_json::from_slice(&request.body).map_err(|error| Problem::BadRequest(error.to_string()))?;
    let wish = match update_state {
        UpdateState::Close => None,
        UpdateState::ForceOpen => Some((Mode::ForcedOpen, FORCED_MAX)),
        UpdateState::Disable => Some((Mode::Disabled, FORCED_MAX)),
    };
    edge.steer(request, guard, wish, &reason).await?;
    let updated = Updated {
        circuit_breaker_name: guard.name(),
        current_state: look(guard).0.state.resilience4j_code(),
        message: format!("{} state has been changed successfully", guard.name()),
    };
    Ok(Answer::with_body(StatusCode::OK, media, serde_json::to_string(&updated).unwrap_or_default()))
}

/// Writes a percentage as Java prints a float; there is none while too few calls count, or where nothing is set.
fn percent(percent: Option<f64>) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "the originals' floats have as many digits")]
    let percent = percent.map_or(-1.0, |percent| percent as f32);
    format!("{percent:?}%")
}
