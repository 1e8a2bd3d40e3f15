//! The book market, step by step with HTTPie: orders, payments, deliveries, messages and both views, then each service
//! stopped in turn.

use serde_json::{Value, json};

use crate::client::Request;
use crate::httpie::{expect, http};
use crate::services::{is_away, switch, without};
use crate::support::{Server, operator};

const ORDER: &str = r#"{"bookId":"10","qty":"1","customerId":"33"}"#;

fn start(dir: &tempfile::TempDir) -> Server {
    Server::serving("book-market", dir.path(), &[])
}

/// Orders a book, which must be the order with this id.
#[track_caller]
fn ordered(server: &Server, id: u64) {
    let made = server.send("order", &Request::post("/orders", ORDER));
    expect(&made, 201, &json!({"bookId": 10, "qty": 1, "status": null, "customerId": 33}));
    assert_eq!(made.located_id(), Some(id));
}

#[track_caller]
fn has_status(server: &Server, service: &str, item: &str, status: &str) {
    server.becomes(service, &format!("/{item}"), status, |item| item["status"] == status);
}

/// The order is on its way: all services and both views say so.
#[track_caller]
fn is_shipped(server: &Server, id: u64) {
    has_status(server, "order", &format!("orders/{id}"), "Shipped");
    has_status(server, "payment", &format!("payments/{id}"), "Ordered");
    has_status(server, "delivery", &format!("deliveries/{id}"), "Shipped");
    has_status(server, "customerview", &format!("mypages/{id}"), "Shipped");
}

/// The order is gone, paid back, and called back.
#[track_caller]
fn is_cancelled(server: &Server, id: u64) {
    has_status(server, "customerview", &format!("mypages/{id}"), "DeliveryCanceled");
    assert_eq!(server.get("order", &format!("/orders/{id}")).status, 404);
    has_status(server, "payment", &format!("payments/{id}"), "PayCanceled");
    has_status(server, "delivery", &format!("deliveries/{id}"), "DeliveryCanceled");
}

/// There are so many messages, each shown by Kakao and by Kakaomsg.
#[track_caller]
fn messages_are(server: &Server, count: usize) {
    for (service, collection) in [("kakao", "kakaos"), ("kakaomsg", "kakaomsgs")] {
        let shown = |list: &Value| list["_embedded"][collection].as_array().map_or(0, Vec::len);
        server.becomes(service, &format!("/{collection}?size=100"), &format!("{count} long"), |list| {
            shown(list) == count
        });
    }
}

/// The list of messages as the document prints it.
fn printed(count: u64) -> Value {
    let item = |id: u64| {
        let href = format!("http://kakaomsg:8080/kakaomsgs/{id}");
        json!({
            "_links": {"kakaomsg": {"href": href}, "self": {"href": href}},
            "customerId": 33, "message": format!("{id} 33 Shipped..."), "orderId": id, "status": "Shipped"
        })
    };
    json!({
        "_embedded": {"kakaomsgs": (1..=count).map(item).collect::<Vec<_>>()},
        "_links": {
            "profile": {"href": "http://kakaomsg:8080/profile/kakaomsgs"},
            "self": {"href": "http://kakaomsg:8080/kakaomsgs"}
        }
    })
}

#[test]
fn orders_are_paid_shipped_and_told_as_the_document_prints_it() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = start(&dir);
    let orders = server.url("order") + "/orders";
    for id in 1..=5 {
        let made = http(&["POST", &orders, "bookId=10", "qty=1", "customerId=33"]);
        expect(&made, 201, &json!({"bookId": 10, "qty": 1, "status": null, "customerId": 33}));
        assert_eq!(made.header("location"), Some(format!("{orders}/{id}").as_str()));
        is_shipped(&server, id);
        messages_are(&server, id as usize);
    }
    expect(&http(&["GET", &format!("{orders}/1")]), 200, &json!({"bookId": 10, "qty": 1, "status": "Shipped"}));
    let page = json!({"orderId": 1, "customerId": 33, "bookId": 10, "qty": 1, "status": "Shipped"});
    expect(&http(&["GET", &(server.url("customerview") + "/mypages/1")]), 200, &page);
    let payment = json!({"orderId": 1, "status": "Ordered", "customerId": 33, "paymentStatus": null});
    expect(&http(&["GET", &(server.url("payment") + "/payments/1")]), 200, &payment);
    let list = http(&["GET", &(server.url("kakaomsg") + "/kakaomsgs"), "Host:kakaomsg:8080"]);
    assert_eq!(list.header("content-type"), Some("application/hal+json;charset=UTF-8"));
    assert_eq!((list.status, list.json()), (200, printed(5)));
    let through_gateway = http(&["GET", &(server.url("gateway") + "/kakaomsgs")]);
    assert_eq!(through_gateway.json()["_embedded"]["kakaomsgs"].as_array().map(Vec::len), Some(5));
}

