//! Keeps a committer running: a killed one is replaced at once, one that fails too often is not.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::committer::Committer;
use crate::journal::core::Core;
use crate::telemetry::metrics;

/// How often the committer may fail (a kill is no failure) before the process must end.
const FAILURES_MAX: usize = 3;
/// The window in which failures count.
const FAILURES_WINDOW: Duration = Duration::from_secs(30);

/// Runs one committer after the other until the journal closes.
pub(in crate::journal) async fn keep_committing(core: Arc<Core>, floor: u64) {
    commit_to_the_end(&core, floor).await;
    core.refuse_all().await;
}

async fn commit_to_the_end(core: &Arc<Core>, mut floor: u64) {
    let mut failures: VecDeque<tokio::time::Instant> = VecDeque::new();
    loop {
        let mut incarnation = JoinSet::new();
        let owned = Arc::clone(core);
        let handle = incarnation.spawn(async move { Committer::take_over(owned, floor).await.run().await });
        *core.committer.lock() = Some(handle);
        match incarnation.join_next().await {
            Some(Ok(())) | None => return,
            Some(Err(ended)) if ended.is_cancelled() => tracing::warn!("the committer was killed; another takes over"),
            Some(Err(ended)) => {
                let now = core.clock.now();
                failures.push_back(now);
                while failures.front().is_some_and(|first| now - *first > FAILURES_WINDOW) {
                    failures.pop_front();
                }
                tracing::error!(%ended, "the committer failed; another takes over");
                if failures.len() >= FAILURES_MAX {
                    core.stop_writing("the committer failed three times in 30 s");
                    core.given_up.send_replace(true);
                    return;
                }
            }
        }
        metrics::committer_restarted();
        floor = core.next_generation();
    }
}
