//! Where settings come from, the later wins, and what makes no sense.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use config::{Config, ConfigError, Environment, File, FileFormat, Source as _, Value, ValueKind};
use thiserror::Error;

use super::settings::{Actors, Edge, Settings};
use crate::resilience::{LimitError, RateError};

/// The defaults, with a comment on each.
pub const DEFAULTS: &str = include_str!("../../config/resurgam.toml");
/// The environment's prefix: `RESURGAM__LISTEN__HOST`.
const ENVIRONMENT: &str = "RESURGAM";

/// The tables whose members are names of systems and guards.
const NAMED: [&str; 2] = ["systems.", "guard.of."];

/// Why the settings make no sense.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// A file that cannot be read.
    #[error("the settings in {path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A source that does not parse.
    #[error("{origin}: {source}")]
    Malformed {
        /// Which.
        origin: String,
        /// Why not.
        source: Box<ConfigError>,
    },
    /// A key that no setting has.
    #[error("{origin}: there is no setting {key}; `resurgam config show` prints all there are")]
    Unknown {
        /// The key.
        key: String,
        /// Who set it.
        origin: String,
    },
    /// A value that does not fit its setting.
    #[error("{origin}: {source}")]
    Misfit {
        /// Who set it.
        origin: String,
        /// Why it does not fit, and the key.
        source: Box<ConfigError>,
    },
    /// A `--set` without a key or value.
    #[error("--set {0:?}: write key=value, as in --set listen.host=0.0.0.0")]
    NoAssignment(String),
    /// A value that fits its type and nothing else.
    #[error("{key}: {reason}")]
    Nonsense {
        /// The key.
        key: &'static str,
        /// Why.
        reason: String,
    },
    /// The token's file.
    #[error("the operator's token in {path}: {source}")]
    Token {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
}

impl Settings {
    /// Reads the settings: defaults, then the file, then the environment, then `assignments` (`key=value`).
    ///
    /// # Errors
    ///
    /// Fails on an unknown key or a value that does not fit, naming the key and where it was set.
    pub fn load(file: Option<&Path>, assignments: &[String]) -> Result<Self, SettingsError> {
        Self::read(&layers(file, environment(), assignments)?)
    }

    /// Reads the settings from layers, the later wins.
    pub(super) fn read(layers: &[Layer]) -> Result<Self, SettingsError> {
        let mut settings: Self = in_force(layers)?.try_deserialize().map_err(|source| misfit(layers, source))?;
        check(&settings)?;
        settings.origins = origins(layers);
        Ok(settings)
    }
}

fn check(settings: &Settings) -> Result<(), SettingsError> {
    let nonsense = |key, reason: &str| Err(SettingsError::Nonsense { key, reason: reason.to_owned() });
    if settings.edge.header_bytes_max < 8_192 {
        return nonsense("edge.header_bytes_max", "must be at least 8192 bytes");
    }
    // The log's index counts offsets in 32 bits.
    if !(65_536..=1 << 30).contains(&settings.journal.segment_bytes) {
        return nonsense("journal.segment_bytes", "must be at least 65536 bytes and at most 1 GiB");
    }
    if settings.edge.deadline_ms == 0 {
        return nonsense("edge.deadline_ms", "must be at least 1 millisecond");
    }
    if settings.listen.port_offset > 50_000 {
        return nonsense("listen.port_offset", "must be at most 50000");
    }
    if settings.listen.port.checked_add(settings.listen.port_offset).is_none() {
        return nonsense("listen.port", "must be at most 65535 together with listen.port_offset");
    }
    // Above 30 s the process would have ended before it was told dead.
    if !(1_000..=30_000).contains(&settings.liveness.still_max_ms) {
        return nonsense("liveness.still_max_ms", "must be at least 1000 milliseconds and at most 30000");
    }
    if let Err(reason) = settings.admin.probes() {
        return nonsense("admin.probes", &reason);
    }
    if !(0.0..=1.0).contains(&settings.telemetry.traces.sampled) {
        return nonsense("telemetry.traces.sampled", "must be at least 0 and at most 1");
    }
    if let Err(reason) = settings.edge.trusted_proxies() {
        return nonsense("edge.trusted_proxies", &reason);
    }
    let Actors { shards, live_max, live_bytes_max, recoveries_max } = settings.actors;
    let limits = [
        ("actors.shards", shards),
        ("actors.live_max", live_max),
        ("actors.live_bytes_max", live_bytes_max),
        ("actors.recoveries_max", recoveries_max),
    ];
    if let Some((key, _)) = limits.into_iter().find(|(_, limit)| *limit == 0) {
        return nonsense(key, "must be at least 1");
    }
    if let Err((within, fault)) = settings.guard.policies().check() {
        return nonsense("guard", &format!("{within}{fault}"));
    }
    check_admission(&settings.edge)
}

fn check_admission(edge: &Edge) -> Result<(), SettingsError> {
    let nonsense = |key, reason: String| Err(SettingsError::Nonsense { key, reason });
    if let Err(error) = edge.limit_policy().check() {
        let key = match error {
            LimitError::ZeroFloor => "edge.limit.floor",
            LimitError::CeilingBelowFloor => "edge.limit.ceiling",
            LimitError::InitialOutOfBounds => "edge.limit.initial",
            LimitError::ZeroTolerated => "edge.limit.tolerated_ms",
        };
        return nonsense(key, error.to_string());
    }
    if let Some(Err(error)) = edge.rate_policy().map(|policy| policy.check()) {
        let key = match error {
            RateError::ZeroPerSecond => "edge.rate.per_second",
            RateError::ZeroBurst => "edge.rate.burst",
            RateError::ZeroKeysMax => "edge.rate.keys_max",
        };
        return nonsense(key, error.to_string());
    }
    Ok(())
}

