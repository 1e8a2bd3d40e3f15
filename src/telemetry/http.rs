//! What the edge tells, as metrics.

use std::sync::LazyLock;
use std::time::Duration;

use metrics::{Counter, Histogram, counter, gauge, histogram};

use super::metrics::{
    HTTP_ACCEPT_FAILURES, HTTP_CONNECTIONS, HTTP_REQUESTS, HTTP_ROUTE_SECONDS, HTTP_SECONDS, REQUESTS,
    RESILIENCE_LIMIT, RESILIENCE_LIMIT_IN_FLIGHT, RESILIENCE_LIMIT_REJECTED,
};
use super::series::Series;
use crate::resilience::Reason;

/// What begins the routes of those that ask how the process is: probes, dashboards, operators.
const OPERATORS: &str = "/actuator";

/// In place of the route of a request whose method nobody answers there.
const WRONG_METHOD: RouteLabel = "wrong-method";

/// Counts an answered request. For availability what operators ask (`/actuator`) says nothing, and a client that asks too often
/// is nobody's failure, and no good answer either.
pub fn http_answered(at: &HttpLabels, status: u16, took: Duration) {
    static ANSWERED: LazyLock<Series<(HttpLabels, u16), Counter>> = LazyLock::new(Series::default);
    static TOOK: LazyLock<Series<(&'static str, &'static str, Access), Histogram>> = LazyLock::new(Series::default);
    static BY_ROUTE: LazyLock<Series<(&'static str, RouteLabel, &'static str), Histogram>> =
        LazyLock::new(Series::default);
    static OUTCOMES: LazyLock<Series<(&'static str, &'static str, Outcome), Counter>> = LazyLock::new(Series::default);
    let HttpLabels { system, service, route, method } = *at;
    // Every address refuses most methods: who tries them all makes no series for each.
    let counted = HttpLabels { route: if status == 405 { WRONG_METHOD } else { route }, ..*at };
    let answered = || {
        counter!(
            HTTP_REQUESTS,
            "system" => system, "service" => service, "uri" => counted.route, "method" => method,
            "status" => status_label(status)
        )
    };
    ANSWERED.record(&(counted, status), answered, |counter| counter.increment(1));
    let access = Access::of(method);
    let took_series = || histogram!(HTTP_SECONDS, "system" => system, "service" => service, "access" => access.label());
    TOOK.record(&(system, service, access), took_series, |histogram| histogram.record(took));
    // Any path and item can be asked for, and with any method: what is not there has no series.
    if route.starts_with('/') && !matches!(status, 404 | 405) {
        let by_route = || histogram!(HTTP_ROUTE_SECONDS, "system" => system, "uri" => route, "method" => method);
        BY_ROUTE.record(&(system, route, method), by_route, |histogram| histogram.record(took));
    }
    if let Some(outcome) = Outcome::of(route, status) {
        let outcomes = || requests(system, service, outcome);
        OUTCOMES.record(&(system, service, outcome), outcomes, |counter| counter.increment(1));
    }
}

/// Shows services and the front door of their systems from the start, with nothing answered and no connection refused.
pub(super) fn edge_known(services: &[(&'static str, &'static str)]) {
    counter!(HTTP_ACCEPT_FAILURES).increment(0);
    for (system, service) in services {
        for outcome in [Outcome::Good, Outcome::Failed] {
            requests(system, service, outcome).increment(0);
            requests(system, "gateway", outcome).increment(0);
        }
    }
}

fn requests(system: &'static str, service: &'static str, outcome: Outcome) -> Counter {
    counter!(REQUESTS, "system" => system, "service" => service, "outcome" => outcome.label())
}

/// Whether a request changes anything: what waits for the disk is measured apart from what does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Access {
    Read,
    Write,
}

impl Access {
    fn of(method: &str) -> Self {
        if matches!(method, "GET" | "HEAD" | "OPTIONS") { Self::Read } else { Self::Write }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// What an answer means for availability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Outcome {
    Good,
    Failed,
}

impl Outcome {
    fn of(route: RouteLabel, status: u16) -> Option<Self> {
        match status {
            _ if route.starts_with(OPERATORS) => None,
            429 => None,
            500.. => Some(Self::Failed),
            0..500 => Some(Self::Good),
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Failed => "failed",
        }
    }
}

/// Where a request was answered; every label is one of the descriptions' own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HttpLabels {
    /// The system, or `process`.
    pub system: &'static str,
    /// The service, or `gateway`, `admin`.
    pub service: &'static str,
    /// The route's template.
    pub route: RouteLabel,
    /// The method.
    pub method: &'static str,
}

/// A route's template.
pub type RouteLabel = &'static str;

fn status_label(status: u16) -> &'static str {
    const KNOWN: [(u16, &str); 22] = [
        (200, "200"),
        (201, "201"),
        (204, "204"),
        (304, "304"),
        (400, "400"),
        (401, "401"),
        (403, "403"),
        (404, "404"),
        (405, "405"),
        (406, "406"),
        (409, "409"),
        (412, "412"),
        (413, "413"),
        (415, "415"),
        (422, "422"),
        (428, "428"),
        (429, "429"),
        (500, "500"),
        (502, "502"),
        (503, "503"),
        (504, "504"),
        (408, "408"),
    ];
    KNOWN.iter().find(|(code, _)| *code == status).map_or("other", |(_, label)| label)
}

/// Shows the limit of requests inside the edge, how many are, and that nobody was turned away so far.
#[expect(clippy::cast_precision_loss, reason = "requests at once are far below 2^52")]
pub fn edge_limit(limit: usize, in_flight: usize) {
    gauge!(RESILIENCE_LIMIT).set(limit as f64);
    gauge!(RESILIENCE_LIMIT_IN_FLIGHT).set(in_flight as f64);
    for reason in [Reason::EdgeOverloaded, Reason::ClientRate] {
        counter!(RESILIENCE_LIMIT_REJECTED, "reason" => reason.code()).increment(0);
    }
}

/// Counts a request turned away at the edge.
pub fn request_shed(reason: &'static str) {
    counter!(RESILIENCE_LIMIT_REJECTED, "reason" => reason).increment(1);
}

/// Counts connections.
#[derive(Clone, Copy, Debug, Default)]
pub struct Connections;

impl Connections {
    /// Counts one more open connection.
    pub fn opened(&self) {
        gauge!(HTTP_CONNECTIONS).increment(1.0);
    }
    /// Counts one less.
    pub fn closed(&self) {
        gauge!(HTTP_CONNECTIONS).decrement(1.0);
    }
    /// Counts a failed accept.
    pub fn accept_failed(&self) {
        counter!(HTTP_ACCEPT_FAILURES).increment(1);
    }
}
