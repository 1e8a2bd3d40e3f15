//! Which guards there are: one in front of each kind, one in front of each kind's asks to another.

use std::collections::BTreeSet;
use std::sync::Arc;

use thiserror::Error;
use tokio::time::Instant;

use super::{Crashes, Directory, KindRoom, Provider, Shard};
use crate::actors::runtime::ActorOptions;
use crate::clock::Clock;
use crate::domain::{Kind, System};
use crate::resilience::{Budget, Guard, GuardPolicies, Observer, PolicyError, Retries, Retry, RetryObserver};

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
    observer: &Arc<dyn Watcher>,
    options: &ActorOptions,
) -> Result<Directory, GuardsError> {
    let guard = |name: &str| {
        let policy = options.guard.of(name);
        let observer: Arc<dyn Observer> = Arc::clone(observer) as _;
        Guard::new(name, policy, clock.clone(), observer)
            .map_err(|fault| GuardsError::Policy { name: name.to_owned(), fault })
    };
    let budget = || Budget::new(options.guard.budget, clock.now()).map(Arc::new);
    let retry = |name: &str| {
        let observer: Arc<dyn RetryObserver> = Arc::clone(observer) as _;
        let made = |budget| Ok(Retry::new(name, options.guard.retry, budget, clock.clone(), observer)?);
        budget()
            .map_err(PolicyError::from)
            .and_then(made)
            .map_err(|fault| GuardsError::Policy { name: name.to_owned(), fault })
    };
    let root = budget().map_err(|fault| GuardsError::Policy { name: "retry".to_owned(), fault: fault.into() })?;
    let mut directory = Directory { retries_root: Some(root), ..Directory::default() };
    let services = || systems.iter().flat_map(|system| &system.services);
    for spec in services().flat_map(|service| &service.providers) {
        let provider = Provider { spec: spec.clone(), retry: retry(spec.kind.path())? };
        directory.providers.insert(spec.kind, provider);
    }
    for spec in services().flat_map(|service| &service.aggregates) {
        for asked in spec.asks {
            let name = GuardPolicies::ask_name(spec.kind.path(), asked.path());
            directory.asks.insert((spec.kind, *asked), guard(&name)?);
        }
        let shards = (0..options.shards).map(|_| Shard::default()).collect();
        let guard = guard(spec.kind.path())?;
        let retry = retry(spec.kind.path())?;
        let room = KindRoom { spec: Arc::new(spec.clone()), guard, retry, shards, crashes: Crashes::default() };
        directory.kinds.insert(spec.kind, Arc::new(room));
    }
    directory.knows(&options.guard)?;
    Ok(directory)
}

/// Is told what becomes of guarded calls and of retries.
pub trait Watcher: Observer + RetryObserver {}

impl<T: Observer + RetryObserver> Watcher for T {}

impl Directory {
    /// Begins what one policy's command may add to the load.
    pub(in crate::actors) fn retries(&self, now: Instant) -> Option<Retries> {
        self.retries_root.as_ref().map(|root| Retries::begin(Arc::clone(root), now))
    }

    pub(in crate::actors) fn room(&self, kind: Kind) -> Option<&Arc<KindRoom>> {
        self.kinds.get(&kind)
    }

    pub(in crate::actors) fn rooms(&self) -> impl Iterator<Item = &Arc<KindRoom>> {
        self.kinds.values()
    }

    /// Returns every kind that others ask, and every outside party.
    pub(in crate::actors) fn asked(&self) -> BTreeSet<Kind> {
        self.asks.keys().map(|(_, asked)| *asked).chain(self.providers()).collect()
    }

    pub(in crate::actors) fn providers(&self) -> impl Iterator<Item = Kind> {
        self.providers.keys().copied()
    }

    pub(in crate::actors) fn provider(&self, kind: Kind) -> Option<&Provider> {
        self.providers.get(&kind)
    }

    /// Returns the guard of one kind's asks to another.
    pub(in crate::actors) fn ask_guard(&self, asker: Kind, asked: Kind) -> Option<&Guard> {
        self.asks.get(&(asker, asked))
    }

    /// Returns every retry.
    pub(in crate::actors) fn every_retry(&self) -> impl Iterator<Item = &Retry> {
        let of_providers = self.providers.values().map(|provider| &provider.retry);
        self.kinds.values().map(|room| &room.retry).chain(of_providers)
    }

    /// Returns every guard.
    pub(in crate::actors) fn guards(&self) -> impl Iterator<Item = &Guard> {
        self.kinds.values().map(|room| &room.guard).chain(self.asks.values())
    }

    /// Has every guard take its policy over; returns the names of those it changed.
    pub(in crate::actors) fn reconfigure(&self, policies: &GuardPolicies) -> Result<Vec<String>, GuardsError> {
        self.knows(policies)?;
        let fault = |guard: &Guard, fault| GuardsError::Policy { name: guard.name().to_owned(), fault };
        // All are checked before any is changed.
        for guard in self.guards() {
            policies.of(guard.name()).check().map_err(|error| fault(guard, error))?;
        }
        let mut changed = Vec::new();
        for guard in self.guards() {
            let policy = policies.of(guard.name());
            if guard.policy() != policy {
                guard.reconfigure(&policy).map_err(|error| fault(guard, error))?;
                changed.push(guard.name().to_owned());
            }
        }
        changed.sort_unstable();
        Ok(changed)
    }

    /// Checks that each policy has its guard.
    fn knows(&self, policies: &GuardPolicies) -> Result<(), GuardsError> {
        let unknown = |name: &&String| self.guards().all(|guard| guard.name() != name.as_str());
        policies.of.keys().find(unknown).map_or(Ok(()), |name| Err(GuardsError::Unknown(name.clone())))
    }
}
