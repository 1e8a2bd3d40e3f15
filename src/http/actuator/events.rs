//! What is kept of what happened to circuit breakers and bulkheads, oldest first: changes of state and failures, and a
//! few of the rejections. Calls that went well leave no event.

use std::cmp::Reverse;
use std::time::Duration;

use serde::Serialize;

use super::endpoints::list;
use crate::http::routes::Edge;
use crate::http::steering::{look, name_of};
use crate::resilience::breaker::{Cause, Event, Happening, Transition};
use crate::resilience::{Guard, Partition, Retry, RetryEvent, RetryHappening};

const ERROR: &str = "ERROR";
const NOT_PERMITTED: &str = "NOT_PERMITTED";
const STATE_TRANSITION: &str = "STATE_TRANSITION";
const FAILURE_RATE_EXCEEDED: &str = "FAILURE_RATE_EXCEEDED";
const CALL_REJECTED: &str = "CALL_REJECTED";

/// The types a client may ask for, of which not all are kept.
pub(super) const BREAKER_TYPES: [&str; 10] = [
    ERROR,
    "IGNORED_ERROR",
    "SUCCESS",
    NOT_PERMITTED,
    STATE_TRANSITION,
    "RESET",
    "FORCED_OPEN",
    "DISABLED",
    FAILURE_RATE_EXCEEDED,
    "SLOW_CALL_RATE_EXCEEDED",
];
pub(super) const RETRY_TYPES: [&str; 4] = ["RETRY", "SUCCESS", "ERROR", "IGNORED_ERROR"];
pub(super) const BULKHEAD_TYPES: [&str; 3] = ["CALL_PERMITTED", CALL_REJECTED, "CALL_FINISHED"];

/// Which events a client wants: `[/name[/type]]`.
#[derive(Debug)]
pub(super) struct Wanted {
    name: Option<String>,
    kind: Option<&'static str>,
}

impl Wanted {
    /// Reads the rest of the path: a name may have slashes, so only a word that is a type ends it.
    pub(super) fn read(rest: &[&str], types: &[&'static str]) -> Self {
        let of = |word: &str| types.iter().copied().find(|kind| kind.eq_ignore_ascii_case(word));
        match rest {
            [] => Self { name: None, kind: None },
            [name @ .., last] if !name.is_empty() && of(last).is_some() => {
                Self { name: Some(name_of(name)), kind: of(last) }
            }
            name => Self { name: Some(name_of(name)), kind: None },
        }
    }

    fn names(&self, name: &str) -> bool {
        self.name.as_deref().is_none_or(|wanted| wanted == name)
    }

    fn is_of(&self, kind: &str) -> bool {
        self.kind.is_none_or(|wanted| wanted == kind)
    }
}

/// An event of a breaker as resilience4j shows it, nulls included.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BreakerEvent<'a> {
    circuit_breaker_name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    creation_time: String,
    /// What a call failed with is not kept.
    error_message: Option<&'static str>,
    duration_in_ms: Option<u64>,
    state_transition: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BulkheadEvent {
    bulkhead_name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    creation_time: String,
}

/// Lists the events of breakers.
pub(super) fn of_breakers(edge: &Edge, guards: &[&Guard], wanted: &Wanted) -> String {
    let mut events = Vec::new();
    for guard in guards.iter().filter(|guard| wanted.names(guard.name())) {
        let (_, now) = look(guard);
        for event in guard.breaker().events() {
            let age = now.since(event.at);
            let shown = shown(guard.name(), &event, creation_time(edge, age));
            if wanted.is_of(shown.kind) {
                events.push((age, shown));
            }
        }
    }
    list("circuitBreakerEvents", oldest_first(events))
}

fn shown<'a>(name: &'a str, event: &Event, creation_time: String) -> BreakerEvent<'a> {
    let (kind, took, transition) = match event.happening {
        // Which of its rates it was is not kept.
        Happening::Moved(Transition { cause: Cause::WouldOpen, .. }) => (FAILURE_RATE_EXCEEDED, None, None),
        Happening::Moved(Transition { from, to, .. }) => {
            (STATE_TRANSITION, None, Some(format!("{}_TO_{}", from.resilience4j_code(), to.resilience4j_code())))
        }
        Happening::Failed { took } => (ERROR, Some(took), None),
        Happening::Rejected => (NOT_PERMITTED, None, None),
    };
    BreakerEvent {
        circuit_breaker_name: name,
        kind,
        creation_time,
        error_message: None,
        duration_in_ms: took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
        state_transition: transition,
    }
}

