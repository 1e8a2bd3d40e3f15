//! Every metric: name, type, help, labels; the only list. Labels are bounded: never an id, a raw path or an error text.
//!
//! A metric belongs here when a dashboard or an alert uses it. The functions below are how the house records them.

use std::sync::LazyLock;
use std::time::Duration;

use metrics::{Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

pub use super::guards::{GuardMetrics, breaker_moved, show_state};
use super::series::Series;
use crate::clock::Clock;

/// Upper bounds of every duration histogram, in seconds: from a memory hit to the request deadline.
const SECONDS: [f64; 16] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Upper bounds of every size histogram, in bytes.
const BYTES: [f64; 8] = [256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0];

/// The name the originals' dashboards ask for.
const HTTP_REQUESTS: &str = "http_server_requests_seconds";
const HTTP_CONNECTIONS: &str = "resurgam_http_connections";
const HTTP_ACCEPT_FAILURES: &str = "resurgam_http_accept_failures_total";
const RESILIENCE_LIMIT: &str = "resilience_limit";
const RESILIENCE_LIMIT_IN_FLIGHT: &str = "resilience_limit_in_flight";
const RESILIENCE_LIMIT_REJECTED: &str = "resilience_limit_rejected_total";
pub(super) const GUARD_CALLS: &str = "resurgam_guard_calls_total";
pub(super) const GUARD_REJECTIONS: &str = "resurgam_guard_rejections_total";
pub(super) const GUARD_WAIT: &str = "resurgam_guard_wait_seconds";
pub(super) const BREAKER_STATE: &str = "resilience_breaker_state";
pub(super) const BREAKER_TRANSITIONS: &str = "resilience_breaker_transitions_total";
pub(super) const RETRY_CALLS: &str = "resilience_retry_calls_total";
pub(super) const RETRY_ATTEMPTS: &str = "resilience_retry_attempts_total";
pub(super) const RETRY_STOPPED: &str = "resilience_retry_stopped_total";
const ACTORS_LIVE: &str = "resurgam_actors_live";
const ACTOR_STARTS: &str = "resurgam_actor_starts_total";
const ACTOR_ENDS: &str = "resurgam_actor_ends_total";
const QUARANTINED: &str = "resurgam_quarantined";
const REDISPATCHES: &str = "resurgam_redispatches_total";
const JOURNAL_SYNC: &str = "resurgam_journal_sync_seconds";
const JOURNAL_GROUP: &str = "resurgam_journal_group_bytes";
const JOURNAL_FENCED: &str = "resurgam_journal_fenced_total";
const JOURNAL_POSITION: &str = "resurgam_journal_position";
const JOURNAL_LOG_BYTES: &str = "resurgam_journal_log_bytes";
const JOURNAL_WAITING: &str = "resurgam_journal_waiting_values";
const JOURNAL_WRITABLE: &str = "resurgam_journal_writable";
const COMMITTER_RESTARTS: &str = "resurgam_committer_restarts_total";
const FOLLOWER_LAG_FACTS: &str = "resurgam_follower_lag_facts";
const FOLLOWER_LAG_SECONDS: &str = "resurgam_follower_lag_seconds";
const FOLLOWER_PARKED: &str = "resurgam_follower_parked_total";
const ASKS_OPEN: &str = "resurgam_asks_open";
const ASKS_ENDED: &str = "resurgam_asks_ended_total";
const FAULTS_INJECTED: &str = "resurgam_faults_injected_total";
const SERVICE_UP: &str = "resurgam_service_up";

/// Installs the recorder; call once a process.
///
/// # Errors
///
/// Fails when a recorder is there already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), &BYTES)?
        .install_recorder()?;
    describe();
    Ok(handle)
}

