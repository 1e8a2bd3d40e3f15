//! The map of services: who called whom, as operators read it and as Grafana's service graph reads it.

use std::time::Duration;

use crate::client::Request;
use crate::support::{Server, operator, poll};

/// From whom to whom, and how, after a rental through the front door.
const EDGES: [(&str, &str, &str); 4] = [
    ("user", "oa-rental/gateway", "request"),
    ("oa-rental/gateway", "oa-rental/rental", "request"),
    ("oa-rental/rental", "oa-rental/delivery", "fact"),
    ("oa-rental/product", "oa-rental/rental", "fact"),
];

#[test]
fn the_map_of_services_shows_every_edge_a_rental_went_over() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    assert_eq!(server.send("gateway", &Request::post("/products", r#"{"name":"desk","qty":9}"#)).status, 201);
    server.becomes("delivery", "/products/1", "a copy", |product| product["qty"] == 9);
    let rental = Request::post("/rentals", r#"{"productId":1,"qty":1,"status":"ORDERED"}"#);
    assert_eq!(server.send("gateway", &rental).status, 201);

    let map = |window: &str| {
        let path = format!("/admin/topology?window={window}");
        server.client("admin").send(&operator(Request::get(&path)))
    };
    let missing = || {
        let seen = map("60s").json();
        let edges = seen["edges"].as_array().expect("edges").clone();
        let is_there = |(client, server, by): &(&str, &str, &str)| {
            let is_it =
                |edge: &serde_json::Value| edge["client"] == *client && edge["server"] == *server && edge["by"] == *by;
            edges.iter().any(|edge| is_it(edge) && edge["requests"].as_u64() > Some(0) && edge["failed"] == 0)
        };
        EDGES.into_iter().filter(|edge| !is_there(edge)).collect::<Vec<_>>()
    };
    poll(Duration::from_secs(5), || missing().is_empty().then_some(()))
        .unwrap_or_else(|| panic!("no edge {:?} in {}", missing(), map("60s").text()));

    let named =
        |node: &str| map("60s").json()["nodes"].as_array().expect("nodes").iter().any(|one| one["node"] == node);
    assert!(named("user") && named("oa-rental/delivery"));
    let graph = |line: &String| {
        line.starts_with("traces_service_graph_request_total{")
            && line.contains(r#"client="user""#)
            && line.contains(r#"server="oa-rental/gateway""#)
    };
    assert!(server.metrics().iter().any(graph), "Grafana's service graph finds it");
    assert_eq!((map("long").status, map("6m").status, map("5m").status), (400, 400, 200));
}
