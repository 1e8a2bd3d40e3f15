//! HAL bodies, byte for byte as the original services printed them.
//!
//! Writes text straight into one string, because every answer passes here; knows no status codes and no headers.
//! Relies on the names of rels and fields being plain ASCII words.

use crate::domain::{Paging, Resource, Value};

use super::base::{Base, push_number, push_uri_template};
use super::collection_links::{PAGE_VARIABLES, Target, collection_links, push_selection};
use super::cursor::Cursor;
use super::page_query::PageQuery;
use super::selection::Fields;

/// A link of a body that is nothing but links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// What it leads to.
    pub rel: &'a str,
    /// Its address.
    pub href: String,
    /// Whether the address has variables to fill in.
    pub templated: bool,
}

/// Writes one item, with the fields that are wanted.
#[must_use]
pub fn item(resource: &Resource, base: &Base, id: u64, values: &[Value], fields: Fields) -> String {
    let mut out = String::with_capacity(item_bytes(resource, base));
    write_item(&mut out, 0, (resource, fields), base, id, values);
    out
}

/// Writes a page of a collection, or the whole of one that has no pages.
///
/// `total` counts the collection; `items` are those of this page, in their order.
#[must_use]
pub fn page(resource: &Resource, base: &Base, query: &PageQuery, total: u64, items: &[(u64, Vec<Value>)]) -> String {
    let mut out = embedding(resource, base, query, items);
    for (at, (rel, target)) in collection_links(resource, query, total).enumerate() {
        if at > 0 {
            out.push(',');
        }
        let templated = target == Target::Template;
        write_link(&mut out, 2, rel, templated, |out| {
            target.push(out, resource, base, query);
            if templated {
                out.push_str(PAGE_VARIABLES);
            }
        });
    }
    out.push_str("\n  }");
    if resource.paging == Paging::Paged {
        let members = [
            ("{\n    \"size\" : ", query.size),
            (",\n    \"totalElements\" : ", total),
            (",\n    \"totalPages\" : ", query.pages(total)),
            (",\n    \"number\" : ", query.page),
        ];
        out.push_str(",\n  \"page\" : ");
        for (name, number) in members {
            out.push_str(name);
            push_number(&mut out, number);
        }
        out.push_str("\n  }");
    }
    out.push_str("\n}");
    out
}

/// Writes the items after a cursor, with the next cursor if there are more; nothing is counted.
#[must_use]
pub fn slice(
    resource: &Resource,
    base: &Base,
    query: &PageQuery,
    items: &[(u64, Vec<Value>)],
    next: Option<Cursor>,
) -> String {
    let mut out = embedding(resource, base, query, items);
    write_link(&mut out, 2, "self", false, |out| Target::Request.push(out, resource, base, query));
    if let Some(next) = next {
        out.push(',');
        write_link(&mut out, 2, "next", false, |out| {
            base.push_collection(out, resource);
            out.push_str(&format!("?cursor={next}&size={}", query.size));
            push_selection(out, resource, query);
        });
    }
    out.push_str("\n  },\n  \"page\" : {\n    \"size\" : ");
    push_number(&mut out, query.size);
    out.push_str("\n  }\n}");
    out
}

/// Writes the beginning of a list: its items, and that links follow.
fn embedding(resource: &Resource, base: &Base, query: &PageQuery, items: &[(u64, Vec<Value>)]) -> String {
    let mut out = String::with_capacity(1024 + items.len() * (item_bytes(resource, base) + 48));
    out.push_str("{\n  \"_embedded\" : {\n    \"");
    out.push_str(resource.collection);
    out.push_str("\" : [ ");
    for (at, (id, values)) in items.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        write_item(&mut out, 2, (resource, query.fields), base, *id, values);
    }
    out.push_str(if items.is_empty() { "]" } else { " ]" });
    out.push_str("\n  },\n  \"_links\" : {");
    out
}

/// Writes `text/uri-list`: the collection's own links, then its items, a line each.
#[must_use]
pub fn uri_list(
    resource: &Resource,
    base: &Base,
    query: &PageQuery,
    total: u64,
    ids: impl IntoIterator<Item = u64>,
) -> String {
    let mut out = String::with_capacity(1024);
    for (_, target) in collection_links(resource, query, total) {
        target.push(&mut out, resource, base, query);
        out.push('\n');
    }
    for id in ids {
        base.push_item(&mut out, resource, id);
        out.push('\n');
    }
    out
}

/// Writes the root: a link to every collection and one to the profiles.
#[must_use]
pub fn root<'a>(resources: impl IntoIterator<Item = &'a Resource>, base: &Base) -> String {
    let collections = resources.into_iter().map(|resource| {
        let templated = resource.paging == Paging::Paged;
        let variables = if templated { PAGE_VARIABLES } else { "" };
        let href = base.collection(resource) + variables;
        Link { rel: resource.collection, href, templated }
    });
    let profiles = Link { rel: "profile", href: base.profiles(), templated: false };
    links(collections.chain([profiles]))
}

/// Writes a body that is nothing but links.
#[must_use]
pub fn links<'a>(links: impl IntoIterator<Item = Link<'a>>) -> String {
    let mut out = String::with_capacity(512);
    out.push_str("{\n  \"_links\" : {");
    let mut is_empty = true;
    for link in links {
        if !is_empty {
            out.push(',');
        }
        is_empty = false;
        write_link(&mut out, 2, link.rel, link.templated, |out| {
            push_uri_template(out, &link.href);
        });
    }
    out.push_str(if is_empty { " }\n}" } else { "\n  }\n}" });
    out
}

fn item_bytes(resource: &Resource, base: &Base) -> usize {
    160 + 2 * base.item_bytes(resource) + 48 * resource.fields.len()
}

fn write_item(
    out: &mut String,
    depth: usize,
    (resource, fields): (&Resource, Fields),
    base: &Base,
    id: u64,
    values: &[Value],
) {
    out.push('{');
    for (place, (field, value)) in resource.fields.iter().zip(values).enumerate() {
        if !fields.has(place) || field.optional && *value == Value::Null {
            continue;
        }
        push_line(out, depth + 1);
        out.push('"');
        out.push_str(field.name);
        out.push_str("\" : ");
        value.push_json(out);
        out.push(',');
    }
    push_line(out, depth + 1);
    out.push_str("\"_links\" : {");
    write_link(out, depth + 2, "self", false, |out| {
        base.push_item(out, resource, id);
    });
    out.push(',');
    write_link(out, depth + 2, resource.item, false, |out| {
        base.push_item(out, resource, id);
    });
    push_line(out, depth + 1);
    out.push('}');
    push_line(out, depth);
    out.push('}');
}

fn write_link(out: &mut String, depth: usize, rel: &str, templated: bool, href: impl FnOnce(&mut String)) {
    push_line(out, depth);
    out.push('"');
    out.push_str(rel);
    out.push_str("\" : {");
    push_line(out, depth + 1);
    out.push_str("\"href\" : \"");
    href(out);
    out.push('"');
    if templated {
        out.push(',');
        push_line(out, depth + 1);
        out.push_str("\"templated\" : true");
    }
    push_line(out, depth);
    out.push('}');
}

fn push_line(out: &mut String, depth: usize) {
    const BLANKS: &str = "\n            ";
    out.push_str(&BLANKS[..=2 * depth]);
}
