//! Who starts whom, and what follows when one ends.

mod shard;
mod tree;
mod roll;

pub(super) use roll::{Heard, Roll};
pub(super) use shard::ShardMessage;
pub(super) use tree::{Branch, Supervised, Supervisor};
