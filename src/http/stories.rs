//! What happened: an aggregate's history and past, the feed of events, the story of a correlation id.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use jiff::Timestamp;
use serde_json::json;
use warp::http::StatusCode;
use warp::http::header::HeaderName;

use super::answer::Answer;
use super::hal::parameters;
use super::problem::Problem;
use super::request::Request;
use super::resources::{acceptable, only_get, visible};
use super::routes::{Edge, Handled, ResourceRoutes, SystemRoutes};
use crate::domain::{self, Recorded};
use crate::journal::reading::ReadError;
use crate::journal::{Journal, Position, Row};

/// The most facts one answer tells.
const FACTS_MAX: usize = 10_000;
/// How many it tells when the client does not say.
const FACTS_DEFAULT: usize = 1_000;
/// How many facts are read at once for the feed.
const READ_MAX: usize = 512;

const LINES: &str = "application/x-ndjson;charset=UTF-8";
const EVENT_STREAM: &str = "text/event-stream";
const JSON: &str = "application/json;charset=UTF-8";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Answers an item's history: its public facts, oldest first.
pub(super) async fn history(edge: &Edge, at: &ResourceRoutes, request: &Request, id: &str) -> Result<Answer, Problem> {
    only_get(request)?;
    acceptable(request, &[JSON])?;
    let stream = stream_of(at, id)?;
    edge.admission.gate_is_open(stream.kind)?;
    let facts = edge.journal.history(stream, FACTS_MAX).await.map_err(unreadable)?;
    let told: Vec<String> = facts.iter().filter(|fact| fact.event.is_public()).map(|fact| told(fact)).collect();
    if told.is_empty() {
        return Err(Problem::NoSuchItem);
    }
    Ok(Answer::with_body(StatusCode::OK, JSON, format!("[{}]", told.join(","))))
}

/// Returns an item as it was at a public version or at a time.
pub(super) async fn row_at(edge: &Edge, at: &ResourceRoutes, id: u64, when: &str) -> Result<Arc<Row>, Problem> {
    let when = parameters(&format!("at={when}")).next().map(|(_, value)| value).unwrap_or_default();
    let moment = Moment::read(&when)?;
    let stream = domain::Stream::new(at.resource.kind, id);
    edge.admission.gate_is_open(stream.kind)?;
    let Some(spec) = &at.spec else {
        // A view has no facts of its own, so only its newest version is known.
        let row = visible(edge, &at.resource, id)?.ok_or(Problem::NoSuchItem)?;
        return if moment.covers(row.public_version, edge.clock.wall_ms()) {
            Ok(row)
        } else {
            Err(Problem::NoSuchItem)
        };
    };
    let facts = edge.journal.history(stream, FACTS_MAX).await.map_err(unreadable)?;
    let until = facts.iter().take_while(|fact| moment.covers(fact.public_version, fact.time_ms));
    let (mut state, mut row) = ((spec.initial)(), None);
    for fact in until {
        state = state.evolved(std::slice::from_ref(&fact.event));
        let Recorded { version, public_version, position, .. } = **fact;
        row = Some(Row { stream, version, public_version, position, state: Arc::clone(&state) as _ });
    }
    row.filter(|row| row.state.exists()).map(Arc::new).ok_or(Problem::NoSuchItem)
}

/// A version or a time.
enum Moment {
    Version(u64),
    Time(u64),
}

impl Moment {
    fn read(text: &str) -> Result<Self, Problem> {
        if let Ok(version) = text.parse() {
            return Ok(Self::Version(version));
        }
        let time: Timestamp = text
            .parse()
            .map_err(|_| Problem::BadRequest(format!("at={text:?} is neither a version nor an rfc 3339 time")))?;
        Ok(Self::Time(u64::try_from(time.as_millisecond()).unwrap_or(0)))
    }

    fn covers(&self, public_version: u64, time_ms: u64) -> bool {
        match self {
            Self::Version(version) => public_version <= *version,
            Self::Time(time) => time_ms <= *time,
        }
    }
}

/// Answers a story: every public fact with the same correlation id, in order.
pub(super) async fn correlation(edge: &Edge, system: &SystemRoutes, request: &Request, id: &str) -> Handled {
    let outcome = async {
        only_get(request)?;
        acceptable(request, &[JSON])?;
        let id = parameters(&format!("id={id}")).next().map(|(_, value)| value).unwrap_or_default();
        let facts = edge.journal.story(&id, FACTS_MAX).await.map_err(unreadable)?;
        let told: Vec<String> = facts.iter().filter(|fact| is_told(fact, system.name)).map(|fact| told(fact)).collect();
        Ok(Answer::with_body(StatusCode::OK, JSON, format!("[{}]", told.join(","))))
    };
    Handled { route: "/correlations/{id}", outcome: outcome.await }
}

