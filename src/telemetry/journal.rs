//! What the journal tells, and who follows it.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use super::metrics::{
    COMMITTER_RESTARTS, DISK_FREE, FOLLOWER_ASIDE, FOLLOWER_LAG_FACTS, FOLLOWER_LAG_SECONDS, FOLLOWER_PARKED,
    JOURNAL_FENCED, JOURNAL_GROUP, JOURNAL_GROUP_APPENDS, JOURNAL_LOG_BYTES, JOURNAL_POSITION, JOURNAL_SEGMENTS,
    JOURNAL_SYNC, JOURNAL_WAITING, JOURNAL_WRITABLE,
};

/// Where a journal stands.
#[derive(Clone, Copy, Debug)]
pub struct JournalGauges {
    /// The newest durable position.
    pub position: u64,
    /// The size of the log, in bytes.
    pub log_bytes: u64,
    /// How many segments the log has.
    pub segments: u64,
    /// How many durable values are not yet in the store.
    pub waiting: usize,
    /// Whether it can be written.
    pub writable: bool,
    /// How many bytes are free on its disk, if it has one.
    pub free_bytes: Option<u64>,
}

/// Records a written group.
#[expect(clippy::cast_precision_loss, reason = "a group has far fewer than 2^52 bytes and appends")]
pub fn group_written(took: Duration, bytes: usize, appends: usize) {
    histogram!(JOURNAL_SYNC).record(took);
    histogram!(JOURNAL_GROUP).record(bytes as f64);
    histogram!(JOURNAL_GROUP_APPENDS).record(appends as f64);
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
pub fn journal(gauges: &JournalGauges) {
    let JournalGauges { position, log_bytes, segments, waiting, writable, free_bytes } = *gauges;
    gauge!(JOURNAL_POSITION).set(position as f64);
    gauge!(JOURNAL_LOG_BYTES).set(log_bytes as f64);
    gauge!(JOURNAL_SEGMENTS).set(segments as f64);
    gauge!(JOURNAL_WAITING).set(waiting as f64);
    gauge!(JOURNAL_WRITABLE).set(f64::from(u8::from(writable)));
    if let Some(free) = free_bytes {
        gauge!(DISK_FREE).set(free as f64);
    }
}

/// Shows how far a follower is behind.
#[expect(clippy::cast_precision_loss, reason = "a lag is far below 2^52")]
pub fn follower_lag(follower: &str, facts: u64, age: Duration) {
    gauge!(FOLLOWER_LAG_FACTS, "follower" => follower.to_owned()).set(facts as f64);
    gauge!(FOLLOWER_LAG_SECONDS, "follower" => follower.to_owned()).set(age.as_secs_f64());
}

/// Shows how many facts wait that a follower set aside.
#[expect(clippy::cast_precision_loss, reason = "there are far fewer than 2^52")]
pub fn follower_aside(follower: &str, facts: usize) {
    gauge!(FOLLOWER_ASIDE, "follower" => follower.to_owned()).set(facts as f64);
}

/// Counts a fact a follower set aside.
pub fn follower_parked(follower: &str) {
    counter!(FOLLOWER_PARKED, "follower" => follower.to_owned()).increment(1);
}

/// Shows a journal's counters and a follower from the start, with nothing counted.
pub(super) fn followed_known<'a>(followers: impl Iterator<Item = &'a str>) {
    counter!(JOURNAL_FENCED).increment(0);
    counter!(COMMITTER_RESTARTS).increment(0);
    for follower in followers {
        counter!(FOLLOWER_PARKED, "follower" => follower.to_owned()).increment(0);
    }
}
