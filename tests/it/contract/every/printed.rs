//! The exact bytes of items and lists, printed once more from what the offer says they have.

use std::fmt::Write as _;

use serde_json::Value;

use super::At;
use crate::client::id_of;
use crate::offer::Shape;

/// An item as the originals printed it, with the values it was shown with; empty where a value is of another shape.
pub(super) fn item(at: &At, shown: &Value) -> String {
    let mut out = String::from("{\n");
    for field in at.of.fields {
        let value = &shown[field.name];
        if field.is_optional && shown.get(field.name).is_none() {
            continue;
        }
        if !fits(field.shape, value) || field.is_optional && value.is_null() {
            return String::new();
        }
        let _ = writeln!(out, "  \"{}\" : {value},", field.name);
    }
    let Some(id) = id(shown) else { return String::new() };
    let href = at.link(&format!("/{id}"));
    let own = links(&[("self", href.clone()), (at.of.item, href)]).replace('\n', "\n  ");
    let _ = write!(out, "  \"_links\" : {own}\n}}");
    out
}

/// The number of an item, by its own link.
pub(super) fn id(item: &Value) -> Option<u64> {
    item["_links"]["self"]["href"].as_str().and_then(id_of)
}

/// The items of a list.
pub(super) fn items(at: &At, list: &Value) -> Vec<Value> {
    list["_embedded"][at.of.path].as_array().cloned().unwrap_or_default()
}

/// An object of links; an address with variables says so.
pub(super) fn links(links: &[(&str, String)]) -> String {
    let link = |(rel, href): &(&str, String)| {
        let templated = if href.contains('{') { ",\n    \"templated\" : true" } else { "" };
        format!("  \"{rel}\" : {{\n    \"href\" : \"{href}\"{templated}\n  }}")
    };
    format!("{{\n{}\n}}", links.iter().map(link).collect::<Vec<_>>().join(",\n"))
}

/// A list with these links, and its page: size, elements, number.
pub(super) fn list(at: &At, own: &[(&str, String)], page: Option<[u64; 3]>, shown: &Value) -> String {
    let items: Vec<String> = items(at, shown).iter().map(|shown| item(at, shown).replace('\n', "\n    ")).collect();
    let items = if items.is_empty() { String::new() } else { format!("{} ", items.join(", ")) };
    let page = page.map_or(String::new(), |[size, total, number]| {
        let pages = total.div_ceil(size);
        format!(
            ",\n  \"page\" : {{\n    \"size\" : {size},\n    \"totalElements\" : {total},\n    \"totalPages\" : {pages},\n    \
             \"number\" : {number}\n  }}"
        )
    });
    let own = links(own).replace('\n', "\n  ");
    format!("{{\n  \"_embedded\" : {{\n    \"{}\" : [ {items}]\n  }},\n  \"_links\" : {own}{page}\n}}", at.of.path)
}

fn fits(shape: Shape, value: &Value) -> bool {
    match shape {
        Shape::Text => value.is_string() || value.is_null(),
        Shape::Int => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        Shape::Long => value.is_i64() || value.is_null(),
    }
}
