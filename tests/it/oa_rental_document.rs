//! The document of the office-supply rental, step by step, with the client it uses: HTTPie.
//!
//! 1-1 to 3-2, in its order. Its experiments with Delivery down are in `oa_rental_delivery_down`.

use serde_json::json;

use crate::httpie::{expect, http};
use crate::support::Server;

#[track_caller]
pub(crate) fn stock_is(server: &Server, qty: u64) {
    for service in ["product", "rental", "delivery"] {
        server.becomes(service, "/products/1", &format!("a stock of {qty}"), |p| p["qty"] == json!(qty));
    }
}

#[test]
fn the_documents_steps_give_the_documents_results() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    register_and_look_up(&server);
    rent(&server);
    look_up_what_became_of_it(&server);
    cancel(&server);
}

/// Steps 1-1 and 1-2.
fn register_and_look_up(server: &Server) {
    let products = server.url("product") + "/products";
    let computer = http(&["POST", &products, "name=computer", "qty=9"]);
    expect(&computer, 201, &json!({"name": "computer", "qty": 9}));
    assert_eq!(computer.header("location"), Some(format!("{products}/1").as_str()));
    assert_eq!(computer.body.len(), 204, "{}", computer.text());
    let monitor = http(&["POST", &products, "name=monitor", "qty=9"]);
    expect(&monitor, 201, &json!({"name": "monitor", "qty": 9}));
    assert_eq!(monitor.header("location"), Some(format!("{products}/2").as_str()));

    expect(&http(&["GET", &format!("{products}/1")]), 200, &json!({"name": "computer", "qty": 9}));
    for service in ["rental", "delivery"] {
        server.becomes(service, "/products/2", "the copy of the monitor", |p| p["name"] == "monitor");
        let copy = http(&["GET", &(server.url(service) + "/products/1")]);
        expect(&copy, 200, &json!({"productId": 1, "name": "computer", "qty": 9}));
    }
}

/// Step 2-1: more than the stock, an unknown product, and a rental that can be delivered.
fn rent(server: &Server) {
    let rentals = server.url("rental") + "/rentals";
    for (id, product, qty) in [(1, 1, 12), (2, 22, 12), (3, 1, 3)] {
        let (product_item, qty_item) = (format!("productId={product}"), format!("qty={qty}"));
        let rental = http(&["POST", &rentals, &product_item, &qty_item, "status=ORDERED", "productName=computer"]);
        let body = json!({"productId": product, "qty": qty, "status": "ORDERED", "productName": "computer", "deliveryId": null});
        expect(&rental, 201, &body);
        assert_eq!(rental.header("location"), Some(format!("{rentals}/{id}").as_str()));
    }
}

/// Step 2-2: rentals, delivery, stock and the customer's view agree.
fn look_up_what_became_of_it(server: &Server) {
    let rentals = server.url("rental") + "/rentals";
    for (id, status) in [(1, "CANCELED_OutOfStock"), (2, "CANCELED_UnregisteredProduct"), (3, "DELIVERED")] {
        server.becomes("rental", &format!("/rentals/{id}"), status, |r| r["status"] == status);
        expect(&http(&["GET", &format!("{rentals}/{id}")]), 200, &json!({"status": status, "deliveryId": id}));
        server.becomes("information", &format!("/myOrders/{id}"), status, |o| o["rentalStatus"] == status);
    }
    let delivery = http(&["GET", &(server.url("delivery") + "/deliveries/3")]);
    expect(&delivery, 200, &json!({"productId": 1, "rentalId": 3, "qty": 3, "status": "DELIVERED"}));
    stock_is(server, 6);
    expect(&http(&["GET", &(server.url("delivery") + "/products/1")]), 200, &json!({"productId": 1, "qty": 6}));
    let order = http(&["GET", &(server.url("information") + "/myOrders/3")]);
    let row = json!({"productId": 1, "rentalId": 3, "rentalQty": 3, "rentalStatus": "DELIVERED", "deliveryId": 3,
        "deliveryStatus": "DELIVERED", "productName": "computer"});
    expect(&order, 200, &row);
}

/// Steps 3-1 and 3-2.
fn cancel(server: &Server) {
    let rental = server.url("rental") + "/rentals/3";
    let canceled = http(&["DELETE", &rental]);
    assert_eq!((canceled.status, canceled.text().as_str()), (204, ""));
    let gone = http(&["GET", &rental]);
    assert_eq!((gone.status, gone.text().as_str()), (404, ""));
    expect(&http(&["GET", &(server.url("delivery") + "/deliveries/3")]), 200, &json!({"status": "CANCELED"}));
    server.becomes("information", "/myOrders/3", "canceled", |o| o["rentalStatus"] == "CANCELED");
    let order = http(&["GET", &(server.url("information") + "/myOrders/3")]);
    expect(&order, 200, &json!({"rentalStatus": "CANCELED", "deliveryStatus": "CANCELED"}));
    stock_is(server, 9);
}
