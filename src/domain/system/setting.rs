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
    /// Fails with the first key that was set and is not declared, or whose value is no number while its default is one.
    pub fn of(declared: &[Setting], set: &BTreeMap<String, String>) -> Result<Self, SettingError> {
        for (key, value) in set {
            let Some(setting) = declared.iter().find(|setting| setting.key == *key) else {
                return Err(SettingError::Unknown(key.clone()));
            };
            if number(setting.default).is_some() && number(value).is_none() {
                return Err(SettingError::NotANumber(key.clone()));
            }
        }
        let value = |setting: &Setting| set.get(setting.key).cloned().unwrap_or_else(|| setting.default.to_owned());
        Ok(Self { values: declared.iter().map(|setting| (setting.key, value(setting))).collect() })
    }

    /// Returns the value of a setting whose default is a number; 0 when the key is not declared.
    #[must_use]
    pub fn number(&self, key: &str) -> i32 {
        number(self.get(key)).unwrap_or(0)
    }

    /// Returns a value; empty when the key is not declared.
    #[must_use]
    pub fn get(&self, key: &str) -> &str {
        self.values.get(key).map_or("", String::as_str)
    }
}

/// Why a system cannot take its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingError {
    /// Nobody declared this key.
    Unknown(String),
    /// This key's value must be a whole number.
    NotANumber(String),
}

fn number(text: &str) -> Option<i32> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Setting, SettingError, SettingValues};

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
        assert_eq!(SettingValues::of(&[MODE], &set), Err(SettingError::Unknown("sysmod".to_owned())));
    }

    #[test]
    fn what_is_a_number_by_default_stays_one() {
        const STOCK: Setting = Setting { key: "stock", default: "10", about: "how many there are" };
        let of = |value: &str| SettingValues::of(&[STOCK], &BTreeMap::from([("stock".to_owned(), value.to_owned())]));
        assert_eq!(of(" 70 ").expect("a number").number("stock"), 70);
        assert_eq!(of("many"), Err(SettingError::NotANumber("stock".to_owned())));
    }
}
