//! What values are looked up by, and what they are.

use std::sync::Arc;

use crate::domain::{Kind, Stream};
use crate::journal::codec;
use crate::journal::engine::Tree;
use crate::journal::record::{Answered, Intent, Note, Position, Row};

/// What a value is looked up by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A row.
    Row(Stream),
    /// The outcome of a command.
    Answer(u128),
    /// The open intent of an asker.
    Intent(Stream),
    /// A follower's position.
    Progress(Arc<str>),
    /// A fact a follower set aside.
    Parked(Arc<str>, Position),
}

impl Key {
    /// Returns the tree it lives in.
    #[must_use]
    pub const fn tree(&self) -> Tree {
        match self {
            Self::Row(_) => Tree::Rows,
            Self::Answer(_) => Tree::Answers,
            Self::Intent(_) => Tree::Intents,
            Self::Progress(_) | Self::Parked(..) => Tree::Followers,
        }
    }

    /// Returns the stored key; numbers big-endian, so that ids are in order.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Row(stream) | Self::Intent(stream) => stream_key(*stream),
            Self::Answer(command) => command.to_be_bytes().to_vec(),
            Self::Progress(follower) => [b"position\0", follower.as_bytes()].concat(),
            Self::Parked(follower, position) => {
                [b"parked\0", follower.as_bytes(), b"\0", &position.to_be_bytes()].concat()
            }
        }
    }
}

fn stream_key(stream: Stream) -> Vec<u8> {
    [stream.kind.path().as_bytes(), b"\0", &stream.id.to_be_bytes()].concat()
}

/// Returns the stored key of a block of ids.
#[must_use]
pub fn block_key(kind: Kind, index: u64) -> Vec<u8> {
    stream_key(Stream::new(kind, index))
}

/// Splits a stored key into kind and id, or the index of a block of ids.
#[must_use]
pub fn split_stream_key(key: &[u8]) -> Option<(&str, u64)> {
    let (rest, id) = key.split_last_chunk::<8>()?;
    let path = std::str::from_utf8(rest.strip_suffix(b"\0")?).ok()?;
    Some((path, u64::from_be_bytes(*id)))
}

/// A newest value and the position that wrote it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The position that wrote it.
    pub position: Position,
    /// The value; `None` removes it.
    pub value: Option<Value>,
}

/// A value of the overlay.
#[derive(Clone, Debug)]
pub enum Value {
    /// A row.
    Row(Arc<Row>),
    /// A remembered outcome.
    Answer(Arc<Answered>),
    /// An open intent.
    Intent(Arc<Intent>),
    /// A follower's position; its own position is what it holds.
    Progress,
    /// A parked fact.
    Note(Arc<Note>),
}

impl Entry {
    /// Encodes the value for the store.
    #[must_use]
    pub fn encoded(&self) -> Option<Vec<u8>> {
        self.value.as_ref().map(|value| match value {
            Value::Row(row) => codec::encode_row(row),
            Value::Answer(answered) => codec::encode_answered(answered),
            Value::Intent(intent) => codec::encode_intent(self.position, intent),
            Value::Progress => self.position.to_le_bytes().to_vec(),
            Value::Note(note) => codec::encode_note(self.position, note),
        })
    }
}
