//! Takes durable values from the overlay into the store, newest only, one batch after the other.

use std::sync::Arc;
use std::time::Duration;

use super::engine::Engine;
use super::overlay::Overlay;

/// How long the applier waits before it tries a failed batch again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Runs until dropped; a batch that failed is taken again, so that nothing leaves the overlay unheld.
pub async fn run(overlay: Arc<Overlay>, engine: Arc<dyn Engine>) {
    loop {
        let batch = overlay.leave().await;
        match engine.apply(batch).await {
            Ok(()) => overlay.left(),
            Err(error) => {
                tracing::error!(%error, "the store took no values; reads go on from memory, the log holds everything");
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}