#[test]
fn the_whole_story_of_an_order_is_told_by_its_correlation() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = start(&dir);
    let made = server.send("order", &Request::post("/orders", ORDER).header("X-Correlation-Id", "my-order"));
    assert_eq!(made.status, 201, "{}", made.text());
    is_shipped(&server, 1);
    messages_are(&server, 1);
    let story = server.get("gateway", "/correlations/my-order").json();
    let told: Vec<&str> = story.as_array().into_iter().flatten().filter_map(|f| f["eventType"].as_str()).collect();
    let but_status: Vec<&str> = told.iter().copied().filter(|name| *name != "OrderStatusChanged").collect();
    assert_eq!(but_status, ["Ordered", "Paid", "Shipped", "SentMessage"], "{story}");
}

#[test]
fn a_cancelled_order_takes_its_payment_and_its_delivery_with_it() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = start(&dir);
    ordered(&server, 1);
    is_shipped(&server, 1);
    let order = server.url("order") + "/orders/1";
    let gone = http(&["DELETE", &order]);
    assert_eq!((gone.status, gone.text().as_str()), (204, ""));
    is_cancelled(&server, 1);
    assert_eq!(http(&["DELETE", &order]).status, 404);
    let refused = http(&["POST", &(server.url("order") + "/orders"), "bookId=10", "qty=0", "customerId=33"]);
    expect(&refused, 409, &json!({"reason": "quantity-is-at-least-one"}));
    let closed = [("payment", "/payments"), ("delivery", "/deliveries"), ("customerview", "/mypages")];
    for (service, collection) in closed.into_iter().chain([("kakaomsg", "/kakaomsgs")]) {
        assert_eq!(server.send(service, &Request::post(collection, "{}")).status, 405, "{collection}");
    }
}

#[test]
fn answers_are_as_long_as_siege_printed_them() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = start(&dir);
    let kakao = r#"{"orderId": "111", "customerId": "33", "status": "Shipped", "message": "sss"}"#;
    let kakao = Request::post("/kakaos", kakao).header("Host", "kakao:8080");
    let order = Request::post("/orders", r#"{"bookId":10,"qty":1,"customerId":1002}"#).header("Host", "order:8080");
    let (mut kakaos, mut orders) = (server.client("kakao"), server.client("order"));
    for id in 1..=100 {
        let expected = [239, 241, 243][id.to_string().len() - 1];
        let sent = kakaos.send(&kakao);
        assert_eq!((sent.status, sent.body.len()), (201, expected), "{}", sent.text());
    }
    for id in 1..=10 {
        let made = orders.send(&order);
        assert_eq!((made.status, made.body.len()), (201, if id < 10 { 226 } else { 228 }), "{}", made.text());
    }
}

#[test]
fn the_hand_written_paths_answer_as_the_originals_did_but_at_once() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = start(&dir);
    ordered(&server, 1);
    is_shipped(&server, 1);
    let rows = [
        ("order", "/circuitBreaker?isYn=Y", 200, "CircuitBreaker!!!"),
        ("payment", "/circuitBreaker?isYn=Y", 200, "CircuitBreaker!!!"),
        ("order", "/circuitBreaker?isYn=N", 200, " SUCCESS!!!"),
        ("payment", "/circuitBreaker", 200, " SUCCESS!!!"),
        ("payment", "/selectPaymentInfo?orderId=0", 200, "CircuitBreaker!!!!!!"),
        ("payment", "/selectPaymentInfo?orderId=-1", 200, "CircuitBreaker!!!!!!"),
        ("payment", "/selectPaymentInfo?orderId=1", 200, ""),
        ("payment", "/selectPaymentInfo?orderId=2", 404, ""),
    ];
    for (service, path, status, body) in rows {
        let answer = server.get(service, path);
        assert_eq!((answer.status, answer.text().as_str()), (status, body), "{service} {path}");
    }
    assert_eq!(server.get("payment", "/selectPaymentInfo?orderId=x").status, 400);
}

