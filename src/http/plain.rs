//! Hand-written paths: the request goes to the description's own function, and what it decides is done here.

use std::sync::Arc;

use warp::http::header::{ALLOW, ETAG};
use warp::http::{Method, StatusCode};

use super::answer::Answer;
use super::body::Sent;
use super::conditional;
use super::hal::parameters;
use super::negotiate::{HAL, JSON};
use super::problem::Problem;
use super::request::Request;
use super::resources::{
    WHOLE_ROWS_MAX, called, must_be_free, precondition, reachable, read_json, unless_known, visible,
};
use super::routes::{Edge, Handled, ServiceRoutes};
use crate::actors::Precondition;
use crate::actors::admission::Target;
use crate::domain::{Act, Body, Methods, Plain, Resource, Route, Stream, Verb, Visit};
use crate::journal::Row;

const TEXT: &str = "text/plain;charset=UTF-8";
/// What a plain object is called; the originals gave it either name.
const OBJECT: [&str; 2] = [JSON, HAL];

/// What stands at a path.
enum Found<'a> {
    Route(&'a Route, Option<u64>),
    /// None for the request's method, but for these.
    OtherMethods(String),
}

/// Answers a path that a service has written by hand; `None` when it has none there.
pub(super) async fn visit(edge: &Edge, service: &ServiceRoutes, request: &Request, path: &[&str]) -> Option<Handled> {
    match find(service, &request.method, path)? {
        Found::OtherMethods(allow) => Some(Handled { route: "unknown", outcome: other_method(request, allow) }),
        Found::Route(route, id) => {
            Some(Handled { route: route.path, outcome: acted(edge, service, request, route, id).await })
        }
    }
}

/// Answers for an item as a plain object; `None` when the service shows none there.
pub(super) async fn twin(edge: &Edge, service: &ServiceRoutes, request: &Request, path: &[&str]) -> Option<Handled> {
    let at = service.plain(path.first()?)?;
    let id = match path[1..] {
        [] => None,
        [id] => Some(id.parse().ok()?),
        _ => return None,
    };
    Some(Handled { route: at.plain_label, outcome: twin_acted(edge, &at.resource, request, id).await })
}

async fn twin_acted(edge: &Edge, resource: &Resource, request: &Request, id: Option<u64>) -> Result<Answer, Problem> {
    let Methods { create, patch, delete, .. } = &resource.methods;
    let sent = || read_json(request, resource.fields);
    let object = |row: &Row| Plain::object(row.stream.id, resource.fields, &resource.represent(&*row.state)).body;
    let (target, command) = match (&request.method, id, create, patch, delete) {
        (&Method::GET | &Method::HEAD, Some(id), ..) => {
            let _place = edge.admission.look(resource.kind, request.deadline).await?;
            let row = visible(edge, Stream::new(resource.kind, id))?.ok_or(Problem::NoSuchItem)?;
            let media = request.answer_type(&OBJECT)?;
            return Ok(unless_known(request, &conditional::etag(row.public_version), media, || object(&row)));
        }
        (&Method::POST, None, Some(create), ..) => {
            let Sent { body, id } = sent()?;
            must_be_free(edge, request, resource, id)?;
            (Target::New(resource.kind), create(&body))
        }
        (&Method::PATCH, Some(id), _, Some(patch), _) => {
            let stream = reachable(edge, request, Stream::new(resource.kind, id))?;
            (Target::Existing(stream), patch(&sent()?.body))
        }
        (&Method::DELETE, Some(id), .., Some(delete)) => {
            let stream = reachable(edge, request, Stream::new(resource.kind, id))?;
            (Target::Existing(stream), delete(&Body::default()))
        }
        _ => {
            let on_item = [("GET,HEAD", true), ("PATCH", patch.is_some()), ("DELETE", delete.is_some())];
            let verbs = if id.is_some() { &on_item[..] } else { &[("POST", create.is_some())][..] };
            let verbs = verbs.iter().filter(|(_, offered)| *offered).map(|(verb, _)| *verb);
            return other_method(request, verbs.chain(["OPTIONS"]).collect::<Vec<_>>().join(","));
        }
    };
    let media = request.answer_type(&OBJECT)?;
    let row = called(edge, request, target, command, believed(request, target)).await?;
    Ok(Answer::with_body(StatusCode::OK, media, object(&row)).header(ETAG, &conditional::etag(row.public_version)))
}

/// Reads what a writer believes of what is there already.
fn believed(request: &Request, target: Target) -> Precondition {
    match target {
        Target::New(_) => Precondition::Always,
        Target::Existing(_) => precondition(request),
    }
}

