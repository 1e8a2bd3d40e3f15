//! The paths that describe a service: its root, its profiles.

use warp::http::StatusCode;

use crate::http::answer::Answer;
use crate::http::hal::{self, Base};
use crate::http::negotiate::{ALPS, HAL, JSON, SCHEMA};
use crate::http::problem::Problem;
use crate::http::request::Request;
use crate::http::routes::{Handled, ServiceRoutes, no_such_address};

/// Answers the paths that describe a service.
pub(in crate::http) fn described(service: &ServiceRoutes, base: &Base, rest: &[&str], request: &Request) -> Handled {
    let resources = || service.resources.iter().map(|at| &at.resource);
    let (route, outcome) = match rest {
        [] => ("/", in_hal(request, || hal::root(resources(), base))),
        ["profile"] => ("/profile", in_hal(request, || hal::profile::profiles(resources(), base))),
        [_, collection] => match service.resource(collection) {
            Some(at) => ("/profile", profile(request, &at.resource, base)),
            None => return no_such_address(),
        },
        _ => return no_such_address(),
    };
    Handled { route, outcome }
}

fn in_hal(request: &Request, body: impl FnOnce() -> String) -> Result<Answer, Problem> {
    request.must_read()?;
    let media = request.answer_type(&[HAL, JSON])?;
    Ok(Answer::with_body(StatusCode::OK, media, body()))
}

fn profile(request: &Request, resource: &crate::domain::Resource, base: &Base) -> Result<Answer, Problem> {
    request.must_read()?;
    let media = request.answer_type(&[ALPS, SCHEMA, JSON, HAL])?;
    let body = if media == SCHEMA { hal::profile::schema(resource) } else { hal::profile::alps(resource, base) };
    Ok(Answer::with_body(StatusCode::OK, media, body))
}
