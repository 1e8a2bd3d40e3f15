//! Generic handlers for any resource: collection, item, create, replace, patch, delete.

use std::sync::Arc;

use warp::http::header::{ALLOW, ETAG, HeaderName, LOCATION};
use warp::http::{Method, StatusCode};

use super::answer::Answer;
use super::body::{self, Sent};
use super::conditional;
use super::hal::{self, Base, PageQuery};
use super::negotiate::{self, ALPS, BodyKind, HAL, JSON, SCHEMA, URI_LIST};
use super::problem::{PATCH_TYPES, Problem};
use super::request::Request;
use super::routes::{Edge, Handled, ResourceRoutes, ServiceRoutes, no_such_address};
use super::stories;
use crate::actors::admission::Target;
use crate::actors::{Call, Precondition, Reply};
use crate::domain::{AnyCommand, Body, Paging, Resource, Stream, Value};
use crate::journal::Row;
use crate::resilience::Partition;

/// How many rows are sorted by another field than the id; a larger collection is told so.
pub const SORTED_ROWS_MAX: u64 = 10_000;
/// How many rows an unpaged collection shows.
pub const WHOLE_ROWS_MAX: usize = 10_000;
/// How often a JSON Patch is tried on a state that moves meanwhile.
const PATCH_TRIES_MAX: usize = 8;

/// Answers the paths that describe a service: its root, its profiles.
pub(super) fn described(service: &ServiceRoutes, base: &Base, rest: &[&str], request: &Request) -> Handled {
    let resources = || service.resources.iter().map(|at| &at.resource);
    let route = if rest.is_empty() { "/" } else { "/profile" };
    let outcome = only_get(request).and_then(|()| match rest {
        [] => in_hal(request, || hal::root(resources(), base)),
        ["profile"] => in_hal(request, || hal::profile::profiles(resources(), base)),
        [_, collection, ..] => match resources().find(|resource| resource.collection == *collection) {
            None => Err(Problem::NoSuchAddress),
            Some(resource) => match acceptable(request, &[ALPS, SCHEMA, JSON, HAL])? {
                SCHEMA => Ok(Answer::with_body(StatusCode::OK, SCHEMA, hal::profile::schema(resource))),
                media => Ok(Answer::with_body(StatusCode::OK, media, hal::profile::alps(resource, base))),
            },
        },
        [_] => Err(Problem::NoSuchAddress),
    });
    if matches!(outcome, Err(Problem::NoSuchAddress)) {
        return no_such_address();
    }
    Handled { route, outcome }
}

/// Answers a collection's path.
pub(super) async fn collection(
    edge: &Edge,
    at: &ResourceRoutes,
    base: &Base,
    request: &Request,
) -> Result<Answer, Problem> {
    let resource = &at.resource;
    match (&request.method, &resource.methods.create) {
        (&Method::GET | &Method::HEAD, _) => list(edge, resource, base, request),
        (&Method::OPTIONS, _) => Ok(Answer::empty(StatusCode::OK).header(ALLOW, &collection_allow(resource))),
        (&Method::POST, Some(translate)) => {
            let media = acceptable(request, &[HAL, JSON])?;
            reads_json(request)?;
            let Sent { body, id } = sent(request, resource)?;
            if let Some(id) = id
                && visible(edge, resource, id)?.is_some()
            {
                let rule = "id-is-free";
                return Err(crate::domain::Refusal::rule(rule, format!("{} {id} exists", resource.item)).into());
            }
            let command = translate(&body);
            let row = called(edge, request, Target::New(resource.kind), command, Precondition::Always).await?;
            let location = base.item(resource, row.stream.id);
            let body = !negotiate::is_absent_or_blank(request.accept());
            Ok(written(resource, base, &row, StatusCode::CREATED, media, body).header(LOCATION, &location))
        }
        _ => Err(Problem::MethodNotAllowed(collection_allow(resource))),
    }
}

