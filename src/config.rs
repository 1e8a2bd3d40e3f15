//! The shell's settings: the embedded defaults, a file, the environment, the command line. The only reader of files
//! and environment variables of settings.

use std::fs;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::{Config, Environment, File, FileFormat};
use serde::Deserialize;
use thiserror::Error;
use toml_edit::{DocumentMut, Item, Value};

use crate::clock::Clock;
use crate::resilience::{BulkheadLimits, GuardPolicy};

/// The defaults, with a comment on each.
pub const DEFAULTS: &str = include_str!("../config/resurgam.toml");
/// The environment's prefix: `RESURGAM__LISTEN__HOST`.
const ENVIRONMENT: &str = "RESURGAM";
const TOKEN_VARIABLE: &str = "RESURGAM_ADMIN_TOKEN";

/// Every setting of the shell.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where business is served.
    pub listen: Listen,
    /// The limits of the edge.
    pub edge: Edge,
    /// The journal.
    pub journal: JournalSettings,
    /// The actors.
    pub actors: Actors,
    /// The guard in front of each kind.
    pub guard: GuardSettings,
    /// The operator's listener.
    pub admin: Admin,
    /// Chaos.
    pub chaos: ChaosSettings,
    /// Log lines.
    pub log: Log,
}

/// Where business is served.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// The address of all business listeners.
    pub host: IpAddr,
    /// The port of the common front door.
    pub port: u16,
    /// Added to every port.
    pub port_offset: u16,
}

/// The limits of the edge.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// Open connections.
    pub connections_max: usize,
    /// Connections before they are accepted.
    pub backlog: u32,
    /// Size of a head, in bytes.
    pub header_bytes_max: usize,
    /// Headers of a request.
    pub headers_max: usize,
    /// How long a head may take, in milliseconds.
    pub header_timeout_ms: u64,
    /// Size of a body, in bytes.
    pub body_bytes_max: usize,
    /// How long a request may take, in milliseconds.
    pub deadline_ms: u64,
    /// How long requests in flight may take at a stop, in milliseconds.
    pub drain_timeout_ms: u64,
}

/// The journal.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalSettings {
    /// Where it lives.
    pub data: PathBuf,
    /// Size of a segment, in bytes.
    pub segment_bytes: u64,
    /// Threads that read.
    pub readers: usize,
    /// sled's cache, in bytes.
    pub cache_bytes: u64,
}

/// The actors.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actors {
    /// Supervisors per kind.
    pub shards: usize,
}

/// The guard in front of each kind.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardSettings {
    /// How long one attempt may take, in milliseconds.
    pub attempt_timeout_ms: u64,
    /// The clients' partition.
    pub edge: PartitionSettings,
    /// The policies' partition.
    pub policies: PartitionSettings,
    /// The asks' partition.
    pub asks: PartitionSettings,
}

/// One partition of a bulkhead.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionSettings {
    /// Calls running at once.
    pub running_max: usize,
    /// Calls waiting beyond that.
    pub queue_max: usize,
    /// How long they may wait, in milliseconds.
    pub wait_max_ms: u64,
}

/// The operator's listener.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// Its address.
    pub listen: SocketAddr,
    /// Whether metrics and probes need no token.
    pub metrics_open: bool,
    /// The token's file; empty: in the data directory.
    pub token_file: PathBuf,
}

/// Chaos.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChaosSettings {
    /// Whether operators may kill and panic actors.
    pub enabled: bool,
}

/// Log lines.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// The filter.
    pub filter: String,
    /// Whether lines are JSON.
    pub json: bool,
}

/// The operator's token and where it came from.
#[derive(Clone)]
pub struct Token {
    /// The token itself.
    pub secret: String,
    /// The file it was made in, when it was made now or before.
    pub made_in: Option<PathBuf>,
}

/// Why the settings make no sense.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// A source does not parse, or a value does not fit.
    #[error("{0}")]
    Invalid(#[from] config::ConfigError),
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

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("made_in", &self.made_in).finish_non_exhaustive()
    }
}

