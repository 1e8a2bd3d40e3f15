//! The actors that follow the log: one for a service's policies, one for each view.

mod parking;
mod policies;
mod tending;
mod turn;
mod views;

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::observe::node;
use super::runtime::House;
use crate::domain::{Kind, Recorded, System};
use crate::telemetry::metrics;
use crate::telemetry::metrics::By;

pub(super) use policies::PoliciesOf;
pub use policies::policies_of;
pub(super) use tending::Tending;
pub use tending::{Tend, Tended};
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

/// Counts a fact that came to what follows from it, or could not.
fn followed(house: &House, fact: &Recorded, by: Kind, failed: bool) {
    let took = Duration::from_millis(house.clock.wall_ms().saturating_sub(fact.time_ms));
    metrics::called(node(fact.stream.kind), node(by), By::Fact, failed, took);
}

/// What a follower is told, once, by itself.
#[derive(Debug)]
pub(super) struct Follow;

impl Actor for Follower {
    type Msg = Follow;
    type State = Following;
    type Arguments = Following;

    async fn pre_start(&self, myself: ActorRef<Follow>, following: Following) -> Result<Following, ActorProcessingErr> {
        let (house, name) = match &following {
            Following::Policies(policies) => (&policies.house, policies_of(policies.system, policies.service)),
            Following::View(view) => (&view.house, view_follower(&view.spec)),
        };
        house.chaos.followers.lock().insert(name, myself.get_cell());
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

/// A follower as operators see it.
#[derive(Clone, Debug)]
pub(super) struct FollowerName {
    pub(super) name: Arc<str>,
    pub(super) what: &'static str,
}

/// Names every follower of these systems.
pub(super) fn follower_names(systems: &[System]) -> Vec<FollowerName> {
    let services = systems.iter().flat_map(|system| system.services.iter().map(move |service| (system, service)));
    let mut names = Vec::new();
    for (system, service) in services {
        if !service.policies.is_empty() {
            let name = policies_of(system.name, service.name);
            names.push(FollowerName { name, what: "policies" });
        }
        for view in &service.views {
            names.push(FollowerName { name: view_follower(view), what: "view" });
        }
    }
    names
}
