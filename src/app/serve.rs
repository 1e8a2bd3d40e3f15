//! `resurgam serve`: from settings to an exit code.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::doors::{Door, announce, bind_doors, limits};
use super::parts::Parts;
use super::watchdog::{Heart, Watchdog};
use super::{AppError, say};
use crate::actors::Runtime;
use crate::clock::Clock;
use crate::config::{Settings, SettingsError};
use crate::domain::System;
use crate::domain::system::Catalogue;
use crate::http::Edge;
use crate::http::actuator::MetricsText;
use crate::http::admin::{self, Admin, Reloading, TokenCheck};
use crate::http::forwarded::TrustedProxies;
use crate::http::request::RequestLimits;
use crate::http::routes::{self, SystemRoutes};
use crate::http::server::{Drained, Server, Signals, Stop, StopTrigger, bind};
use crate::http::shedding::Shedding;
use crate::http::steering::Decisions;
use crate::http::stories::Scans;
use crate::journal::disk::DiskEngine;
use crate::resilience::{AdaptiveLimit, RateLimit};
use crate::telemetry::{metrics, tracing as lines};

/// How often histograms are emptied and gauges brought up to date.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// The exit codes when a part is gone that only a new process can replace: a storage thread, the committer, the
/// supervision tree.
const LANE_GONE: u8 = 70;
const COMMITTER_GONE: u8 = 71;
const TREE_GONE: u8 = 72;
/// The same when the event loop stands still, so that nobody else could say it.
const LOOP_DEAD: i32 = 73;
/// Why a setting makes sense.
const CHECKED: &str = "checked when the settings were read";

/// Serves those of all systems that are named (none: all) until a signal, and returns the exit code.
///
/// # Errors
///
/// Fails when a part cannot be started; what was started before is stopped.
pub async fn serve(settings: Settings, all: &[System], names: &[String], reload: Reload) -> Result<u8, AppError> {
    lines::install(&settings.log.filter, settings.log.json).map_err(AppError::Lines)?;
    #[cfg(feature = "mutants")]
    if let Some(name) = crate::config::mutant() {
        crate::mutants::turn_on(&name).map_err(AppError::Lines)?;
        say(&format!("MUTANT {name}: this server is broken on purpose"));
    }
    let clock = Clock::system();
    let served = chosen(all, names)?;
    let alone = names.len() == 1;
    let mut signals = Signals::listen().map_err(AppError::Signals)?;
    // Bound before anything is opened: a port in use is the commonest mistake.
    let doors = bind_doors(&settings, &served, alone)?;
    let operator = bind(settings.admin.listen, settings.edge.backlog)?;
    let prometheus = metrics::install()?;

    let catalogue = Arc::new(Catalogue::of(all));
    let parts = Parts::start(&settings, all, &served, &catalogue, &clock).await?;
    let offset = settings.listen.port_offset;
    let routes = served.iter().map(|system| SystemRoutes::of(system, &catalogue, alone, offset)).collect();
    let limit = Arc::new(AdaptiveLimit::new(settings.edge.limit_policy(), clock.clone()).expect(CHECKED));
    let shedding = shedding(&settings, Arc::clone(&limit), &clock);
    let token = settings.token(|| format!("{:016x}{:016x}", clock.random(), clock.random()))?;
    let operators = TokenCheck::new(token.secret, clock.now());
    let text = metrics_text(&settings, &parts, limit, prometheus.clone());
    let edge = edge(&settings, &parts, routes, (shedding, text, operators), &clock);
    announce(&doors, &settings, &served, token.made_in.as_deref());

    let (trigger, stop) = StopTrigger::new();
    let levers = Admin::new(Arc::clone(&edge), settings.admin.metrics_open, settings.chaos.enabled);
    let levers = levers.reloading(reloading(Arc::clone(&parts.runtime), reload));
    let serving = listen(&settings, &edge, doors, operator, levers, &stop);
    let mut upkeep = JoinSet::new();
    upkeep.spawn(metrics::upkeep(prometheus, UPKEEP_EVERY, clock.clone()));
    let (watchdog, heart) = watchdog(&parts, &clock).map_err(AppError::Thread)?;
    upkeep.spawn(heart.beat());
    say("ready");

    tokio::select! {
        _ = signals.next() => {}
        code = failed(&parts) => return Ok(code),
    }
    say("stopping: requests in flight are finished; a second signal ends at once");
    drop(watchdog);
    edge.draining.send_replace(true);
    trigger.fire();
    let stopping = async {
        drained(serving).await;
        upkeep.shutdown().await;
        drop(edge);
        parts.stop().await;
        0
    };
    tokio::select! {
        code = stopping => Ok(code),
        code = signals.next() => Ok(code),
    }
}

fn chosen<'a>(all: &'a [System], names: &[String]) -> Result<Vec<&'a System>, AppError> {
    if names.is_empty() {
        return Ok(all.iter().collect());
    }
    let find = |name: &String| {
        all.iter().find(|system| system.name == name).ok_or_else(|| AppError::NoSuchSystem {
            asked: name.clone(),
            known: all.iter().map(|system| system.name).collect::<Vec<_>>().join(", "),
        })
    };
    names.iter().map(find).collect()
}

