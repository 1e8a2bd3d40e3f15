//! The document's experiments: Delivery down while customers rent and cancel, and what a stop of everything leaves.

use serde_json::{Value, json};

use crate::client::Request;
use crate::httpie::expect;
use crate::oa_rental_document::stock_is;
use crate::services::{is_away, switch};
use crate::support::Server;

const RENTAL: &str = r#"{"productId":"1","qty":"3","status":"ORDERED","productName":"computer"}"#;

fn switch_delivery(server: &Server, verb: &str) {
    switch(server, "delivery", verb);
}

fn register_computer(server: &Server) {
    assert_eq!(server.send("product", &Request::post("/products", r#"{"name":"computer","qty":"9"}"#)).status, 201);
    server.becomes("delivery", "/products/1", "a copy", |p| p["qty"] == 9);
}

fn decided(server: &Server, id: u64) {
    server.becomes("rental", &format!("/rentals/{id}"), "delivered", |r| r["status"] == "DELIVERED");
}

#[test]
fn rentals_are_taken_while_delivery_is_down_and_delivered_when_it_is_back() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    register_computer(&server);
    switch_delivery(&server, "stop");
    for id in 1..=2 {
        let rental = server.send("rental", &Request::post("/rentals", RENTAL));
        expect(&rental, 201, &json!({"status": "ORDERED"}));
        assert_eq!(rental.located_id(), Some(id));
    }
    is_away(&server.get("delivery", "/deliveries/1"));
    expect(&server.get("rental", "/rentals/1"), 200, &json!({"status": "ORDERED", "deliveryId": null}));
    switch_delivery(&server, "start");
    decided(&server, 1);
    decided(&server, 2);
    expect(&server.get("delivery", "/deliveries/1"), 200, &json!({"status": "DELIVERED"}));
    stock_is(&server, 3);
}

#[test]
fn a_cancel_while_delivery_is_down_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    register_computer(&server);
    assert_eq!(server.send("rental", &Request::post("/rentals", RENTAL)).status, 201);
    decided(&server, 1);
    let before = server.get("rental", "/rentals/1");
    switch_delivery(&server, "stop");
    is_away(&server.send("rental", &Request::delete("/rentals/1")));
    let unchanged = |when: &str| {
        let after = server.get("rental", "/rentals/1");
        assert_eq!((after.status, after.header("etag")), (200, before.header("etag")), "{when}");
        assert_eq!(after.text(), before.text(), "{when}");
    };
    unchanged("Delivery down");
    switch_delivery(&server, "start");
    // A later rental that was delivered shows that nothing of the refused cancel was still on its way.
    assert_eq!(server.send("rental", &Request::post("/rentals", RENTAL)).status, 201);
    decided(&server, 2);
    unchanged("Delivery back");
    assert_eq!(server.send("rental", &Request::delete("/rentals/1")).status, 204);
    assert_eq!(server.get("rental", "/rentals/1").status, 404);
    stock_is(&server, 6);
}

#[test]
fn a_rental_canceled_before_its_delivery_was_decided_never_keeps_stock() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    register_computer(&server);
    switch_delivery(&server, "stop");
    assert_eq!(server.send("rental", &Request::post("/rentals", RENTAL)).status, 201);
    is_away(&server.send("rental", &Request::delete("/rentals/1")));
    switch_delivery(&server, "start");
    assert_eq!(server.send("rental", &Request::delete("/rentals/1")).status, 204);

    // And when both run: the cancel races the decision, many times.
    let mut client = server.client("rental");
    for id in 2..=40 {
        assert_eq!(client.send(&Request::post("/rentals", RENTAL)).located_id(), Some(id));
        let canceled = client.send(&Request::delete(&format!("/rentals/{id}")));
        assert_eq!(canceled.status, 204, "rental {id}: {}", canceled.text());
    }
    for id in 1..=40 {
        assert_eq!(server.get("rental", &format!("/rentals/{id}")).status, 404);
        let canceled = |delivery: &Value| delivery["status"].as_str().is_some_and(|s| s.starts_with("CANCELED"));
        server.becomes("delivery", &format!("/deliveries/{id}"), "canceled", canceled);
    }
    stock_is(&server, 9);
}

#[test]
fn what_was_sold_and_canceled_is_still_so_after_a_stop() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut server = Server::start(dir.path(), &[]);
    register_computer(&server);
    assert_eq!(server.send("rental", &Request::post("/rentals", RENTAL)).status, 201);
    decided(&server, 1);
    let pages = |server: &Server| {
        let reads = [
            ("product", "/products"),
            ("rental", "/rentals/1"),
            ("delivery", "/deliveries/1"),
            ("information", "/myOrders/1"),
        ];
        reads.map(|(service, path)| server.get(service, path).text())
    };
    stock_is(&server, 6);
    server.becomes("information", "/myOrders/1", "delivered", |o| o["deliveryStatus"] == "DELIVERED");
    let before = pages(&server);
    server.stop();
    server.restart();
    assert_eq!(pages(&server), before);
}
