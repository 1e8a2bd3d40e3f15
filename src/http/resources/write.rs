//! Changes: from a method and a body to a command, and from its outcome to an answer.
//!
//! A resend of a known key is answered as its first run was, whatever the item has become since. A row and the answer
//! that made it become visible together, so whoever looks at the row first misses no answer.

use std::sync::Arc;

use warp::http::StatusCode;
use warp::http::header::{ETAG, LOCATION};

use super::read::visible;
use crate::actors::admission::Target;
use crate::actors::{Call, Precondition, Reply};
use crate::domain::{AnyCommand, Body, Field, Kind, Refusal, Resource, Stream};
use crate::http::answer::Answer;
use crate::http::body::{self, Sent};
use crate::http::conditional;
use crate::http::hal::{self, Base};
use crate::http::negotiate::{self, BodyKind, HAL, JSON};
use crate::http::problem::Problem;
use crate::http::request::Request;
use crate::http::routes::Edge;
use crate::journal::{Answered, Row};
use crate::resilience::{Partition, Reason};
use crate::telemetry::tracing::trace_id;

/// How often a JSON Patch is tried on a state that moves meanwhile.
const PATCH_TRIES_MAX: usize = 8;

/// Turns a body into a command.
type Translate = Arc<dyn Fn(&Body) -> Arc<dyn AnyCommand> + Send + Sync>;

/// Answers POST on a collection.
pub(super) async fn create(
    edge: &Edge,
    resource: &Resource,
    base: &Base,
    request: &Request,
    translate: &Translate,
) -> Result<Answer, Problem> {
    let media = request.answer_type(&[HAL, JSON])?;
    let Sent { body, id } = sent(request, resource)?;
    must_be_free(edge, request, resource, id)?;
    let target = Target::New(resource.kind);
    let row = called(edge, request, target, translate(&body), Precondition::Always).await?;
    let location = base.item(resource, row.stream.id);
    let body = !negotiate::is_absent_or_blank(request.accept());
    Ok(written(resource, base, &row, StatusCode::CREATED, media, body).header(LOCATION, &location))
}

/// Refuses to make what a client names by the id of an item that is there, unless its key has made it before.
pub(in crate::http) fn must_be_free(
    edge: &Edge,
    request: &Request,
    resource: &Resource,
    id: Option<u64>,
) -> Result<(), Problem> {
    match id {
        Some(id)
            if visible(edge, Stream::new(resource.kind, id))?.is_some()
                && answered_before(edge, request, resource.kind)?.is_none() =>
        {
            Err(Refusal::rule("id-is-free", format!("{} {id} exists", resource.item)).into())
        }
        Some(_) | None => Ok(()),
    }
}

/// Answers PUT on an item.
pub(super) async fn replace(
    edge: &Edge,
    resource: &Resource,
    base: &Base,
    request: &Request,
    id: u64,
    translate: &Translate,
) -> Result<Answer, Problem> {
    let media = request.answer_type(&[HAL, JSON])?;
    let command = translate(&sent(request, resource)?.body);
    let stream = reachable(edge, request, Stream::new(resource.kind, id))?;
    let row = called(edge, request, Target::Existing(stream), command, precondition(request)).await?;
    Ok(updated(resource, base, request, &row, media).header(LOCATION, &base.item(resource, id)))
}

/// Answers PATCH on an item.
pub(super) async fn patch(
    edge: &Edge,
    resource: &Resource,
    base: &Base,
    request: &Request,
    id: u64,
    translate: &Translate,
) -> Result<Answer, Problem> {
    let media = request.answer_type(&[HAL, JSON])?;
    let kind = negotiate::reads_as_json(request.content_type())
        .map_err(|error| Problem::UnsupportedPatch(error.to_string()))?;
    let stream = reachable(edge, request, Stream::new(resource.kind, id))?;
    let row = match kind {
        BodyKind::Json | BodyKind::MergePatch => {
            let command = translate(&fields(request, resource.fields)?.body);
            called(edge, request, Target::Existing(stream), command, precondition(request)).await?
        }
        BodyKind::JsonPatch => patched(edge, resource, request, stream, translate).await?,
    };
    Ok(updated(resource, base, request, &row, media))
}

