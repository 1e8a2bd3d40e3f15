//! One view: durable facts in, rows out, strictly in log order.
//!
//! Rows and position move together, and a row knows the fact that wrote it last: whatever a kill leaves behind, no
//! fact is written twice and none is skipped, but those an operator gave up. A row whose fact cannot be taken waits; it is
//! tried again whenever the view begins, and when an operator wishes it.

use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ractor::ActorProcessingErr;

use super::followed;
use super::tending::{Tend, Tended, Wish};
use crate::actors::runtime::House;
use crate::domain::system::ViewSpec;
use crate::domain::{Recorded, Stream};
use crate::fault_points::{self, FaultPoint};
use crate::journal::reading::{ReadError, SetAside};
use crate::journal::{Note, Parked, Position, Row, Step};
use crate::mutants::{self, Mutant};
use crate::telemetry::metrics;
use crate::telemetry::traces::{SYSTEM, Span, SpanKind};
use crate::telemetry::tracing::trace_id;

/// How many facts are written at once.
const BATCH_MAX: usize = 512;
/// How often a view may panic on a fact before it is set aside.
const PANICS_MAX: u32 = 5;

/// Names the follower of a view; another shape of its rows is another follower, which starts from the beginning.
#[must_use]
pub fn view_follower(spec: &ViewSpec) -> Arc<str> {
    Arc::from(format!("{}@{}", spec.kind, spec.row_version))
}

/// A view, and the house it is written in.
#[derive(Clone, Debug)]
pub(in crate::actors) struct ViewOf {
    pub(in crate::actors) house: Arc<House>,
    pub(in crate::actors) spec: Arc<ViewSpec>,
}

impl ViewOf {
    pub(super) async fn follow(&self) -> Result<(), ActorProcessingErr> {
        let Self { house, spec } = self;
        house.services.running(spec.kind.system(), spec.kind.service()).await;
        let mut told = house.tending.told();
        let mut writing = Writing::begin(self.clone())?;
        writing.mend_all().await?;
        loop {
            house.services.running(spec.kind.system(), spec.kind.service()).await;
            // Before the look, so that a move between look and wait is not missed.
            let seen = *house.journal.durable().borrow();
            writing.tend_all().await?;
            let facts = house.journal.facts_from(writing.done + 1, BATCH_MAX).await?;
            if facts.is_empty() {
                tokio::select! {
                    biased;
                    () = house.journal.beyond(seen) => {}
                    changed = told.changed() => changed?,
                }
                continue;
            }
            fault_points::at(FaultPoint::ViewRead).await?;
            writing.write(&facts).await?;
            house.progressed.notify_waiters();
            fault_points::at(FaultPoint::ViewSaved).await?;
        }
    }
}

/// Where a view is.
struct Writing {
    house: Arc<House>,
    spec: Arc<ViewSpec>,
    name: Arc<str>,
    incarnation: u64,
    done: Position,
    /// The rows that wait, each with its facts that were set aside.
    waiting: HashMap<Stream, BTreeSet<Position>>,
    /// Facts that were set aside before the store was made again; their turn is still to come.
    noted: BTreeSet<Position>,
    /// Facts that were given up.
    skipped: BTreeSet<Position>,
}

impl Writing {
    fn begin(ViewOf { house, spec }: ViewOf) -> Result<Self, ReadError> {
        let name = view_follower(&spec);
        let incarnation = house.journal.begin_following(&name);
        let done = house.journal.progress(&name)?;
        let SetAside { parked, skipped } = house.journal.set_aside(&name)?;
        let (mut waiting, mut noted) = (HashMap::new(), BTreeSet::new());
        for item in parked {
            let id = item.stream.rsplit('/').next().and_then(|id| id.parse().ok());
            match id {
                Some(id) if item.position <= done => {
                    let facts: &mut BTreeSet<_> = waiting.entry(Stream::new(spec.kind, id)).or_default();
                    facts.insert(item.position);
                }
                Some(_) | None => drop(noted.insert(item.position)),
            }
        }
        Ok(Self { house, spec, name, incarnation, done, waiting, noted, skipped })
    }