/// One source of settings.
#[derive(Debug)]
pub(super) struct Layer {
    origin: Origin,
    config: Config,
}

/// Who set something.
#[derive(Debug)]
enum Origin {
    Defaults,
    File(String),
    Environment,
    CommandLine(String),
}

impl Origin {
    /// Names the origin of a key as an operator knows it.
    fn of(&self, key: &str) -> String {
        match self {
            Self::Defaults => "the defaults".to_owned(),
            Self::File(path) => path.clone(),
            Self::Environment => format!("{ENVIRONMENT}__{}", key.to_uppercase().replace('.', "__")),
            Self::CommandLine(assignment) => format!("--set {assignment}"),
        }
    }
}

/// Returns the process's environment as a source.
pub(super) fn environment() -> Environment {
    Environment::with_prefix(ENVIRONMENT).prefix_separator("__").separator("__")
}

/// Reads every source; each key must be one that the defaults have.
pub(super) fn layers(
    file: Option<&Path>,
    environment: Environment,
    assignments: &[String],
) -> Result<Vec<Layer>, SettingsError> {
    let mut layers = vec![layer(Origin::Defaults, Config::builder().add_source(toml(DEFAULTS)).build())?];
    if let Some(file) = file {
        let path = file.display().to_string();
        let text = fs::read_to_string(file).map_err(|source| SettingsError::File { path: path.clone(), source })?;
        layers.push(layer(Origin::File(path), Config::builder().add_source(toml(&text)).build())?);
    }
    layers.push(layer(Origin::Environment, Config::builder().add_source(environment).build())?);
    for assignment in assignments {
        let no_assignment = || SettingsError::NoAssignment(assignment.clone());
        let (key, value) = assignment.split_once('=').ok_or_else(no_assignment)?;
        let set = Config::builder().set_override(key.trim(), value.trim()).map_err(|_| no_assignment())?;
        layers.push(layer(Origin::CommandLine(assignment.clone()), set.build())?);
    }
    let known = keys(&layers[0].config);
    for layer in &layers {
        // A table instead of its members is known; that a mere value does not fit it is found later.
        // What has names of its own is judged by whoever gave them.
        let is_named = |key: &String| NAMED.iter().any(|table| key.starts_with(table));
        let is_known = |key: &String| {
            is_named(key) || known.iter().any(|known| known == key || known.starts_with(&format!("{key}.")))
        };
        if let Some(key) = keys(&layer.config).into_iter().find(|key| !is_known(key)) {
            return Err(SettingsError::Unknown { origin: layer.origin.of(&key), key });
        }
    }
    Ok(layers)
}

/// Says who set each key that is not as in the defaults, which are the first layer.
fn origins(layers: &[Layer]) -> BTreeMap<String, String> {
    let set = layers.iter().skip(1).flat_map(|layer| keys(&layer.config).into_iter().map(move |key| (layer, key)));
    let named = set.map(|(layer, key)| {
        // Not the assignment: a secret may be in it.
        let of_line = matches!(layer.origin, Origin::CommandLine(_)).then(|| "the command line".to_owned());
        (key.clone(), of_line.unwrap_or_else(|| layer.origin.of(&key)))
    });
    named.collect()
}

/// Lays the layers over each other.
pub(super) fn in_force(layers: &[Layer]) -> Result<Config, SettingsError> {
    let all = layers.iter().fold(Config::builder(), |all, layer| all.add_source(layer.config.clone()));
    all.build().map_err(|source| misfit(layers, source))
}

fn toml(text: &str) -> File<config::FileSourceString, FileFormat> {
    File::from_str(text, FileFormat::Toml)
}

fn layer(origin: Origin, config: Result<Config, ConfigError>) -> Result<Layer, SettingsError> {
    match config {
        Ok(config) => Ok(Layer { origin, config }),
        Err(source) => Err(SettingsError::Malformed { origin: origin.of("…"), source: Box::new(source) }),
    }
}

/// Blames the strongest layer that sets the key.
fn misfit(layers: &[Layer], source: ConfigError) -> SettingsError {
    let key =
        if let ConfigError::Type { key, .. } | ConfigError::At { key, .. } = &source { key.clone() } else { None };
    let key = key.unwrap_or_default();
    let blamed = layers.iter().rev().find(|layer| layer.config.get::<Value>(&key).is_ok());
    let origin = blamed.map_or("the settings".to_owned(), |layer| layer.origin.of(&key));
    SettingsError::Misfit { origin, source: Box::new(source) }
}

/// Lists the keys of a source, `listen.port`.
fn keys(config: &Config) -> Vec<String> {
    fn walk(prefix: &str, table: config::Map<String, Value>, keys: &mut Vec<String>) {
        for (name, value) in table {
            let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
            if let ValueKind::Table(table) = value.kind {
                walk(&key, table, keys);
            } else {
                keys.push(key);
            }
        }
    }
    let mut keys = Vec::new();
    walk("", config.collect().unwrap_or_default(), &mut keys);
    keys.sort();
    keys
}
