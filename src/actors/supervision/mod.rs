//! Who starts whom, and what follows when one ends.

mod shard;
mod tree;

pub(super) use shard::ShardMessage;
pub(super) use tree::{Branch, Supervisor};
