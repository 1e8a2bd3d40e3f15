//! What an operator sees: systems, services, actors, followers, what was set aside, the journal.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::chaos::duration;
use super::faults::malformed;
use super::operator::{Admin, answer};
use super::target;
use crate::domain::Stream;
use crate::http::answer::Answer;
use crate::http::aside::aside;
use crate::http::hal::parameters;
use crate::http::problem::Problem;
use crate::http::request::Request;
use crate::resilience::breaker::State as BreakerState;
use crate::telemetry::metrics;
use crate::telemetry::metrics::Node;

/// The while that the map of services is of, unless asked for another.
const WINDOW: Duration = Duration::from_secs(60);
/// The longest such while; upkeep remembers each five seconds of it.
const WINDOW_MAX: Duration = Duration::from_secs(300);
/// How many items of a list one answer has by default and at most.
const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 1_000;

/// Where an actor can stand.
const STATES: [&str; 5] = ["live", "recovering", "cooling", "quarantined", "absent"];

/// Answers with a list.
pub(super) async fn shown(admin: &Arc<Admin>, request: &Request) -> Result<Answer, Problem> {
    let (admin, path, query) = (Arc::clone(admin), request.path.clone(), request.query.clone().unwrap_or_default());
    let looked = aside(request, async move { admin.list(&path, &query).await }).await?;
    looked.map(|list| answer(&list))
}

impl Admin {
    async fn list(&self, path: &str, query: &str) -> Result<Value, Problem> {
        match path.trim_matches('/').split('/').collect::<Vec<_>>()[..] {
            ["admin", "overview"] => self.overview().await,
            ["admin", "actors"] => self.actors(&Wanted::read(query)),
            ["admin", "actors", system, service, kind, id] => self.actor(&[system, service, kind, id].join("/")),
            ["admin", "services"] => Ok(Wanted::read(query).page("services", &self.services())),
            ["admin", "followers"] => Ok(Wanted::read(query).page("followers", &self.followers().await?)),
            ["admin", "parked"] => self.parked(&Wanted::read(query)),
            ["chaos", "monkey"] => self.monkey(),
            ["chaos", "disk"] => Ok(self.disk()),
            ["chaos", "panic"] => Ok(self.panics()),
            ["admin", "topology"] => self.topology(query),
            ["admin", "quarantine"] => Ok(Wanted::read(query).page("quarantined", &self.quarantined())),
            ["admin", "journal"] => Ok(self.journal()),
            ["admin", "breakers"] => Ok(self.breakers(&Wanted::read(query))),
            ["admin", "breakers", ref name @ ..] => self.one_breaker(name),
            ["admin", "config"] => Ok(self.settings.shown()),
            ["admin", "faults"] => Ok(self.faults(&Wanted::read(query))),
            ["admin", "faults", id] => self.one_fault(id),
            _ => Err(Problem::NoSuchAddress),
        }
    }

    async fn overview(&self) -> Result<Value, Problem> {
        let edge = &self.edge;
        let (live, bytes) = edge.runtime.live();
        let systems: Vec<_> = edge.systems.iter().map(|system| system.name).collect();
        Ok(json!({
            "version": env!("CARGO_PKG_VERSION"),
            "uptimeSeconds": (edge.clock.now() - self.started).as_secs(),
            "lifecycle": if edge.is_draining() { "draining" } else { "running" },
            "systems": systems,
            "services": self.services(),
            "liveActors": live,
            "liveBytes": bytes,
            "journal": self.journal(),
            "followers": self.followers().await?,
        }))
    }

