//! §11.8: what the originals did not have.

use serde_json::json;

use super::row::{GATEWAY, JSON, PRODUCT, Row, Source, accepting, any, change, row, step};
use crate::client::Request;

const COMPUTER: &str = r#"{"name":"computer","qty":9}"#;
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

pub(super) fn rows() -> Vec<Row> {
    [keys(), problems(), descriptions(), cursors(), stories()].into_iter().flatten().collect()
}

fn keyed(key: &str, body: &str) -> Request {
    change("POST", "/products", body).header("Idempotency-Key", key).header("X-Correlation-Id", key.trim_matches('"'))
}

fn keys() -> Vec<Row> {
    vec![
        row("T150", PRODUCT, keyed("\"k1\"", COMPUTER), 201)
            .header("content-type", JSON)
            .length(206)
            .keep("made", Source::Header("location")),
        row("T151", PRODUCT, keyed("\"k1\"", COMPUTER), 201)
            .header("content-type", JSON)
            .header("location", "<made>")
            .length(206),
        row("T151", GATEWAY, any("/events?type=ProductSaved&correlation=k1"), 200)
            .judged("one event", |answer| answer.text().lines().count() == 1),
        row("T152", PRODUCT, keyed("\"k1\"", r#"{"name":"monitor","qty":9}"#), 422)
            .json(json!({"reason": "key-reused"})),
        // Who comes while the first still runs waits for its answer.
        row("T153", PRODUCT, keyed("\"k2\"", COMPUTER), 201).at_once(&[201; 8]),
        row("T153", GATEWAY, any("/events?type=ProductSaved&correlation=k2"), 200)
            .judged("one event", |answer| answer.text().lines().count() == 1),
    ]
}

fn problems() -> Vec<Row> {
    let missing = json!({"title": "Not Found", "status": 404, "instance": "/products/999"});
    vec![
        row("T193", PRODUCT, accepting("/products/999", "application/problem+json"), 404).json(missing.clone()),
        row("T193", PRODUCT, accepting("/products/999", "application/hal+json, application/problem+json;q=0.5"), 404)
            .json(missing),
    ]
}

fn descriptions() -> Vec<Row> {
    let described = |path: &str| {
        row("T196", GATEWAY, any(path), 200)
            .header("content-type", "application/json")
            .json(json!({"openapi": "3.1.0", "info": {"title": "oa-rental"}}))
    };
    vec![described("/openapi.json"), described("/v3/api-docs")]
}

fn cursors() -> Vec<Row> {
    vec![
        row("T198", PRODUCT, any("/products?cursor=&size=2"), 200).json(json!({"page": {"size": 2}})).judged(
            "two items and no totals",
            |answer| {
                let list = answer.json();
                list["_embedded"]["products"].as_array().is_some_and(|items| items.len() == 2)
                    && list["page"]["totalElements"].is_null()
                    && list
                        .pointer("/_links/next/href")
                        .and_then(|href| href.as_str())
                        .is_some_and(|href| href.contains("?cursor=c"))
            },
        ),
        row("T198", PRODUCT, any("/products?cursor=7"), 400),
        row("T198", PRODUCT, any("/products?cursor=&sort=name"), 400),
    ]
}

fn stories() -> Vec<Row> {
    let events = |path: &str| any(path).header("Accept", "application/x-ndjson");
    let traced =
        change("POST", "/products", COMPUTER).header("traceparent", &format!("00-{TRACE}-00f067aa0ba902b7-01"));
    vec![
        step(GATEWAY, events("/events?limit=1"), 200).keep("first", Source::Json("/meta/position")),
        step(GATEWAY, events("/events?after=<first>&limit=1"), 200).keep("second", Source::Json("/meta/position")),
        row("T197", GATEWAY, accepting("/events", "text/event-stream").header("Last-Event-ID", "<first>"), 200)
            .streamed()
            .header("content-type", "text/event-stream")
            .text("id:<second>\n")
            .text("\"position\":<second>"),
        row("T200", PRODUCT, traced, 201).header("x-correlation-id", TRACE).length(206),
        row("T200", GATEWAY, events(&format!("/events?correlation={TRACE}&limit=1")), 200)
            .json(json!({"eventType": "ProductSaved", "meta": {"correlationId": TRACE}})),
    ]
}
