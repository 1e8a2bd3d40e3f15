//! One aggregate: its public facts, and its state as it was.

use std::ops::ControlFlow;
use std::sync::Arc;

use jiff::Timestamp;

use super::fact::JSON;
use super::page::{Page, after};
use super::scans::Selection;
use crate::domain::{Recorded, Stream};
use crate::http::answer::Answer;
use crate::http::problem::Problem;
use crate::http::request::Request;
use crate::http::resources::visible;
use crate::http::routes::{Edge, ResourceRoutes};
use crate::journal::Row;

/// Answers an item's history: its public facts, oldest first, with a link to the rest where one answer is too short.
pub(in crate::http) async fn history(
    edge: &Edge,
    at: &ResourceRoutes,
    request: &Request,
    id: &str,
) -> Result<Answer, Problem> {
    request.must_read()?;
    request.answer_type(&[JSON])?;
    let stream = id.parse().map(|id| Stream::new(at.resource.kind, id)).map_err(|_| Problem::NoSuchItem)?;
    let after = after(request)?;
    let newest = edge.admission.read(stream)?.filter(|row| at.spec.is_some() && row.public_version > 0);
    let newest = newest.ok_or(Problem::NoSuchItem)?;
    let mut page = Page::default();
    let take = |fact: &Recorded| {
        if fact.event.is_public() && page.take(fact).is_break() {
            return ControlFlow::Break(());
        }
        match fact.version >= newest.version {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    let from = after.saturating_add(1);
    edge.scans.read(&edge.journal, Selection::Of(stream), from, request.deadline, take).await?;
    Ok(page.into_answer(&request.path))
}

/// Returns an item as it was at a public version or at a time.
pub(in crate::http) async fn row_at(
    edge: &Edge,
    at: &ResourceRoutes,
    request: &Request,
    id: u64,
    when: &str,
) -> Result<Arc<Row>, Problem> {
    let moment = Moment::read(when)?;
    let stream = Stream::new(at.resource.kind, id);
    let Some(spec) = &at.spec else {
        // A view has no facts of its own, so only its newest version is known.
        let row = visible(edge, Stream::new(at.resource.kind, id))?;
        let row = row.filter(|row| moment.covers(row.public_version, edge.clock.wall_ms()));
        return row.ok_or(Problem::NoSuchItem);
    };
    let newest = edge.admission.read(stream)?.ok_or(Problem::NoSuchItem)?;
    let (mut state, mut last) = ((spec.initial)(), None);
    let take = |fact: &Recorded| {
        if !moment.covers(fact.public_version, fact.time_ms) {
            return ControlFlow::Break(());
        }
        state = state.evolved(std::slice::from_ref(&fact.event));
        last = Some((fact.version, fact.public_version, fact.position));
        if fact.version >= newest.version { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    edge.scans.read(&edge.journal, Selection::Of(stream), 1, request.deadline, take).await?;
    let (version, public_version, position) = last.ok_or(Problem::NoSuchItem)?;
    let row = Row { stream, version, public_version, position, state };
    if row.state.exists() { Ok(Arc::new(row)) } else { Err(Problem::NoSuchItem) }
}

/// A version or a time.
enum Moment {
    Version(u64),
    Time(u64),
}

impl Moment {
    fn read(text: &str) -> Result<Self, Problem> {
        if let Ok(version) = text.parse() {
            return Ok(Self::Version(version));
        }
        let time: Timestamp = text
            .parse()
            .map_err(|_| Problem::BadRequest(format!("at={text:?} is neither a version nor an rfc 3339 time")))?;
        Ok(Self::Time(u64::try_from(time.as_millisecond()).unwrap_or(0)))
    }

    fn covers(&self, public_version: u64, time_ms: u64) -> bool {
        match self {
            Self::Version(version) => public_version <= *version,
            Self::Time(time) => time_ms <= *time,
        }
    }
}
