//! The book rental, step by step with HTTPie: books, rentals, deliveries, reserves and the view, then each service
//! stopped in turn.

use serde_json::{Value, json};

use crate::client::Request;
use crate::edge::has;
use crate::httpie::{expect, http};
use crate::services::{is_away, without};
use crate::support::{Server, eventually, operator};

const DELIVERY_CREATED: &str = "배송생성";
const DELIVERY_CANCELED: &str = "배송취소";

fn start(dir: &tempfile::TempDir) -> Server {
    Server::serving("book-rental", dir.path(), &[])
}

/// An item comes to show these members.
#[track_caller]
fn comes_to(server: &Server, service: &str, path: &str, members: &Value) {
    server.becomes(service, path, &members.to_string(), |found| has(found, members));
}

/// Rents the book of this number; answers with the rental's id.
#[track_caller]
fn rented(server: &Server, book: u64, qty: u64, customer: &str) -> u64 {
    let body = json!({"bookId": book, "qty": qty, "customerId": customer}).to_string();
    let rental = server.send("rent", &Request::post("/rental", body));
    expect(&rental, 200, &json!({"bookId": book, "qty": qty, "customerId": customer}));
    rental.json()["id"].as_u64().expect("an id")
}

#[track_caller]
fn reserved(server: &Server, book: u64, customer: &str, status: &str) -> String {
    let body = json!({"bookId": book, "qty": 1, "customerId": customer}).to_string();
    let reserve = server.send("reserve", &Request::post("/reserve", body));
    expect(&reserve, 200, &json!({"bookId": book, "customerId": customer, "status": status, "rentalId": null}));
    format!("/reserve/{}", reserve.json()["id"])
}