    fn actors(&self, wanted: &Wanted) -> Result<Value, Problem> {
        wanted.check()?;
        let kinds = self.edge.runtime.actors();
        let live = kinds.iter().map(|(kind, entries)| {
            let live = entries.iter().filter(|entry| entry.state == "live").count();
            (kind.to_string(), json!(live))
        });
        let live: Map<String, Value> = live.collect();
        let all =
            kinds.iter().flat_map(|(kind, entries)| entries.iter().map(|entry| (Stream::new(*kind, entry.id), entry)));
        let chosen: Vec<_> = all.filter(|(stream, entry)| wanted.covers(*stream, entry.state)).collect();
        let (page, size) = wanted.page_of(&chosen);
        let page: Vec<_> = page
            .iter()
            .map(|(stream, entry)| {
                json!({
                    "actor": stream.to_string(), "state": entry.state, "generation": entry.generation,
                    "mailbox": entry.waiting, "pending": entry.pending, "restarts": entry.restarts,
                    "lastError": entry.last_error,
                    "breaker": entry.breaker.unwrap_or("CLOSED"),
                })
            })
            .collect();
        Ok(json!({ "live": live, "actors": page, "page": size }))
    }

    fn actor(&self, target: &str) -> Result<Value, Problem> {
        let stream = self.stream(target).ok_or(Problem::NoSuchAddress)?;
        let row = self.edge.journal.row(stream).map_err(unreadable)?;
        let entry = self.edge.runtime.actor(stream);
        if row.is_none() && entry.is_none() {
            return Err(Problem::NoSuchItem);
        }
        let state = row.as_ref().map(|row| serde_json::to_value(row.state.payload()).unwrap_or_default());
        Ok(json!({
            "actor": stream.to_string(),
            "version": row.as_ref().map(|row| row.version),
            "publicVersion": row.as_ref().map(|row| row.public_version),
            "state": state,
            "life": entry.as_ref().map_or("absent", |entry| entry.state),
            "mailbox": entry.as_ref().map(|entry| entry.waiting),
            "pending": entry.as_ref().map(|entry| entry.pending),
            "breaker": entry.as_ref().and_then(|entry| entry.breaker).unwrap_or("CLOSED"),
            "restarts": entry.as_ref().map(|entry| entry.restarts),
            "lastError": entry.and_then(|entry| entry.last_error),
        }))
    }

    fn services(&self) -> Vec<Value> {
        let services = self.edge.runtime.services();
        let shown = services
            .all()
            .map(|(system, service, running)| json!({ "service": format!("{system}/{service}"), "running": running }));
        shown.collect()
    }

    async fn followers(&self) -> Result<Vec<Value>, Problem> {
        let followers = self.edge.runtime.followers().await.map_err(unreadable)?;
        let parked = self.edge.journal.parked().map_err(unreadable)?;
        let shown = followers.iter().map(|follower| {
            let parked = parked.iter().filter(|item| *item.follower == *follower.name).count();
            json!({
                "follower": &*follower.name, "what": follower.what, "position": follower.position,
                "lagFacts": follower.lag_facts, "lagSeconds": follower.lag.as_secs_f64(), "parked": parked,
            })
        });
        Ok(shown.collect())
    }

    /// The map of services: who called whom within a while, and where a breaker is not closed.
    fn topology(&self, query: &str) -> Result<Value, Problem> {
        let asked = parameters(query).find(|(name, _)| name == "window").map(|(_, window)| window);
        let window = asked.map_or(Ok(WINDOW), |window| duration("window", &window))?;
        if window > WINDOW_MAX {
            return Err(malformed("window is at most 5m: no more is remembered; Prometheus has the rest"));
        }
        let edges = metrics::edges(self.edge.clock.now(), window);
        let ends = edges.iter().flat_map(|edge| [edge.client, edge.server].map(|node| node.to_string()));
        let services = self.edge.runtime.services();
        let named = services.names().map(|(system, service)| Node { system, service }.to_string());
        let nodes: BTreeSet<String> = ends.chain(named).collect();
        let shown = edges.iter().map(|edge| {
            json!({
                "client": edge.client.to_string(), "server": edge.server.to_string(), "by": edge.by.word(),
                "requests": edge.requests, "failed": edge.failed, "perSecond": edge.rate,
                "failedRatio": edge.failed_ratio, "meanSeconds": edge.took.map(|took| took.as_secs_f64()),
            })
        });
        Ok(json!({
            "windowSeconds": window.as_secs_f64(),
            "nodes": nodes.iter().map(|node| self.node(node)).collect::<Value>(),
            "edges": shown.collect::<Value>(),
        }))
    }

