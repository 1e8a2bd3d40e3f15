//! Starts instances, and decides what follows when one ends: one match, no wildcard.

use std::collections::HashMap;
use std::sync::Arc;

use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};

use crate::actors::directory::{Fate, KindRoom, Living, Place, Shared};
use crate::actors::instance::{Instance, InstanceArguments};
use crate::actors::runtime::House;
use crate::domain::Stream;
use crate::journal::recovery::histories::BrokenHistory;
use crate::telemetry::metrics;
use crate::telemetry::tracing::trace_id;

/// The supervisor of one shard of a kind.
#[derive(Debug)]
pub(in crate::actors) struct ShardSupervisor;

/// What a shard is told.
#[derive(Debug)]
pub(in crate::actors) enum ShardMessage {
    /// Start the actor of an id.
    Start {
        id: u64,
        generation: u64,
        shared: Arc<Shared>,
        /// Its right to live.
        place: Place,
        /// Whether the id was never used before, so that nothing has to be recovered.
        fresh: bool,
    },
}

/// What a shard needs.
#[derive(Debug)]
pub(in crate::actors) struct ShardArguments {
    pub(in crate::actors) house: Arc<House>,
    pub(in crate::actors) room: Arc<KindRoom>,
    pub(in crate::actors) index: usize,
}

#[derive(Debug)]
pub(in crate::actors) struct ShardState {
    house: Arc<House>,
    room: Arc<KindRoom>,
    index: usize,
    /// The id and the generation of each that lives.
    children: HashMap<ActorId, (u64, u64)>,
}

impl Actor for ShardSupervisor {
    type Msg = ShardMessage;
    type State = ShardState;
    type Arguments = ShardArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<ShardMessage>,
        arguments: ShardArguments,
    ) -> Result<ShardState, ActorProcessingErr> {
        let ShardArguments { house, room, index } = arguments;
        // Whoever lived under the shard before died with it; the fence keeps their last appends harmless.
        // Published last: a start taken before the reset would be forgotten by it, one given to the old shard is lost.
        *room.shards[index].supervisor.lock() = None;
        let lived = room.shards[index].reset(house.clock.now());
        metrics::actors_ended(room.spec.kind.path(), "killed", lived);
        *room.shards[index].supervisor.lock() = Some(myself);
        Ok(ShardState { house, room, index, children: HashMap::new() })
    }

    async fn handle(
        &self,
        myself: ActorRef<ShardMessage>,
        message: ShardMessage,
        state: &mut ShardState,
    ) -> Result<(), ActorProcessingErr> {
        let ShardMessage::Start { id, generation, shared, place, fresh } = message;
        let stream = Stream::new(state.room.spec.kind, id);
        let arguments = InstanceArguments {
            house: Arc::clone(&state.house),
            spec: Arc::clone(&state.room.spec),
            stream,
            generation,
            fresh,
            place,
            shared: Arc::clone(&shared),
        };
        let shard = &state.room.shards[state.index];
        // The handle is not kept: the link tells this supervisor of every end.
        match Actor::spawn_linked(None, Instance, arguments, myself.get_cell()).await {
            Ok((actor, _)) => {
                state.children.insert(actor.get_id(), (id, generation));
                metrics::actor_started(stream.kind.path());
                match shard.started(id, Living { actor: actor.clone(), generation, shared }) {
                    true => state.house.live.seat(&state.room, id, generation),
                    false => actor.get_cell().kill(),
                }
            }
            Err(error) => {
                tracing::error!(%stream, %error, "an actor did not start");
                let (now, jitter) = (state.house.clock.now(), state.house.clock.fraction());
                shard.failed(id, generation, error.to_string(), (now, jitter), Fate::Open);
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<ShardMessage>,
        event: SupervisionEvent,
        state: &mut ShardState,
    ) -> Result<(), ActorProcessingErr> {
        let shard = &state.room.shards[state.index];
        let kind = state.room.spec.kind.path();
        match event {
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
            // A kill is not a failure, and a stop even less: the next command starts another.
            SupervisionEvent::ActorTerminated(who, _, reason) => {
                if let Some((id, generation)) = state.children.remove(&who.get_id()) {
                    let cause = match reason.as_deref() {
                        Some("killed") => "killed",
                        Some("Drained") => "left",
                        Some(_) | None => "stopped",
                    };
                    metrics::actors_ended(kind, cause, 1);
                    shard.gone(id, generation, state.house.clock.now());
                }
            }
            SupervisionEvent::ActorFailed(who, error) => {
                if let Some((id, generation)) = state.children.remove(&who.get_id()) {
                    metrics::actors_ended(kind, "failed", 1);
                    let (now, jitter) = (state.house.clock.now(), state.house.clock.fraction());
                    let stream = Stream::new(state.room.spec.kind, id);
                    let at = shard.in_hand(id, generation);
                    tracing::warn!(
                        %stream,
                        correlation = at.as_ref().map(|command| &*command.correlation),
                        trace_id = trace_id(at.as_ref().and_then(|command| command.trace)),
                        %error,
                        "an actor failed; its next command starts another"
                    );
                    state.room.crashed(id, now);
                    let fate = match error.downcast_ref::<BrokenHistory>() {
                        // It would only fail again.
                        Some(_) => Fate::Hopeless,
                        None => Fate::Open,
                    };
                    if shard.failed(id, generation, error.to_string(), (now, jitter), fate) {
                        tracing::error!(%stream, "an actor failed too often and is set aside; release it when mended");
                    }
                }
            }
        }
        Ok(())
    }
}
