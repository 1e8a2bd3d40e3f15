//! One story: every public fact with the same correlation id, whatever aggregate it happened to.

use std::ops::ControlFlow;

use super::fact::{JSON, is_told};
use super::page::{Page, after};
use super::scans::Selection;
use crate::domain::Recorded;
use crate::http::answer::Answer;
use crate::http::hal::decoded;
use crate::http::problem::Problem;
use crate::http::request::Request;
use crate::http::routes::{Edge, Handled, SystemRoutes};

/// Answers a story, oldest fact first, with a link to the rest where one answer is too short.
pub(in crate::http) async fn correlation(edge: &Edge, system: &SystemRoutes, request: &Request, id: &str) -> Handled {
    Handled { route: "/correlations/{id}", outcome: story(edge, system, request, &decoded(id)).await }
}

async fn story(edge: &Edge, system: &SystemRoutes, request: &Request, id: &str) -> Result<Answer, Problem> {
    request.must_read()?;
    request.answer_type(&[JSON])?;
    let from = after(request)?.saturating_add(1);
    let mut page = Page::default();
    let take = |fact: &Recorded| match is_told(fact, system.name) {
        true => page.take(fact),
        false => ControlFlow::Continue(()),
    };
    edge.scans.read(&edge.journal, Selection::Story(id), from, request.deadline, take).await?;
    Ok(page.into_answer(&request.path))
}
