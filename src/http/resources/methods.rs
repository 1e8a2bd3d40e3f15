//! From a method to what is done; a method that is not offered is answered with those that are.

use warp::http::header::{ALLOW, HeaderName};
use warp::http::{Method, StatusCode};

use super::{read, write};
use crate::domain::Resource;
use crate::http::answer::Answer;
use crate::http::hal::Base;
use crate::http::negotiate::PATCH_TYPES;
use crate::http::problem::Problem;
use crate::http::request::Request;
use crate::http::routes::{Edge, ResourceRoutes};

const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// Answers a collection's path.
pub(in crate::http) async fn collection(
    edge: &Edge,
    resource: &Resource,
    base: &Base,
    request: &Request,
) -> Result<Answer, Problem> {
    match (&request.method, &resource.methods.create) {
        (&Method::GET | &Method::HEAD, _) => read::list(edge, resource, base, request),
        (&Method::POST, Some(translate)) => write::create(edge, resource, base, request, translate).await,
        _ => Err(Problem::MethodNotAllowed(collection_allow(resource).to_owned())),
    }
}

/// Answers an item's path.
pub(in crate::http) async fn item(
    edge: &Edge,
    at: &ResourceRoutes,
    base: &Base,
    request: &Request,
    id: &str,
) -> Result<Answer, Problem> {
    let resource = &at.resource;
    let methods = &resource.methods;
    let id: u64 = id.parse().map_err(|_| Problem::NoSuchItem)?;
    match (&request.method, &methods.replace, &methods.patch, &methods.delete) {
        (&Method::GET | &Method::HEAD, ..) => read::shown(edge, at, base, request, id).await,
        (&Method::OPTIONS, ..) => Ok(options(resource)),
        (&Method::PUT, Some(translate), _, _) => write::replace(edge, resource, base, request, id, translate).await,
        (&Method::PATCH, _, Some(translate), _) => write::patch(edge, resource, base, request, id, translate).await,
        (&Method::DELETE, _, _, Some(translate)) => write::delete(edge, resource, request, id, translate).await,
        _ => Err(Problem::MethodNotAllowed(item_allow(resource))),
    }
}

fn options(resource: &Resource) -> Answer {
    let answer = Answer::empty(StatusCode::OK).header(ALLOW, &item_allow(resource));
    if resource.methods.patch.is_some() { answer.header(ACCEPT_PATCH, PATCH_TYPES) } else { answer }
}

fn collection_allow(resource: &Resource) -> &'static str {
    match resource.methods.create {
        Some(_) => "GET,HEAD,POST,OPTIONS",
        None => "GET,HEAD,OPTIONS",
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
