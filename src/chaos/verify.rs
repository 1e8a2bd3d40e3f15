//! The whole of it: look, load, let it rest, look again, read the log, judge.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use super::client::Client;
use super::invariants::{Evidence, judge};
use super::load::{Dice, Load};
use super::operator::{AFTER_TIMEOUT, Operator, REST_TIMEOUT};
use super::report::Report;
use super::shown::Shown;
use super::story::Story;
use crate::clock::Clock;
use crate::domain::{Stream, System};
use crate::http_client::Address;

/// How many aggregates of each kind are looked at as an operator does.
const ACTORS_OF_A_KIND: u64 = 5;

/// What is verified, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The front door of all systems, `http://127.0.0.1:8088`.
    pub url: Address,
    /// The operator's listener, `http://127.0.0.1:9464`.
    pub admin: Address,
    /// The operator's token.
    pub token: String,
    /// The server's data directory; its log is read from here.
    pub data: PathBuf,
    /// How long the load lasts.
    pub lasting: Duration,
    /// How many clients there are at once.
    pub clients: u64,
    /// What repeats the clients' choices.
    pub seed: u64,
}

/// Why nothing could be judged.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// The server.
    #[error("the server cannot be verified: {0}")]
    Server(String),
}

/// Loads a running server and judges every invariant.
///
/// # Errors
///
/// Fails when the server cannot be reached before the load, or never comes to answer an operator again.
pub async fn verify(plan: &Plan, systems: &[System], clock: &Clock) -> Result<Report, VerifyError> {
    let client = Client::new(plan.url.clone(), None);
    let operator = Operator::new(plan.admin.clone(), plan.token.clone(), &plan.data, clock.clone());
    let names = operator.systems().await.map_err(VerifyError::Server)?;
    let served: Vec<&System> = systems.iter().filter(|system| names.iter().any(|name| name == system.name)).collect();
    let begun_at = operator.get("/admin/journal").await.map_err(VerifyError::Server)?;
    let begun_at = begun_at["durablePosition"].as_u64().unwrap_or(0);

    let serves = |system: &str| names.iter().any(|name| name == system);
    let load = Load::begin(client.clone(), clock.clone(), plan.seed, serves).await.map_err(VerifyError::Server)?;
    let load = Arc::new(load);
    let idle_before = load.pace("before").await;
    let before = operator.vitals().await.map_err(VerifyError::Server)?;
    load.run(plan.clients, plan.lasting).await;
    let history = load.history();

    let rest = operator.rest(REST_TIMEOUT).await.map_err(VerifyError::Server)?;
    let story = {
        let (data, history) = (&plan.data, &history);
        tokio::task::block_in_place(|| Story::read(data, systems, history))
    };
    let shown = Shown::read(&client, &served, &story.states, plan.seed).await;
    let actors = actors(&operator, &story, plan.seed).await;
    let (knocked, silent) = load.knock(usize::try_from(plan.clients).unwrap_or(1)).await;
    let idle_after = load.pace("after").await;
    let after = operator.rest(AFTER_TIMEOUT).await.map_err(VerifyError::Server)?;
    let evidence = Evidence {
        history,
        begun_at,
        story,
        shown,
        actors,
        before,
        rest,
        after,
        knocked,
        silent,
        idle_before,
        idle_after,
    };
    Ok(Report { figures: figures(plan, &evidence), verdicts: judge(&evidence) })
}

/// Looks at some aggregates of each kind as an operator does.
async fn actors(operator: &Operator, story: &Story, seed: u64) -> BTreeMap<Stream, Value> {
    let mut of_kind: BTreeMap<_, Vec<Stream>> = BTreeMap::new();
    for stream in story.states.rows.keys().filter(|stream| !story.states.is_view(stream.kind)) {
        of_kind.entry(stream.kind).or_default().push(*stream);
    }
    let mut dice = Dice::new(seed);
    let mut actors = BTreeMap::new();
    for streams in of_kind.values() {
        for _ in 0..ACTORS_OF_A_KIND {
            let Some(stream) = dice.one_of(streams) else { continue };
            let seen = operator.actor(*stream).await.unwrap_or_else(Value::String);
            actors.insert(*stream, seen);
        }
    }
    actors
}

fn figures(plan: &Plan, evidence: &Evidence) -> Vec<String> {
    let history = &evidence.history;
    let tries = history.iter().map(|op| op.tries.len()).sum::<usize>();
    let settled = history.iter().filter(|op| op.settled().is_some()).count();
    let unknown = history.iter().filter(|op| op.was_unknown()).count();
    let mut lines = vec![
        format!("seed {}: {} clients for {:?}", plan.seed, plan.clients, plan.lasting),
        format!(
            "{} requests sent {tries} times: {settled} settled, {unknown} not answered at some time, {} turned away",
            history.len(),
            history.iter().filter(|op| op.was_turned_away()).count()
        ),
    ];
    if let Ok(walked) = &evidence.story.walked {
        lines.push(format!(
            "the log: {} groups, {} facts, {} commands",
            walked.groups,
            walked.facts,
            evidence.story.commands.by_id.len()
        ));
    }
    let mebibytes = |vitals: &super::operator::Vitals| vitals.resident_bytes >> 20;
    lines.push(format!(
        "the process: {} MiB before and {} after, {} files before and {} after, {} aggregates alive",
        mebibytes(&evidence.before),
        mebibytes(&evidence.after),
        evidence.before.files,
        evidence.after.files,
        evidence.after.actors
    ));
    lines
}
