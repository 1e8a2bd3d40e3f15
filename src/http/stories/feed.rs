//! The feed: what happened in a system, in the order of the log, up to now or from now on for ever.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use tokio::sync::watch;
use warp::http::StatusCode;
use warp::http::header::HeaderName;
use warp::sse::Event;

use super::FACTS_MAX;
use super::fact::{JSON, is_told, position, told};
use super::scans::Selection;
use crate::domain::Recorded;
use crate::http::answer::Answer;
use crate::http::hal::parameters;
use crate::http::problem::Problem;
use crate::http::request::Request;
use crate::http::routes::{Edge, Handled, SystemRoutes};
use crate::journal::{Journal, Position};

/// How many facts an answer tells when the client does not say.
const FACTS_DEFAULT: usize = 1_000;
/// How many facts are read at once for one endless answer.
const READ_MAX: usize = 512;

const LINES: &str = "application/x-ndjson;charset=UTF-8";
const EVENT_STREAM: &str = "text/event-stream";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Answers the feed: JSON lines up to now, or server-sent events from now on for ever.
pub(in crate::http) async fn events(edge: &Edge, system: &SystemRoutes, request: &Request) -> Handled {
    Handled { route: "/events", outcome: feed(edge, system, request).await }
}

async fn feed(edge: &Edge, system: &SystemRoutes, request: &Request) -> Result<Answer, Problem> {
    request.must_read()?;
    let wish = Wish::read(request, system.name)?;
    match request.answer_type(&[LINES, EVENT_STREAM, JSON])? {
        EVENT_STREAM => Ok(Following::begin(edge.journal.clone(), edge.draining.subscribe(), wish)),
        _ => {
            let body = wish.lines(edge, request).await?;
            Ok(Answer::with_body(StatusCode::OK, LINES, body))
        }
    }
}

/// What a reader of the feed wants.
struct Wish {
    system: &'static str,
    after: Position,
    limit: usize,
    event_type: Option<String>,
    correlation: Option<String>,
}

impl Wish {
    fn read(request: &Request, system: &'static str) -> Result<Self, Problem> {
        let mut wish = Self { system, after: 0, limit: FACTS_DEFAULT, event_type: None, correlation: None };
        for (name, value) in parameters(request.query.as_deref().unwrap_or_default()) {
            match name.as_str() {
                "after" => wish.after = position(name, &value)?,
                "limit" => wish.limit = limit(&value)?,
                "type" => wish.event_type = Some(value),
                "correlation" => wish.correlation = Some(value),
                _ => {}
            }
        }
        if let Some(last) = request.header(&LAST_EVENT_ID) {
            wish.after = position("Last-Event-ID", last)?;
        }
        Ok(wish)
    }

    fn wants(&self, fact: &Recorded) -> bool {
        is_told(fact, self.system)
            && self.event_type.as_deref().is_none_or(|wanted| wanted == fact.event.name())
            && self.correlation.as_deref().is_none_or(|wanted| wanted == &*fact.correlation)
    }

    /// Tells as many facts as wanted, a line each.
    async fn lines(&self, edge: &Edge, request: &Request) -> Result<String, Problem> {
        let (mut lines, mut count) = (String::new(), 0);
        let take = |fact: &Recorded| {
            if self.wants(fact) {
                lines.push_str(&told(fact));
                lines.push('\n');
                count += 1;
            }
            if count < self.limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let from = self.after.saturating_add(1);
        edge.scans.read(&edge.journal, Selection::Everything, from, request.deadline, take).await?;
        Ok(lines)
    }
}

fn limit(value: &str) -> Result<usize, Problem> {
    let limit: u64 = value.parse().map_err(|_| Problem::BadRequest(format!("limit={value:?} is no number")))?;
    Ok(usize::try_from(limit).unwrap_or(FACTS_MAX).clamp(1, FACTS_MAX))
}

/// A reader that is told every wanted fact as it becomes durable, until it leaves.
struct Following {
    journal: Journal,
    wish: Wish,
    durable: watch::Receiver<Position>,
    /// A stop must not wait for readers that never leave.
    draining: watch::Receiver<bool>,
    waiting: std::vec::IntoIter<Arc<Recorded>>,
}

impl Following {
    fn begin(journal: Journal, draining: watch::Receiver<bool>, wish: Wish) -> Answer {
        let durable = journal.durable();
        let following = Self { journal, wish, durable, draining, waiting: Vec::new().into_iter() };
        let events = stream::unfold(following, |mut following| async move {
            let event = following.next().await?;
            Some((Ok::<_, Infallible>(event), following))
        });
        let events = Shareable(parking_lot::Mutex::new(events.boxed()));
        Answer::streaming(warp::sse::reply(warp::sse::keep_alive().stream(events)))
    }

    /// Waits for the next wanted fact; `None` when there will be none any more.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(fact) = self.waiting.by_ref().find(|fact| self.wish.wants(fact)) {
                let event = Event::default().id(fact.position.to_string()).event(fact.event.name());
                return Some(event.data(told(&fact)));
            }
            // Marked as seen before the look, so that a fact between look and wait is not missed.
            self.durable.borrow_and_update();
            let facts = self.journal.facts_from(self.wish.after.saturating_add(1), READ_MAX).await.ok()?;
            match facts.last() {
                Some(last) => {
                    self.wish.after = last.position;
                    self.waiting = facts.into_iter();
                }
                None => tokio::select! {
                    changed = self.durable.changed() => changed.ok()?,
                    _ = self.draining.wait_for(|draining| *draining) => return None,
                },
            }
        }
    }
}

/// A stream that may be shared, as warp asks of bodies; it is only ever polled by its one owner.
struct Shareable<T>(parking_lot::Mutex<BoxStream<'static, T>>);

impl<T> Stream for Shareable<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        self.get_mut().0.get_mut().as_mut().poll_next(context)
    }
}
