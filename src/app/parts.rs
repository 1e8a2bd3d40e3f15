//! What a server is made of below its listeners: storage, journal, actors.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::AppError;
use crate::actors::{ActorOptions, LiveLimits, Runtime};
use crate::clock::Clock;
use crate::config::Settings;
use crate::domain::provider::ProviderSpec;
use crate::domain::system::Catalogue;
use crate::domain::system::setting::NO_SETTINGS;
use crate::domain::{SettingError, SettingValues, System};
use crate::journal::disk::{DiskEngine, DiskOptions, Opening};
use crate::journal::{Engine, Journal, JournalOptions};
use crate::outbound::Providers;
use crate::telemetry::metrics;

/// The running parts.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) engine: Arc<DiskEngine>,
    pub(super) journal: Journal,
    pub(super) runtime: Arc<Runtime>,
}

impl Parts {
    /// Opens the storage and the journal on it, wakes the actors, and makes what the served systems have from the first
    /// start on.
    ///
    /// # Errors
    ///
    /// Fails when the storage is in use or damaged, or the description makes no sense.
    pub(super) async fn start(
        settings: &Settings,
        systems: &[System],
        served: &[&System],
        catalogue: &Arc<Catalogue>,
        clock: &Clock,
    ) -> Result<Self, AppError> {
        let (engine, journal) = open(settings, catalogue, clock).await?;
        if settings.edge.selections {
            let services = systems.iter().flat_map(|system| &system.services);
            journal.index(services.flat_map(|service| &service.resources));
        }
        let values = values(settings, systems)?;
        let options = ActorOptions {
            shards: settings.actors.shards,
            live: LiveLimits {
                live_max: settings.actors.live_max,
                bytes_max: settings.actors.live_bytes_max,
                recoveries_max: settings.actors.recoveries_max,
            },
            guard: settings.guard.policies(),
            outbound: Arc::new(providers(systems, &values)?),
            settings: values,
        };
        let observer = Arc::new(metrics::GuardMetrics::default());
        let runtime = Runtime::start(systems, journal.clone(), clock.clone(), observer, options).await?;
        let parts = Self { engine, journal, runtime: Arc::new(runtime) };
        // Before anybody is served: the first ids are theirs.
        for system in served {
            if let Err(error) = parts.runtime.plant(system).await {
                parts.stop().await;
                return Err(error.into());
            }
        }
        Ok(parts)
    }

    /// Ends them in reverse.
    pub(super) async fn stop(self) {
        self.runtime.stop().await;
        self.journal.close().await;
    }
}

async fn open(
    settings: &Settings,
    catalogue: &Arc<Catalogue>,
    clock: &Clock,
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
    };
    let storage: Arc<dyn Engine> = Arc::<DiskEngine>::clone(&engine);
    let journal = Journal::open(storage, Arc::clone(catalogue), clock.clone(), options).await?;
    let took_ms = (clock.now() - started).as_millis();
    tracing::info!(position = *journal.durable().borrow(), took_ms, "the journal is open");
    Ok((engine, journal))
}

/// Returns the values in force of every system's own settings.
fn values(settings: &Settings, systems: &[System]) -> Result<HashMap<&'static str, &'static SettingValues>, AppError> {
    let unknown = |system: &str, key: &str| AppError::UnknownSetting(format!("systems.{system}.{key}"));
    if let Some(name) = settings.systems.keys().find(|name| systems.iter().all(|system| system.name != *name)) {
        return Err(unknown(name, "*"));
    }
    let nothing = BTreeMap::new();
    let values = systems.iter().map(|system| {
        let set = settings.systems.get(system.name).unwrap_or(&nothing);
        let values = SettingValues::of(&system.settings, set).map_err(|error| match error {
            SettingError::Unknown(key) => unknown(system.name, &key),
            SettingError::NotANumber(key) => AppError::NotANumber(format!("systems.{}.{key}", system.name)),
        })?;
        // Leaked once a start: decisions look at them for as long as the process lives.
        Ok((system.name, &*Box::leak(Box::new(values))))
    });
    values.collect()
}

/// Knows the outside parties whose addresses are set.
fn providers(
    systems: &[System],
    values: &HashMap<&'static str, &'static SettingValues>,
) -> Result<Providers, AppError> {
    let services = systems.iter().flat_map(|system| &system.services);
    let specs: Vec<_> = services.flat_map(|service| &service.providers).collect();
    let address = |spec: &&ProviderSpec| {
        let values = values.get(spec.kind.system()).copied().unwrap_or(&NO_SETTINGS);
        (spec.kind.path().to_owned(), values.get(spec.address).to_owned())
    };
    Providers::at(specs.iter().copied().map(|spec| address(&spec))).map_err(|(provider, error)| {
        let key = specs.iter().find(|spec| spec.kind.path() == provider).map_or("", |spec| spec.address);
        let system = provider.split('/').next().unwrap_or_default();
        AppError::Address { key: format!("systems.{system}.{key}"), error }
    })
}

/// Returns the storage's options as they are set.
pub(super) fn disk_options(settings: &Settings) -> DiskOptions {
    DiskOptions {
        segment_bytes: settings.journal.segment_bytes,
        readers: settings.journal.readers,
        cache_bytes: settings.journal.cache_bytes,
    }
}
