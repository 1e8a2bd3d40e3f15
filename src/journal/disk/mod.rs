//! The storage on disk: `data/log` is the truth, `data/sled` is what is looked up, `data/LOCK` keeps others out.
//!
//! sled's `flush` does not reach the platter, so nothing depends on it: the store is made again from the log whenever
//! it cannot be trusted.

pub mod backup;
pub mod checkpoint;
pub mod engine;
pub mod file;
pub mod frame;
pub mod home;
pub mod lanes;
mod ending;
mod exporting;
mod reading;
pub mod log;
pub mod opening;
pub mod segment;
pub mod store;

pub use engine::DiskEngine;
pub use home::{Home, HomeError};
pub use opening::{DiskError, DiskOptions, Opening};
