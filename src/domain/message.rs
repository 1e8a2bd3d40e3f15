//! Commands and events: named, versioned, encodable by the shell without knowing their types.
//!
//! Each message is one frozen struct per (name, schema version). A changed shape is a new version, and the old
//! struct stays with a `From` into the new one: the stored bytes are never rewritten.

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

/// Declares a family of messages: an enum with one variant per frozen struct, its newest schema version, and the
/// older versions it can still read.
///
/// ```
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
/// struct SeatTakenV1 { seat: u32 }
/// #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
/// pub struct SeatTaken { seat: u32, row: u32 }
/// impl From<SeatTakenV1> for SeatTaken {
///     fn from(old: SeatTakenV1) -> Self { Self { seat: old.seat, row: 0 } }
/// }
///
/// resurgam::messages! {
///     /// What happens in a theatre.
///     pub enum TheatreEvent { SeatTaken = 2, reads 1 as SeatTakenV1 }
/// }
/// ```
#[macro_export]
macro_rules! messages {
    ($(#[$meta:meta])* $visibility:vis enum $family:ident {
        $($message:ident = $schema:literal $(, reads $old:literal as $shape:ty)*);+ $(;)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $visibility enum $family {
            $(
                #[doc = concat!("See [`", stringify!($message), "`].")]
                $message($message),
            )+
        }

        $(
            impl From<$message> for $family {
                fn from(message: $message) -> Self {
                    Self::$message(message)
                }
            }
        )+

        impl $crate::domain::Message for $family {
            fn name(&self) -> &'static str {
                match self {
                    $(Self::$message(_) => stringify!($message),)+
                }
            }

            fn schema(&self) -> u16 {
                match self {
                    $(Self::$message(_) => $schema,)+
                }
            }

            fn payload(&self) -> &dyn $crate::domain::message::erased_serde::Serialize {
                match self {
                    $(Self::$message(message) => message,)+
                }
            }

            fn decode(
                name: &str,
                schema: u16,
                from: &mut dyn $crate::domain::message::erased_serde::Deserializer<'_>,
            ) -> Result<Self, $crate::domain::DecodeError> {
                match (name, schema) {
                    $(
                        (stringify!($message), $schema) =>
                            Ok(Self::$message($crate::domain::message::read(name, from)?)),
                        $(
                            (stringify!($message), $old) => {
                                let old: $shape = $crate::domain::message::read(name, from)?;
                                Ok(Self::$message(old.into()))
                            }
                        )*
                    )+
                    (name, schema) => Err($crate::domain::DecodeError::unknown(name, schema)),
                }
            }

            fn known() -> &'static [(&'static str, u16)] {
                &[$((stringify!($message), $schema), $((stringify!($message), $old),)*)+]
            }
        }
    };
}
