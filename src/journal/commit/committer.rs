//! Group commit and the fence.
//!
//! Whatever arrived while the last group was syncing is the next group: one write, one sync. Then rows, answers and
//! intents enter the overlay, the durable position moves, and only then are barriers and replies released.
//! A killed committer loses nothing but what it had not handed over: its group in flight lies outside of it.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use foldhash::HashMap;
use tokio::sync::mpsc;

use super::request::{Append, Committed, Request};

use crate::domain::Stream;
use crate::journal::codec;
use crate::journal::core::Core;
use crate::journal::engine::Group;
use crate::journal::record::{Note, Position, Record, Row};
use crate::telemetry::metrics;

/// The most commands in a group.
pub const GROUP_COMMANDS_MAX: usize = 1_024;
/// The size at which a group is closed, in bytes.
pub const GROUP_BYTES_MAX: usize = 1024 * 1024;
/// A group handed to the writer; it outlives the committer that made it.
#[derive(Debug)]
pub(in crate::journal) struct InFlight {
    group: Group,
    members: Vec<Request>,
}

#[derive(Debug)]
struct Fence {
    generation: u64,
    version: u64,
}

impl Fence {
    fn of(member: &Request) -> Option<(Stream, Self)> {
        let Request::Append(Append { stream, generation, .. }) = member else { return None };
        // Older than the floor, so that nothing is compared with the version.
        Some((*stream, Self { generation: *generation, version: 0 }))
    }
}

/// One incarnation of the committer.
#[derive(Debug)]
pub(in crate::journal) struct Committer {
    core: Arc<Core>,
    fences: HashMap<Stream, Fence>,
    floor: u64,
    /// The newest generation that has left, its fence with it.
    left: u64,
}

impl Committer {
    /// Takes over after an older incarnation: finishes its group and fences every instance it knew.
    pub(in crate::journal) async fn take_over(core: Arc<Core>, floor: u64) -> Self {
        let mut committer = Self { core, fences: HashMap::default(), floor, left: 0 };
        committer.finish_in_flight().await;
        committer
    }

    /// Runs until the journal closes.
    pub(in crate::journal) async fn run(mut self) {
        let core = Arc::clone(&self.core);
        let mut inbox = core.inbox.lock().await;
        let mut gathered = Vec::new();
        loop {
            core.overlay.room().await;
            if core.is_sealed() {
                return;
            }
            if gathered.is_empty() && inbox.recv_many(&mut gathered, GROUP_COMMANDS_MAX).await == 0 {
                return;
            }
            top_up(&mut inbox, &mut gathered);
            let in_flight = self.gather(&mut gathered);
            let silent = in_flight.group.payload.is_empty();
            let group = in_flight.group.clone();
            *core.in_flight.lock() = Some(in_flight);
            if silent {
                self.publish(None);
            } else {
                self.write(group).await;
            }
        }
    }

    async fn write(&mut self, group: Group) {
        let started = self.core.clock.now();
        let bytes = group.payload.len();
        match self.core.engine.write(group).await {
            Ok(written) => {
                metrics::group_written(self.core.clock.now() - started, bytes);
                self.publish(Some(written.group));
            }
            Err(error) => {
                // The commands of this group are unknown: their ports drop with it.
                self.core.in_flight.lock().take();
                self.core.stop_writing(&error.to_string());
            }
        }
    }

    async fn finish_in_flight(&mut self) {
        // Whoever writes to one of its streams without having passed the barrier does not know of it, and where it has no
        // facts no version tells.
        match &*self.core.in_flight.lock() {
            Some(in_flight) => self.fences.extend(in_flight.members.iter().filter_map(Fence::of)),
            None => return,
        }
        match self.core.engine.last_written().await {
            Ok(written) if written.group > self.core.group.load(Ordering::Acquire) => {
                self.publish(Some(written.group));
            }
            Ok(_) => drop(self.core.in_flight.lock().take()),
            Err(error) => {
                self.core.in_flight.lock().take();
                self.core.stop_writing(&error.to_string());
            }
        }
    }

    /// Takes the next group's members out of `gathered`, in order, and lays their records out.
    fn gather(&mut self, gathered: &mut Vec<Request>) -> InFlight {
        let first_position = self.core.next_position();
        let (mut facts, mut payload) = (0, Vec::new());
        let mut members = Vec::with_capacity(gathered.len().min(GROUP_COMMANDS_MAX));
        let mut waiting = mem::take(gathered).into_iter();
        while members.len() < GROUP_COMMANDS_MAX && payload.len() < GROUP_BYTES_MAX {
            let Some(request) = waiting.next() else { break };
            let is_seal = matches!(request, Request::Note { note: Note::Seal, .. });
            // A seal is a group of its own, the last one.
            if is_seal && !members.is_empty() {
                gathered.push(request);
                break;
            }
            let accepted = match &request {
                Request::Append(append) => self.accept(append),
                Request::Barrier { stream, generation, .. } => self.raise(*stream, *generation),
                Request::Forget { stream, generation } => self.forget(*stream, *generation),
                Request::Note { .. } | Request::Flush { .. } => true,
            };
            if !accepted {
                continue;
            }
            facts += lay_out(&request, &mut payload);
            members.push(request);
            if is_seal {
                break;
            }
        }
        gathered.extend(waiting);
        let group = Group { first_position, facts, payload: payload.into() };
        InFlight { group, members }
    }

