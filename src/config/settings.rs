//! Every setting, as a value.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::guards::GuardSettings;
use crate::resilience::{LimitPolicy, RatePolicy};

/// Every setting of the shell.
#[derive(Clone, Debug, Deserialize, Serialize)]
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
    /// What a process that lives does.
    pub liveness: Liveness,
    /// The operator's listener.
    pub admin: Admin,
    /// Chaos.
    pub chaos: ChaosSettings,
    /// Metrics and traces.
    pub telemetry: TelemetrySettings,
    /// Log lines.
    pub log: Log,
    /// What the systems declare themselves, by system and key.
    #[serde(default)]
    pub systems: BTreeMap<String, BTreeMap<String, String>>,
    /// Who set what is not a default, by key.
    #[serde(skip)]
    pub(super) origins: BTreeMap<String, String>,
}

/// Where business is served.
#[derive(Clone, Debug, Deserialize, Serialize)]
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
#[derive(Clone, Debug, Deserialize, Serialize)]
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
    /// How long requests are still taken at a stop, in milliseconds.
    pub drain_grace_ms: u64,
    /// The proxies that are believed, separated by commas.
    pub trusted_proxies: String,
    /// Whether lists can be asked for some fields, and for the items with some values.
    pub selections: bool,
    /// Requests inside at once.
    pub limit: LimitSettings,
    /// Requests of one client.
    pub rate: RateSettings,
}

/// How many requests may be inside at once.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSettings {
    /// At least.
    pub floor: usize,
    /// At the start.
    pub initial: usize,
    /// At most.
    pub ceiling: usize,
    /// The latency up to which the limit is not lowered, in milliseconds.
    pub tolerated_ms: u64,
}

/// How often one client may come.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RateSettings {
    /// Requests a second; 0: any number.
    pub per_second: u32,
    /// Requests at once.
    pub burst: u32,
    /// Clients that are remembered.
    pub keys_max: usize,
}

/// The journal.
#[derive(Clone, Debug, Deserialize, Serialize)]
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
    /// The memory sled's cache may take, in bytes.
    pub cache_bytes: u64,
}

/// The actors.
#[derive(Clone, Debug, Deserialize, Serialize)]
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

/// What a process that lives does.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Liveness {
    /// How long its event loop may stand still, in milliseconds.
    pub still_max_ms: u64,
    /// The file it touches; empty: none.
    pub file: PathBuf,
}

/// The operator's listener.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// Its address.
    pub listen: SocketAddr,
    /// Whether metrics need no token; probes never do.
    pub metrics_open: bool,
    /// Where probes have a listener of their own; empty: nowhere.
    pub probes: String,
    /// The token's file; empty: in the data directory.
    pub token_file: PathBuf,
}

/// Chaos.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ChaosSettings {
    /// Whether operators may kill and panic actors.
    pub enabled: bool,
}

/// Metrics and traces.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySettings {
    /// Whether anything is measured.
    pub metrics: bool,
    /// Whether guards are told by resilience4j's names too.
    pub resilience4j_names: bool,
    /// Traces.
    pub traces: TraceSettings,
}

/// Traces.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TraceSettings {
    /// The collector's address; empty: nothing is told.
    pub endpoint: String,
    /// The share of the traces that begin here which is told, 0 to 1.
    pub sampled: f64,
}

/// Log lines.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// The filter.
    pub filter: String,
    /// Whether lines are JSON.
    pub json: bool,
}

impl Admin {
    /// Returns where probes have a listener of their own, if anywhere.
    ///
    /// # Errors
    ///
    /// Fails with what is no address.
    pub fn probes(&self) -> Result<Option<SocketAddr>, String> {
        let set = Some(self.probes.as_str()).filter(|text| !text.is_empty());
        set.map(|text| text.parse().map_err(|_| format!("{text:?} is no address with a port"))).transpose()
    }
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

    /// Returns the policy of the limit of requests inside at once.
    #[must_use]
    pub fn limit_policy(&self) -> LimitPolicy {
        let LimitSettings { floor, initial, ceiling, tolerated_ms } = self.limit;
        LimitPolicy { floor, initial, ceiling, tolerated: Duration::from_millis(tolerated_ms) }
    }

    /// Returns the policy of each client's rate, if there is one.
    #[must_use]
    pub fn rate_policy(&self) -> Option<RatePolicy> {
        let RateSettings { per_second, burst, keys_max } = self.rate;
        (per_second > 0).then_some(RatePolicy { per_second, burst, keys_max })
    }
}
