//! The task that takes spans to the collector, a batch at a time, and counts what does not get there.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::collector::{Collector, Failure};
use super::otlp;
use super::span::Record;
use super::tracer::Tracer;
use crate::clock::Clock;
use crate::http_client::Bytes;
use crate::telemetry::metrics;

/// How many spans go together.
const BATCH_MAX: usize = 512;
/// How long the first of a batch waits for more.
const BATCH_WAIT: Duration = Duration::from_secs(1);
/// How often a batch is sent at most.
const ATTEMPTS_MAX: u32 = 3;
/// The wait between two attempts, if the collector names none; doubled each time.
const RETRY_WAIT: Duration = Duration::from_secs(1);
/// The longest wait between two attempts.
const RETRY_WAIT_MAX: Duration = Duration::from_secs(10);
/// How long what is left may take at a stop.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);
/// Every reason why a span does not get there.
const REASONS: [&str; 7] = ["queue-full", "unreachable", "no-answer", "busy", "refused", "rejected", "stopped"];

/// The running export; ends with [`Exporter::stop`].
#[derive(Debug)]
pub struct Exporter {
    task: JoinSet<()>,
    clock: Clock,
    /// Until when what is left may be sent, once it is to end.
    end_by: watch::Sender<Option<Instant>>,
}

impl Exporter {
    /// Begins to export this share of the traces that begin here, and every trace whose sender tells it.
    #[must_use]
    pub fn start(collector: Collector, sampled: f64, clock: &Clock) -> (Tracer, Self) {
        let (tracer, spans) = Tracer::new(sampled, clock.clone());
        let (end_by, ending) = watch::channel(None);
        REASONS.into_iter().for_each(|reason| metrics::spans_dropped(reason, 0));
        let instance = clock.id_text().to_string();
        let export = Export { collector, spans, ending, instance, clock: clock.clone(), is_failing: false };
        let mut task = JoinSet::new();
        task.spawn(export.run());
        (tracer, Self { task, clock: clock.clone(), end_by })
    }

    /// Sends what is left, for as long as that may take.
    pub async fn stop(mut self) {
        self.end_by.send_replace(Some(self.clock.now() + FLUSH_TIMEOUT));
        while self.task.join_next().await.is_some() {}
    }
}

struct Export {
    collector: Collector,
    spans: mpsc::Receiver<Record>,
    ending: watch::Receiver<Option<Instant>>,
    instance: String,
    clock: Clock,
    is_failing: bool,
}

impl Export {
    async fn run(mut self) {
        loop {
            let batch = self.gather().await;
            if batch.is_empty() {
                return;
            }
            let count = batch.len() as u64;
            let body = Bytes::from(otlp::batch(&batch, &self.instance));
            drop(batch);
            let mut ending = self.ending.clone();
            let outcome = tokio::select! {
                biased;
                () = out_of_time(&mut ending) => None,
                outcome = self.sent(body) => Some(outcome),
            };
            match outcome {
                None => metrics::spans_dropped("stopped", count),
                Some(Ok(rejected)) => {
                    if std::mem::take(&mut self.is_failing) {
                        tracing::info!("the collector takes traces again");
                    }
                    metrics::spans_dropped("rejected", rejected.min(count));
                }
                Some(Err(failure)) => {
                    if !std::mem::replace(&mut self.is_failing, true) {
                        let reason = failure.code();
                        tracing::warn!(reason, "the collector takes no traces; they are dropped until it does");
                    }
                    metrics::spans_dropped(failure.code(), count);
                }
            }
        }
    }

    /// Waits for a batch; empty once it is to end and nothing is left.
    async fn gather(&mut self) -> Vec<Record> {
        let mut batch = Vec::new();
        tokio::select! {
            biased;
            _ = self.spans.recv_many(&mut batch, BATCH_MAX) => {}
            () = begun(&mut self.ending) => {
                // What comes later is dropped and counted by whoever brings it.
                self.spans.close();
                self.spans.recv_many(&mut batch, BATCH_MAX).await;
                return batch;
            }
        }
        let more = async {
            while let room @ 1.. = BATCH_MAX - batch.len()
                && self.spans.recv_many(&mut batch, room).await > 0
            {}
        };
        tokio::select! {
            () = more => {}
            () = tokio::time::sleep(BATCH_WAIT) => {}
            () = begun(&mut self.ending) => {}
        }
        batch
    }

    /// Sends a batch, and again if that may help.
    async fn sent(&self, body: Bytes) -> Result<u64, Failure> {
        let mut wait = RETRY_WAIT;
        let mut attempt = 1;
        loop {
            let failure = match self.collector.send(body.clone(), self.clock.wall_ms()).await {
                Ok(rejected) => return Ok(rejected),
                Err(failure) => failure,
            };
            let hint = match failure {
                Failure::Busy(hint) => hint,
                Failure::Unreachable | Failure::NoAnswer => None,
                Failure::Refused => return Err(failure),
            };
            if attempt == ATTEMPTS_MAX {
                return Err(failure);
            }
            let spread = wait.mul_f64(0.5 + self.clock.fraction() / 2.0);
            tokio::time::sleep(hint.unwrap_or(spread).min(RETRY_WAIT_MAX)).await;
            attempt += 1;
            wait = (2 * wait).min(RETRY_WAIT_MAX);
        }
    }
}

/// Resolves when the export is to end.
async fn begun(ending: &mut watch::Receiver<Option<Instant>>) {
    // A handle that was let go ends it too.
    let _ = ending.wait_for(Option::is_some).await;
}

/// Resolves when what is left may not be sent any more.
async fn out_of_time(ending: &mut watch::Receiver<Option<Instant>>) {
    let end_by = match ending.wait_for(Option::is_some).await {
        Ok(end_by) => *end_by,
        Err(_) => None,
    };
    if let Some(end_by) = end_by {
        tokio::time::sleep_until(end_by).await;
    }
}
