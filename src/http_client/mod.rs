//! What all HTTP clients of the house share: addresses, connections, how much of an answer is read, when to come again.
//!
//! It knows nobody's meaning: what an answer says of what was asked is judged by whoever asked.

mod address;
mod client;

pub use address::{Address, AddressError, PathError};
pub use client::{Answer, Connections, HttpClient, NoAnswer};

/// HTTP's own words: whoever speaks it through this room needs no other crate for them.
pub use hyper::http::Error as MessageError;
pub use hyper::{HeaderMap, Method, Request, StatusCode, Uri, body::Bytes, header};
