//! A read model: facts in, rows out.

use super::fact::{Kind, Recorded};
use super::message::Stored;

/// One row of a read model; its `Default` is the row before the first fact.
pub trait View: Default + Stored {
    /// Where it lives.
    const KIND: Kind;
    /// The version of the row's stored shape; a new one has the view built again.
    const ROW_VERSION: u16 = 1;
    /// Whose facts it is made of.
    const SOURCES: &'static [Kind];

    /// Returns which row a fact belongs to, if any; by default the one with its aggregate's id.
    fn row(fact: &Recorded) -> Option<u64> {
        Some(fact.stream.id)
    }

    /// Writes the fact into its row; facts come strictly in log order.
    fn apply(&mut self, fact: &Recorded);

    /// Tells whether clients see the row.
    fn exists(&self) -> bool {
        true
    }
}
