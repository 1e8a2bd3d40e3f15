//! Where things are: the only builder of paths.
//!
//! Relies on the names of collections being plain ASCII words; what a client sent is percent-encoded before it
//! becomes part of an address, so that addresses need no escapes in JSON or in headers.

use std::fmt::Write as _;

use crate::domain::Resource;

/// Where a service's paths begin: the origin a client reached it by, and the prefix of its gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    start: String,
}

impl Base {
    /// Joins an origin (`http://localhost:8081`) and a prefix (empty, or `/oa-rental/services/rental`).
    ///
    /// Characters that no URI may hold are percent-encoded: the origin often is a client's `Host`.
    #[must_use]
    pub fn new(origin: &str, prefix: &str) -> Self {
        let mut start = String::with_capacity(origin.len() + prefix.len());
        push_uri(&mut start, origin.trim_end_matches('/'));
        push_uri(&mut start, prefix.trim_end_matches('/'));
        Self { start }
    }

    /// Returns the address of the root.
    #[must_use]
    pub fn root(&self) -> String {
        format!("{}/", self.start)
    }

    /// Returns the address of a collection.
    #[must_use]
    pub fn collection(&self, resource: &Resource) -> String {
        let mut href = String::with_capacity(self.start.len() + 24);
        self.push_collection(&mut href, resource);
        href
    }

    /// Returns the address of an item.
    #[must_use]
    pub fn item(&self, resource: &Resource, id: u64) -> String {
        let mut href = String::with_capacity(self.start.len() + 40);
        self.push_item(&mut href, resource, id);
        href
    }

    /// Returns the address of the list of profiles.
    #[must_use]
    pub fn profiles(&self) -> String {
        format!("{}/profile", self.start)
    }

    /// Returns the address of a collection's profile.
    #[must_use]
    pub fn profile(&self, resource: &Resource) -> String {
        format!("{}/profile/{}", self.start, resource.collection)
    }

    pub(super) fn push_collection(&self, out: &mut String, resource: &Resource) {
        out.push_str(&self.start);
        out.push('/');
        out.push_str(resource.collection);
    }

    pub(super) fn push_item(&self, out: &mut String, resource: &Resource, id: u64) {
        self.push_collection(out, resource);
        out.push('/');
        push_number(out, id);
    }

    /// Returns how many bytes an item's address has at most.
    pub(super) fn item_bytes(&self, resource: &Resource) -> usize {
        self.start.len() + resource.collection.len() + 22
    }
}

pub(super) fn push_number(out: &mut String, number: impl std::fmt::Display) {
    write!(out, "{number}").expect("writing to a string never fails");
}

/// Writes an address; what no URI may hold is percent-encoded, so that it needs no escapes in JSON or a header.
pub(super) fn push_uri(out: &mut String, uri: &str) {
    push_encoded(out, uri, |byte| matches!(byte, b'{' | b'}'));
}

pub(super) fn push_uri_template(out: &mut String, template: &str) {
    push_encoded(out, template, |_| false);
}

fn push_encoded(out: &mut String, uri: &str, also: impl Fn(u8) -> bool) {
    for byte in uri.bytes() {
        let is_foreign = matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'|');
        if byte.is_ascii_graphic() && !is_foreign && !also(byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing to a string never fails");
        }
    }
}
