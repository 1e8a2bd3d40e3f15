//! JSON Patch (RFC 6902) on an item: operations on its fields, all of them or none.
//!
//! An item is flat, so a pointer names one field. Removing a field leaves its default, since items always show all.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::domain::{Body, Field, Value};

use super::coerce::{coerce, whole_number};
use super::object::{BadBody, json_text};

/// Why a patch was not applied; the number is the operation's place, from 0.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatchError {
    /// It is no list of operations.
    #[error(transparent)]
    Malformed(#[from] BadBody),
    /// An operation is not known, or lacks something.
    #[error("operation {0}: {1}")]
    BadOperation(usize, String),
    /// A pointer does not name a field.
    #[error("operation {0}: path {1:?} names no field")]
    BadPath(usize, String),
    /// A test did not hold.
    #[error("operation {0}: the value at {1:?} is another one")]
    TestFailed(usize, String),
    /// A field cannot hold the value.
    #[error("operation {0}: {1}")]
    BadValue(usize, BadBody),
}

/// Applies operations to an item's values and returns the fields that changed.
///
/// # Errors
///
/// Fails with the first operation that cannot be done; nothing is changed then.
pub fn patched(current: &[Value], fields: &'static [Field], operations: &[u8]) -> Result<Body, PatchError> {
    let text = json_text(operations, "array of operations", b'[')?;
    let operations: Vec<Operation<'_>> = serde_json::from_str(text).map_err(|error| BadBody::malformed(&error))?;
    let present = |at| current.get(at).cloned().unwrap_or(Value::Null);
    let mut item = Item { fields, values: (0..fields.len()).map(present).collect() };
    for (place, operation) in operations.iter().enumerate() {
        item.apply(place, operation)?;
    }
    let mut body = Body::default();
    for (at, (field, value)) in fields.iter().zip(item.values).enumerate() {
        if value != present(at) {
            body.set(field.name, value);
        }
    }
    Ok(body)
}

#[derive(Debug, Deserialize)]
struct Operation<'a> {
    #[serde(borrow)]
    op: Cow<'a, str>,
    #[serde(borrow)]
    path: Cow<'a, str>,
    #[serde(borrow, default)]
    from: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "sent")]
    value: Option<&'a RawValue>,
}

/// Keeps a `null` that was sent apart from nothing sent.
fn sent<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

struct Item {
    fields: &'static [Field],
    values: Vec<Value>,
}

impl Item {
    fn apply(&mut self, place: usize, operation: &Operation<'_>) -> Result<(), PatchError> {
        let path = operation.path.as_ref();
        let at = self.find(place, path)?;
        let value = || {
            let sent = operation.value.map(RawValue::get);
            sent.ok_or_else(|| lacking(place, operation, "value"))
        };
        let from = || operation.from.as_deref().ok_or_else(|| lacking(place, operation, "from"));
        match operation.op.as_ref() {
            "add" | "replace" => self.set(place, at, value()?),
            "remove" => self.set(place, at, "null"),
            "test" if is_equal(&self.values[at], value()?) => Ok(()),
            "test" => Err(PatchError::TestFailed(place, path.to_owned())),
            "copy" => self.copy(place, self.find(place, from()?)?, at),
            "move" => {
                let source = self.find(place, from()?)?;
                self.copy(place, source, at)?;
                if source == at { Ok(()) } else { self.set(place, source, "null") }
            }
            other => Err(PatchError::BadOperation(place, format!("op {other:?} is not known"))),
        }
    }

    /// Returns the place of the field that a pointer names.
    fn find(&self, place: usize, path: &str) -> Result<usize, PatchError> {
        let name = path.strip_prefix('/').map(|name| name.replace("~1", "/").replace("~0", "~"));
        let at = name.and_then(|name| self.fields.iter().position(|field| field.name == name));
        at.ok_or_else(|| PatchError::BadPath(place, path.to_owned()))
    }

    fn set(&mut self, place: usize, at: usize, token: &str) -> Result<(), PatchError> {
        let value = coerce(&self.fields[at], token);
        self.values[at] = value.map_err(|error| PatchError::BadValue(place, error))?;
        Ok(())
    }

    fn copy(&mut self, place: usize, source: usize, at: usize) -> Result<(), PatchError> {
        let token = match &self.values[source] {
            Value::Null => "null".to_owned(),
            Value::Int(number) => number.to_string(),
            Value::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
        };
        self.set(place, at, &token)
    }
}

fn lacking(place: usize, operation: &Operation<'_>, member: &str) -> PatchError {
    PatchError::BadOperation(place, format!("op {:?} needs a {member}", operation.op))
}

/// Compares as RFC 6902 says: numbers by what they are worth, and `"9"` is not 9.
fn is_equal(value: &Value, token: &str) -> bool {
    match value {
        Value::Null => token == "null",
        Value::Int(number) => whole_number(token) == Some(*number),
        Value::Text(text) => serde_json::from_str::<String>(token).is_ok_and(|sent| sent == *text),
    }
}
