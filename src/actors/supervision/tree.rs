//! The tree above the shards: a root, and below it one supervisor a service. Each keeps its branches alive.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};

use super::shard::{ShardArguments, ShardSupervisor};
use crate::actors::directory::KindRoom;
use crate::actors::followers::{Follower, Following, PoliciesOf, ViewOf};
use crate::actors::runtime::House;
use crate::domain::system::{PolicySpec, ViewSpec};
use crate::domain::{Service, System};

/// The wait before a branch that failed (not: was killed) starts again.
const RESTART_AFTER: Duration = Duration::from_millis(200);

/// What hangs below a supervisor, and how each is started again.
#[derive(Clone, Debug)]
pub(in crate::actors) enum Branch {
    Service(Vec<Branch>),
    Shard { house: Arc<House>, room: Arc<KindRoom>, index: usize },
    Follower(Following),
}

impl Branch {
    pub(in crate::actors) fn of(house: &Arc<House>, system: &System, service: &Service) -> Self {
        let rooms = service.aggregates.iter().filter_map(|spec| house.directory.room(spec.kind));
        let mut branches: Vec<Self> = rooms
            .flat_map(|room| {
                (0..room.shards.len()).map(|index| Self::Shard {
                    house: Arc::clone(house),
                    room: Arc::clone(room),
                    index,
                })
            })
            .collect();
        if !service.policies.is_empty() {
            let policies: Vec<PolicySpec> = service.policies.clone();
            branches.push(Self::Follower(Following::Policies(PoliciesOf {
                house: Arc::clone(house),
                system: system.name,
                service: service.name,
                policies: policies.into(),
            })));
        }
        branches.extend(service.views.iter().map(|view: &ViewSpec| {
            Self::Follower(Following::View(ViewOf { house: Arc::clone(house), spec: Arc::new(view.clone()) }))
        }));
        Self::Service(branches)
    }

    async fn start(&self, supervisor: ActorCell) -> Result<ActorId, SpawnErr> {
        // Handles are not kept: the link tells the supervisor of every end.
        match self.clone() {
            Self::Service(branches) => Box::pin(Actor::spawn_linked(None, Supervisor, branches, supervisor))
                .await
                .map(|(actor, _)| actor.get_id()),
            Self::Shard { house, room, index } => {
                let arguments = ShardArguments { house, room, index };
                Actor::spawn_linked(None, ShardSupervisor, arguments, supervisor).await.map(|(actor, _)| actor.get_id())
            }
            Self::Follower(following) => {
                Actor::spawn_linked(None, Follower, following, supervisor).await.map(|(actor, _)| actor.get_id())
            }
        }
    }
}

/// The root, and below it one a service: keeps its branches alive.
#[derive(Debug)]
pub(in crate::actors) struct Supervisor;

#[derive(Debug)]
pub(in crate::actors) struct SupervisorState {
    children: HashMap<ActorId, Branch>,
}

/// Start a branch again.
#[derive(Debug)]
pub(in crate::actors) struct Restart(Branch);

impl Actor for Supervisor {
    type Msg = Restart;
    type State = SupervisorState;
    type Arguments = Vec<Branch>;

    async fn pre_start(
        &self,
        myself: ActorRef<Restart>,
        branches: Vec<Branch>,
    ) -> Result<SupervisorState, ActorProcessingErr> {
        let mut state = SupervisorState { children: HashMap::new() };
        for branch in branches {
            let id = branch.start(myself.get_cell()).await?;
            state.children.insert(id, branch);
        }
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<Restart>,
        Restart(branch): Restart,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        match branch.start(myself.get_cell()).await {
            Ok(id) => drop(state.children.insert(id, branch)),
            Err(error) => {
                // Killed while it started, say.
                tracing::warn!(%error, ?branch, "a branch did not start; it is tried again");
                drop(myself.send_after(RESTART_AFTER, move || Restart(branch)));
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Restart>,
        event: SupervisionEvent,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
            SupervisionEvent::ActorTerminated(who, _, _) => {
                if let Some(branch) = state.children.remove(&who.get_id()) {
                    myself.cast(Restart(branch))?;
                }
            }
            SupervisionEvent::ActorFailed(who, error) => {
                if let Some(branch) = state.children.remove(&who.get_id()) {
                    tracing::error!(%error, ?branch, "a supervisor or follower failed; it starts again");
                    myself.send_after(RESTART_AFTER, move || Restart(branch));
                }
            }
        }
        Ok(())
    }
}
