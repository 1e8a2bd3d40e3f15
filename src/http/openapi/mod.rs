//! What a listener offers, for machines (OpenAPI 3.1) and for people (a page that reads it and tries it).
//!
//! Made from the descriptions the routes are made from: what is not offered is not described.

mod document;
mod schemas;

use warp::http::StatusCode;
use warp::http::header::{CONTENT_SECURITY_POLICY, HeaderName};

use super::answer::Answer;
use super::request::Request;
use super::routes::{Handled, ServiceRoutes, SystemRoutes};
use document::Document;

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
/// The page is whole: it loads nothing from elsewhere.
const PAGE: &str = include_str!("page.html");
const POLICY: (HeaderName, &str) =
    (CONTENT_SECURITY_POLICY, "default-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'");

/// Whose paths are described.
#[derive(Clone, Copy, Debug)]
pub(super) enum Of<'a> {
    /// A system's gateway: each collection at the first service that has it, and the stories.
    Gateway(&'a SystemRoutes),
    /// One service.
    Service(&'a ServiceRoutes),
}

/// Answers `openapi.json`, `v3/api-docs` and `docs`; `None` for other paths.
/// Lists of `selective` listeners can be asked for some fields and items.
pub(super) fn described(
    of: Of<'_>,
    selective: bool,
    prefix: &str,
    path: &[&str],
    request: &Request,
) -> Option<Handled> {
    let (route, media) = match path {
        ["openapi.json"] => ("/openapi.json", JSON),
        ["v3", "api-docs"] => ("/v3/api-docs", JSON),
        ["docs"] => ("/docs", HTML),
        _ => return None,
    };
    let outcome = request.must_read().map(|()| match media {
        HTML => Answer::with_body(StatusCode::OK, HTML, PAGE).header(POLICY.0, POLICY.1),
        _ => {
            let server = format!("{}{prefix}", request.origin());
            Answer::with_body(StatusCode::OK, JSON, format!("{:#}", Document::of(of, &server, selective).json()))
        }
    });
    Some(Handled { route, outcome })
}
