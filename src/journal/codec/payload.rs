//! bincode: one configuration, with a limit, and nothing left over.

use std::sync::Arc;

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use thiserror::Error;

use crate::domain::DecodeError;

/// The most memory a decoded payload may claim, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 4 * 1024 * 1024;

const CONFIG: Configuration<LittleEndian, Varint, Limit<PAYLOAD_BYTES_MAX>> = bincode::config::standard().with_limit();
pub(super) const BINCODE_2: u8 = 1;

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

/// Appends an encoded value.
pub(super) fn encode_into<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    bincode::serde::encode_into_std_write(value, out, CONFIG).expect("a frozen struct of plain fields encodes");
}

pub(super) fn decode_plain<T: serde::de::DeserializeOwned>(
    name: &str,
    codec: u8,
    bytes: &[u8],
) -> Result<T, CodecError> {
    known_codec(codec)?;
    match bincode::serde::decode_from_slice::<T, _>(bytes, CONFIG) {
        Ok((value, used)) if used == bytes.len() => Ok(value),
        Ok(_) => Err(malformed(name, "bytes are left over")),
        Err(error) => Err(malformed(name, &error.to_string())),
    }
}

pub(super) fn decode_erased<T: ?Sized>(
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

pub(super) fn known_codec(codec: u8) -> Result<(), CodecError> {
    if codec == BINCODE_2 { Ok(()) } else { Err(CodecError::UnknownTag { what: "codec", tag: codec }) }
}
