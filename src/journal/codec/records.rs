//! The records of a group.

use std::sync::Arc;

use super::envelope::{Reader, Writer};
use super::payload::{BINCODE_2, CodecError, decode_plain};
use crate::domain::Catalogue;
use crate::journal::record::{Closed, FactlessAnswer, Note, Record};

/// Appends one record to a group's payload.
pub fn encode_record(record: &Record, out: &mut Vec<u8>) {
    let mut writer = Writer(out);
    match record {
        Record::Facts(facts) => {
            writer.u8(1);
            writer.facts(facts);
        }
        Record::Answer(answer) => {
            writer.u8(2);
            writer.stream(answer.stream);
            writer.command(&answer.command);
            writer.u64(answer.time_ms);
            writer.refusal(answer.refusal.as_ref());
        }
        Record::IntentOpened(intent) => {
            writer.u8(3);
            writer.intent(intent);
        }
        Record::IntentClosed { asker, intent, opened_by, how } => {
            writer.u8(4);
            writer.stream(*asker);
            writer.u128(*intent);
            writer.u128(*opened_by);
            writer.u8(u8::from(*how == Closed::Withdrawn));
        }
        Record::Note(note) => {
            writer.u8(5);
            writer.payload(BINCODE_2, note);
        }
    }
}

/// Reads the records of a group.
///
/// # Errors
///
/// Fails on anything this build cannot read; nothing is skipped.
pub fn decode_records(payload: &[u8], catalogue: &Catalogue) -> Result<Vec<Record>, CodecError> {
    let mut reader = Reader(payload);
    let mut records = Vec::new();
    while !reader.0.is_empty() {
        records.push(decode_record(&mut reader, catalogue)?);
    }
    Ok(records)
}

/// Tells whether a group ends with the seal of a clean stop.
#[must_use]
pub fn ends_with_seal(payload: &[u8]) -> bool {
    let mut seal = Vec::new();
    encode_record(&Record::Note(Note::Seal), &mut seal);
    payload == seal
}

fn decode_record(reader: &mut Reader<'_>, catalogue: &Catalogue) -> Result<Record, CodecError> {
    Ok(match reader.u8()? {
        1 => Record::Facts(reader.facts(catalogue)?),
        2 => Record::Answer(FactlessAnswer {
            stream: reader.stream(catalogue)?,
            command: reader.command()?,
            time_ms: reader.u64()?,
            refusal: reader.refusal()?,
        }),
        3 => Record::IntentOpened(Arc::new(reader.intent(catalogue)?)),
        4 => Record::IntentClosed {
            asker: reader.stream(catalogue)?,
            intent: reader.u128()?,
            opened_by: reader.u128()?,
            how: if reader.u8()? == 0 { Closed::Answered } else { Closed::Withdrawn },
        },
        5 => {
            let (codec, bytes) = reader.payload()?;
            Record::Note(decode_plain::<Note>("note", codec, bytes)?)
        }
        tag => return Err(CodecError::UnknownTag { what: "record", tag }),
    })
}
