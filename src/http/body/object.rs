//! How the bytes of a request become fields: JSON, read as forgivingly as the original services did.
//!
//! Refuses what means nothing and what would lose something (9.7 for a whole number, a second value after the
//! first), and says where. Never panics, whatever the bytes are.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::domain::{Body, Field};

use super::coerce::{coerce, coerce_whole};

/// A body that was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Its fields, those that are known.
    pub body: Body,
    /// The id it names, which is no field.
    pub id: Option<u64>,
}

/// Why a body could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadBody {
    /// There is nothing in it.
    #[error("the body is empty, expected a json {0}")]
    Empty(&'static str),
    /// It is not text.
    #[error("the body is not utf-8 from byte {0} on")]
    NotUtf8(usize),
    /// It nests without end.
    #[error("the body nests deeper than {DEPTH_MAX} levels")]
    TooDeep,
    /// It is JSON of another kind.
    #[error("the body is {found}, expected a json {expected}")]
    OtherKind {
        /// What it is.
        found: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// It is no JSON.
    #[error("the body is malformed at line {line}, column {column}: {reason}")]
    Malformed {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What was expected there, or what was found.
        reason: String,
    },
    /// A field cannot hold what was sent.
    #[error("field {field}: expected {expected}, found {found}")]
    Field {
        /// The field.
        field: &'static str,
        /// What it can hold.
        expected: &'static str,
        /// What was sent, shortened.
        found: String,
    },
}

/// How deep arrays and objects may nest.
pub const DEPTH_MAX: usize = 128;
const OBJECT: &str = "object";

/// Reads a JSON object; unknown members are ignored, of a repeated one the last counts.
///
/// # Errors
///
/// Fails when it is no single JSON object, or a field cannot hold what was sent.
pub fn read(bytes: &[u8], fields: &'static [Field]) -> Result<Sent, BadBody> {
    let text = json_text(bytes, OBJECT, b'{')?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let members = Members { fields }.deserialize(&mut reader).map_err(|error| BadBody::malformed(&error))?;
    reader.end().map_err(|error| BadBody::malformed(&error))?;
    let mut body = Body::default();
    for (field, token) in fields.iter().zip(members.tokens) {
        if let Some(token) = token {
            body.set(field.name, coerce(field, token.get())?);
        }
    }
    Ok(Sent { body, id: members.id.and_then(|token| id_of(token.get())) })
}

/// Digests what was asked, to tell a resend from another request under the same key; the same in every build.
#[must_use]
pub fn fingerprint(method: &str, path: &str, body: &[u8]) -> u64 {
    // FNV-1a: std's hasher may change with the toolchain.
    let bytes = method.bytes().chain([0]).chain(path.bytes()).chain([0]).chain(body.iter().copied());
    bytes.fold(0xcbf2_9ce4_8422_2325, |digest, byte| (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl BadBody {
    pub(super) fn malformed(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let said = error.to_string();
        let reason = said.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&said);
        Self::Malformed { line, column, reason: reason.to_owned() }
    }
}

/// Returns the text of a JSON value of one kind; only its first byte is judged.
pub(super) fn json_text<'a>(bytes: &'a [u8], expected: &'static str, opening: u8) -> Result<&'a str, BadBody> {
    let text = str::from_utf8(bytes).map_err(|error| BadBody::NotUtf8(error.valid_up_to()))?;
    // Some clients on Windows send the mark; JSON does not know it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.bytes().find(|byte| !b" \t\r\n".contains(byte));
    let found = match first.ok_or(BadBody::Empty(expected))? {
        byte if byte == opening => None,
        b'{' => Some("an object"),
        b'[' => Some("an array"),
        b'"' => Some("a string"),
        b'0'..=b'9' | b'-' => Some("a number"),
        b't' | b'f' => Some("a boolean"),
        b'n' => Some("null"),
        // The parser knows better what is wrong with it.
        _ => None,
    };
    match found {
        Some(found) => Err(BadBody::OtherKind { found, expected }),
        None if nests_too_deep(text) => Err(BadBody::TooDeep),
        None => Ok(text),
    }
}

/// Tells whether brackets outside strings nest beyond the limit; the parser skips unknown members at any depth.
fn nests_too_deep(text: &str) -> bool {
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_string,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return true;
        }
    }
    false
}

fn id_of(token: &str) -> Option<u64> {
    let id = coerce_whole(token).ok()?;
    u64::try_from(id?).ok()
}

/// Reads an object's members without looking into them.
struct Members {
    fields: &'static [Field],
}

/// What was sent, field by field.
struct Tokens<'de> {
    tokens: Vec<Option<&'de RawValue>>,
    id: Option<&'de RawValue>,
}

impl<'de> DeserializeSeed<'de> for Members {
    type Value = Tokens<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Tokens<'de>, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members {
    type Value = Tokens<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a json object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Tokens<'de>, M::Error> {
        let mut sent = Tokens { tokens: vec![None; self.fields.len()], id: None };
        while let Some(name) = members.next_key_seed(Name { fields: self.fields })? {
            match name {
                Known::Field(place) => sent.tokens[place] = Some(members.next_value()?),
                Known::Id => sent.id = Some(members.next_value()?),
                Known::Not => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(sent)
    }
}

struct Name {
    fields: &'static [Field],
}

enum Known {
    Field(usize),
    Id,
    Not,
}

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Known;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Known, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Known;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Known, E> {
        Ok(match self.fields.iter().position(|field| field.name == name) {
            Some(place) => Known::Field(place),
            None if name == "id" => Known::Id,
            None => Known::Not,
        })
    }
}
