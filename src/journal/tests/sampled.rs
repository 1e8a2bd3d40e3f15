//! One value of every message and row of the systems beside oa-rental, made from its shape alone: every number, option
//! and text is there. A new system so gets its samples by itself, and needs only its lines in `tests/fixtures/journal`.

use serde::de::value::{Error, SeqDeserializer};
use serde::de::{Deserializer, Error as _, IntoDeserializer, Visitor};

use super::super::Row;
use super::*;
use crate::domain::system::{AggregateSpec, DecodeNamed, KindSpec};
use crate::domain::{AnyCommand, Kind};

const ID: u64 = 70_000;
const TEXT: &str = "Köpi 7";

/// Reads as a value of whatever shape is asked for.
#[derive(Clone, Copy)]
struct Sample;

impl<'de> IntoDeserializer<'de, Error> for Sample {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Sample {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("no sample of this shape yet"))
    }
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(true)
    }
    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_i32(-3)
    }
    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_i64(-5)
    }
    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u64(ID)
    }
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(TEXT)
    }
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_seq(SeqDeserializer::new(fields.iter().map(|_| self)))
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u32 u128 f32 f64 char str bytes byte_buf unit unit_struct newtype_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}

fn aggregates() -> Vec<Arc<AggregateSpec>> {
    let catalogue = catalogue();
    let others = catalogue.kinds().into_iter().filter(|spec| spec.kind().system() != "oa-rental");
    let aggregate = |spec: &KindSpec| match spec {
        KindSpec::Aggregate(spec) => Some(Arc::clone(spec)),
        KindSpec::View(_) => None,
    };
    others.filter_map(aggregate).collect()
}

/// Every event with its kind, in its newest version.
pub(super) fn events() -> Vec<(Kind, Arc<dyn AnyEvent>)> {
    let of = |spec: Arc<AggregateSpec>| {
        let decoded = spec.events.iter().map(move |(name, schema)| {
            let mut sample = <dyn erased_serde::Deserializer<'_>>::erase(Sample);
            (*schema, (spec.decode_event)(name, *schema, &mut sample).expect("a sample"), spec.kind)
        });
        decoded.filter(|(schema, event, _)| *schema == event.schema()).map(|(_, event, kind)| (kind, event))
    };
    aggregates().into_iter().flat_map(of).collect()
}

/// Every command with its kind, in its newest version.
pub(super) fn commands() -> Vec<(Kind, Arc<dyn AnyCommand>)> {
    let of = |(kind, known, decode): (Kind, &'static [(&'static str, u16)], DecodeNamed<dyn AnyCommand>)| {
        let decoded = known.iter().map(move |(name, schema)| {
            let mut sample = <dyn erased_serde::Deserializer<'_>>::erase(Sample);
            (*schema, decode(name, *schema, &mut sample).expect("a sample"))
        });
        decoded.filter(|(schema, command)| *schema == command.schema()).map(move |(_, command)| (kind, command))
    };
    let aggregates = aggregates().into_iter().map(|spec| (spec.kind, spec.commands, spec.decode_command));
    let catalogue = catalogue();
    let providers = catalogue.providers().into_iter().map(|spec| (spec.kind, spec.commands, spec.decode_command));
    aggregates.chain(providers).flat_map(of).collect()
}

/// A row of every kind: all events folded, those of a view's sources one after the other.
pub(super) fn rows() -> Vec<Row> {
    let row =
        |kind, state| Row { stream: Stream::new(kind, ID), version: 300, public_version: 2, position: 70_001, state };
    let events = events();
    let mut rows = Vec::new();
    for spec in aggregates() {
        let own: Vec<_> =
            events.iter().filter(|(of, _)| *of == spec.kind).map(|(_, event)| Arc::clone(event)).collect();
        rows.push(row(spec.kind, (spec.initial)().evolved(&own) as Arc<dyn Held>));
    }
    for spec in catalogue().kinds() {
        let KindSpec::View(spec) = spec else { continue };
        let sources = events.iter().filter(|(of, _)| spec.sources.contains(of));
        let state = sources.fold(None, |state: Option<Arc<dyn Held>>, (kind, event)| {
            let fact = samples::facts(Stream::new(*kind, ID), vec![Arc::clone(event)]);
            let fact = fact.recorded(70_001).next().expect("a fact");
            Some((spec.applied)(state.as_deref(), &fact))
        });
        rows.extend(state.map(|state| row(spec.kind, state)));
    }
    rows
}