/// Answers DELETE on an item.
pub(super) async fn delete(
    edge: &Edge,
    resource: &Resource,
    request: &Request,
    id: u64,
    translate: &Translate,
) -> Result<Answer, Problem> {
    let stream = reachable(edge, request, Stream::new(resource.kind, id))?;
    let command = translate(&Body::default());
    called(edge, request, Target::Existing(stream), command, precondition(request)).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// Applies a list of operations to the state they are read against, and to no other.
async fn patched(
    edge: &Edge,
    resource: &Resource,
    request: &Request,
    stream: Stream,
    translate: &Translate,
) -> Result<Arc<Row>, Problem> {
    let target = Target::Existing(stream);
    let own = precondition(request);
    let mut newest = None;
    for _ in 0..PATCH_TRIES_MAX {
        let row = visible(edge, Stream::new(resource.kind, stream.id))?;
        if answered_before(edge, request, stream.kind)?.is_some() {
            // The operations may make no sense on a state that has them; what never holds can only be answered again.
            let never = Precondition::OneOf(Vec::new());
            match called(edge, request, target, translate(&Body::default()), never).await {
                Err(Problem::PreconditionFailed(_)) => {}
                settled => return settled,
            }
        }
        let row = row.ok_or_else(|| missing(&own))?;
        if !own.holds(true, row.public_version) {
            return Err(Problem::PreconditionFailed(Some(row.public_version)));
        }
        let current = resource.represent(&*row.state);
        let body = body::patched(&current, resource.fields, &request.body)
            .map_err(|error| Problem::BadRequest(error.to_string()))?;
        let pinned = Precondition::OneOf(vec![row.public_version]);
        match called(edge, request, target, translate(&body), pinned).await {
            Err(Problem::PreconditionFailed(version)) => newest = version,
            settled => return settled,
        }
    }
    Err(Problem::PreconditionFailed(newest))
}

/// Returns the stream of an item that clients see, or that this request's key has changed before. Nothing else may
/// wake an actor: the id may never have been.
pub(in crate::http) fn reachable(edge: &Edge, request: &Request, stream: Stream) -> Result<Stream, Problem> {
    edge.admission.gate_is_open(stream.kind)?;
    if edge.journal.ids().shows(stream.kind, stream.id) {
        return Ok(stream);
    }
    match answered_before(edge, request, stream.kind)? {
        Some(answered) if answered.stream == stream => Ok(stream),
        Some(_) => Err(Problem::KeyReused),
        None => Err(missing(&precondition(request))),
    }
}

fn missing(own: &Precondition) -> Problem {
    if own.holds(false, 0) { Problem::NoSuchItem } else { Problem::PreconditionFailed(None) }
}

/// Returns what the request's key came to, if it has one that was used before.
fn answered_before(edge: &Edge, request: &Request, kind: Kind) -> Result<Option<Arc<Answered>>, Problem> {
    let Some(id) = request.keyed_id(kind)? else { return Ok(None) };
    edge.journal.answer(id).map_err(|error| {
        let (correlation, trace_id) = (&*request.correlation, trace_id(request.trace));
        tracing::error!(correlation, trace_id, %error, "a key could not be looked up");
        Problem::unavailable(Reason::StorageReadOnly)
    })
}

/// Has a command decided, and returns the row right after it.
pub(in crate::http) async fn called(
    edge: &Edge,
    request: &Request,
    target: Target,
    command: Arc<dyn AnyCommand>,
    precondition: Precondition,
) -> Result<Arc<Row>, Problem> {
    let meta = request.command_meta(target.kind(), &edge.clock)?;
    let call = Call { target, command, meta, precondition, deadline: request.deadline };
    let (stream, reply) = edge.admission.call(Partition::Edge, call).await?;
    match reply {
        Reply::Done(done) => done.row.ok_or_else(|| Problem::Internal(format!("{stream} was written and has no row"))),
        Reply::Refused(refusal) => Err(refusal.into()),
        Reply::PreconditionFailed { public_version } => Err(Problem::PreconditionFailed(Some(public_version))),
        Reply::KeyReused => Err(Problem::KeyReused),
    }
}

/// Reads what a writer believes of the item.
pub(in crate::http) fn precondition(request: &Request) -> Precondition {
    conditional::precondition(request.if_match(), request.if_none_match())
}

/// Reads the fields of a body that stands for a whole item.
fn sent(request: &Request, resource: &Resource) -> Result<Sent, Problem> {
    read_json(request, resource.fields)
}

/// Reads a JSON body by its fields.
pub(in crate::http) fn read_json(request: &Request, of: &'static [Field]) -> Result<Sent, Problem> {
    match negotiate::reads_as_json(request.content_type()) {
        Ok(BodyKind::Json | BodyKind::MergePatch) => fields(request, of),
        Ok(BodyKind::JsonPatch) => Err(Problem::UnsupportedBody("operations on an item are read by PATCH".to_owned())),
        Err(error) => Err(Problem::UnsupportedBody(error.to_string())),
    }
}

fn fields(request: &Request, fields: &'static [Field]) -> Result<Sent, Problem> {
    body::read(&request.body, fields).map_err(|error| Problem::BadRequest(error.to_string()))
}

/// A client that does not say what it accepts gets no body.
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
            Answer::with_body(status, media, hal::item(resource, base, row.stream.id, &values, hal::Fields::default()))
        }
        false => Answer::empty(status),
    };
    answer.header(ETAG, &conditional::etag(row.public_version))
}
