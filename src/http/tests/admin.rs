//! The operator's listener: what is done stands in the log first.

use crate::domain::{Aggregate as _, Stream};
use crate::systems::oa_rental::product::Product;

use super::house::{Ask, House, PRODUCT};

const STOP: &str = "/admin/services/oa-rental/product/stop";

#[tokio::test(start_paused = true)]
async fn an_action_stands_in_the_log_and_what_is_no_action_does_not() {
    let house = House::with_a_computer().await;
    house.quiet().await;
    let groups = || house.edge.journal.figures().engine.group;
    for (target, body, status) in [
        (STOP, r#"{"reason":"maintenance"}"#, 200),
        ("/admin/services/oa-rental/product/start", "", 200),
        ("/chaos/kill", r#"{"target":"oa-rental/product/product/1"}"#, 200),
    ] {
        let before = groups();
        assert_eq!(house.operate(Ask::post(target, body)).await.status, status, "{target}");
        assert_eq!(groups(), before + 1, "{target}");
    }
    for (target, body, status) in [
        ("/admin/services/oa-rental/nosuch/stop", "", 404),
        ("/admin/services/oa-rental/product/pause", "", 404),
        ("/admin/quarantine/oa-rental/product/product/1/release", "", 404),
        ("/admin/quarantine/release", "", 404),
        ("/chaos/panic", r#"{"target":"oa-rental/product/product/99"}"#, 404),
        ("/chaos/panic", r#"{"target":"oa-rental/product/product/1","at":"lunch"}"#, 400),
        ("/chaos/kill", "{", 400),
        ("/chaos/kill", "", 400),
        ("/chaos/kill", r#"{"target":"*","count":0}"#, 400),
        ("/chaos/kill", r#"{"target":"*","count":10001}"#, 400),
        ("/chaos/kill", r#"{"target":"*","rate":"5/s","for":"10s"}"#, 400),
        ("/chaos/panic", r#"{"target":"oa-rental/product/product/1","seed":1}"#, 400),
        ("/chaos/disk", r#"{"fail":"write","for":"1s","target":"*"}"#, 400),
        ("/chaos/monkey", r#"{"rate":"5/s","for":"1s","count":3}"#, 400),
        (STOP, r#"{"reasn":"maintenance"}"#, 400),
        ("/chaos/nosuch", "", 404),
        ("/admin/chaos/disk", r#"{"stall":"1s","for":"1s"}"#, 404),
    ] {
        let before = groups();
        assert_eq!(house.operate(Ask::post(target, body)).await.status, status, "{target} {body}");
        assert_eq!(groups(), before, "{target} {body}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_names_what_was_killed_and_where_it_was_to_panic() {
    let house = House::with_a_computer().await;
    house.quiet().await;
    for (target, body) in [
        ("/chaos/kill", r#"{"target":"oa-rental/product/product/1","seed":7,"reason":"drill"}"#),
        ("/chaos/panic", r#"{"target":"oa-rental/product/product/1","at":"evolve"}"#),
    ] {
        assert_eq!(house.send(PRODUCT, Ask::new("PATCH", "/products/1").json(r#"{"qty":7}"#)).await.status, 200);
        assert_eq!(house.operate(Ask::post(target, body)).await.status, 200, "{target}");
    }
    let product = "oa-rental/product/product/1";
    let kill = ["kill 1 (seed 7): oa-rental/product/product/1", product, "drill"].map(str::to_owned);
    assert_eq!(house.audits().await, [kill, ["panic at evolve", product, ""].map(str::to_owned)]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_into_the_log_is_not_done() {
    let house = House::with_a_computer().await;
    house.quiet().await;
    house.edge.journal.clone().close().await;
    let product = Stream::new(Product::KIND, 1);
    for (target, body) in [
        (STOP, ""),
        ("/chaos/kill", r#"{"target":"*"}"#),
        ("/chaos/panic", r#"{"target":"oa-rental/product/product/1"}"#),
    ] {
        let refused = house.operate(Ask::post(target, body)).await;
        assert_eq!((refused.status, refused.json()["reason"].as_str()), (503, Some("storage-unavailable")), "{target}");
    }
    assert!(house.edge.runtime.services().is_running("oa-rental", "product"));
    assert!(house.has_actor(product));
    assert_eq!(house.send(PRODUCT, Ask::get("/products/1")).await.status, 200, "reads go on");
}

#[tokio::test(start_paused = true)]
async fn a_log_that_cannot_be_written_is_down_and_takes_no_traffic_but_is_no_reason_to_restart() {
    let house = House::with_a_computer().await;
    house.quiet().await;
    house.edge.journal.clone().close().await;
    for (path, status, body) in [
        ("/actuator/health", 503, r#"{"status":"DOWN"}"#),
        ("/actuator/health/readiness", 503, r#"{"status":"OUT_OF_SERVICE"}"#),
        ("/actuator/health/liveness", 200, r#"{"status":"UP"}"#),
    ] {
        let told = house.send(PRODUCT, Ask::get(path)).await;
        assert_eq!((told.status, told.body.as_str()), (status, body), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn lists_are_shown_page_by_page_and_no_number_is_too_great() {
    let house = House::with_a_computer().await;
    house.quiet().await;
    let list = async |target: &str| house.operate(Ask::get(target)).await;
    for target in ["overview", "services", "followers", "parked", "quarantine", "journal", "actors"] {
        let shown = list(&format!("/admin/{target}")).await;
        assert!(shown.status == 200 && shown.json().is_object(), "{target}: {shown:?}");
        let head = house.operate(Ask::new("HEAD", &format!("/admin/{target}"))).await;
        assert_eq!(head.status, 200, "{target}");
    }
    let one = list("/admin/actors?target=oa-rental/product&size=1").await.json();
    assert_eq!(one["actors"][0]["actor"], "oa-rental/product/product/1");
    assert_eq!(one["page"]["totalElements"], 1);
    let far = list("/admin/actors?page=18446744073709551615&size=1000").await.json();
    assert_eq!((&far["actors"], &far["page"]["size"]), (&serde_json::json!([]), &serde_json::json!(1000)));
    let actor = list("/admin/actors/oa-rental/product/product/1").await.json();
    assert_eq!((&actor["version"], &actor["life"]), (&serde_json::json!(1), &serde_json::json!("live")));
    assert_eq!((&actor["pending"], &actor["breaker"]), (&serde_json::json!(0), &serde_json::json!("CLOSED")));
    let synced = &list("/admin/journal").await.json()["syncs"];
    assert!(synced["groups"].as_u64() > Some(0) && synced["meanSeconds"].is_f64(), "{synced}");
    for target in ["services", "followers", "quarantine"] {
        let page = list(&format!("/admin/{target}?size=1")).await.json()["page"].clone();
        assert_eq!(page["size"], 1, "{target}");
    }
    for (target, status) in [
        ("/admin/actors/oa-rental/product/product/99", 404),
        ("/admin/actors/oa-rental/product/nosuch/1", 404),
        ("/admin/nosuch", 404),
        ("/admin/actors?state=recovering", 200),
        ("/admin/actors?state=asleep", 400),
        ("/readyz?verbose", 200),
        ("/livez", 200),
        ("/metrics", 200),
    ] {
        assert_eq!(list(target).await.status, status, "{target}");
    }
    assert_eq!(house.operate(Ask::new("DELETE", "/admin/overview")).await.status, 405);
}
