//! The operator's listener: probes, metrics, what lives and what is behind, stop and start, chaos.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use futures_util::Stream;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use warp::Filter;
use warp::http::header::AUTHORIZATION;
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use super::actuator::{PROMETHEUS_TEXT, faults};
use super::answer::Answer;
use super::hal::parameters;
use super::problem::Problem;
use super::request::{self, CORRELATION_ID, Request};
use super::routes::{Edge, Head, incoming, method_label};
use crate::actors::chaos::Point;
use crate::domain;
use crate::journal::Note;
use crate::telemetry::metrics::{self, HttpLabels};

const JSON: &str = "application/json;charset=UTF-8";
/// How many wrong tokens are looked at in a window; then none is until it is over.
const WRONG_TOKENS_MAX: u32 = 10;
const WRONG_TOKENS_WINDOW: Duration = Duration::from_secs(10);
/// How many items of a list one answer has by default and at most.
const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 1_000;
/// How many actors one request may kill.
const KILLS_MAX: usize = 10_000;

/// What the operator's listener needs beside the edge.
#[derive(Debug)]
pub struct Admin {
    edge: Arc<Edge>,
    token: String,
    metrics_open: bool,
    chaos: bool,
    started: Instant,
    wrong: Mutex<(Instant, u32)>,
}

impl Admin {
    /// Guards the edge's levers with a token.
    #[must_use]
    pub fn new(edge: Arc<Edge>, token: String, metrics_open: bool, chaos: bool) -> Self {
        let started = edge.clock.now();
        Self { edge, token, metrics_open, chaos, started, wrong: Mutex::new((started, 0)) }
    }
}

/// Makes the filter of the operator's listener.
pub fn filter(
    admin: Arc<Admin>,
) -> impl Filter<Extract = (Response,), Error = warp::Rejection> + Clone + Send + Sync + 'static {
    incoming().and_then(move |head: Head, body| {
        let admin = Arc::clone(&admin);
        async move { Ok::<_, warp::Rejection>(answered(&admin, head, body).await) }
    })
}

async fn answered<S, B>(admin: &Admin, head: Head, body: S) -> Response
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: Buf,
{
    let edge = &admin.edge;
    let received = edge.clock.now();
    let correlation = request::correlation(&head.headers, &edge.clock);
    let deadline = request::deadline(&head.headers, &edge.limits, &edge.clock);
    let method = method_label(&head.method);
    let path = head.path.clone();
    let outcome = match request::whole_body(body, &edge.limits, deadline).await {
        Err(problem) => Err(problem),
        Ok(body) => {
            let Head { method, path, query, headers, peer } = head;
            let correlation = Arc::clone(&correlation);
            admin.handle(&Request { method, path, query, headers, body, peer, correlation, deadline }).await
        }
    };
    let mut answer = outcome.unwrap_or_else(|problem| problem.into_answer(&path, edge.clock.wall_ms()));
    answer.set(CORRELATION_ID, &correlation);
    let labels = HttpLabels { system: "process", service: "admin", route: "admin", method };
    metrics::http_answered(&labels, answer.status.as_u16(), edge.clock.now() - received);
    answer.into_response()
}

