//! What happened, in parts, within limits.

use std::time::Duration;

use serde_json::Value;

use super::house::{Ask, GATEWAY, House, PRODUCT, RENTAL};

async fn with_changes(count: u64) -> House {
    let house = House::with_a_computer().await;
    for qty in 0..count {
        let change = Ask::new("PATCH", "/products/1").json(&format!(r#"{{"qty":{}}}"#, 100 + qty));
        assert_eq!(house.send(PRODUCT, change.with("x-correlation-id", "story")).await.status, 200);
    }
    house.quiet().await;
    house
}

#[tokio::test(start_paused = true)]
async fn a_request_that_names_no_story_belongs_to_that_of_its_trace() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let house = House::with_a_computer().await;
    let story = async |ask: Ask| {
        let told = house.send(PRODUCT, ask).await;
        told.header("x-correlation-id").map(str::to_owned).expect("every answer has its story's id")
    };
    let traced = |version: &str, more: &str| {
        Ask::get("/products/1").with("traceparent", &format!("{version}-{TRACE}-00f067aa0ba902b7-01{more}"))
    };
    assert_eq!(story(traced("00", "")).await, TRACE);
    assert_eq!(story(traced("01", "-later")).await, TRACE);
    assert_eq!(story(traced("00", "").with("x-correlation-id", "own")).await, "own");
    for broken in [traced("00", "-more"), traced("ff", ""), traced("0", ""), traced("00", "0")] {
        assert_ne!(story(broken).await, TRACE);
    }
    for no_trace in ["", "00", &format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), &TRACE.to_uppercase()] {
        assert_eq!(story(Ask::get("/products/1").with("traceparent", no_trace)).await.len(), 32, "a new one");
    }
}

fn positions(told: &Value) -> Vec<u64> {
    let facts = told.as_array().expect("an array");
    facts.iter().map(|fact| fact["meta"]["position"].as_u64().expect("a position")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_history_and_a_story_go_on_after_any_position() {
    let house = with_changes(3).await;
    for (face, path, least) in [(PRODUCT, "/products/1/history", 4), (GATEWAY, "/correlations/story", 3)] {
        let whole = house.send(face, Ask::get(path)).await;
        assert_eq!((whole.status, whole.header("link")), (200, None), "{path}");
        let all = positions(&whole.json());
        assert!(all.len() >= least && all.is_sorted(), "{path}: {all:?}");
        for (told, after) in all.iter().enumerate() {
            let rest = house.send(face, Ask::get(&format!("{path}?after={after}"))).await;
            assert_eq!((rest.status, positions(&rest.json())), (200, all[told + 1..].to_vec()), "{path} {after}");
        }
        let end = house.send(face, Ask::get(&format!("{path}?after={}", u64::MAX))).await;
        assert_eq!((end.status, end.body.as_str()), (200, "[]"), "{path}");
        assert_eq!(house.send(face, Ask::get(&format!("{path}?after=x"))).await.status, 400, "{path}");
        let head = house.send(face, Ask::new("HEAD", path)).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_no_history_is_not_there() {
    let house = with_changes(0).await;
    for path in ["/products/9/history", "/products/x/history", "/products/9/history?after=1", "/products/1/nosuch"] {
        let missing = house.send(PRODUCT, Ask::get(path)).await;
        assert_eq!((missing.status, missing.body.as_str()), (404, ""), "{path}");
    }
    assert_eq!(house.send(PRODUCT, Ask::new("DELETE", "/products/1")).await.status, 204);
    let told = house.send(PRODUCT, Ask::get("/products/1/history")).await.json();
    assert_eq!(told.as_array().and_then(|facts| facts.last()).expect("facts")["eventType"], "ProductRemoved");
}

#[tokio::test(start_paused = true)]
async fn a_feed_is_told_in_parts_and_any_position_is_one_to_go_on_from() {
    let house = with_changes(2).await;
    let lines = async |target: &str| {
        let told = house.send(GATEWAY, Ask::get(target)).await;
        assert_eq!(told.status, 200, "{target}: {told:?}");
        told.body.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of json")).collect::<Vec<_>>()
    };
    let all = lines("/events").await;
    assert!(all.len() >= 3, "{all:?}");
    assert_eq!(lines("/events?limit=2").await, all[..2]);
    assert_eq!(lines(&format!("/events?after={}", all[0]["meta"]["position"])).await, all[1..]);
    assert!(lines(&format!("/events?after={}", u64::MAX)).await.is_empty());
    let saved = lines("/events?type=ProductSaved").await;
    assert!(saved.len() == 3 && saved.iter().all(|fact| fact["eventType"] == "ProductSaved"), "{saved:?}");
    for wrong in ["/events?after=-1", "/events?limit=x", "/events?after=18446744073709551616"] {
        assert_eq!(house.send(GATEWAY, Ask::get(wrong)).await.status, 400, "{wrong}");
    }
    let resumed = house.send(GATEWAY, Ask::get("/events").with("last-event-id", "x")).await;
    assert_eq!(resumed.status, 400);
}

#[tokio::test(start_paused = true)]
async fn a_scan_ends_with_its_requests_deadline_and_too_many_are_turned_away() {
    let house = with_changes(2).await;
    let to_the_end = [(GATEWAY, "/correlations/x"), (GATEWAY, "/events?type=x")];
    for (face, target) in to_the_end {
        let late = house.send(face, Ask::get(target).within(Duration::ZERO)).await;
        assert_eq!((late.status, late.json()["reason"].as_str()), (504, Some("deadline-exceeded")), "{target}");
    }
    let past = [(PRODUCT, "/products/1?at=9"), (PRODUCT, "/products/1/history")];
    let slots = house.edge.scans.take_all();
    for (face, target) in to_the_end.into_iter().chain(past) {
        let busy = house.send(face, Ask::get(target)).await;
        assert_eq!((busy.status, busy.header("retry-after")), (503, Some("1")), "{target}: {busy:?}");
        assert_eq!(busy.json()["reason"], "bulkhead-full");
    }
    for target in ["/products/1", "/products", "/products/9/history"] {
        assert!([200, 404].contains(&house.send(PRODUCT, Ask::get(target)).await.status), "{target} is no scan");
    }
    drop(slots);
    for (face, target) in to_the_end.into_iter().chain(past) {
        assert_eq!(house.send(face, Ask::get(target)).await.status, 200, "{target}");
    }
    assert_eq!(house.send(RENTAL, Ask::get("/products/1?at=1")).await.status, 200);
}