    /// The fence: one writer a stream, and never an older one.
    fn accept(&mut self, append: &Append) -> bool {
        let adds: u64 = append.records.iter().map(Record::positions).sum();
        // After a lost group nothing may follow: it was decided on what never became durable.
        if append.generation < self.floor || self.core.is_broken() {
            return false;
        }
        if !self.fences.contains_key(&append.stream) {
            // New. An incarnation that was superseded by one that has left is older than that one.
            if append.generation <= self.left {
                metrics::append_fenced();
                return false;
            }
            let Some(version) = self.version_of(append.stream) else { return false };
            self.fences.insert(append.stream, Fence { generation: append.generation, version });
        }
        let Some(fence) = self.fences.get_mut(&append.stream) else { return false };
        if append.generation != fence.generation || append.expects != fence.version {
            metrics::append_fenced();
            return false;
        }
        fence.version += adds;
        true
    }

    /// Returns the version a stream has; `None` when it cannot be told.
    fn version_of(&self, stream: Stream) -> Option<u64> {
        // Most streams that are new here are new to the store too.
        if !self.core.ids.knows(stream.kind, stream.id) {
            return Some(0);
        }
        self.core.row(stream).ok().map(|row| row.map_or(0, |row| row.version))
    }

    fn raise(&mut self, stream: Stream, generation: u64) -> bool {
        let current = self.fences.get(&stream).map_or(0, |fence| fence.generation).max(self.floor);
        if generation < current {
            return false;
        }
        self.fences.insert(stream, Fence { generation, version: 0 });
        true
    }

    fn forget(&mut self, stream: Stream, generation: u64) -> bool {
        if self.fences.get(&stream).is_some_and(|fence| fence.generation == generation) {
            self.fences.remove(&stream);
            self.left = self.left.max(generation);
        }
        false
    }

    /// Makes the group in flight visible, then releases who waits for it.
    fn publish(&mut self, group: Option<u64>) {
        let mut slot = self.core.in_flight.lock();
        let Some(in_flight) = slot.as_ref() else { return };
        // Taken out only when visible, so that a successor can make it visible again; all of it is idempotent.
        let mut position = in_flight.group.first_position;
        let mut rows = Vec::with_capacity(in_flight.members.len());
        for member in &in_flight.members {
            let (next, row) = self.core.absorb_member(member, position);
            rows.push(row);
            position = next;
        }
        if let Some(group) = group {
            self.core.overlay.mark(group);
        }
        self.core.advance(position);
        // Last: a successor takes the group up again as long as this has not moved.
        if let Some(group) = group {
            self.core.group.store(group, Ordering::Release);
        }
        let members = slot.take().map(|in_flight| in_flight.members).unwrap_or_default();
        drop(slot);
        self.core.published.fetch_add(1, Ordering::Release);
        for (member, row) in members.into_iter().zip(rows) {
            self.release(member, row, position - 1);
        }
    }

    fn release(&mut self, member: Request, row: Option<Arc<Row>>, position: Position) {
        match member {
            Request::Append(append) => {
                // Its own row, not a later command's of the same group.
                let row = row.or_else(|| self.core.row(append.stream).ok().flatten());
                (append.release)(Committed { row, position });
            }
            Request::Barrier { stream, generation, reply } => {
                let Ok(recovered) = self.core.recovered(stream) else { return };
                let version = recovered.row.as_ref().map_or(0, |row| row.version);
                if let Some(fence) = self.fences.get_mut(&stream).filter(|fence| fence.generation == generation) {
                    fence.version = version;
                }
                // A receiver that is gone was killed meanwhile; its successor asks again.
                let _ = reply.send(recovered);
            }
            Request::Forget { .. } => {}
            Request::Flush { reply } => {
                let _ = reply.send(());
            }
            Request::Note { note, reply } => {
                if note == Note::Seal {
                    self.core.seal();
                }
                let _ = reply.send(position);
            }
        }
    }
}

fn top_up(inbox: &mut mpsc::Receiver<Request>, gathered: &mut Vec<Request>) {
    while gathered.len() < GROUP_COMMANDS_MAX {
        let Ok(request) = inbox.try_recv() else { return };
        gathered.push(request);
    }
}

/// Lays a request's records out; returns how many positions they take.
fn lay_out(request: &Request, payload: &mut Vec<u8>) -> u32 {
    match request {
        Request::Append(append) => append.records.iter().fold(0, |facts, record| {
            codec::encode_record(record, payload);
            facts + u32::try_from(record.positions()).unwrap_or(u32::MAX)
        }),
        Request::Note { note, .. } => {
            codec::encode_record(&Record::Note(note.clone()), payload);
            0
        }
        Request::Barrier { .. } | Request::Forget { .. } | Request::Flush { .. } => 0,
    }
}
