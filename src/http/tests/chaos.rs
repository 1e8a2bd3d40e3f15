//! The levers through the operator's listener: what each answers, its bounds, and that it stands in the log.

use std::time::Duration;

use serde_json::{Value, json};

use super::house::{Ask, House, PRODUCT};
use crate::domain::{Aggregate as _, Stream};
use crate::journal::{HISTORY, Note, Parked};
use crate::systems::oa_rental::product::Product;

impl House {
    /// Pulls a lever that must be pulled, and returns what it answers.
    async fn pulled(&self, lever: &str, body: &Value) -> Value {
        let pulled = self.operate(Ask::post(lever, &body.to_string())).await;
        assert!([200, 201].contains(&pulled.status), "{lever} {body}: {pulled:?}");
        pulled.json()
    }

    fn group_of_now(&self) -> u64 {
        self.edge.journal.figures().engine.group
    }

    async fn register(&self) -> u16 {
        self.send(PRODUCT, Ask::post("/products", r#"{"name":"desk","qty":1}"#)).await.status
    }
}

#[tokio::test(start_paused = true)]
async fn every_part_is_killed_by_its_own_name_or_its_sort() {
    let house = House::with_a_computer().await;
    for (target, what, expected) in [
        ("oa-rental/product/product/1", None, "oa-rental/product/product/1"),
        ("oa-rental/delivery/policies", None, "oa-rental/delivery/policies"),
        ("oa-rental/information/myOrder@1", None, "oa-rental/information/myOrder@1"),
        ("oa-rental/product/product/shard/0", None, "oa-rental/product/product/shard/0"),
        ("oa-rental/product/supervisor", None, "oa-rental/product/supervisor"),
        ("journal/committer", None, "journal/committer"),
        ("oa-rental/rental", Some("policies"), "oa-rental/rental/policies"),
        ("*/information", Some("views"), "oa-rental/information/myOrder@1"),
        ("*", Some("committer"), "journal/committer"),
    ] {
        house.quiet().await;
        assert_eq!(house.send(PRODUCT, Ask::new("PATCH", "/products/1").json(r#"{"qty":7}"#)).await.status, 200);
        house.quiet().await;
        let wish = what.map_or(json!({ "target": target }), |what| json!({ "target": target, "what": [what] }));
        assert_eq!(house.pulled("/chaos/kill", &wish).await["killed"], json!([expected]), "{wish}");
    }
    let nobody = house.pulled("/chaos/kill", &json!({ "target": "journal/writer", "seed": 7 })).await;
    assert_eq!(nobody, json!({ "killed": [], "seed": 7 }), "a storage in memory has no threads");
    assert_eq!(house.register().await, 201);
}

#[tokio::test(start_paused = true)]
async fn so_many_of_a_kind_are_killed_and_a_seed_chooses_them() {
    let chosen = async |seed: u64| {
        let house = House::start().await;
        for _ in 0..20 {
            assert_eq!(house.register().await, 201);
        }
        house.quiet().await;
        let wish = json!({ "target": "oa-rental/product/product", "count": 5, "seed": seed });
        house.pulled("/chaos/kill", &wish).await["killed"].clone()
    };
    let first = chosen(1).await;
    assert_eq!(first.as_array().map(Vec::len), Some(5));
    assert_eq!(first, chosen(1).await);
    assert_ne!(first, chosen(2).await);
}

#[tokio::test(start_paused = true)]
async fn a_panic_waits_for_a_followers_next_fact_and_sets_nothing_aside() {
    let house = House::with_a_computer().await;
    house.quiet().await;
    for (target, at, follower) in [
        ("oa-rental/delivery", "react", "oa-rental/delivery/policies"),
        ("oa-rental/delivery/policies", "react", "oa-rental/delivery/policies"),
        ("oa-rental/information/myOrder", "apply", "oa-rental/information/myOrder@1"),
        ("oa-rental/information/myOrder@1", "apply", "oa-rental/information/myOrder@1"),
    ] {
        let told = house.pulled("/chaos/panic", &json!({ "target": target, "at": at })).await;
        assert_eq!(told, json!({ "target": follower, "at": at, "times": 1 }), "{target}");
        let rented = r#"{"productId":1,"qty":1,"status":"ORDERED"}"#;
        assert_eq!(house.send(super::house::RENTAL, Ask::post("/rentals", rented)).await.status, 201);
        house.quiet().await;
    }
    assert_eq!(house.operate(Ask::get("/admin/parked")).await.json()["parked"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_panic_waits_for_whoever_of_a_kind_decides_next_until_it_is_taken_back() {
    let house = House::with_a_computer().await;
    house.quiet().await;
    let change = async || house.send(PRODUCT, Ask::new("PATCH", "/products/1").json(r#"{"qty":7}"#)).await.status;
    let restarts = || house.edge.runtime.actor(Stream::new(Product::KIND, 1)).map(|actor| actor.restarts);
    let told =
        house.pulled("/chaos/panic", &json!({ "target": "oa-rental/product", "at": "evolve", "count": 2 })).await;
    assert_eq!(told, json!({ "target": "oa-rental/product", "at": "evolve", "times": 2 }));
    assert_eq!((change().await, restarts()), (200, Some(2)), "asked again until it was decided");
    assert_eq!(house.operate(Ask::get("/chaos/panic")).await.json(), json!({ "panics": [] }));

    house.pulled("/chaos/panic", &json!({ "target": "*", "at": "decide", "count": 5 })).await;
    let waiting = json!({ "panics": [{ "target": "*", "at": "decide", "left": 5 }] });
    assert_eq!(house.operate(Ask::get("/chaos/panic")).await.json(), waiting);
    assert_eq!(house.operate(Ask::new("DELETE", "/chaos/panic")).await.json(), waiting);
    assert_eq!((change().await, restarts()), (200, Some(2)), "nobody panicked");
}

#[tokio::test(start_paused = true)]
async fn the_disk_stalls_for_a_while_and_is_mended() {
    let house = House::with_a_computer().await;
    house.quiet().await;
    assert_eq!(house.operate(Ask::get("/chaos/disk")).await.json(), json!({ "fault": null }));
    assert_eq!(house.operate(Ask::new("DELETE", "/chaos/disk")).await.status, 404);
    let stalled = house.pulled("/chaos/disk", &json!({ "stall": "250ms", "for": "60s", "reason": "slow" })).await;
    let expected = json!({
        "fault": { "stallSeconds": 0.25 }, "remainingSeconds": 60.0, "writes": 0,
        "then": "every write takes so much longer",
    });
    assert_eq!(stalled, expected);
    let (told, took_ms) = house.timed(PRODUCT, Ask::new("PATCH", "/products/1").json(r#"{"qty":7}"#)).await;
    assert_eq!((told.status, took_ms >= 250), (200, true), "{took_ms}");
    assert!(house.operate(Ask::get("/chaos/disk")).await.json()["writes"].as_u64() >= Some(1));
    assert_eq!(house.operate(Ask::new("DELETE", "/chaos/disk")).await.status, 200);
    assert_eq!(house.timed(PRODUCT, Ask::new("PATCH", "/products/1").json(r#"{"qty":8}"#)).await.1, 0);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_fails_says_so_and_ends_writes_but_no_reads() {
    for fail in ["write", "sync"] {
        let house = House::with_a_computer().await;
        house.quiet().await;
        let told = house.pulled("/chaos/disk", &json!({ "fail": fail, "for": "60s" })).await;
        assert_eq!(told["fault"], json!({ "fail": fail }));
        assert!(
            told["then"].as_str().is_some_and(|then| then.contains("until the process is started again")),
            "{told}"
        );
        assert_eq!(house.register().await, 504, "its outcome is unknown");
        assert_eq!(house.register().await, 503);
        assert_eq!(house.send(PRODUCT, Ask::get("/products/1")).await.status, 200);
        assert_eq!(house.operate(Ask::get("/readyz")).await.status, 503);
        assert_eq!(
            house.operate(Ask::post("/chaos/kill", r#"{"target":"*"}"#)).await.status,
            503,
            "what cannot be noted is not done"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_monkey_is_let_loose_looked_at_and_called_back() {
    let house = House::with_a_computer().await;
    house.quiet().await;
    for method in ["GET", "DELETE"] {
        assert_eq!(house.operate(Ask::new(method, "/chaos/monkey")).await.status, 404, "there never was one");
    }
    let wish =
        json!({ "rate": "20/s", "for": "60s", "seed": 42, "target": "oa-rental", "what": ["policies", "views"] });
    let loose = house.pulled("/chaos/monkey", &wish).await;
    let expected = json!({
        "rate": "20/s", "forSeconds": 60.0, "seed": 42, "target": "oa-rental", "what": ["policies", "views"],
        "killed": {}, "total": 0, "rounds": 0, "unwritten": 0, "ranSeconds": 0.0, "ended": null,
    });
    assert_eq!(loose, expected);
    let second = house.operate(Ask::post("/chaos/monkey", &wish.to_string())).await;
    assert_eq!((second.status, &second.json()["reason"]), (409, &json!("one-monkey")));
    tokio::time::sleep(Duration::from_millis(1_001)).await;
    let seen = house.operate(Ask::get("/chaos/monkey")).await.json();
    assert_eq!((&seen["total"], &seen["ended"]), (&json!(20), &Value::Null), "{seen}");
    let stopped = house.operate(Ask::new("DELETE", "/chaos/monkey").json(r#"{"reason":"enough"}"#)).await.json();
    assert_eq!((&stopped["ended"], &stopped["total"]), (&json!("stopped"), &json!(20)));
    house.pulled("/chaos/monkey", &json!({ "rate": "1/s", "for": "1s" })).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let over = house.operate(Ask::get("/chaos/monkey")).await.json();
    assert_eq!((&over["ended"], &over["what"]), (&json!("time is up"), &json!(["aggregates"])));
    let other = house.operate(Ask::new("PUT", "/chaos/monkey")).await;
    assert_eq!((other.status, other.header("allow")), (405, Some("GET,HEAD,POST,DELETE,OPTIONS")));
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_sense_is_refused_and_stands_not_in_the_log() {
    let house = House::with_a_computer().await;
    house.quiet().await;
    let before = house.group_of_now();
    for (lever, body, status) in [
        ("kill", r#"{"target":"*","what":["everything"]}"#, 400),
        ("kill", r#"{"targets":"*"}"#, 400),
        ("panic", r#"{"target":"oa-rental/product","at":"react","count":0}"#, 400),
        ("panic", r#"{"target":"oa-rental/delivery","at":"react","count":101}"#, 400),
        ("panic", r#"{"target":"oa-rental/nosuch","at":"react"}"#, 404),
        ("panic", r#"{"target":"oa-rental/delivery","at":"apply"}"#, 404),
        ("panic", r#"{"at":"apply"}"#, 404),
        ("disk", r#"{"for":"1s"}"#, 400),
        ("disk", r#"{"stall":"1s"}"#, 400),
        ("disk", r#"{"stall":"11s","for":"1s"}"#, 400),
        ("disk", r#"{"stall":"soon","for":"1s"}"#, 400),
        ("disk", r#"{"stall":"1s","fail":"sync","for":"1s"}"#, 400),
        ("disk", r#"{"fail":"everything","for":"1s"}"#, 400),
        ("disk", r#"{"fail":"sync","for":"61m"}"#, 400),
        ("monkey", r#"{"for":"1s"}"#, 400),
        ("monkey", r#"{"rate":"10001/s","for":"1s"}"#, 400),
        ("monkey", r#"{"rate":"0/s","for":"1s"}"#, 400),
        ("monkey", r#"{"rate":"100","for":"1s"}"#, 400),
        ("monkey", r#"{"rate":"1/s"}"#, 400),
        ("monkey", r#"{"rate":"1/s","for":"61m"}"#, 400),
        ("monkey", r#"{"rate":"1/s","for":"1s","what":["writer"]}"#, 400),
        ("nosuch", "", 404),
    ] {
        let refused = house.operate(Ask::post(&format!("/chaos/{lever}"), body)).await;
        assert_eq!(refused.status, status, "{lever} {body}: {refused:?}");
    }
    assert_eq!(house.group_of_now(), before);
    let house = house.without_chaos();
    for lever in ["kill", "panic", "disk", "monkey"] {
        assert_eq!(house.operate(Ask::post(&format!("/chaos/{lever}"), "{}")).await.status, 403, "{lever}");
    }
    for lever in ["disk", "monkey"] {
        assert_eq!(house.operate(Ask::new("DELETE", &format!("/chaos/{lever}"))).await.status, 403, "{lever}");
    }
    assert_eq!(house.group_of_now(), before);
}

#[tokio::test(start_paused = true)]
async fn what_was_set_aside_is_listed_tried_again_and_given_up_with_a_reason() {
    const VIEW: &str = "oa-rental/information/myOrder";
    let house = House::with_a_computer().await;
    house.quiet().await;
    for id in 1..=2 {
        house.pulled("/chaos/panic", &json!({ "target": VIEW, "at": "apply", "count": 5 })).await;
        let rented = house.send(super::house::RENTAL, Ask::post("/rentals", r#"{"productId":1,"qty":1}"#)).await;
        assert_eq!(rented.status, 201);
        house.quiet().await;
        let row = house.send(super::house::INFORMATION, Ask::get(&format!("/myOrders/{id}"))).await;
        assert_eq!(row.status, 404, "it waits");
    }
    let list =
        async || house.operate(Ask::get("/admin/parked")).await.json()["parked"].as_array().cloned().expect("a list");
    let parked = list().await;
    let id = |row: u64| {
        let stream = format!("{VIEW}/{row}");
        let first = parked.iter().find(|item| item["stream"] == *stream).expect("it waits");
        assert_eq!(first["id"], format!("{VIEW}@1/{}", first["position"]));
        first["id"].as_str().expect("an id").to_owned()
    };
    let (first, second) = (id(1), id(2));
    let before = house.group_of_now();
    for (path, status) in [
        (format!("/admin/parked/{VIEW}@1/999/retry"), 404),
        (format!("/admin/parked/{VIEW}@1/x/retry"), 404),
        ("/admin/parked/oa-rental/nosuch/policies/1/skip".to_owned(), 404),
        (format!("/admin/parked/{first}/forget"), 404),
    ] {
        assert_eq!(house.operate(Ask::post(&path, "{}")).await.status, status, "{path}");
    }
    house.edge.runtime.services().set("oa-rental", "information", false);
    let stopped = house.operate(Ask::post(&format!("/admin/parked/{first}/retry"), "{}")).await;
    assert_eq!((stopped.status, &stopped.json()["reason"]), (503, &json!("service-stopped")));
    house.edge.runtime.services().set("oa-rental", "information", true);
    assert_eq!(house.group_of_now(), before);

    let of_first = parked.iter().filter(|item| item["stream"] == *format!("{VIEW}/1")).count();
    let written = house.pulled(&format!("/admin/parked/{first}/retry"), &json!({ "reason": "mended" })).await;
    assert_eq!(written, json!({ "written": of_first }));
    assert_eq!(house.send(super::house::INFORMATION, Ask::get("/myOrders/1")).await.status, 200);
    let escaped = second.replace('/', "%2F");
    let skipped = house.pulled(&format!("/admin/parked/{escaped}/skip"), &json!({ "reason": "obsolete" })).await;
    assert_eq!(skipped, json!({ "skipped": second }));
    assert!(list().await.is_empty());
    assert_eq!(house.operate(Ask::post(&format!("/admin/parked/{second}/retry"), "{}")).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn who_would_have_a_history_go_on_without_a_fact_is_told_what_to_do() {
    let house = House::with_a_computer().await;
    house.quiet().await;
    let (stream, cause) = ("oa-rental/product/product/1".to_owned(), "readable up to version 0".to_owned());
    let parked = Parked { follower: HISTORY.to_owned(), stream, position: 1, cause, time_ms: 1_000 };
    assert!(house.edge.journal.note(Note::Parked(parked)).await.is_some());
    for action in ["retry", "skip"] {
        let refused = house.operate(Ask::post(&format!("/admin/parked/{HISTORY}/1/{action}"), "{}")).await;
        assert_eq!(
            (refused.status, refused.json()["reason"].as_str()),
            (409, Some("history-unreadable")),
            "{refused:?}"
        );
    }
}
