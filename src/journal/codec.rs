//! The stored form of everything: hand-laid envelopes, bincode payloads inside. The only user of bincode.
//!
//! An envelope names type and schema version, so that each payload can be read by the struct that wrote it. The
//! frame around a group carries the checksum of all of it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use thiserror::Error;

use super::record::{
    Answered, Closed, CommandMeta, FactlessAnswer, Facts, Intent, Note, Origin, Outcome, Position, Record, Row,
};
use crate::domain::{AnyCommand, AnyEvent, Catalogue, DecodeError, Held, Refusal, Stream};

/// The most memory a decoded payload may claim, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The longest correlation id that is stored, in bytes.
pub const CORRELATION_BYTES_MAX: usize = 128;

const CONFIG: Configuration<LittleEndian, Varint, Limit<PAYLOAD_BYTES_MAX>> = bincode::config::standard().with_limit();
const BINCODE_2: u8 = 1;

/// Why stored bytes could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CodecError {
    /// The envelope ends too early.
    #[error("a stored record ends too early")]
    Short,
    /// A tag this build does not know.
    #[error("unknown {what} tag {tag}: it was written by a newer build, run that one")]
    UnknownTag {
        /// Which tag.
        what: &'static str,
        /// Its value.
        tag: u8,
    },
    /// A kind this build does not know.
    #[error("unknown kind {0}: it was written by a build with that system, run that one")]
    UnknownKind(String),
    /// A payload that does not decode.
    #[error(transparent)]
    Payload(#[from] DecodeError),
    /// A text that is no UTF-8.
    #[error("a stored text is no utf-8")]
    Text,
}

// === records ===

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

// === values of the store; each begins with the position that wrote it ===

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

/// Tells from a stored row, without decoding it, whether clients see it.
#[must_use]
pub fn row_exists(bytes: &[u8]) -> bool {
    bytes.get(8) == Some(&1)
}

/// Returns the position that wrote a stored value.
#[must_use]
pub fn position_of(bytes: &[u8]) -> Position {
    Reader(bytes).u64().unwrap_or(0)
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

// === bincode ===

fn decode_plain<T: serde::de::DeserializeOwned>(name: &str, codec: u8, bytes: &[u8]) -> Result<T, CodecError> {
    known_codec(codec)?;
    match bincode::serde::decode_from_slice::<T, _>(bytes, CONFIG) {
        Ok((value, used)) if used == bytes.len() => Ok(value),
        Ok(_) => Err(malformed(name, "bytes are left over")),
        Err(error) => Err(malformed(name, &error.to_string())),
    }
}

fn decode_erased<T: ?Sized>(
    name: &str,
    bytes: &[u8],
    read: impl FnOnce(&mut dyn erased_serde::Deserializer<'_>) -> Result<Arc<T>, DecodeError>,
) -> Result<Arc<T>, CodecError> {
    let mut rest = bytes;
    let value = {
        let mut decoder = bincode::serde::OwnedSerdeDecoder::from_reader(Rest(&mut rest), CONFIG);
        let mut erased = <dyn erased_serde::Deserializer<'_>>::erase(decoder.as_deserializer());
        read(&mut erased)?
    };
    if rest.is_empty() { Ok(value) } else { Err(malformed(name, "bytes are left over")) }
}

/// Reads from a slice and leaves what it did not read.
struct Rest<'a, 'b>(&'b mut &'a [u8]);

impl bincode::de::read::Reader for Rest<'_, '_> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<(), bincode::error::DecodeError> {
        let (head, tail) = self
            .0
            .split_at_checked(bytes.len())
            .ok_or_else(|| bincode::error::DecodeError::UnexpectedEnd { additional: bytes.len() - self.0.len() })?;
        bytes.copy_from_slice(head);
        *self.0 = tail;
        Ok(())
    }
}

fn malformed(name: &str, reason: &str) -> CodecError {
    DecodeError::Malformed { name: name.to_owned(), reason: reason.to_owned() }.into()
}

fn known_codec(codec: u8) -> Result<(), CodecError> {
    if codec == BINCODE_2 { Ok(()) } else { Err(CodecError::UnknownTag { what: "codec", tag: codec }) }
}

// === the envelope ===

struct Writer<'a>(&'a mut Vec<u8>);

