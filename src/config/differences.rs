//! What has changed between two readings of the settings, and waits for a restart.

use std::collections::BTreeMap;

use serde_json::Value;

use super::settings::Settings;

/// The tables that guards take over while calls are under way.
const TAKEN_OVER: [&str; 3] = ["guard.kind.", "guard.ask.", "guard.of."];

impl Settings {
    /// Returns the keys with another value in `newer` that take effect at the next start only, in order.
    #[must_use]
    pub fn waiting_for_restart(&self, newer: &Self) -> Vec<String> {
        let (old, new) = (self.by_key(), newer.by_key());
        let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        let waits =
            |key: &&String| old.get(*key) != new.get(*key) && !TAKEN_OVER.iter().any(|table| key.starts_with(table));
        keys.into_iter().filter(waits).cloned().collect()
    }

    /// Lists every setting, `listen.port`.
    fn by_key(&self) -> BTreeMap<String, Value> {
        fn walk(prefix: &str, value: Value, values: &mut BTreeMap<String, Value>) {
            match value {
                Value::Object(table) => {
                    for (name, value) in table {
                        let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
                        walk(&key, value, values);
                    }
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                    values.insert(prefix.to_owned(), value);
                }
            }
        }
        let mut values = BTreeMap::new();
        // They were read from text.
        walk("", serde_json::to_value(self).expect("settings are text, numbers and tables of them"), &mut values);
        values
    }
}
