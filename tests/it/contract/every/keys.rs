//! §11.8: requests that are told apart by their keys, and followed by their traces.

use serde_json::json;

use super::super::row::{Row, Source, any, change};
use super::{At, changes};
use crate::client::Request;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

pub(super) fn rows(at: &At) -> Vec<Row> {
    let mut rows = Vec::new();
    if at.of.offers("POST") {
        rows.extend(posts(at));
    }
    if at.of.offers("PATCH") {
        rows.extend(patches(at));
    }
    rows
}

fn keyed(at: &At, key: &str, body: &str) -> Request {
    change("POST", &at.path(""), body).header("Idempotency-Key", &format!("\"{}{}-{key}\"", at.way.door, at.path("")))
}

fn posts(at: &At) -> Vec<Row> {
    let traced =
        change("POST", &at.path(""), at.of.body).header("traceparent", &format!("00-{TRACE}-00f067aa0ba902b7-01"));
    let empty_key = change("POST", &at.path(""), at.of.body).header("Idempotency-Key", "");
    let other = at.of.body.replacen('{', "{\"id\":0,", 1);
    vec![
        at.row("T150", keyed(at, "1", at.of.body), 201)
            .keep("made", Source::Path)
            .keep("tag", Source::Header("etag"))
            .keep("item", Source::Json("")),
        at.row("T151", keyed(at, "1", at.of.body), 201)
            .header("etag", "<tag>")
            .json(json!("<item>"))
            .keep("again", Source::Path),
        at.step(any("<again>"), 200).json(json!({"_links": {"self": {"href": at_origin(at, "<made>")}}})),
        at.row("T152", keyed(at, "1", &other), 422).json(json!({"reason": "key-reused"})),
        at.row("T153", keyed(at, "2", at.of.body), 201).at_once(&[201; 4]),
        at.step(empty_key, 400),
        at.row("T200", traced, 201).header("x-correlation-id", TRACE),
    ]
}

/// The address of a path that was kept.
fn at_origin(at: &At, path: &str) -> String {
    format!("{}{path}", at.way.links.strip_suffix(&at.way.prefix).unwrap_or(&at.way.links))
}

fn patches(at: &At) -> Vec<Row> {
    let patch = || {
        change("PATCH", "<new>", at.of.patch)
            .header("Idempotency-Key", &format!("{}{}-patch", at.way.door, at.path("")))
    };
    let mut rows = changes::fresh(at);
    rows.extend([
        at.row("T150", patch(), 200).keep("tag", Source::Header("etag")).keep("item", Source::Json("")),
        at.row("T151", patch(), 200).header("etag", "<tag>").json(json!("<item>")),
    ]);
    rows
}
