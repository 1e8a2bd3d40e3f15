//! §11.7: services that are stopped, one after the other.

use super::super::row::{ADMIN, Row, any, change, row, step};
use super::{At, Way};
use crate::client::Request;
use crate::offer::System;
use crate::services::listeners;
use crate::support::{Server, operator};

pub(super) fn rows(server: &Server, system: &'static System) -> Vec<Row> {
    let services = listeners(system.name).filter(|listener| !["gateway", "admin"].contains(listener));
    services.flat_map(|service| away(server, system, service)).collect()
}

fn away(server: &Server, system: &'static System, service: &'static str) -> Vec<Row> {
    let switch = |action: &str| {
        let path = format!("/admin/services/{}/{service}/{action}", system.name);
        step(ADMIN, operator(Request::new("POST", &path)).json("{}"), 200)
    };
    let shown: Vec<At> =
        system.collections.iter().filter(|of| of.service == service).flat_map(|of| At::ways(server, of)).collect();
    let way = Way::to_service(server, system.name, service);
    let ready = |status| row("T180", way.door, any(&way.path("/actuator/health/readiness")), status);
    let mut rows = vec![switch("stop")];
    for at in &shown {
        rows.push(at.row("T171", at.get(""), 503).some("retry-after"));
        rows.push(at.row("T171", at.get("/1"), 503).some("retry-after"));
        if at.of.offers("POST") {
            rows.push(at.row("T171", change("POST", &at.path(""), at.of.body), 503).some("retry-after"));
        }
        let writes = ["PUT", "PATCH", "DELETE"].into_iter().filter(|method| at.of.offers(method));
        rows.extend(
            writes.map(|method| at.row("T171", change(method, &at.path("/1"), at.of.patch), 503).some("retry-after")),
        );
    }
    rows.push(ready(503).bytes(r#"{"status":"OUT_OF_SERVICE"}"#));
    rows.push(row("T175", way.door, any(&way.path("/actuator/health")), 503).bytes(r#"{"status":"OUT_OF_SERVICE"}"#));
    rows.push(switch("start"));
    rows.extend(shown.iter().map(|at| at.row("T171", at.get(""), 200)));
    rows.push(ready(200));
    rows
}
