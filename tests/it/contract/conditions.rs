//! §11.6: what entity tags promise readers and writers. Every item has one, so product 1 is the fixture.

use serde_json::json;

use super::row::{PRODUCT, Row, Source, any, change, row, step};
use crate::client::Request;
use crate::edge::golden;

const ITEM: &str = "/products/1";
const LONG_AGO: &str = "Sat, 01 Jan 2000 00:00:00 GMT";

pub(super) fn rows() -> Vec<Row> {
    [reads(), writes(), stale(), races()].into_iter().flatten().collect()
}

fn known(id: &'static str, tags: &str, status: u16) -> Row {
    row(id, PRODUCT, any(ITEM).header("If-None-Match", tags), status).header("etag", "<tag>")
}

fn reads() -> Vec<Row> {
    vec![
        row("T133", PRODUCT, any(ITEM), 200)
            .judged("a strong entity tag", |answer| {
                answer.header("etag").is_some_and(|tag| tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'))
            })
            .keep("tag", Source::Header("etag")),
        known("T134", "<tag>", 304).empty(),
        known("T135", "\"zz\", <tag>", 304).empty(),
        known("T136", "W/<tag>", 304).empty(),
        known("T137", "\"zz\"", 200).bytes(golden::ITEM),
        known("T138", "0", 200).bytes(golden::ITEM),
        row("T146", PRODUCT, any(ITEM).header("If-Modified-Since", "Fri, 31 Dec 2100 00:00:00 GMT"), 200)
            .bytes(golden::ITEM),
        known("T199", "<tag>", 304).empty(),
    ]
}

fn patched(id: &'static str, tags: &str, status: u16) -> Row {
    row(id, PRODUCT, change("PATCH", ITEM, r#"{"qty":"8"}"#).header("If-Match", tags), status)
}

fn writes() -> Vec<Row> {
    vec![
        row("T139", PRODUCT, change("PUT", ITEM, r#"{"name":"computer","qty":9}"#).header("If-Match", "<tag>"), 200)
            .other_than("etag", "<tag>")
            .keep("tag", Source::Header("etag")),
        patched("T141", "*", 200).json(json!({"qty": 8})).keep("tag", Source::Header("etag")),
        patched("T142", "\"zz\", <tag>", 200).keep("tag", Source::Header("etag")),
        patched("T144", "<tag>", 200).keep("tag", Source::Header("etag")),
    ]
}

fn stale() -> Vec<Row> {
    let put = || change("PUT", ITEM, "{}");
    vec![
        patched("T140", "\"9999\"", 412).header("etag", "<tag>"),
        row("T140", PRODUCT, put().header("If-Match", "\"9999\""), 412).header("etag", "<tag>"),
        row("T140", PRODUCT, Request::delete(ITEM).header("If-Match", "\"9999\""), 412).header("etag", "<tag>"),
        patched("T143", "W/<tag>", 412).header("etag", "<tag>"),
        patched("T144", "\"9999\"", 412).header("etag", "<tag>"),
        // Nothing here shows a date of change, so a condition on one says nothing (RFC 9110 §13.1.4).
        row("T147", PRODUCT, change("PATCH", ITEM, "{}").header("If-Unmodified-Since", LONG_AGO), 200)
            .keep("tag", Source::Header("etag")),
        row("T148", PRODUCT, put().header("If-None-Match", "*"), 412),
        step(PRODUCT, any(ITEM), 200).json(json!({"name": "computer", "qty": 8})).header("etag", "<tag>"),
    ]
}

fn races() -> Vec<Row> {
    vec![
        patched("T149", "<tag>", 200).at_once(&[200, 412]),
        step(PRODUCT, change("PUT", ITEM, r#"{"name":"computer","qty":9}"#), 200),
    ]
}
