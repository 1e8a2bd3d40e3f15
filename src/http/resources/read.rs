//! Lists and items, as they are durable now.

use std::sync::Arc;

use warp::http::StatusCode;
use warp::http::header::ETAG;

use super::listed::Listed;
use crate::domain::{Paging, Resource, Stream, Value};
use crate::http::answer::Answer;
use crate::http::conditional;
use crate::http::hal::{self, Base, Cursor, Fields, PageQuery};
use crate::http::negotiate::{HAL, JSON, URI_LIST};
use crate::http::problem::Problem;
use crate::http::request::Request;
use crate::http::routes::{Edge, ResourceRoutes};
use crate::http::stories;
use crate::journal::Row;

/// How many rows are sorted by another field than the id; a larger collection is told so.
pub const SORTED_ROWS_MAX: u64 = 10_000;
/// How many rows an unpaged collection shows.
pub const WHOLE_ROWS_MAX: usize = 10_000;

/// Returns the row as clients see it.
pub(in crate::http) fn visible(edge: &Edge, stream: Stream) -> Result<Option<Arc<Row>>, Problem> {
    let row = edge.admission.read(stream)?;
    Ok(row.filter(|row| row.state.exists()))
}

/// Answers with an item, as it is or as it was.
pub(super) async fn shown(
    edge: &Edge,
    at: &ResourceRoutes,
    base: &Base,
    request: &Request,
    id: u64,
) -> Result<Answer, Problem> {
    let resource = &at.resource;
    let row = match request.parameter("at") {
        Some(when) => stories::row_at(edge, at, request, id, &when).await?,
        None => visible(edge, Stream::new(resource.kind, id))?.ok_or(Problem::NoSuchItem)?,
    };
    let media = request.answer_type(&[HAL, JSON])?;
    let fields = match edge.is_selective() {
        true => Fields::read(request.query.as_deref(), resource).map_err(Problem::BadRequest)?,
        false => Fields::default(),
    };
    let body = || hal::item(resource, base, id, &resource.represent(&*row.state), fields);
    Ok(unless_known(request, &conditional::etag(row.public_version), media, body))
}

/// Answers with a page of a collection, or with the whole of one that has no pages.
pub(super) fn list(edge: &Edge, resource: &Resource, base: &Base, request: &Request) -> Result<Answer, Problem> {
    let media = request.answer_type(&[HAL, JSON, URI_LIST])?;
    edge.admission.gate_is_open(resource.kind)?;
    let query = PageQuery::read(request.query.as_deref(), resource);
    let query = match edge.is_selective() {
        true => query.selecting(resource).map_err(Problem::BadRequest)?,
        false => query,
    };
    let listed = Listed::by(edge, resource.kind, &query)?;
    let cursor = request.parameter("cursor").filter(|_| resource.paging == Paging::Paged);
    if let Some(cursor) = cursor {
        return slice(edge, (resource, &listed), base, request, &query, &cursor);
    }
    let total = listed.count();
    let rows = page_of_rows(edge, resource, &listed, &query)?;
    let body = match media {
        URI_LIST => hal::uri_list(resource, base, &query, total, rows.iter().map(|(id, _)| *id)),
        _ => hal::page(resource, base, &query, total, &rows),
    };
    let etag = conditional::digest(media, &body);
    Ok(unless_known(request, &etag, media, || body))
}

/// Answers with the items after a cursor.
fn slice(
    edge: &Edge,
    (resource, listed): (&Resource, &Listed<'_>),
    base: &Base,
    request: &Request,
    query: &PageQuery,
    cursor: &str,
) -> Result<Answer, Problem> {
    let media = request.answer_type(&[HAL, JSON])?;
    if !query.sort.is_empty() {
        return Err(Problem::BadRequest("a cursor goes in the order of ids: leave out sort".to_owned()));
    }
    let after = Cursor::read(cursor).ok_or_else(|| {
        Problem::BadRequest(format!("{cursor:?} is no cursor: begin with an empty one and follow the links `next`"))
    })?;
    let size = usize::try_from(query.size).unwrap_or(usize::MAX);
    // One more than asked for tells whether there are more.
    let mut ids = listed.after(after.id(), size + 1);
    let has_more = ids.len() > size;
    ids.truncate(size);
    let next = ids.last().filter(|_| has_more).map(|id| Cursor::after(*id));
    let body = hal::slice(resource, base, query, &rows(edge, resource, query, &ids)?, next);
    let etag = conditional::digest(media, &body);
    Ok(unless_known(request, &etag, media, || body))
}

/// Answers with a body, unless the client has it already.
pub(in crate::http) fn unless_known(
    request: &Request,
    etag: &str,
    media: &str,
    body: impl FnOnce() -> String,
) -> Answer {
    let answer = match conditional::is_known(request.if_none_match(), etag) {
        true => Answer::empty(StatusCode::NOT_MODIFIED),
        false => Answer::with_body(StatusCode::OK, media, body()),
    };
    answer.header(ETAG, etag)
}

/// An item's id and its values.
type Shown = (u64, Vec<Value>);

fn page_of_rows(
    edge: &Edge,
    resource: &Resource,
    listed: &Listed<'_>,
    query: &PageQuery,
) -> Result<Vec<Shown>, Problem> {
    if resource.paging == Paging::Whole {
        return rows(edge, resource, query, &listed.page(0, WHOLE_ROWS_MAX));
    }
    let total = listed.count();
    if let Some(descending) = by_id(query) {
        return rows(edge, resource, query, &page_of_ids(listed, query, total, descending));
    }
    if total > SORTED_ROWS_MAX {
        let detail = format!("{total} rows are too many to sort; up to {SORTED_ROWS_MAX} can be");
        return Err(Problem::BadRequest(detail));
    }
    let all = usize::try_from(total).unwrap_or(usize::MAX);
    let mut rows = rows(edge, resource, query, &listed.page(0, all))?;
    query.sort_rows(resource.fields, &mut rows);
    let window = query.window(rows.len());
    Ok(rows.drain(window).collect())
}

/// Tells whether a list is wanted in the order of ids, and whether backwards; that order costs nothing.
fn by_id(query: &PageQuery) -> Option<bool> {
    match &query.sort[..] {
        [] => Some(false),
        [first, ..] if first.field == "id" => Some(first.descending),
        [_, ..] => None,
    }
}

fn page_of_ids(listed: &Listed<'_>, query: &PageQuery, total: u64, descending: bool) -> Vec<u64> {
    let skip = query.page.saturating_mul(query.size);
    if !descending {
        return listed.page(skip, usize::try_from(query.size).unwrap_or(usize::MAX));
    }
    let end = total.saturating_sub(skip);
    let start = end.saturating_sub(query.size);
    let mut page = listed.page(start, usize::try_from(end - start).unwrap_or(usize::MAX));
    page.reverse();
    page
}

fn rows(edge: &Edge, resource: &Resource, query: &PageQuery, ids: &[u64]) -> Result<Vec<Shown>, Problem> {
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        let Some(row) = visible(edge, Stream::new(resource.kind, *id))? else { continue };
        let values = resource.represent(&*row.state);
        // What was found may have changed since.
        if query.filters.iter().all(|(place, wanted)| values.get(*place) == Some(wanted)) {
            rows.push((*id, values));
        }
    }
    Ok(rows)
}
