//! What operators look at may wait for the disk: it is read beside the event loop.

use super::problem::Problem;
use super::request::Request;
use crate::resilience::NotExecuted;

/// Runs what may wait for the disk on a thread where that hurts nobody, as long as the request may take.
pub(super) async fn aside<T: Send + 'static>(
    request: &Request,
    look: impl Future<Output = T> + Send + 'static,
) -> Result<T, Problem> {
    let (runtime, deadline) = (tokio::runtime::Handle::current(), request.deadline.at());
    let looking = move || runtime.block_on(tokio::time::timeout_at(deadline, look));
    match tokio::task::spawn_blocking(looking).await {
        Ok(Ok(seen)) => Ok(seen),
        Ok(Err(_)) => Err(NotExecuted::deadline_exceeded().into()),
        Err(panicked) => Err(Problem::Internal(format!("an operator's look failed: {panicked}"))),
    }
}
