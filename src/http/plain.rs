//! Hand-written paths: the request goes to the description's own function, and what it decides is done here.

use std::sync::Arc;

use warp::http::{Method, StatusCode};

use super::answer::Answer;
use super::body;
use super::hal::parameters;
use super::problem::Problem;
use super::request::Request;
use super::resources::{called, visible};
use super::routes::{Edge, Handled, ServiceRoutes};
use crate::actors::Precondition;
use crate::actors::admission::Target;
use crate::domain::{Act, Body, Plain, Route, Stream, Verb, Visit};

const JSON: &str = "application/json;charset=UTF-8";
const TEXT: &str = "text/plain;charset=UTF-8";

/// Answers a path that a service has written by hand; `None` when it has none there.
pub(super) async fn visit(edge: &Edge, service: &ServiceRoutes, request: &Request, path: &[&str]) -> Option<Handled> {
    let (route, id) = match find(service, &request.method, path)? {
        Ok(found) => found,
        Err(refused) => return Some(Handled { route: "unknown", outcome: Err(refused) }),
    };
    Some(Handled { route: route.path, outcome: acted(edge, service, request, route, id).await })
}

/// Finds the route at a path, or says that its method is not offered; a collection of the same name may offer it.
fn find<'a>(
    service: &'a ServiceRoutes,
    method: &Method,
    path: &[&str],
) -> Option<Result<(&'a Route, Option<u64>), Problem>> {
    let here: Vec<_> = service.routes.iter().filter_map(|route| Some((route, id_in(route, path)?))).collect();
    match here.iter().find(|(route, _)| is_verb(route.verb, method)) {
        Some(found) => Some(Ok(*found)),
        None if here.is_empty() || service.resource(path.first()?).is_some() => None,
        None => Some(Err(Problem::MethodNotAllowed(allowed(service, path)))),
    }
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
        fields => body::read(&request.body, fields).map_err(|error| Problem::BadRequest(error.to_string()))?.body,
    };
    let query: Vec<_> = parameters(request.query.as_deref().unwrap_or_default()).collect();
    let settings = edge.runtime.settings(service.system);
    match (route.act)(&Visit { id, parameters: &query, body: &sent, settings }) {
        Act::Say(plain) => answer(plain),
        Act::Show { stream, render } => {
            let row = visible(edge, stream)?.ok_or(Problem::NoSuchItem)?;
            answer(render(stream.id, &*row.state))
        }
        Act::Tell { kind, id, command, render } => {
            let target = id.map_or(Target::New(kind), |id| Target::Existing(Stream::new(kind, id)));
            if let Target::Existing(stream) = target
                && visible(edge, stream)?.is_none()
            {
                return Err(Problem::NoSuchItem);
            }
            let row = called(edge, request, target, Arc::clone(&command), Precondition::Always).await?;
            answer(render(row.stream.id, &*row.state))
        }
    }
}

fn answer(plain: Plain) -> Result<Answer, Problem> {
    let status = StatusCode::from_u16(plain.status)
        .map_err(|_| Problem::Internal(format!("a route answers with status {}", plain.status)))?;
    Ok(Answer::with_body(status, if plain.json { JSON } else { TEXT }, plain.body))
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
