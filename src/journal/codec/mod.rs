//! The stored form of everything: hand-laid envelopes, bincode payloads inside. The only user of bincode.
//!
//! An envelope names type and schema version, so that each payload can be read by the struct that wrote it. The
//! frame around a group carries the checksum of all of it.

mod payload;
mod envelope;
mod records;
mod keys;
mod values;

pub use keys::{decode_keyed, keys_of, story_key, stream_key};
pub use payload::{CodecError, PAYLOAD_BYTES_MAX};
pub use records::{decode_records, encode_record, ends_with_seal};
pub use values::{
    decode_answered, decode_intent, decode_note, decode_row, encode_answered, encode_intent, encode_note, encode_row,
    is_expired, position_of, stored_bytes,
};

/// The longest correlation id that is stored, in bytes.
pub const CORRELATION_BYTES_MAX: usize = 128;
