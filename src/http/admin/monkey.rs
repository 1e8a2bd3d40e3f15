//! The monkey on its leash: let loose, looked at, called back.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use warp::http::StatusCode;

use super::chaos::{lasting, sorts};
use super::faults::malformed;
use super::levers::Wish;
use super::operator::{Admin, answer};
use super::target;
use crate::actors::chaos::monkey::{Monkey, MonkeyError, MonkeyFigures, MonkeyWish, RATE_MAX};
use crate::actors::chaos::victims::What;
use crate::domain::Refusal;
use crate::http::answer::Answer;
use crate::http::problem::Problem;
use crate::http::request::Request;
use crate::resilience::NotExecuted;

/// What a monkey is to do.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unleash {
    target: Option<String>,
    what: Option<Vec<String>>,
    rate: Option<String>,
    #[serde(rename = "for")]
    lasts: Option<String>,
    seed: Option<u64>,
    #[serde(default)]
    reason: String,
}

impl Admin {
    /// Lets one loose.
    pub(super) async fn unleash(&self, request: &Request, wish: &Unleash) -> Result<Answer, Problem> {
        let wished = self.wished_monkey(wish)?;
        wished.check()?;
        if self.edge.runtime.monkey().is_some_and(|monkey| monkey.figures().ended.is_none()) {
            return Err(MonkeyError::One.into());
        }
        self.edge.audit(request, &wish.reason, &format!("monkey {wished}"), &wished.target).await?;
        let monkey = self.edge.runtime.unleash(wished)?;
        let mut unleashed = answer(&shown(&monkey));
        unleashed.status = StatusCode::CREATED;
        Ok(unleashed)
    }

    /// Has it stop, and answers with what it has done.
    pub(super) async fn stop_monkey(&self, request: &Request, wish: &Wish) -> Result<Answer, Problem> {
        let monkey = self.edge.runtime.monkey().ok_or(Problem::NoSuchAddress)?;
        self.edge.audit(request, wish.reason(), "stop monkey", &monkey.wish.target).await?;
        match tokio::time::timeout_at(request.deadline.at(), monkey.stop()).await {
            Ok(()) => Ok(answer(&shown(&monkey))),
            Err(_) => Err(NotExecuted::deadline_exceeded().into()),
        }
    }

    /// Shows what the newest one has done.
    pub(super) fn monkey(&self) -> Result<Value, Problem> {
        self.edge.runtime.monkey().map(|monkey| shown(&monkey)).ok_or(Problem::NoSuchAddress)
    }

    fn wished_monkey(&self, wish: &Unleash) -> Result<MonkeyWish, Problem> {
        let target = wish.target.clone().unwrap_or_else(|| "*".to_owned());
        let covered = target.clone();
        Ok(MonkeyWish {
            rate: rate(wish.rate.as_deref().unwrap_or_default())?,
            lasts: lasting(wish.lasts.as_deref())?,
            // A seed of its own is shown, so it has as many bits as every reader of JSON keeps.
            seed: wish.seed.unwrap_or_else(|| self.edge.clock.random() >> 11),
            of: sorts(wish.what.as_deref())?.unwrap_or_else(|| vec![What::Aggregates]),
            target,
            covered: Arc::new(move |name| target::covers_part(&covered, name)),
        })
    }
}

impl From<MonkeyError> for Problem {
    fn from(error: MonkeyError) -> Self {
        match error {
            MonkeyError::Rate | MonkeyError::Lasts | MonkeyError::Fatal(_) => malformed(error),
            MonkeyError::One => Refusal::rule("one-monkey", error.to_string()).into(),
        }
    }
}

fn shown(monkey: &Monkey) -> Value {
    let MonkeyFigures { killed, rounds, unwritten, ran, ended } = monkey.figures();
    let MonkeyWish { rate, lasts, seed, of, target, covered: _ } = &monkey.wish;
    let total: u64 = killed.values().sum();
    let killed: Map<String, Value> =
        killed.into_iter().map(|(what, count)| (what.name().to_owned(), json!(count))).collect();
    json!({
        "rate": format!("{rate}/s"), "forSeconds": lasts.as_secs_f64(), "seed": seed, "target": target,
        "what": of.iter().map(|what| what.name()).collect::<Vec<_>>(),
        "killed": killed, "total": total, "rounds": rounds, "unwritten": unwritten,
        "ranSeconds": ran.as_secs_f64(), "ended": ended,
    })
}

/// Reads a rate, as in `100/s`.
fn rate(text: &str) -> Result<u32, Problem> {
    let wanted = || malformed(format!("rate is how many a second, as in \"100/s\", {RATE_MAX}/s at most"));
    text.strip_suffix("/s").and_then(|rate| rate.parse().ok()).ok_or_else(wanted)
}
