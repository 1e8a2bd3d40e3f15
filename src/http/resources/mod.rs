//! Generic handlers for any resource: collection, item, create, replace, patch, delete.
//!
//! Reads show durable rows; writes go through admission. Which bytes answer is `hal`'s word, which status a failure
//! has `problem`'s.

mod methods;
mod describe;
mod listed;
mod read;
mod write;

pub(in crate::http) use describe::described;
pub(in crate::http) use methods::{collection, item};
pub use read::{SORTED_ROWS_MAX, WHOLE_ROWS_MAX};
pub(in crate::http) use read::{unless_known, visible};
pub(in crate::http) use write::{called, must_be_free, precondition, reachable, read_json};
