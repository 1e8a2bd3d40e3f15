//! The actors that follow the log: one for a service's policies, one for each view.

mod policies;
mod turn;
mod views;

use ractor::{Actor, ActorProcessingErr, ActorRef};

pub(super) use policies::PoliciesOf;
pub use policies::policies_of;
#[cfg(test)]
pub(super) use turn::command_id;
pub(super) use views::ViewOf;
pub use views::view_follower;

/// The actor.
#[derive(Debug)]
pub(super) struct Follower;

/// What it follows the log for.
#[derive(Clone, Debug)]
pub(super) enum Following {
    Policies(PoliciesOf),
    View(ViewOf),
}

/// What a follower is told, once, by itself.
#[derive(Debug)]
pub(super) struct Follow;

impl Actor for Follower {
    type Msg = Follow;
    type State = Following;
    type Arguments = Following;

    async fn pre_start(&self, myself: ActorRef<Follow>, following: Following) -> Result<Following, ActorProcessingErr> {
        myself.cast(Follow)?;
        Ok(following)
    }

    /// Follows for as long as it lives; a kill drops it at any await.
    async fn handle(
        &self,
        _myself: ActorRef<Follow>,
        _message: Follow,
        following: &mut Following,
    ) -> Result<(), ActorProcessingErr> {
        match following {
            Following::Policies(policies) => policies.follow().await,
            Following::View(view) => view.follow().await,
        }
    }
}
