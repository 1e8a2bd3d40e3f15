//! The free-space floor: a full disk is refused before it is hit, and heals by itself.

use std::sync::Arc;
use std::time::Duration;

use super::core::{Core, Refused};

/// How often free space is looked at. Far less than it takes to write the floor's worth.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Refuses appends while less than `free_bytes_min` are free where the log lives.
pub(super) async fn run(core: Arc<Core>, free_bytes_min: u64) {
    while let Some(free) = core.engine.free_bytes() {
        match core.is_refused(Refused::Space) {
            false if free < free_bytes_min => {
                let why = format!("only {free} bytes are free on the disk, the floor is {free_bytes_min}");
                tracing::error!(free, free_bytes_min, "nothing is written until there is more space on the disk");
                core.refuse(Refused::Space, Some(why));
            }
            // A little more, so that it does not change with every look.
            true if free >= free_bytes_min.saturating_add(free_bytes_min / 20) => {
                tracing::info!(free, "there is space on the disk again");
                core.refuse(Refused::Space, None);
            }
            true | false => {}
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
