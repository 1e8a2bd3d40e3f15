//! Every setting, as a value.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;

use super::guards::GuardSettings;

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
    /// The guards in front of kinds and asks.
    pub guard: GuardSettings,
    /// The operator's listener.
    pub admin: Admin,
    /// Chaos.
    pub chaos: ChaosSettings,
    /// Metrics.
    pub telemetry: TelemetrySettings,
    /// Log lines.
    pub log: Log,
    /// What the systems declare themselves, by system and key.
    #[serde(default)]
    pub systems: BTreeMap<String, BTreeMap<String, String>>,
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
    /// The proxies that are believed, separated by commas.
    pub trusted_proxies: String,
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
    /// Free space on the disk below which nothing is written, in bytes.
    pub free_bytes_min: u64,
    /// sled's cache, in bytes.
    pub cache_bytes: u64,
}

/// The actors.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actors {
    /// Supervisors per kind.
    pub shards: usize,
    /// Aggregates that live at once.
    pub live_max: usize,
    /// Memory they may take, in bytes.
    pub live_bytes_max: usize,
    /// Aggregates that recover at once.
    pub recoveries_max: usize,
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

/// Metrics.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySettings {
    /// Whether guards are told by resilience4j's names too.
    pub resilience4j_names: bool,
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

impl Edge {
    /// Returns the addresses of the proxies that are believed.
    ///
    /// # Errors
    ///
    /// Fails with what is no address.
    pub fn trusted_proxies(&self) -> Result<Vec<IpAddr>, String> {
        let named = self.trusted_proxies.split(',').map(str::trim).filter(|name| !name.is_empty());
        named.map(|name| name.parse().map_err(|_| format!("{name:?} is no IP address"))).collect()
    }
}
