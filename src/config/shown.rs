//! `resurgam config show`: the defaults' file with the values in force.

use std::path::Path;

use config::Config;
use toml_edit::{DocumentMut, Item, Value};

use super::settings::Settings;
use super::sources::{DEFAULTS, SettingsError, environment, in_force, layers};

/// Returns the defaults' file with the values in force, comments and all.
///
/// # Errors
///
/// Fails as [`Settings::load`] does.
pub fn shown(file: Option<&Path>, assignments: &[String]) -> Result<String, SettingsError> {
    let layers = layers(file, environment(), assignments)?;
    Settings::read(&layers)?;
    let in_force = in_force(&layers)?;
    let mut document: DocumentMut = DEFAULTS.parse().expect("the embedded defaults are valid toml");
    for (section, item) in document.iter_mut() {
        show(item, section.get(), &in_force);
    }
    Ok(document.to_string())
}

fn show(item: &mut Item, path: &str, in_force: &Config) {
    if let Item::Table(table) = item {
        for (key, item) in table.iter_mut() {
            show(item, &format!("{path}.{}", key.get()), in_force);
        }
    }
    let Item::Value(value) = item else { return };
    let decor = value.decor().clone();
    let shown = match value {
        Value::InlineTable(table) => {
            for (key, value) in table.iter_mut() {
                if let Ok(number) = in_force.get_int(&format!("{path}.{}", key.get())) {
                    let decor = value.decor().clone();
                    *value = Value::from(number);
                    *value.decor_mut() = decor;
                }
            }
            return;
        }
        Value::Integer(_) => in_force.get_int(path).map(Value::from),
        Value::Boolean(_) => in_force.get_bool(path).map(Value::from),
        Value::Float(_) => in_force.get_float(path).map(Value::from),
        Value::String(_) | Value::Datetime(_) | Value::Array(_) => in_force.get_string(path).map(Value::from),
    };
    if let Ok(shown) = shown {
        *value = shown;
        *value.decor_mut() = decor;
    }
}
