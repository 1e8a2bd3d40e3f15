//! Circuit breakers and bulkheads as operators see and steer them.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::lists::Wanted;
use super::operator::{Admin, answer};
use crate::http::answer::Answer;
use crate::http::problem::Problem;
use crate::http::request::Request;
use crate::http::steering::{FORCED_MAX, Wish, look, name_of};
use crate::resilience::breaker::{Cause, Counts, Happening, Moment, State, Tally};
use crate::resilience::faults::parse_duration;
use crate::resilience::{Guard, Partition};

/// Into which state a breaker is to be put, for how long, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wished {
    state: String,
    #[serde(rename = "for")]
    lasts: Option<String>,
    #[serde(default)]
    reason: String,
}

impl Wished {
    /// Reads what is wished; what is wrong is told by its field.
    fn wish(&self) -> Result<Wish, Problem> {
        let lasts = self.lasts.as_deref().map(|lasts| parse_duration(lasts).ok_or_else(wrong_time)).transpose()?;
        let state = State::ALL.into_iter().find(|state| state.code() == self.state);
        match (state, lasts) {
            (Some(State::Closed), _) => Ok(None),
            (Some(State::Forced(mode)), Some(time)) if !time.is_zero() && time <= FORCED_MAX => Ok(Some((mode, time))),
            (Some(State::Forced(_)), _) => Err(wrong_time()),
            (Some(State::Ramping | State::Open | State::HalfOpen) | None, _) => Err(Problem::BadRequest(format!(
                "state {:?}: one of CLOSED, FORCED_OPEN, FORCED_CLOSED, DISABLED, METRICS_ONLY",
                self.state
            ))),
        }
    }
}

impl Admin {
    /// Puts a breaker into a state, and answers with what it looks like then.
    pub(super) async fn steer(&self, request: &Request, name: &[&str]) -> Result<Answer, Problem> {
        let guard = self.edge.guard("", &name_of(name))?;
        let wished: Wished =
            serde_json::from_slice(&request.body).map_err(|error| Problem::BadRequest(error.to_string()))?;
        self.edge.steer(request, guard, wished.wish()?, &wished.reason).await?;
        Ok(answer(&self.shown(guard)))
    }

    /// Lists every breaker with its bulkheads, by name.
    pub(super) fn breakers(&self, wanted: &Wanted) -> Value {
        let guards = self.edge.guards("");
        let (page, size) = wanted.page_of(&guards);
        let page: Vec<_> = page.iter().map(|guard| self.shown(guard)).collect();
        json!({ "breakers": page, "page": size })
    }

    /// Shows one of them.
    pub(super) fn one_breaker(&self, name: &[&str]) -> Result<Value, Problem> {
        self.edge.guard("", &name_of(name)).map(|guard| self.shown(guard))
    }

    fn shown(&self, guard: &Guard) -> Value {
        let (seen, now) = look(guard);
        let decision = self.edge.decisions.of(guard, &seen);
        let until = decision.as_ref().map(|decision| decision.until).or(seen.open_until).filter(|until| *until > now);
        let forced = decision.map(|decision| json!({ "by": decision.by, "reason": decision.reason }));
        let Tally { total, failed, slow, slow_failed } = seen.tally;
        let mut shown = json!({
            "name": guard.name(),
            "state": seen.state.code(),
            "since": self.edge.ago(now.since(last_move(guard))).to_string(),
            "window": { "calls": total, "failed": failed, "slow": slow, "slowFailed": slow_failed },
            "totals": totals(&seen.counts),
            "bulkheads": bulkheads(guard),
        });
        let until = until.map(|until| json!(self.edge.ahead(until.since(now)).to_string()));
        let [failures, slow] = [seen.failure_ratio(), seen.slow_ratio()].map(|ratio| ratio.map(|ratio| json!(ratio)));
        for (name, value) in [("until", until), ("forced", forced), ("failureRate", failures), ("slowRate", slow)] {
            if let Some(value) = value {
                shown[name] = value;
            }
        }
        shown
    }
}

/// Returns when the breaker came into its state: when it was made, if it never left its first.
fn last_move(guard: &Guard) -> Moment {
    let moved = |happening: &Happening| matches!(happening, Happening::Moved(to) if to.cause != Cause::WouldOpen);
    let events = guard.breaker().events();
    events.iter().rfind(|event| moved(&event.happening)).map_or(Moment::default(), |event| event.at)
}

fn totals(counts: &Counts) -> Value {
    let Counts { successes, failures, overloads, ignored, cancelled, not_executed, slow, rejected, stale } = counts;
    json!({
        "successes": successes, "failures": failures, "overloads": overloads, "ignored": ignored, "cancelled": cancelled,
        "notExecuted": not_executed, "slow": slow, "rejected": rejected, "stale": stale,
    })
}

fn bulkheads(guard: &Guard) -> Value {
    let shown = Partition::ALL.map(|partition| {
        let bulkhead = guard.bulkhead(partition);
        let limits = bulkhead.limits();
        let shown = json!({
            "runningMax": limits.running_max, "queueMax": limits.queue_max,
            "waitMaxSeconds": limits.wait_max.as_secs_f64(),
            "running": bulkhead.running(), "queued": bulkhead.queued(),
        });
        (partition.code().to_owned(), shown)
    });
    shown.into_iter().collect::<Map<_, _>>().into()
}

fn wrong_time() -> Problem {
    let most = FORCED_MAX.as_secs() / 3_600;
    Problem::BadRequest(format!("for is a duration above zero and of {most}h at most, as in \"30s\", \"5m\" or \"1h\""))
}
