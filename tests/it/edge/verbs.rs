//! What a collection offers, its pages, and addresses that lead nowhere.

use serde_json::json;

use crate::client::Request;
use crate::edge::{Row, check, row};
use crate::support::Server;

#[test]
fn every_collection_offers_its_verbs_and_says_so() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    check(&server, "product", vec![row("one product", Request::post("/products", r#"{"name":"a","qty":9}"#), 201)]);
    assert_eq!(server.send("rental", &Request::post("/rentals", r#"{"productId":1,"qty":1}"#)).status, 201);
    server.becomes("information", "/myOrders/1", "delivered", |o| o["deliveryStatus"] == "DELIVERED");

    const READ: &str = "GET,HEAD,OPTIONS";
    let offers: &[(&str, &str, &str, &[&str])] = &[
        ("product", "/products", "GET,HEAD,POST,OPTIONS", &["PUT", "PATCH", "DELETE"]),
        ("product", "/products/1", "GET,HEAD,PUT,PATCH,DELETE,OPTIONS", &["POST"]),
        ("rental", "/rentals", "GET,HEAD,POST,OPTIONS", &["PUT", "PATCH", "DELETE"]),
        ("rental", "/rentals/1", "GET,HEAD,DELETE,OPTIONS", &["POST", "PUT", "PATCH"]),
        ("rental", "/products", READ, &["POST"]),
        ("rental", "/products/1", READ, &["PUT", "PATCH", "DELETE"]),
        ("delivery", "/deliveries", READ, &["POST"]),
        ("delivery", "/deliveries/1", READ, &["PUT", "PATCH", "DELETE"]),
        ("delivery", "/products/1", READ, &["PATCH"]),
        ("information", "/myOrders", READ, &["POST"]),
        ("information", "/myOrders/1", READ, &["DELETE"]),
    ];
    for (service, path, allow, refused) in offers {
        let mut rows = vec![row("OPTIONS", Request::new("OPTIONS", path), 200).with("allow", allow)];
        let refuse =
            |verb: &&str| row("a verb not offered", Request::new(verb, path).json("{}"), 405).with("allow", allow);
        rows.extend(refused.iter().map(refuse));
        rows.push(row("HEAD", Request::new("HEAD", path), 200).with("content-type", "application/hal+json").empty());
        rows.push(row("GET after HEAD", Request::get(path), 200).with("content-type", "application/hal+json"));
        check(&server, service, rows);
    }
    let patches = "application/json,application/json-patch+json,application/merge-patch+json";
    let options = row("OPTIONS of an item", Request::new("OPTIONS", "/products/1"), 200).with("accept-patch", patches);
    check(&server, "product", vec![options]);
}

#[test]
fn pages_and_unknown_addresses_answer_as_the_originals() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    for qty in 1..=5 {
        assert_eq!(
            server.send("product", &Request::post("/products", format!(r#"{{"name":"p{qty}","qty":{qty}}}"#))).status,
            201
        );
    }
    let page = |size: u64, pages: u64, number: u64| json!({"page": {"size": size, "totalElements": 5, "totalPages": pages, "number": number}});
    let rows = [
        ("/products?page=1&size=2", page(2, 3, 1)),
        ("/products?page=9&size=2", page(2, 3, 9)),
        ("/products?size=5000", page(1000, 1, 0)),
        ("/products?foo=bar&sort=nosuch,desc", page(20, 1, 0)),
        ("/products/", page(20, 1, 0)),
    ];
    check(&server, "product", rows.map(|(path, body)| row(path, Request::get(path), 200).json(body)).into());

    let middle = server.get("product", "/products?page=1&size=2").text();
    let places =
        ["first", "prev", "self", "next", "last", "profile"].map(|rel| middle.rfind(&format!("\"{rel}\" : {{")));
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "links in order: {places:?}");
    assert!(middle.contains("/products?page=2&size=2\""), "{middle}");
    let newest = server.get("product", "/products?sort=id,desc&size=1").json();
    assert_eq!(newest["_embedded"]["products"][0]["name"], "p5");

    let none = [
        ("GET", "/products/9"),
        ("HEAD", "/products/9"),
        ("PUT", "/products/9"),
        ("PATCH", "/products/9"),
        ("DELETE", "/products/9"),
    ];
    let mut rows: Vec<Row> = none
        .map(|(verb, path)| {
            row(
                "an id that is not there",
                if verb.starts_with('P') { Request::new(verb, path).json("{}") } else { Request::new(verb, path) },
                404,
            )
            .empty()
        })
        .into();
    rows.push(row("a property that is not there", Request::get("/products/1/unknown"), 404).empty());
    rows.push(row("a path that is not there", Request::get("/nosuch"), 404));
    rows.push(row("another case", Request::get("/Products"), 404));
    rows.push(row("no media type we have", Request::get("/products").header("Accept", "application/xml"), 406));
    check(&server, "product", rows);
    assert!([400, 404].contains(&server.get("product", "/products/abc").status), "an id that is no number");
}
