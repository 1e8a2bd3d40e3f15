//! One item: what PUT, PATCH and DELETE do to it, and what entity tags promise.

use serde_json::json;

use crate::client::{JSON_FIRST, Request};
use crate::edge::{Row, check, row, total};
use crate::support::Server;

const ITEM: &str = "/products/1";

/// A server that holds product 1 {computer, 9}.
fn with_a_computer(dir: &tempfile::TempDir) -> Server {
    let server = Server::start(dir.path(), &[]);
    assert_eq!(server.send("product", &Request::post("/products", r#"{"name":"computer","qty":9}"#)).status, 201);
    server
}

fn change(verb: &str, body: &str) -> Request {
    Request::new(verb, ITEM).header("Accept", JSON_FIRST).json(body)
}

fn patch_list(body: &str) -> Request {
    let list = Request::new("PATCH", ITEM).header("Accept", JSON_FIRST);
    list.header("Content-Type", "application/json-patch+json").body(body)
}

/// The item as it must be now.
fn now_is(name: serde_json::Value, qty: u64) -> Row {
    row("the item afterwards", Request::get(ITEM), 200).json(json!({"name": name, "qty": qty}))
}

#[test]
fn a_put_replaces_the_whole_item() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = with_a_computer(&dir);
    let silent = Request::new("PUT", ITEM).json(r#"{"name":"c","qty":"4"}"#);
    let rows = vec![
        row("missing members are emptied", change("PUT", r#"{"name":"b"}"#), 200)
            .with("location", "http://")
            .with("etag", "\"")
            .json(json!({"name": "b", "qty": 0})),
        row("without Accept", silent, 204).with("location", "http://").empty(),
        now_is(json!("c"), 4),
        row("an id in the body is not moved to", change("PUT", r#"{"id":77,"name":"d","qty":1}"#), 200),
        now_is(json!("d"), 1),
        row("malformed", change("PUT", r#"{"name":"#), 400),
        row(
            "text",
            Request::new("PUT", ITEM).header("Accept", "*/*").header("Content-Type", "text/plain").body("x"),
            415,
        ),
        row("unmeetable Accept", Request::new("PUT", ITEM).header("Accept", "application/xml").json("{}"), 406),
        now_is(json!("d"), 1),
    ];
    check(&server, "product", rows);
    let put = server.send("product", &change("PUT", r#"{"name":"e","qty":2}"#));
    assert_eq!(put.located_id(), Some(1));
    assert_eq!(total(&server, "product", "/products"), 1);
    assert_eq!(server.get("product", "/products/77").status, 404);
    for copy in ["rental", "delivery"] {
        server.becomes(copy, ITEM, "the last PUT", |p| p["name"] == "e" && p["qty"] == 2);
    }
}

#[test]
fn a_patch_changes_only_what_it_names() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = with_a_computer(&dir);
    let merge = Request::new("PATCH", ITEM).header("Accept", "*/*");
    let merge = merge.header("Content-Type", "application/merge-patch+json").body(r#"{"qty":6}"#);
    let rows = vec![
        row("a number in a string", change("PATCH", r#"{"qty":"5"}"#), 200)
            .with("etag", "\"")
            .json(json!({"name": "computer", "qty": 5})),
        row("without Accept", Request::new("PATCH", ITEM).json(r#"{"qty":4}"#), 204).empty(),
        now_is(json!("computer"), 4),
        row("null", change("PATCH", r#"{"name":null}"#), 200).json(json!({"name": null, "qty": 4})),
        row("an id", change("PATCH", r#"{"id":9,"name":"x"}"#), 200).json(json!({"name": "x", "qty": 4})),
        row("nothing", change("PATCH", "{}"), 200).json(json!({"name": "x", "qty": 4})),
        row("merge-patch", merge, 200).json(json!({"name": "x", "qty": 6})),
        row("json-patch", patch_list(r#"[{"op":"replace","path":"/qty","value":7}]"#), 200)
            .json(json!({"name": "x", "qty": 7})),
        row("empty", change("PATCH", ""), 400),
        row("malformed", change("PATCH", "{"), 400),
        row("wrong type", change("PATCH", r#"{"qty":"many"}"#), 400),
        row("text", Request::new("PATCH", ITEM).header("Content-Type", "text/plain").body("x"), 415)
            .with("accept-patch", "application/json,application/json-patch+json,application/merge-patch+json"),
        now_is(json!("x"), 7),
    ];
    check(&server, "product", rows);
    assert_eq!(server.send("product", &change("PATCH", r#"{"qty":8}"#)).header("location"), None);
}

#[test]
fn a_json_patch_is_applied_as_a_whole_or_not_at_all() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = with_a_computer(&dir);
    let lists = [
        r#"[{"op":"replace","path":"/qty","value":1},{"op":"test","path":"/name","value":"other"}]"#,
        r#"[{"op":"replace","path":"/qty","value":1},{"op":"shuffle","path":"/qty"}]"#,
        r#"[{"op":"replace","path":"/qty","value":1},{"op":"replace","path":"/nosuch/deep","value":1}]"#,
        r#"{"qty":1}"#,
    ];
    for list in lists {
        let answer = server.send("product", &patch_list(list));
        assert!([400, 409, 422].contains(&answer.status), "{list}: {} {}", answer.status, answer.text());
        check(&server, "product", vec![now_is(json!("computer"), 9)]);
    }
}

#[test]
fn a_deleted_item_is_gone_and_its_id_is_not_used_again() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = with_a_computer(&dir);
    server.becomes("delivery", ITEM, "the copy", |p| p["qty"] == 9);
    let rows = vec![
        row("DELETE", Request::delete(ITEM).header("Accept", "*/*"), 204).empty(),
        row("GET after it", Request::get(ITEM), 404).empty(),
        row("DELETE again", Request::delete(ITEM), 404).empty(),
        row("PATCH after it", change("PATCH", "{}"), 404).empty(),
    ];
    check(&server, "product", rows);
    let next = server.send("product", &Request::post("/products", r#"{"name":"b"}"#));
    assert_eq!(next.located_id(), Some(2));
    let mut copies = server.client("delivery");
    crate::support::eventually("Delivery's copy goes too", || {
        Some(copies.send(&Request::get(ITEM))).filter(|copy| copy.status == 404)
    });
    let rental = r#"{"productId":1,"qty":1,"status":"ORDERED"}"#;
    assert_eq!(server.send("rental", &Request::post("/rentals", rental)).status, 201);
    let unregistered = "CANCELED_UnregisteredProduct";
    server.becomes("rental", "/rentals/1", unregistered, |r| r["status"] == unregistered);
}

#[test]
fn entity_tags_guard_reads_and_writes() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = with_a_computer(&dir);
    let first = server.get("product", ITEM);
    let tag = first.header("etag").expect("every item has an entity tag").to_string();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2, "a strong tag: {tag}");

    let read = |sent: &str| server.send("product", &Request::get(ITEM).header("If-None-Match", sent));
    for sent in [tag.clone(), format!("\"zz\", {tag}"), format!("W/{tag}"), "*".into()] {
        let answer = read(&sent);
        assert_eq!((answer.status, answer.header("etag")), (304, Some(tag.as_str())), "If-None-Match: {sent}");
    }
    for sent in ["\"zz\"", "zz"] {
        assert_eq!(read(sent).text(), first.text(), "If-None-Match: {sent}");
    }
    let create_only = change("PUT", "{}").header("If-None-Match", "*");
    assert_eq!(server.send("product", &create_only).status, 412);
    let since = Request::get(ITEM).header("If-Modified-Since", "Wed, 01 Jan 2031 00:00:00 GMT");
    assert_eq!(server.send("product", &since).status, 200, "there is no date to compare with");

    let stale = ["\"zz\"".to_string(), format!("W/{tag}"), "\"zz\", \"yy\"".into()];
    for sent in &stale {
        for write in [change("PATCH", r#"{"qty":1}"#), change("PUT", "{}"), Request::delete(ITEM)] {
            let answer = server.send("product", &write.header("If-Match", sent));
            assert_eq!((answer.status, answer.header("etag")), (412, Some(tag.as_str())), "If-Match: {sent}");
        }
    }
    check(&server, "product", vec![now_is(json!("computer"), 9)]);
    let write = |sent: &str| server.send("product", &change("PATCH", r#"{"qty":"8"}"#).header("If-Match", sent));
    let written = write(&tag);
    assert_eq!(written.status, 200, "{}", written.text());
    let newer = written.header("etag").expect("a write answers with the new tag").to_string();
    assert_ne!(newer, tag);
    assert_eq!(write(&tag).status, 412, "the old tag is stale now");
    assert_eq!(write(&format!("\"zz\", {newer}")).status, 200, "a list");
    assert_eq!(write("*").status, 200, "any");
    assert_eq!(server.send("product", &change("PATCH", "{}").header("If-Match", "*")).status, 200);
}
