//! The codec against random values and random bytes: what is written is read, and nothing panics.

use std::num::{NonZeroU64, NonZeroU128};

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::domain::TraceContext;
use crate::systems::oa_rental::product::{ProductRemoved, ProductRenamed, StockCopied, StockVersion};

fn any_event() -> impl Strategy<Value = Arc<dyn AnyEvent>> {
    let version = (any::<u64>(), any::<u64>()).prop_map(|(saved, stock)| StockVersion { saved, stock });
    let product = prop_oneof![
        (any::<u64>(), any::<Option<String>>(), any::<i32>())
            .prop_map(|(id, name, qty)| ProductEvent::from(ProductSaved { id, name, qty })),
        (any::<u64>(), any::<Option<String>>()).prop_map(|(id, name)| ProductRenamed { id, name }.into()),
        any::<u64>().prop_map(|id| ProductRemoved { id }.into()),
        (any::<u64>(), any::<i32>(), version).prop_map(|(id, qty, version)| StockCopied { id, qty, version }.into()),
    ];
    product.prop_map(|event| Arc::new(event) as Arc<dyn AnyEvent>)
}

fn any_command(correlation: impl Strategy<Value = String>) -> impl Strategy<Value = CommandMeta> {
    let origin = select(vec![Origin::Edge, Origin::Keyed, Origin::Policy, Origin::Ask]);
    let trace = prop::option::of((any::<NonZeroU128>(), any::<NonZeroU64>()));
    (any::<u128>(), origin, any::<u64>(), any::<u64>(), correlation, trace).prop_map(
        |(id, origin, fingerprint, causation, correlation, trace)| CommandMeta {
            id,
            origin,
            fingerprint,
            causation,
            correlation: Arc::from(correlation),
            trace: trace.map(|(trace_id, span_id)| TraceContext { trace_id, span_id }),
        },
    )
}

/// Facts of any kind of oa-rental: products' at random, the others' as sampled.
fn any_facts() -> impl Strategy<Value = Facts> {
    let events = prop_oneof![
        prop::collection::vec(any_event(), 1..5).prop_map(|events| (Product::KIND, events)),
        select(samples::events()).prop_map(|(kind, event)| (kind, vec![Arc::clone(&event), event])),
    ];
    let numbers = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>());
    (events, numbers, any_command("[a-zä-ü€]{0,40}"), any::<bool>()).prop_map(
        |((kind, events), numbers, command, open)| {
            let (id, first_version, public_before, time_ms) = numbers;
            Facts { stream: Stream::new(kind, id), first_version, public_before, time_ms, command, open, events }
        },
    )
}

fn encoded(records: &[Record]) -> Vec<u8> {
    let mut bytes = Vec::new();
    records.iter().for_each(|record| codec::encode_record(record, &mut bytes));
    bytes
}

/// A group with a record of every sort.
fn every_sort() -> Vec<u8> {
    let mut records: Vec<Record> = samples::notes().into_iter().map(|(_, note)| Record::Note(note)).collect();
    for (kind, event) in samples::events() {
        records.push(Record::Facts(samples::facts(Stream::new(kind, 1), vec![event])));
    }
    for (kind, asked) in samples::commands() {
        records.push(Record::IntentOpened(Arc::new(samples::intent(kind, Arc::clone(&asked), Some(asked)))));
    }
    for (_, refusal) in samples::refusals() {
        let refusal = Some(refusal);
        records.push(Record::Answer(FactlessAnswer { stream: product(1), command: command(1), time_ms: 1, refusal }));
    }
    encoded(&records)
}

proptest! {
    #[test]
    fn facts_are_read_as_they_were_written(facts in prop::collection::vec(any_facts(), 1..4)) {
        let records: Vec<Record> = facts.into_iter().map(Record::Facts).collect();
        let read = codec::decode_records(&encoded(&records), &catalogue()).expect("what was written");
        prop_assert_eq!(format!("{read:?}"), format!("{records:?}"));
    }

    #[test]
    fn facts_are_found_by_their_keys_whatever_else_the_group_tells(
        facts in prop::collection::vec(any_facts(), 1..4),
        opener in any_command("[a-z]{0,40}"),
    ) {
        let intent = samples::intent(samples::commands()[0].0, Arc::clone(&samples::commands()[0].1), None);
        let answer = FactlessAnswer { stream: product(1), command: opener.clone(), time_ms: 1, refusal: None };
        let mut records = vec![Record::Answer(answer)];
        records.push(Record::IntentOpened(Arc::new(Intent { opened_by: opener, ..intent })));
        records.extend(facts.iter().cloned().map(Record::Facts));
        let payload = encoded(&records);
        let keys = codec::keys_of(&payload).expect("what was written");
        for told in &facts {
            for key in [codec::stream_key(told.stream), codec::story_key(&told.command.correlation)] {
                prop_assert!(keys.contains(&key));
                let found = codec::decode_keyed(&payload, key, &catalogue()).expect("what was written");
                let is_it = |found: &Facts| format!("{found:?}") == format!("{told:?}");
                prop_assert!(found.iter().any(|(_, found)| is_it(found)));
            }
        }
    }

    #[test]
    fn a_text_of_any_length_does_not_make_the_log_unreadable(command in any_command("[a-zä-ü€]{0,200}")) {
        let record = Record::Answer(FactlessAnswer { stream: product(1), command, time_ms: 1, refusal: None });
        prop_assert!(codec::decode_records(&encoded(&[record]), &catalogue()).is_ok());
    }

    #[test]
    fn random_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let catalogue = catalogue();
        let _ = codec::decode_records(&bytes, &catalogue);
        let _ = codec::decode_row(product(1), &bytes, &catalogue);
        let _ = codec::decode_answered(&bytes, &catalogue);
        let _ = codec::decode_intent(&bytes, &catalogue);
        let _ = codec::decode_note(&bytes);
        let _ = (codec::ends_with_seal(&bytes), codec::position_of(&bytes));
    }

    #[test]
    fn changed_bytes_are_read_or_refused_without_a_panic(
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..6),
        cut in any::<Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = every_sort();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = codec::decode_records(&bytes, &catalogue());
    }
}

#[test]
fn a_group_that_ends_in_the_middle_of_a_record_is_refused() {
    let bytes = encoded(&[Record::Facts(samples::facts(product(1), vec![saved(1, "one", 1)]))]);
    for end in 1..bytes.len() {
        assert!(codec::decode_records(&bytes[..end], &catalogue()).is_err(), "{end} of {} bytes", bytes.len());
    }
}

#[test]
fn a_payload_with_bytes_left_over_is_refused() {
    let event = samples::facts(product(1), vec![saved(1, "one", 1)]);
    let mut bytes = encoded(&[Record::Facts(event)]);
    // Id 1, a name of three letters, a quantity: seven bytes, before them their number.
    let length_at = bytes.len() - 7 - 4;
    assert_eq!(bytes[length_at..length_at + 4], 7_u32.to_le_bytes());
    bytes[length_at] = 8;
    bytes.push(0);
    assert!(codec::decode_records(&bytes, &catalogue()).is_err(), "another shape under the same schema version");
}
