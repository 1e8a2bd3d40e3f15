//! T164 to T166: links for clients of a proxy that is believed.

use serde_json::json;

use super::super::row::Row;
use super::super::run::Run;
use super::{At, Tally};
use crate::client::Request;
use crate::offer::collections;
use crate::services::ALL;
use crate::support::Server;

fn rows(at: &At) -> Vec<Row> {
    let forwarded = |prefix: &str| {
        at.get("")
            .header("X-Forwarded-Proto", "https")
            .header("X-Forwarded-Host", "api.example.com")
            .header("X-Forwarded-Prefix", prefix)
    };
    let variables = if at.of.is_paged { "{?page,size,sort}" } else { "" };
    let links = |before: &str| {
        let origin = format!("https://api.example.com{before}{}", at.way.prefix);
        let (own, profile) =
            (format!("{origin}/{}{variables}", at.of.path), format!("{origin}/profile/{}", at.of.path));
        json!({"_links": {"self": {"href": own}, "profile": {"href": profile}}})
    };
    let bad_port = |ask: Request| ask.header("X-Forwarded-Port", "abc");
    vec![
        at.row("T164", forwarded(""), 200).json(links("")),
        at.row("T165", forwarded("/v1/"), 200).json(links("/v1")),
        at.row("T166", bad_port(at.get("").header("X-Forwarded-Host", "api.example.com")), 400),
    ]
}

#[test]
fn links_of_every_collection_lead_back_through_a_proxy_that_is_believed() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::serving(ALL, dir.path(), &["--set", "edge.trusted_proxies=127.0.0.1"]);
    let (mut tally, mut run) = (Tally::default(), Run::on(&server));
    let ways = collections().flat_map(|of| At::ways(&server, of));
    ways.for_each(|at| tally.ask(&mut run, &rows(&at)));
    tally.conclude("proxied");
}
