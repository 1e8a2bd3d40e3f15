//! The fence: one writer a stream, and never an older one.

use std::sync::Arc;

use foldhash::HashMap;

use super::request::{Append, Request};
use crate::domain::Stream;
use crate::journal::core::Core;
use crate::journal::record::Record;
use crate::mutants::{self, Mutant};
use crate::telemetry::metrics;

/// Who may write to each stream that is being written to.
#[derive(Debug)]
pub(super) struct Fences {
    core: Arc<Core>,
    fences: HashMap<Stream, Fence>,
    floor: u64,
    /// The newest generation that has left, its fence with it.
    left: u64,
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

impl Fences {
    /// Lets nobody write who is older than the floor.
    pub(super) fn new(core: Arc<Core>, floor: u64) -> Self {
        Self { core, fences: HashMap::default(), floor, left: 0 }
    }

    /// Takes over who wrote the members of a group that an older committer left behind.
    pub(super) fn take_over(&mut self, members: &[Request]) {
        self.fences.extend(members.iter().filter_map(Fence::of));
    }

    /// Tells whether an append may be written, and counts it.
    pub(super) fn accept(&mut self, append: &Append) -> bool {
        let adds: u64 = append.records.iter().map(Record::positions).sum();
        // After a lost group nothing may follow: it was decided on what never became durable.
        if append.generation < self.floor || self.core.is_broken() {
            return false;
        }
        if mutants::is_on(Mutant::GenerationIgnored) {
            return true;
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

    /// Raises a stream's fence for a newer incarnation; tells whether it is one.
    pub(super) fn raise(&mut self, stream: Stream, generation: u64) -> bool {
        let current = self.fences.get(&stream).map_or(0, |fence| fence.generation).max(self.floor);
        if generation < current {
            return false;
        }
        self.fences.insert(stream, Fence { generation, version: 0 });
        true
    }

    /// Says which version an incarnation that passed the barrier starts from.
    pub(super) fn begin(&mut self, stream: Stream, generation: u64, version: u64) {
        if let Some(fence) = self.fences.get_mut(&stream).filter(|fence| fence.generation == generation) {
            fence.version = version;
        }
    }

    /// Forgets an incarnation that has left.
    pub(super) fn forget(&mut self, stream: Stream, generation: u64) {
        if self.fences.get(&stream).is_some_and(|fence| fence.generation == generation) {
            self.fences.remove(&stream);
            self.left = self.left.max(generation);
        }
    }
}
