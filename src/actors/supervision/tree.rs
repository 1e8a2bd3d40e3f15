//! The tree above the shards: a root, and below it one supervisor a service. Each keeps its branches alive.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};
use tokio::time::Instant;

use super::roll::Heard;
use super::shard::{ShardArguments, ShardSupervisor};
use crate::actors::directory::{FAILURES_WINDOW, KindRoom, restart_wait};
use crate::actors::followers::{Follower, Following, PoliciesOf, ViewOf};
use crate::actors::runtime::House;
use crate::clock::Clock;
use crate::domain::system::{PolicySpec, ViewSpec};
use crate::domain::{Service, System};

/// How often a branch failed (not: was killed) without having lived for a minute since.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::actors) struct Failures {
    in_a_row: usize,
    last: Option<Instant>,
}

impl Failures {
    /// Notes one more; returns how long to wait before the next start: as aggregates wait, but nobody gives up.
    fn one_more(&mut self, clock: &Clock) -> Duration {
        let now = clock.now();
        if self.last.is_none_or(|last| now - last > FAILURES_WINDOW) {
            self.in_a_row = 0;
        }
        *self = Self { in_a_row: self.in_a_row + 1, last: Some(now) };
        restart_wait(self.in_a_row, clock.fraction())
    }
}

/// What hangs below a supervisor, and how each is started again.
#[derive(Clone, Debug)]
pub(in crate::actors) enum Branch {
    Service(Supervised),
    Shard { house: Arc<House>, room: Arc<KindRoom>, index: usize },
    Follower(Following),
}

/// What a supervisor keeps alive, and where it notes that it answers.
#[derive(Clone, Debug)]
pub(in crate::actors) struct Supervised {
    pub(in crate::actors) heard: Arc<Heard>,
    pub(in crate::actors) clock: Clock,
    pub(in crate::actors) branches: Vec<Branch>,
}

impl Branch {
    pub(in crate::actors) fn of(house: &Arc<House>, system: &System, service: &Service, heard: Arc<Heard>) -> Self {
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
        Self::Service(Supervised { heard, clock: house.clock.clone(), branches })
    }

    async fn start(&self, supervisor: ActorCell) -> Result<ActorId, SpawnErr> {
        // Handles are not kept: the link tells the supervisor of every end.
        match self.clone() {
            Self::Service(supervised) => Box::pin(Actor::spawn_linked(None, Supervisor, supervised, supervisor))
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
    heard: Arc<Heard>,
    clock: Clock,
    children: HashMap<ActorId, (Branch, Failures)>,
}

impl SupervisorState {
    /// Has a branch that failed started again, after a wait that grows with its failures.
    fn restart(&self, myself: &ActorRef<SupervisorMessage>, branch: Branch, mut failures: Failures) {
        let wait = failures.one_more(&self.clock);
        drop(myself.send_after(wait, move || SupervisorMessage::Restart(branch, failures)));
    }
}

/// What a supervisor is told.
#[derive(Debug)]
pub(in crate::actors) enum SupervisorMessage {
    /// Start a branch again, which failed so often.
    Restart(Branch, Failures),
    /// Note that this question has arrived, and pass it on to the supervisors below.
    Answer(u64),
}

impl Actor for Supervisor {
    type Msg = SupervisorMessage;
    type State = SupervisorState;
    type Arguments = Supervised;

    async fn pre_start(
        &self,
        myself: ActorRef<SupervisorMessage>,
        Supervised { heard, clock, branches }: Supervised,
    ) -> Result<SupervisorState, ActorProcessingErr> {
        let mut state = SupervisorState { heard, clock, children: HashMap::new() };
        for branch in branches {
            let id = branch.start(myself.get_cell()).await?;
            state.children.insert(id, (branch, Failures::default()));
        }
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<SupervisorMessage>,
        message: SupervisorMessage,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SupervisorMessage::Restart(branch, failures) => match branch.start(myself.get_cell()).await {
                Ok(id) => drop(state.children.insert(id, (branch, failures))),
                Err(error) => {
                    // Killed while it started, say.
                    tracing::warn!(%error, ?branch, "a branch did not start; it is tried again");
                    state.restart(&myself, branch, failures);
                }
            },
            SupervisorMessage::Answer(question) => {
                state.heard.hear(question);
                for child in myself.get_cell().get_children() {
                    if let Some((Branch::Service(below), _)) = state.children.get(&child.get_id()) {
                        below.heard.ask(&child, question);
                    }
                }
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<SupervisorMessage>,
        event: SupervisionEvent,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
            SupervisionEvent::ActorTerminated(who, _, _) => {
                if let Some((branch, failures)) = state.children.remove(&who.get_id()) {
                    myself.cast(SupervisorMessage::Restart(branch, failures))?;
                }
            }
            SupervisionEvent::ActorFailed(who, error) => {
                if let Some((branch, failures)) = state.children.remove(&who.get_id()) {
                    tracing::error!(%error, ?branch, "a supervisor or follower failed; it starts again");
                    state.restart(&myself, branch, failures);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_branch_that_fails_again_and_again_waits_longer_each_time_up_to_half_a_minute_and_never_gives_up() {
        let (clock, mut failures) = (Clock::manual(0, 1), Failures::default());
        let mut waits = Vec::new();
        for _ in 0..20 {
            let wait = failures.one_more(&clock);
            tokio::time::advance(wait).await;
            waits.push(wait);
        }
        assert_eq!(waits[0], Duration::ZERO, "at once, the first time");
        let about = |wait: Duration, ms: u64| (ms * 4 / 5..=ms * 6 / 5).contains(&(wait.as_millis() as u64));
        assert!(about(waits[1], 100) && about(waits[2], 200) && about(waits[3], 400), "{waits:?}");
        assert!(waits[12..].iter().all(|wait| about(*wait, 30_000)), "{waits:?}");
        tokio::time::advance(FAILURES_WINDOW + Duration::from_secs(1)).await;
        assert_eq!(failures.one_more(&clock), Duration::ZERO, "forgotten after a minute");
    }
}
