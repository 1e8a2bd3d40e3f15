//! The car rental, step by step with HTTPie: contract, payment, reservation, messages and my page, then each service
//! stopped in turn.

use serde_json::{Value, json};

use crate::client::Request;
use crate::httpie::{expect, http};
use crate::services::{is_away, without};
use crate::support::{Server, eventually, operator};

const CONTRACT: &str = r#"{"custName":"siege1","modelName":"부하테스트","amt":150}"#;

fn start(dir: &tempfile::TempDir) -> Server {
    Server::serving("car-rental", dir.path(), &[])
}

/// My page shows these statuses, and so do the services themselves.
#[track_caller]
fn comes_to(server: &Server, id: u64, pay: &str, reservation: &str) {
    let statuses = json!({"payStatus": pay, "reservationStatus": reservation});
    let page = format!("/myPages/{id}");
    server.becomes("mypage", &page, &statuses.to_string(), |page| crate::edge::has(page, &statuses));
    expect(&server.get("reservation", &format!("/reservations/{id}")), 200, &statuses);
}

/// Makes a contract, which must be the one with this id.
#[track_caller]
fn contracted(server: &Server, id: u64) {
    let made = server.send("contract", &Request::post("/contracts", CONTRACT));
    expect(&made, 201, &json!({"custName": "siege1", "modelName": "부하테스트", "amt": 150}));
    assert_eq!(made.located_id(), Some(id));
}

fn total(server: &Server, service: &str, collection: &str) -> Value {
    server.get(service, &format!("/{collection}")).json()["page"]["totalElements"].clone()
}

#[test]
fn a_contract_is_paid_reserved_told_and_cancelled_as_the_document_says() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = start(&dir);
    let contracts = server.url("contract") + "/contracts";
    let made = http(&["POST", &contracts, "custName=고객1", "modelName=쏘나타", "amt=100"]);
    let terms = json!({"custName": "고객1", "modelName": "쏘나타", "amt": 100});
    expect(&made, 201, &terms);
    assert_eq!(made.header("location"), Some(format!("{contracts}/1").as_str()));
    expect(&http(&["GET", &format!("{contracts}/1")]), 200, &terms);

    comes_to(&server, 1, "paid", "reserved");
    for (service, path) in [("pay", "/pays/1"), ("reservation", "/reservations/1"), ("mypage", "/myPages/1")] {
        let row = http(&["GET", &(server.url(service) + path)]);
        expect(&row, 200, &terms);
        expect(&row, 200, &json!({"contractId": 1}));
    }
    server.becomes("message", "/messages/2", "the customer's message", |m| m["contractId"] == 1);
    let messages = http(&["GET", &(server.url("message") + "/messages/1")]);
    expect(&messages, 200, &json!({"contractId": 1, "custName": "고객1", "modelName": "쏘나타"}));
    assert!(messages.json()["messageTxt"].as_str().is_some_and(|text| text.contains("1번")), "{}", messages.text());

    let renamed = http(&["PATCH", &format!("{contracts}/1"), "custName=고객2"]);
    expect(&renamed, 200, &json!({"custName": "고객2", "modelName": "쏘나타", "amt": 100}));
    server.becomes("mypage", "/myPages/1", "renamed", |page| page["custName"] == "고객2");
    comes_to(&server, 1, "paid", "reserved");

    expect(&http(&["PATCH", &format!("{contracts}/1"), "amt=0"]), 200, &json!({"amt": 0}));
    comes_to(&server, 1, "payCanceled", "reservationCanceled");
    expect(&http(&["GET", &(server.url("mypage") + "/myPages/1")]), 200, &json!({"amt": 0}));
    let refused = http(&["PATCH", &format!("{contracts}/1"), "amt=5"]);
    expect(&refused, 409, &json!({"reason": "contract-stands"}));
}