/// Lists the bulkheads of guards: each partition is one.
pub(super) fn bulkheads(guards: &[&Guard]) -> Vec<String> {
    guards.iter().flat_map(|guard| Partition::ALL.map(|partition| partition.full_name(guard.name()))).collect()
}

/// Lists the events of bulkheads.
pub(super) fn of_bulkheads(edge: &Edge, guards: &[&Guard], wanted: &Wanted) -> String {
    let mut events = Vec::new();
    let now = edge.clock.now();
    for (guard, partition) in guards.iter().flat_map(|guard| Partition::ALL.map(|partition| (guard, partition))) {
        let name = partition.full_name(guard.name());
        if !wanted.names(&name) || !wanted.is_of(CALL_REJECTED) {
            continue;
        }
        events.extend(guard.bulkhead(partition).rejections().into_iter().map(|rejection| {
            let age = now.saturating_duration_since(rejection.at);
            let creation_time = creation_time(edge, age);
            (age, BulkheadEvent { bulkhead_name: name.clone(), kind: CALL_REJECTED, creation_time })
        }));
    }
    list("bulkheadEvents", oldest_first(events))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownRetry<'a> {
    retry_name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    creation_time: String,
    /// What an attempt failed with is not kept.
    error_message: Option<&'static str>,
    number_of_attempts: u32,
}

/// Lists the events of retries.
pub(super) fn of_retries(edge: &Edge, retries: &[&Retry], wanted: &Wanted) -> String {
    let now = edge.clock.now();
    let mut events = Vec::new();
    for retry in retries.iter().filter(|retry| wanted.names(retry.name())) {
        for RetryEvent { at, happening, attempts: number_of_attempts } in retry.events() {
            let kind = match happening {
                RetryHappening::Retried => "RETRY",
                RetryHappening::Answered => "SUCCESS",
                RetryHappening::Failed => ERROR,
                RetryHappening::NotRetried => "IGNORED_ERROR",
            };
            let age = now.saturating_duration_since(at);
            let (retry_name, creation_time) = (retry.name(), creation_time(edge, age));
            if wanted.is_of(kind) {
                events.push((
                    age,
                    ShownRetry { retry_name, kind, creation_time, error_message: None, number_of_attempts },
                ));
            }
        }
    }
    list("retryEvents", oldest_first(events))
}

/// Orders events by age; those of one breaker that are as old stay in order.
fn oldest_first<E>(mut events: Vec<(Duration, E)>) -> impl Iterator<Item = E> {
    events.sort_by_key(|(age, _)| Reverse(*age));
    events.into_iter().map(|(_, event)| event)
}

/// Writes the time of an event as Java prints one with its zone.
fn creation_time(edge: &Edge, age: Duration) -> String {
    format!("{:.3}[UTC]", edge.ago(age))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_slashes_is_the_rest_of_the_path_and_ends_before_a_type() {
        let table: [(&[&str], Option<&str>, Option<&str>); 7] = [
            (&[], None, None),
            (&["s", "t", "k"], Some("s/t/k"), None),
            (&["s%2Ft%2fk"], Some("s/t/k"), None),
            (&["s", "t", "k", "STATE_TRANSITION"], Some("s/t/k"), Some(STATE_TRANSITION)),
            (&["s%2Ft%2Fk", "error"], Some("s/t/k"), Some(ERROR)),
            (&["s", "t", "k", "NOSUCH"], Some("s/t/k/NOSUCH"), None),
            (&["ERROR"], Some("ERROR"), None),
        ];
        for (rest, name, kind) in table {
            let wanted = Wanted::read(rest, &BREAKER_TYPES);
            assert_eq!((wanted.name.as_deref(), wanted.kind), (name, kind), "{rest:?}");
        }
    }
}
