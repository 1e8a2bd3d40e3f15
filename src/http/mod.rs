//! The edge: the REST contract of the originals on one side, admission on the other. The only user of warp.
//!
//! A request comes through `server` (sockets), `routes` (which system, service, resource), a handler, and
//! `problem` if it fails; every path an answer mentions is built in `hal`.

pub mod actuator;
pub mod admin;
pub mod answer;
pub mod body;
pub mod conditional;
pub mod gateway;
pub mod hal;
pub mod negotiate;
pub mod problem;
pub mod request;
pub mod resources;
pub mod routes;
pub mod server;
pub mod stories;

pub use routes::{Edge, Face};
