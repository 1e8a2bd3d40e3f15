//! The values of the store; each begins with the position that wrote it.

use std::sync::Arc;

use super::envelope::{Reader, Writer};
use super::payload::{BINCODE_2, CodecError, decode_erased, decode_plain, known_codec};
use crate::domain::{Catalogue, Held, Stream};
use crate::journal::engine::Expiry;
use crate::journal::record::{Answered, Intent, Note, Outcome, Position, Row};

/// Returns the size a state is stored with, in bytes.
#[must_use]
pub fn stored_bytes(state: &dyn Held) -> usize {
    let mut bytes = Vec::with_capacity(96);
    Writer(&mut bytes).payload(BINCODE_2, state.payload());
    bytes.len()
}

/// Encodes a row.
#[must_use]
pub fn encode_row(row: &Row) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    let mut writer = Writer(&mut out);
    writer.u64(row.position);
    writer.u8(u8::from(row.state.exists()));
    writer.u64(row.version);
    writer.u64(row.public_version);
    writer.u16(row.state.shape());
    writer.payload(BINCODE_2, row.state.payload());
    out
}

/// Reads a row back; `None` when its shape is another version's, so that the facts must be folded again.
///
/// # Errors
///
/// Fails when the bytes do not fit.
pub fn decode_row(stream: Stream, bytes: &[u8], catalogue: &Catalogue) -> Result<Option<Row>, CodecError> {
    let mut reader = Reader(bytes);
    let position = reader.u64()?;
    reader.u8()?;
    let (version, public_version, shape) = (reader.u64()?, reader.u64()?, reader.u16()?);
    let (codec, payload) = reader.payload()?;
    known_codec(codec)?;
    let state: Arc<dyn Held> = if let Some(spec) = catalogue.aggregate(stream.kind.path()) {
        if spec.state_version != shape {
            return Ok(None);
        }
        decode_erased(stream.kind.path(), payload, |from| (spec.decode_state)(from))?
    } else if let Some(spec) = catalogue.view(stream.kind.path()) {
        if spec.row_version != shape {
            return Ok(None);
        }
        decode_erased(stream.kind.path(), payload, |from| (spec.decode_row)(from))?
    } else {
        return Err(CodecError::UnknownKind(stream.kind.path().to_owned()));
    };
    Ok(Some(Row { stream, version, public_version, position, state }))
}

/// Returns the position that wrote a stored value.
#[must_use]
pub fn position_of(bytes: &[u8]) -> Position {
    Reader(bytes).u64().unwrap_or(0)
}

/// Tells from a stored outcome, without decoding it, whether nobody asks for it any more.
#[must_use]
pub fn is_expired(bytes: &[u8], expiry: Expiry) -> bool {
    let mut reader = Reader(bytes);
    let (Ok(position), Ok(time_ms)) = (reader.u64(), reader.u64()) else { return false };
    position <= expiry.settled_before && time_ms < expiry.before_ms
}

/// Encodes a remembered outcome.
#[must_use]
pub fn encode_answered(answered: &Answered) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    let mut writer = Writer(&mut out);
    writer.u64(answered.position);
    writer.u64(answered.time_ms);
    writer.stream(answered.stream);
    writer.u64(answered.fingerprint);
    match &answered.outcome {
        Outcome::Open => writer.u8(0),
        Outcome::Refused(refusal) => {
            writer.u8(1);
            writer.refusal(Some(refusal));
        }
        Outcome::Done { row: None } => writer.u8(2),
        Outcome::Done { row: Some(row) } => {
            writer.u8(3);
            writer.bytes(&encode_row(row));
        }
    }
    out
}

/// Reads a remembered outcome back.
///
/// # Errors
///
/// Fails when the bytes do not fit.
pub fn decode_answered(bytes: &[u8], catalogue: &Catalogue) -> Result<Answered, CodecError> {
    let mut reader = Reader(bytes);
    let position = reader.u64()?;
    let time_ms = reader.u64()?;
    let stream = reader.stream(catalogue)?;
    let fingerprint = reader.u64()?;
    let outcome = match reader.u8()? {
        0 => Outcome::Open,
        1 => reader.refusal()?.map_or(Outcome::Done { row: None }, Outcome::Refused),
        2 => Outcome::Done { row: None },
        3 => Outcome::Done { row: decode_row(stream, reader.bytes()?, catalogue)?.map(Arc::new) },
        tag => return Err(CodecError::UnknownTag { what: "answer", tag }),
    };
    Ok(Answered { stream, fingerprint, time_ms, position, outcome })
}

/// Encodes an open intent.
#[must_use]
pub fn encode_intent(position: Position, intent: &Intent) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    let mut writer = Writer(&mut out);
    writer.u64(position);
    writer.intent(intent);
    out
}

/// Reads an open intent back.
///
/// # Errors
///
/// Fails when the bytes do not fit.
pub fn decode_intent(bytes: &[u8], catalogue: &Catalogue) -> Result<Intent, CodecError> {
    let mut reader = Reader(bytes);
    reader.u64()?;
    reader.intent(catalogue)
}

/// Encodes a parked fact or another plain value of the store.
#[must_use]
pub fn encode_note(position: Position, note: &Note) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    let mut writer = Writer(&mut out);
    writer.u64(position);
    writer.payload(BINCODE_2, note);
    out
}

/// Reads a plain value of the store back.
///
/// # Errors
///
/// Fails when the bytes do not fit.
pub fn decode_note(bytes: &[u8]) -> Result<Note, CodecError> {
    let mut reader = Reader(bytes);
    reader.u64()?;
    let (codec, payload) = reader.payload()?;
    decode_plain("note", codec, payload)
}