/// Says which methods there are.
fn other_method(request: &Request, allow: String) -> Result<Answer, Problem> {
    match request.method {
        Method::OPTIONS => Ok(Answer::empty(StatusCode::OK).header(ALLOW, &allow)),
        _ => Err(Problem::MethodNotAllowed(allow)),
    }
}

/// Finds what stands at a path; a collection of the same name may offer other methods.
fn find<'a>(service: &'a ServiceRoutes, method: &Method, path: &[&str]) -> Option<Found<'a>> {
    let here: Vec<_> = service.routes.iter().filter_map(|route| Some((route, id_in(route, path)?))).collect();
    if let Some((route, id)) = here.iter().find(|(route, _)| is_verb(route.verb, method)) {
        return Some(Found::Route(route, *id));
    }
    if here.is_empty() || service.resource(path.first()?).is_some() {
        return None;
    }
    Some(Found::OtherMethods(allowed(service, path)))
}

async fn acted(
    edge: &Edge,
    service: &ServiceRoutes,
    request: &Request,
    route: &Route,
    id: Option<u64>,
) -> Result<Answer, Problem> {
    let sent = match route.fields {
        [] => Body::default(),
        fields => read_json(request, fields)?.body,
    };
    let query: Vec<_> = parameters(request.query.as_deref().unwrap_or_default()).collect();
    let settings = edge.runtime.settings(service.system);
    match (route.act)(&Visit { id, parameters: &query, body: &sent, settings }) {
        Act::Say(plain) => answer(request, plain),
        Act::Misread(reason) => Err(Problem::BadRequest(reason)),
        Act::Show { stream, render } => {
            let _place = edge.admission.look(stream.kind, request.deadline).await?;
            let row = visible(edge, stream)?.ok_or(Problem::NoSuchItem)?;
            answer(request, render(stream.id, &*row.state))
        }
        Act::List { kind, render } => {
            let _place = edge.admission.look(kind, request.deadline).await?;
            let rows = edge.journal.ids().page(kind, 0, WHOLE_ROWS_MAX).into_iter();
            let rows = rows.map(|id| Ok(visible(edge, Stream::new(kind, id))?.map(|row| render(id, &*row.state).body)));
            let shown: Vec<String> = rows.filter_map(Result::transpose).collect::<Result<_, Problem>>()?;
            answer(request, Plain::json(format!("[{}]", shown.join(","))))
        }
        Act::Tell { kind, id, command, render } => {
            // Before anything is done.
            request.answer_type(&OBJECT)?;
            let target = match id {
                Some(id) => Target::Existing(reachable(edge, request, Stream::new(kind, id))?),
                None => Target::New(kind),
            };
            let row = called(edge, request, target, Arc::clone(&command), believed(request, target)).await?;
            answer(request, render(row.stream.id, &*row.state))
        }
    }
}

fn answer(request: &Request, plain: Plain) -> Result<Answer, Problem> {
    let status = StatusCode::from_u16(plain.status)
        .map_err(|_| Problem::Internal(format!("a route answers with status {}", plain.status)))?;
    let media = if plain.json { request.answer_type(&OBJECT)? } else { TEXT };
    Ok(Answer::with_body(status, media, plain.body))
}

/// Tells whether a route stands at a path, and which id the path names.
fn id_in(route: &Route, path: &[&str]) -> Option<Option<u64>> {
    let mut id = None;
    let mut parts = route.path.trim_matches('/').split('/');
    for given in path {
        match parts.next()? {
            "{id}" => id = Some(given.parse().ok()?),
            part if part == *given => {}
            _ => return None,
        }
    }
    parts.next().is_none().then_some(id)
}

fn is_verb(verb: Verb, method: &Method) -> bool {
    match verb {
        Verb::Get => method == Method::GET || method == Method::HEAD,
        Verb::Post => method == Method::POST,
        Verb::Patch => method == Method::PATCH,
        Verb::Delete => method == Method::DELETE,
    }
}

fn allowed(service: &ServiceRoutes, path: &[&str]) -> String {
    let here = service.routes.iter().filter(|route| id_in(route, path).is_some());
    let mut verbs: Vec<&str> = here
        .map(|route| match route.verb {
            Verb::Get => "GET,HEAD",
            Verb::Post => "POST",
            Verb::Patch => "PATCH",
            Verb::Delete => "DELETE",
        })
        .collect();
    verbs.push("OPTIONS");
    verbs.join(",")
}
