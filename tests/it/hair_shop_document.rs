//! The hair shop, step by step with HTTPie through its gateway: reserve, look, cancel, look; then each service stopped
//! in turn.

use serde_json::{Value, json};

use crate::client::Request;
use crate::httpie::{expect, http};
use crate::services::{is_away, switch, without};
use crate::support::Server;

const RESERVATION: &str = r#"{"customerId":"OHM","date":"20211001","stylingType":"perm"}"#;
const CANCEL: &str = r#"{"status":"CANCEL_REQUESTED"}"#;

fn start(dir: &tempfile::TempDir, settings: &[&str]) -> Server {
    Server::serving("hair-shop", dir.path(), settings)
}

fn asked_for() -> Value {
    json!({
        "customerId": "OHM", "date": "20211001", "stylingType": "perm",
        "status": "RSV_REQUESTED", "shopStatus": "NULL", "payStatus": "NULL"
    })
}

/// Reserves, which must be the reservation with this id.
#[track_caller]
fn reserved(server: &Server, id: u64) {
    let made = server.send("reservation", &Request::post("/reservations", RESERVATION));
    expect(&made, 201, &asked_for());
    assert_eq!(made.located_id(), Some(id));
}

#[track_caller]
fn cancel(server: &Server, id: u64) {
    let asked = server.send("reservation", &Request::new("PATCH", &format!("/reservations/{id}")).json(CANCEL));
    assert!(asked.is_success(), "{}", asked.text());
}

#[track_caller]
fn has(server: &Server, service: &str, item: &str, members: &Value) {
    let path = format!("/{item}");
    server.becomes(service, &path, &members.to_string(), |item| crate::edge::has(item, members));
}

/// A designer is mapped: all services and my page say so.
#[track_caller]
fn is_completed(server: &Server, id: u64, designer: &str) {
    let statuses = ["Reservation Completed", "Designer Matched", "Pay Finished", "PAY_COMPLETED", "RSV_REQUESTED"];
    come_to(server, id, statuses, designer);
}

/// The designer is removed and the customer paid back: all services and my page say so.
#[track_caller]
fn is_canceled(server: &Server, id: u64) {
    let statuses = ["Reservation Canceled", "Designer Deleted", "Pay Canceled", "PAY_CANCELED", "RSV_CANCELED"];
    come_to(server, id, statuses, "CANCELED");
}

#[track_caller]
fn come_to(server: &Server, id: u64, [status, shop, pay, payment, at_shop]: [&str; 5], designer: &str) {
    let statuses = json!({"status": status, "shopStatus": shop, "payStatus": pay});
    has(server, "reservation", &format!("reservations/{id}"), &statuses);
    has(server, "payment", &format!("payments/{id}"), &json!({"reservationId": id, "status": payment}));
    let at_shop = json!({"reservationId": id, "designerId": designer, "rsvStatus": at_shop});
    has(server, "hairshop", &format!("hairshops/{id}"), &at_shop);
    let page = json!({
        "reservationId": id, "status": status, "customerId": "OHM", "date": "20211001", "stylingType": "perm",
        "designerId": designer
    });
    has(server, "mypage", &format!("myPages/{id}"), &page);
}

#[test]
fn reservations_are_completed_and_cancelled_as_the_document_says() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = start(&dir, &[]);
    let gateway = server.url("gateway");
    let reservations = format!("{gateway}/reservations");
    for id in 1..=2 {
        let made = http(&["POST", &reservations, "customerId=OHM", "date=20211001", "stylingType=perm"]);
        expect(&made, 201, &asked_for());
        assert_eq!(made.located_id(), Some(id));
        is_completed(&server, id, "ChaHong");
    }
    let asked = http(&["PATCH", &format!("{reservations}/2"), "status=CANCEL_REQUESTED"]);
    assert_eq!(asked.status, 200, "{}", asked.text());
    is_canceled(&server, 2);
    is_completed(&server, 1, "ChaHong");

    let listed = |collection: &str, field: &str| {
        let list = http(&["GET", &format!("{gateway}/{collection}")]);
        let items = list.json()["_embedded"][collection].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item[field].clone()).collect::<Vec<_>>()
    };
    assert_eq!(listed("hairshops", "designerId"), ["ChaHong", "CANCELED"]);
    assert_eq!(listed("reservations", "status"), ["Reservation Completed", "Reservation Canceled"]);
    assert_eq!(listed("payments", "status"), ["PAY_COMPLETED", "PAY_CANCELED"]);
    assert_eq!(listed("myPages", "status"), ["Reservation Completed", "Reservation Canceled"]);
    let own = server.get("reservation", "/reservations/1").json();
    assert_eq!(own.get("shopId"), None, "a shop that was not chosen is not shown");
}

