//! All systems behind one port: each has its name as a prefix, and none meets another.

use serde_json::{Value, json};

use crate::client::Request;
use crate::httpie::expect;
use crate::services::{ALL, is_away};
use crate::support::Server;

/// Sends JSON through the one gateway.
fn post(server: &Server, path: &str, body: &Value) -> crate::client::Answer {
    server.send("gateway", &Request::post(path, body.to_string()))
}

#[test]
fn every_system_answers_below_its_name_and_its_links_lead_back_there() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::serving(ALL, dir.path(), &[]);
    let front = server.get("gateway", "/").json();
    let systems: Vec<&str> =
        front["systems"].as_array().expect("systems").iter().filter_map(|s| s["name"].as_str()).collect();
    for name in ["oa-rental", "car-rental", "book-rental", "book-market", "hair-shop"] {
        assert!(systems.contains(&name), "{name} of {systems:?}");
        assert_eq!(server.get("gateway", &format!("/{name}")).status, 200);
        let services = front["systems"].as_array().into_iter().flatten().filter(|system| system["name"] == *name);
        for service in services.flat_map(|system| system["services"].as_array()).flatten() {
            let path = format!("/{name}/services/{}", service["name"].as_str().expect("a name"));
            assert_eq!(service["href"], format!("http://{}{path}", server.addr("gateway")));
            assert_eq!(server.get("gateway", &path).status, 200, "{path}");
        }
        assert_eq!(server.get("gateway", &format!("/{name}/events")).status, 200);
    }
    let product = post(&server, "/oa-rental/products", &json!({"name": "computer", "qty": 9}));
    let contract = post(&server, "/car-rental/contracts", &json!({"custName": "a", "modelName": "b", "amt": 5}));
    expect(&product, 201, &json!({"qty": 9}));
    expect(&contract, 201, &json!({"amt": 5}));
    for (made, path) in [(&product, "/oa-rental/products/1"), (&contract, "/car-rental/contracts/1")] {
        assert_eq!(made.header("location"), Some(format!("http://{}{path}", server.addr("gateway")).as_str()));
        assert_eq!(server.get("gateway", path).status, 200);
    }
    let rental = post(&server, "/book-rental/rental", &json!({"bookId": "5", "qty": 1}));
    expect(&rental, 200, &json!({"id": 1, "bookName": "CLOCK"}));
    server.becomes("gateway", "/book-rental/services/view/view/1", "delivered", |row| row["deliveryId"] == 1);
    server.becomes("gateway", "/car-rental/myPages/1", "reserved", |page| page["reservationStatus"] == "reserved");
    expect(&server.get("gateway", "/book-rental/services/rent/rentals/1"), 200, &json!({"bookId": 5}));
    assert_eq!(server.get("gateway", "/oa-rental/services/delivery/products/1").status, 200);
    assert_eq!(server.get("gateway", "/contracts/1").status, 404);
    assert_eq!(server.get("gateway", "/car-rental/rentals/1").status, 404);
}

#[test]
fn a_service_that_is_stopped_is_one_systems_own() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::serving(ALL, dir.path(), &[]);
    server.operate("/admin/services/book-rental/delivery/stop", r#"{"reason":"maintenance"}"#);
    is_away(&server.get("gateway", "/book-rental/deliveries"));
    is_away(&server.get("gateway", "/book-rental/services/delivery/delivery/1"));
    assert_eq!(server.get("gateway", "/oa-rental/deliveries").status, 200);
    expect(&post(&server, "/book-rental/rental", &json!({"bookId": 5, "qty": 1})), 200, &json!({"status": null}));
}

#[test]
fn systems_that_are_named_stand_beside_each_other_though_their_services_have_the_same_names() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::serving("book-market hair-shop", dir.path(), &[]);
    let order = || post(&server, "/book-market/orders", &json!({"bookId": 10, "qty": 1, "customerId": 33}));
    let reservation = || post(&server, "/hair-shop/reservations", &json!({"customerId": "OHM"}));
    let has_status =
        |path: &str, status: &str| server.becomes("gateway", path, status, |item| item["status"] == status);
    assert_eq!((order().status, reservation().status), (201, 201));
    has_status("/book-market/services/customerview/mypages/1", "Shipped");
    has_status("/hair-shop/services/mypage/myPages/1", "Reservation Completed");
    has_status("/book-market/payments/1", "Ordered");
    has_status("/hair-shop/payments/1", "PAY_COMPLETED");
    assert_eq!(server.get("gateway", "/oa-rental/products").status, 404, "it was not named");
    server.operate("/admin/services/hair-shop/payment/stop", r#"{"reason":"maintenance"}"#);
    is_away(&reservation());
    is_away(&server.get("gateway", "/hair-shop/payments/1"));
    assert_eq!(order().status, 201);
    has_status("/book-market/payments/2", "Ordered");
}