fn cancel(server: &Server, rental: u64) {
    let canceled =
        server.send("rent", &Request::new("PATCH", &format!("/rental/{rental}")).json(r#"{"status":"cancel"}"#));
    assert_eq!(canceled.status, 200, "{}", canceled.text());
}

#[test]
fn a_book_is_rented_delivered_and_cancelled_as_the_document_says() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = start(&dir);
    let names = ["TV", "MASK", "NOTEBOOK", "TABLE", "CLOCK"];
    for (id, name) in (1..).zip(names) {
        let book = http(&["GET", &format!("{}/book/{id}", server.url("book"))]);
        let image = format!("/goods/img/{name}.jpg");
        let fields = json!({"id": id, "name": name, "price": 10_000 * id, "stock": 10 * id, "imageUrl": image});
        expect(&book, 200, &fields);
    }
    assert_eq!(server.get("book", "/books").json()["page"]["totalElements"], 5);

    let rentals = server.url("rent") + "/rental";
    let clock = json!({"id": 1, "bookId": 5, "bookName": "CLOCK", "qty": 1, "price": 50_000, "status": null});
    let rental = http(&["POST", &rentals, "bookId=5", "qty:=1"]);
    expect(&rental, 200, &clock);
    assert_eq!(rental.header("content-type"), Some("application/json;charset=UTF-8"));
    expect(&http(&["GET", &format!("{}/book/5", server.url("book"))]), 200, &json!({"stock": 49}));
    comes_to(&server, "rent", "/rental/1", &json!({"status": DELIVERY_CREATED}));
    let delivery = http(&["GET", &format!("{}/delivery/1", server.url("delivery"))]);
    expect(&delivery, 200, &json!({"id": 1, "rentId": 1, "qty": 1, "deliveryState": "DeliveryStarted"}));
    let row = json!({"id": 1, "rentalId": 1, "bookId": 5, "bookName": "CLOCK", "qty": 1, "rentalStatus": DELIVERY_CREATED,
        "deliveryId": 1, "deliveryState": "DeliveryStarted", "reserveId": null, "reserveStatus": null});
    comes_to(&server, "view", "/view/1", &row);
    let all = http(&["GET", &format!("{}/view", server.url("gateway"))]);
    assert_eq!(all.json().as_array().map(Vec::len), Some(1), "{}", all.text());
    expect(&http(&["GET", &format!("{}/rentals/1", server.url("gateway"))]), 200, &json!({"bookName": "CLOCK"}));

    let refused = http(&["POST", &rentals, "bookId=1", "qty:=11"]);
    expect(&refused, 409, &json!({"detail": "No Available stock!", "reason": "no-available-stock"}));
    expect(&http(&["POST", &rentals, "bookId=9", "qty:=1"]), 409, &json!({"reason": "book-is-registered"}));

    expect(&http(&["PATCH", &format!("{rentals}/1"), "status=cancel"]), 200, &json!({"id": 1, "bookId": 5}));
    comes_to(&server, "rent", "/rental/1", &json!({"status": DELIVERY_CANCELED}));
    comes_to(&server, "book", "/book/5", &json!({"stock": 50}));
    let row = json!({"rentalStatus": DELIVERY_CANCELED, "deliveryState": "DeliveryCancelled"});
    comes_to(&server, "view", "/view/1", &row);
}

#[test]
fn books_are_registered_and_changed_and_settings_are_shown() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let set = ["--set", "systems.book-rental.superuser=root7", "--set", "systems.book-rental.initial_stock=255"];
    let server = Server::serving("book-rental", dir.path(), &set);
    expect(&server.get("book", "/book/5"), 200, &json!({"stock": 255}));
    for (service, path) in [("rent", "/env"), ("rent", "/superuser"), ("delivery", "/env"), ("gateway", "/superuser")] {
        assert_eq!(http(&["GET", &(server.url(service) + path)]).text(), "root7", "{service}{path}");
    }
    let books = server.url("book") + "/book";
    let lamp = json!({"id": 6, "name": "LAMP", "price": 5, "stock": 1, "imageUrl": null});
    expect(&http(&["POST", &books, "name=LAMP", "price:=5", "stock:=1"]), 200, &lamp);
    expect(&http(&["PATCH", &format!("{books}/6"), "stock:=3"]), 200, &json!({"name": "LAMP", "price": 5, "stock": 3}));
    assert_eq!(rented(&server, 6, 3, "ann"), 1);
    expect(&server.get("book", "/books/6"), 200, &json!({"stock": 0}));
    expect(&http(&["DELETE", &format!("{}/rentals/1", server.url("rent"))]), 204, &Value::Null);
    comes_to(&server, "book", "/book/6", &json!({"stock": 3}));
}

#[test]
fn reserves_wait_are_offered_rented_and_cancelled() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut server = start(&dir);
    let ann = reserved(&server, 1, "ann", "RESERVED");
    let rental = rented(&server, 1, 10, "bob");
    let (cem, dan) = (reserved(&server, 1, "cem", "WAITING"), reserved(&server, 1, "dan", "WAITING"));
    cancel(&server, rental);
    comes_to(&server, "reserve", &dan, &json!({"status": "AVAILABLE", "bookName": "TV"}));
    let rental = rented(&server, 1, 1, "cem");
    comes_to(&server, "reserve", &cem, &json!({"status": "RENTED", "rentalId": rental}));
    comes_to(&server, "view", &format!("/view/{rental}"), &json!({"reserveId": 2, "reserveStatus": "RENTED"}));
    let canceled = http(&["DELETE", &(server.url("reserve") + &ann)]);
    expect(&canceled, 200, &json!({"id": 1, "status": "CANCELED"}));
    let late = http(&["DELETE", &(server.url("reserve") + &cem)]);
    expect(&late, 409, &json!({"reason": "reserve-is-open"}));
    server.kill9();
    server.restart();
    for (id, status) in [(1, "CANCELED"), (2, "RENTED"), (3, "AVAILABLE")] {
        comes_to(&server, "reserve", &format!("/reserves/{id}"), &json!({"status": status}));
    }
    assert_eq!(server.get("book", "/books").json()["page"]["totalElements"], 5, "the first five are made once");
}

