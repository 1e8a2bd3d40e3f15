//! The composition root: builds every part in order, serves, and stops them in reverse.
//!
//! Start: settings → log lines → metrics → storage → journal → actors → listeners. Stop: listeners stop accepting and
//! drain → actors → journal (seal) → storage. A stop may be replaced by a crash at any step.

pub mod journal;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::actors::runtime::StartError;
use crate::actors::{ActorOptions, Runtime};
use crate::clock::Clock;
use crate::config::{Settings, SettingsError};
use crate::domain::System;
use crate::domain::system::Catalogue;
use crate::http::Edge;
use crate::http::admin::{self, Admin};
use crate::http::request::RequestLimits;
use crate::http::routes::{self, Face, SystemRoutes};
use crate::http::server::{BindError, ConnectionObserver, Limits, Server, Signals, StopTrigger, bind};
use crate::journal::disk::engine::DiskError;
use crate::journal::disk::{DiskEngine, DiskOptions, Opening};
use crate::journal::handle::OpenError;
use crate::journal::{Journal, JournalOptions};
use crate::systems;
use crate::telemetry::{metrics, tracing as lines};

/// How often histograms are emptied and gauges brought up to date.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Why the server did not start or could not go on.
#[derive(Debug, Error)]
pub enum AppError {
    /// The settings make no sense.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A system that does not exist.
    #[error("there is no system {asked:?}; there are: {known}")]
    NoSuchSystem {
        /// What was asked for.
        asked: String,
        /// What there is.
        known: String,
    },
    /// The log's format.
    #[error("{0}")]
    Lines(String),
    /// The metrics.
    #[error("the metrics could not be installed: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    /// The storage.
    #[error(transparent)]
    Storage(#[from] DiskError),
    /// The journal.
    #[error("the journal could not be opened: {0}")]
    Journal(#[from] OpenError),
    /// The actors.
    #[error(transparent)]
    Actors(#[from] StartError),
    /// A listener.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A file.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The signals.
    #[error("signals cannot be listened to: {0}")]
    Signals(std::io::Error),
}

impl AppError {
    /// Returns the exit code: 64 for what the operator must change, 1 for the rest.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(_) | Self::NoSuchSystem { .. } | Self::Lines(_) => 64,
            Self::Metrics(_)
            | Self::Storage(_)
            | Self::Journal(_)
            | Self::Actors(_)
            | Self::Bind(_)
            | Self::File { .. }
            | Self::Signals(_) => 1,
        }
    }
}

/// A listener and what it shows.
struct Door {
    listener: TcpListener,
    face: Face,
    name: String,
}

/// Serves these systems (none named: all) until a signal, and returns the exit code.
///
/// # Errors
///
/// Fails when a part cannot be started; what was started before is stopped.
pub async fn serve(settings: Settings, names: &[String]) -> Result<u8, AppError> {
    lines::install(&settings.log.filter, settings.log.json).map_err(AppError::Lines)?;
    let clock = Clock::system();
    let all = systems::all();
    let served = chosen(&all, names)?;
    let alone = names.len() == 1;
    let mut signals = Signals::listen().map_err(AppError::Signals)?;
    // Bound before anything is opened: a port in use is the commonest mistake.
    let doors = bind_doors(&settings, &served, alone)?;
    let operator = bind(settings.admin.listen, settings.edge.backlog)?;
    let prometheus = metrics::install()?;

    let catalogue = Arc::new(Catalogue::of(&all));
    let (engine, journal) = open(&settings, &catalogue, &clock).await?;
    let options =
        ActorOptions { shards: settings.actors.shards, guard: settings.guard_policy(), settings: HashMap::new() };
    let runtime =
        Arc::new(Runtime::start(&all, journal.clone(), clock.clone(), Arc::new(metrics::GuardMetrics), options).await?);
    let offset = settings.listen.port_offset;
    let edge = Arc::new(Edge {
        admission: runtime.admission(),
        runtime: Arc::clone(&runtime),
        journal: journal.clone(),
        clock: clock.clone(),
        limits: RequestLimits {
            body_bytes_max: settings.edge.body_bytes_max,
            deadline: Duration::from_millis(settings.edge.deadline_ms),
        },
        metrics: prometheus.clone(),
        systems: served.iter().map(|system| SystemRoutes::of(system, &catalogue, alone, offset)).collect(),
        draining: AtomicBool::new(false),
    });
    let token = settings.token(&settings.journal.data, &clock)?;
    announce(&doors, &settings, token.made_in.as_deref());

    let (trigger, stop) = StopTrigger::new();
    let mut serving = JoinSet::new();
    let server = Server::new(&limits(&settings), Arc::new(metrics::Connections));
    for Door { listener, face, .. } in doors {
        let (server, stop) = (server.clone(), stop.clone());
        let service = warp::service(routes::filter(Arc::clone(&edge), face));
        serving.spawn(async move { server.run(listener, service, stop).await });
    }
    // A server of its own: clients that fill every slot must not shut the operator out.
    let own = Server::new(&limits(&settings), Arc::new(metrics::Connections));
    let levers = Admin::new(Arc::clone(&edge), token.secret, settings.admin.metrics_open, settings.chaos.enabled);
    let service = warp::service(admin::filter(Arc::new(levers)));
    serving.spawn(async move { own.run(operator, service, stop).await });
    let mut upkeep = JoinSet::new();
    upkeep.spawn(metrics::upkeep(prometheus, UPKEEP_EVERY, clock.clone()));
    upkeep.spawn(beat(engine));
    say("ready");

    signals.next().await;
    say("stopping: requests in flight are finished; a second signal ends at once");
    edge.draining.store(true, Ordering::Relaxed);
    trigger.fire();
    let stopping = async {
        while let Some(drained) = serving.join_next().await {
            if let Ok(drained) = drained
                && drained.cut > 0
            {
                tracing::warn!(connections = drained.cut, "connections were cut at the end of the drain");
            }
        }
        upkeep.shutdown().await;
        drop(edge);
        runtime.stop().await;
        journal.close().await;
        0
    };
    tokio::select! {
        code = stopping => Ok(code),
        code = signals.next() => Ok(code),
    }
}

async fn open(
    settings: &Settings,
    catalogue: &Arc<Catalogue>,
    clock: &Clock,
) -> Result<(Arc<DiskEngine>, Journal), AppError> {
    let started = clock.now();
    let options = DiskOptions {
        segment_bytes: settings.journal.segment_bytes,
        readers: settings.journal.readers,
        cache_bytes: settings.journal.cache_bytes,
    };
    let (engine, Opening { log, store_discarded }) =
        DiskEngine::open(&settings.journal.data, catalogue.shapes(), options, clock)?;
    if let Some(cut) = &log.cut {
        tracing::warn!(?cut, "a torn tail that nobody had seen was cut from the log");
    }
    if let Some(reason) = store_discarded {
        tracing::warn!(reason, "the store could not be trusted and is made again from the log");
    }
    let engine = Arc::new(engine);
    // Twice the deadline: a client that was cut off has given up by then.
    let options = JournalOptions { recent_for: Duration::from_millis(2 * settings.edge.deadline_ms) };
    let storage = Arc::clone(&engine) as Arc<dyn crate::journal::Engine>;
    let journal = Journal::open(storage, Arc::clone(catalogue), clock.clone(), options).await?;
    let took_ms = (clock.now() - started).as_millis();
    tracing::info!(position = *journal.durable().borrow(), took_ms, "the journal is open");
    Ok((engine, journal))
}

/// Ends the process when a storage thread is gone: nothing could be promised any more.
async fn beat(engine: Arc<DiskEngine>) {
    const LANE_GONE: i32 = 70;
    loop {
        tokio::time::sleep(UPKEEP_EVERY).await;
        if let Err(error) = engine.beat().await {
            tracing::error!(%error, "a storage lane is gone; the process ends, start it again");
            std::process::exit(LANE_GONE);
        }
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

fn bind_doors(settings: &Settings, served: &[&System], alone: bool) -> Result<Vec<Door>, AppError> {
    let (host, offset, backlog) = (settings.listen.host, settings.listen.port_offset, settings.edge.backlog);
    let door = |port: u16, face, name: String| {
        let listener = bind(SocketAddr::new(host, port + offset), backlog)?;
        Ok::<_, AppError>(Door { listener, face, name })
    };
    let [system] = served else { return Ok(vec![door(settings.listen.port, Face::Common, "all systems".to_owned())?]) };
    if !alone {
        return Ok(vec![door(settings.listen.port, Face::Common, "all systems".to_owned())?]);
    }
    let mut doors = Vec::with_capacity(system.services.len() + 1);
    for (index, service) in system.services.iter().enumerate() {
        doors.push(door(service.port, Face::Service(0, index), service.name.to_owned())?);
    }
    doors.push(door(system.gateway_port, Face::Gateway(0), "gateway".to_owned())?);
    Ok(doors)
}

fn limits(settings: &Settings) -> Limits {
    Limits {
        connections_max: settings.edge.connections_max,
        header_bytes_max: settings.edge.header_bytes_max,
        headers_max: settings.edge.headers_max,
        header_timeout: Duration::from_millis(settings.edge.header_timeout_ms),
        backlog: settings.edge.backlog,
        drain_timeout: Duration::from_millis(settings.edge.drain_timeout_ms),
    }
}

fn announce(doors: &[Door], settings: &Settings, token_file: Option<&Path>) {
    for door in doors {
        if let Ok(address) = door.listener.local_addr() {
            say(&format!("  http://{address}  {}", door.name));
        }
    }
    say(&format!("  http://{}  operators (/metrics, /readyz, /admin/overview)", settings.admin.listen));
    if let Some(file) = token_file {
        say(&format!("  the operator's token is in {}", file.display()));
    }
    let front = doors.last().and_then(|door| door.listener.local_addr().ok());
    if let Some(front) = front {
        let prefix = if doors.len() == 1 { "/oa-rental" } else { "" };
        say("try:");
        say(&format!("  http POST http://{front}{prefix}/products name=computer qty=9"));
        say(&format!(
            "  http POST http://{front}{prefix}/rentals productId=1 qty=3 status=ORDERED productName=computer"
        ));
        say(&format!("  http GET http://{front}{prefix}/myOrders/1"));
    }
}

/// Tells the one who started it; standard output is for nothing else.
pub fn say(line: &str) {
    use std::io::Write as _;
    // A closed standard output must not stop a server.
    let _ = writeln!(std::io::stdout(), "{line}");
}

impl ConnectionObserver for metrics::Connections {
    fn opened(&self) {
        metrics::Connections::opened(self);
    }
    fn closed(&self) {
        metrics::Connections::closed(self);
    }
    fn accept_failed(&self) {
        metrics::Connections::accept_failed(self);
    }
}
