//! What an operator sees of the server: whether it is at rest, and what it uses.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::client::{Client, Request};
use crate::clock::Clock;
use crate::domain::Stream;
use crate::http_client::{Address, NoAnswer};
use crate::journal::disk::home::holder;

/// How long everything may take to come to rest after the load.
pub(super) const REST_TIMEOUT: Duration = Duration::from_secs(60);
/// How long it may take to be at rest again after everything was knocked at.
pub(super) const AFTER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the operator's listener may be away: whoever kills the server starts it again.
const AWAY_TIMEOUT: Duration = Duration::from_secs(20);
/// How often that is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often in a row it must look the same.
const LOOKS_ALIKE: u32 = 3;
/// Gauges that are 0 at rest.
const HELD: [&str; 7] = [
    "resilience_bulkhead_in_flight",
    "resilience_bulkhead_queue_depth",
    "resilience_limit_in_flight",
    "resurgam_asks_open",
    "resurgam_mailbox_depth",
    "resurgam_handlers_stuck",
    "resurgam_journal_waiting_values",
];

const CONNECTIONS: &str = "resurgam_http_connections ";
const TASKS: &str = "resurgam_runtime_tasks ";

/// The operator's side of the server.
#[derive(Debug)]
pub(super) struct Operator {
    client: Client,
    data: PathBuf,
    clock: Clock,
}

/// What the server uses and holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Vitals {
    pub(super) process: Option<u32>,
    /// Open files; connections are not counted.
    pub(super) files: u64,
    /// Tasks of the event loop; those of living aggregates and of connections are not counted.
    pub(super) tasks: u64,
    pub(super) resident_bytes: u64,
    /// What its living aggregates are counted with.
    pub(super) live_bytes: u64,
    /// Every gauge that is 0 at rest, by its name and labels.
    pub(super) held: BTreeMap<String, f64>,
    /// Actors that are neither live nor gone.
    pub(super) between: Vec<String>,
    pub(super) actors: u64,
    pub(super) quarantined: Vec<String>,
    pub(super) parked: Vec<String>,
    /// How many facts each follower is behind.
    pub(super) lags: BTreeMap<String, u64>,
}

impl Vitals {
    /// Those gauges that are 0 at rest and are not shown at all.
    pub(super) fn unshown(&self) -> impl Iterator<Item = &'static str> {
        HELD.into_iter().filter(|name| !self.held.keys().any(|series| is_of(series, name)))
    }

    /// Whether the operating system says what the process uses.
    pub(super) const fn is_seen(&self) -> bool {
        self.process.is_some() && self.files > 0 && self.resident_bytes > 0
    }

    /// What keeps it from being at rest.
    pub(super) fn unrest(&self) -> Vec<String> {
        let held =
            self.held.iter().filter(|(_, value)| **value != 0.0).map(|(name, value)| format!("{name} is {value}"));
        let late =
            self.lags.iter().filter(|(_, lag)| **lag > 0).map(|(name, lag)| format!("{name} is {lag} facts behind"));
        let between = self.between.iter().map(|actor| format!("{actor} is between two states"));
        held.chain(late).chain(between).collect()
    }
}

impl Operator {
    pub(super) fn new(address: Address, token: String, data: &Path, clock: Clock) -> Self {
        Self { client: Client::new(address, Some(token)), data: data.to_owned(), clock }
    }

