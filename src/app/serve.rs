//! `resurgam serve`: from settings to an exit code.

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::doors::{BackDoors, Door, announce, bind_doors, limits};
use super::parts::Parts;
use super::reloading::{Reload, SettingsInForce};
use super::stopping::{Running, ended};
use super::vigil::{Vigil, end_with_the_loop};
use super::watchdog::Watchdog;
use super::wiring::Wiring;
use super::{AppError, say};
use crate::clock::Clock;
use crate::config::{Settings, Token, TokenSource};
use crate::domain::System;
use crate::domain::system::Catalogue;
use crate::http::Edge;
use crate::http::actuator::MetricsText;
use crate::http::admin::{self, Admin, TokenCheck};
use crate::http::forwarded::TrustedProxies;
use crate::http::health::Vitals;
use crate::http::request::RequestLimits;
use crate::http::routes::{self, SystemRoutes};
use crate::http::server::{Drained, Server, Signals, Stop, StopTrigger, bind};
use crate::http::shedding::Shedding;
use crate::http::steering::Decisions;
use crate::http::stories::Scans;
use crate::journal::disk::DiskEngine;
use crate::resilience::{AdaptiveLimit, RateLimit};
use crate::telemetry::{metrics, tracing as lines};

/// How often histograms are emptied, and the map of services remembers who had called whom.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// How often storage threads are asked whether they are there.
const LANE_BEAT_EVERY: Duration = Duration::from_secs(5);
/// The exit codes when a part is gone that only a new process can replace: a storage thread, the committer, the
/// supervision tree.
const LANE_GONE: u8 = 70;
const COMMITTER_GONE: u8 = 71;
const TREE_GONE: u8 = 72;
/// Why a setting makes sense.
const CHECKED: &str = "checked when the settings were read";

/// Serves those of all systems that are named (none: all) until a signal, and returns the exit code.
///
/// # Errors
///
/// Fails when a setting makes no sense, before anything is opened, or a part cannot be started; what was started before is
/// stopped.
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
    // Judged before anything is opened: whoever mistypes a setting is told at once, and nothing is written.
    let wiring = Wiring::of(&settings, all)?;
    let token = settings.token_source()?;
    let mut signals = Signals::listen().map_err(AppError::Signals)?;
    // So is a port in use, the commonest mistake.
    let doors = bind_doors(&settings, &served, alone)?;
    let operator = bind(settings.admin.listen, settings.edge.backlog)?;
    let prometheus = metrics::install(settings.telemetry.metrics)?;
    let probes = settings.admin.probes().expect(CHECKED);
    let vigil = Vigil::begin(&settings, probes, &clock, end_with_the_loop).await?;

    let catalogue = Arc::new(Catalogue::of(all));
    let begun = begin(&settings, wiring, token, all, &served, &catalogue, &clock).await;
    let (parts, token, watchdog) = match begun {
        Ok(begun) => begun,
        Err(error) => {
            ended("vigil", || vigil.end()).await;
            return Err(error);
        }
    };
    metrics::begin(&parts.runtime.known());
    let offset = settings.listen.port_offset;
    let routes = served.iter().map(|system| SystemRoutes::of(system, &catalogue, alone, offset)).collect();
    let limit = Arc::new(AdaptiveLimit::new(settings.edge.limit_policy(), clock.clone()).expect(CHECKED));
    let shedding = shedding(&settings, Arc::clone(&limit), &clock);
    let operators = TokenCheck::new(token.secret, clock.now());
    let text = metrics_text(&settings, &parts, limit, &vigil.vitals, prometheus.clone());
    let edge = edge(&settings, &parts, routes, (shedding, text, operators), &vigil.vitals, &clock);
    vigil.vitals.recovered(&edge);
    let back = BackDoors { operators: operator.local_addr().ok(), probes: vigil.probes };
    announce(&doors, &back, &served, token.made_in.as_deref());

    let (trigger, stop) = StopTrigger::new();
    let levers = Admin::new(Arc::clone(&edge), settings.chaos.enabled);
    let levers = levers.with_settings(SettingsInForce::new(settings.clone(), Arc::clone(&parts.runtime), reload));
    let serving = listen(&settings, &edge, doors, operator, levers, &stop);
    let mut upkeep = JoinSet::new();
    upkeep.spawn(metrics::upkeep(prometheus, UPKEEP_EVERY, clock.clone()));
    let grace = Duration::from_millis(settings.edge.drain_grace_ms);
    let running = Running { parts, edge, trigger, serving, upkeep, watchdog, vigil, grace };
    say("ready");

    let gone = tokio::select! {
        _ = signals.next() => None,
        code = failed(&running.parts) => Some(code),
    };
    if let Some(code) = gone {
        running.give_up().await;
        return Ok(code);
    }
    say("stopping: requests in flight are finished; a second signal ends at once");
    tokio::select! {
        () = running.stop() => Ok(0),
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

/// Starts what may fail; whatever was started before is stopped then.
async fn begin(
    settings: &Settings,
    wiring: Wiring,
    token: TokenSource,
    all: &[System],
    served: &[&System],
    catalogue: &Arc<Catalogue>,
    clock: &Clock,
) -> Result<(Parts, Token, Watchdog), AppError> {
    let parts = Parts::start(settings, wiring, all, served, catalogue, clock).await?;
    let token = token.token(|| format!("{:016x}{:016x}", clock.random(), clock.random())).map_err(AppError::from);
    let begun = token.and_then(|token| {
        Ok((token, Watchdog::of_handlers(&parts.runtime, clock).map_err(AppError::beginning("watchdog"))?))
    });
    match begun {
        Ok((token, watchdog)) => Ok((parts, token, watchdog)),
        Err(error) => {
            parts.stop().await;
            Err(error)
        }
    }
}

fn shedding(settings: &Settings, limit: Arc<AdaptiveLimit>, clock: &Clock) -> Shedding {
    let rate = settings.edge.rate_policy().map(|policy| RateLimit::new(policy, clock.now()).expect(CHECKED));
    Shedding::new(limit, rate)
}

fn metrics_text(
    settings: &Settings,
    parts: &Parts,
    limit: Arc<AdaptiveLimit>,
    vitals: &Arc<Vitals>,
    prometheus: PrometheusHandle,
) -> MetricsText {
    let (runtime, resilience4j_names) = (Arc::clone(&parts.runtime), settings.telemetry.resilience4j_names);
    let event_loop = Handle::current();
    let vitals = Arc::clone(vitals);
    MetricsText::new(settings.admin.metrics_open, move || {
        metrics::event_loop_lag(vitals.lag());
        metrics::ready(vitals.is_ready());
        metrics::edge_limit(limit.limit(), limit.in_flight());
        metrics::process(&event_loop);
        metrics::text(&prometheus, &runtime.guards(), resilience4j_names)
    })
}

fn edge(
    settings: &Settings,
    parts: &Parts,
    systems: Vec<SystemRoutes>,
    (shedding, metrics, token): (Shedding, MetricsText, TokenCheck),
    vitals: &Arc<Vitals>,
    clock: &Clock,
) -> Arc<Edge> {
    Arc::new(Edge {
        admission: parts.runtime.admission(),
        runtime: Arc::clone(&parts.runtime),
        journal: parts.journal.clone(),
        scans: Scans::default(),
        clock: clock.clone(),
        tracer: parts.tracer.clone(),
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
        vitals: Arc::clone(vitals),
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
        tokio::time::sleep(LANE_BEAT_EVERY).await;
        if let Err(error) = engine.beat().await {
            tracing::error!(%error, "a storage lane is gone; the process ends, start it again");
            return;
        }
    }
}
