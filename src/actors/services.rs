//! Which services run. A stop is not remembered over a restart: after one, everything runs.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::domain::System;
use crate::telemetry::metrics;

/// The gates of all services.
#[derive(Debug)]
pub struct Services {
    gates: BTreeMap<(&'static str, &'static str), Gate>,
    is_draining: AtomicBool,
}

/// One service's gate. Those who wait go through in the order in which they came, which a watch would leave to chance.
#[derive(Debug)]
struct Gate {
    is_open: AtomicBool,
    opened: Notify,
}

impl Services {
    /// Starts with every service running.
    #[must_use]
    pub fn of(systems: &[System]) -> Self {
        let names = systems.iter().flat_map(|system| system.services.iter().map(|service| (system.name, service.name)));
        let gates = names.map(|(system, service)| {
            metrics::service_up(system, service, true);
            ((system, service), Gate { is_open: AtomicBool::new(true), opened: Notify::new() })
        });
        Self { gates: gates.collect(), is_draining: AtomicBool::new(false) }
    }

    /// Tells whether a service runs; one that does not exist does not.
    #[must_use]
    pub fn is_running(&self, system: &str, service: &str) -> bool {
        self.gate(system, service).is_some_and(|(_, gate)| gate.is_open())
    }

    /// Starts or stops a service; tells whether it exists.
    pub fn set(&self, system: &str, service: &str, running: bool) -> bool {
        let Some(((system, service), gate)) = self.gate(system, service) else { return false };
        gate.is_open.store(running, Ordering::Release);
        gate.opened.notify_waiters();
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
            gate.passed().await;
        }
    }

    /// Lists every service.
    pub fn names(&self) -> impl Iterator<Item = (&'static str, &'static str)> + '_ {
        self.gates.keys().copied()
    }

    /// Lists every service and whether it runs.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> + '_ {
        self.gates.iter().map(|((system, service), gate)| (*system, *service, gate.is_open()))
    }

    fn gate(&self, system: &str, service: &str) -> Option<((&'static str, &'static str), &Gate)> {
        self.gates
            .iter()
            .find(|((known, name), _)| *known == system && *name == service)
            .map(|(key, gate)| (*key, gate))
    }
}

impl Gate {
    fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    async fn passed(&self) {
        loop {
            let opened = self.opened.notified();
            tokio::pin!(opened);
            // Before the look, so that an opening between look and wait is not missed.
            opened.as_mut().enable();
            if self.is_open() {
                return;
            }
            opened.await;
        }
    }
}
