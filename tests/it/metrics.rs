//! Who may read metrics, and what they count for availability.

use crate::client::Request;
use crate::support::{Server, operator};

#[test]
fn metrics_that_are_not_open_are_shown_to_operators_only_wherever_they_are_asked_for() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &["--set", "admin.metrics_open=false"]);
    for (place, path) in
        [("admin", "/metrics"), ("product", "/actuator/prometheus"), ("gateway", "/actuator/prometheus")]
    {
        assert_eq!(server.client(place).send(&Request::get(path)).status, 401, "{place}{path}");
        let shown = server.client(place).send(&operator(Request::get(path)));
        assert_eq!(shown.status, 200, "{place}{path}");
        // Of the gauges that are read when metrics are asked for.
        assert!(shown.text().lines().any(|line| line == "resurgam_journal_writable 1"), "{place}{path}");
    }
}

#[test]
fn probes_neither_use_the_error_budget_nor_fill_it() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    assert_eq!(server.send("product", &Request::post("/products", r#"{"name":"desk","qty":9}"#)).status, 201);
    for path in ["/actuator/health", "/actuator/health/readiness", "/actuator/prometheus", "/actuator/nothing"] {
        server.client("product").send(&Request::get(path));
    }
    let lines = server.metrics();
    let good = |line: &&String| {
        line.starts_with(r#"resurgam_requests_total{system="oa-rental",service="product",outcome="good"}"#)
    };
    let counted = lines.iter().find(good).expect("product's requests are counted");
    assert!(counted.ends_with(" 1"), "{counted}");
    let probes = |line: &String| line.starts_with("http_server_requests_total{") && line.contains("/actuator/health");
    assert!(lines.iter().any(probes), "they are counted as requests");
}
