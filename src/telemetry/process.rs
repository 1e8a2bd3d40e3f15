//! What the process itself tells: its build, its settings, its event loop, and what it takes of the machine.

use std::sync::LazyLock;
use std::time::Duration;

use metrics::{counter, gauge};
use metrics_process::Collector;
use tokio::runtime::Handle;

use super::metrics::{
    BUILD_INFO, CONFIG_RELOADED, CONFIG_RELOADS, EVENT_LOOP_LAG, READY, RUNTIME_QUEUE, RUNTIME_TASKS, RUNTIME_WORKERS,
    SPANS_DROPPED,
};

static MACHINE: LazyLock<Collector> = LazyLock::new(Collector::default);

/// Says which build this is, and that its settings are those of the start.
pub(super) fn process_known() {
    MACHINE.describe();
    gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    gauge!(CONFIG_RELOADED).set(1.0);
    for result in ["done", "refused"] {
        counter!(CONFIG_RELOADS, "result" => result).increment(0);
    }
}

/// Shows whether the process takes work.
pub fn ready(is_ready: bool) {
    gauge!(READY).set(f64::from(u8::from(is_ready)));
}

/// Counts a reading of the settings while the process runs, and whether they were taken over.
pub fn config_reloaded(taken: bool) {
    gauge!(CONFIG_RELOADED).set(f64::from(u8::from(taken)));
    counter!(CONFIG_RELOADS, "result" => if taken { "done" } else { "refused" }).increment(1);
}

/// Counts spans that do not get to the collector.
pub fn spans_dropped(reason: &'static str, count: u64) {
    counter!(SPANS_DROPPED, "reason" => reason).increment(count);
}

/// Shows how late the event loop came to its work.
pub fn event_loop_lag(lag: Duration) {
    gauge!(EVENT_LOOP_LAG).set(lag.as_secs_f64());
}

/// Brings the gauges of the process and of its event loop up to date.
#[expect(clippy::cast_precision_loss, reason = "there are far fewer than 2^52 tasks")]
pub fn process(event_loop: &Handle) {
    MACHINE.collect();
    let figures = event_loop.metrics();
    gauge!(RUNTIME_WORKERS).set(figures.num_workers() as f64);
    gauge!(RUNTIME_TASKS).set(figures.num_alive_tasks() as f64);
    gauge!(RUNTIME_QUEUE).set(figures.global_queue_depth() as f64);
}
