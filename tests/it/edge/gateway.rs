//! The front door, the probes on every port, and the operator's own listener.

use serde_json::json;

use crate::client::Request;
use crate::edge::{check, row};
use crate::support::{Server, operator};

const SERVICES: &[&str] = &["product", "rental", "delivery", "information"];

fn with_a_rental(dir: &tempfile::TempDir) -> Server {
    let server = Server::start(dir.path(), &[]);
    assert_eq!(server.send("product", &Request::post("/products", r#"{"name":"computer","qty":9}"#)).status, 201);
    server.becomes("delivery", "/products/1", "a copy", |p| p["qty"] == 9);
    assert_eq!(server.send("rental", &Request::post("/rentals", r#"{"productId":1,"qty":3}"#)).status, 201);
    server.becomes("information", "/myOrders/1", "delivered", |o| o["deliveryStatus"] == "DELIVERED");
    server.becomes("rental", "/rentals/1", "delivered", |r| r["status"] == "DELIVERED");
    server
}

#[test]
fn the_gateway_leads_to_every_service() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = with_a_rental(&dir);
    let rows = vec![
        row("Product's products, not a copy", Request::get("/products/1"), 200).json(json!({"name": "computer"})),
        row("Rental", Request::get("/rentals/1"), 200).json(json!({"status": "DELIVERED", "deliveryId": 1})),
        row("Delivery", Request::get("/deliveries/1"), 200).json(json!({"rentalId": 1, "status": "DELIVERED"})),
        row("Information", Request::get("/myOrders/1"), 200).json(json!({"rentalId": 1, "rentalQty": 3})),
        row("a write", Request::post("/rentals", r#"{"productId":1,"qty":1}"#), 201).with("location", "http://"),
        row("an item that is not there", Request::get("/rentals/99"), 404).empty(),
        row("a verb not offered", Request::delete("/products"), 405).with("allow", "GET,HEAD,POST,OPTIONS"),
        row("a path that is not there", Request::get("/nosuch"), 404),
        row("another case", Request::get("/myorders"), 404),
    ];
    check(&server, "gateway", rows);
    assert_eq!(server.get("gateway", "/products/1").json().get("productId"), None);
    assert_eq!(server.get("rental", "/products/1").json()["productId"], 1);
}

#[test]
fn the_gateway_lets_pages_of_any_origin_in_and_the_services_do_not() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = with_a_rental(&dir);
    let origin = "http://shop.example:3000";
    let preflight = Request::new("OPTIONS", "/rentals")
        .header("Origin", origin)
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "content-type,x-any");
    let answer = server.send("gateway", &preflight);
    assert_eq!((answer.status, answer.text().as_str()), (200, ""));
    assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert!(answer.members("access-control-allow-methods").contains(&"POST".to_string()), "{:?}", answer.headers);
    let allowed = answer.members("access-control-allow-headers").join(",").to_lowercase();
    assert!(allowed.contains("content-type") && allowed.contains("x-any"), "{allowed}");

    let simple = server.send("gateway", &Request::get("/rentals/1").header("Origin", origin));
    assert_eq!((simple.status, simple.header("access-control-allow-origin")), (200, Some(origin)));
    assert_eq!(simple.header("access-control-allow-credentials"), Some("true"));
    assert!(simple.members("vary").iter().any(|v| v.eq_ignore_ascii_case("origin")), "{:?}", simple.headers);
    let missing = server.send("gateway", &Request::get("/nosuch").header("Origin", origin));
    assert_eq!((missing.status, missing.header("access-control-allow-origin")), (404, Some(origin)));

    let direct = server.send("rental", &Request::get("/rentals/1").header("Origin", origin));
    assert_eq!((direct.status, direct.header("access-control-allow-origin")), (200, None));
    assert_eq!(server.send("rental", &preflight).status, 403);
}

#[test]
fn a_stopped_service_is_away_on_its_port_and_behind_the_gateway_only() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = with_a_rental(&dir);
    server.operate("/admin/services/oa-rental/product/stop", "{}");
    for door in ["product", "gateway"] {
        check(&server, door, vec![row("stopped", Request::get("/products/1"), 503).with("retry-after", "")]);
        let post = Request::post("/products", r#"{"name":"late"}"#);
        check(&server, door, vec![row("stopped", post, 503).with("retry-after", "")]);
    }
    check(&server, "gateway", vec![row("another service", Request::get("/rentals/1"), 200)]);
    assert_eq!(server.get("admin", "/livez").status, 200, "a stopped service is no reason to restart the process");
    server.operate("/admin/services/oa-rental/product/start", "{}");
    check(&server, "gateway", vec![row("started", Request::get("/products/1"), 200).json(json!({"name": "computer"}))]);
}

#[test]
fn every_port_answers_the_probes_of_an_orchestrator() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = with_a_rental(&dir);
    let plain = |path: &str| Request::get(path).header("Accept", "*/*");
    for service in SERVICES.iter().chain(&["gateway"]) {
        let actuator = "application/vnd.spring-boot.actuator.v2+json;charset=UTF-8";
        let rows = vec![
            row("health", plain("/actuator/health"), 200).with("content-type", actuator).json(json!({"status": "UP"})),
            row("health as JSON", Request::get("/actuator/health").header("Accept", "application/json"), 200)
                .with("content-type", "application/json"),
            row("liveness", plain("/actuator/health/liveness"), 200).json(json!({"status": "UP"})),
            row("readiness", plain("/actuator/health/readiness"), 200).json(json!({"status": "UP"})),
            row("info", plain("/actuator/info"), 200),
            row("prometheus", plain("/actuator/prometheus"), 200).with("content-type", "text/plain; version=0.0.4"),
            row("no such endpoint", plain("/actuator/nosuch"), 404),
            row("a health that is written", Request::new("POST", "/actuator/health").json("{}"), 405),
        ];
        check(&server, service, rows);
        assert!(server.get(service, "/actuator/info").json().is_object());
        assert!(server.get(service, "/actuator").json()["_links"]["health"]["href"].is_string());
    }
    let text = server.get("rental", "/actuator/prometheus").text();
    let count = text.lines().find(|line| {
        line.starts_with("http_server_requests_seconds_count{") && line.contains("/rentals") && line.contains("\"201\"")
    });
    assert!(count.is_some(), "no count of POST /rentals in:\n{text}");
    assert!(!text.contains("/rentals/1\""), "an id has become a label");
}

#[test]
fn the_operators_listener_is_closed_to_everybody_else() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    for open in ["/metrics", "/livez", "/readyz"] {
        assert_eq!(server.get("admin", open).status, 200, "{open}");
    }
    assert!(server.get("admin", "/metrics").header("content-type").is_some_and(|t| t.starts_with("text/plain")));
    let stop = || Request::new("POST", "/admin/services/oa-rental/rental/stop").json("{}");
    assert_eq!(server.send("admin", &stop()).status, 401);
    assert_eq!(server.send("admin", &stop().header("Authorization", "Bearer wrong")).status, 401);
    assert_eq!(server.get("admin", "/admin/overview").status, 401);
    assert_eq!(server.send("admin", &operator(Request::get("/admin/overview"))).status, 200);
    assert_eq!(server.get("rental", "/rentals").status, 200, "nothing was stopped");
    let kill = operator(Request::new("POST", "/chaos/kill")).json(r#"{"target":"*","count":1,"seed":1}"#);
    let refused = server.send("admin", &kill);
    assert!((400..500).contains(&refused.status), "chaos is off unless it was switched on: {}", refused.status);
    for service in SERVICES {
        assert_eq!(server.send(service, &kill).status, 404, "no lever of the operator on {service}");
    }
}
