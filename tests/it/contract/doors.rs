//! §11.7: addresses of queries, the gateway, the actuator, and a service that is down.

use serde_json::json;

use super::row::{
    ADMIN, DELIVERY, GATEWAY, INFORMATION, JSON, PRODUCT, RENTAL, Row, accepting, any, change, row, step,
};
use crate::client::{JSON_FIRST, Request};
use crate::support::operator;

const ACTUATOR: &str = "application/vnd.spring-boot.actuator.v2+json;charset=UTF-8";
const ORIGIN: &str = "http://shop.example:3000";

pub(super) fn rows() -> Vec<Row> {
    [queries(), gateway(), actuator(), stopped()].into_iter().flatten().collect()
}

/// No collection exports query methods, so there is nothing at their addresses.
fn queries() -> Vec<Row> {
    let none = |id, method: &str, path: &str| {
        row(id, INFORMATION, Request::new(method, path).header("Accept", "*/*"), 404).empty()
    };
    vec![
        none("T155", "GET", "/myOrders/search"),
        row("T156", PRODUCT, any("/products/search"), 404).empty(),
        none("T157", "HEAD", "/myOrders/search"),
        none("T157", "OPTIONS", "/myOrders/search"),
        none("T158", "GET", "/myOrders/search/findByRentalId?rentalId=1"),
        none("T161", "GET", "/myOrders/search/nosuch"),
    ]
}

fn gateway() -> Vec<Row> {
    let preflight = || {
        Request::new("OPTIONS", "/rentals")
            .header("Origin", ORIGIN)
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "content-type,x-any")
    };
    vec![
        row("T163", GATEWAY, any("/rentals/1").header("X-Forwarded-Host", "gateway:8080"), 200)
            .json(json!({"_links": {"self": {"href": "<rental>/rentals/1"}}})),
        row("T167", RENTAL, any("/rentals/1").header("Origin", ORIGIN), 200).no_header("access-control-allow-origin"),
        row("T168", RENTAL, preflight(), 403).text("Invalid CORS request"),
        row("T169", GATEWAY, preflight(), 200)
            .header("access-control-allow-origin", ORIGIN)
            .header("access-control-allow-credentials", "true")
            .members("access-control-allow-methods", "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS")
            .members("access-control-allow-headers", "content-type,x-any")
            .empty(),
        row("T170", GATEWAY, any("/nosuch"), 404).json(json!({"status": 404, "error": "Not Found", "path": "/nosuch"})),
        // The time an answer may take is the client's here.
        row("T172", GATEWAY, Request::delete("/rentals/1").header("Request-Timeout", "0"), 504),
        row("T172", GATEWAY, any("/rentals/1"), 200),
    ]
}

/// At a server that believes the proxy these come from.
pub(super) fn behind_a_proxy() -> Vec<Row> {
    let forwarded = |id, door, path: &str, prefix: &str| {
        let ask = any(path)
            .header("X-Forwarded-Proto", "https")
            .header("X-Forwarded-Host", "api.example.com")
            .header("X-Forwarded-Prefix", prefix);
        row(id, door, ask, 200)
    };
    let bad_port = any("/rentals").header("X-Forwarded-Host", "api.example.com").header("X-Forwarded-Port", "abc");
    let itself = |href: &str| json!({"_links": {"self": {"href": href}}});
    vec![
        step(PRODUCT, change("POST", "/products", r#"{"name":"computer","qty":9}"#), 201),
        forwarded("T164", PRODUCT, "/products/1", "").json(itself("https://api.example.com/products/1")),
        forwarded("T164", GATEWAY, "/products/1", "").json(itself("https://api.example.com/products/1")),
        forwarded("T165", PRODUCT, "/products/1", "/v1/").json(itself("https://api.example.com/v1/products/1")),
        forwarded("T165", GATEWAY, "/actuator", "/v1/").json(itself("https://api.example.com/v1/actuator")),
        row("T166", RENTAL, bad_port, 400),
    ]
}

fn actuator() -> Vec<Row> {
    let up = json!({"status": "UP"});
    vec![
        row("T175", PRODUCT, any("/actuator/health"), 200).header("content-type", ACTUATOR).bytes(r#"{"status":"UP"}"#),
        row("T176", PRODUCT, accepting("/actuator/health", JSON_FIRST), 200)
            .header("content-type", JSON)
            .bytes(r#"{"status":"UP"}"#),
        row("T178", PRODUCT, any("/actuator"), 200).header("content-type", ACTUATOR).json(json!({"_links": {
            "self": {"href": "http://localhost:8081/actuator", "templated": false},
            "health": {"href": "http://localhost:8081/actuator/health", "templated": false},
            "info": {"href": "http://localhost:8081/actuator/info", "templated": false},
        }})),
        row("T179", PRODUCT, any("/actuator/info"), 200).bytes("{}"),
        row("T180", PRODUCT, any("/actuator/health/liveness"), 200).json(up.clone()),
        row("T180", PRODUCT, any("/actuator/health/readiness"), 200).json(up),
        row("T185", PRODUCT, any("/actuator/prometheus"), 200)
            .header("content-type", "text/plain; version=0.0.4;charset=utf-8")
            .judged("requests counted by their template", |answer| {
                let text = answer.text();
                let mut counts = text.lines().filter(|line| line.starts_with("http_server_requests_seconds_count{"));
                counts.any(|line| line.contains("uri=\"/products\"")) && !text.contains("uri=\"/products/1\"")
            }),
        row("T191", PRODUCT, any("/actuator/nosuch"), 404),
        row("T192", PRODUCT, change("POST", "/actuator/health", "{}"), 405).members("allow", "GET,HEAD,OPTIONS"),
        row("T192", PRODUCT, Request::new("OPTIONS", "/actuator/health"), 200)
            .members("allow", "GET,HEAD,OPTIONS")
            .empty(),
    ]
}

/// Delivery is down: what needs it is told to come back, and nothing of it is stored.
fn stopped() -> Vec<Row> {
    let switch = |action: &str| {
        let path = format!("/admin/services/oa-rental/delivery/{action}");
        step(ADMIN, operator(Request::new("POST", &path)).json("{}"), 200)
    };
    vec![
        step(RENTAL, any("/rentals/1"), 200).soon().json(json!({"status": "DELIVERED"})),
        switch("stop"),
        row("T083", RENTAL, Request::delete("/rentals/1").header("Accept", "*/*"), 503).some("retry-after"),
        row("T083", RENTAL, any("/rentals/1"), 200).json(json!({"status": "DELIVERED"})),
        row("T171", GATEWAY, any("/deliveries/1"), 503).some("retry-after"),
        row("T171", DELIVERY, any("/deliveries/1"), 503).some("retry-after"),
        row("T180", DELIVERY, any("/actuator/health/readiness"), 503).bytes(r#"{"status":"OUT_OF_SERVICE"}"#),
        switch("start"),
        row("T171", GATEWAY, any("/deliveries/1"), 200),
    ]
}
