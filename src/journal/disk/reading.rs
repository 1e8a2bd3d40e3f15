//! The lane that reads the log for followers that fell behind, for history and for stories: a piece at a time.

use actix::{Actor, Handler, Message, SyncContext};

use super::lanes::{Port, answer};
use super::log::{Frame, LogReader};
use crate::journal::engine::{EngineError, From, Keyed, ReadGroup};
use crate::journal::record::Position;

#[derive(Debug)]
pub(super) struct ReaderLane {
    pub(super) reader: LogReader,
}

impl Actor for ReaderLane {
    type Context = SyncContext<Self>;
}

type Reading<T> = dyn FnOnce(&LogReader) -> Result<T, EngineError> + Send;

/// Something to read, and where the answer goes.
pub(super) struct Read<T> {
    pub(super) read: Box<Reading<T>>,
    pub(super) port: Port<T>,
}

impl<T: Send> Message for Read<T> {
    type Result = ();
}

impl<T: Send + 'static> Handler<Read<T>> for ReaderLane {
    type Result = ();

    fn handle(&mut self, message: Read<T>, _: &mut SyncContext<Self>) {
        answer("reader", message.port, || (message.read)(&self.reader));
    }
}

pub(super) fn groups_from(reader: &LogReader, from: From, bytes_max: usize) -> Result<Vec<ReadGroup>, EngineError> {
    let frames = match from {
        From::Group(group) => reader.frames_from_group(group),
        From::Position(position) => reader.frames_from_position(position),
    };
    let (mut groups, mut bytes) = (Vec::new(), 0);
    for frame in frames {
        let frame = frame.map_err(|error| EngineError::Damaged(error.to_string()))?;
        bytes += frame.payload.len();
        groups.push(group_of(frame));
        if bytes >= bytes_max {
            break;
        }
    }
    Ok(groups)
}

pub(super) fn groups_with_key(
    reader: &LogReader,
    key: u64,
    from: Position,
    bytes_max: usize,
) -> Result<Keyed, EngineError> {
    let found = reader.frames_with_key(key, from, bytes_max);
    let found = found.map_err(|error| EngineError::Damaged(error.to_string()))?;
    Ok(Keyed { groups: found.frames.into_iter().map(group_of).collect(), next: found.next_position })
}

fn group_of(frame: Frame) -> ReadGroup {
    ReadGroup { number: frame.header.group(), first_position: frame.header.first_position(), payload: frame.payload }
}
