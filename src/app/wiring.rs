//! What the settings lead to beyond this process and the shell: judged before anything is opened.

use std::collections::{BTreeMap, HashMap};

use super::AppError;
use crate::config::Settings;
use crate::domain::provider::ProviderSpec;
use crate::domain::system::setting::NO_SETTINGS;
use crate::domain::{SettingError, SettingValues, System};
use crate::outbound::Addresses;
use crate::resilience::GuardPolicies;
use crate::telemetry::traces::Collector;

/// The systems' own settings, and the ways out.
#[derive(Debug)]
pub(super) struct Wiring {
    /// By system; they live as long as the process.
    pub(super) values: HashMap<&'static str, &'static SettingValues>,
    /// Of outside parties.
    pub(super) addresses: Addresses,
    /// Who is told traces, if anybody is.
    pub(super) collector: Option<Collector>,
}

impl Wiring {
    /// Takes it from the settings.
    ///
    /// # Errors
    ///
    /// Fails with the key of a setting that no system declares, of a guard that there is not, of what is no number or no
    /// address.
    pub(super) fn of(settings: &Settings, systems: &[System]) -> Result<Self, AppError> {
        guards_exist(settings, systems)?;
        let values = values(settings, systems)?;
        let addresses = addresses(systems, &values)?;
        let endpoint = Some(&settings.telemetry.traces.endpoint).filter(|endpoint| !endpoint.is_empty());
        let collector = endpoint.map(|endpoint| Collector::at(endpoint)).transpose().map_err(AppError::Collector)?;
        Ok(Self { values, addresses, collector })
    }
}

/// Checks that each guard with settings of its own stands in front of a kind or of a kind's asks to another.
fn guards_exist(settings: &Settings, systems: &[System]) -> Result<(), AppError> {
    let aggregates = || systems.iter().flat_map(|system| &system.services).flat_map(|service| &service.aggregates);
    let exists = |name: &str| {
        aggregates().any(|spec| {
            let asker = spec.kind.path();
            asker == name || spec.asks.iter().any(|asked| GuardPolicies::ask_name(asker, asked.path()) == name)
        })
    };
    match settings.guard.of.keys().find(|name| !exists(name)) {
        Some(name) => Err(AppError::UnknownGuard(name.clone())),
        None => Ok(()),
    }
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

/// Reads the addresses of outside parties that are set.
fn addresses(
    systems: &[System],
    values: &HashMap<&'static str, &'static SettingValues>,
) -> Result<Addresses, AppError> {
    let services = systems.iter().flat_map(|system| &system.services);
    let specs: Vec<_> = services.flat_map(|service| &service.providers).collect();
    let address = |spec: &&ProviderSpec| {
        let values = values.get(spec.kind.system()).copied().unwrap_or(&NO_SETTINGS);
        (spec.kind.path().to_owned(), values.get(spec.address).to_owned())
    };
    Addresses::read(specs.iter().copied().map(|spec| address(&spec))).map_err(|(provider, error)| {
        let key = specs.iter().find(|spec| spec.kind.path() == provider).map_or("", |spec| spec.address);
        let system = provider.split('/').next().unwrap_or_default();
        AppError::Address { key: format!("systems.{system}.{key}"), error }
    })
}
