//! The edge: the REST contract of the originals on one side, admission on the other. The only user of warp.
//!
//! A request comes through `server` (sockets), `routes` (which system, service, resource), `shedding` (whether it is let
//! in), a handler, and `problem` if it fails; every path an answer mentions is built in `hal`.

pub mod server;
pub mod request;
pub mod forwarded;
pub mod shedding;
pub mod routes;
pub mod resources;
mod plain;
pub mod stories;
pub mod gateway;
mod openapi;
pub mod health;
pub mod actuator;
pub mod admin;
pub mod steering;
pub mod body;
pub mod negotiate;
pub mod conditional;
pub mod hal;
pub mod answer;
mod aside;
pub mod problem;

pub use routes::{Edge, Face};

#[cfg(test)]
mod tests;