#[test]
fn a_deleted_contract_is_gone_and_its_payment_and_reservation_are_cancelled() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = start(&dir);
    contracted(&server, 1);
    let contract = server.url("contract") + "/contracts/1";
    assert_eq!(http(&["DELETE", &contract]).status, 204);
    assert_eq!(http(&["GET", &contract]).status, 404);
    comes_to(&server, 1, "payCanceled", "reservationCanceled");
    let refused = server.send("contract", &Request::post("/contracts", r#"{"amt":-1}"#));
    expect(&refused, 409, &json!({"reason": "amount-is-not-negative"}));
    assert_eq!(server.send("pay", &Request::post("/pays", "{}")).status, 405);
}

#[test]
fn no_contract_is_made_while_pay_is_down_and_a_cancel_is_paid_back_later() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = start(&dir);
    contracted(&server, 1);
    comes_to(&server, 1, "paid", "reserved");
    without(&server, "pay", || {
        is_away(&server.send("contract", &Request::post("/contracts", CONTRACT)));
        is_away(&server.get("pay", "/pays/1"));
        assert_eq!(total(&server, "contract", "contracts"), 1);
        let canceled = server.send("contract", &Request::new("PATCH", "/contracts/1").json(r#"{"amt":0}"#));
        assert!(canceled.is_success(), "{}", canceled.text());
        expect(&server.get("mypage", "/myPages/1"), 200, &json!({"payStatus": "paid"}));
    });
    comes_to(&server, 1, "payCanceled", "reservationCanceled");
    let made = server.send("contract", &Request::post("/contracts", CONTRACT)).located_id().expect("made");
    comes_to(&server, made, "paid", "reserved");
    let told = [total(&server, "contract", "contracts"), total(&server, "pay", "pays")];
    assert_eq!(told, [json!(2), json!(2)], "what was refused left nothing");
}

#[test]
fn contracts_go_on_while_reservation_message_and_mypage_are_down_and_all_of_them_catch_up() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = start(&dir);
    without(&server, "reservation", || {
        contracted(&server, 1);
        contracted(&server, 2);
        server.becomes("mypage", "/myPages/2", "paid", |page| page["payStatus"] == "paid");
        expect(&server.get("mypage", "/myPages/2"), 200, &json!({"reservationStatus": null}));
        assert_eq!(server.send("contract", &Request::delete("/contracts/2")).status, 204);
        server.becomes("mypage", "/myPages/2", "paid back", |page| page["payStatus"] == "payCanceled");
    });
    comes_to(&server, 1, "paid", "reserved");
    comes_to(&server, 2, "payCanceled", "reservationCanceled");
    for service in ["message", "mypage"] {
        let id = without(&server, service, || {
            let made = server.send("contract", &Request::post("/contracts", CONTRACT)).located_id().expect("made");
            let reservation = format!("/reservations/{made}");
            server.becomes("reservation", &reservation, "reserved", |r| r["reservationStatus"] == "reserved");
            is_away(&server.get(service, "/"));
            made
        });
        comes_to(&server, id, "paid", "reserved");
        server.becomes("message", &format!("/messages/{}", 2 * id), "told", |m| m["contractId"] == id);
    }
    without(&server, "contract", || {
        is_away(&server.send("contract", &Request::post("/contracts", CONTRACT)));
        assert_eq!(server.get("pay", "/pays/1").status, 200);
    });
}

#[test]
fn what_was_contracted_is_still_so_after_a_kill() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut server = start(&dir);
    contracted(&server, 1);
    contracted(&server, 2);
    assert_eq!(server.send("contract", &Request::delete("/contracts/2")).status, 204);
    server.kill9();
    server.restart();
    comes_to(&server, 1, "paid", "reserved");
    comes_to(&server, 2, "payCanceled", "reservationCanceled");
    expect(&server.get("contract", "/contracts/1"), 200, &json!({"amt": 150}));
    assert_eq!(server.get("contract", "/contracts/2").status, 404);
}

#[test]
fn a_payment_that_takes_too_long_leaves_no_contract_and_opens_the_breaker() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let set = ["--set", "chaos.enabled=true", "--set", "guard.ask.breaker.calls_min=3"];
    let server = Server::serving("car-rental", dir.path(), &set);
    server.operate("/admin/faults", r#"{"target":"car-rental/pay","latency":"700ms","for":"60s"}"#);
    let mut statuses = Vec::new();
    eventually("the breaker turns contracts away", || {
        let answer = server.send("contract", &Request::post("/contracts", CONTRACT));
        statuses.push(answer.status);
        (answer.status == 503).then(|| is_away(&answer))
    });
    let (last, before) = statuses.split_last().expect("answers");
    assert!(*last == 503 && before.len() >= 3 && before.iter().all(|status| *status == 504), "{statuses:?}");
    assert_eq!(total(&server, "contract", "contracts"), 0);
    let cleared = server.send("admin", &operator(Request::delete("/admin/faults/1")));
    assert!(cleared.is_success(), "{}", cleared.text());
    let id = eventually("contracts are made again", || {
        server.send("contract", &Request::post("/contracts", CONTRACT)).located_id()
    });
    comes_to(&server, id, "paid", "reserved");
    assert_eq!(total(&server, "pay", "pays"), 1, "what was held in vain was let go");
}
