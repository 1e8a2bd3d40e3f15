//! The items that a list is made of, in the order of ids: all of a collection, or those that were found.

use crate::domain::Kind;
use crate::http::hal::PageQuery;
use crate::http::problem::Problem;
use crate::http::routes::Edge;
use crate::journal::ids::Ids;

/// The ids of the items a list is made of.
pub(super) enum Listed<'a> {
    /// All that clients see of a kind.
    All(&'a Ids, Kind),
    /// Those that have the values asked for.
    Found(Vec<u64>),
}

impl<'a> Listed<'a> {
    /// Finds what a query asks for.
    pub(super) fn by(edge: &'a Edge, kind: Kind, query: &PageQuery) -> Result<Self, Problem> {
        match edge.journal.indexed().filter(|_| !query.filters.is_empty()) {
            None => Ok(Self::All(edge.journal.ids(), kind)),
            Some(index) => index.find(kind, &query.filters).map(Self::Found).ok_or(Problem::NotYetIndexed),
        }
    }

    pub(super) fn count(&self) -> u64 {
        match self {
            Self::All(ids, kind) => ids.count(*kind),
            Self::Found(found) => found.len() as u64,
        }
    }

    /// Returns up to `len` of them, after the first `skip`.
    pub(super) fn page(&self, skip: u64, len: usize) -> Vec<u64> {
        match self {
            Self::All(ids, kind) => ids.page(*kind, skip, len),
            Self::Found(found) => {
                found.iter().skip(usize::try_from(skip).unwrap_or(usize::MAX)).take(len).copied().collect()
            }
        }
    }

    /// Returns up to `len` of those after an id.
    pub(super) fn after(&self, id: u64, len: usize) -> Vec<u64> {
        match self {
            Self::All(ids, kind) => ids.after(*kind, id, len),
            Self::Found(found) => {
                found[found.partition_point(|found| *found <= id)..].iter().take(len).copied().collect()
            }
        }
    }
}
