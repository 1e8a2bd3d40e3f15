//! Hand-written paths of a service beside its collections: plain answers, as some originals' controllers gave.

use std::fmt;
use std::sync::Arc;

use super::aggregate::{Aggregate, Held};
use super::fact::{Kind, Stream};
use super::message::AnyCommand;
use super::resource::{Body, Shown, values_of};
use super::system::setting::SettingValues;
use super::value::{Field, Value};
use super::view::View;

/// A hand-written path.
#[derive(Clone, Copy)]
pub struct Route {
    /// Its method.
    pub verb: Verb,
    /// Its path, `/env` or `/book/{id}`; one `{id}` at most, the last part.
    pub path: &'static str,
    /// The fields its body may have.
    pub fields: &'static [Field],
    /// What a request leads to.
    pub act: fn(&Visit<'_>) -> Act,
}

impl Route {
    /// Reads at a path.
    #[must_use]
    pub const fn get(path: &'static str, act: fn(&Visit<'_>) -> Act) -> Self {
        Self { verb: Verb::Get, path, fields: &[], act }
    }
}

/// The methods a hand-written path may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reads.
    Get,
    /// Creates or tells.
    Post,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
}

/// A request to a hand-written path.
#[derive(Debug)]
pub struct Visit<'a> {
    /// The id in the path.
    pub id: Option<u64>,
    /// The decoded parameters of the query.
    pub parameters: &'a [(String, String)],
    /// The body's fields.
    pub body: &'a Body,
    /// The system's settings.
    pub settings: &'a SettingValues,
}

impl Visit<'_> {
    /// Returns a parameter of the query as a number.
    ///
    /// # Errors
    ///
    /// Fails, as the path is to answer, when it is missing or no number.
    pub fn number(&self, name: &str) -> Result<i64, Act> {
        let sent = self.parameter(name).ok_or_else(|| Act::Misread(format!("{name} is missing")))?;
        sent.parse().map_err(|_| Act::Misread(format!("{name}={sent:?} is no number")))
    }

    /// Returns a parameter of the query.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What a request leads to.
#[derive(Debug)]
pub enum Act {
    /// An answer without asking anybody.
    Say(Plain),
    /// A refusal (400) of what is no request of this path, with the reason.
    Misread(String),
    /// A look at one aggregate or row; 404 when clients do not see it.
    Show {
        /// Which.
        stream: Stream,
        /// How it is shown.
        render: fn(u64, &dyn Held) -> Plain,
    },
    /// A look at all of a kind that clients see, as an array.
    List {
        /// Of which kind.
        kind: Kind,
        /// How each is shown.
        render: fn(u64, &dyn Held) -> Plain,
    },
    /// A command.
    Tell {
        /// To a new aggregate of this kind, or to the one with the id.
        kind: Kind,
        /// Which; none for a new one.
        id: Option<u64>,
        /// What.
        command: Arc<dyn AnyCommand>,
        /// How the outcome is shown.
        render: fn(u64, &dyn Held) -> Plain,
    },
}

impl Act {
    /// Creates an aggregate.
    #[must_use]
    pub fn create<A: Aggregate>(command: impl Into<A::Command>, render: fn(u64, &dyn Held) -> Plain) -> Self {
        Self::Tell { kind: A::KIND, id: None, command: Arc::new(command.into()), render }
    }

    /// Shows a view's row as a plain object.
    #[must_use]
    pub fn row<V: View + Shown>(id: u64) -> Self {
        Self::Show { stream: Stream::new(V::KIND, id), render: Plain::item::<V> }
    }

    /// Shows all rows of a view as plain objects.
    #[must_use]
    pub fn rows<V: View + Shown>() -> Self {
        Self::List { kind: V::KIND, render: Plain::item::<V> }
    }

    /// Tells an aggregate something.
    #[must_use]
    pub fn tell<A: Aggregate>(id: u64, command: impl Into<A::Command>, render: fn(u64, &dyn Held) -> Plain) -> Self {
        Self::Tell { kind: A::KIND, id: Some(id), command: Arc::new(command.into()), render }
    }
}

/// A plain answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    /// Its status.
    pub status: u16,
    /// Whether the body is JSON; else it is text.
    pub json: bool,
    /// The body.
    pub body: String,
}

impl Plain {
    /// Answers 200 with a text.
    #[must_use]
    pub fn text(body: impl Into<String>) -> Self {
        Self { status: 200, json: false, body: body.into() }
    }

    /// Answers 200 with JSON.
    #[must_use]
    pub fn json(body: impl Into<String>) -> Self {
        Self { status: 200, json: true, body: body.into() }
    }

    /// Answers 200 with the id and the fields of what shows itself, as a plain object.
    #[must_use]
    pub fn item<T: Shown>(id: u64, state: &dyn Held) -> Self {
        Self::object(id, T::FIELDS, &values_of::<T>(state))
    }

    /// Answers 200 with an id and fields, as a plain object.
    #[must_use]
    pub fn object(id: u64, fields: &[Field], values: &[Value]) -> Self {
        let mut body = String::from("{\"id\":");
        Value::from(id).push_json(&mut body);
        for (field, value) in fields.iter().zip(values) {
            body.push_str(",\"");
            body.push_str(field.name);
            body.push_str("\":");
            value.push_json(&mut body);
        }
        body.push('}');
        Self::json(body)
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").field("verb", &self.verb).field("path", &self.path).finish_non_exhaustive()
    }
}
