//! One row: a request at a door, and what must come back.
//!
//! Texts of a request and of what is expected may name what an earlier row kept: `<tag>` is its value.

use serde_json::Value;

use crate::client::{Answer, JSON_FIRST, Request};

/// The listeners, by their names in the block of ports.
pub(super) const PRODUCT: &str = "product";
pub(super) const RENTAL: &str = "rental";
pub(super) const DELIVERY: &str = "delivery";
pub(super) const INFORMATION: &str = "information";
pub(super) const GATEWAY: &str = "gateway";
pub(super) const ADMIN: &str = "admin";

pub(super) const HAL: &str = "application/hal+json;charset=UTF-8";
pub(super) const JSON: &str = "application/json;charset=UTF-8";

/// A request and its answer. What is not named is not judged, except that a failure must be a problem unless its bytes are
/// said, and that every body with links must be well-formed HAL.
pub(super) struct Row {
    /// The row of the contract; none for a request that only makes or checks what rows are about.
    pub(super) id: Option<&'static str>,
    pub(super) door: &'static str,
    pub(super) ask: Request,
    pub(super) status: u16,
    pub(super) wants: Vec<Want>,
    pub(super) keeps: Vec<(&'static str, Source)>,
    pub(super) sending: Sending,
}

/// What is expected of an answer.
pub(super) enum Want {
    /// A header with exactly this value.
    Header(&'static str, String),
    /// A header that is there with whatever value but this one.
    OtherThan(&'static str, String),
    /// A header whose members are exactly these.
    Members(&'static str, String),
    NoHeader(&'static str),
    Empty,
    /// Exactly these bytes.
    Bytes(String),
    /// So many bytes.
    Length(usize),
    /// Text that is in the body.
    Text(String),
    /// Members that the JSON body has; others may be there.
    Json(Value),
    /// A JSON pointer that leads nowhere.
    Lacks(String),
    /// The rels of the body's own links, in their order, and no others.
    Rels(&'static [&'static str]),
    /// These fields of the embedded items, item by item.
    Items(&'static [&'static str], Value),
    Judged(&'static str, Judge),
}

pub(super) type Judge = Box<dyn Fn(&Answer) -> bool + Send + Sync>;

/// Where a value to keep is found in an answer.
pub(super) enum Source {
    Header(&'static str),
    /// The path in `Location`.
    Path,
    /// The path of the address at a JSON pointer.
    PathOf(&'static str),
    /// A JSON pointer.
    Json(&'static str),
}

/// How often and when a row is sent.
pub(super) enum Sending {
    Times(usize),
    /// Again until it is answered as expected.
    Soon,
    /// By one client each at the same time; the sorted statuses. Answers with the row's status must be the same answer.
    AtOnce(Vec<u16>),
    /// For the first event of an endless answer.
    Stream,
}

/// A row of the contract.
pub(super) fn row(id: &'static str, door: &'static str, ask: Request, status: u16) -> Row {
    Row { id: Some(id), ..step(door, ask, status) }
}

/// A request between the rows.
pub(super) fn step(door: &'static str, ask: Request, status: u16) -> Row {
    Row { id: None, door, ask, status, wants: Vec::new(), keeps: Vec::new(), sending: Sending::Times(1) }
}

/// A GET as curl and siege send it.
pub(super) fn any(path: &str) -> Request {
    Request::get(path).header("Accept", "*/*")
}

/// A GET that accepts this.
pub(super) fn accepting(path: &str, accept: &str) -> Request {
    Request::get(path).header("Accept", accept)
}

/// A change as HTTPie sends it.
pub(super) fn change(method: &str, path: &str, body: &str) -> Request {
    Request::new(method, path).header("Accept", JSON_FIRST).json(body)
}

/// A change with a body of another type.
pub(super) fn typed(method: &str, path: &str, content_type: &str, body: &str) -> Request {
    Request::new(method, path).header("Accept", JSON_FIRST).header("Content-Type", content_type).body(body)
}

impl Row {
    fn want(mut self, want: Want) -> Row {
        self.wants.push(want);
        self
    }

    pub(super) fn header(self, name: &'static str, value: impl Into<String>) -> Row {
        self.want(Want::Header(name, value.into()))
    }

    /// The header is there.
    pub(super) fn some(self, name: &'static str) -> Row {
        self.other_than(name, "")
    }

    pub(super) fn other_than(self, name: &'static str, value: impl Into<String>) -> Row {
        self.want(Want::OtherThan(name, value.into()))
    }

    pub(super) fn members(self, name: &'static str, members: impl Into<String>) -> Row {
        self.want(Want::Members(name, members.into()))
    }

    pub(super) fn no_header(self, name: &'static str) -> Row {
        self.want(Want::NoHeader(name))
    }

    pub(super) fn empty(self) -> Row {
        self.want(Want::Empty)
    }

    pub(super) fn bytes(self, body: impl Into<String>) -> Row {
        self.want(Want::Bytes(body.into()))
    }

    pub(super) fn length(self, bytes: usize) -> Row {
        self.want(Want::Length(bytes))
    }

    pub(super) fn text(self, part: impl Into<String>) -> Row {
        self.want(Want::Text(part.into()))
    }

    pub(super) fn json(self, members: Value) -> Row {
        self.want(Want::Json(members))
    }

    pub(super) fn lacks(self, pointer: impl Into<String>) -> Row {
        self.want(Want::Lacks(pointer.into()))
    }

    pub(super) fn rels(self, rels: &'static [&'static str]) -> Row {
        self.want(Want::Rels(rels))
    }

    pub(super) fn items(self, fields: &'static [&'static str], values: Value) -> Row {
        self.want(Want::Items(fields, values))
    }

    pub(super) fn judged(self, what: &'static str, judge: impl Fn(&Answer) -> bool + Send + Sync + 'static) -> Row {
        self.want(Want::Judged(what, Box::new(judge)))
    }

    pub(super) fn keep(mut self, name: &'static str, source: Source) -> Row {
        self.keeps.push((name, source));
        self
    }

    pub(super) fn times(self, times: usize) -> Row {
        Row { sending: Sending::Times(times), ..self }
    }

    pub(super) fn soon(self) -> Row {
        Row { sending: Sending::Soon, ..self }
    }

    pub(super) fn at_once(self, statuses: &[u16]) -> Row {
        Row { sending: Sending::AtOnce(statuses.to_vec()), ..self }
    }

    pub(super) fn streamed(self) -> Row {
        Row { sending: Sending::Stream, ..self }
    }
}