    /// Writes facts into copies of their rows.
    async fn write(&mut self, facts: &[Arc<Recorded>]) -> Result<(), ActorProcessingErr> {
        let Some(last) = facts.last() else { return Ok(()) };
        let (mut rows, mut written): (HashMap<u64, Arc<Row>>, _) = (HashMap::new(), Vec::new());
        let mut spans = Vec::new();
        for fact in facts {
            let Some(id) = self.takes(fact).then(|| (self.spec.row)(fact)).flatten() else { continue };
            let stream = Stream::new(self.spec.kind, id);
            let row = match rows.get(&id) {
                Some(row) => Some(Arc::clone(row)),
                None => self.house.journal.row(stream)?,
            };
            if row.as_ref().is_some_and(|row| row.position >= fact.position) {
                continue;
            }
            let mut span = self.span(id, fact);
            let behind = self.waiting.contains_key(&stream);
            match (!behind).then(|| self.applied(stream, row.as_deref(), fact)).flatten() {
                Some(row) => {
                    if fact.position > self.house.born_at {
                        followed(&self.house, fact, self.spec.kind, false);
                    }
                    written.extend(self.noted.take(&fact.position));
                    rows.insert(id, Arc::new(row));
                    spans.extend(Some(span).filter(Span::is_told));
                }
                None => {
                    span.fail("set-aside");
                    span.end();
                    self.park(stream, fact).await?;
                    self.noted.remove(&fact.position);
                    self.waiting.entry(stream).or_default().insert(fact.position);
                }
            }
        }
        fault_points::at(FaultPoint::ViewApplied).await?;
        self.done = last.position;
        self.save(rows.into_values().collect(), &written).await;
        spans.into_iter().for_each(Span::end);
        Ok(())
    }

    /// Begins to tell that a fact is written. Not of one of an earlier life of the process: a view that is made again from the
    /// log would tell all of them again.
    fn span(&self, id: u64, fact: &Recorded) -> Span {
        let trace = fact.trace.filter(|_| fact.position > self.house.born_at);
        self.house.tracer.begin(trace, SpanKind::Consumer, || {
            let attributes = [
                ("messaging.system", SYSTEM.into()),
                ("messaging.operation.name", "apply".into()),
                ("messaging.operation.type", "process".into()),
                ("messaging.destination.name", fact.stream.kind.path().into()),
                ("messaging.message.id", fact.position.into()),
                ("messaging.message.conversation_id", (&fact.correlation).into()),
                ("resurgam.event", fact.event.name().into()),
                ("resurgam.id", id.into()),
            ];
            (format!("{} apply", self.spec.kind.path()), attributes)
        })
    }

    fn takes(&self, fact: &Recorded) -> bool {
        self.spec.sources.contains(&fact.stream.kind) && !self.skipped.contains(&fact.position)
    }

    /// Moves the position with the rows, and forgets that these facts were set aside.
    async fn save(&self, rows: Vec<Arc<Row>>, written: &[Position]) {
        let step = Step { position: self.done, finished: Vec::new(), rows };
        self.house.journal.advance(&self.name, self.incarnation, step).await;
        if !written.is_empty() {
            self.house.journal.unpark(&self.name, self.incarnation, written).await;
        }
    }

    /// Tries every row that waits.
    async fn mend_all(&mut self) -> Result<(), ReadError> {
        let rows: Vec<Stream> = self.waiting.keys().copied().collect();
        for row in rows {
            self.mend(row).await?;
        }
        Ok(())
    }