    /// Reads a page of the operator's listener.
    ///
    /// # Errors
    ///
    /// Fails when there is no answer with status 200.
    pub(super) async fn get(&self, path: &str) -> Result<Value, String> {
        self.text(path).await.map(|text| serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn text(&self, path: &str) -> Result<String, String> {
        let end = self.clock.now() + AWAY_TIMEOUT;
        let answer = loop {
            match self.client.send(&Request::get(path)).await {
                Err(_) if self.clock.now() < end => tokio::time::sleep(LOOK_EVERY).await,
                answer => break answer,
            }
        };
        match answer {
            Ok(answer) if answer.status == 200 => Ok(String::from_utf8_lossy(&answer.body).into_owned()),
            Ok(answer) => Err(format!("GET {path}: {} {}", answer.status, String::from_utf8_lossy(&answer.body))),
            Err(NoAnswer::NotSent) => Err(format!("GET {path}: nobody listens")),
            Err(NoAnswer::Unknown(why)) => Err(format!("GET {path}: {why}")),
        }
    }

    /// The systems that are served.
    pub(super) async fn systems(&self) -> Result<Vec<String>, String> {
        let overview = self.get("/admin/overview").await?;
        let names = overview["systems"].as_array().cloned().unwrap_or_default();
        Ok(names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
    }

    /// One aggregate's state and version, as an operator sees them.
    pub(super) async fn actor(&self, stream: Stream) -> Result<Value, String> {
        self.get(&format!("/admin/actors/{stream}")).await
    }

    /// Looks at everything.
    pub(super) async fn vitals(&self) -> Result<Vitals, String> {
        let overview = self.get("/admin/overview").await?;
        let metrics = self.text("/metrics").await?;
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let mut vitals = Vitals { live_bytes: overview["liveBytes"].as_u64().unwrap_or(0), ..self.process() };
        let connections = metrics.lines().find_map(|line| line.strip_prefix(CONNECTIONS)?.trim().parse::<f64>().ok());
        // Those to the operator's listener are counted there too.
        vitals.files = vitals.files.saturating_sub(whole(connections.unwrap_or(0.0)));
        let tasks = metrics.lines().find_map(|line| line.strip_prefix(TASKS)?.trim().parse::<f64>().ok());
        let actors = overview["liveActors"].as_u64().unwrap_or(0);
        vitals.tasks = whole(tasks.unwrap_or(0.0)).saturating_sub(actors + whole(connections.unwrap_or(0.0)));
        let values = metrics.lines().filter_map(|line| line.rsplit_once(' '));
        vitals.held = values
            .filter(|(series, _)| HELD.iter().any(|name| is_of(series, name)))
            .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
            .collect();
        vitals.quarantined =
            list(&self.get("/admin/quarantine").await?["quarantined"]).iter().map(Value::to_string).collect();
        vitals.parked = list(&self.get("/admin/parked").await?["parked"]).iter().map(Value::to_string).collect();
        for follower in list(&overview["followers"]) {
            let name = follower["follower"].as_str().unwrap_or_default().to_owned();
            vitals.lags.insert(name, follower["lagFacts"].as_u64().unwrap_or(u64::MAX));
        }
        vitals.actors = actors;
        for state in ["recovering", "cooling"] {
            let found = self.get(&format!("/admin/actors?state={state}&size=10")).await?;
            vitals.between.extend(list(&found["actors"]).iter().map(|entry| entry["actor"].to_string()));
        }
        Ok(vitals)
    }

    /// Waits until nothing moves any more; returns how it looks then, at rest or not.
    pub(super) async fn rest(&self, within: Duration) -> Result<Vitals, String> {
        let end = self.clock.now() + within;
        let (mut alike, mut position) = (0, None);
        loop {
            let looked = self.vitals().await;
            let now_at = self.get("/admin/journal").await.ok().map(|journal| journal["durablePosition"].clone());
            let is_over = self.clock.now() >= end;
            match looked {
                Ok(vitals) if vitals.unrest().is_empty() && now_at == position && alike >= LOOKS_ALIKE => {
                    return Ok(vitals);
                }
                Ok(vitals) if is_over => return Ok(vitals),
                Err(error) if is_over => return Err(error),
                Ok(vitals) if vitals.unrest().is_empty() && now_at == position => alike += 1,
                Ok(_) | Err(_) => alike = 0,
            }
            position = now_at;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// What the operating system says of the process that holds the data directory.
    fn process(&self) -> Vitals {
        let Some(process) = holder(&self.data) else { return Vitals::default() };
        let files = fs::read_dir(format!("/proc/{process}/fd")).map_or(0, |files| files.count() as u64);
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let kibibytes =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().trim_end_matches(" kB").parse().ok());
        Vitals { process: Some(process), files, resident_bytes: kibibytes.unwrap_or(0_u64) * 1024, ..Vitals::default() }
    }
}

/// Tells whether a series, with its labels, is one of this name.
fn is_of(series: &str, name: &str) -> bool {
    series.strip_prefix(name).is_some_and(|labels| labels.is_empty() || labels.starts_with('{'))
}

/// A count that was shown as a float.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of connections")]
const fn whole(count: f64) -> u64 {
    count as u64
}
