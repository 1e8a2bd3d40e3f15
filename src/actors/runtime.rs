//! Builds the supervision tree, and takes it down in reverse.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorCell, SpawnErr};
use thiserror::Error;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::Admission;
use super::asks::{Runner, Running};
use super::chaos::{Chaos, fell};
use super::creation::Creations;
use super::directory::{Directory, GuardsError, LiveLimits, LiveSet, Watcher, guards};
use super::followers::{FollowerName, Tending, follower_names};
use super::outside::Outbound;
use super::services::Services;
use super::supervision::{Branch, Heard, Roll, Supervised, Supervisor};
use crate::clock::Clock;
use crate::domain::provider::OUTSIDE;
use crate::domain::system::Catalogue;
use crate::domain::system::setting::NO_SETTINGS;
use crate::domain::{Kind, SettingValues, Stream, System};
use crate::fault_points::{self, FaultPoint};
use crate::journal::recovery::KEYED_FOR_MS;
use crate::journal::{Answered, Journal, Origin, Position};
use crate::resilience::faults::Faults;
use crate::resilience::{Bulkhead, BulkheadLimits, GuardPolicies};
use crate::telemetry::traces::Tracer;

/// How long the tree may take to stop before it is left behind; nothing is lost with it.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// How many calls the internal lane runs at once.
const INTERNAL_LANE_MAX: usize = 4_096;

/// What an operator may set.
#[derive(Clone, Debug)]
pub struct ActorOptions {
    /// How many supervisors share the instances of a kind.
    pub shards: usize,
    /// How many aggregates may live.
    pub live: LiveLimits,
    /// The guards in front of kinds and asks.
    pub guard: GuardPolicies,
    /// The settings of each system that declares some; they live as long as the process.
    pub settings: HashMap<&'static str, &'static SettingValues>,
    /// The way to outside parties.
    pub outbound: Arc<dyn Outbound>,
    /// Who tells of commands, asks, turns and views.
    pub tracer: Tracer,
}

/// The living part of the house.
#[derive(Debug)]
pub struct Runtime {
    pub(super) house: Arc<House>,
    pub(super) root: ActorCell,
    pub(super) roll: Roll,
}

/// What every actor shares.
#[derive(Debug)]
pub(super) struct House {
    pub(super) journal: Journal,
    pub(super) clock: Clock,
    pub(super) directory: Directory,
    pub(super) live: Arc<LiveSet>,
    pub(super) services: Arc<Services>,
    pub(super) internal_lane: Bulkhead,
    pub(super) creations: Creations,
    pub(super) asks: Running,
    pub(super) tasks: TaskTracker,
    /// Ends the asks' tasks: what they have not finished is taken up at the next start.
    pub(super) stopping: CancellationToken,
    pub(super) chaos: Arc<Chaos>,
    pub(super) tending: Tending,
    pub(super) faults: Faults,
    pub(super) outbound: Arc<dyn Outbound>,
    pub(super) tracer: Tracer,
    /// The durable position at the start: facts up to here belong to an earlier life of the process.
    pub(super) born_at: Position,
    /// Told whenever a follower has moved.
    pub(super) progressed: Notify,
    pub(super) followers: Vec<FollowerName>,
    /// By system.
    pub(super) settings: HashMap<&'static str, &'static SettingValues>,
}