    /// Writes the facts of a row that were set aside, in order, as far as it takes them; returns how many.
    async fn mend(&mut self, stream: Stream) -> Result<usize, ReadError> {
        let Some(facts) = self.waiting.get(&stream).cloned() else { return Ok(0) };
        let mut row = self.house.journal.row(stream)?;
        let mut written = Vec::new();
        for position in facts {
            // One that the row has was written before a crash, or by one who died before he said so.
            if row.as_ref().is_none_or(|row| row.position < position) {
                let Some(fact) = self.house.journal.facts_from(position, 1).await?.into_iter().next() else { break };
                let Some(next) = self.applied(stream, row.as_deref(), &fact) else { break };
                row = Some(Arc::new(next));
            }
            written.push(position);
        }
        if let Some(facts) = self.waiting.get_mut(&stream) {
            facts.retain(|position| !written.contains(position));
            if facts.is_empty() {
                self.waiting.remove(&stream);
            }
        }
        if !written.is_empty() {
            self.save(row.into_iter().collect(), &written).await;
        }
        Ok(written.len())
    }

    /// Does what operators want done.
    async fn tend_all(&mut self) -> Result<(), ReadError> {
        while let Some(Wish { position, tend, reply }) = self.house.tending.next(&self.name) {
            let tended = match (self.row_of(position), tend) {
                (None, Tend::Skip(_)) if self.skipped.contains(&position) => Tended::Skipped,
                (None, Tend::Skip(_) | Tend::Retry) => Tended::NotParked,
                (Some(row), Tend::Retry) => Tended::Written(self.mend(row).await?),
                (Some(row), Tend::Skip(reason)) => self.skip(row, position, reason).await?,
            };
            // Whoever has left sees in the list what became of it.
            let _ = reply.send(tended);
        }
        Ok(())
    }

    /// Leaves a fact out, and goes on with the row.
    async fn skip(&mut self, row: Stream, position: Position, reason: String) -> Result<Tended, ReadError> {
        let note = Note::Skipped { follower: self.name.to_string(), position, reason };
        if self.house.journal.note(note).await.is_none() {
            return Ok(Tended::Unwritten);
        }
        self.skipped.insert(position);
        if let Some(facts) = self.waiting.get_mut(&row) {
            facts.remove(&position);
        }
        self.mend(row).await?;
        Ok(Tended::Skipped)
    }

    fn row_of(&self, position: Position) -> Option<Stream> {
        self.waiting.iter().find(|(_, facts)| facts.contains(&position)).map(|(row, _)| *row)
    }

    fn applied(&self, stream: Stream, row: Option<&Row>, fact: &Recorded) -> Option<Row> {
        let apply = || {
            self.house.chaos.panics.meet_fact(|| Arc::clone(&self.name));
            (self.spec.applied)(row.map(|row| &*row.state), fact)
        };
        let state = (0..PANICS_MAX).find_map(|_| catch_unwind(AssertUnwindSafe(apply)).ok())?;
        let (mut version, mut public) = row.map_or((0, 0), |row| (row.version, row.public_version));
        let state = match mutants::is_on(Mutant::ViewUpdatedTwice) {
            true => {
                (version, public) = (version + 1, public + u64::from(fact.event.is_public()));
                (self.spec.applied)(Some(&*state), fact)
            }
            false => state,
        };
        let public_version = public + u64::from(fact.event.is_public());
        Some(Row { stream, version: version + 1, public_version, position: fact.position, state })
    }

    /// Sets a fact aside with its row: the rows beside it go on, this one waits for whoever mends the view.
    async fn park(&self, row: Stream, fact: &Recorded) -> Result<(), ActorProcessingErr> {
        let name = &self.name;
        tracing::error!(
            view = %name,
            %row,
            position = fact.position,
            correlation = &*fact.correlation,
            trace_id = trace_id(fact.trace),
            "a view panics on a fact; its row waits"
        );
        let parked = Parked {
            follower: name.to_string(),
            stream: row.to_string(),
            position: fact.position,
            cause: "the view panics on it, or on one before it".to_owned(),
            time_ms: self.house.clock.wall_ms(),
        };
        // Not written, the position must not pass it.
        self.house.journal.note(Note::Parked(parked)).await.ok_or("a fact could not be set aside")?;
        metrics::follower_parked(name);
        followed(&self.house, fact, self.spec.kind, true);
        Ok(())
    }
}
