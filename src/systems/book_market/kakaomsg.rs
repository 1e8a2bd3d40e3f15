//! Which messages were sent: one row a message, which shows what the message itself does.

use serde::{Deserialize, Serialize};

use super::kakao::{Kakao, KakaoEvent};
use crate::domain::{Aggregate, Field, Kind, Recorded, Shown, Value, View};

/// A message's row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Kakaomsg(Kakao);

impl View for Kakaomsg {
    const KIND: Kind = Kind::new("book-market/kakaomsg/kakaomsg");
    const ROW_VERSION: u16 = 1;
    const SOURCES: &'static [Kind] = &[Kakao::KIND];

    fn row(fact: &Recorded) -> Option<u64> {
        Some(fact.stream.id)
    }

    fn apply(&mut self, fact: &Recorded) {
        fact.of::<KakaoEvent>().into_iter().for_each(|event| self.0.evolve(event));
    }
}

impl Shown for Kakaomsg {
    const FIELDS: &'static [Field] = Kakao::FIELDS;

    fn values(&self) -> Vec<Value> {
        self.0.values()
    }
}
