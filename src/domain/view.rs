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

    /// Returns which row a fact belongs to, if any. By default it is the one with the id of the fact's aggregate.
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

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::super::system::spec::tests::{SeatEvent, SeatTaken, recorded};
    use super::*;

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Chart {}

    impl View for Chart {
        const KIND: Kind = Kind::new("theatre/office/chart");
        const SOURCES: &'static [Kind] = &[];

        fn apply(&mut self, _: &Recorded) {}
    }

    #[test]
    fn a_fact_belongs_to_the_row_with_its_aggregates_id_unless_the_view_knows_better() {
        let fact = recorded(SeatEvent::from(SeatTaken { seat: 7 }));
        assert_eq!(Chart::row(&fact), Some(fact.stream.id));
        assert!(Chart::default().exists());
    }
}
