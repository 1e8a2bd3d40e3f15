//! Fields on the wire, what they hold, and how JSON writes it.

pub mod camel_case;
pub mod form;
mod state;

use std::fmt::Write as _;

pub use form::FieldType;

/// A field on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// Whether bodies leave it out where it has no value.
    pub optional: bool,
    /// Whether lists can be asked for the items that have a value of it.
    pub indexed: bool,
}

impl Field {
    /// Declares a text field, `null` when missing.
    #[must_use]
    pub const fn text(name: &'static str) -> Self {
        Self::shaped(name, Shape::Text)
    }

    /// Declares a text field that bodies leave out where it has no value.
    #[must_use]
    pub const fn optional_text(name: &'static str) -> Self {
        Self::text(name).optional()
    }

    /// Declares a 32-bit number, 0 when missing.
    #[must_use]
    pub const fn int(name: &'static str) -> Self {
        Self::shaped(name, Shape::Int)
    }

    /// Declares a 64-bit number, `null` when missing.
    #[must_use]
    pub const fn long(name: &'static str) -> Self {
        Self::shaped(name, Shape::Long)
    }

    /// Declares a field of a type's shape.
    #[must_use]
    pub const fn of<T: FieldType>(name: &'static str) -> Self {
        Self::shaped(name, T::SHAPE)
    }

    const fn shaped(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, optional: false, indexed: false }
    }

    /// Lets items be found by it, where the operator has lists answer that (setting `edge.selections`).
    #[must_use]
    pub const fn indexed(mut self) -> Self {
        self.indexed = true;
        self
    }

    /// Has bodies leave it out where it has no value, instead of showing `null`.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }
}

/// What a field holds, and what its absence means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Text or `null`.
    Text,
    /// A 32-bit number; missing and `null` are 0.
    Int,
    /// A 64-bit number or `null`.
    Long,
}

/// A field's value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Nothing.
    Null,
    /// A number.
    Int(i64),
    /// Text.
    Text(String),
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Int(number.into())
    }
}

impl From<Option<u64>> for Value {
    fn from(id: Option<u64>) -> Self {
        id.map_or(Self::Null, |id| Self::Int(i64::try_from(id).unwrap_or(i64::MAX)))
    }
}

impl From<u64> for Value {
    fn from(id: u64) -> Self {
        Some(id).into()
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        number.map_or(Self::Null, Self::Int)
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

impl From<&Option<String>> for Value {
    fn from(text: &Option<String>) -> Self {
        text.clone().into()
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl Value {
    /// Appends it as JSON, escaped as the originals did: only what must be.
    pub fn push_json(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Int(number) => write!(out, "{number}").expect("writing to a string never fails"),
            Self::Text(text) => push_text(out, text),
        }
    }
}

/// Writes a JSON string with the escapes of the originals: only what must be escaped is.
fn push_text(out: &mut String, text: &str) {
    out.push('"');
    let mut written = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[written..at]);
        written = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            control => write!(out, "\\u{control:04X}").expect("writing to a string never fails"),
        }
    }
    out.push_str(&text[written..]);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_beyond_json_is_shown_as_the_greatest_number() {
        assert_eq!(Value::from(u64::MAX), Value::Int(i64::MAX));
        assert_eq!(Value::from(None::<u64>), Value::Null);
    }

    #[test]
    fn json_escapes_only_what_it_must() {
        let written = |value: Value| {
            let mut out = String::new();
            value.push_json(&mut out);
            out
        };
        assert_eq!(written(Value::Null), "null");
        assert_eq!(written((-7).into()), "-7");
        assert_eq!(written("배송/<\u{7f}> \"a\" \\ \n\u{1}".into()), "\"배송/<\u{7f}> \\\"a\\\" \\\\ \\n\\u0001\"");
    }
}
