//! Circuit breakers and bulkheads through the operator's listener and the actuator's.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::advance;

use super::house::{Ask, DELIVERY, GATEWAY, House, PRODUCT, RENTAL, TOKEN, Told};
use crate::http::Face;
use crate::resilience::{BulkheadLimits, Deadline, Partition};

const PRODUCTS: &str = "oa-rental/product/product";
const ADMIN: &str = "/admin/breakers/oa-rental/product/product";
const ACTUATOR: &str = "/actuator/circuitbreakers/oa-rental/product/product";
const FORCE_OPEN: &str = r#"{"updateState":"FORCE_OPEN"}"#;
const SECOND: Duration = Duration::from_secs(1);

impl House {
    /// Puts the breaker of products into a state.
    async fn steer(&self, body: &str) -> Told {
        self.operate(Ask::post(ADMIN, body)).await
    }

    /// Shows the breaker of products.
    async fn breaker(&self) -> Value {
        self.operate(Ask::get(ADMIN)).await.json()
    }

    /// Has every call to products fail until their breaker opens.
    async fn trip(&self) {
        let fault = self.inject(r#"{"target":"oa-rental/product","errors":1,"for":"60s"}"#).await;
        while self.breaker().await["state"] == "CLOSED" {
            assert_eq!(self.send(PRODUCT, desk()).await.status, 503);
        }
        assert_eq!(self.operate(Ask::new("DELETE", &fault)).await.status, 200);
    }

    async fn read(&self, face: Face, path: &str) -> Value {
        let told = self.send(face, Ask::get(path)).await;
        assert_eq!(told.status, 200, "{path}: {told:?}");
        told.json()
    }

    fn groups(&self) -> u64 {
        self.edge.journal.figures().engine.group
    }
}

fn desk() -> Ask {
    Ask::post("/products", r#"{"name":"desk","qty":1}"#)
}

fn proven(ask: Ask) -> Ask {
    ask.with("authorization", &format!("Bearer {TOKEN}"))
}

fn names(map: &Value) -> Vec<&str> {
    map.as_object().expect("a map").keys().map(String::as_str).collect()
}

#[tokio::test(start_paused = true)]
async fn every_breaker_is_listed_with_what_it_counted_and_its_bulkheads() {
    let house = House::with_a_computer().await;
    house.quiet().await;
    let list = house.operate(Ask::get("/admin/breakers")).await.json();
    let listed = list["breakers"].as_array().expect("a list");
    let names: Vec<_> = listed.iter().map(|breaker| breaker["name"].as_str().expect("a name")).collect();
    assert!(names.is_sorted() && names.contains(&PRODUCTS), "{names:?}");
    assert!(names.contains(&"oa-rental/rental/rental/asks/delivery/delivery"), "{names:?}");
    assert_eq!(list["page"]["totalElements"], names.len());
    let partition = |limit, queue| json!({ "runningMax": limit, "queueMax": queue, "waitMaxSeconds": 1.0, "running": 0, "queued": 0 });
    let expected = json!({
        "name": PRODUCTS, "state": "CLOSED", "since": "2023-11-14T22:13:20Z",
        "window": { "calls": 1, "failed": 0, "slow": 0, "slowFailed": 0 },
        "totals": {
            "successes": 1, "failures": 0, "overloads": 0, "ignored": 0, "cancelled": 0, "notExecuted": 0, "slow": 0,
            "rejected": 0, "stale": 0,
        },
        "bulkheads": {
            "edge": partition(1_024, 4_096), "policies": partition(256, 1_024), "asks": partition(256, 1_024),
            "reads": partition(1_024, 4_096),
        },
    });
    assert_eq!(house.breaker().await, expected, "no rate of one call, nobody forced it");
    let one = house.operate(Ask::get("/admin/breakers?page=1&size=1")).await.json();
    assert_eq!((&one["breakers"][0]["name"], &one["page"]["number"]), (&json!(names[1]), &json!(1)));
    let escaped = house.operate(Ask::get("/admin/breakers/oa-rental%2Fproduct%2fproduct")).await.json();
    assert_eq!(escaped, expected);
    assert_eq!(house.operate(Ask::get("/admin/breakers/oa-rental/product")).await.status, 404);
    assert_eq!(house.operate(Ask::new("DELETE", ADMIN)).await.status, 405);
}

// Case 23.
#[tokio::test(start_paused = true)]
async fn a_forced_state_stands_in_the_log_is_shown_with_who_and_why_and_ends_by_itself() {
    let house = House::with_a_computer().await;
    house.quiet().await;
    let before = house.groups();
    let told = house.steer(r#"{"state":"FORCED_OPEN","for":"30s","reason":"the supplier is gone"}"#).await;
    assert_eq!((told.status, house.groups()), (200, before + 1));
    let shown = told.json();
    assert_eq!((&shown["state"], &shown["until"]), (&json!("FORCED_OPEN"), &json!("2023-11-14T22:13:50Z")));
    assert_eq!(shown["forced"], json!({ "by": null, "reason": "the supplier is gone" }));
    let refused = house.send(GATEWAY, desk()).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("30")));
    assert_eq!(refused.json()["reason"], "breaker-open");
    assert_eq!(house.breaker().await["totals"]["rejected"], 1);

    advance(30 * SECOND).await;
    let over = house.breaker().await;
    assert_eq!((&over["state"], over.get("until"), over.get("forced")), (&json!("HALF_OPEN"), None, None));
    assert_eq!(house.send(PRODUCT, desk()).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn every_mode_can_be_forced_over_another_and_closed_gives_the_decision_back() {
    let house = House::start().await;
    for mode in ["FORCED_OPEN", "FORCED_CLOSED", "DISABLED", "METRICS_ONLY"] {
        let told = house.steer(&format!(r#"{{"state":"{mode}","for":"24h","reason":"{mode}"}}"#)).await;
        let shown = told.json();
        assert_eq!((told.status, &shown["state"], &shown["forced"]["reason"]), (200, &json!(mode), &json!(mode)));
        assert_eq!(shown["until"], "2023-11-15T22:13:20Z", "{mode}");
        let passes = house.send(PRODUCT, desk()).await.status == 201;
        assert_eq!(passes, mode != "FORCED_OPEN", "{mode}");
    }
    for body in [r#"{"state":"CLOSED"}"#, r#"{"state":"CLOSED","for":"1s","reason":"enough"}"#] {
        let shown = house.steer(body).await.json();
        assert_eq!((&shown["state"], shown.get("forced"), shown.get("until")), (&json!("CLOSED"), None, None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_wish_that_makes_no_sense_is_refused_by_its_field_and_stands_nowhere() {
    let house = House::start().await;
    let before = house.groups();
    for (body, field) in [
        (r#"{"state":"OPEN","for":"30s"}"#, "state"),
        (r#"{"state":"closed"}"#, "state"),
        (r#"{"for":"30s"}"#, "missing field `state`"),
        (r#"{"state":"FORCED_OPEN"}"#, "for"),
        (r#"{"state":"FORCED_OPEN","for":"0s"}"#, "for"),
        (r#"{"state":"FORCED_OPEN","for":"25h"}"#, "for"),
        (r#"{"state":"FORCED_OPEN","for":"a while"}"#, "for"),
        (r#"{"state":"CLOSED","for":"a while"}"#, "for"),
        (r#"{"state":"CLOSED","why":"x"}"#, "unknown field `why`"),
        ("", ""),
    ] {
        let refused = house.steer(body).await;
        assert_eq!(refused.status, 400, "{body}");
        let told = refused.json();
        assert!(told["detail"].as_str().is_some_and(|detail| detail.starts_with(field)), "{body}: {told}");
    }
    let unknown = house.operate(Ask::post("/admin/breakers/nosuch", r#"{"state":"CLOSED"}"#)).await;
    assert_eq!((unknown.status, house.groups()), (404, before));
    house.edge.journal.clone().close().await;
    let refused = house.steer(r#"{"state":"FORCED_OPEN","for":"30s"}"#).await;
    assert_eq!((refused.status, &refused.json()["reason"]), (503, &json!("storage-unavailable")));
    assert_eq!(house.breaker().await["state"], "CLOSED");
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_opened_says_since_and_until_when_and_at_which_rate_it_would_again() {
    let house = House::start().await;
    house.trip().await;
    let open = house.breaker().await;
    assert_eq!((&open["state"], &open["totals"]["failures"]), (&json!("OPEN"), &json!(20)));
    assert!(open["until"].is_string() && open.get("forced").is_none(), "{open}");
    let blocked = house.send(GATEWAY, desk()).await;
    assert_eq!((blocked.status, &blocked.json()["reason"]), (503, &json!("breaker-open")));
    advance(5 * SECOND).await;
    assert!(house.breaker().await.get("until").is_none(), "the next call tries");
    for _ in 0..3 {
        assert_eq!(house.send(PRODUCT, desk()).await.status, 201);
    }
    for _ in 0..20 {
        assert_eq!(house.send(PRODUCT, desk()).await.status, 201);
    }
    let closed = house.breaker().await;
    assert_eq!(
        (&closed["state"], &closed["failureRate"], &closed["slowRate"]),
        (&json!("CLOSED"), &json!(0.0), &json!(0.0))
    );
}

#[tokio::test(start_paused = true)]
async fn the_actuator_shows_breakers_in_the_map_of_resilience4j_each_listener_its_own() {
    let house = House::start().await;
    let fresh = r#"{"failureRate":"-1.0%","slowCallRate":"-1.0%","failureRateThreshold":"50.0%","slowCallRateThreshold":"80.0%","bufferedCalls":0,"failedCalls":0,"slowCalls":0,"slowFailedCalls":0,"notPermittedCalls":0,"state":"CLOSED"}"#;
    let told = house.send(PRODUCT, Ask::get("/actuator/circuitbreakers")).await;
    assert_eq!(told.body, format!(r#"{{"circuitBreakers":{{"{PRODUCTS}":{fresh}}}}}"#), "byte for byte");
    assert_eq!(told.header("content-type"), Some("application/vnd.spring-boot.actuator.v2+json;charset=UTF-8"));
    let all = house.read(GATEWAY, "/actuator/circuitbreakers").await;
    let rental = house.read(RENTAL, "/actuator/circuitbreakers").await;
    let its = |name: &&str| name.starts_with("oa-rental/rental/");
    assert_eq!(
        names(&rental["circuitBreakers"]),
        names(&all["circuitBreakers"]).into_iter().filter(its).collect::<Vec<_>>()
    );
    assert_eq!(house.read(Face::All, "/actuator/circuitbreakers").await, all, "the process has no other system");
    assert_eq!(house.read(Face::All, "/oa-rental/services/rental/actuator/circuitbreakers").await, rental);
    house.trip().await;
    let open = house.read(PRODUCT, "/actuator/circuitbreakers").await;
    assert_eq!(open["circuitBreakers"][PRODUCTS]["state"], "OPEN");
}

#[tokio::test(start_paused = true)]
async fn the_actuator_changes_a_state_for_who_has_the_operators_token_and_writes_it_into_the_log() {
    let house = House::start().await;
    let before = house.groups();
    for (ask, status) in [
        (Ask::post(ACTUATOR, FORCE_OPEN), 401),
        (Ask::post(ACTUATOR, FORCE_OPEN).with("authorization", "Bearer guess"), 401),
        (Ask::post("/actuator/circuitbreakers/nosuch", FORCE_OPEN), 401),
        (proven(Ask::post("/actuator/circuitbreakers/nosuch", FORCE_OPEN)), 404),
        (proven(Ask::post("/actuator/circuitbreakers/oa-rental/rental/rental", FORCE_OPEN)), 404),
        (proven(Ask::post(ACTUATOR, r#"{"updateState":"OPEN"}"#)), 400),
        (proven(Ask::post(ACTUATOR, "")), 400),
        (proven(Ask::post(ACTUATOR, FORCE_OPEN)).with("accept", "text/html"), 406),
        (proven(Ask::post("/actuator/circuitbreakers", FORCE_OPEN)), 405),
        (Ask::get(ACTUATOR), 405),
    ] {
        assert_eq!(house.send(PRODUCT, ask).await.status, status);
    }
    assert_eq!((house.breaker().await["state"].as_str(), house.groups()), (Some("CLOSED"), before));
    let escaped = "/actuator/circuitbreakers/oa-rental%2Fproduct%2Fproduct";
    for (face, path, update, state) in [
        (PRODUCT, ACTUATOR, "FORCE_OPEN", "FORCED_OPEN"),
        (GATEWAY, escaped, "DISABLE", "DISABLED"),
        (Face::All, ACTUATOR, "CLOSE", "CLOSED"),
    ] {
        let before = house.groups();
        let body = format!(r#"{{"updateState":"{update}","reason":"drill"}}"#);
        let told = house.send(face, proven(Ask::post(path, &body))).await;
        let message = format!("{PRODUCTS} state has been changed successfully");
        let expected = json!({ "circuitBreakerName": PRODUCTS, "currentState": state, "message": message });
        assert_eq!((told.status, told.json(), house.groups()), (200, expected, before + 1));
        let shown = house.breaker().await;
        assert_eq!(shown["state"], state);
        assert_eq!(shown["forced"]["reason"].as_str(), (update != "CLOSE").then_some("drill"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_happened_to_a_breaker_is_told_in_order_with_all_six_keys() {
    let house = House::start().await;
    house.trip().await;
    house.send(PRODUCT, desk()).await;
    advance(SECOND).await;
    house.send(PRODUCT, proven(Ask::post(ACTUATOR, r#"{"updateState":"DISABLE"}"#))).await;
    let of = async |path: &str| house.read(PRODUCT, &format!("/actuator/circuitbreakerevents{path}")).await;
    let all = of("").await;
    let events = all["circuitBreakerEvents"].as_array().expect("a list");
    let told: Vec<_> = events.iter().map(|event| (event["type"].as_str(), event["stateTransition"].as_str())).collect();
    let mut expected = vec![(Some("ERROR"), None); 20];
    expected.push((Some("STATE_TRANSITION"), Some("CLOSED_TO_OPEN")));
    expected.push((Some("STATE_TRANSITION"), Some("OPEN_TO_DISABLED")));
    let moved = |told: &(Option<&str>, Option<&str>)| told.0 != Some("NOT_PERMITTED");
    assert_eq!(told.iter().copied().filter(moved).collect::<Vec<_>>(), expected);
    assert_eq!(
        (&events[0], &events[told.len() - 2]["creationTime"]),
        (
            &json!({
                "circuitBreakerName": PRODUCTS, "type": "ERROR", "creationTime": "2023-11-14T22:13:19.000Z[UTC]",
                "errorMessage": null, "durationInMs": 0, "stateTransition": null,
            }),
            &json!("2023-11-14T22:13:19.000Z[UTC]"),
        )
    );
    assert_eq!(of("/oa-rental/product/product").await, all);
    assert_eq!(of("/oa-rental%2Fproduct%2Fproduct").await, all);
    let moves = of("/oa-rental/product/product/STATE_TRANSITION").await;
    assert_eq!(moves["circuitBreakerEvents"].as_array().map(Vec::len), Some(2));
    for unknown in ["/nosuch", "/oa-rental/product/product/SUCCESS", "/oa-rental/rental/rental"] {
        assert_eq!(of(unknown).await, json!({ "circuitBreakerEvents": [] }), "{unknown}");
    }
}

#[tokio::test(start_paused = true)]
async fn bulkheads_are_listed_and_tell_whom_they_turned_away() {
    let house = House::start().await;
    let bulkheads = house.read(PRODUCT, "/actuator/bulkheads").await;
    let named = |partition: &str| format!("{PRODUCTS}/{partition}");
    assert_eq!(bulkheads["bulkheads"], json!(["edge", "policies", "asks", "reads"].map(named)));
    let events = async |path: &str| house.read(PRODUCT, &format!("/actuator/bulkheadevents{path}")).await;
    assert_eq!(events("").await, json!({ "bulkheadEvents": [] }));

    let guard = house.edge.guard("", PRODUCTS).expect("a guard");
    let none = BulkheadLimits { running_max: 1, queue_max: 0, wait_max: SECOND };
    guard.bulkhead(Partition::Asks).resize(none).expect("sound limits");
    let deadline = Deadline::after(&house.edge.clock, SECOND);
    let _in_the_way = guard.bulkhead(Partition::Asks).acquire(deadline).await.expect("a slot");
    assert!(guard.bulkhead(Partition::Asks).acquire(deadline).await.is_err());
    let rejected = json!({ "bulkheadEvents": [{
        "bulkheadName": named("asks"), "type": "CALL_REJECTED", "creationTime": "2023-11-14T22:13:20.000Z[UTC]",
    }] });
    for path in ["", "/oa-rental/product/product/asks", "/oa-rental%2Fproduct%2Fproduct%2Fasks/call_rejected"] {
        assert_eq!(events(path).await, rejected, "{path}");
    }
    for path in ["/oa-rental/product/product/edge", "/oa-rental/product/product/asks/CALL_PERMITTED", "/nosuch"] {
        assert_eq!(events(path).await, json!({ "bulkheadEvents": [] }), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_policys_command_that_is_tried_again_is_told_as_a_retrys_events() {
    const COPIES: &str = "oa-rental/delivery/product";
    let house = House::start().await;
    let failing = format!(r#"{{"target":"{COPIES}","errors":1,"for":"60s","seed":1,"reason":"a test"}}"#);
    assert_eq!(house.operate(Ask::post("/admin/faults", &failing)).await.status, 201);
    assert_eq!(house.send(PRODUCT, Ask::post("/products", r#"{"name":"computer","qty":9}"#)).await.status, 201);
    let events =
        async |of: &str| house.read(DELIVERY, &format!("/actuator/retryevents{of}")).await["retryEvents"].clone();
    while events("/oa-rental/delivery/product/error").await == json!([]) {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let kept = events("").await;
    let told: Vec<_> = kept.as_array().expect("a list").iter().take(3).collect();
    let happened: Vec<_> =
        told.iter().map(|event| (event["type"].as_str(), event["numberOfAttempts"].as_u64())).collect();
    assert_eq!(happened, [(Some("RETRY"), Some(1)), (Some("RETRY"), Some(2)), (Some("ERROR"), Some(3))]);
    assert_eq!(told[0]["retryName"], COPIES);
    assert_eq!(events("/nosuch").await, json!([]));
}

#[tokio::test(start_paused = true)]
async fn every_endpoint_is_linked_and_those_without_anything_to_tell_are_empty() {
    let house = House::start().await;
    let retries = ["oa-rental/delivery/delivery", "oa-rental/delivery/product"];
    assert_eq!(house.read(DELIVERY, "/actuator/retries").await, json!({ "retries": retries }));
    for (path, key) in [
        ("retryevents", "retryEvents"),
        ("retryevents/a/b", "retryEvents"),
        ("ratelimiters", "rateLimiters"),
        ("ratelimiterevents", "rateLimiterEvents"),
        ("timelimiterevents", "timeLimiterEvents"),
    ] {
        assert_eq!(house.read(DELIVERY, &format!("/actuator/{path}")).await, json!({ key: [] }), "{path}");
    }
    assert_eq!(house.read(PRODUCT, "/actuator/timelimiters").await, json!({ "timeLimiters": [PRODUCTS] }));
    let index = house.read(PRODUCT, "/actuator").await;
    for (id, link) in index["_links"].as_object().expect("links") {
        let href = link["href"].as_str().expect("an address");
        assert_eq!(link["templated"], href.contains('{'), "{id}");
        let path = href.strip_prefix("http://localhost").expect("this listener");
        let path = path.replace("{name}", "a").replace("{eventType}", "b");
        let told = house.send(PRODUCT, Ask::get(&path)).await;
        assert_eq!(told.status, if id == "circuitbreakers-name" { 405 } else { 200 }, "{id}: {told:?}");
    }
    assert_eq!(house.send(PRODUCT, Ask::post("/actuator/bulkheads", "")).await.status, 405);
}
