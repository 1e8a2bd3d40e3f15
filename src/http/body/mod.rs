//! How the bytes of a request become fields, or a sentence on what is wrong with them.

mod coerce;
mod json_patch;
mod object;
#[cfg(test)]
mod tests;

pub use json_patch::{PatchError, patched};
pub use object::{BadBody, DEPTH_MAX, Sent, fingerprint, read};
