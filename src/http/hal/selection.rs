//! Which fields a client wants to see, and of which items: `?fields=name,qty&status=DELIVERED`.
//!
//! The originals ignored such parameters, so they are read only where the operator has them read; then what makes no sense
//! is an error.

use crate::domain::{Field, Resource, Shape, Value};

use super::page_query::parameters;

/// The parameters that mean something else.
const RESERVED: [&str; 6] = ["page", "size", "sort", "cursor", "at", FIELDS];
const FIELDS: &str = "fields";

/// The fields that bodies show, a bit for each place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields(u64);

impl Default for Fields {
    /// Shows every one.
    fn default() -> Self {
        Self(u64::MAX)
    }
}

impl Fields {
    /// Reads which are wanted; without the parameter every one is.
    ///
    /// # Errors
    ///
    /// Fails with the fields there are when one is named that is not.
    pub fn read(raw: Option<&str>, resource: &Resource) -> Result<Self, String> {
        let mut shown = None;
        for (_, names) in parameters(raw.unwrap_or_default()).filter(|(name, _)| name == FIELDS) {
            for name in names.split(',') {
                let place = resource.fields.iter().position(|field| field.name == name);
                let place = place.ok_or_else(|| {
                    format!("there is no field {name:?} to show; there are {}", listed(resource, |_| true))
                })?;
                *shown.get_or_insert(0) |= 1 << place;
            }
        }
        Ok(shown.map_or_else(Self::default, Self))
    }

    /// Tells whether the field at a place is shown.
    #[must_use]
    pub const fn has(self, place: usize) -> bool {
        self.0 >> place & 1 == 1
    }
}

/// The values that items must have, by the places of their fields.
pub type Filters = Vec<(usize, Value)>;

/// Reads which items are wanted: those with all the values given; an empty value is `null`. Names of no field are ignored.
///
/// # Errors
///
/// Fails when a field is not indexed, or the value is none that the field can have.
pub(super) fn filters(raw: Option<&str>, resource: &Resource) -> Result<Filters, String> {
    let mut filters = Filters::new();
    for (name, text) in parameters(raw.unwrap_or_default()) {
        let place = resource.fields.iter().position(|field| field.name == name);
        let Some(place) = place.filter(|_| !RESERVED.contains(&name.as_str())) else { continue };
        let field = &resource.fields[place];
        if !field.indexed {
            let there_are = listed(resource, |field| field.indexed);
            return Err(format!("{name} is not indexed; items are found by {there_are}"));
        }
        filters.push((place, value(field, &text)?));
    }
    Ok(filters)
}

/// Tells whether a parameter selects something.
pub(super) fn selects(resource: &Resource, name: &str) -> bool {
    name == FIELDS || !RESERVED.contains(&name) && resource.fields.iter().any(|field| field.name == name)
}

fn value(field: &Field, text: &str) -> Result<Value, String> {
    match field.shape {
        _ if text.is_empty() => Ok(Value::Null),
        Shape::Text => Ok(text.into()),
        Shape::Int | Shape::Long => {
            text.parse().map(Value::Int).map_err(|_| format!("{} is a number, {text:?} is none", field.name))
        }
    }
}

fn listed(resource: &Resource, is_one: impl Fn(&Field) -> bool) -> String {
    let names: Vec<_> = resource.fields.iter().filter(|field| is_one(field)).map(|field| field.name).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
