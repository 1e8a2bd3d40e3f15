//! Which guards there are: one in front of each kind, one in front of each kind's asks to another.

use std::sync::Arc;

use thiserror::Error;

use super::{Crashes, Directory, KindRoom, Shard};
use crate::actors::runtime::ActorOptions;
use crate::clock::Clock;
use crate::domain::{Kind, System};
use crate::resilience::{Guard, GuardPolicies, Observer, PolicyError};

/// Why the guards could not be made.
#[derive(Debug, Error)]
pub enum GuardsError {
    /// A policy makes no sense.
    #[error("the guard {name}: {fault}")]
    Policy {
        /// Whose.
        name: String,
        /// What is wrong with it.
        fault: PolicyError,
    },
    /// A policy is set for a guard that does not exist.
    #[error("guard.of: there is no guard {0}; names are system/service/kind and system/service/kind/asks/service/kind")]
    Unknown(String),
}

/// Makes the directory of these systems, empty, with all guards.
pub(in crate::actors) fn directory(
    systems: &[System],
    clock: &Clock,
    observer: &Arc<dyn Observer>,
    options: &ActorOptions,
) -> Result<Directory, GuardsError> {
    let guard = |name: &str| {
        let policy = options.guard.of(name);
        Guard::new(name, policy, clock.clone(), Arc::clone(observer))
            .map_err(|fault| GuardsError::Policy { name: name.to_owned(), fault })
    };
    let mut directory = Directory::default();
    for spec in systems.iter().flat_map(|system| system.services.iter().flat_map(|service| &service.aggregates)) {
        for asked in spec.asks {
            let name = GuardPolicies::ask_name(spec.kind.path(), asked.path());
            directory.asks.insert((spec.kind, *asked), guard(&name)?);
        }
        let shards = (0..options.shards).map(|_| Shard::default()).collect();
        let guard = guard(spec.kind.path())?;
        let room = KindRoom { spec: Arc::new(spec.clone()), guard, shards, crashes: Crashes::default() };
        directory.kinds.insert(spec.kind, Arc::new(room));
    }
    directory.knows(&options.guard)?;
    Ok(directory)
}

impl Directory {
    pub(in crate::actors) fn room(&self, kind: Kind) -> Option<&Arc<KindRoom>> {
        self.kinds.get(&kind)
    }

    pub(in crate::actors) fn rooms(&self) -> impl Iterator<Item = &Arc<KindRoom>> {
        self.kinds.values()
    }

    /// Returns the guard of one kind's asks to another.
    pub(in crate::actors) fn ask_guard(&self, asker: Kind, asked: Kind) -> Option<&Guard> {
        self.asks.get(&(asker, asked))
    }

    /// Returns every guard.
    pub(in crate::actors) fn guards(&self) -> impl Iterator<Item = &Guard> {
        self.kinds.values().map(|room| &room.guard).chain(self.asks.values())
    }

    /// Checks that each policy has its guard.
    fn knows(&self, policies: &GuardPolicies) -> Result<(), GuardsError> {
        let unknown = |name: &&String| self.guards().all(|guard| guard.name() != name.as_str());
        policies.of.keys().find(unknown).map_or(Ok(()), |name| Err(GuardsError::Unknown(name.clone())))
    }
}
