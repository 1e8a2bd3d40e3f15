//! §7.2 and its rows of §11.7: circuit breakers as resilience4j's clients see and steer them, and one that opens.

use serde_json::json;

use super::row::{ADMIN, DELIVERY, GATEWAY, JSON, PRODUCT, Row, accepting, any, change, row, step};
use crate::client::{Answer, JSON_FIRST, Request};
use crate::support::operator;

const NAME: &str = "oa-rental/product/product";
const ACTUATOR: &str = "application/vnd.spring-boot.actuator.v2+json;charset=UTF-8";
/// What the server of these rows is started with: three calls are enough for a breaker, which stays open
/// for longer than the rows take.
pub(super) const SETTINGS: &[&str] = &[
    "--set",
    "chaos.enabled=true",
    "--set",
    "guard.kind.breaker.calls_min=3",
    "--set",
    "guard.kind.breaker.open_ms=60000",
    "--set",
    "guard.kind.breaker.jitter=false",
];

pub(super) fn rows() -> Vec<Row> {
    [fresh(), steered(), opened(), beside()].into_iter().flatten().collect()
}

fn breakers() -> String {
    format!("/actuator/circuitbreakers/{NAME}")
}

fn admin() -> String {
    format!("/admin/breakers/{NAME}")
}

fn update(word: &str) -> Request {
    change("POST", &breakers(), &format!(r#"{{"updateState":"{word}"}}"#))
}

fn desk() -> Request {
    change("POST", "/products", r#"{"name":"desk","qty":1}"#)
}

fn in_state(state: &str) -> serde_json::Value {
    json!({"circuitBreakers": {NAME: {"state": state}}})
}

fn fresh() -> Vec<Row> {
    let shown = concat!(
        r#"{"failureRate":"-1.0%","slowCallRate":"-1.0%","failureRateThreshold":"50.0%","slowCallRateThreshold":"80.0%","#,
        r#""bufferedCalls":0,"failedCalls":0,"slowCalls":0,"slowFailedCalls":0,"notPermittedCalls":0,"state":"CLOSED"}"#,
    );
    vec![
        row("T186", PRODUCT, any("/actuator/circuitbreakers"), 200)
            .header("content-type", ACTUATOR)
            .bytes(format!(r#"{{"circuitBreakers":{{"{NAME}":{shown}}}}}"#)),
        row("T186", PRODUCT, accepting("/actuator/circuitbreakers", JSON_FIRST), 200).header("content-type", JSON),
        row("T186", DELIVERY, any("/actuator/circuitbreakers"), 200)
            .lacks("/circuitBreakers/oa-rental~1product~1product"),
        row("T186", GATEWAY, any("/actuator/circuitbreakers"), 200).json(in_state("CLOSED")),
        row("T189", PRODUCT, any("/actuator/circuitbreakerevents/nosuch"), 200).bytes(r#"{"circuitBreakerEvents":[]}"#),
        row("T178", PRODUCT, any("/actuator"), 200).json(json!({"_links": {"circuitbreakerevents-name-eventType": {
            "href": "http://localhost:8081/actuator/circuitbreakerevents/{name}/{eventType}", "templated": true,
        }}})),
    ]
}

fn steered() -> Vec<Row> {
    let updated = |state: &str| {
        let message = format!("{NAME} state has been changed successfully");
        json!({"circuitBreakerName": NAME, "currentState": state, "message": message})
    };
    let unknown = change("POST", "/actuator/circuitbreakers/nosuch", r#"{"updateState":"DISABLE"}"#);
    vec![
        row("T187", PRODUCT, update("FORCE_OPEN"), 401).header("www-authenticate", "Bearer"),
        row("T187", PRODUCT, operator(update("FORCE_OPEN")), 200).json(updated("FORCED_OPEN")),
        row("T187", GATEWAY, any("/actuator/circuitbreakers"), 200).json(in_state("FORCED_OPEN")),
        row("T173", GATEWAY, desk(), 503).some("retry-after").json(json!({"reason": "breaker-open"})),
        step(ADMIN, operator(any(&admin())), 200)
            .json(json!({"state": "FORCED_OPEN", "forced": {"by": "127.0.0.1", "reason": ""}})),
        row("T187", GATEWAY, operator(update("DISABLE")), 200).json(updated("DISABLED")),
        row("T187", PRODUCT, operator(update("CLOSE")), 200).json(updated("CLOSED")),
        row("T187", PRODUCT, desk(), 201),
        // A deliberate difference: a name that nobody has makes no breaker.
        row("T187", PRODUCT, operator(unknown), 404),
        row("T187", PRODUCT, operator(update("OPEN")), 400),
    ]
}

/// The product service fails until its breaker opens, is forced closed by an operator, and closed.
fn opened() -> Vec<Row> {
    let fault = r#"{"target":"oa-rental/product","errors":1,"for":"60s"}"#;
    let forced = r#"{"state":"FORCED_CLOSED","for":"30s","reason":"the supplier is back"}"#;
    let events = |of: &str| any(&format!("/actuator/circuitbreakerevents/oa-rental%2Fproduct%2Fproduct{of}"));
    vec![
        step(ADMIN, operator(change("POST", "/admin/faults", fault)), 201),
        // With the one that went well these are enough for a rate.
        step(PRODUCT, desk(), 503).times(2).json(json!({"reason": "fault-injected"})),
        row("T173", GATEWAY, desk(), 503).some("retry-after").json(json!({"reason": "breaker-open"})),
        row("T188", PRODUCT, events("/STATE_TRANSITION"), 200).judged("the trip last, all six keys", is_tripped_last),
        row("T188", PRODUCT, events("/error"), 200).judged("the two failures", |answer| {
            let json = answer.json();
            let types = json["circuitBreakerEvents"].as_array().into_iter().flatten().map(|event| &event["type"]);
            types.eq(["ERROR"; 2])
        }),
        step(ADMIN, operator(Request::delete("/admin/faults/1")), 200),
        step(ADMIN, operator(change("POST", &admin(), forced)), 200).json(json!({
            "state": "FORCED_CLOSED", "forced": {"by": "127.0.0.1", "reason": "the supplier is back"},
        })),
        step(PRODUCT, desk(), 201),
        step(ADMIN, operator(change("POST", &admin(), r#"{"state":"CLOSED"}"#)), 200)
            .json(json!({"state": "CLOSED"}))
            .lacks("/forced"),
        step(ADMIN, operator(any("/admin/breakers?size=1")), 200).json(json!({"page": {"size": 1}})),
    ]
}

fn is_tripped_last(answer: &Answer) -> bool {
    let json = answer.json();
    let last = json["circuitBreakerEvents"].as_array().and_then(|events| events.last()).cloned().unwrap_or_default();
    let keys = ["circuitBreakerName", "type", "creationTime", "errorMessage", "durationInMs", "stateTransition"];
    let has_all = last.as_object().is_some_and(|event| event.len() == keys.len())
        && keys.iter().all(|key| last.get(key).is_some());
    let has_zone = last["creationTime"].as_str().is_some_and(|time| time.ends_with("Z[UTC]"));
    has_all && has_zone && last["stateTransition"] == "CLOSED_TO_OPEN"
}

fn beside() -> Vec<Row> {
    let bulkheads = ["edge", "policies", "asks", "reads"].map(|partition| format!("{NAME}/{partition}"));
    let none = |path: &str, key: &str| {
        row("T190", PRODUCT, any(&format!("/actuator/{path}")), 200)
            .header("content-type", ACTUATOR)
            .bytes(format!(r#"{{"{key}":[]}}"#))
    };
    vec![
        row("T190", PRODUCT, any("/actuator/bulkheads"), 200).json(json!({"bulkheads": bulkheads})),
        none("bulkheadevents", "bulkheadEvents"),
        row("T190", PRODUCT, any("/actuator/retries"), 200).json(json!({"retries": [NAME]})),
        none("retryevents", "retryEvents"),
        none("ratelimiters", "rateLimiters"),
        none("ratelimiterevents", "rateLimiterEvents"),
        row("T190", PRODUCT, any("/actuator/timelimiters"), 200).json(json!({"timeLimiters": [NAME]})),
        none("timelimiterevents", "timeLimiterEvents"),
    ]
}
