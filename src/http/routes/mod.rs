//! From a path to a handler: the dispatch table made from the systems' descriptions, and one warp filter a listener.
//!
//! One filter for all paths, because a chain of filters is slow and picks wrong errors.

mod table;
mod place;
mod dispatch;
mod exchange;

pub use dispatch::Edge;
pub use exchange::filter;
pub use place::Face;
pub use table::{ResourceRoutes, ServiceRoutes, SystemRoutes};

pub(in crate::http) use dispatch::no_such_address;
#[cfg(test)]
pub(in crate::http) use exchange::answered;
pub(in crate::http) use exchange::{Handled, caught, requests};
