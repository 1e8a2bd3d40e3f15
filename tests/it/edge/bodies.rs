//! Bodies of a POST: what is read as the originals read it, what is refused, and which business rule was broken.

use serde_json::json;

use crate::client::{Answer, JSON_FIRST, Request};
use crate::edge::{Row, check, has, row, total};
use crate::support::Server;

fn product(body: &str) -> Request {
    Request::post("/products", body)
}

fn typed(body: &str, content_type: &str) -> Request {
    Request::new("POST", "/products").header("Accept", JSON_FIRST).header("Content-Type", content_type).body(body)
}

#[test]
fn bodies_of_a_post_are_read_as_the_originals_read_them() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    let name_of_a = || json!({"name": "a"});
    let taken = vec![
        row("a number in a string", product(r#"{"name":"computer","qty":"9"}"#), 201)
            .with("content-type", "application/json;charset=UTF-8")
            .with("etag", "\"")
            .json(json!({"name": "computer", "qty": 9})),
        row("a number with blanks", product(r#"{"qty":" 9 "}"#), 201).json(json!({"qty": 9})),
        row("null for a number", product(r#"{"qty":null}"#), 201).json(json!({"qty": 0})),
        row("an empty string for a number", product(r#"{"qty":""}"#), 201).json(json!({"qty": 0})),
        row("a number for a string", product(r#"{"name":5}"#), 201).json(json!({"name": "5"})),
        row("nothing sent", product("{}"), 201).json(json!({"name": null, "qty": 0})),
        row("unknown members", product(r#"{"name":"a","extra":1,"_links":{"self":{"href":"x"}}}"#), 201)
            .json(name_of_a()),
        row("an id that is not there", product(r#"{"id":999,"name":"a"}"#), 201).json(name_of_a()),
        row("hangul", product(r#"{"name":"한글"}"#), 201).json(json!({"name": "한글"})),
        row("no content type", Request::new("POST", "/products").header("Accept", "*/*").body(r#"{"name":"a"}"#), 201)
            .with("content-type", "application/hal+json;charset=UTF-8")
            .json(name_of_a()),
        row("hal+json", typed(r#"{"name":"a"}"#, "application/hal+json"), 201).json(name_of_a()),
        row("json with a charset", typed(r#"{"name":"a"}"#, "application/json; charset=utf-8"), 201).json(name_of_a()),
        row("no Accept", Request::new("POST", "/products").json(r#"{"name":"a"}"#), 201)
            .with("location", "http://")
            .empty(),
    ];
    let stored = taken.len() as u64;
    check(&server, "product", taken);
    assert_eq!(total(&server, "product", "/products"), stored);
    let last = server.get("product", &format!("/products/{stored}"));
    assert!(has(&last.json(), &name_of_a()), "ids run 1, 2, 3 …: {}", last.text());
    assert_eq!(server.get("product", "/products/999").status, 404);
}

#[test]
fn bodies_that_mean_nothing_are_refused_and_store_nothing() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    let bad = ["{\"name\":", "", "[]", "\"x\"", "7", "null", "{\"name\":\"a\"} {\"x\":1}"];
    let mut rows: Vec<Row> = bad.iter().map(|body| row("a body that is no object", product(body), 400)).collect();
    let wrong = ["\"abc\"", "9.7", "\"9.5\"", "true", "{}", "[9]", "99999999999", "\"99999999999\""];
    rows.extend(wrong.iter().map(|qty| row("a qty that is no integer", product(&format!("{{\"qty\":{qty}}}")), 400)));
    rows.extend(
        ["{}", "[1]"].iter().map(|n| row("a name that is no text", product(&format!("{{\"name\":{n}}}")), 400)),
    );
    let types = ["text/plain", "application/x-www-form-urlencoded", "application/xml", "text/uri-list"];
    rows.extend(types.iter().map(|t| row("a type that is not JSON", typed("a=1", t), 415)));
    let xml = Request::new("POST", "/products").header("Accept", "application/xml").json(r#"{"name":"a"}"#);
    rows.push(row("an Accept that cannot be met", xml, 406));
    rows.push(row("stock below zero", product(r#"{"name":"a","qty":-1}"#), 409));
    check(&server, "product", rows);

    let plain = server.send("product", &typed("x", "text/plain"));
    assert!(plain.members("accept-post").contains(&"application/json".to_string()), "{:?}", plain.headers);
    assert_eq!(total(&server, "product", "/products"), 0, "nothing of all that is stored");
}

#[test]
fn broken_business_rules_are_named() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    check(&server, "product", vec![row("one product", product(r#"{"name":"a","qty":9}"#), 201)]);
    let named = |answer: &Answer, words: &[&str]| {
        let problem = answer.json();
        let said = format!("{} {} {}", problem["type"], problem["title"], problem["detail"]).to_lowercase();
        assert!(
            answer.status == 409 && words.iter().any(|word| said.contains(word)),
            "{} {}",
            answer.status,
            answer.text()
        );
    };
    for qty in ["0", "\"0\"", "-3"] {
        let rental = format!(r#"{{"productId":1,"qty":{qty},"status":"ORDERED"}}"#);
        named(&server.send("rental", &Request::post("/rentals", rental)), &["qty", "quantity"]);
    }
    named(&server.send("product", &product(r#"{"name":"b","qty":-1}"#)), &["qty", "stock"]);
    named(&server.send("product", &product(r#"{"id":1,"name":"b"}"#)), &["id", "exist"]);
    let patch = Request::new("PATCH", "/products/1").header("Accept", "*/*").json(r#"{"qty":-1}"#);
    named(&server.send("product", &patch), &["qty", "stock"]);
    check(
        &server,
        "product",
        vec![row("unchanged", Request::get("/products/1"), 200).json(json!({"name": "a", "qty": 9}))],
    );
    assert_eq!((total(&server, "product", "/products"), total(&server, "rental", "/rentals")), (1, 0));
}