/// Answers an item's path.
pub(super) async fn item(
    edge: &Edge,
    at: &ResourceRoutes,
    base: &Base,
    request: &Request,
    id: &str,
) -> Result<Answer, Problem> {
    let resource = &at.resource;
    let methods = &resource.methods;
    let id: u64 = match id.parse() {
        Ok(id) if is_plain(resource, request) => id,
        Ok(_) => return Err(Problem::MethodNotAllowed(item_allow(resource))),
        Err(_) => return Err(Problem::NoSuchItem),
    };
    match request.method {
        Method::OPTIONS => {
            let answer = Answer::empty(StatusCode::OK).header(ALLOW, &item_allow(resource));
            let patches = HeaderName::from_static("accept-patch");
            Ok(if methods.patch.is_some() { answer.header(patches, PATCH_TYPES) } else { answer })
        }
        Method::GET | Method::HEAD => shown(edge, at, base, request, id).await,
        Method::PUT => {
            let translate = offered(methods.replace.as_ref(), resource)?;
            let media = acceptable(request, &[HAL, JSON])?;
            reads_json(request)?;
            let command = translate(&sent(request, resource)?.body);
            let row = changed(edge, resource, request, id, command).await?;
            Ok(updated(resource, base, request, &row, media).header(LOCATION, &base.item(resource, id)))
        }
        Method::PATCH => {
            let media = acceptable(request, &[HAL, JSON])?;
            let row = patched(edge, resource, request, id).await?;
            Ok(updated(resource, base, request, &row, media))
        }
        Method::DELETE => {
            let translate = offered(methods.delete.as_ref(), resource)?;
            changed(edge, resource, request, id, translate(&Body::default())).await?;
            Ok(Answer::empty(StatusCode::NO_CONTENT))
        }
        _ => Err(Problem::MethodNotAllowed(item_allow(resource))),
    }
}

fn is_plain(resource: &Resource, request: &Request) -> bool {
    item_allow(resource).split(',').any(|method| method == request.method.as_str())
}

type Translate = Arc<dyn Fn(&Body) -> Arc<dyn AnyCommand> + Send + Sync>;

fn offered<'a>(translate: Option<&'a Translate>, resource: &Resource) -> Result<&'a Translate, Problem> {
    translate.ok_or_else(|| Problem::MethodNotAllowed(item_allow(resource)))
}

// === reading ===

fn list(edge: &Edge, resource: &Resource, base: &Base, request: &Request) -> Result<Answer, Problem> {
    let media = acceptable(request, &[HAL, JSON, URI_LIST])?;
    edge.admission.gate_is_open(resource.kind)?;
    let query = PageQuery::read(request.query.as_deref(), resource);
    let ids = edge.journal.ids();
    let total = ids.count(resource.kind);
    let rows = if resource.paging == Paging::Whole {
        rows(edge, resource, &ids.page(resource.kind, 0, WHOLE_ROWS_MAX))?
    } else if let Some(descending) = by_id(&query) {
        rows(edge, resource, &page_of_ids(edge, resource, &query, total, descending))?
    } else if total > SORTED_ROWS_MAX {
        let detail = format!("{total} rows are too many to sort; up to {SORTED_ROWS_MAX} can be");
        return Err(Problem::BadRequest(detail));
    } else {
        let all = usize::try_from(total).unwrap_or(usize::MAX);
        let mut rows = rows(edge, resource, &ids.page(resource.kind, 0, all))?;
        query.sort_rows(resource.fields, &mut rows);
        let window = query.window(rows.len());
        rows.drain(window).collect()
    };
    if media == URI_LIST {
        let ids = rows.iter().map(|(id, _)| *id);
        return Ok(Answer::with_body(StatusCode::OK, URI_LIST, hal::uri_list(resource, base, &query, total, ids)));
    }
    Ok(Answer::with_body(StatusCode::OK, media, hal::page(resource, base, &query, total, &rows)))
}

/// Tells whether a list is wanted in the order of ids, and whether backwards; that order costs nothing.
fn by_id(query: &PageQuery) -> Option<bool> {
    match &query.sort[..] {
        [] => Some(false),
        [first, ..] if first.field == "id" => Some(first.descending),
        [_, ..] => None,
    }
}

