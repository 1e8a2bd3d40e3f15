//! Faults through the operator's listener, and what clients see of them.

use std::time::Duration;

use serde_json::json;

use super::house::{Ask, DELIVERY, GATEWAY, House, INFORMATION, PRODUCT, RENTAL, Told};
use crate::http::Face;
use crate::resilience::faults::FAULTS_MAX;

const FAULTS: &str = "/admin/faults";

impl House {
    /// Injects a fault, and returns its address.
    pub(super) async fn inject(&self, body: &str) -> String {
        let injected = self.operate(Ask::post(FAULTS, body)).await;
        assert_eq!(injected.status, 201, "{injected:?}");
        injected.header("location").expect("an address").to_owned()
    }

    async fn remove(&self, address: &str) -> Told {
        self.operate(Ask::new("DELETE", address).json(r#"{"reason":"enough"}"#)).await
    }

    /// Sends a request, and returns its answer and how long it took in milliseconds.
    pub(super) async fn timed(&self, face: Face, ask: Ask) -> (Told, u128) {
        let began = self.edge.clock.now();
        let told = self.send(face, ask).await;
        (told, (self.edge.clock.now() - began).as_millis())
    }

    fn group(&self) -> u64 {
        self.edge.journal.figures().engine.group
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_is_injected_shown_with_what_it_has_done_and_removed_and_stands_in_the_log() {
    let house = House::with_a_computer().await;
    house.quiet().await;
    let before = house.group();
    let body = r#"{"target":"oa-rental/product","latency":"400ms..620ms","errors":0.25,"hangs":0.0,"for":"60s","seed":42,
        "reason":"experiment 7"}"#;
    let injected = house.operate(Ask::post(FAULTS, body)).await;
    assert_eq!((injected.status, injected.header("location")), (201, Some("/admin/faults/1")));
    assert_eq!(house.group(), before + 1, "the audit");
    let fresh = json!({
        "id": 1, "target": "oa-rental/product", "latency": "400ms..620ms", "errors": 0.25, "hangs": 0.0, "seed": 42,
        "reason": "experiment 7", "remainingSeconds": 60.0, "calls": 0, "delayed": 0, "failed": 0, "hung": 0,
    });
    assert_eq!(injected.json(), fresh);

    let mut failed = 0;
    for _ in 0..20 {
        let (told, took_ms) = house.timed(PRODUCT, Ask::get("/products/1")).await;
        assert!((400..=620).contains(&took_ms), "{took_ms}");
        failed += u64::from(told.status == 503);
    }
    assert!(failed > 0);
    let shown = house.operate(Ask::get("/admin/faults/1")).await.json();
    assert_eq!((&shown["calls"], &shown["delayed"], &shown["failed"]), (&json!(20), &json!(20), &json!(failed)));
    assert!((40.0..52.0).contains(&shown["remainingSeconds"].as_f64().expect("seconds")), "{shown}");
    let listed = house.operate(Ask::get(FAULTS)).await.json();
    assert_eq!(listed["page"], json!({ "number": 0, "size": 100, "totalElements": 1 }));
    assert_eq!(listed["faults"][0]["calls"], 20);

    let removed = house.remove("/admin/faults/1").await;
    assert_eq!((removed.status, &removed.json()["failed"]), (200, &json!(failed)));
    assert_eq!(house.group(), before + 2, "the audit");
    assert_eq!(house.timed(PRODUCT, Ask::get("/products/1")).await.1, 0);
    for method in ["GET", "DELETE"] {
        assert_eq!(house.operate(Ask::new(method, "/admin/faults/1")).await.status, 404);
    }
    let other = house.operate(Ask::new("PUT", "/admin/faults/1")).await;
    assert_eq!((other.status, other.header("allow")), (405, Some("GET,HEAD,DELETE,OPTIONS")));
    assert_eq!(house.group(), before + 2, "what was not done does not stand in the log");
}

#[tokio::test(start_paused = true)]
async fn every_way_to_read_a_service_meets_its_faults_and_no_other_service_does() {
    let house = House::with_a_computer().await;
    house.quiet().await;
    for (target, face, path) in [
        ("oa-rental/product", PRODUCT, "/products"),
        ("oa-rental/product", GATEWAY, "/products"),
        ("oa-rental/product/product", PRODUCT, "/products/1"),
        ("*", PRODUCT, "/products/1?at=1"),
        ("oa-rental", PRODUCT, "/products/1/history"),
        ("oa-rental/*/product", RENTAL, "/products/1"),
        ("oa-rental/information", INFORMATION, "/myOrders"),
    ] {
        let fault = house.inject(&format!(r#"{{"target":"{target}","latency":"250ms","for":"60s"}}"#)).await;
        for method in ["GET", "HEAD"] {
            let (told, took_ms) = house.timed(face, Ask::new(method, path)).await;
            assert_eq!((told.status, took_ms), (200, 250), "{target} {method} {path}");
        }
        assert_eq!(house.timed(face, Ask::new("OPTIONS", path)).await.1, 0, "{path}");
        assert_eq!(house.remove(&fault).await.status, 200);
    }
    house.inject(r#"{"target":"oa-rental/product","latency":"250ms","for":"60s"}"#).await;
    for (face, path) in [(DELIVERY, "/products/1"), (RENTAL, "/products/1"), (PRODUCT, "/actuator/health")] {
        let (told, took_ms) = house.timed(face, Ask::get(path)).await;
        assert_eq!((told.status, took_ms), (200, 0), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_call_is_told_to_come_back_and_a_hung_one_ends_at_its_deadline() {
    let house = House::with_a_computer().await;
    let asks = || [Ask::get("/products/1"), Ask::post("/products", r#"{"name":"desk","qty":1}"#)];
    let errors = house.inject(r#"{"target":"oa-rental/product","errors":1,"for":"60s"}"#).await;
    for ask in asks() {
        let failed = house.send(PRODUCT, ask).await;
        assert_eq!((failed.status, failed.header("retry-after")), (503, Some("1")), "{failed:?}");
        assert_eq!(failed.json()["reason"], "fault-injected");
    }
    house.remove(&errors).await;
    let hangs = house.inject(r#"{"target":"oa-rental/product","hangs":1,"for":"60s"}"#).await;
    // Of a command that hangs nobody knows whether it is done.
    for (ask, reason) in asks().into_iter().zip(["deadline-exceeded", "answer-overdue"]) {
        let (hung, took_ms) = house.timed(PRODUCT, ask.within(Duration::from_secs(1))).await;
        assert_eq!((hung.status, took_ms), (504, 1_000), "{hung:?}");
        assert_eq!(hung.json()["reason"], reason);
    }
    house.remove(&hangs).await;
    assert_eq!(house.send(PRODUCT, Ask::get("/products/2")).await.status, 404, "neither of them was done");
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_makes_no_sense_is_refused_by_its_field_and_not_done() {
    let house = House::with_a_computer().await;
    house.quiet().await;
    let before = house.group();
    for (body, field) in [
        (r#"{"for":"60s","errors":1}"#, "target"),
        (r#"{"target":7,"for":"60s","errors":1}"#, "target"),
        (r#"{"target":"","for":"60s","errors":1}"#, "target"),
        (r#"{"target":"oa-rental/nosuch","for":"60s","errors":1}"#, "target"),
        (r#"{"target":"oa-rental/product/product/1","for":"60s","errors":1}"#, "target"),
        (r#"{"target":"*","errors":1}"#, "for"),
        (r#"{"target":"*","for":60,"errors":1}"#, "for"),
        (r#"{"target":"*","for":"a minute","errors":1}"#, "for"),
        (r#"{"target":"*","for":"0s","errors":1}"#, "for"),
        (r#"{"target":"*","for":"61m","errors":1}"#, "for"),
        (r#"{"target":"*","for":"60s","latency":250}"#, "latency"),
        (r#"{"target":"*","for":"60s","latency":"620ms..400ms"}"#, "latency"),
        (r#"{"target":"*","for":"60s","latency":"2m"}"#, "latency"),
        (r#"{"target":"*","for":"60s"}"#, "latency, errors and hangs"),
        (r#"{"target":"*","for":"60s","errors":1.5}"#, "errors"),
        (r#"{"target":"*","for":"60s","errors":"all"}"#, "errors"),
        (r#"{"target":"*","for":"60s","hangs":-1}"#, "hangs"),
        (r#"{"target":"*","for":"60s","errors":0.6,"hangs":0.6}"#, "errors + hangs"),
        (r#"{"target":"*","for":"60s","errors":1,"seed":-1}"#, "seed"),
        (r#"{"target":"*","for":"60s","errors":1,"reason":7}"#, "reason"),
        (r#"{"target":"*","for":"60s","errors":1,"error":1}"#, "\"error\""),
        ("[]", ""),
        ("", ""),
        ("{", ""),
    ] {
        let refused = house.operate(Ask::post(FAULTS, body)).await;
        assert_eq!(refused.status, 400, "{body}");
        let told = refused.json();
        assert!(told["detail"].as_str().is_some_and(|detail| detail.starts_with(field)), "{body}: {told}");
    }
    assert_eq!(house.group(), before, "what was not done does not stand in the log");
    assert!(house.edge.runtime.faults().is_empty());
}

#[tokio::test(start_paused = true)]
async fn there_are_so_many_faults_at_most_listed_page_by_page_and_gone_when_they_are_over() {
    let house = House::start().await;
    let body = r#"{"target":"oa-rental/product","errors":0.5,"for":"10s"}"#;
    for _ in 0..FAULTS_MAX {
        house.inject(body).await;
    }
    let before = house.group();
    let refused = house.operate(Ask::post(FAULTS, body)).await;
    assert_eq!((refused.status, &refused.json()["reason"]), (409, &json!("room-for-faults")));
    assert_eq!(house.group(), before);
    let list = async |query: &str| house.operate(Ask::get(&format!("{FAULTS}?{query}"))).await.json();
    let page = list("page=6&size=10").await;
    let ids: Vec<_> = page["faults"].as_array().expect("a list").iter().map(|fault| fault["id"].as_u64()).collect();
    assert_eq!(ids, [61, 62, 63, 64].map(Some));
    assert_eq!(page["page"], json!({ "number": 6, "size": 10, "totalElements": 64 }));
    assert_eq!(list("page=18446744073709551615&size=1000").await["faults"], json!([]));
    let all = list("").await;
    let seeds: Vec<_> = all["faults"].as_array().expect("a list").iter().map(|fault| &fault["seed"]).collect();
    assert!(seeds.windows(2).all(|pair| pair[0] != pair[1]), "a seed of its own each");

    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(list("").await["page"]["totalElements"], 0);
    assert!(house.edge.runtime.faults().is_empty());
    house.inject(body).await;
}

#[tokio::test(start_paused = true)]
async fn without_leave_for_chaos_there_is_none() {
    let house = House::with_a_computer().await.without_chaos();
    house.quiet().await;
    let before = house.group();
    for ask in [
        Ask::post(FAULTS, r#"{"target":"*","errors":1,"for":"60s"}"#),
        Ask::new("DELETE", "/admin/faults/1"),
        Ask::post("/chaos/kill", ""),
        Ask::post("/chaos/panic", r#"{"target":"oa-rental/product/product/1"}"#),
    ] {
        let refused = house.operate(ask).await;
        assert_eq!(refused.status, 403, "{refused:?}");
    }
    assert_eq!(house.group(), before);
    assert_eq!(house.operate(Ask::get(FAULTS)).await.json()["faults"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_cannot_be_written_into_the_log_is_not_injected() {
    let house = House::start().await;
    house.edge.journal.clone().close().await;
    let refused = house.operate(Ask::post(FAULTS, r#"{"target":"*","errors":1,"for":"60s"}"#)).await;
    assert_eq!((refused.status, &refused.json()["reason"]), (503, &json!("storage-unavailable")));
    assert!(house.edge.runtime.faults().is_empty());
}
