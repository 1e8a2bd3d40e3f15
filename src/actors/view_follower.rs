//! The actor of one view: durable facts in, rows out, strictly in log order.
//!
//! Rows and position move together, and a row knows the fact that wrote it last: whatever a kill leaves behind, no
//! fact is written twice and none is skipped.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::follower::Follow;
use super::runtime::House;
use crate::domain::system::ViewSpec;
use crate::domain::{Recorded, Stream};
use crate::journal::{Note, Parked, Row};
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

/// The actor.
#[derive(Debug)]
pub(super) struct ViewFollower;

/// What it needs.
#[derive(Clone, Debug)]
pub(super) struct ViewArguments {
    pub(super) house: Arc<House>,
    pub(super) spec: Arc<ViewSpec>,
}

impl Actor for ViewFollower {
    type Msg = Follow;
    type State = ViewArguments;
    type Arguments = ViewArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<Follow>,
        arguments: ViewArguments,
    ) -> Result<ViewArguments, ActorProcessingErr> {
        myself.cast(Follow)?;
        Ok(arguments)
    }

    /// Follows for as long as it lives; a kill drops it at any await.
    async fn handle(
        &self,
        _myself: ActorRef<Follow>,
        _message: Follow,
        state: &mut ViewArguments,
    ) -> Result<(), ActorProcessingErr> {
        let ViewArguments { house, spec } = state;
        let name = view_follower(spec);
        let mut durable = house.journal.durable();
        let mut done = house.journal.progress(&name)?;
        loop {
            house.services.running(spec.kind.system(), spec.kind.service()).await;
            durable.borrow_and_update();
            let facts = house.journal.facts_from(done + 1, BATCH_MAX).await?;
            let Some(last) = facts.last() else {
                durable.changed().await?;
                continue;
            };
            done = last.position;
            let rows = written(house, spec, &name, &facts).await?;
            house.journal.advance(&name, done, rows);
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
        match applied(spec, stream, row.as_deref(), fact) {
            Some(row) => drop(rows.insert(id, Arc::new(row))),
            None => set_aside(house, name, fact).await,
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

async fn set_aside(house: &House, name: &str, fact: &Recorded) {
    tracing::error!(view = name, position = fact.position, "a view panics on a fact; it goes on without it");
    let parked = Parked {
        follower: name.to_owned(),
        stream: fact.stream.to_string(),
        position: fact.position,
        cause: "the view panics on it".to_owned(),
        time_ms: house.clock.wall_ms(),
    };
    if house.journal.note(Note::Parked(parked)).await.is_some() {
        metrics::follower_parked(name);
    }
}