impl Admin {
    async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        let open = matches!(path[..], ["livez" | "readyz"]) || (self.metrics_open && path == ["metrics"]);
        if !open {
            self.check_token(request)?;
        }
        match (&request.method, &path[..]) {
            (&Method::GET, _) => self.shown(request, &path).await,
            (&Method::POST, _) => self.done(request, &path).await,
            _ => Err(Problem::MethodNotAllowed("GET,POST".to_owned())),
        }
    }

    async fn shown(&self, request: &Request, path: &[&str]) -> Result<Answer, Problem> {
        let edge = &self.edge;
        match *path {
            ["metrics"] => {
                edge.runtime.measure().await;
                Ok(Answer::with_body(StatusCode::OK, PROMETHEUS_TEXT, edge.metrics.render()))
            }
            ["livez"] => Ok(Answer::with_body(StatusCode::OK, "text/plain;charset=UTF-8", "ok\n")),
            ["readyz"] => Ok(self.ready(request)),
            ["admin", "overview"] => Ok(answer(&self.overview().await?)),
            ["admin", "actors"] => Ok(answer(&self.actors(request))),
            ["admin", "actors", system, service, kind, id] => self.actor(&[system, service, kind].join("/"), id),
            ["admin", "services"] => Ok(answer(&self.services())),
            ["admin", "followers"] => Ok(answer(&self.followers().await?)),
            ["admin", "parked"] => Ok(answer(&self.parked().await?)),
            ["admin", "quarantine"] => Ok(answer(&self.quarantine())),
            ["admin", "journal"] => Ok(answer(&self.journal())),
            _ => Err(Problem::NoSuchAddress),
        }
    }

    async fn done(&self, request: &Request, path: &[&str]) -> Result<Answer, Problem> {
        let wish = Wish::read(&request.body)?;
        match *path {
            ["admin", "services", system, service, action @ ("start" | "stop")] => {
                if !self.edge.runtime.services().set(system, service, action == "start") {
                    return Err(Problem::NoSuchAddress);
                }
                self.audit(action, &format!("{system}/{service}"), &wish).await;
                Ok(answer(&json!({ "service": format!("{system}/{service}"), "running": action == "start" })))
            }
            ["admin", "quarantine", ref target @ .., "release"] => {
                let target = target.join("/");
                let released = self.stream(&target).is_some_and(|stream| self.edge.runtime.release(stream));
                if !released {
                    return Err(Problem::NoSuchAddress);
                }
                self.audit("release", &target, &wish).await;
                Ok(answer(&json!({ "released": target })))
            }
            ["chaos", lever @ ("kill" | "panic")] => {
                if !self.chaos {
                    return Err(Problem::Forbidden("chaos is off: start with --set chaos.enabled=true".to_owned()));
                }
                let target = wish.target.clone().unwrap_or_else(|| "*".to_owned());
                self.audit(lever, &target, &wish).await;
                if lever == "kill" { Ok(self.kill(&target, &wish)) } else { self.panic(&target, &wish) }
            }
            _ => Err(Problem::NoSuchAddress),
        }
    }

    fn kill(&self, target: &str, wish: &Wish) -> Answer {
        let special = match target {
            "journal/committer" => {
                self.edge.journal.kill_committer();
                Some(vec![target.to_owned()])
            }
            _ => None,
        };
        let killed = special.unwrap_or_else(|| {
            let count = wish.count.unwrap_or(KILLS_MAX).min(KILLS_MAX);
            let killed = self.edge.runtime.kill(|stream| matches_target(target, stream), count, wish.seed.unwrap_or(0));
            killed.into_iter().map(|stream| stream.to_string()).collect()
        });
        answer(&json!({ "killed": killed }))
    }

    fn panic(&self, target: &str, wish: &Wish) -> Result<Answer, Problem> {
        let point = match wish.at.as_deref() {
            Some("decide") | None => Point::Decide,
            Some("evolve") => Point::Evolve,
            Some(other) => return Err(Problem::BadRequest(format!("at {other:?}: one of decide, evolve"))),
        };
        let told = self.stream(target).is_some_and(|stream| self.edge.runtime.panic_at(stream, point));
        if told { Ok(answer(&json!({ "target": target }))) } else { Err(Problem::NoSuchAddress) }
    }

    fn ready(&self, request: &Request) -> Answer {
        let faults = faults(&self.edge);
        let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let mut text = if faults.is_empty() { "ok\n".to_owned() } else { format!("{}\n", faults.join("\n")) };
        if request.query.as_deref().is_some_and(|query| query.contains("verbose")) {
            let figures = self.edge.journal.figures();
            text.push_str(&format!("journal position {}\nstore group {}\n", figures.durable, figures.store_group));
        }
        Answer::with_body(status, "text/plain;charset=UTF-8", text)
    }

    async fn overview(&self) -> Result<Value, Problem> {
        let edge = &self.edge;
        let live: usize = edge
            .runtime
            .actors()
            .iter()
            .map(|(_, entries)| entries.iter().filter(|entry| entry.state == "live").count())
            .sum();
        let systems: Vec<_> = edge.systems.iter().map(|system| system.name).collect();
        Ok(json!({
            "version": env!("CARGO_PKG_VERSION"),
            "uptimeSeconds": (edge.clock.now() - self.started).as_secs(),
            "lifecycle": if edge.is_draining() { "draining" } else { "running" },
            "systems": systems,
            "services": self.services()["services"],
            "liveActors": live,
            "journal": self.journal(),
            "followers": self.followers().await?["followers"],
        }))
    }

    fn actors(&self, request: &Request) -> Value {
        let (mut target, mut state, mut page, mut size) = ("*".to_owned(), None, 0, PAGE_DEFAULT);
        for (name, value) in parameters(request.query.as_deref().unwrap_or_default()) {
            match name.as_str() {
                "target" => target = value,
                "state" => state = Some(value),
                "page" => page = value.parse().unwrap_or(0),
                "size" => size = value.parse().unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX),
                _ => {}
            }
        }
        let kinds = self.edge.runtime.actors();
        let counts: serde_json::Map<String, Value> = kinds
            .iter()
            .map(|(kind, entries)| {
                let live = entries.iter().filter(|entry| entry.state == "live").count();
                (kind.to_string(), json!(live))
            })
            .collect();
        let chosen = kinds.iter().flat_map(|(kind, entries)| entries.iter().map(move |entry| (*kind, entry)));
        let chosen: Vec<_> = chosen
            .filter(|(kind, entry)| matches_target(&target, domain::Stream::new(*kind, entry.id)))
            .filter(|(_, entry)| state.as_deref().is_none_or(|state| state == entry.state))
            .collect();
        let shown: Vec<_> = chosen
            .iter()
            .skip(page * size)
            .take(size)
            .map(|(kind, entry)| {
                json!({
                    "actor": format!("{kind}/{}", entry.id), "state": entry.state, "generation": entry.generation,
                    "mailbox": entry.waiting, "restarts": entry.restarts, "lastError": entry.last_error,
                })
            })
            .collect();
        json!({ "live": counts, "actors": shown, "page": { "number": page, "size": size, "totalElements": chosen.len() } })
    }

    fn actor(&self, kind: &str, id: &str) -> Result<Answer, Problem> {
        let stream = self.stream(&format!("{kind}/{id}")).ok_or(Problem::NoSuchAddress)?;
        let row = self.edge.journal.row(stream).map_err(|error| Problem::Internal(error.to_string()))?;
        let entry = self.edge.runtime.actors().into_iter().filter(|(kind, _)| *kind == stream.kind);
        let entry = entry.flat_map(|(_, entries)| entries).find(|entry| entry.id == stream.id);
        if row.is_none() && entry.is_none() {
            return Err(Problem::NoSuchItem);
        }
        let state = row.as_ref().map(|row| serde_json::to_value(row.state.payload()).unwrap_or_default());
        Ok(answer(&json!({
            "actor": stream.to_string(),
            "version": row.as_ref().map(|row| row.version),
            "publicVersion": row.as_ref().map(|row| row.public_version),
            "state": state,
            "life": entry.as_ref().map_or("absent", |entry| entry.state),
            "mailbox": entry.as_ref().map(|entry| entry.waiting),
            "restarts": entry.as_ref().map(|entry| entry.restarts),
            "lastError": entry.as_ref().and_then(|entry| entry.last_error.clone()),
        })))
    }

    fn services(&self) -> Value {
        let services: Vec<_> = self
            .edge
            .runtime
            .services()
            .all()
            .map(|(system, service, running)| json!({ "service": format!("{system}/{service}"), "running": running }))
            .collect();
        json!({ "services": services })
    }

    async fn followers(&self) -> Result<Value, Problem> {
        let followers = self.edge.runtime.followers().await.map_err(|error| Problem::Internal(error.to_string()))?;
        let parked = self.edge.journal.parked().await.map_err(|error| Problem::Internal(error.to_string()))?;
        let followers: Vec<_> = followers
            .iter()
            .map(|follower| {
                let parked = parked.iter().filter(|item| *item.follower == *follower.name).count();
                json!({
                    "follower": &*follower.name, "what": follower.what, "position": follower.position,
                    "lagFacts": follower.lag_facts, "lagSeconds": follower.lag.as_secs_f64(), "parked": parked,
                })
            })
            .collect();
        Ok(json!({ "followers": followers }))
    }

    async fn parked(&self) -> Result<Value, Problem> {
        let parked = self.edge.journal.parked().await.map_err(|error| Problem::Internal(error.to_string()))?;
        Ok(json!({ "parked": parked }))
    }

    fn quarantine(&self) -> Value {
        let kinds = self.edge.runtime.actors();
        let entries = kinds.iter().flat_map(|(kind, entries)| entries.iter().map(move |entry| (kind, entry)));
        let quarantined: Vec<_> = entries
            .filter(|(_, entry)| entry.state == "quarantined")
            .map(|(kind, entry)| json!({ "actor": format!("{kind}/{}", entry.id), "lastError": entry.last_error }))
            .collect();
        json!({ "quarantined": quarantined })
    }

    fn journal(&self) -> Value {
        let figures = self.edge.journal.figures();
        json!({
            "durablePosition": figures.durable,
            "storeGroup": figures.store_group,
            "waitingValues": figures.waiting,
            "segments": figures.engine.segments,
            "logBytes": figures.engine.log_bytes,
            "writable": self.edge.journal.writable().is_ok(),
        })
    }

    async fn audit(&self, action: &str, target: &str, wish: &Wish) {
        let note = Note::Audit {
            action: action.to_owned(),
            target: target.to_owned(),
            reason: wish.reason.clone().unwrap_or_default(),
            time_ms: self.edge.clock.wall_ms(),
        };
        if self.edge.journal.note(note).await.is_none() {
            tracing::warn!(action, target, "an operator's action could not be written into the log");
        }
    }

    fn stream(&self, target: &str) -> Option<domain::Stream> {
        let (path, id) = target.rsplit_once('/')?;
        let id = id.parse().ok()?;
        let kinds = self.edge.runtime.actors();
        kinds.into_iter().find(|(kind, _)| kind.path() == path).map(|(kind, _)| domain::Stream::new(kind, id))
    }

    fn check_token(&self, request: &Request) -> Result<(), Problem> {
        let now = self.edge.clock.now();
        let mut wrong = self.wrong.lock();
        if now - wrong.0 > WRONG_TOKENS_WINDOW {
            *wrong = (now, 0);
        }
        if wrong.1 >= WRONG_TOKENS_MAX {
            return Err(Problem::TooManyAttempts(WRONG_TOKENS_WINDOW.saturating_sub(now - wrong.0)));
        }
        let Some(sent) = request.header(&AUTHORIZATION) else { return Err(Problem::Unauthorized) };
        let sent = sent.strip_prefix("Bearer ").unwrap_or_default();
        if is_same(sent.as_bytes(), self.token.as_bytes()) {
            return Ok(());
        }
        wrong.1 += 1;
        tracing::warn!(peer = ?request.peer.map(|peer: SocketAddr| peer.ip()), "a wrong operator's token");
        Err(Problem::Unauthorized)
    }
}

/// What an operator sends along.
#[derive(Debug, Default, Deserialize)]
struct Wish {
    target: Option<String>,
    count: Option<usize>,
    seed: Option<u64>,
    at: Option<String>,
    reason: Option<String>,
}

impl Wish {
    fn read(body: &[u8]) -> Result<Self, Problem> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        serde_json::from_slice(body).map_err(|error| Problem::BadRequest(error.to_string()))
    }
}

/// Matches `system/service/kind/id`, shorter forms, and `*` for any part.
fn matches_target(target: &str, stream: domain::Stream) -> bool {
    let whole = stream.to_string();
    let mut parts = whole.split('/');
    target.split('/').all(|wanted| parts.next().is_some_and(|part| wanted == "*" || wanted == part))
}

/// Compares in a time that does not tell how much was right.
fn is_same(sent: &[u8], token: &[u8]) -> bool {
    let differences = sent.iter().zip(token).fold(0, |differences, (a, b)| differences | (a ^ b));
    sent.len() == token.len() && differences == 0
}

fn answer(body: &Value) -> Answer {
    Answer::with_body(StatusCode::OK, JSON, body.to_string())
}
