//! Durable, supervised actors with the resilience of a service mesh, in one process.
//!
//! Every business aggregate is a supervised actor; what it decides is synced to a log before anyone is told; a guard
//! stands in front of every call. The crate is a library and the server `resurgam`.
//!
//! # Layout
//!
//! In reading order; `ARCHITECTURE.md` walks one request and one event through them.
//!
//! - [`domain`]: the words a business system is written in; pure.
//! - [`systems`]: what the business does; pure, one folder a system.
//! - [`clock`]: the only reader of clocks, ids and randomness.
//! - [`resilience`]: deadline, bulkhead and the guard that nests them.
//! - [`journal`]: the log, the store behind it, and the fence.
//! - [`actors`]: instances under supervision, asks, followers, and the way in.
//! - [`http_client`]: what all HTTP clients here share.
//! - [`outbound`]: the HTTP client of outside parties that aggregates ask.
//! - [`http`]: the edge.
//! - [`telemetry`]: every metric in one list.
//! - [`chaos`]: the checker: loads a running server and judges what must hold whatever was killed.
//! - [`mutants`]: deliberate bugs the checker must find; nothing of them is compiled in without the feature.
//! - [`config`], [`app`]: settings, and the composition root.

pub mod actors;
pub mod app;
pub mod chaos;
pub mod clock;
pub mod config;
pub mod domain;
mod fault_points;
pub mod http;
pub mod http_client;
pub mod journal;
pub mod mutants;
pub mod outbound;
pub mod resilience;
pub mod systems;
pub mod telemetry;
