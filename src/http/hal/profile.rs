//! What a collection is, for machines: its profile in ALPS and in JSON Schema, and the list of profiles.
//!
//! Made from the resource's description alone; a method that is not offered is not described.

use serde::{Serialize, Serializer};

use crate::domain::{Field, Paging, Resource, Shape};

use super::base::Base;
use super::bodies::{Link, links};
use super::spaced::spaced;

/// Writes a collection's profile in ALPS.
#[must_use]
pub fn alps(resource: &Resource, base: &Base) -> String {
    let representation = format!("{}-representation", resource.item);
    let method = |prefix: &str, name: &str, kind: &'static str| Descriptor {
        id: Some(format!("{prefix}-{name}")),
        name: Some(name.to_owned()),
        kind: Some(kind),
        rt: Some(format!("#{representation}")),
        ..Descriptor::default()
    };
    let methods = &resource.methods;
    let (collection, item) = (resource.collection, resource.item);
    let mut list = method("get", collection, SAFE);
    if resource.paging == Paging::Paged {
        list.nested = PAGE_PARAMETERS.iter().map(|(name, doc)| semantic(name, Some(doc))).collect();
    }
    let shown = Descriptor {
        id: Some(representation.clone()),
        href: Some(base.profile(resource)),
        nested: resource.fields.iter().map(|field| semantic(field.name, None)).collect(),
        ..Descriptor::default()
    };
    let descriptors = [
        Some(shown),
        methods.create.as_ref().map(|_| method("create", collection, UNSAFE)),
        Some(list),
        Some(method("get", item, SAFE)),
        methods.replace.as_ref().map(|_| method("update", item, IDEMPOTENT)),
        methods.patch.as_ref().map(|_| method("patch", item, UNSAFE)),
        methods.delete.as_ref().map(|_| method("delete", item, IDEMPOTENT)),
    ];
    let descriptor = descriptors.into_iter().flatten().collect();
    spaced(&Document { alps: Alps { version: "1.0", descriptor } })
}

/// Writes a collection's profile as a JSON Schema, draft 4.
#[must_use]
pub fn schema(resource: &Resource) -> String {
    spaced(&Schema {
        title: spoken(resource.title),
        properties: Properties(resource.fields),
        definitions: Definitions {},
        kind: "object",
        dialect: "http://json-schema.org/draft-04/schema#",
    })
}

/// Writes the list of profiles.
#[must_use]
pub fn profiles<'a>(resources: impl IntoIterator<Item = &'a Resource>, base: &Base) -> String {
    let own = Link { rel: "self", href: base.profiles(), templated: false };
    let profiles = resources.into_iter().map(|resource| Link {
        rel: resource.collection,
        href: base.profile(resource),
        templated: false,
    });
    links([own].into_iter().chain(profiles))
}

const SAFE: &str = "SAFE";
const UNSAFE: &str = "UNSAFE";
const IDEMPOTENT: &str = "IDEMPOTENT";
const PAGE_PARAMETERS: [(&str, &str); 3] = [
    ("page", "The page to return."),
    ("size", "The size of the page to return."),
    ("sort", "The sorting criteria to use to calculate the content of the page."),
];

#[derive(Serialize)]
struct Document {
    alps: Alps,
}

#[derive(Serialize)]
struct Alps {
    version: &'static str,
    descriptor: Vec<Descriptor>,
}

#[derive(Default, Serialize)]
struct Descriptor {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    href: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    doc: Option<Doc>,
    #[serde(rename = "descriptor", skip_serializing_if = "Vec::is_empty")]
    nested: Vec<Descriptor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rt: Option<String>,
}

#[derive(Serialize)]
struct Doc {
    format: &'static str,
    value: String,
}

fn semantic(name: &str, doc: Option<&str>) -> Descriptor {
    Descriptor {
        name: Some(name.to_owned()),
        kind: Some("SEMANTIC"),
        doc: doc.map(|value| Doc { format: "TEXT", value: value.to_owned() }),
        ..Descriptor::default()
    }
}

#[derive(Serialize)]
struct Schema {
    title: String,
    properties: Properties,
    definitions: Definitions,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "$schema")]
    dialect: &'static str,
}

#[derive(Serialize)]
struct Definitions {}

struct Properties(&'static [Field]);

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|field| (field.name, Property::of(field))))
    }
}

#[derive(Serialize)]
struct Property {
    title: String,
    #[serde(rename = "readOnly")]
    read_only: bool,
    #[serde(rename = "type")]
    kind: &'static str,
}

impl Property {
    fn of(field: &Field) -> Self {
        let kind = match field.shape {
            Shape::Text => "string",
            Shape::Int | Shape::Long => "integer",
        };
        Self { title: spoken(field.name), read_only: false, kind }
    }
}

/// Makes words of a name: `productId` is `Product id`.
fn spoken(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    for (at, c) in name.chars().enumerate() {
        match c {
            first if at == 0 => words.extend(first.to_uppercase()),
            upper if upper.is_uppercase() => {
                words.push(' ');
                words.extend(upper.to_lowercase());
            }
            lower => words.push(lower),
        }
    }
    words
}