/// Answers the feed: JSON lines up to now, or server-sent events from now on for ever.
pub(super) async fn events(edge: &Edge, system: &SystemRoutes, request: &Request) -> Handled {
    let outcome = async {
        only_get(request)?;
        let wish = Wish::read(request, system.name)?;
        match acceptable(request, &[LINES, EVENT_STREAM, JSON])? {
            EVENT_STREAM => Ok(streamed(edge.journal.clone(), wish)),
            media => {
                let mut body = String::new();
                for fact in wish.collect(&edge.journal).await.map_err(unreadable)? {
                    body.push_str(&told(&fact));
                    body.push('\n');
                }
                Ok(Answer::with_body(StatusCode::OK, if media == JSON { LINES } else { media }, body))
            }
        }
    };
    Handled { route: "/events", outcome: outcome.await }
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
            let number = || value.parse::<u64>().map_err(|_| bad_number(&name, &value));
            match name.as_str() {
                "after" => wish.after = number()?,
                "limit" => wish.limit = usize::try_from(number()?).unwrap_or(FACTS_MAX).clamp(1, FACTS_MAX),
                "type" => wish.event_type = Some(value),
                "correlation" => wish.correlation = Some(value),
                _ => {}
            }
        }
        if let Some(last) = request.header(&LAST_EVENT_ID) {
            wish.after = last.trim().parse().map_err(|_| bad_number("Last-Event-ID", last))?;
        }
        Ok(wish)
    }

    fn wants(&self, fact: &Recorded) -> bool {
        is_told(fact, self.system)
            && self.event_type.as_deref().is_none_or(|wanted| wanted == fact.event.name())
            && self.correlation.as_deref().is_none_or(|wanted| wanted == &*fact.correlation)
    }

    async fn collect(&self, journal: &Journal) -> Result<Vec<Arc<Recorded>>, ReadError> {
        let (mut told, mut next) = (Vec::new(), self.after + 1);
        while told.len() < self.limit {
            let facts = journal.facts_from(next, READ_MAX).await?;
            let Some(last) = facts.last() else { break };
            next = last.position + 1;
            told.extend(facts.into_iter().filter(|fact| self.wants(fact)));
        }
        told.truncate(self.limit);
        Ok(told)
    }
}

/// Tells every wanted fact as it becomes durable, until the client leaves.
fn streamed(journal: Journal, wish: Wish) -> Answer {
    let durable = journal.durable();
    let facts = stream::unfold((journal, wish, durable, Vec::new().into_iter()), |state| async move {
        let (journal, mut wish, mut durable, mut waiting): (_, _, _, std::vec::IntoIter<Arc<Recorded>>) = state;
        loop {
            if let Some(fact) = waiting.by_ref().find(|fact| wish.wants(fact)) {
                let event = warp::sse::Event::default()
                    .id(fact.position.to_string())
                    .event(fact.event.name())
                    .data(told(&fact));
                return Some((Ok::<_, std::convert::Infallible>(event), (journal, wish, durable, waiting)));
            }
            durable.borrow_and_update();
            let facts = journal.facts_from(wish.after + 1, READ_MAX).await.ok()?;
            match facts.last() {
                Some(last) => {
                    wish.after = last.position;
                    waiting = facts.into_iter();
                }
                None => durable.changed().await.ok()?,
            }
        }
    });
    let facts = Shareable(parking_lot::Mutex::new(facts.boxed()));
    Answer::streaming(warp::sse::reply(warp::sse::keep_alive().stream(facts)))
}

/// A stream that may be shared, as warp asks of bodies; it is only ever polled by its one owner.
struct Shareable<T>(parking_lot::Mutex<BoxStream<'static, T>>);

impl<T> Stream for Shareable<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        self.get_mut().0.get_mut().as_mut().poll_next(context)
    }
}

fn is_told(fact: &Recorded, system: &str) -> bool {
    fact.event.is_public() && fact.stream.kind.system() == system
}

/// Tells a fact in the originals' envelope: type, time, the event's own fields; the rest in `meta`.
fn told(fact: &Recorded) -> String {
    let time = i64::try_from(fact.time_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or_default();
    let fields = serde_json::to_string(fact.event.payload()).unwrap_or_default();
    let fields = fields.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).unwrap_or_default();
    let meta = json!({
        "position": fact.position,
        "aggregate": fact.stream.to_string(),
        "version": fact.public_version,
        "correlationId": &*fact.correlation,
        "commandId": format!("{:032x}", fact.command),
        "causation": fact.causation,
        "time": time.to_string(),
    });
    let comma = if fields.is_empty() { "" } else { "," };
    let stamp = time.strftime("%Y%m%d%H%M%S");
    format!(r#"{{"eventType":"{}","timestamp":"{stamp}",{fields}{comma}"meta":{meta}}}"#, fact.event.name())
}

fn stream_of(at: &ResourceRoutes, id: &str) -> Result<domain::Stream, Problem> {
    id.parse().map(|id| domain::Stream::new(at.resource.kind, id)).map_err(|_| Problem::NoSuchItem)
}

fn bad_number(name: &str, value: &str) -> Problem {
    Problem::BadRequest(format!("{name}={value:?} is no position"))
}

fn unreadable(error: ReadError) -> Problem {
    Problem::Internal(format!("the log cannot be read: {error}"))
}
