//! What the edge tells, as metrics.

use std::sync::LazyLock;
use std::time::Duration;

use metrics::{Histogram, counter, gauge, histogram};

use super::metrics::{HTTP_ACCEPT_FAILURES, HTTP_CONNECTIONS, HTTP_REQUESTS};
use super::series::Series;

/// Counts an answered request.
pub fn http_answered(at: &HttpLabels, status: u16, took: Duration) {
    static ANSWERED: LazyLock<Series<(HttpLabels, u16), Histogram>> = LazyLock::new(Series::default);
    let make = || {
        histogram!(
            HTTP_REQUESTS,
            "system" => at.system, "service" => at.service, "uri" => at.route, "method" => at.method,
            "status" => status_label(status)
        )
    };
    ANSWERED.record(&(*at, status), make, |histogram| histogram.record(took));
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
