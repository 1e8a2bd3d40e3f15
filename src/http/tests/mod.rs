//! The edge in front of a running house, without sockets: requests go in as warp hands them over.

mod health;
mod house;

mod admin;
mod breakers;
mod chaos;
mod conditions;
mod cursors;
mod faults;
mod keys;
mod openapi;
mod patches;
mod plain;
mod selections;
mod shedding;
mod stories;
mod strange;

pub(super) use house::body_of;