fn describe() {
    describe_histogram!(
        HTTP_REQUESTS,
        Unit::Seconds,
        "Time from a request's head to its answer, by system, service, route template, method and status."
    );
    describe_gauge!(HTTP_CONNECTIONS, "Open connections.");
    describe_counter!(HTTP_ACCEPT_FAILURES, "Connections the operating system would not hand over.");
    describe_gauge!(RESILIENCE_LIMIT, "Requests that may be inside the edge at once; it adapts.");
    describe_gauge!(RESILIENCE_LIMIT_IN_FLIGHT, "Requests inside the edge.");
    describe_counter!(RESILIENCE_LIMIT_REJECTED, "Requests turned away at the edge, by reason.");
    describe_counter!(GUARD_CALLS, "Guarded calls that were admitted, by guard, partition and completion.");
    describe_counter!(GUARD_REJECTIONS, "Guarded calls that were not executed, by guard, partition and reason.");
    describe_gauge!(BREAKER_STATE, "1 for the state a circuit breaker has, 0 for each other, by guard and state.");
    describe_counter!(BREAKER_TRANSITIONS, "Changes of a circuit breaker's state, by guard, from, to and cause.");
    describe_counter!(RETRY_CALLS, "Calls that may be tried again, by guard and result.");
    describe_counter!(RETRY_ATTEMPTS, "Tries after the first, by guard.");
    describe_counter!(RETRY_STOPPED, "Calls that failed and were not tried again, by guard and why.");
    describe_histogram!(GUARD_WAIT, Unit::Seconds, "Time admitted calls waited for the bulkhead, by guard.");
    describe_gauge!(ACTORS_LIVE, "Live aggregates, by kind.");
    describe_counter!(ACTOR_STARTS, "Aggregates started, by kind.");
    describe_counter!(ACTOR_ENDS, "Aggregates ended, by kind and cause (left, stopped, killed, failed).");
    describe_gauge!(QUARANTINED, "Aggregates set aside after too many failures, by kind.");
    describe_counter!(REDISPATCHES, "Commands sent again because their actor was gone, by kind.");
    describe_histogram!(JOURNAL_SYNC, Unit::Seconds, "Time to write and sync one group.");
    describe_histogram!(JOURNAL_GROUP, Unit::Bytes, "Size of one group.");
    describe_counter!(JOURNAL_FENCED, "Appends refused because a newer incarnation had passed its barrier.");
    describe_gauge!(JOURNAL_POSITION, "The newest durable position.");
    describe_gauge!(JOURNAL_LOG_BYTES, "Size of the log on disk, in bytes.");
    describe_gauge!(JOURNAL_WAITING, "Durable values that are not yet in the store.");
    describe_gauge!(JOURNAL_WRITABLE, "1 while the log can be written, else 0.");
    describe_counter!(COMMITTER_RESTARTS, "Times the committer was killed or failed and another took over.");
    describe_gauge!(FOLLOWER_LAG_FACTS, "Facts a policy or view is behind, by follower.");
    describe_gauge!(FOLLOWER_LAG_SECONDS, "Age of the oldest fact a policy or view has not finished, by follower.");
    describe_counter!(FOLLOWER_PARKED, "Facts a follower set aside, by follower.");
    describe_gauge!(ASKS_OPEN, "Synchronous requests between aggregates that wait for their answer.");
    describe_counter!(ASKS_ENDED, "Synchronous requests between aggregates, by asked kind and outcome.");
    describe_counter!(FAULTS_INJECTED, "Calls an operator had delayed, failed or hung, by kind and effect.");
    describe_gauge!(SERVICE_UP, "1 while a service runs, 0 while it is stopped, by system and service.");
}

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

/// Shows the limit of requests inside the edge, and how many are.
#[expect(clippy::cast_precision_loss, reason = "requests at once are far below 2^52")]
pub fn edge_limit(limit: usize, in_flight: usize) {
    gauge!(RESILIENCE_LIMIT).set(limit as f64);
    gauge!(RESILIENCE_LIMIT_IN_FLIGHT).set(in_flight as f64);
}