/// Why the runtime did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Aggregates ask each other in a circle, which would wait for ever.
    #[error("aggregates ask each other in a circle: {0}")]
    AskCycle(String),
    /// A policy commands another service's aggregates.
    #[error("policy {policy} of {service} commands {target}: a service's policies command its own aggregates only")]
    ForeignTarget {
        /// The policy.
        policy: &'static str,
        /// Its service.
        service: String,
        /// Whom it commands.
        target: Kind,
    },
    /// An outside party is not named as one, or a service as one.
    #[error("{0}: the names of outside parties, and of no service, are system/outside/name")]
    Outside(String),
    /// A guard's policy makes no sense.
    #[error(transparent)]
    Guards(#[from] GuardsError),
    /// A limit is zero.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
    /// The tree could not be spawned.
    #[error("the supervision tree did not start: {0}")]
    Spawn(#[from] SpawnErr),
    /// What must be there from the first start on could not be made.
    #[error("{stream}, which is there from the first start on, could not be made: {reason}")]
    Seed {
        /// What.
        stream: Stream,
        /// Why not.
        reason: String,
    },
    /// The journal could not be read.
    #[error(transparent)]
    Journal(#[from] crate::journal::reading::ReadError),
}

impl Runtime {
    /// Starts every aggregate kind, policy and view of these systems, and takes up what was unfinished.
    ///
    /// # Errors
    ///
    /// Fails when the description makes no sense or the journal cannot be read.
    pub async fn start(
        systems: &[System],
        journal: Journal,
        clock: Clock,
        observer: Arc<dyn Watcher>,
        options: ActorOptions,
    ) -> Result<Self, StartError> {
        check(systems)?;
        let directory = directory(systems, &clock, &observer, &options)?;
        let lane =
            BulkheadLimits { running_max: INTERNAL_LANE_MAX, queue_max: INTERNAL_LANE_MAX, ..BulkheadLimits::ASKS };
        let house = Arc::new(House {
            internal_lane: Bulkhead::new(lane, clock.clone()).map_err(|zero| StartError::Zero(zero.limit))?,
            directory,
            live: Arc::new(LiveSet::new(options.live, clock.clone())),
            services: Arc::new(Services::of(systems)),
            creations: Creations::default(),
            asks: Running::default(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            chaos: Arc::default(),
            tending: Tending::default(),
            faults: Faults::default(),
            outbound: options.outbound,
            tracer: options.tracer,
            born_at: *journal.durable().borrow(),
            progressed: Notify::new(),
            followers: follower_names(systems),
            settings: options.settings,
            journal,
            clock,
        });
        let (tree, roll) = tree(&house, systems);
        let (root, _) = Actor::spawn(None, Supervisor, tree).await?;
        let runtime = Self { house, root: root.get_cell(), roll };
        for intent in runtime.house.journal.open_intents()? {
            Runner::ensure(&runtime.house, intent, false);
        }
        Ok(runtime)
    }

    /// Returns the way in.
    #[must_use]
    pub fn admission(&self) -> Admission {
        Admission(Arc::clone(&self.house))
    }

    /// Returns the gates of the services.
    #[must_use]
    pub fn services(&self) -> Arc<Services> {
        Arc::clone(&self.house.services)
    }

    /// Returns the settings of a system.
    #[must_use]
    pub fn settings(&self, system: &str) -> &'static SettingValues {
        self.house.settings.get(system).copied().unwrap_or(&NO_SETTINGS)
    }

    /// Returns the journal it runs on.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.house.journal
    }

    /// Resolves when the supervision tree is gone, which nobody above it can mend: the process must end.
    pub async fn ended(&self) {
        // Without a timeout it cannot time out.
        let _ = self.root.wait(None).await;
    }

    /// Ends every actor. It may be replaced by a crash at any step: durability does not depend on it.
    pub async fn stop(&self) {
        if fault_points::at(FaultPoint::StopBegun).await.is_err() {
            return;
        }
        self.house.tasks.close();
        self.house.stopping.cancel();
        self.house.tasks.wait().await;
        if fault_points::at(FaultPoint::AsksStopped).await.is_err() {
            return;
        }
        self.house.services.drain();
        // A kill, because a follower's handler never ends by itself, and nothing it holds is worth waiting for.
        fell(&self.root);
        if self.root.kill_and_wait(Some(STOP_TIMEOUT)).await.is_err() {
            tracing::warn!("the supervision tree did not stop in time; the log has everything");
        }
        // A step that cannot fail; nothing but a test can be in its way.
        let _ = fault_points::at(FaultPoint::TreeStopped).await;
    }
}

impl House {
    /// Returns the settings of a kind's system.
    pub(super) fn settings_of(&self, kind: Kind) -> &'static SettingValues {
        self.settings.get(kind.system()).copied().unwrap_or(&NO_SETTINGS)
    }

    /// Tells whether a remembered answer still counts.
    pub(super) fn remembers(&self, answered: &Answered, origin: Origin) -> bool {
        origin != Origin::Keyed || self.clock.wall_ms().saturating_sub(answered.time_ms) < KEYED_FOR_MS
    }
}

/// Says what the root keeps alive, and who answers when the tree is asked.
fn tree(house: &Arc<House>, systems: &[System]) -> (Supervised, Roll) {
    let mut tree = Supervised { heard: Heard::nothing("the root"), clock: house.clock.clone(), branches: Vec::new() };
    let mut supervisors = vec![Arc::clone(&tree.heard)];
    for system in systems {
        for service in &system.services {
            let heard = Heard::of(system, service);
            tree.branches.push(Branch::of(house, system, service, Arc::clone(&heard)));
            supervisors.push(heard);
        }
    }
    (tree, Roll::of(supervisors))
}

fn check(systems: &[System]) -> Result<(), StartError> {
    if let Some(cycle) = Catalogue::of(systems).ask_cycle() {
        let path: Vec<&str> = cycle.iter().map(|kind| kind.path()).collect();
        return Err(StartError::AskCycle(path.join(" → ")));
    }
    for system in systems {
        for service in &system.services {
            if service.name == OUTSIDE {
                return Err(StartError::Outside(format!("{}/{}", system.name, service.name)));
            }
            let misnamed = |kind: &Kind| (kind.system(), kind.service()) != (system.name, OUTSIDE);
            if let Some(kind) = service.providers.iter().map(|spec| spec.kind).find(misnamed) {
                return Err(StartError::Outside(kind.path().to_owned()));
            }
            for policy in &service.policies {
                if (policy.target.system(), policy.target.service()) != (system.name, service.name) {
                    let service = format!("{}/{}", system.name, service.name);
                    return Err(StartError::ForeignTarget { policy: policy.name, service, target: policy.target });
                }
            }
        }
    }
    Ok(())
}

fn directory(
    systems: &[System],
    clock: &Clock,
    observer: &Arc<dyn Watcher>,
    options: &ActorOptions,
) -> Result<Directory, StartError> {
    let LiveLimits { live_max, bytes_max, recoveries_max } = options.live;
    let limits = [
        (options.shards, "actors.shards"),
        (live_max, "actors.live_max"),
        (bytes_max, "actors.live_bytes_max"),
        (recoveries_max, "actors.recoveries_max"),
    ];
    if let Some((_, name)) = limits.iter().find(|(limit, _)| *limit == 0) {
        return Err(StartError::Zero(name));
    }
    Ok(guards::directory(systems, clock, observer, options)?)
}
