//! Commands and events: named, versioned, encodable by the shell without knowing their types.
//!
//! Each message is one frozen struct per (name, schema version). A changed shape is a new version, and the old
//! struct stays with a `From` into the new one: the stored bytes are never rewritten.

mod family;

use std::any::Any;
use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

// The macro's expansion must find it in a crate that does not depend on it.
#[doc(hidden)]
pub use erased_serde;

/// A family of messages (an enum of frozen structs); made by [`messages!`](crate::messages).
pub trait Message: Clone + Debug + PartialEq + Send + Sync + 'static {
    /// Returns the name stored and shown: the struct's own.
    fn name(&self) -> &'static str;

    /// Returns the schema version this value is encoded with.
    fn schema(&self) -> u16;

    /// Returns what is encoded.
    fn payload(&self) -> &dyn erased_serde::Serialize;

    /// Reads a stored message back, taking old versions up to the newest.
    ///
    /// # Errors
    ///
    /// Fails when the name or version is unknown, or the bytes do not fit.
    fn decode(name: &str, schema: u16, from: &mut dyn erased_serde::Deserializer<'_>) -> Result<Self, DecodeError>;

    /// Lists every (name, schema version) this build can read.
    fn known() -> &'static [(&'static str, u16)];
}

/// What happened to an aggregate.
pub trait Event: Message {
    /// Names the facts that are stored and followed but never shown to clients.
    const INTERNAL: &'static [&'static str] = &[];
}

/// What an aggregate may be told to do.
pub trait Command: Message {}

/// A family that may hold this message.
pub trait Tells<M>: Message {
    /// Returns the message when it is this one.
    fn told(&self) -> Option<&M>;
}

/// An event whose type the shell does not know.
pub trait AnyEvent: Any + Debug + Send + Sync {
    /// See [`Message::name`].
    fn name(&self) -> &'static str;
    /// See [`Message::schema`].
    fn schema(&self) -> u16;
    /// Tells whether clients may see it.
    fn is_public(&self) -> bool;
    /// See [`Message::payload`].
    fn payload(&self) -> &dyn erased_serde::Serialize;
    /// Gives the typed event back to code that knows it.
    fn as_any(&self) -> &dyn Any;
}

