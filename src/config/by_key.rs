//! Every setting of the shell by its key, `listen.port`: what is in force and who set it, and what of a newer reading waits
//! for a restart.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::settings::Settings;

/// The tables that guards take over while calls are under way.
const TAKEN_OVER: [&str; 3] = ["guard.kind.", "guard.ask.", "guard.of."];

/// What the name of a secret's key may have in it.
const SECRET: [&str; 4] = ["secret", "password", "token", "key"];
/// What is shown in place of a secret.
const HIDDEN: &str = "hidden";

/// One setting as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// Its value.
    pub value: Value,
    /// Who set it: the defaults, a file, a variable of the environment, the command line.
    pub origin: String,
}

impl Settings {
    /// Returns the keys with another value in `newer` that take effect at the next start only, in order.
    #[must_use]
    pub fn waiting_for_restart(&self, newer: &Self) -> Vec<String> {
        let (old, new) = (self.values(), newer.values());
        let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        let waits = |key: &&String| old.get(*key) != new.get(*key) && !is_taken_over(key);
        keys.into_iter().filter(waits).cloned().collect()
    }

    /// Lists every setting with who set it; secrets are hidden.
    #[must_use]
    pub fn by_key(&self) -> BTreeMap<String, Setting> {
        let origin = |key: &str| self.origins.get(key).map_or("the defaults", String::as_str).to_owned();
        let shown = self.values().into_iter().map(|(key, value)| {
            let value = if may_be_secret(&key, &value) { HIDDEN.into() } else { value };
            let origin = origin(&key);
            (key, Setting { value, origin })
        });
        shown.collect()
    }

    /// Lists what is in force when the guards have taken `newer` over.
    #[must_use]
    pub fn by_key_after(&self, newer: &Self) -> BTreeMap<String, Setting> {
        let start = self.by_key().into_iter().filter(|(key, _)| !is_taken_over(key));
        start.chain(newer.by_key().into_iter().filter(|(key, _)| is_taken_over(key))).collect()
    }

    fn values(&self) -> BTreeMap<String, Value> {
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

fn is_taken_over(key: &str) -> bool {
    TAKEN_OVER.iter().any(|table| key.starts_with(table))
}

/// Only a business knows what its settings are: of them numbers, switches and addresses without a password are
/// shown, unless they are called a secret.
fn may_be_secret(key: &str, value: &Value) -> bool {
    let Some((_, name)) = key.strip_prefix("systems.").and_then(|key| key.rsplit_once('.')) else { return false };
    let text = value.as_str().unwrap_or_default();
    let is_address = text.starts_with("http://") && !text.contains('@');
    let is_plain = is_address || text.parse::<f64>().is_ok() || text.parse::<bool>().is_ok();
    !is_plain || SECRET.iter().any(|word| name.to_lowercase().contains(word))
}
