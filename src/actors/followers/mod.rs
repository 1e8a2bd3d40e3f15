//! The actors that follow the log: a service's policies, and each view.

mod policies;
mod turn;
mod views;

pub use policies::policies_of;
pub(super) use policies::{FollowerArguments, PolicyFollower};
pub use views::view_follower;
pub(super) use views::{ViewArguments, ViewFollower};
