//! What every system offers its clients, written by hand from its documents: names, fields, methods, and what is taken.
//!
//! Nothing here is read from the server, so that the two can disagree.

use serde_json::{Map, Value};

mod rentals;
mod sales;
mod systems;

pub(crate) use systems::SYSTEMS;

/// A system: its collections in the order of its services, and what is posted to it so that each has items.
pub(crate) struct System {
    pub(crate) name: &'static str,
    pub(crate) settings: &'static [&'static str],
    pub(crate) collections: &'static [Collection],
    /// Service, path, and a body in which `{n}` is the number of the item.
    pub(crate) made: &'static [(&'static str, &'static str, &'static str)],
    pub(crate) plain: &'static [Plain],
}

/// A collection as clients see it.
pub(crate) struct Collection {
    pub(crate) system: &'static str,
    pub(crate) service: &'static str,
    pub(crate) path: &'static str,
    pub(crate) item: &'static str,
    pub(crate) title: &'static str,
    /// Whether it comes in pages; else all at once.
    pub(crate) is_paged: bool,
    pub(crate) fields: &'static [Field],
    /// What a client may do beside reading, separated by blanks.
    pub(crate) methods: &'static str,
    /// A body that POST takes.
    pub(crate) body: &'static str,
    /// A body that PATCH takes.
    pub(crate) patch: &'static str,
    /// Whether an item that was deleted is still there, with these members.
    pub(crate) remains: Option<&'static str>,
    /// What every item shows once nothing moves any more.
    pub(crate) rest: &'static str,
    /// How many items are there at first.
    pub(crate) first: u64,
    /// How many are made of one that is posted.
    pub(crate) each: u64,
    /// Whether its items stand at the singular path too, as plain objects.
    pub(crate) is_plain_too: bool,
    /// Whether the gateway leads to it, and not to another of its name.
    pub(crate) at_gateway: bool,
}

/// A field, in the order of the body.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) posted: Posted,
    /// Whether bodies leave it out where it has no value.
    pub(crate) is_optional: bool,
}

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Text,
    /// 32 bits, 0 when missing.
    Int,
    /// 64 bits, null when missing.
    Long,
}

/// What becomes of a field in a POST.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Posted {
    /// It is kept as it is sent.
    Kept,
    /// It is kept unless it is less.
    AtLeast(i64),
    /// It is kept, and must be the number of something that is there.
    Names,
    /// The server sets it.
    Ignored,
}

/// A hand-written path that only reads: its answer to a query.
pub(crate) struct Plain {
    pub(crate) service: &'static str,
    pub(crate) path: &'static str,
    pub(crate) status: u16,
    pub(crate) text: &'static str,
}

/// How many are posted to each of what a system is filled by: more than one page.
pub(crate) const MADE: u64 = 25;

pub(crate) fn collections() -> impl Iterator<Item = &'static Collection> {
    SYSTEMS.iter().flat_map(|system| system.collections)
}

impl Collection {
    /// How many there are once a system is filled.
    pub(crate) const fn filled(&self) -> u64 {
        match self.first {
            0 => MADE * self.each,
            first => first,
        }
    }

    pub(crate) fn offers(&self, method: &str) -> bool {
        self.methods.split(' ').any(|offered| offered == method)
    }

    /// The methods of the collection, and those of its items.
    pub(crate) fn allow(&self) -> [String; 2] {
        let post = if self.offers("POST") { "POST," } else { "" };
        let writes = ["PUT", "PATCH", "DELETE"].into_iter().filter(|method| self.offers(method));
        let writes: String = writes.map(|method| format!("{method},")).collect();
        [format!("GET,HEAD,{post}OPTIONS"), format!("GET,HEAD,{writes}OPTIONS")]
    }

    pub(crate) fn field(&self, name: &str) -> &Field {
        self.fields.iter().find(|field| field.name == name).expect("a field of the collection")
    }

    /// The body that POST takes, as JSON.
    pub(crate) fn posted(&self) -> Map<String, Value> {
        object(self.body)
    }

    /// What an item shows that was just posted with this body.
    pub(crate) fn shown(&self, sent: &Map<String, Value>) -> Value {
        let kept = self.fields.iter().filter(|field| field.posted != Posted::Ignored);
        let shown = |field: &Field| match (sent.get(field.name), field.shape) {
            (Some(value), _) => Some((field.name.to_owned(), value.clone())),
            (None, _) if field.is_optional => None,
            (None, Shape::Int) => Some((field.name.to_owned(), 0.into())),
            (None, Shape::Text | Shape::Long) => Some((field.name.to_owned(), Value::Null)),
        };
        Value::Object(kept.filter_map(shown).collect())
    }

    /// What an item shows at once when the body that PATCH takes was sent; a cancel that others follow shows later.
    pub(crate) fn patched(&self) -> Value {
        Value::Object(object(if self.remains.is_some() { "{}" } else { self.patch }))
    }

    pub(crate) fn rest(&self) -> Value {
        Value::Object(object(self.rest))
    }
}

impl Field {
    pub(crate) const fn is_number(&self) -> bool {
        !matches!(self.shape, Shape::Text)
    }

    /// Whether a POST without a value for it breaks a rule.
    pub(crate) const fn is_needed(&self) -> bool {
        matches!(self.posted, Posted::Names | Posted::AtLeast(1..))
    }
}

fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).expect("a JSON object in the offer")
}
