//! The hand-laid part: fixed widths, little-endian, texts and payloads with their length in front.

use std::borrow::Cow;
use std::num::{NonZeroU64, NonZeroU128};
use std::sync::Arc;
use std::time::Duration;

use super::payload::{BINCODE_2, CodecError, decode_erased, decode_plain, encode_into, known_codec};
use crate::domain::{AnyCommand, AnyEvent, Catalogue, Refusal, Stream, TraceContext};
use crate::journal::record::{CommandMeta, Facts, Intent, Origin};

/// Beside a command's origin: its place in a trace stands behind its correlation id.
pub(super) const TRACED: u8 = 0x80;

/// Writes an envelope.
pub(super) struct Writer<'a>(pub(super) &'a mut Vec<u8>);

impl Writer<'_> {
    pub(super) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }
    pub(super) fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }
    pub(super) fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }
    pub(super) fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }
    pub(super) fn u128(&mut self, value: u128) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn text(&mut self, text: &str) {
        let bytes = &text.as_bytes()[..text.floor_char_boundary(usize::from(u8::MAX))];
        self.u8(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn stream(&mut self, stream: Stream) {
        self.text(stream.kind.path());
        self.u64(stream.id);
    }

    pub(super) fn payload<T: serde::Serialize + ?Sized>(&mut self, codec: u8, value: &T) {
        self.u8(codec);
        let at = self.0.len();
        self.u32(0);
        encode_into(value, self.0);
        let len = u32::try_from(self.0.len() - at - 4).unwrap_or(u32::MAX);
        self.0[at..at + 4].copy_from_slice(&len.to_le_bytes());
    }

    pub(super) fn message(&mut self, name: &str, schema: u16, payload: &dyn erased_serde::Serialize) {
        self.text(name);
        self.u16(schema);
        self.payload(BINCODE_2, payload);
    }

    pub(super) fn command(&mut self, command: &CommandMeta) {
        self.u128(command.id);
        let origin = match command.origin {
            Origin::Edge => 0,
            Origin::Keyed => 1,
            Origin::Policy => 2,
            Origin::Ask => 3,
        };
        self.u8(if command.trace.is_some() { origin | TRACED } else { origin });
        self.u64(command.fingerprint);
        self.u64(command.causation);
        self.text(&command.correlation);
        if let Some(trace) = command.trace {
            self.u128(trace.trace_id.get());
            self.u64(trace.span_id.get());
        }
    }

    pub(super) fn facts(&mut self, facts: &Facts) {
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

    pub(super) fn refusal(&mut self, refusal: Option<&Refusal>) {
        match refusal {
            None => self.u8(0),
            Some(refusal) => {
                self.u8(1);
                self.payload(BINCODE_2, refusal);
            }
        }
    }

    pub(super) fn intent(&mut self, intent: &Intent) {
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

/// Reads an envelope; what is left is in front.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], CodecError> {
        let (head, tail) = self.0.split_at_checked(len).ok_or(CodecError::Short)?;
        self.0 = tail;
        Ok(head)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        self.take(N)?.try_into().map_err(|_| CodecError::Short)
    }

    pub(super) fn u8(&mut self) -> Result<u8, CodecError> {
        Ok(self.array::<1>()?[0])
    }
    pub(super) fn u16(&mut self) -> Result<u16, CodecError> {
        Ok(u16::from_le_bytes(self.array()?))
    }
    pub(super) fn u32(&mut self) -> Result<u32, CodecError> {
        Ok(u32::from_le_bytes(self.array()?))
    }
    pub(super) fn u64(&mut self) -> Result<u64, CodecError> {
        Ok(u64::from_le_bytes(self.array()?))
    }
    pub(super) fn u128(&mut self) -> Result<u128, CodecError> {
        Ok(u128::from_le_bytes(self.array()?))
    }

    pub(super) fn text(&mut self) -> Result<&'a str, CodecError> {
        let len = usize::from(self.u8()?);
        std::str::from_utf8(self.take(len)?).map_err(|_| CodecError::Text)
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], CodecError> {
        let len = self.u32()? as usize;
        self.take(len)
    }

    pub(super) fn stream(&mut self, catalogue: &Catalogue) -> Result<Stream, CodecError> {
        let path = self.text()?;
        let kind = catalogue.kind(path).ok_or_else(|| CodecError::UnknownKind(path.to_owned()))?;
        Ok(Stream::new(kind, self.u64()?))
    }

    pub(super) fn payload(&mut self) -> Result<(u8, &'a [u8]), CodecError> {
        Ok((self.u8()?, self.bytes()?))
    }

    pub(super) fn message(&mut self) -> Result<(&'a str, u16, &'a [u8]), CodecError> {
        let (name, schema) = (self.text()?, self.u16()?);
        let (codec, bytes) = self.payload()?;
        known_codec(codec)?;
        Ok((name, schema, bytes))
    }

    pub(super) fn asked_command(
        &mut self,
        to: Stream,
        catalogue: &Catalogue,
    ) -> Result<Arc<dyn AnyCommand>, CodecError> {
        let (name, schema, bytes) = self.message()?;
        let path = to.kind.path();
        let decode = catalogue.commands_of(path).ok_or_else(|| CodecError::UnknownKind(path.to_owned()))?;
        decode_erased(name, bytes, |from| decode(name, schema, from))
    }

    pub(super) fn command(&mut self) -> Result<CommandMeta, CodecError> {
        let (id, tag) = (self.u128()?, self.u8()?);
        let origin = match tag & !TRACED {
            0 => Origin::Edge,
            1 => Origin::Keyed,
            2 => Origin::Policy,
            3 => Origin::Ask,
            _ => return Err(CodecError::UnknownTag { what: "origin", tag }),
        };
        let (fingerprint, causation) = (self.u64()?, self.u64()?);
        let correlation = Arc::from(self.text()?);
        let trace = if tag & TRACED == 0 { None } else { Some(self.trace()?) };
        Ok(CommandMeta { id, origin, fingerprint, causation, correlation, trace })
    }

    fn trace(&mut self) -> Result<TraceContext, CodecError> {
        match (NonZeroU128::new(self.u128()?), NonZeroU64::new(self.u64()?)) {
            (Some(trace_id), Some(span_id)) => Ok(TraceContext { trace_id, span_id }),
            (Some(_) | None, _) => Err(CodecError::UnknownTag { what: "trace", tag: 0 }),
        }
    }

    pub(super) fn facts(&mut self, catalogue: &Catalogue) -> Result<Facts, CodecError> {
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

    pub(super) fn refusal(&mut self) -> Result<Option<Refusal>, CodecError> {
        if self.u8()? == 0 {
            return Ok(None);
        }
        let (codec, bytes) = self.payload()?;
        let mut refusal: Refusal = decode_plain("refusal", codec, bytes)?;
        refusal.rule = Cow::Owned(refusal.rule.into_owned());
        Ok(Some(refusal))
    }

    pub(super) fn intent(&mut self, catalogue: &Catalogue) -> Result<Intent, CodecError> {
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