#[test]
fn nothing_is_rented_while_book_is_down_but_a_cancel_is_taken() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = start(&dir);
    let rental = rented(&server, 2, 20, "ann");
    without(&server, "book", || {
        is_away(&server.send("rent", &Request::post("/rental", r#"{"bookId":"2","qty":1}"#)));
        is_away(&server.send("reserve", &Request::post("/reserve", r#"{"bookId":"2","qty":1}"#)));
        is_away(&server.get("book", "/book/2"));
        let stored = [("rent", "/rentals"), ("reserve", "/reserves")]
            .map(|(service, path)| server.get(service, path).json()["page"]["totalElements"].clone());
        assert_eq!(stored, [json!(1), json!(0)]);
        cancel(&server, rental);
        comes_to(&server, "rent", "/rental/1", &json!({"status": DELIVERY_CANCELED}));
    });
    comes_to(&server, "book", "/book/2", &json!({"stock": 20}));
    rented(&server, 2, 20, "ann");
}

#[test]
fn rentals_go_on_while_delivery_view_and_reserve_are_down_and_all_of_them_catch_up() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = start(&dir);
    without(&server, "delivery", || {
        assert_eq!((rented(&server, 5, 1, "ann"), rented(&server, 5, 1, "bob")), (1, 2));
        cancel(&server, 2);
        comes_to(&server, "book", "/book/5", &json!({"stock": 49}));
        expect(&server.get("rent", "/rental/1"), 200, &json!({"status": null}));
        is_away(&server.get("delivery", "/delivery/1"));
    });
    comes_to(&server, "rent", "/rental/1", &json!({"status": DELIVERY_CREATED}));
    comes_to(&server, "rent", "/rental/2", &json!({"status": DELIVERY_CANCELED}));
    without(&server, "view", || {
        assert_eq!(rented(&server, 4, 1, "ann"), 3);
        is_away(&server.get("view", "/view"));
    });
    comes_to(&server, "view", "/view/3", &json!({"bookName": "TABLE", "rentalStatus": DELIVERY_CREATED}));
    let reserve = reserved(&server, 3, "ann", "RESERVED");
    without(&server, "reserve", || {
        assert_eq!(rented(&server, 3, 1, "ann"), 4);
        is_away(&server.send("reserve", &Request::post("/reserve", r#"{"bookId":3,"qty":1}"#)));
    });
    comes_to(&server, "reserve", &reserve, &json!({"status": "RENTED", "rentalId": 4}));
    without(&server, "rent", || {
        is_away(&server.send("rent", &Request::post("/rental", r#"{"bookId":3,"qty":1}"#)));
        reserved(&server, 3, "bob", "RESERVED");
        assert_eq!(server.get("book", "/book/3").status, 200);
    });
}

#[test]
fn too_many_failures_at_reserve_open_its_breaker_and_hurt_nobody_else() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let set = ["--set", "chaos.enabled=true", "--set", "guard.kind.breaker.calls_min=3"];
    let server = Server::serving("book-rental", dir.path(), &set);
    let fault = server.operate("/admin/faults", r#"{"target":"book-rental/reserve","errors":1,"for":"60s"}"#).json();
    let reserve = || server.send("reserve", &Request::post("/reserve", r#"{"bookId":1,"qty":1,"customerId":"ann"}"#));
    eventually("the breaker opens", || {
        let answer = reserve();
        is_away(&answer);
        (answer.json()["reason"] == "breaker-open").then_some(())
    });
    for id in 1..=5 {
        assert_eq!(rented(&server, 1, 1, "bob"), id);
        assert_eq!(server.get("book", "/book/1").status, 200);
    }
    let closed = server.send("admin", &operator(Request::delete(&format!("/admin/faults/{}", fault["id"]))));
    assert!(closed.is_success(), "{}", closed.text());
    server.operate("/admin/breakers/book-rental/reserve/reserve", r#"{"state":"CLOSED"}"#);
    assert_eq!(server.get("reserve", "/reserves").json()["page"]["totalElements"], 0);
    expect(&reserve(), 200, &json!({"status": "RESERVED"}));
}
