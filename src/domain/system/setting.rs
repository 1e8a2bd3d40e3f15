//! Settings a system declares: its originals' ConfigMap values, with their defaults.

use std::collections::BTreeMap;

/// A setting as its system declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its key below the system's name.
    pub key: &'static str,
    /// Its value when nobody sets it.
    pub default: &'static str,
    /// One sentence on what it does.
    pub about: &'static str,
}

/// The values in force for one system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingValues {
    values: BTreeMap<&'static str, String>,
}

/// The values of a system that declares none.
pub static NO_SETTINGS: SettingValues = SettingValues { values: BTreeMap::new() };

impl SettingValues {
    /// Takes the defaults, and over them what was set.
    ///
    /// # Errors
    ///
    /// Fails with the first key that was set and is not declared.
    pub fn of(declared: &[Setting], set: &BTreeMap<String, String>) -> Result<Self, String> {
        if let Some(unknown) = set.keys().find(|key| declared.iter().all(|setting| setting.key != *key)) {
            return Err(unknown.clone());
        }
        let value = |setting: &Setting| set.get(setting.key).cloned().unwrap_or_else(|| setting.default.to_owned());
        Ok(Self { values: declared.iter().map(|setting| (setting.key, value(setting))).collect() })
    }

    /// Returns a value; empty when the key is not declared.
    #[must_use]
    pub fn get(&self, key: &str) -> &str {
        self.values.get(key).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Setting, SettingValues};

    const MODE: Setting = Setting { key: "sysmode", default: "PRODUCT", about: "what the banner says" };

    #[test]
    fn a_setting_keeps_its_default_until_it_is_set() {
        let unset = SettingValues::of(&[MODE], &BTreeMap::new()).expect("nothing set");
        assert_eq!(unset.get("sysmode"), "PRODUCT");
        let set = BTreeMap::from([("sysmode".to_owned(), "TEST".to_owned())]);
        assert_eq!(SettingValues::of(&[MODE], &set).expect("declared").get("sysmode"), "TEST");
    }

    #[test]
    fn a_key_nobody_declared_is_named() {
        let set = BTreeMap::from([("sysmod".to_owned(), "TEST".to_owned())]);
        assert_eq!(SettingValues::of(&[MODE], &set), Err("sysmod".to_owned()));
    }
}
