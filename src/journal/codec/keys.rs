//! The keys a group is found by: of each stream and each story that has facts in it, read from the envelopes alone.
//!
//! Keys stand in files, so they never change: another hash is another format of the index. Two may be equal by chance;
//! whoever reads by key looks at what he found.

use super::envelope::{Reader, TRACED};
use super::payload::CodecError;
use crate::domain::{Catalogue, Stream};
use crate::journal::record::Facts;

/// What tells the keys of streams and stories apart.
const STREAM: u8 = 1;
const STORY: u8 = 2;

/// Returns the key of a stream.
#[must_use]
pub fn stream_key(stream: Stream) -> u64 {
    key_of_stream(stream.kind.path(), stream.id)
}

/// Returns the key of a story, by its correlation id.
#[must_use]
pub fn story_key(correlation: &str) -> u64 {
    fnv_1a(&[&[STORY], correlation.as_bytes()])
}

/// Returns the keys of a group, each once; `None` when an envelope cannot be read, so that it may hold anything.
#[must_use]
pub fn keys_of(payload: &[u8]) -> Option<Vec<u64>> {
    let mut keys = Vec::new();
    let mut reader = Reader(payload);
    while !reader.0.is_empty() {
        let facts = reader.envelope().ok()?;
        keys.extend(facts.iter().flat_map(|facts| [facts.stream, facts.story]));
    }
    keys.sort_unstable();
    keys.dedup();
    Some(keys)
}

/// Reads the facts under a key, each with how many positions of the group come before it.
///
/// # Errors
///
/// Fails on an envelope this build cannot read, and on facts under the key that do not decode.
pub fn decode_keyed(payload: &[u8], key: u64, catalogue: &Catalogue) -> Result<Vec<(u64, Facts)>, CodecError> {
    let mut found = Vec::new();
    let mut reader = Reader(payload);
    let mut before = 0;
    while !reader.0.is_empty() {
        let record = reader.0;
        let Some(facts) = reader.envelope()? else { continue };
        if facts.stream == key || facts.story == key {
            // After the tag.
            found.push((before, Reader(&record[1..]).facts(catalogue)?));
        }
        before += u64::from(facts.count);
    }
    Ok(found)
}

/// What the envelope of facts says without their payloads.
struct FactsEnvelope {
    stream: u64,
    story: u64,
    count: u16,
}

impl Reader<'_> {
    /// Reads over one record.
    fn envelope(&mut self) -> Result<Option<FactsEnvelope>, CodecError> {
        let mut facts = None;
        match self.u8()? {
            1 => facts = Some(self.facts_envelope()?),
            2 => {
                self.stream_of_any_kind()?;
                self.story_of_command()?;
                self.u64()?;
                if self.u8()? != 0 {
                    self.payload()?;
                }
            }
            3 => self.pass_intent()?,
            4 => {
                self.stream_of_any_kind()?;
                self.take(16 + 16 + 1)?;
            }
            5 => {
                self.payload()?;
            }
            tag => return Err(CodecError::UnknownTag { what: "record", tag }),
        }
        Ok(facts)
    }

    fn facts_envelope(&mut self) -> Result<FactsEnvelope, CodecError> {
        let stream = self.stream_of_any_kind()?;
        self.take(8 + 8 + 8)?;
        let story = self.story_of_command()?;
        self.u8()?;
        let count = self.u16()?;
        for _ in 0..count {
            self.message()?;
        }
        Ok(FactsEnvelope { stream, story, count })
    }

    fn pass_intent(&mut self) -> Result<(), CodecError> {
        self.u128()?;
        self.stream_of_any_kind()?;
        self.stream_of_any_kind()?;
        self.message()?;
        self.u64()?;
        if self.u8()? != 0 {
            self.message()?;
        }
        self.story_of_command()?;
        self.u64()?;
        Ok(())
    }

    /// The key of a stream whose kind this build need not know.
    fn stream_of_any_kind(&mut self) -> Result<u64, CodecError> {
        let path = self.text()?;
        Ok(key_of_stream(path, self.u64()?))
    }

    fn story_of_command(&mut self) -> Result<u64, CodecError> {
        self.take(16)?;
        let tag = self.u8()?;
        self.take(8 + 8)?;
        let story = story_key(self.text()?);
        if tag & TRACED != 0 {
            self.take(16 + 8)?;
        }
        Ok(story)
    }
}

fn key_of_stream(path: &str, id: u64) -> u64 {
    fnv_1a(&[&[STREAM], path.as_bytes(), &id.to_le_bytes()])
}

/// FNV-1a, 64 bits.
fn fnv_1a(parts: &[&[u8]]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.iter());
    bytes.fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(fnv_1a(&[]), 0xCBF2_9CE4_8422_2325);
        assert_eq!(fnv_1a(&[b"a"]), 0xAF63_DC4C_8601_EC8C);
        assert_eq!(fnv_1a(&[b"foo", b"bar"]), 0x8594_4171_F739_67E8);
    }
}
