//! The actor of one aggregate: recover, decide, hand over, evolve.
//!
//! It never waits for the disk and never answers before it: what it decided goes to the committer with the reply
//! port inside. A refusal is a reply, never an error; an error or a panic means that this incarnation must die.

mod resident;
mod deciding;
mod asking;
mod pending;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::oneshot;

use super::asks::AskOutcome;
use super::chaos::Point;
use super::directory::{Leaver, Place, Shared};
use super::envelope::Envelope;
use super::runtime::House;
use crate::domain::Stream;
use crate::domain::system::AggregateSpec;
use crate::fault_points::{self, FaultPoint};
use crate::resilience::Unknown;
use crate::telemetry::metrics;
use resident::Resident;

/// The actor.
#[derive(Debug)]
pub(super) struct Instance;

/// What an instance is told. Small: every living actor holds room for two.
#[derive(Debug)]
pub(super) enum InstanceMessage {
    /// A command.
    Command(Box<Envelope>),
    /// What became of the open ask; acknowledged when what follows from it is durable.
    Asked { intent: u128, outcome: AskOutcome, acknowledged: oneshot::Sender<()> },
    /// The open ask goes on, but whoever waits for it need not.
    StillAsking { intent: u128, unknown: Unknown, acknowledged: oneshot::Sender<()> },
    /// An append was refused or lost: memory is ahead of the log.
    Lost,
    /// Others want to live: leave, unless something is pending.
    Leave(Leaver),
}

/// What an instance starts with.
#[derive(Debug)]
pub(super) struct InstanceArguments {
    pub(super) house: Arc<House>,
    pub(super) spec: Arc<AggregateSpec>,
    pub(super) stream: Stream,
    pub(super) generation: u64,
    pub(super) fresh: bool,
    pub(super) place: Place,
    pub(super) shared: Arc<Shared>,
}

impl Actor for Instance {
    type Msg = InstanceMessage;
    type State = Resident;
    type Arguments = InstanceArguments;

    async fn pre_start(
        &self,
        _myself: ActorRef<InstanceMessage>,
        arguments: InstanceArguments,
    ) -> Result<Resident, ActorProcessingErr> {
        Ok(Resident::new(arguments))
    }

    /// Recovers here and not in `pre_start`: the supervisor does not wait, the mailbox is the stash, and a failure is
    /// the supervisor's to see.
    async fn post_start(
        &self,
        myself: ActorRef<InstanceMessage>,
        resident: &mut Resident,
    ) -> Result<(), ActorProcessingErr> {
        if resident.fresh() {
            return Ok(());
        }
        fault_points::at(FaultPoint::RecoveryBegun).await?;
        let started = resident.house.clock.now();
        let is_newest = resident.recover().await?;
        metrics::actor_recovered(resident.stream.kind.path(), resident.house.clock.now() - started);
        fault_points::at(FaultPoint::Recovered).await?;
        if !is_newest {
            // A newer incarnation has passed, or the committer died: whoever waits asks again.
            myself.stop(Some("superseded".to_owned()));
        }
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<InstanceMessage>,
        message: InstanceMessage,
        resident: &mut Resident,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            InstanceMessage::Command(envelope) => {
                resident.shared.waiting.fetch_sub(1, Ordering::Relaxed);
                let waited = resident.house.clock.now() - envelope.sent;
                metrics::mailbox_waited(resident.stream.kind.path(), waited);
                resident.take_in_hand(&envelope);
                if let Some(pause) = resident.house.chaos.pause_at(Point::Decide, resident.stream) {
                    pause.await;
                }
                fault_points::at(FaultPoint::CommandTaken).await?;
                resident.command(&myself, *envelope);
                fault_points::at(FaultPoint::CommandHandedOver).await?;
            }
            InstanceMessage::Asked { intent, outcome, acknowledged } => {
                resident.asked(&myself, intent, outcome, acknowledged);
            }
            InstanceMessage::StillAsking { intent, unknown, acknowledged } => {
                resident.still_asking(intent, unknown, acknowledged);
            }
            InstanceMessage::Lost => myself.stop(Some("lost".to_owned())),
            // What came meanwhile is still handled, what comes later starts another.
            InstanceMessage::Leave(leaver) if resident.may_leave() => {
                fault_points::at(FaultPoint::Leaving).await?;
                resident.leaver = Some(leaver);
                myself.drain()?;
            }
            InstanceMessage::Leave(leaver) => leaver.stays(),
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<InstanceMessage>,
        resident: &mut Resident,
    ) -> Result<(), ActorProcessingErr> {
        fault_points::at(FaultPoint::Left).await?;
        if resident.may_leave() {
            resident.house.journal.forget(resident.stream, resident.generation);
        }
        Ok(())
    }
}
