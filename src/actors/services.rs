//! Which services run. A stop is not remembered over a restart: after one, everything runs.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use crate::domain::System;
use crate::telemetry::metrics;

/// The gates of all services.
#[derive(Debug)]
pub struct Services {
    gates: BTreeMap<(&'static str, &'static str), watch::Sender<bool>>,
    is_draining: AtomicBool,
}

impl Services {
    /// Starts with every service running.
    #[must_use]
    pub fn of(systems: &[System]) -> Self {
        let names = systems.iter().flat_map(|system| system.services.iter().map(|service| (system.name, service.name)));
        let gates = names.map(|(system, service)| {
            metrics::service_up(system, service, true);
            ((system, service), watch::Sender::new(true))
        });
        Self { gates: gates.collect(), is_draining: AtomicBool::new(false) }
    }

    /// Tells whether a service runs; one that does not exist does not.
    #[must_use]
    pub fn is_running(&self, system: &str, service: &str) -> bool {
        self.gate(system, service).is_some_and(|(_, gate)| *gate.borrow())
    }

    /// Starts or stops a service; tells whether it exists.
    pub fn set(&self, system: &str, service: &str, running: bool) -> bool {
        let Some(((system, service), gate)) = self.gate(system, service) else { return false };
        gate.send_replace(running);
        metrics::service_up(system, service, running);
        tracing::info!(system, service, running, "a service was started or stopped");
        true
    }

    /// Has every service take no more calls: the process is shutting down.
    pub(super) fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    /// Tells whether the process is shutting down.
    pub(super) fn are_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// Waits until a service runs.
    pub async fn running(&self, system: &str, service: &str) {
        if let Some((_, gate)) = self.gate(system, service) {
            // The gate lives as long as this, so the wait cannot fail.
            let _ = gate.subscribe().wait_for(|running| *running).await;
        }
    }

    /// Lists every service and whether it runs.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> + '_ {
        self.gates.iter().map(|((system, service), gate)| (*system, *service, *gate.borrow()))
    }

    fn gate(&self, system: &str, service: &str) -> Option<((&'static str, &'static str), &watch::Sender<bool>)> {
        self.gates
            .iter()
            .find(|((known, name), _)| *known == system && *name == service)
            .map(|(key, gate)| (*key, gate))
    }
}