impl Settings {
    /// Reads the settings: defaults, then the file, then the environment, then `assignments` (`key=value`).
    ///
    /// # Errors
    ///
    /// Fails on an unknown key or a value that does not fit, naming the key and where it was set.
    pub fn load(file: Option<&Path>, assignments: &[String]) -> Result<Self, SettingsError> {
        let settings: Self = sources(file, assignments)?.try_deserialize()?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingsError> {
        let nonsense = |key, reason: &str| Err(SettingsError::Nonsense { key, reason: reason.to_owned() });
        if self.edge.header_bytes_max < 8_192 {
            return nonsense("edge.header_bytes_max", "must be at least 8192 bytes");
        }
        if self.journal.segment_bytes < 65_536 {
            return nonsense("journal.segment_bytes", "must be at least 65536 bytes");
        }
        if self.edge.deadline_ms == 0 {
            return nonsense("edge.deadline_ms", "must be at least 1 millisecond");
        }
        if self.listen.port_offset > 50_000 {
            return nonsense("listen.port_offset", "must be at most 50000");
        }
        Ok(())
    }

    /// Returns the guard's policy.
    #[must_use]
    pub fn guard_policy(&self) -> GuardPolicy {
        let limits = |partition: PartitionSettings| BulkheadLimits {
            running_max: partition.running_max,
            queue_max: partition.queue_max,
            wait_max: Duration::from_millis(partition.wait_max_ms),
        };
        GuardPolicy {
            attempt_timeout: Duration::from_millis(self.guard.attempt_timeout_ms),
            edge: limits(self.guard.edge),
            policies: limits(self.guard.policies),
            asks: limits(self.guard.asks),
        }
    }

    /// Returns the operator's token: the environment's, else the file's, else a new one.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be read or made, or another address than loopback would get a made token.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
    pub fn token(&self, data: &Path, clock: &Clock) -> Result<Token, SettingsError> {
        if let Ok(secret) = std::env::var(TOKEN_VARIABLE)
            && !secret.trim().is_empty()
        {
            return Ok(Token { secret: secret.trim().to_owned(), made_in: None });
        }
        let set = !self.admin.token_file.as_os_str().is_empty();
        if !set && !self.admin.listen.ip().is_loopback() {
            let reason =
                format!("{} is not loopback: set {TOKEN_VARIABLE} or admin.token_file first", self.admin.listen);
            return Err(SettingsError::Nonsense { key: "admin.listen", reason });
        }
        let path = if set { self.admin.token_file.clone() } else { data.join("admin.token") };
        let token_error = |source| SettingsError::Token { path: path.display().to_string(), source };
        match fs::read_to_string(&path) {
            Ok(secret) => Ok(Token { secret: secret.trim().to_owned(), made_in: (!set).then_some(path) }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !set => {
                let secret = format!("{:016x}{:016x}", clock.random(), clock.random());
                let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
                made.and_then(|mut file| writeln!(file, "{secret}")).map_err(token_error)?;
                Ok(Token { secret, made_in: Some(path) })
            }
            Err(source) => Err(token_error(source)),
        }
    }
}

/// Returns the defaults' file with the values in force, comments and all.
///
/// # Errors
///
/// Fails as [`Settings::load`] does.
pub fn shown(file: Option<&Path>, assignments: &[String]) -> Result<String, SettingsError> {
    Settings::load(file, assignments)?;
    let in_force = sources(file, assignments)?;
    let mut document: DocumentMut = DEFAULTS.parse().expect("the embedded defaults are valid toml");
    for (section, item) in document.iter_mut() {
        let Item::Table(table) = item else { continue };
        for (key, item) in table.iter_mut() {
            let path = format!("{}.{}", section.get(), key.get());
            show(item, &path, &in_force);
        }
    }
    Ok(document.to_string())
}

fn show(item: &mut Item, path: &str, in_force: &Config) {
    let Item::Value(value) = item else { return };
    let decor = value.decor().clone();
    let shown = match value {
        Value::InlineTable(table) => {
            for (key, value) in table.iter_mut() {
                if let Ok(number) = in_force.get_int(&format!("{path}.{}", key.get())) {
                    let decor = value.decor().clone();
                    *value = Value::from(number);
                    *value.decor_mut() = decor;
                }
            }
            return;
        }
        Value::Integer(_) => in_force.get_int(path).map(Value::from),
        Value::Boolean(_) => in_force.get_bool(path).map(Value::from),
        Value::String(_) | Value::Float(_) | Value::Datetime(_) | Value::Array(_) => {
            in_force.get_string(path).map(Value::from)
        }
    };
    if let Ok(shown) = shown {
        *value = shown;
        *value.decor_mut() = decor;
    }
}

fn sources(file: Option<&Path>, assignments: &[String]) -> Result<Config, SettingsError> {
    let mut builder = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
    if let Some(file) = file {
        builder = builder.add_source(File::from(file).format(FileFormat::Toml));
    }
    builder = builder.add_source(Environment::with_prefix(ENVIRONMENT).prefix_separator("__").separator("__"));
    for assignment in assignments {
        let Some((key, value)) = assignment.split_once('=').filter(|(key, _)| !key.trim().is_empty()) else {
            return Err(SettingsError::NoAssignment(assignment.clone()));
        };
        builder = builder.set_override(key.trim(), value.trim())?;
    }
    Ok(builder.build()?)
}
