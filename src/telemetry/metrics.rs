//! Every metric: name, type, help, labels; the only list. Labels are bounded: never an id, a raw path or an error text.
//!
//! A metric belongs here when a dashboard or an alert uses it. The functions below are how the house records them.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::guards::show_guard;
pub use super::guards::{GuardMetrics, breaker_moved};
pub use super::http::{Connections, HttpLabels, RouteLabel, http_answered};
use super::resilience4j;
use crate::clock::Clock;
use crate::resilience::{Guard, Reason};

/// Upper bounds of every duration histogram, in seconds: from a memory hit to the request deadline.
const SECONDS: [f64; 16] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Upper bounds of every size histogram, in bytes.
const BYTES: [f64; 8] = [256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0];

/// The name the originals' dashboards ask for.
const RESILIENCE_LIMIT: &str = "resilience_limit";
const RESILIENCE_LIMIT_IN_FLIGHT: &str = "resilience_limit_in_flight";
const RESILIENCE_LIMIT_REJECTED: &str = "resilience_limit_rejected_total";
pub(super) const HTTP_REQUESTS: &str = "http_server_requests_seconds";
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
const ACTORS_LIVE: &str = "resurgam_actors_live";
const ACTOR_STARTS: &str = "resurgam_actor_starts_total";
const ACTOR_ENDS: &str = "resurgam_actor_ends_total";
const QUARANTINED: &str = "resurgam_quarantined";
const HANDLERS_STUCK: &str = "resurgam_handlers_stuck";
const REDISPATCHES: &str = "resurgam_redispatches_total";
const ANSWERED_AGAIN: &str = "resurgam_answered_again_seconds";
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
const CHAOS_ACTS: &str = "resurgam_chaos_acts_total";
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
    describe_counter!(BREAKER_CALLS, "Calls a circuit breaker admitted, by guard and outcome.");
    describe_counter!(BREAKER_SLOW_CALLS, "Calls that took longer than a circuit breaker likes, by guard.");
    describe_counter!(BREAKER_NOT_PERMITTED, "Calls a circuit breaker did not admit, by guard.");
    describe_gauge!(
        BREAKER_FAILURE_RATIO,
        "Share of failures in a circuit breaker's window once it has enough, by guard."
    );
    describe_gauge!(
        BREAKER_SLOW_RATIO,
        "Share of slow calls in a circuit breaker's window once it has enough, by guard."
    );
    describe_gauge!(BULKHEAD_LIMIT, "Calls that may run at once, by guard and partition.");
    describe_gauge!(BULKHEAD_IN_FLIGHT, "Calls that run, by guard and partition.");
    describe_gauge!(BULKHEAD_QUEUE_DEPTH, "Calls that wait for a slot, by guard and partition.");
    describe_histogram!(GUARD_WAIT, Unit::Seconds, "Time admitted calls waited for the bulkhead, by guard.");
    describe_gauge!(ACTORS_LIVE, "Live aggregates, by kind.");
    describe_counter!(ACTOR_STARTS, "Aggregates started, by kind.");
    describe_counter!(ACTOR_ENDS, "Aggregates ended, by kind and cause (left, stopped, killed, failed).");
    describe_gauge!(QUARANTINED, "Aggregates set aside after too many failures, by kind.");
    describe_gauge!(HANDLERS_STUCK, "Aggregates still at a command long after its deadline; each holds a thread.");
    describe_counter!(REDISPATCHES, "Commands sent again because their actor was gone, by kind.");
    describe_histogram!(
        ANSWERED_AGAIN,
        Unit::Seconds,
        "Time from the moment a command lost its actor, or found none alive, to its answer by the next one."
    );
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
    describe_counter!(CHAOS_ACTS, "Parts an operator had killed, panic, stall or fail, by act and what.");
    describe_gauge!(SERVICE_UP, "1 while a service runs, 0 while it is stopped, by system and service.");
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

/// Shows how many handlers are stuck.
pub fn handlers_stuck(count: usize) {
    #[expect(clippy::cast_precision_loss, reason = "there are far fewer than 2^52")]
    gauge!(HANDLERS_STUCK).set(count as f64);
}

/// Counts a command sent again.
pub fn redispatched(kind: &'static str) {
    counter!(REDISPATCHES, "kind" => kind).increment(1);
}

/// Records how long a command waited that lost its actor or found none alive.
pub fn answered_again(took: Duration) {
    histogram!(ANSWERED_AGAIN).record(took);
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

/// Counts what an operator had happen to a part: `kill`, `panic`, `stall` or `fail`, and to what.
pub fn chaos_acted(act: &'static str, what: &'static str) {
    counter!(CHAOS_ACTS, "act" => act, "what" => what).increment(1);
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
