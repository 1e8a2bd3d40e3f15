//! The settings of a running server: what is in force, and what of them is taken over without a restart.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::actors::Runtime;
use crate::config::{Setting, Settings, SettingsError};
use crate::http::admin::{InForce, Reloaded};
use crate::telemetry::metrics;

/// Reads the settings again from where they were read first.
pub type Reload = Box<dyn Fn() -> Result<Settings, SettingsError> + Send + Sync>;

/// What is in force.
pub(super) struct SettingsInForce {
    at_start: Settings,
    shown: Mutex<BTreeMap<String, Setting>>,
    runtime: Arc<Runtime>,
    reload: Reload,
}

impl SettingsInForce {
    /// Begins with the settings of the start.
    pub(super) fn new(at_start: Settings, runtime: Arc<Runtime>, reload: Reload) -> Self {
        Self { shown: Mutex::new(at_start.by_key()), at_start, runtime, reload }
    }

    /// Has every guard take over what the settings say now; what else has changed since the start waits for the next one.
    fn taken_over(&self) -> Result<Reloaded, String> {
        // Held all the while: of two operators the later one's settings are in force and shown.
        let mut shown = self.shown.lock();
        let settings = (self.reload)().map_err(|error| error.to_string())?;
        let changed = self.runtime.reconfigure(&settings.guard.policies()).map_err(|error| error.to_string())?;
        *shown = self.at_start.by_key_after(&settings);
        Ok(Reloaded { changed, waiting_for_restart: self.at_start.waiting_for_restart(&settings) })
    }
}

impl InForce for SettingsInForce {
    fn shown(&self) -> serde_json::Value {
        serde_json::to_value(&*self.shown.lock()).expect("text, numbers and tables of them")
    }

    fn reload(&self) -> Result<Reloaded, String> {
        let reloaded = self.taken_over();
        metrics::config_reloaded(reloaded.is_ok());
        if let Ok(Reloaded { waiting_for_restart: keys, .. }) = &reloaded
            && !keys.is_empty()
        {
            tracing::warn!(keys = keys.join(", "), "settings have changed that wait for a restart");
        }
        reloaded
    }
}
