//! Group commit.
//!
//! Whatever arrived while the last group was syncing is the next group: one write, one sync. Then rows, answers and
//! intents enter the overlay, the durable position moves, and only then are barriers and replies released.
//! A killed committer loses nothing but what it had not handed over: its group in flight lies outside of it.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc;

use super::fences::Fences;
use super::request::{Committed, Request};
use crate::domain::TraceContext;
use crate::fault_points::{self, FaultPoint};
use crate::journal::codec;
use crate::journal::core::Core;
use crate::journal::engine::{EngineError, Group, Written};
use crate::journal::record::{Note, Position, Record, Row};
use crate::mutants::{self, Mutant};
use crate::telemetry::metrics;
use crate::telemetry::traces::Span;

/// The most commands in a group.
pub const GROUP_COMMANDS_MAX: usize = 1_024;
/// The size at which a group is closed, in bytes.
pub const GROUP_BYTES_MAX: usize = 1024 * 1024;
/// A group handed to the writer; it outlives the committer that made it.
#[derive(Debug)]
pub(in crate::journal) struct InFlight {
    group: Group,
    members: Vec<Request>,
    /// What each member left behind, once it is visible: a successor that looked again might see what came after it.
    rows: Option<Vec<Option<Arc<Row>>>>,
}

impl InFlight {
    /// Begins to tell of the group, if any of its members is told: it belongs to all of them.
    fn span(&self, core: &Core) -> Span {
        let mut span = core.options.tracer.gathered("commit", self.members.iter().filter_map(trace_of));
        span.set("resurgam.members", self.members.len());
        span.set("resurgam.bytes", self.group.payload.len());
        span
    }
}

/// One incarnation of the committer.
#[derive(Debug)]
pub(in crate::journal) struct Committer {
    core: Arc<Core>,
    fences: Fences,
}

impl Committer {
    /// Takes over after an older incarnation: finishes its group and fences every instance it knew.
    pub(in crate::journal) async fn take_over(core: Arc<Core>, floor: u64) -> Self {
        let fences = Fences::new(Arc::clone(&core), floor);
        let mut committer = Self { core, fences };
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
            let span = in_flight.span(&core);
            *core.in_flight.lock() = Some(in_flight);
            if silent {
                self.publish(None).await;
            } else {
                self.write(group, span).await;
            }
        }
    }

    async fn write(&mut self, group: Group, mut span: Span) {
        let started = self.core.clock.now();
        let bytes = group.payload.len();
        let appends = self.core.in_flight.lock().as_ref().map_or(0, |in_flight| in_flight.members.len());
        mutants::linger(&[Mutant::BarrierSkipped, Mutant::GenerationIgnored]).await;
        if mutants::is_on(Mutant::AnswerBeforeSync) {
            self.publish(Some(self.core.group.load(Ordering::Acquire) + 1)).await;
            mutants::linger(&[Mutant::AnswerBeforeSync]).await;
            drop(self.core.engine.write(group).await);
            return;
        }
        match self.written(group).await {
            Ok(written) => {
                let took = self.core.clock.now() - started;
                metrics::group_written(took, bytes, appends);
                self.core.syncs.took(took);
                span.set("resurgam.group", written.group);
                span.set("resurgam.sync_seconds", took.as_secs_f64());
                self.publish(Some(written.group)).await;
                span.end();
            }
            Err(error) => {
                span.fail("journal-broken");
                span.end();
                // The commands of this group are unknown: their ports drop with it.
                self.core.in_flight.lock().take();
                self.core.stop_writing(&error.to_string());
            }
        }
    }

    async fn written(&self, group: Group) -> Result<Written, EngineError> {
        fault_points::at(FaultPoint::GroupGathered).await?;
        let written = self.core.disk_faults.write(&*self.core.engine, group, &self.core.clock).await?;
        fault_points::at(FaultPoint::GroupWritten).await?;
        Ok(written)
    }

    async fn finish_in_flight(&mut self) {
        // Whoever writes to one of its streams without having passed the barrier does not know of it, and where it has no
        // facts no version tells.
        match &*self.core.in_flight.lock() {
            Some(in_flight) => self.fences.take_over(&in_flight.members),
            None => return,
        }
        match self.core.engine.last_written().await {
            Ok(written) if written.group > self.core.group.load(Ordering::Acquire) => {
                self.publish(Some(written.group)).await;
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
                Request::Append(append) => self.fences.accept(append),
                Request::Barrier { stream, generation, .. } => self.fences.raise(*stream, *generation),
                Request::Forget { stream, generation } => {
                    self.fences.forget(*stream, *generation);
                    false
                }
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
        facts += u32::from(facts > 0 && mutants::now_and_then(Mutant::PositionGapHidden, 50));
        let group = Group { first_position, facts, payload: payload.into() };
        InFlight { group, members, rows: None }
    }

    /// Makes the group in flight visible, then releases who waits for it.
    async fn publish(&mut self, group: Option<u64>) {
        self.make_visible(group);
        // A step that cannot fail; nothing but a test can be in its way.
        let _ = fault_points::at(FaultPoint::GroupVisible).await;
        // Last: a successor takes the group up again as long as this has not moved.
        if let Some(group) = group {
            self.core.group.store(group, Ordering::Release);
        }
        let Some(InFlight { members, rows, .. }) = self.core.in_flight.lock().take() else { return };
        self.core.published.fetch_add(1, Ordering::Release);
        let position = self.core.next_position() - 1;
        for (member, row) in members.into_iter().zip(rows.into_iter().flatten()) {
            self.release(member, row, position);
        }
    }

    /// Makes the group in flight visible, unless a committer that died since has done so.
    fn make_visible(&self, group: Option<u64>) {
        let mut slot = self.core.in_flight.lock();
        let Some(in_flight) = slot.as_mut().filter(|in_flight| in_flight.rows.is_none()) else { return };
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
        in_flight.rows = Some(rows);
    }

    fn release(&mut self, member: Request, row: Option<Arc<Row>>, position: Position) {
        match member {
            Request::Append(append) => (append.release)(Committed { row, position }),
            Request::Barrier { stream, generation, reply } => {
                let Ok(recovered) = self.core.recovered(stream) else { return };
                let version = recovered.row.as_ref().map_or(0, |row| row.version);
                self.fences.begin(stream, generation, version);
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

/// Returns the place of a request's command in a trace that is told.
fn trace_of(request: &Request) -> Option<TraceContext> {
    let Request::Append(append) = request else { return None };
    append.command()?.trace
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