/// Counts a request turned away at the edge.
pub fn request_shed(reason: &'static str) {
    counter!(RESILIENCE_LIMIT_REJECTED, "reason" => reason).increment(1);
}

/// Counts a started aggregate.
pub fn actor_started(kind: &'static str) {
    counter!(ACTOR_STARTS, "kind" => kind).increment(1);
    gauge!(ACTORS_LIVE, "kind" => kind).increment(1.0);
}

/// Counts an ended aggregate.
pub fn actor_ended(kind: &'static str, cause: &'static str) {
    counter!(ACTOR_ENDS, "kind" => kind, "cause" => cause).increment(1);
    gauge!(ACTORS_LIVE, "kind" => kind).decrement(1.0);
}

/// Shows how many aggregates of a kind are set aside.
pub fn quarantined(kind: &'static str, more: f64) {
    gauge!(QUARANTINED, "kind" => kind).increment(more);
}

/// Counts a command sent again.
pub fn redispatched(kind: &'static str) {
    counter!(REDISPATCHES, "kind" => kind).increment(1);
}

/// Records a written group.
pub fn group_written(took: Duration, bytes: usize) {
    histogram!(JOURNAL_SYNC).record(took);
    #[expect(clippy::cast_precision_loss, reason = "a group is far below 2^52 bytes")]
    histogram!(JOURNAL_GROUP).record(bytes as f64);
}

/// Counts an append the fence refused.
pub fn append_fenced() {
    counter!(JOURNAL_FENCED).increment(1);
}

/// Counts a committer's successor.
pub fn committer_restarted() {
    counter!(COMMITTER_RESTARTS).increment(1);
}

/// Shows where the journal stands.
#[expect(clippy::cast_precision_loss, reason = "a gauge may round positions beyond 2^52")]
pub fn journal(position: u64, log_bytes: u64, waiting: usize, writable: bool) {
    gauge!(JOURNAL_POSITION).set(position as f64);
    gauge!(JOURNAL_LOG_BYTES).set(log_bytes as f64);
    gauge!(JOURNAL_WAITING).set(waiting as f64);
    gauge!(JOURNAL_WRITABLE).set(f64::from(u8::from(writable)));
}

/// Shows how far a follower is behind.
#[expect(clippy::cast_precision_loss, reason = "a lag is far below 2^52")]
pub fn follower_lag(follower: &str, facts: u64, age: Duration) {
    gauge!(FOLLOWER_LAG_FACTS, "follower" => follower.to_owned()).set(facts as f64);
    gauge!(FOLLOWER_LAG_SECONDS, "follower" => follower.to_owned()).set(age.as_secs_f64());
}

/// Counts a fact a follower set aside.
pub fn follower_parked(follower: &str) {
    counter!(FOLLOWER_PARKED, "follower" => follower.to_owned()).increment(1);
}

/// Counts a begun ask.
pub fn ask_opened() {
    gauge!(ASKS_OPEN).increment(1.0);
}

/// Counts an ended ask.
pub fn ask_ended(asked: &'static str, outcome: &'static str) {
    gauge!(ASKS_OPEN).decrement(1.0);
    counter!(ASKS_ENDED, "asked" => asked, "outcome" => outcome).increment(1);
}

/// Counts a call to a kind that met an injected fault; the effect is `delayed`, `failed` or `hung`.
pub fn fault_injected(kind: &'static str, effect: &'static str) {
    counter!(FAULTS_INJECTED, "kind" => kind, "effect" => effect).increment(1);
}

/// Shows whether a service runs.
pub fn service_up(system: &'static str, service: &'static str, up: bool) {
    gauge!(SERVICE_UP, "system" => system, "service" => service).set(f64::from(u8::from(up)));
}

/// Keeps histograms from growing between scrapes.
pub async fn upkeep(handle: PrometheusHandle, every: Duration, clock: Clock) {
    let mut next = clock.now() + every;
    loop {
        tokio::time::sleep_until(next).await;
        handle.run_upkeep();
        next = clock.now() + every;
    }
}