#[test]
fn a_customer_may_choose_a_shop_and_a_shop_another_designer() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = start(&dir, &["--set", "systems.hair-shop.designers=ChaHong,ParkJun"]);
    let chosen = r#"{"customerId":"OHM","date":"20211001","stylingType":"perm","shopId":"7"}"#;
    let made = server.send("reservation", &Request::post("/reservations", chosen));
    expect(&made, 201, &json!({"shopId": "7"}));
    reserved(&server, 2);
    is_completed(&server, 1, "ChaHong");
    is_completed(&server, 2, "ParkJun");
    expect(&server.get("mypage", "/myPages/1"), 200, &json!({"shopId": "7"}));

    let hairshop = server.url("hairshop") + "/hairshops/2";
    let changed = http(&["PATCH", &hairshop, "designerId=Mina"]);
    expect(&changed, 200, &json!({"designerId": "Mina", "rsvStatus": "RSV_REQUESTED"}));
    is_completed(&server, 2, "Mina");
    expect(&http(&["PATCH", &hairshop, "designerId="]), 409, &json!({"reason": "designer-is-named"}));
    let reservation = server.url("reservation") + "/reservations/2";
    let refused = http(&["PATCH", &reservation, "status=Reservation Completed"]);
    expect(&refused, 409, &json!({"reason": "only-a-cancel-can-be-requested"}));
    cancel(&server, 2);
    is_canceled(&server, 2);
    let refused = http(&["PATCH", &reservation, "status=CANCEL_REQUESTED"]);
    expect(&refused, 409, &json!({"reason": "reservation-stands"}));
    expect(&http(&["PATCH", &hairshop, "designerId=Mina"]), 409, &json!({"reason": "reservation-stands"}));
    for (service, method, path) in [
        ("payment", "POST", "/payments"),
        ("hairshop", "POST", "/hairshops"),
        ("reservation", "DELETE", "/reservations/1"),
    ] {
        assert_eq!(server.send(service, &Request::new(method, path).json("{}")).status, 405, "{method} {path}");
    }
}

#[test]
fn nothing_is_reserved_while_payment_is_down_and_a_cancel_is_paid_back_later() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = start(&dir, &[]);
    reserved(&server, 1);
    is_completed(&server, 1, "ChaHong");
    without(&server, "payment", || {
        is_away(&server.send("reservation", &Request::post("/reservations", RESERVATION)));
        is_away(&server.get("payment", "/payments/1"));
        assert_eq!(server.get("reservation", "/reservations").json()["page"]["totalElements"], 1);
        assert_eq!(server.get("mypage", "/myPages/2").status, 404);
        cancel(&server, 1);
        has(&server, "reservation", "reservations/1", &json!({"status": "Reservation Canceled"}));
    });
    is_canceled(&server, 1);
    let made = server.send("reservation", &Request::post("/reservations", RESERVATION)).located_id().expect("reserved");
    is_completed(&server, made, "ChaHong");
    assert_eq!(server.get("payment", "/payments").json()["page"]["totalElements"], 2);
}

#[test]
fn requests_and_cancels_are_taken_while_the_shop_is_down_and_finish_later() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = start(&dir, &[]);
    reserved(&server, 1);
    is_completed(&server, 1, "ChaHong");
    without(&server, "hairshop", || {
        reserved(&server, 2);
        reserved(&server, 3);
        has(&server, "payment", "payments/3", &json!({"status": "PAY_COMPLETED"}));
        cancel(&server, 1);
        cancel(&server, 3);
        is_away(&server.get("hairshop", "/hairshops"));
        expect(&server.get("reservation", "/reservations/2"), 200, &asked_for());
        expect(&server.get("reservation", "/reservations/3"), 200, &json!({"status": "CANCEL_REQUESTED"}));
        has(&server, "mypage", "myPages/2", &json!({"status": "RSV_REQUESTED", "designerId": "Not Matched Yet!"}));
        expect(&server.get("payment", "/payments/1"), 200, &json!({"status": "PAY_COMPLETED"}));
    });
    is_canceled(&server, 1);
    is_completed(&server, 2, "ChaHong");
    is_canceled(&server, 3);
}

#[test]
fn the_shop_goes_on_while_reservation_or_mypage_is_down_and_both_follow_later() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = start(&dir, &[]);
    without(&server, "mypage", || {
        reserved(&server, 1);
        has(&server, "reservation", "reservations/1", &json!({"status": "Reservation Completed"}));
        is_away(&server.get("mypage", "/myPages/1"));
    });
    is_completed(&server, 1, "ChaHong");
    switch(&server, "hairshop", "stop");
    reserved(&server, 2);
    without(&server, "reservation", || {
        is_away(&server.send("reservation", &Request::post("/reservations", RESERVATION)));
        switch(&server, "hairshop", "start");
        has(&server, "mypage", "myPages/2", &json!({"status": "Reservation Completed"}));
        is_away(&server.get("reservation", "/reservations/2"));
    });
    is_completed(&server, 2, "ChaHong");
}

#[test]
fn what_was_reserved_is_still_so_after_a_kill() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut server = start(&dir, &[]);
    (1..=10).for_each(|id| reserved(&server, id));
    cancel(&server, 2);
    server.kill9();
    server.restart();
    is_canceled(&server, 2);
    (3..=10).for_each(|id| is_completed(&server, id, "ChaHong"));
}
