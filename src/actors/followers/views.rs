//! One view: durable facts in, rows out, strictly in log order.
//!
//! Rows and position move together, and a row knows the fact that wrote it last: whatever a kill leaves behind, no
//! fact is written twice and none is skipped.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ractor::ActorProcessingErr;

use crate::actors::runtime::House;
use crate::domain::system::ViewSpec;
use crate::domain::{Recorded, Stream};
use crate::journal::{Note, Parked, Row, Step};
use crate::telemetry::metrics;

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
        let name = view_follower(spec);
        let incarnation = house.journal.begin_following(&name);
        let mut done = house.journal.progress(&name)?;
        let mut set_aside = set_aside_before(house, &name)?;
        loop {
            house.services.running(spec.kind.system(), spec.kind.service()).await;
            // Before the look, so that a move between look and wait is not missed.
            let seen = *house.journal.durable().borrow();
            let facts = house.journal.facts_from(done + 1, BATCH_MAX).await?;
            let Some(last) = facts.last() else {
                house.journal.beyond(seen).await;
                continue;
            };
            done = last.position;
            let rows = written(house, spec, &name, &facts, &mut set_aside).await?;
            house.journal.advance(&name, incarnation, Step { position: done, finished: Vec::new(), rows }).await;
            house.progressed.notify_waiters();
        }
    }
}

/// Writes facts into copies of their rows.
async fn written(
    house: &House,
    spec: &ViewSpec,
    name: &str,
    facts: &[Arc<Recorded>],
    set_aside: &mut HashSet<String>,
) -> Result<Vec<Arc<Row>>, ActorProcessingErr> {
    let mut rows: HashMap<u64, Arc<Row>> = HashMap::new();
    for fact in facts.iter().filter(|fact| spec.sources.contains(&fact.stream.kind)) {
        let Some(id) = (spec.row)(fact) else { continue };
        let stream = Stream::new(spec.kind, id);
        let row = match rows.get(&id) {
            Some(row) => Some(Arc::clone(row)),
            None => house.journal.row(stream)?,
        };
        if row.as_ref().is_some_and(|row| row.position >= fact.position) {
            continue;
        }
        let behind = set_aside.contains(&stream.to_string());
        match (!behind).then(|| applied(spec, stream, row.as_deref(), fact)).flatten() {
            Some(row) => drop(rows.insert(id, Arc::new(row))),
            None => {
                park(house, name, stream, fact).await?;
                set_aside.insert(stream.to_string());
            }
        }
    }
    Ok(rows.into_values().collect())
}

fn applied(spec: &ViewSpec, stream: Stream, row: Option<&Row>, fact: &Recorded) -> Option<Row> {
    let apply = || (spec.applied)(row.map(|row| &*row.state), fact);
    let state = (0..PANICS_MAX).find_map(|_| catch_unwind(AssertUnwindSafe(apply)).ok())?;
    let (version, public) = row.map_or((0, 0), |row| (row.version, row.public_version));
    let public_version = public + u64::from(fact.event.is_public());
    Some(Row { stream, version: version + 1, public_version, position: fact.position, state })
}

/// Sets a fact aside with its row: the rows beside it go on, this one waits for whoever mends the view.
async fn park(house: &House, name: &str, row: Stream, fact: &Recorded) -> Result<(), ActorProcessingErr> {
    tracing::error!(view = name, %row, position = fact.position, "a view panics on a fact; its row waits");
    let parked = Parked {
        follower: name.to_owned(),
        stream: row.to_string(),
        position: fact.position,
        cause: "the view panics on it, or on one before it".to_owned(),
        time_ms: house.clock.wall_ms(),
    };
    // Not written, the position must not pass it.
    house.journal.note(Note::Parked(parked)).await.ok_or("a fact could not be set aside")?;
    metrics::follower_parked(name);
    Ok(())
}

/// Returns the rows that wait since an earlier incarnation.
fn set_aside_before(house: &House, name: &str) -> Result<HashSet<String>, ActorProcessingErr> {
    let parked = house.journal.parked()?;
    Ok(parked.into_iter().filter(|item| item.follower == name).map(|item| item.stream).collect())
}
