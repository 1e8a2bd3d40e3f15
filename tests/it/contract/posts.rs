//! §11.4: what a POST reads, refuses and answers.

use serde_json::{Value, json};

use super::row::{DELIVERY, HAL, JSON, PRODUCT, RENTAL, Row, Source, any, change, row, step, typed};
use crate::client::Request;
use crate::edge::golden;

const COMPUTER: &str = r#"{"name":"computer","qty":"9"}"#;

/// The first product.
pub(super) fn first() -> Vec<Row> {
    vec![
        row("T052", PRODUCT, change("POST", "/products", COMPUTER), 201)
            .header("content-type", JSON)
            .header("location", "http://localhost:8081/products/1")
            .bytes(golden::ITEM)
            .length(204),
    ]
}

pub(super) fn rows() -> Vec<Row> {
    [answers(), read(), refused(), ids(), verbs()].into_iter().flatten().collect()
}

/// What a POST answers, by what its client accepts.
fn answers() -> Vec<Row> {
    let silent = || Request::new("POST", "/products").json(COMPUTER);
    vec![
        row("T053", PRODUCT, silent().header("Accept", "*/*"), 201)
            .header("content-type", HAL)
            .header("location", "http://localhost:8081/products/46")
            .bytes(golden::ITEM.replace("products/1", "products/46")),
        row("T054", PRODUCT, silent(), 201)
            .header("location", "http://localhost:8081/products/47")
            .some("etag")
            .no_header("content-type")
            .empty(),
        row("T055", PRODUCT, change("POST", "/products", r#"{"name":"laptop","qty":5}"#), 201).length(204),
        row("T084", PRODUCT, change("POST", "/products", COMPUTER), 201)
            .keep("new", Source::Path)
            .keep("new-tag", Source::Header("etag")),
        row("T084", PRODUCT, any("<new>"), 200).header("etag", "<new-tag>"),
        row("T085", PRODUCT, silent(), 201).header("etag", "<new-tag>").empty(),
    ]
}

/// Bodies that are read, as forgivingly as ever.
fn read() -> Vec<Row> {
    let taken = |id, body: &str, shown: Value| row(id, PRODUCT, change("POST", "/products", body), 201).json(shown);
    let as_type = |id, content_type: &str| {
        row(id, PRODUCT, typed("POST", "/products", content_type, r#"{"name":"a"}"#), 201).json(json!({"name": "a"}))
    };
    vec![
        taken("T060", r#"{"qty":null}"#, json!({"qty": 0})),
        taken("T060", r#"{"qty":""}"#, json!({"qty": 0})),
        taken("T062", r#"{"name":5}"#, json!({"name": "5"})),
        taken("T064", "{}", json!({"name": null, "qty": 0})),
        taken("T065", r#"{"name":"a","extra":1,"_links":{"self":{"href":"x"}}}"#, json!({"name": "a", "qty": 0}))
            .lacks("/extra"),
        taken("T066", r#"{"name":"한글"}"#, json!({"name": "한글"})).text(r#""name" : "한글""#),
        row("T071", PRODUCT, Request::new("POST", "/products").header("Accept", "*/*").body(r#"{"name":"a"}"#), 201)
            .json(json!({"name": "a"})),
        as_type("T072", "application/hal+json"),
        as_type("T073", "application/vnd.x+json"),
        row("T090", RENTAL, change("POST", "/rentals", r#"{"productId":"","qty":1}"#), 201)
            .json(json!({"productId": null})),
        taken("T094", r#"{"name":true}"#, json!({"name": "true"})),
    ]
}

/// Bodies that mean nothing; none of them is stored.
fn refused() -> Vec<Row> {
    const BODIES: &[(&str, &str)] = &[
        ("T056", r#"{"qty":9.7}"#),
        ("T057", r#"{"qty":"9.5"}"#),
        ("T058", r#"{"qty":"abc"}"#),
        ("T059", r#"{"qty":true}"#),
        ("T061", r#"{"qty":99999999999}"#),
        ("T063", r#"{"name":{}}"#),
        ("T063", r#"{"name":[1]}"#),
        ("T067", r#"{"name":"#),
        ("T068", ""),
        ("T069", "[]"),
        ("T069", r#""x""#),
        ("T070", "null"),
        ("T095", r#"{"name":"a"} {"x":1}"#),
    ];
    let posted = "application/json,application/hal+json";
    let as_type = |id, content_type: &str, body: &str| {
        row(id, PRODUCT, typed("POST", "/products", content_type, body), 415).members("accept-post", posted)
    };
    let xml = Request::new("POST", "/products").header("Accept", "application/xml").json(COMPUTER);
    let count = || any("/products?size=1");
    let mut rows = vec![step(PRODUCT, count(), 200).keep("total", Source::Json("/page/totalElements"))];
    rows.extend(BODIES.iter().map(|(id, body)| row(id, PRODUCT, change("POST", "/products", body), 400)));
    rows.extend([
        as_type("T074", "text/plain", COMPUTER),
        as_type("T075", "application/x-www-form-urlencoded", "a=1"),
        as_type("T076", "text/uri-list", "http://localhost:8081/products/1"),
        row("T077", PRODUCT, xml, 406),
        step(PRODUCT, count(), 200).json(json!({"page": {"totalElements": "<total>"}})),
    ]);
    rows
}

/// Ids that a client sends.
fn ids() -> Vec<Row> {
    vec![
        row("T078", PRODUCT, change("POST", "/products", r#"{"id":1,"name":"b"}"#), 409)
            .json(json!({"reason": "id-is-free"})),
        row("T078", PRODUCT, any("/products/1"), 200).bytes(golden::ITEM),
        row("T079", PRODUCT, change("POST", "/products", r#"{"id":999,"name":"b"}"#), 201)
            .other_than("location", "http://localhost:8081/products/999"),
        row("T079", PRODUCT, any("/products/999"), 404).empty(),
    ]
}

/// Where nothing can be posted.
fn verbs() -> Vec<Row> {
    vec![
        row("T081", DELIVERY, change("POST", "/deliveries", "{}"), 405).members("allow", "GET,HEAD,OPTIONS"),
        row("T082", PRODUCT, change("POST", "/products/1", "{}"), 405)
            .members("allow", "GET,HEAD,PUT,PATCH,DELETE,OPTIONS"),
    ]
}
