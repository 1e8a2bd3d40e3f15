//! Takes durable values from the overlay into the store, newest only, one batch after the other.

use std::sync::Arc;
use std::time::Duration;

use crate::journal::core::{Core, Refused};
use crate::journal::engine::Batch;

/// How long the applier waits before it tries a failed batch again.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// After how many failures in a row nothing is written any more, until a batch is taken again.
const FAILURES_MAX: u32 = 10;

/// Runs until dropped; a batch that failed is taken again, so that nothing leaves the overlay unheld.
pub(in crate::journal) async fn run(core: Arc<Core>) {
    let mut failures: u32 = 0;
    loop {
        core.overlay.ripen().await;
        let (entries, mark) = core.overlay.leave().await;
        // Taken after the values, so that no row leaves before its id is seen.
        let ids = core.ids.take_changed();
        match core.engine.apply(Batch { entries: Arc::clone(&entries), ids: ids.clone(), mark }).await {
            Ok(bytes) => {
                core.decoded.refresh(&*entries);
                core.overlay.left(bytes);
                if failures >= FAILURES_MAX {
                    core.refuse(Refused::Store, None);
                }
                failures = 0;
            }
            Err(error) => {
                core.ids.give_back_changed(&ids);
                tracing::error!(%error, "the store took no values; reads go on from memory, the log holds everything");
                failures = failures.saturating_add(1);
                if failures == FAILURES_MAX {
                    core.refuse(Refused::Store, Some(format!("the store takes no values: {error}")));
                }
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}