    fn node(&self, name: &str) -> Value {
        let runtime = &self.edge.runtime;
        let is_stopped = runtime
            .services()
            .all()
            .any(|(system, service, running)| !running && Node { system, service }.to_string() == name);
        let guards = runtime.guards();
        let own =
            guards.iter().filter(|guard| guard.name().strip_prefix(name).is_some_and(|rest| rest.starts_with('/')));
        let breakers: Map<String, Value> = own
            .map(|guard| (guard.name().to_owned(), guard.breaker().snapshot(guard.now()).state))
            .filter(|(_, state)| *state != BreakerState::Closed)
            .map(|(guard, state)| (guard, json!(state.code())))
            .collect();
        json!({ "node": name, "running": !is_stopped, "breakers": breakers })
    }

    fn quarantined(&self) -> Vec<Value> {
        let kinds = self.edge.runtime.actors();
        let entries = kinds.iter().flat_map(|(kind, entries)| entries.iter().map(move |entry| (kind, entry)));
        entries
            .filter(|(_, entry)| entry.state == "quarantined")
            .map(|(kind, entry)| json!({ "actor": format!("{kind}/{}", entry.id), "lastError": entry.last_error }))
            .collect()
    }

    fn journal(&self) -> Value {
        let figures = self.edge.journal.figures();
        json!({
            "durablePosition": figures.durable,
            "storeGroup": figures.store_group,
            "waitingValues": figures.waiting,
            "segments": figures.engine.segments,
            "logBytes": figures.engine.log_bytes,
            "syncs": {
                "groups": figures.syncs.groups, "meanSeconds": figures.syncs.mean().map(|mean| mean.as_secs_f64()),
                "lastSeconds": figures.syncs.last.as_secs_f64(), "longestSeconds": figures.syncs.longest.as_secs_f64(),
            },
            "checkpointGroup": figures.engine.checkpoint.group,
            "checkpointBytes": figures.engine.checkpoint.bytes,
            "writable": self.edge.journal.writable().is_ok(),
        })
    }
}

/// Which actors an operator wants to see.
#[derive(Debug)]
pub(super) struct Wanted {
    target: String,
    state: Option<String>,
    page: usize,
    size: usize,
}

impl Wanted {
    fn read(query: &str) -> Self {
        let mut wanted = Self { target: "*".to_owned(), state: None, page: 0, size: PAGE_DEFAULT };
        for (name, value) in parameters(query) {
            match name.as_str() {
                "target" => wanted.target = value,
                "state" => wanted.state = Some(value),
                "page" => wanted.page = value.parse().unwrap_or(0),
                "size" => wanted.size = value.parse().unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX),
                _ => {}
            }
        }
        wanted
    }

    /// Returns the page of a list, and where it is in it.
    pub(super) fn page_of<'a, T>(&self, all: &'a [T]) -> (&'a [T], Value) {
        let start = self.page.saturating_mul(self.size).min(all.len());
        let end = start.saturating_add(self.size).min(all.len());
        (&all[start..end], json!({ "number": self.page, "size": self.size, "totalElements": all.len() }))
    }

    /// Shows a page of a list under its name.
    fn page(&self, name: &str, all: &[Value]) -> Value {
        let (page, size) = self.page_of(all);
        json!({ name: page, "page": size })
    }

    /// Fails on a state that no actor can be in: an empty list would say that all is well.
    fn check(&self) -> Result<(), Problem> {
        match self.state.as_deref() {
            Some(state) if !STATES.contains(&state) => {
                Err(malformed(format!("state {state:?}: one of {}", STATES.join(", "))))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn covers(&self, stream: Stream, state: &str) -> bool {
        target::covers(&self.target, stream) && self.state.as_deref().is_none_or(|wanted| wanted == state)
    }
}

pub(super) fn unreadable(error: impl std::fmt::Display) -> Problem {
    Problem::Internal(error.to_string())
}
