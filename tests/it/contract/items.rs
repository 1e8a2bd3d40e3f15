//! §11.5: one item, read and changed. Product 1 is {computer, 9} before and afterwards.

use serde_json::{Value, json};

use super::row::{DELIVERY, HAL, JSON, PRODUCT, Row, Source, accepting, any, change, row, step, typed};
use crate::client::{JSON_FIRST, Request};
use crate::edge::golden;

const ITEM: &str = "/products/1";
const ADDRESS: &str = "http://localhost:8081/products/1";
const VERBS: &str = "GET,HEAD,PUT,PATCH,DELETE,OPTIONS";
const PATCH_TYPES: &str = "application/merge-patch+json,application/json-patch+json,application/json";

pub(super) fn rows() -> Vec<Row> {
    [read(), put(), patch(), refused_patches(), delete(), elsewhere()].into_iter().flatten().collect()
}

fn read() -> Vec<Row> {
    let head = |path: &str| Request::new("HEAD", path);
    vec![
        row("T097", PRODUCT, any(ITEM), 200)
            .header("content-type", HAL)
            .bytes(golden::ITEM)
            .keep("tag", Source::Header("etag")),
        row("T098", PRODUCT, accepting(ITEM, JSON_FIRST), 200).header("content-type", JSON).bytes(golden::ITEM),
        row("T099", PRODUCT, any("/products/999"), 404).empty(),
        row("T100", PRODUCT, any("/products/abc"), 404).empty(),
        row("T101", PRODUCT, head(ITEM), 200)
            .header("content-type", HAL)
            .header("content-length", "204")
            .header("etag", "<tag>")
            .empty(),
        row("T102", PRODUCT, head("/products/999"), 404).empty(),
        row("T103", PRODUCT, Request::new("OPTIONS", ITEM), 200)
            .members("allow", VERBS)
            .members("accept-patch", PATCH_TYPES)
            .empty(),
    ]
}

fn put() -> Vec<Row> {
    let silent = || Request::new("PUT", ITEM).json(r#"{"name":"b"}"#);
    let replaced = json!({"name": "b", "qty": 0});
    vec![
        row("T104", PRODUCT, change("PUT", ITEM, r#"{"name":"b"}"#), 200)
            .header("content-type", JSON)
            .header("location", ADDRESS)
            .json(replaced.clone()),
        row("T105", PRODUCT, silent(), 204).header("location", ADDRESS).empty(),
        row("T106", PRODUCT, silent().header("Accept", "*/*"), 200)
            .header("content-type", HAL)
            .header("location", ADDRESS)
            .json(replaced.clone()),
        row("T107", PRODUCT, change("PUT", ITEM, r#"{"id":777,"name":"b"}"#), 200)
            .header("location", ADDRESS)
            .json(json!({"_links": {"self": {"href": ADDRESS}}})),
        row("T107", PRODUCT, any("/products/777"), 404).empty(),
        row("T108", PRODUCT, change("PUT", "/products/555", r#"{"name":"b"}"#), 404).empty(),
        row("T109", PRODUCT, change("PUT", ITEM, r#"{"name":"#), 400),
        row("T110", PRODUCT, typed("PUT", ITEM, "text/plain", "x"), 415),
        row("T110", PRODUCT, any(ITEM), 200).json(replaced),
    ]
}

fn patch() -> Vec<Row> {
    let changed = |id, body: &str, shown: Value| row(id, PRODUCT, change("PATCH", ITEM, body), 200).json(shown);
    let operations = r#"[{"op":"replace","path":"/qty","value":7}]"#;
    vec![
        changed("T111", r#"{"qty":"5"}"#, json!({"name": "b", "qty": 5}))
            .header("content-type", JSON)
            .no_header("location"),
        row("T112", PRODUCT, Request::new("PATCH", ITEM).json(r#"{"qty":"4"}"#), 204).empty(),
        changed("T113", r#"{"name":null}"#, json!({"name": null, "qty": 4})),
        changed("T114", r#"{"id":9,"qty":1}"#, json!({"name": null, "qty": 1, "_links": {"self": {"href": ADDRESS}}})),
        changed("T115", "{}", json!({"name": null, "qty": 1})),
        row("T116", PRODUCT, typed("PATCH", ITEM, "application/merge-patch+json", r#"{"qty":5}"#), 200)
            .json(json!({"name": null, "qty": 5})),
        row("T117", PRODUCT, typed("PATCH", ITEM, "application/json-patch+json", operations), 200)
            .json(json!({"name": null, "qty": 7})),
        step(PRODUCT, change("PUT", ITEM, r#"{"name":"computer","qty":9}"#), 200),
    ]
}

fn refused_patches() -> Vec<Row> {
    let operated =
        |id, operations: &str| row(id, PRODUCT, typed("PATCH", ITEM, "application/json-patch+json", operations), 400);
    vec![
        operated(
            "T118",
            r#"[{"op":"replace","path":"/qty","value":2},{"op":"test","path":"/qty","value":1},{"op":"remove","path":"/name"}]"#,
        ),
        operated("T119", r#"[{"op":"shuffle","path":"/qty"}]"#),
        operated("T119", r#"[{"op":"replace","path":"/nosuch","value":1}]"#),
        operated("T119", r#"{"op":"replace","path":"/qty","value":7}"#),
        row("T120", PRODUCT, change("PATCH", "/products/999", "{}"), 404).empty(),
        row("T120", PRODUCT, change("PATCH", "/products/999", "{"), 404).empty(),
        row("T121", PRODUCT, change("PATCH", ITEM, ""), 400),
        row("T122", PRODUCT, typed("PATCH", ITEM, "text/plain", "x"), 415).members("accept-patch", PATCH_TYPES),
        step(PRODUCT, any(ITEM), 200).bytes(golden::ITEM),
    ]
}

fn delete() -> Vec<Row> {
    let delete = |path: &str| Request::delete(path).header("Accept", "*/*");
    vec![
        step(PRODUCT, change("POST", "/products", "{}"), 201).keep("gone", Source::Path),
        row("T123", PRODUCT, delete("<gone>"), 204).no_header("content-type").empty(),
        row("T123", PRODUCT, any("<gone>"), 404).empty(),
        row("T124", PRODUCT, delete("/products/999"), 404).empty(),
        row("T125", PRODUCT, delete("/products"), 405).members("allow", "GET,HEAD,POST,OPTIONS"),
        row("T125", PRODUCT, delete("/nosuch/1"), 404),
        row("T126", DELIVERY, delete("/deliveries/1"), 405).members("allow", "GET,HEAD,OPTIONS"),
    ]
}

fn elsewhere() -> Vec<Row> {
    vec![
        row("T127", PRODUCT, change("PUT", "/products", "{}"), 405).members("allow", "GET,HEAD,POST,OPTIONS"),
        row("T128", PRODUCT, any("/products/1/unknown"), 404).empty(),
    ]
}
