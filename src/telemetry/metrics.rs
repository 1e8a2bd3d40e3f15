//! Every metric: name, type, help, labels; the only list. Labels are bounded: never an id, a raw path or an error text.
//!
//! A metric belongs here when a dashboard or an alert uses it; the files beside this one record them.

use std::sync::Arc;
use std::time::Duration;

use metrics::{describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

pub use super::actors::{
    KindGauges, actor_recovered, actor_started, actors_ended, answered_again, ask_ended, asks_open, handlers_stuck,
    kind_doing, mailbox_waited, redispatched, service_up,
};
use super::buckets::in_buckets;
pub use super::chaos::{chaos_acted, fault_injected};
pub use super::guards::{GuardMetrics, breaker_moved};
use super::guards::{guard_known, resilience4j, retry_known, show_guard};
pub use super::http::{Connections, HttpLabels, RouteLabel, edge_limit, http_answered, request_shed};
pub use super::journal::{
    JournalGauges, append_fenced, committer_restarted, follower_aside, follower_lag, follower_parked, group_written,
    journal,
};
use super::process::process_known;
pub use super::process::{config_reloaded, event_loop_lag, process, ready, spans_dropped};
pub use super::service_map::{By, Node, called, edges};
use super::{actors, chaos, http, journal as followed, service_map};
use crate::clock::Clock;
use crate::resilience::Guard;

pub(super) const RESILIENCE_LIMIT: &str = "resilience_limit";
pub(super) const RESILIENCE_LIMIT_IN_FLIGHT: &str = "resilience_limit_in_flight";
pub(super) const RESILIENCE_LIMIT_REJECTED: &str = "resilience_limit_rejected_total";
pub(super) const HTTP_REQUESTS: &str = "http_server_requests_total";
pub(super) const HTTP_CONNECTIONS: &str = "resurgam_http_connections";
pub(super) const HTTP_ACCEPT_FAILURES: &str = "resurgam_http_accept_failures_total";
pub(super) const GUARD_CALLS: &str = "resurgam_guard_calls_total";
pub(super) const GUARD_REJECTIONS: &str = "resurgam_guard_rejections_total";
pub(super) const GUARD_WAIT: &str = "resurgam_guard_wait_seconds";
pub(super) const BREAKER_STATE: &str = "resilience_breaker_state";
pub(super) const BREAKER_TRANSITIONS: &str = "resilience_breaker_transitions_total";
pub(super) const RETRY_CALLS: &str = "resilience_retry_calls_total";
pub(super) const RETRY_ATTEMPTS: &str = "resilience_retry_attempts_total";
pub(super) const RETRY_STOPPED: &str = "resilience_retry_stopped_total";
pub(super) const BREAKER_CALLS: &str = "resilience_breaker_calls_total";
pub(super) const BREAKER_SLOW_CALLS: &str = "resilience_breaker_slow_calls_total";
pub(super) const BREAKER_NOT_PERMITTED: &str = "resilience_breaker_not_permitted_total";
pub(super) const BREAKER_FAILURE_RATIO: &str = "resilience_breaker_failure_ratio";
pub(super) const BREAKER_SLOW_RATIO: &str = "resilience_breaker_slow_ratio";
pub(super) const BULKHEAD_LIMIT: &str = "resilience_bulkhead_limit";
pub(super) const BULKHEAD_IN_FLIGHT: &str = "resilience_bulkhead_in_flight";
pub(super) const BULKHEAD_QUEUE_DEPTH: &str = "resilience_bulkhead_queue_depth";
pub(super) const HTTP_SECONDS: &str = "http_server_requests_seconds";
pub(super) const HTTP_ROUTE_SECONDS: &str = "http_server_route_seconds";
pub(super) const REQUESTS: &str = "resurgam_requests_total";
pub(super) const ACTORS_LIVE: &str = "resurgam_actors_live";
pub(super) const ACTOR_STARTS: &str = "resurgam_actor_starts_total";
pub(super) const ACTOR_ENDS: &str = "resurgam_actor_ends_total";
pub(super) const ACTOR_RECOVERY: &str = "resurgam_actor_recovery_seconds";
pub(super) const MAILBOX_WAIT: &str = "resurgam_mailbox_wait_seconds";
pub(super) const MAILBOX_DEPTH: &str = "resurgam_mailbox_depth";
pub(super) const QUARANTINED: &str = "resurgam_quarantined";
pub(super) const EVENT_LOOP_LAG: &str = "resurgam_event_loop_lag_seconds";
pub(super) const HANDLERS_STUCK: &str = "resurgam_handlers_stuck";
pub(super) const REDISPATCHES: &str = "resurgam_redispatches_total";
pub(super) const ANSWERED_AGAIN: &str = "resurgam_answered_again_seconds";
pub(super) const JOURNAL_SYNC: &str = "resurgam_journal_sync_seconds";
pub(super) const JOURNAL_GROUP: &str = "resurgam_journal_group_bytes";
pub(super) const JOURNAL_GROUP_APPENDS: &str = "resurgam_journal_group_appends";
pub(super) const JOURNAL_FENCED: &str = "resurgam_journal_fenced_total";
pub(super) const JOURNAL_POSITION: &str = "resurgam_journal_position";
pub(super) const JOURNAL_LOG_BYTES: &str = "resurgam_journal_log_bytes";
pub(super) const JOURNAL_SEGMENTS: &str = "resurgam_journal_segments";
pub(super) const JOURNAL_WAITING: &str = "resurgam_journal_waiting_values";
pub(super) const JOURNAL_WRITABLE: &str = "resurgam_journal_writable";
pub(super) const DISK_FREE: &str = "resurgam_disk_free_bytes";
pub(super) const COMMITTER_RESTARTS: &str = "resurgam_committer_restarts_total";
pub(super) const FOLLOWER_LAG_FACTS: &str = "resurgam_follower_lag_facts";
pub(super) const FOLLOWER_LAG_SECONDS: &str = "resurgam_follower_lag_seconds";
pub(super) const FOLLOWER_PARKED: &str = "resurgam_follower_parked_total";
pub(super) const FOLLOWER_ASIDE: &str = "resurgam_follower_parked";
pub(super) const ASKS_OPEN: &str = "resurgam_asks_open";
pub(super) const ASKS_OLDEST: &str = "resurgam_asks_oldest_seconds";
pub(super) const ASKS_ENDED: &str = "resurgam_asks_ended_total";
pub(super) const FAULTS_INJECTED: &str = "resurgam_faults_injected_total";
pub(super) const CHAOS_ACTS: &str = "resurgam_chaos_acts_total";
pub(super) const READY: &str = "resurgam_ready";
pub(super) const SERVICE_UP: &str = "resurgam_service_up";
pub(super) const BUILD_INFO: &str = "resurgam_build_info";
pub(super) const CONFIG_RELOADS: &str = "resurgam_config_reloads_total";
pub(super) const CONFIG_RELOADED: &str = "resurgam_config_last_reload_successful";
pub(super) const RUNTIME_WORKERS: &str = "resurgam_runtime_workers";
pub(super) const RUNTIME_TASKS: &str = "resurgam_runtime_tasks";
pub(super) const RUNTIME_QUEUE: &str = "resurgam_runtime_queue_depth";
pub(super) const SPANS_DROPPED: &str = "resurgam_trace_spans_dropped_total";
/// The names that Grafana's service graph reads.
pub(super) const EDGE_REQUESTS: &str = "traces_service_graph_request_total";
pub(super) const EDGE_FAILED: &str = "traces_service_graph_request_failed_total";
pub(super) const EDGE_SECONDS: &str = "traces_service_graph_request_server_seconds";

/// The type of a metric.
#[derive(Clone, Copy, Debug)]
enum Type {
    Counter,
    Gauge,
    Histogram,
}

/// Every metric: its type, its name, what it tells.
const CATALOGUE: [(Type, &str, &str); 68] = [
    (Type::Counter, HTTP_REQUESTS, "Answered requests, by system, service, route template, method and status."),
    (
        Type::Histogram,
        HTTP_SECONDS,
        "Time from a request's head to its answer, by system, service and whether it only reads.",
    ),
    (
        Type::Histogram,
        HTTP_ROUTE_SECONDS,
        "The same by system, route template and method, of what was found there: on average, and beyond 100 ms.",
    ),
    (Type::Counter, REQUESTS, "Answers that count for availability, by system, service and outcome: good, failed."),
    (Type::Gauge, HTTP_CONNECTIONS, "Open connections."),
    (Type::Counter, HTTP_ACCEPT_FAILURES, "Connections the operating system would not hand over."),
    (Type::Gauge, RESILIENCE_LIMIT, "Requests that may be inside the edge at once; it adapts."),
    (Type::Gauge, RESILIENCE_LIMIT_IN_FLIGHT, "Requests inside the edge."),
    (Type::Counter, RESILIENCE_LIMIT_REJECTED, "Requests turned away at the edge, by reason."),
    (Type::Counter, GUARD_CALLS, "Guarded calls that were admitted, by guard and completion."),
    (Type::Counter, GUARD_REJECTIONS, "Guarded calls that were not executed, by guard, partition and reason."),
    (Type::Gauge, BREAKER_STATE, "1 for the state a circuit breaker has, 0 for each other, by guard and state."),
    (Type::Counter, BREAKER_TRANSITIONS, "Changes of a circuit breaker's state, by guard, from, to and cause."),
    (Type::Counter, RETRY_CALLS, "Calls that may be tried again, by guard and result."),
    (Type::Counter, RETRY_ATTEMPTS, "Tries after the first, by guard."),
    (Type::Counter, RETRY_STOPPED, "Calls that failed and were not tried again, by guard and why."),
    (Type::Counter, BREAKER_CALLS, "Calls a circuit breaker admitted, by guard and outcome."),
    (Type::Counter, BREAKER_SLOW_CALLS, "Calls that took longer than a circuit breaker likes, by guard."),
    (Type::Counter, BREAKER_NOT_PERMITTED, "Calls a circuit breaker did not admit, by guard."),
    (
        Type::Gauge,
        BREAKER_FAILURE_RATIO,
        "Share of failures in a circuit breaker's window once it has enough, by guard.",
    ),
    (
        Type::Gauge,
        BREAKER_SLOW_RATIO,
        "Share of slow calls in a circuit breaker's window once it has enough, by guard.",
    ),
    (Type::Gauge, BULKHEAD_LIMIT, "Calls that may run at once, by guard and partition."),
    (Type::Gauge, BULKHEAD_IN_FLIGHT, "Calls that run, by guard and partition."),
    (Type::Gauge, BULKHEAD_QUEUE_DEPTH, "Calls that wait for a slot, by guard and partition."),
    (Type::Histogram, GUARD_WAIT, "Time admitted calls waited for the bulkhead, by guard."),
    (Type::Gauge, ACTORS_LIVE, "Live aggregates, by kind."),
    (Type::Counter, ACTOR_STARTS, "Aggregates started, by kind."),
    (Type::Counter, ACTOR_ENDS, "Aggregates ended, by kind and cause (left, stopped, killed, failed)."),
    (Type::Histogram, ACTOR_RECOVERY, "Time an aggregate took to take up its durable state, by kind."),
    (Type::Histogram, MAILBOX_WAIT, "Time a command waited in a mailbox, by kind."),
    (Type::Gauge, MAILBOX_DEPTH, "Commands that wait in mailboxes, by kind."),
    (Type::Gauge, QUARANTINED, "Aggregates set aside after too many failures, by kind."),
    (Type::Gauge, HANDLERS_STUCK, "Aggregates still at a command long after its deadline; each holds a thread."),
    (Type::Counter, REDISPATCHES, "Commands sent again because their actor was gone, by kind."),
    (
        Type::Histogram,
        ANSWERED_AGAIN,
        "Time from the moment a command lost its actor, or found none alive, to its answer by the next one.",
    ),
    (Type::Histogram, JOURNAL_SYNC, "Time to write and sync one group."),
    (Type::Histogram, JOURNAL_GROUP, "Size of one group."),
    (Type::Histogram, JOURNAL_GROUP_APPENDS, "Commands and other appends in one group."),
    (Type::Gauge, JOURNAL_SEGMENTS, "Segments of the log."),
    (Type::Gauge, DISK_FREE, "Bytes that are free on the disk of the log."),
    (Type::Counter, JOURNAL_FENCED, "Appends refused because a newer incarnation had passed its barrier."),
    (Type::Gauge, JOURNAL_POSITION, "The newest durable position."),
    (Type::Gauge, JOURNAL_LOG_BYTES, "Size of the log on disk, in bytes."),
    (Type::Gauge, JOURNAL_WAITING, "Durable values that are not yet in the store."),
    (Type::Gauge, JOURNAL_WRITABLE, "1 while the log can be written, else 0."),
    (Type::Counter, COMMITTER_RESTARTS, "Times the committer was killed or failed and another took over."),
    (Type::Gauge, FOLLOWER_LAG_FACTS, "Facts a policy or view is behind, by follower."),
    (Type::Gauge, FOLLOWER_LAG_SECONDS, "Age of the oldest fact a policy or view has not finished, by follower."),
    (Type::Counter, FOLLOWER_PARKED, "Facts a follower set aside, by follower."),
    (Type::Gauge, FOLLOWER_ASIDE, "Facts that wait because a follower set them aside, by follower."),
    (Type::Gauge, ASKS_OPEN, "Synchronous requests between aggregates that wait for their answer."),
    (Type::Gauge, ASKS_OLDEST, "Age of the oldest of them; over crashes too. 0 when there is none."),
    (Type::Counter, ASKS_ENDED, "Synchronous requests between aggregates, by asked kind and outcome."),
    (Type::Counter, FAULTS_INJECTED, "Calls an operator had delayed, failed or hung, by kind and effect."),
    (Type::Counter, CHAOS_ACTS, "Parts an operator had killed, panic, stall or fail, by act and what."),
    (Type::Gauge, READY, "1 while the process takes work, else 0."),
    (Type::Gauge, SERVICE_UP, "1 while a service runs, 0 while it is stopped, by system and service."),
    (Type::Gauge, BUILD_INFO, "1, with the version of this build."),
    (Type::Counter, CONFIG_RELOADS, "Readings of the settings at run time, by result."),
    (
        Type::Gauge,
        CONFIG_RELOADED,
        "1 if the guards took the settings read last over (others wait for a restart), 0 if they were refused.",
    ),
    (Type::Gauge, RUNTIME_WORKERS, "Threads of the event loop."),
    (Type::Gauge, RUNTIME_TASKS, "Tasks of the event loop."),
    (Type::Gauge, EVENT_LOOP_LAG, "How late the event loop came to its work at most, over the last looks at it."),
    (Type::Gauge, RUNTIME_QUEUE, "Tasks that wait for any thread of the event loop."),
    (Type::Counter, SPANS_DROPPED, "Spans that did not get to the collector, by reason."),
    (Type::Counter, EDGE_REQUESTS, "Requests and facts from one service to another."),
    (Type::Counter, EDGE_FAILED, "Requests from one service to another that failed."),
    (
        Type::Histogram,
        EDGE_SECONDS,
        "Time from a request to its answer, or from a fact to what follows from it, from one service to another.",
    ),
];

/// Installs the recorder, call once a process; or makes one that nobody records with.
///
/// # Errors
///
/// Fails when a recorder is there already.
pub fn install(measured: bool) -> Result<PrometheusHandle, BuildError> {
    let builder = in_buckets(PrometheusBuilder::new())?;
    if !measured {
        return Ok(builder.build_recorder().handle());
    }
    let handle = builder.install_recorder()?;
    describe();
    Ok(handle)
}

fn describe() {
    for (sort, name, tells) in CATALOGUE {
        match sort {
            Type::Counter => describe_counter!(name, tells),
            Type::Gauge => describe_gauge!(name, tells),
            Type::Histogram => describe_histogram!(name, tells),
        }
    }
}

/// What is known before anything happens; its series are shown from zero on, so that a rate sees the first event.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Systems with their services.
    pub services: Vec<(&'static str, &'static str)>,
    /// Kinds of aggregates.
    pub kinds: Vec<&'static str>,
    /// Kinds that are asked.
    pub asked: Vec<&'static str>,
    /// Policies and views.
    pub followers: Vec<Arc<str>>,
    /// Guards in front of kinds, asks and outside parties.
    pub guards: Vec<String>,
    /// What is tried again: what policies command, and asks of outside parties.
    pub retries: Vec<String>,
}

