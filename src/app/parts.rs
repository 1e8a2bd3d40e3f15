//! What a server is made of below its listeners: storage, journal, actors.

use std::sync::Arc;
use std::time::Duration;

use super::AppError;
use super::wiring::Wiring;
use crate::actors::{ActorOptions, LiveLimits, Runtime};
use crate::clock::Clock;
use crate::config::Settings;
use crate::domain::System;
use crate::domain::system::Catalogue;
use crate::journal::disk::{DiskEngine, DiskOptions, Opening};
use crate::journal::{Engine, Journal, JournalOptions};
use crate::outbound::Providers;
use crate::telemetry::metrics;
use crate::telemetry::traces::{Exporter, Tracer};

/// The running parts.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) engine: Arc<DiskEngine>,
    pub(super) journal: Journal,
    pub(super) runtime: Arc<Runtime>,
    pub(super) tracer: Tracer,
    exporter: Option<Exporter>,
}

impl Parts {
    /// Opens the storage and the journal on it, wakes the actors, and makes what the served systems have from the first
    /// start on.
    ///
    /// # Errors
    ///
    /// Fails when the storage is in use or damaged, or the description makes no sense; what was started before is stopped.
    pub(super) async fn start(
        settings: &Settings,
        wiring: Wiring,
        systems: &[System],
        served: &[&System],
        catalogue: &Arc<Catalogue>,
        clock: &Clock,
    ) -> Result<Self, AppError> {
        let Wiring { values, addresses, collector } = wiring;
        let sampled = settings.telemetry.traces.sampled;
        let (tracer, exporter) = match collector.map(|collector| Exporter::start(collector, sampled, clock)) {
            Some((tracer, exporter)) => (tracer, Some(exporter)),
            None => (Tracer::default(), None),
        };
        let (engine, journal) = match open(settings, catalogue, clock, &tracer).await {
            Ok(opened) => opened,
            Err(error) => {
                flush(exporter).await;
                return Err(error);
            }
        };
        if settings.edge.selections {
            let services = systems.iter().flat_map(|system| &system.services);
            journal.index(services.flat_map(|service| &service.resources));
        }
        let options = ActorOptions {
            shards: settings.actors.shards,
            live: LiveLimits {
                live_max: settings.actors.live_max,
                bytes_max: settings.actors.live_bytes_max,
                recoveries_max: settings.actors.recoveries_max,
            },
            guard: settings.guard.policies(),
            outbound: Arc::new(Providers::at(addresses, clock.clone(), tracer.clone())),
            settings: values,
            tracer: tracer.clone(),
        };
        let observer = Arc::new(metrics::GuardMetrics::default());
        let runtime = match Runtime::start(systems, journal.clone(), clock.clone(), observer, options).await {
            Ok(runtime) => Arc::new(runtime),
            Err(error) => {
                journal.close().await;
                flush(exporter).await;
                return Err(error.into());
            }
        };
        let parts = Self { engine, journal, runtime, tracer, exporter };
        // Before anybody is served: the first ids are theirs.
        for system in served {
            if let Err(error) = parts.runtime.plant(system).await {
                parts.stop().await;
                return Err(error.into());
            }
        }
        Ok(parts)
    }

    /// Has what is still to be told of traces told, and ends nothing else: a part is gone.
    pub(super) async fn give_up(self) {
        flush(self.exporter).await;
    }

    /// Ends them in reverse.
    pub(super) async fn stop(self) {
        self.runtime.stop().await;
        self.journal.close().await;
        // Last: the stop itself has something to tell.
        flush(self.exporter).await;
    }
}

async fn flush(exporter: Option<Exporter>) {
    if let Some(exporter) = exporter {
        exporter.stop().await;
    }
}

async fn open(
    settings: &Settings,
    catalogue: &Arc<Catalogue>,
    clock: &Clock,
    tracer: &Tracer,
) -> Result<(Arc<DiskEngine>, Journal), AppError> {
    let started = clock.now();
    let (engine, Opening { log, store_discarded, restored }) =
        DiskEngine::open(&settings.journal.data, catalogue.shapes(), disk_options(settings), clock)?;
    if let Some(cut) = &log.cut {
        tracing::warn!(?cut, "a torn tail that nobody had seen was cut from the log");
    }
    if let Some(reason) = store_discarded {
        let from = restored.map_or_else(|| "the log".to_owned(), |it| format!("{} and the log", it.path.display()));
        tracing::warn!(reason, from, "the store could not be trusted and is made again");
    }
    let engine = Arc::new(engine);
    // Twice the deadline: a client that was cut off has given up by then.
    let options = JournalOptions {
        recent_for: Duration::from_millis(2 * settings.edge.deadline_ms),
        free_bytes_min: settings.journal.free_bytes_min,
        tracer: tracer.clone(),
    };
    let storage: Arc<dyn Engine> = Arc::<DiskEngine>::clone(&engine);
    let journal = Journal::open(storage, Arc::clone(catalogue), clock.clone(), options).await?;
    let took_ms = (clock.now() - started).as_millis();
    tracing::info!(position = *journal.durable().borrow(), took_ms, "the journal is open");
    Ok((engine, journal))
}

/// Returns the storage's options as they are set.
pub(super) fn disk_options(settings: &Settings) -> DiskOptions {
    DiskOptions {
        segment_bytes: settings.journal.segment_bytes,
        readers: settings.journal.readers,
        cache_bytes: settings.journal.cache_bytes,
    }
}