fn page_of_ids(edge: &Edge, resource: &Resource, query: &PageQuery, total: u64, descending: bool) -> Vec<u64> {
    let ids = edge.journal.ids();
    let skip = query.page.saturating_mul(query.size);
    if !descending {
        return ids.page(resource.kind, skip, usize::try_from(query.size).unwrap_or(usize::MAX));
    }
    let end = total.saturating_sub(skip);
    let start = end.saturating_sub(query.size);
    let mut page = ids.page(resource.kind, start, usize::try_from(end - start).unwrap_or(usize::MAX));
    page.reverse();
    page
}

fn rows(edge: &Edge, resource: &Resource, ids: &[u64]) -> Result<Vec<(u64, Vec<Value>)>, Problem> {
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(row) = visible(edge, resource, *id)? {
            rows.push((*id, resource.represent(&*row.state)));
        }
    }
    Ok(rows)
}

async fn shown(edge: &Edge, at: &ResourceRoutes, base: &Base, request: &Request, id: u64) -> Result<Answer, Problem> {
    let resource = &at.resource;
    let media = acceptable(request, &[HAL, JSON])?;
    let row = match request.parameter("at") {
        Some(when) => stories::row_at(edge, at, id, when).await?,
        None => visible(edge, resource, id)?.ok_or(Problem::NoSuchItem)?,
    };
    let etag = conditional::etag(row.public_version);
    if conditional::not_modified(request.if_none_match(), row.public_version) {
        return Ok(Answer::empty(StatusCode::NOT_MODIFIED).header(ETAG, &etag));
    }
    let body = hal::item(resource, base, id, &resource.represent(&*row.state));
    Ok(Answer::with_body(StatusCode::OK, media, body).header(ETAG, &etag))
}

/// Returns the row as clients see it.
pub(super) fn visible(edge: &Edge, resource: &Resource, id: u64) -> Result<Option<Arc<Row>>, Problem> {
    let row = edge.admission.read(Stream::new(resource.kind, id))?;
    Ok(row.filter(|row| row.state.exists()))
}

// === writing ===

async fn changed(
    edge: &Edge,
    resource: &Resource,
    request: &Request,
    id: u64,
    command: Arc<dyn AnyCommand>,
) -> Result<Arc<Row>, Problem> {
    let precondition = precondition(request);
    // A keyed request may be answered for an item that is gone by now.
    if visible(edge, resource, id)?.is_none() && !request.headers.contains_key("idempotency-key") {
        return Err(match precondition {
            Precondition::Always => Problem::NoSuchItem,
            Precondition::Exists | Precondition::Missing | Precondition::OneOf(_) => Problem::PreconditionFailed(0),
        });
    }
    called(edge, request, Target::Existing(Stream::new(resource.kind, id)), command, precondition).await
}

fn precondition(request: &Request) -> Precondition {
    if conditional::must_not_exist(request.if_none_match()) {
        return Precondition::Missing;
    }
    match conditional::if_match(request.if_match()) {
        conditional::Precondition::None => Precondition::Always,
        conditional::Precondition::Any => Precondition::Exists,
        conditional::Precondition::OneOf(versions) => Precondition::OneOf(versions),
    }
}

async fn patched(edge: &Edge, resource: &Resource, request: &Request, id: u64) -> Result<Arc<Row>, Problem> {
    let translate = offered(resource.methods.patch.as_ref(), resource)?;
    let kind = negotiate::reads_as_json(request.content_type())
        .map_err(|error| Problem::UnsupportedPatch(error.to_string()))?;
    match kind {
        BodyKind::Json | BodyKind::MergePatch => {
            if visible(edge, resource, id)?.is_none() {
                return Err(Problem::NoSuchItem);
            }
            let command = translate(&sent(request, resource)?.body);
            changed(edge, resource, request, id, command).await
        }
        BodyKind::JsonPatch => {
            for _ in 0..PATCH_TRIES_MAX {
                let row = visible(edge, resource, id)?.ok_or(Problem::NoSuchItem)?;
                let current = resource.represent(&*row.state);
                let body = body::patched(&current, resource.fields, &request.body)
                    .map_err(|error| Problem::BadRequest(error.to_string()))?;
                let own = precondition(request);
                // The operations were read against this version, so they hold for this version only.
                let pinned = Precondition::OneOf(vec![row.public_version]);
                let precondition = if own == Precondition::Always { pinned.clone() } else { own };
                let target = Target::Existing(row.stream);
                match called(edge, request, target, translate(&body), precondition.clone()).await {
                    Err(Problem::PreconditionFailed(_)) if precondition == pinned => {}
                    settled => return settled,
                }
            }
            Err(Problem::PreconditionFailed(0))
        }
    }
}

