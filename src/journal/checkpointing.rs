//! When a checkpoint is due, and what it may leave out.

use std::sync::Arc;
use std::time::Duration;

use super::codec;
use super::core::Core;
use super::engine::{CheckpointFigures, EngineError, Expiry, Tree};
use super::overlay::Key;
use super::reading::ReadError;
use super::record::Position;
use super::recovery::KEYED_FOR_MS;

/// How much log a start replays at least before a checkpoint is worth it, in bytes.
const TAIL_BYTES_MIN: u64 = 256 * 1024 * 1024;
/// How long something may be written without a checkpoint.
const TAIL_AGE_MAX: Duration = Duration::from_secs(600);

/// Writes checkpoints for as long as it runs. It looks whenever values have left for the store: no writing, no checkpoint.
pub(super) async fn run(core: Arc<Core>) {
    let mut last = (core.clock.now(), core.engine.figures().log_bytes);
    loop {
        core.overlay.has_left().await;
        let figures = core.engine.figures();
        let tail = figures.log_bytes.saturating_sub(last.1);
        if !is_due(tail, figures.checkpoint.bytes, core.clock.now() - last.0) {
            continue;
        }
        last = (core.clock.now(), figures.log_bytes);
        log_outcome(core.checkpoint().await, core.clock.now() - last.0);
    }
}

/// A large checkpoint is worth a long tail: writing it again must not cost more than the log itself.
fn is_due(tail_bytes: u64, last_bytes: u64, age: Duration) -> bool {
    tail_bytes >= TAIL_BYTES_MIN.max(last_bytes) || age >= TAIL_AGE_MAX
}

fn log_outcome(outcome: Result<CheckpointFigures, ReadError>, took: Duration) {
    match outcome {
        Ok(CheckpointFigures { group, bytes, .. }) => {
            tracing::info!(group, bytes, took_ms = took.as_millis(), "a checkpoint was written");
        }
        Err(error) => tracing::error!(%error, "a checkpoint could not be written; the older ones and the log stay"),
    }
}

impl Core {
    /// Writes a checkpoint of what the store holds now, one at a time.
    pub(super) async fn checkpoint(&self) -> Result<CheckpointFigures, ReadError> {
        let _one = self.checkpointing.lock().await;
        let expiry = Expiry {
            // The newest becomes the older one that is kept, and a start may have to go back to it.
            settled_before: self.engine.figures().checkpoint.settled,
            before_ms: self.clock.wall_ms().saturating_sub(KEYED_FOR_MS),
        };
        Ok(self.engine.checkpoint(self.settled()?, expiry).await?)
    }

    /// Returns up to where every policy's turn and every ask is at its end, as a start from the store would see it: what waits
    /// in the overlay may not have reached it when the process is killed.
    fn settled(&self) -> Result<Position, ReadError> {
        let durable = *self.durable.borrow();
        let followers: Vec<Arc<str>> = self.following.lock().keys().map(Arc::clone).collect();
        let mut settled = durable;
        for follower in followers {
            let stored = self.engine.get(&Key::Progress(follower))?;
            settled = settled.min(stored.map_or(0, |bytes| codec::position_of(&bytes)));
        }
        let waiting = self.overlay.of(Tree::Intents);
        let open = waiting.values().filter(|entry| entry.value.is_some()).map(|entry| entry.position);
        settled = open.fold(settled, |settled, position| settled.min(position.saturating_sub(1)));
        self.engine.each(Tree::Intents, &mut |_, bytes| {
            settled = settled.min(codec::position_of(bytes).saturating_sub(1));
        })?;
        Ok(settled)
    }

    /// Returns a follower's position: the last fact it is done with.
    pub(super) fn progress(&self, follower: &Arc<str>) -> Result<Position, EngineError> {
        let key = Key::Progress(Arc::clone(follower));
        match self.overlay.get(&key) {
            Some(entry) => Ok(entry.position),
            None => Ok(self.engine.get(&key)?.map_or(0, |bytes| codec::position_of(&bytes))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_due_after_as_much_log_as_the_last_one_was_large_or_after_ten_minutes() {
        const MIB: u64 = 1024 * 1024;
        let table = [
            (255 * MIB, 0, 0, false),
            (256 * MIB, 0, 0, true),
            (256 * MIB, 300 * MIB, 0, false),
            (300 * MIB, 300 * MIB, 0, true),
            (0, 300 * MIB, 599, false),
            (0, 300 * MIB, 600, true),
        ];
        for (tail, last, seconds, due) in table {
            assert_eq!(is_due(tail, last, Duration::from_secs(seconds)), due, "{tail} {last} {seconds}");
        }
    }
}
