//! What the living part tells: aggregates, mailboxes, asks, and which services run.

use std::sync::LazyLock;
use std::time::Duration;

use metrics::{Histogram, counter, gauge, histogram};

use super::metrics::{
    ACTOR_ENDS, ACTOR_RECOVERY, ACTOR_STARTS, ACTORS_LIVE, ANSWERED_AGAIN, ASKS_ENDED, ASKS_OLDEST, ASKS_OPEN,
    HANDLERS_STUCK, MAILBOX_DEPTH, MAILBOX_WAIT, QUARANTINED, REDISPATCHES, SERVICE_UP,
};
use super::series::Series;

/// Why an aggregate ends: it left, it was stopped or killed, it failed.
pub(super) const CAUSES: [&str; 4] = ["left", "stopped", "killed", "failed"];
/// How an ask ends.
pub(super) const ASK_OUTCOMES: [&str; 4] = ["done", "refused", "not-executed", "undone"];

/// Counts a started aggregate.
pub fn actor_started(kind: &'static str) {
    counter!(ACTOR_STARTS, "kind" => kind).increment(1);
}

/// Counts ended aggregates.
pub fn actors_ended(kind: &'static str, cause: &'static str, count: u64) {
    counter!(ACTOR_ENDS, "kind" => kind, "cause" => cause).increment(count);
}

/// How a kind's aggregates are doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindGauges {
    /// How many live.
    pub live: usize,
    /// How many are set aside.
    pub quarantined: usize,
    /// How many commands wait in their mailboxes.
    pub waiting: usize,
}

/// Shows how a kind's aggregates are doing.
#[expect(clippy::cast_precision_loss, reason = "there are far fewer than 2^52")]
pub fn kind_doing(kind: &'static str, gauges: KindGauges) {
    gauge!(ACTORS_LIVE, "kind" => kind).set(gauges.live as f64);
    gauge!(QUARANTINED, "kind" => kind).set(gauges.quarantined as f64);
    gauge!(MAILBOX_DEPTH, "kind" => kind).set(gauges.waiting as f64);
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

/// Shows how many asks are under way, and how old the oldest is.
#[expect(clippy::cast_precision_loss, reason = "there are far fewer than 2^52")]
pub fn asks_open(count: usize, oldest: Duration) {
    gauge!(ASKS_OPEN).set(count as f64);
    gauge!(ASKS_OLDEST).set(oldest.as_secs_f64());
}

/// Counts an ended ask.
pub fn ask_ended(asked: &'static str, outcome: &'static str) {
    counter!(ASKS_ENDED, "asked" => asked, "outcome" => outcome).increment(1);
}

/// Shows whether a service runs.
pub fn service_up(system: &'static str, service: &'static str, up: bool) {
    gauge!(SERVICE_UP, "system" => system, "service" => service).set(f64::from(u8::from(up)));
}

/// Records how long an aggregate took to take up its state.
pub fn actor_recovered(kind: &'static str, took: Duration) {
    static RECOVERED: LazyLock<Series<&'static str, Histogram>> = LazyLock::new(Series::default);
    RECOVERED.record(&kind, || histogram!(ACTOR_RECOVERY, "kind" => kind), |histogram| histogram.record(took));
}

/// Records how long a command waited in a mailbox.
pub fn mailbox_waited(kind: &'static str, waited: Duration) {
    static WAITED: LazyLock<Series<&'static str, Histogram>> = LazyLock::new(Series::default);
    WAITED.record(&kind, || histogram!(MAILBOX_WAIT, "kind" => kind), |histogram| histogram.record(waited));
}

/// Shows a kind of aggregates from the start, with nothing counted.
pub(super) fn kind_known(kind: &'static str) {
    counter!(ACTOR_STARTS, "kind" => kind).increment(0);
    counter!(REDISPATCHES, "kind" => kind).increment(0);
    for cause in CAUSES {
        counter!(ACTOR_ENDS, "kind" => kind, "cause" => cause).increment(0);
    }
}

/// Shows a kind that is asked from the start, with nothing counted.
pub(super) fn asked_known(asked: &'static str) {
    for outcome in ASK_OUTCOMES {
        counter!(ASKS_ENDED, "asked" => asked, "outcome" => outcome).increment(0);
    }
}
