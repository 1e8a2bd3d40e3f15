//! Which messages were sent: one row a message, which shows what the message itself does.

use super::kakao::{Kakao, KakaoEvent};
use crate::domain::prelude::*;

/// A message's row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Kakaomsg(Kakao);

impl View for Kakaomsg {
    const KIND: Kind = Kind::new("book-market/kakaomsg/kakaomsg");
    const SOURCES: &'static [Kind] = &[Kakao::KIND];

    fn apply(&mut self, fact: &Recorded) {
        fact.of::<KakaoEvent>().into_iter().for_each(|event| self.0.evolve(event));
    }
}

shows! { Kakaomsg: |row| { ..Kakao = row.0; } }