impl Writer<'_> {
    fn u8(&mut self, value: u8) {
        self.0.push(value);
    }
    fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }
    fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }
    fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }
    fn u128(&mut self, value: u128) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        let bytes = &text.as_bytes()[..text.floor_char_boundary(usize::from(u8::MAX))];
        self.u8(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
        self.0.extend_from_slice(bytes);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.0.extend_from_slice(bytes);
    }

    fn stream(&mut self, stream: Stream) {
        self.text(stream.kind.path());
        self.u64(stream.id);
    }

    fn payload<T: serde::Serialize + ?Sized>(&mut self, codec: u8, value: &T) {
        self.u8(codec);
        let at = self.0.len();
        self.u32(0);
        bincode::serde::encode_into_std_write(value, self.0, CONFIG).expect("a frozen struct of plain fields encodes");
        let len = u32::try_from(self.0.len() - at - 4).unwrap_or(u32::MAX);
        self.0[at..at + 4].copy_from_slice(&len.to_le_bytes());
    }

    fn message(&mut self, name: &str, schema: u16, payload: &dyn erased_serde::Serialize) {
        self.text(name);
        self.u16(schema);
        self.payload(BINCODE_2, payload);
    }

    fn command(&mut self, command: &CommandMeta) {
        self.u128(command.id);
        self.u8(match command.origin {
            Origin::Edge => 0,
            Origin::Keyed => 1,
            Origin::Policy => 2,
            Origin::Ask => 3,
        });
        self.u64(command.fingerprint);
        self.u64(command.causation);
        self.text(&command.correlation);
    }

    fn facts(&mut self, facts: &Facts) {
        self.stream(facts.stream);
        self.u64(facts.first_version);
        self.u64(facts.public_before);
        self.u64(facts.time_ms);
        self.command(&facts.command);
        self.u8(u8::from(facts.open));
        self.u16(u16::try_from(facts.events.len()).unwrap_or(u16::MAX));
        for event in &facts.events {
            self.message(event.name(), event.schema(), event.payload());
        }
    }

    fn refusal(&mut self, refusal: Option<&Refusal>) {
        match refusal {
            None => self.u8(0),
            Some(refusal) => {
                self.u8(1);
                self.payload(BINCODE_2, refusal);
            }
        }
    }

    fn intent(&mut self, intent: &Intent) {
        self.u128(intent.id);
        self.stream(intent.asker);
        self.stream(intent.to);
        self.message(intent.command.name(), intent.command.schema(), intent.command.payload());
        self.u64(u64::try_from(intent.timeout.as_millis()).unwrap_or(u64::MAX));
        match &intent.undo {
            None => self.u8(0),
            Some(undo) => {
                self.u8(1);
                self.message(undo.name(), undo.schema(), undo.payload());
            }
        }
        self.command(&intent.opened_by);
        self.u64(intent.opened_ms);
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], CodecError> {
        let (head, tail) = self.0.split_at_checked(len).ok_or(CodecError::Short)?;
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        self.take(N)?.try_into().map_err(|_| CodecError::Short)
    }

    fn u8(&mut self) -> Result<u8, CodecError> {
        Ok(self.array::<1>()?[0])
    }
    fn u16(&mut self) -> Result<u16, CodecError> {
        Ok(u16::from_le_bytes(self.array()?))
    }
    fn u32(&mut self) -> Result<u32, CodecError> {
        Ok(u32::from_le_bytes(self.array()?))
    }
    fn u64(&mut self) -> Result<u64, CodecError> {
        Ok(u64::from_le_bytes(self.array()?))
    }
    fn u128(&mut self) -> Result<u128, CodecError> {
        Ok(u128::from_le_bytes(self.array()?))
    }

    fn text(&mut self) -> Result<&'a str, CodecError> {
        let len = usize::from(self.u8()?);
        std::str::from_utf8(self.take(len)?).map_err(|_| CodecError::Text)
    }

    fn bytes(&mut self) -> Result<&'a [u8], CodecError> {
        let len = self.u32()? as usize;
        self.take(len)
    }

    fn stream(&mut self, catalogue: &Catalogue) -> Result<Stream, CodecError> {
        let path = self.text()?;
        let kind = catalogue.kind(path).ok_or_else(|| CodecError::UnknownKind(path.to_owned()))?;
        Ok(Stream::new(kind, self.u64()?))
    }

    fn payload(&mut self) -> Result<(u8, &'a [u8]), CodecError> {
        Ok((self.u8()?, self.bytes()?))
    }

    fn message(&mut self) -> Result<(&'a str, u16, &'a [u8]), CodecError> {
        let (name, schema) = (self.text()?, self.u16()?);
        let (codec, bytes) = self.payload()?;
        known_codec(codec)?;
        Ok((name, schema, bytes))
    }

    fn asked_command(&mut self, to: Stream, catalogue: &Catalogue) -> Result<Arc<dyn AnyCommand>, CodecError> {
        let (name, schema, bytes) = self.message()?;
        let path = to.kind.path();
        let spec = catalogue.aggregate(path).ok_or_else(|| CodecError::UnknownKind(path.to_owned()))?;
        decode_erased(name, bytes, |from| (spec.decode_command)(name, schema, from))
    }

    fn command(&mut self) -> Result<CommandMeta, CodecError> {
        Ok(CommandMeta {
            id: self.u128()?,
            origin: match self.u8()? {
                0 => Origin::Edge,
                1 => Origin::Keyed,
                2 => Origin::Policy,
                3 => Origin::Ask,
                tag => return Err(CodecError::UnknownTag { what: "origin", tag }),
            },
            fingerprint: self.u64()?,
            causation: self.u64()?,
            correlation: Arc::from(self.text()?),
        })
    }

    fn facts(&mut self, catalogue: &Catalogue) -> Result<Facts, CodecError> {
        let stream = self.stream(catalogue)?;
        let path = stream.kind.path();
        let spec = catalogue.aggregate(path).ok_or_else(|| CodecError::UnknownKind(path.to_owned()))?;
        let (first_version, public_before, time_ms) = (self.u64()?, self.u64()?, self.u64()?);
        let command = self.command()?;
        let open = self.u8()? == 1;
        let count = self.u16()?;
        let mut events: Vec<Arc<dyn AnyEvent>> = Vec::with_capacity(count.into());
        for _ in 0..count {
            let (name, schema, bytes) = self.message()?;
            events.push(decode_erased(name, bytes, |from| (spec.decode_event)(name, schema, from))?);
        }
        Ok(Facts { stream, first_version, public_before, time_ms, command, open, events })
    }

    fn refusal(&mut self) -> Result<Option<Refusal>, CodecError> {
        if self.u8()? == 0 {
            return Ok(None);
        }
        let (codec, bytes) = self.payload()?;
        let mut refusal: Refusal = decode_plain("refusal", codec, bytes)?;
        refusal.rule = Cow::Owned(refusal.rule.into_owned());
        Ok(Some(refusal))
    }

    fn intent(&mut self, catalogue: &Catalogue) -> Result<Intent, CodecError> {
        let id = self.u128()?;
        let asker = self.stream(catalogue)?;
        let to = self.stream(catalogue)?;
        let command = self.asked_command(to, catalogue)?;
        let timeout = Duration::from_millis(self.u64()?);
        let undo = match self.u8()? {
            0 => None,
            _ => Some(self.asked_command(to, catalogue)?),
        };
        Ok(Intent { id, asker, to, command, timeout, undo, opened_by: self.command()?, opened_ms: self.u64()? })
    }
}