impl<E: Event> AnyEvent for E {
    fn name(&self) -> &'static str {
        Message::name(self)
    }
    fn schema(&self) -> u16 {
        Message::schema(self)
    }
    fn is_public(&self) -> bool {
        !E::INTERNAL.contains(&Message::name(self))
    }
    fn payload(&self) -> &dyn erased_serde::Serialize {
        Message::payload(self)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A command whose type the shell does not know.
pub trait AnyCommand: Any + Debug + Send + Sync {
    /// See [`Message::name`].
    fn name(&self) -> &'static str;
    /// See [`Message::schema`].
    fn schema(&self) -> u16;
    /// See [`Message::payload`].
    fn payload(&self) -> &dyn erased_serde::Serialize;
    /// Gives the typed command back to code that knows it.
    fn as_any(&self) -> &dyn Any;
}

impl<C: Command> AnyCommand for C {
    fn name(&self) -> &'static str {
        Message::name(self)
    }
    fn schema(&self) -> u16 {
        Message::schema(self)
    }
    fn payload(&self) -> &dyn erased_serde::Serialize {
        Message::payload(self)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Why stored bytes could not become a message or a state.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// This build does not know the type.
    #[error("unknown stored type {name} version {schema}: it was written by a newer build, run that one")]
    UnknownType {
        /// The stored name.
        name: String,
        /// The stored schema version.
        schema: u16,
    },
    /// The bytes do not fit the type.
    #[error("stored {name} does not decode: {reason}")]
    Malformed {
        /// The stored name.
        name: String,
        /// What the codec said.
        reason: String,
    },
}

impl DecodeError {
    /// Makes the error for a type this build does not know.
    #[must_use]
    pub fn unknown(name: &str, schema: u16) -> Self {
        Self::UnknownType { name: name.to_owned(), schema }
    }
}

/// Reads one frozen struct; used by [`messages!`](crate::messages).
///
/// # Errors
///
/// Fails when the bytes do not fit.
pub fn read<T: DeserializeOwned>(name: &str, from: &mut dyn erased_serde::Deserializer<'_>) -> Result<T, DecodeError> {
    erased_serde::deserialize(from)
        .map_err(|error| DecodeError::Malformed { name: name.to_owned(), reason: error.to_string() })
}

/// Serves as the bound of every stored struct.
pub trait Stored: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {}
impl<T: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static> Stored for T {}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct SeatTakenV1 {
        seat: u32,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct SeatTakenV2 {
        seat: u32,
        row: u32,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct SeatTaken {
        seat: u32,
        row: u32,
        guest: Option<String>,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct LightsOut {}

    impl From<SeatTakenV1> for SeatTaken {
        fn from(old: SeatTakenV1) -> Self {
            Self { seat: old.seat, row: 1, guest: None }
        }
    }

    impl From<SeatTakenV2> for SeatTaken {
        fn from(old: SeatTakenV2) -> Self {
            Self { seat: old.seat, row: old.row, guest: None }
        }
    }

    crate::messages! {
        enum TheatreEvent { SeatTaken = 3, reads 1 as SeatTakenV1, reads 2 as SeatTakenV2; LightsOut = 1 }
    }

    impl Event for TheatreEvent {
        const INTERNAL: &'static [&'static str] = &["LightsOut"];
    }

    fn decode(name: &str, schema: u16, stored: &Value) -> Result<TheatreEvent, DecodeError> {
        TheatreEvent::decode(name, schema, &mut <dyn erased_serde::Deserializer<'_>>::erase(stored))
    }

    fn taken(row: u32, guest: Option<&str>) -> TheatreEvent {
        SeatTaken { seat: 7, row, guest: guest.map(str::to_owned) }.into()
    }

    #[test]
    fn an_old_version_is_read_as_the_newest() {
        assert_eq!(decode("SeatTaken", 1, &json!({"seat": 7})), Ok(taken(1, None)));
        assert_eq!(decode("SeatTaken", 2, &json!({"seat": 7, "row": 4})), Ok(taken(4, None)));
        let newest = json!({"seat": 7, "row": 4, "guest": "Ada"});
        assert_eq!(decode("SeatTaken", 3, &newest), Ok(taken(4, Some("Ada"))));
    }

    #[test]
    fn what_was_read_from_an_old_version_is_written_in_the_newest() {
        let read = decode("SeatTaken", 1, &json!({"seat": 7})).expect("the old version");
        assert_eq!((Message::name(&read), Message::schema(&read)), ("SeatTaken", 3));
        let written = serde_json::to_value(Message::payload(&read)).expect("a value");
        assert_eq!(written, json!({"seat": 7, "row": 1, "guest": null}));
        assert_eq!(decode("SeatTaken", 3, &written), Ok(read));
    }

    #[test]
    fn an_old_shape_is_not_mistaken_for_a_new_one() {
        let error = decode("SeatTaken", 2, &json!({"seat": 7})).expect_err("row is missing");
        assert!(matches!(&error, DecodeError::Malformed { name, .. } if name == "SeatTaken"), "{error}");
    }

    #[test]
    fn an_unknown_name_or_version_is_an_error_that_names_it() {
        for (name, schema) in [("SeatTaken", 4), ("SeatTaken", 0), ("LightsOut", 2), ("seatTaken", 1)] {
            assert_eq!(decode(name, schema, &json!({})), Err(DecodeError::unknown(name, schema)));
        }
        assert_eq!(
            DecodeError::unknown("SeatTaken", 4).to_string(),
            "unknown stored type SeatTaken version 4: it was written by a newer build, run that one"
        );
    }

    #[test]
    fn everything_that_can_be_read_is_listed() {
        assert_eq!(TheatreEvent::known(), [("SeatTaken", 3), ("SeatTaken", 1), ("SeatTaken", 2), ("LightsOut", 1)]);
    }

    #[test]
    fn an_internal_event_is_not_public() {
        assert!(taken(1, None).is_public());
        assert!(!TheatreEvent::from(LightsOut {}).is_public());
    }
}