/// Shows what is known with nothing counted.
pub fn begin(known: &Known) {
    process_known();
    chaos::chaos_known(&known.kinds);
    http::edge_known(&known.services);
    known.kinds.iter().for_each(|kind| actors::kind_known(kind));
    known.asked.iter().for_each(|asked| actors::asked_known(asked));
    known.guards.iter().for_each(|guard| guard_known(guard));
    known.retries.iter().for_each(|retry| retry_known(retry));
    followed::followed_known(known.followers.iter().map(|follower| &**follower));
}

/// Writes every metric; what guards count by themselves is read first, and told by resilience4j's names too if wished.
#[must_use]
pub fn text(handle: &PrometheusHandle, guards: &[&Guard], resilience4j_names: bool) -> String {
    for guard in guards {
        let seen = show_guard(guard);
        if resilience4j_names {
            resilience4j::show_guard(guard, &seen);
        }
    }
    // The recorder cannot forget a gauge that has no value any more.
    let has_value = |line: &&str| line.starts_with('#') || !line.ends_with(" NaN");
    handle.render().lines().filter(has_value).flat_map(|line| [line, "\n"]).collect()
}

/// Keeps histograms from growing between scrapes, and remembers who had called whom.
pub async fn upkeep(handle: PrometheusHandle, every: Duration, clock: Clock) {
    let mut next = clock.now() + every;
    loop {
        tokio::time::sleep_until(next).await;
        handle.run_upkeep();
        service_map::MAP.look(clock.now());
        next = clock.now() + every;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::resilience::breaker::Mode;
    use crate::resilience::{CallError, Completion, Deadline, GuardPolicy, Partition, Unobserved, Verdict};

    const SECOND: Duration = Duration::from_secs(1);

    struct Ended(Completion);

    impl Verdict for Ended {
        fn completion(&self) -> Completion {
            self.0
        }
    }

    fn guard() -> Guard {
        let guard = Guard::new("s/t/k", GuardPolicy::default(), Clock::manual(0, 1), Arc::new(Unobserved));
        guard.expect("the policy is sound")
    }

    async fn call(guard: &Guard, times: usize, completion: Completion) {
        for _ in 0..times {
            let deadline = Deadline::after(&Clock::manual(0, 1), SECOND);
            let ended = guard.call(Partition::Edge, deadline, async |_| Ok::<_, CallError>(Ended(completion))).await;
            assert!(ended.is_ok());
        }
    }

    /// The series of a house with one guard.
    fn series(guard: &Guard, resilience4j_names: bool) -> Vec<String> {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        // Twice, as a scrape finds what the one before it left.
        let text = || text(&handle, &[guard], resilience4j_names);
        let (_, text) = metrics::with_local_recorder(&recorder, || (text(), text()));
        text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
    }

    #[track_caller]
    fn has(series: &[String], expected: &[&str]) {
        for line in expected {
            assert!(series.iter().any(|found| found == line), "{line} in {series:#?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_guard_is_shown_from_the_start_closed_with_nothing_counted_and_every_place_free() {
        let series = series(&guard(), false);
        has(
            &series,
            &[
                r#"resilience_breaker_state{guard="s/t/k",state="CLOSED"} 1"#,
                r#"resilience_breaker_state{guard="s/t/k",state="OPEN"} 0"#,
                r#"resilience_breaker_calls_total{guard="s/t/k",outcome="failure"} 0"#,
                r#"resilience_breaker_slow_calls_total{guard="s/t/k"} 0"#,
                r#"resilience_breaker_not_permitted_total{guard="s/t/k"} 0"#,
                r#"resilience_bulkhead_limit{guard="s/t/k",partition="edge"} 1024"#,
                r#"resilience_bulkhead_in_flight{guard="s/t/k",partition="asks"} 0"#,
                r#"resilience_bulkhead_queue_depth{guard="s/t/k",partition="policies"} 0"#,
            ],
        );
        assert!(series.iter().all(|line| !line.starts_with("resilience4j_")), "{series:#?}");
    }

    #[test]
    fn the_first_failure_of_a_service_or_of_a_front_door_is_seen_to_move_a_counter() {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || begin(&Known { services: vec![("s", "t")], ..Known::default() }));
        let series: Vec<String> = recorder.handle().render().lines().map(str::to_owned).collect();
        has(
            &series,
            &[
                r#"resurgam_requests_total{system="s",service="t",outcome="failed"} 0"#,
                r#"resurgam_requests_total{system="s",service="gateway",outcome="failed"} 0"#,
                r#"resurgam_requests_total{system="s",service="gateway",outcome="good"} 0"#,
                "resurgam_http_accept_failures_total 0",
            ],
        );
    }

    // Case 126.
    #[tokio::test(start_paused = true)]
    async fn every_reason_to_turn_a_call_away_is_counted_from_zero_on_and_no_label_names_an_instance() {
        let series = series(&guard(), false);
        for partition in Partition::ALL {
            for reason in Guard::REASONS {
                let labels = format!(r#"guard="s/t/k",partition="{}",reason="{}""#, partition.code(), reason.code());
                has(&series, &[&format!("resurgam_guard_rejections_total{{{labels}}} 0")]);
            }
        }
        let labels =
            series.iter().flat_map(|line| line.split(['{', ',']).skip(1)).filter_map(|label| label.split('=').next());
        let known = ["guard", "partition", "reason", "state", "outcome"];
        assert!(labels.clone().all(|label| known.contains(&label)), "{:?}", labels.collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn a_ratio_is_there_while_enough_calls_are_and_what_was_counted_stays() {
        let guard = guard();
        let ratios = |series: &[String]| series.iter().filter(|line| line.contains("_ratio{")).count();
        call(&guard, 15, Completion::Success).await;
        call(&guard, 4, Completion::Failed).await;
        assert_eq!(ratios(&series(&guard, false)), 0, "one call is missing");
        call(&guard, 1, Completion::Failed).await;
        let counted = [
            r#"resilience_breaker_calls_total{guard="s/t/k",outcome="success"} 15"#,
            r#"resilience_breaker_calls_total{guard="s/t/k",outcome="failure"} 5"#,
        ];
        let shares = [
            r#"resilience_breaker_failure_ratio{guard="s/t/k"} 0.25"#,
            r#"resilience_breaker_slow_ratio{guard="s/t/k"} 0"#,
        ];
        has(&series(&guard, false), &[counted, shares].concat());
        tokio::time::advance(10 * SECOND).await;
        let later = series(&guard, false);
        has(&later, &counted);
        assert_eq!(ratios(&later), 0, "the window is empty again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_forced_state_is_shown_until_its_time_is_over_though_nobody_calls() {
        let guard = guard();
        guard.breaker().force(Some((Mode::ForcedOpen, Some(SECOND))), guard.now());
        assert!(guard.breaker().admit(guard.now()).is_err());
        let forced = [
            r#"resilience_breaker_state{guard="s/t/k",state="FORCED_OPEN"} 1"#,
            r#"resilience_breaker_state{guard="s/t/k",state="CLOSED"} 0"#,
            r#"resilience_breaker_not_permitted_total{guard="s/t/k"} 1"#,
        ];
        has(&series(&guard, false), &forced);
        tokio::time::advance(SECOND).await;
        has(&series(&guard, false), &[r#"resilience_breaker_state{guard="s/t/k",state="HALF_OPEN"} 1"#]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_names_of_resilience4j_tell_the_same_in_its_units_if_they_are_wished() {
        let guard = guard();
        has(
            &series(&guard, true),
            &[
                r#"resilience4j_circuitbreaker_state{name="s/t/k",state="closed"} 1"#,
                r#"resilience4j_circuitbreaker_state{name="s/t/k",state="half_open"} 0"#,
                r#"resilience4j_circuitbreaker_failure_rate{name="s/t/k"} -1"#,
                r#"resilience4j_circuitbreaker_slow_call_rate{name="s/t/k"} -1"#,
                r#"resilience4j_bulkhead_available_concurrent_calls{name="s/t/k/edge"} 1024"#,
                r#"resilience4j_bulkhead_max_allowed_concurrent_calls{name="s/t/k/asks"} 256"#,
            ],
        );
        call(&guard, 15, Completion::Refused).await;
        call(&guard, 5, Completion::Failed).await;
        call(&guard, 2, Completion::NotExecuted).await;
        has(
            &series(&guard, true),
            &[
                r#"resilience4j_circuitbreaker_calls_seconds_count{name="s/t/k",kind="successful"} 15"#,
                r#"resilience4j_circuitbreaker_calls_seconds_count{name="s/t/k",kind="failed"} 5"#,
                r#"resilience4j_circuitbreaker_calls_seconds_count{name="s/t/k",kind="ignored"} 2"#,
                r#"resilience4j_circuitbreaker_not_permitted_calls_total{name="s/t/k",kind="not_permitted"} 0"#,
                r#"resilience4j_circuitbreaker_buffered_calls{name="s/t/k",kind="successful"} 15"#,
                r#"resilience4j_circuitbreaker_buffered_calls{name="s/t/k",kind="failed"} 5"#,
                r#"resilience4j_circuitbreaker_slow_calls{name="s/t/k",kind="failed"} 0"#,
                r#"resilience4j_circuitbreaker_failure_rate{name="s/t/k"} 25"#,
                r#"resilience_breaker_failure_ratio{guard="s/t/k"} 0.25"#,
            ],
        );
        guard.breaker().force(Some((Mode::ForcedClosed, Some(SECOND))), guard.now());
        has(&series(&guard, true), &[r#"resilience4j_circuitbreaker_state{name="s/t/k",state="metrics_only"} 1"#]);
    }
}