async fn called(
    edge: &Edge,
    request: &Request,
    target: Target,
    command: Arc<dyn AnyCommand>,
    precondition: Precondition,
) -> Result<Arc<Row>, Problem> {
    let kind = match target {
        Target::New(kind) => kind,
        Target::Existing(stream) => stream.kind,
    };
    let meta = request.command_meta(kind, &edge.clock)?;
    let call = Call { target, command, meta, precondition, deadline: request.deadline };
    let (stream, reply) = edge.admission.call(Partition::Edge, call).await?;
    match reply {
        Reply::Done(done) => match done.row {
            Some(row) => Ok(row),
            None => Err(Problem::Internal(format!("{stream} was written and has no row"))),
        },
        Reply::Refused(refusal) => Err(refusal.into()),
        Reply::PreconditionFailed { public_version } => Err(Problem::PreconditionFailed(public_version)),
        Reply::KeyReused => Err(Problem::KeyReused),
    }
}

fn updated(resource: &Resource, base: &Base, request: &Request, row: &Row, media: &str) -> Answer {
    match negotiate::is_absent_or_blank(request.accept()) {
        true => written(resource, base, row, StatusCode::NO_CONTENT, media, false),
        false => written(resource, base, row, StatusCode::OK, media, true),
    }
}

fn written(resource: &Resource, base: &Base, row: &Row, status: StatusCode, media: &str, body: bool) -> Answer {
    let answer = match body {
        true => {
            let values = resource.represent(&*row.state);
            Answer::with_body(status, media, hal::item(resource, base, row.stream.id, &values))
        }
        false => Answer::empty(status),
    };
    answer.header(ETAG, &conditional::etag(row.public_version))
}

// === what a request says of itself ===

pub(super) fn acceptable(request: &Request, offered: &[&'static str]) -> Result<&'static str, Problem> {
    negotiate::answer_type(request.accept(), offered).map_err(|error| Problem::NotAcceptable(error.offered))
}

pub(super) fn only_get(request: &Request) -> Result<(), Problem> {
    match request.method {
        Method::GET | Method::HEAD => Ok(()),
        _ => Err(Problem::MethodNotAllowed("GET,HEAD,OPTIONS".to_owned())),
    }
}

fn in_hal(request: &Request, body: impl FnOnce() -> String) -> Result<Answer, Problem> {
    let media = acceptable(request, &[HAL, JSON])?;
    Ok(Answer::with_body(StatusCode::OK, media, body()))
}

fn reads_json(request: &Request) -> Result<(), Problem> {
    let kind = negotiate::reads_as_json(request.content_type());
    kind.map(drop).map_err(|error| Problem::UnsupportedBody(error.to_string()))
}

fn sent(request: &Request, resource: &Resource) -> Result<Sent, Problem> {
    body::read(&request.body, resource.fields).map_err(|error| Problem::BadRequest(error.to_string()))
}

fn collection_allow(resource: &Resource) -> String {
    match resource.methods.create {
        Some(_) => "GET,HEAD,POST,OPTIONS".to_owned(),
        None => "GET,HEAD,OPTIONS".to_owned(),
    }
}

fn item_allow(resource: &Resource) -> String {
    let methods = &resource.methods;
    let offers = [("PUT", &methods.replace), ("PATCH", &methods.patch), ("DELETE", &methods.delete)];
    let mut allow = vec!["GET", "HEAD"];
    allow.extend(offers.into_iter().filter(|(_, offer)| offer.is_some()).map(|(name, _)| name));
    allow.push("OPTIONS");
    allow.join(",")
}