#[test]
fn nothing_is_ordered_while_payment_is_down_and_a_cancel_is_paid_back_later() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = start(&dir);
    ordered(&server, 1);
    is_shipped(&server, 1);
    without(&server, "payment", || {
        is_away(&server.send("order", &Request::post("/orders", ORDER)));
        is_away(&server.get("payment", "/payments/1"));
        assert_eq!(server.get("order", "/orders").json()["page"]["totalElements"], 1);
        assert_eq!(server.get("customerview", "/mypages/2").status, 404);
        assert_eq!(server.send("order", &Request::delete("/orders/1")).status, 204);
        expect(&server.get("delivery", "/deliveries/1"), 200, &json!({"status": "Shipped"}));
    });
    is_cancelled(&server, 1);
    let made = server.send("order", &Request::post("/orders", ORDER)).located_id().expect("ordered");
    is_shipped(&server, made);
    assert_eq!(server.get("payment", "/payments").json()["page"]["totalElements"], 2);
    messages_are(&server, 2);
}

#[test]
fn a_payment_that_takes_too_long_is_undone_and_leaves_no_order() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::serving("book-market", dir.path(), &["--set", "chaos.enabled=true"]);
    let slow = r#"{"target":"book-market/payment","latency":"2s","for":"60s","reason":"an experiment"}"#;
    let fault = server.operate("/admin/faults", slow).header("location").map(str::to_owned).expect("an address");
    let keyed = Request::post("/orders", ORDER).header("Idempotency-Key", "mine");
    assert_eq!(server.send("order", &keyed).status, 504);
    let fault = fault.find("/admin/").map_or(fault.as_str(), |at| &fault[at..]);
    assert!(server.send("admin", &operator(Request::delete(fault))).is_success());
    let made = server.send("order", &keyed);
    expect(&made, 201, &json!({"status": null}));
    let id = made.located_id().expect("ordered");
    is_shipped(&server, id);
    messages_are(&server, 1);
    for (service, collection) in [("order", "orders"), ("payment", "payments"), ("delivery", "deliveries")] {
        assert_eq!(server.get(service, &format!("/{collection}")).json()["page"]["totalElements"], 1, "{collection}");
    }
    let told = server.get("gateway", "/events?type=Ordered").text();
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
fn orders_go_on_while_any_service_but_order_and_payment_is_down_and_all_of_them_catch_up() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = start(&dir);
    without(&server, "delivery", || {
        ordered(&server, 1);
        ordered(&server, 2);
        has_status(&server, "order", "orders/1", "Ordered");
        has_status(&server, "customerview", "mypages/1", "Ordered");
        is_away(&server.get("delivery", "/deliveries"));
        assert_eq!(server.send("order", &Request::delete("/orders/2")).status, 204);
        has_status(&server, "payment", "payments/2", "PayCanceled");
    });
    is_shipped(&server, 1);
    is_cancelled(&server, 2);
    messages_are(&server, 2);
    for (id, service, collection) in [(3, "kakao", "/kakaos"), (4, "kakaomsg", "/kakaomsgs")] {
        without(&server, service, || {
            ordered(&server, id);
            is_shipped(&server, id);
            is_away(&server.get(service, collection));
        });
        messages_are(&server, id as usize);
    }
    without(&server, "customerview", || {
        ordered(&server, 5);
        has_status(&server, "order", "orders/5", "Shipped");
        is_away(&server.get("customerview", "/mypages/5"));
    });
    is_shipped(&server, 5);
    messages_are(&server, 5);
}

#[test]
fn deliveries_and_messages_go_on_while_order_is_down_and_it_follows_later() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = start(&dir);
    switch(&server, "delivery", "stop");
    ordered(&server, 1);
    has_status(&server, "order", "orders/1", "Ordered");
    without(&server, "order", || {
        is_away(&server.send("order", &Request::post("/orders", ORDER)));
        is_away(&server.get("order", "/orders/1"));
        switch(&server, "delivery", "start");
        has_status(&server, "customerview", "mypages/1", "Shipped");
        messages_are(&server, 1);
    });
    is_shipped(&server, 1);
}

#[test]
fn what_was_ordered_is_still_so_after_a_kill_and_nobody_is_told_twice() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut server = start(&dir);
    for id in 1..=20 {
        ordered(&server, id);
    }
    assert_eq!(server.send("order", &Request::delete("/orders/2")).status, 204);
    server.kill9();
    server.restart();
    (3..=20).for_each(|id| is_shipped(&server, id));
    is_cancelled(&server, 2);
    messages_are(&server, 20);
    ordered(&server, 21);
    messages_are(&server, 21);
}
