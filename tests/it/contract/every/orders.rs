//! §11.3: lists in an order that is asked for.

use std::cmp::Ordering;

use serde_json::Value;

use super::super::row::Row;
use super::{At, printed};

/// A field and whether the greatest comes first.
type Order = (&'static str, bool);

pub(super) fn rows(at: &At) -> Vec<Row> {
    if !at.of.is_paged {
        return Vec::new();
    }
    let names: Vec<&'static str> = at.of.fields.iter().map(|field| field.name).collect();
    let (first, last) = (names[0], names[names.len() - 1]);
    let sorted = |id, query: String, orders: &[Order]| {
        let (of, orders) = (at.clone(), orders.to_vec());
        at.row(id, at.get(&format!("?size=1000&{query}")), 200).judged("in its order", move |answer| {
            let items = printed::items(&of, &answer.json());
            let in_order = items.windows(2).all(|pair| compared(&pair[0], &pair[1], &orders).is_lt());
            items.len() as u64 == of.of.filled() && in_order
        })
    };
    let mut rows: Vec<Row> =
        names.iter().map(|name| sorted("T026", format!("sort={name},desc"), &[(name, true)])).collect();
    rows.extend(names.iter().map(|name| sorted("T028", format!("sort={name}"), &[(name, false)])));
    rows.extend([
        sorted("T027", format!("sort={first},DESC"), &[(first, true)]),
        sorted("T028", format!("sort={last}&sort={first},desc"), &[(last, false), (first, true)]),
        sorted("T029", format!("sort={first},{last},desc"), &[(first, true), (last, true)]),
        sorted("T030", "sort=nosuch,desc".into(), &[]),
        sorted("T031", format!("sort=nosuch&sort={first},desc"), &[(first, true)]),
        sorted("T031", format!("sort=nosuch,{first},desc"), &[(first, true)]),
        sorted("T032", "sort=id,desc".into(), &[("id", true)]),
        sorted("T051", format!("sort={first}.name"), &[]),
        next_repeats(at, first),
    ]);
    rows
}

/// The next page is in the same order.
fn next_repeats(at: &At, field: &str) -> Row {
    let next = at.link(&format!("?page=1&size=1&sort={field},desc"));
    let links = serde_json::json!({"_links": {"next": {"href": next}}});
    at.row("T033", at.get(&format!("?sort={field},desc&size=1")), 200).json(links)
}

/// Nothing comes before numbers, and text goes by code point; what is equal stays in the order of ids.
fn compared(a: &Value, b: &Value, orders: &[Order]) -> Ordering {
    let id = |item| printed::id(item).unwrap_or_default();
    let by = |(field, descending): &Order| {
        let ordering = match *field {
            "id" => id(a).cmp(&id(b)),
            field => key(&a[field]).cmp(&key(&b[field])),
        };
        if *descending { ordering.reverse() } else { ordering }
    };
    orders.iter().map(by).find(|ordering| ordering.is_ne()).unwrap_or_else(|| id(a).cmp(&id(b)))
}

fn key(value: &Value) -> (u8, i64, &str) {
    match value {
        Value::Number(number) => (1, number.as_i64().unwrap_or_default(), ""),
        Value::String(text) => (2, 0, text),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => (0, 0, ""),
    }
}