fn shedding(settings: &Settings, limit: Arc<AdaptiveLimit>, clock: &Clock) -> Shedding {
    let rate = settings.edge.rate_policy().map(|policy| RateLimit::new(policy, clock.now()).expect(CHECKED));
    Shedding::new(limit, rate)
}

/// Reads the settings again from where they were read first.
pub type Reload = Box<dyn Fn() -> Result<Settings, SettingsError> + Send + Sync>;

/// Has every guard take over what the settings say now.
fn reloading(runtime: Arc<Runtime>, reload: Reload) -> Reloading {
    Reloading::new(move || {
        let settings = reload().map_err(|error| error.to_string())?;
        runtime.reconfigure(&settings.guard.policies()).map_err(|error| error.to_string())
    })
}

fn metrics_text(
    settings: &Settings,
    parts: &Parts,
    limit: Arc<AdaptiveLimit>,
    prometheus: PrometheusHandle,
) -> MetricsText {
    let (runtime, resilience4j_names) = (Arc::clone(&parts.runtime), settings.telemetry.resilience4j_names);
    MetricsText::new(move || {
        metrics::edge_limit(limit.limit(), limit.in_flight());
        metrics::text(&prometheus, &runtime.guards(), resilience4j_names)
    })
}

fn edge(
    settings: &Settings,
    parts: &Parts,
    systems: Vec<SystemRoutes>,
    (shedding, metrics, token): (Shedding, MetricsText, TokenCheck),
    clock: &Clock,
) -> Arc<Edge> {
    Arc::new(Edge {
        admission: parts.runtime.admission(),
        runtime: Arc::clone(&parts.runtime),
        journal: parts.journal.clone(),
        scans: Scans::default(),
        clock: clock.clone(),
        limits: RequestLimits {
            body_bytes_max: settings.edge.body_bytes_max,
            deadline: Duration::from_millis(settings.edge.deadline_ms),
        },
        proxies: TrustedProxies::new(settings.edge.trusted_proxies().expect(CHECKED)),
        shedding,
        metrics,
        token,
        decisions: Decisions::default(),
        systems,
        draining: watch::Sender::new(false),
    })
}

fn listen(
    settings: &Settings,
    edge: &Arc<Edge>,
    doors: Vec<Door>,
    operator: TcpListener,
    levers: Admin,
    stop: &Stop,
) -> JoinSet<Drained> {
    let mut serving = JoinSet::new();
    let server = Server::new(&limits(settings), Arc::new(metrics::Connections));
    for Door { listener, face, .. } in doors {
        let (server, stop) = (server.clone(), stop.clone());
        let filter = routes::filter(Arc::clone(edge), face);
        serving.spawn(async move { server.run(listener, filter, stop).await });
    }
    // A server of its own: clients that fill every slot must not shut the operator out.
    let own = Server::new(&limits(settings), Arc::new(metrics::Connections));
    let (filter, stop) = (admin::filter(Arc::new(levers)), stop.clone());
    serving.spawn(async move { own.run(operator, filter, stop).await });
    serving
}

async fn drained(mut serving: JoinSet<Drained>) {
    while let Some(drained) = serving.join_next().await {
        if let Ok(drained) = drained
            && drained.cut > 0
        {
            tracing::warn!(connections = drained.cut, "connections were cut at the end of the drain");
        }
    }
}

/// Watches the event loop and the handlers; a stuck one cannot be ended, but it can be told.
fn watchdog(parts: &Parts, clock: &Clock) -> std::io::Result<(Watchdog, Heart)> {
    let (runtime, clock) = (Arc::clone(&parts.runtime), clock.clone());
    let mut known = HashSet::new();
    let look = move || {
        let stuck = runtime.stuck(clock.now());
        metrics::handlers_stuck(stuck.len());
        known.retain(|stream| stuck.contains(stream));
        for stream in stuck.into_iter().filter(|stream| known.insert(*stream)) {
            tracing::error!(%stream, "a command is being decided long after its deadline; a thread is stuck with it");
        }
    };
    let dead = || {
        tracing::error!("the event loop has stood still for 30 s; the process ends, start it again");
        std::process::exit(LOOP_DEAD);
    };
    Watchdog::start(look, dead)
}

/// Waits until a part is gone without which nothing can be promised any more, and returns the exit code that says so.
async fn failed(parts: &Parts) -> u8 {
    tokio::select! {
        () = lane_gone(&parts.engine) => LANE_GONE,
        () = parts.journal.ended() => {
            tracing::error!("the committer failed too often; the process ends, start it again");
            COMMITTER_GONE
        }
        () = parts.runtime.ended() => {
            tracing::error!("the supervision tree is gone; the process ends, start it again");
            TREE_GONE
        }
    }
}

async fn lane_gone(engine: &DiskEngine) {
    loop {
        tokio::time::sleep(UPKEEP_EVERY).await;
        if let Err(error) = engine.beat().await {
            tracing::error!(%error, "a storage lane is gone; the process ends, start it again");
            return;
        }
    }
}
