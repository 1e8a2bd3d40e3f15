//! Takes durable values from the overlay into the store, newest only, one batch after the other.

use std::sync::Arc;
use std::time::Duration;

use crate::journal::core::{Core, Refused};
use crate::journal::engine::Batch;

/// How long the applier waits before it tries a failed batch again.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// After how many failures in a row nothing is written any more, until a batch is taken again.
const FAILURES_MAX: u32 = 10;

/// How long a batch may take before nothing is written any more, until it is taken: after a failed write sled sometimes never
/// answers again, and what waits for it would only grow.
const STALLED_AFTER: Duration = Duration::from_secs(5);

/// Runs until dropped; a batch that failed is taken again, so that nothing leaves the overlay unheld.
pub(in crate::journal) async fn run(core: Arc<Core>) {
    let (mut failures, mut is_refusing) = (0_u32, false);
    loop {
        core.overlay.ripen().await;
        let (entries, mark) = core.overlay.leave().await;
        // Taken after the values, so that no row leaves before its id is seen.
        let ids = core.ids.take_changed();
        let mut applying = core.engine.apply(Batch { entries: Arc::clone(&entries), ids: ids.clone(), mark });
        let applied = match tokio::time::timeout(STALLED_AFTER, &mut applying).await {
            Ok(applied) => applied,
            Err(_) => {
                tracing::error!("the store does not answer; reads go on from memory, the log holds everything");
                core.refuse(Refused::Store, Some(format!("the store has not answered for {STALLED_AFTER:?}")));
                is_refusing = true;
                applying.await
            }
        };
        match applied {
            Ok(bytes) => {
                core.decoded.refresh(&*entries);
                core.overlay.left(bytes);
                if is_refusing {
                    core.refuse(Refused::Store, None);
                }
                (failures, is_refusing) = (0, false);
            }
            Err(error) => {
                core.ids.give_back_changed(&ids);
                tracing::error!(%error, "the store took no values; reads go on from memory, the log holds everything");
                failures = failures.saturating_add(1);
                if failures == FAILURES_MAX {
                    is_refusing = true;
                    core.refuse(Refused::Store, Some(format!("the store takes no values: {error}")));
                }
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}
