//! What an orchestrator asks.

use super::operator::Admin;
use crate::http::answer::Answer;
use crate::http::health::{live, ready, told};
use crate::http::request::Request;

impl Admin {
    /// Tells whether the process lives, and why not; `?verbose`: every check.
    pub(super) fn alive(&self, request: &Request) -> Answer {
        told(&live(&self.edge.vitals), request.query.as_deref())
    }

    /// Tells whether the process takes work, and why not; `?verbose`: every check.
    pub(super) fn ready(&self, request: &Request) -> Answer {
        told(&ready(&self.edge.vitals), request.query.as_deref())
    }
}
