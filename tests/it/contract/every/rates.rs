//! T174 and T194: a client that comes more often than it may.

use serde_json::json;

use super::super::row::{Row, accepting, any, change};
use super::super::run::Run;
use super::{At, Tally};
use crate::offer::collections;
use crate::services::ALL;
use crate::support::Server;

/// Two at once, and one a second: nobody who asks again at once stays below it.
const RATE: &[&str] = &["edge.rate.per_second=1", "edge.rate.burst=2"];

/// The rows that are asked here.
pub(in super::super) const IDS: [&str; 2] = ["T174", "T194"];

/// Asked until it is refused; who waits as it was told to is let in.
fn rows(at: &At) -> Vec<Row> {
    let refused = |row: Row| {
        row.soon()
            .header("retry-after", "1")
            .header("ratelimit", "\"default\";r=0;t=1")
            .header("ratelimit-policy", "\"default\";q=2;w=2")
            .header("x-ratelimit-remaining", "0")
            .header("x-ratelimit-burst-capacity", "2")
            .header("x-ratelimit-replenish-rate", "1")
            .header("content-type", "application/problem+json")
            .json(json!({"status": 429, "reason": "client-rate"}))
    };
    let post = change("POST", &at.path(""), at.of.body);
    vec![
        refused(at.row(IDS[0], at.get(""), 429)),
        refused(at.row(IDS[0], at.get("/1"), 429)),
        refused(at.row(IDS[1], accepting(&at.path("/99999"), "application/problem+json"), 429)),
        refused(at.row(IDS[1], post, 429)),
        at.row("T175", any(&at.way.path("/actuator/health")), 200).no_header("ratelimit"),
    ]
}

#[test]
fn at_every_collection_a_client_beyond_its_rate_is_told_when_to_come_back_and_then_is_let_in() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let limited: Vec<&str> = RATE.iter().flat_map(|setting| ["--set", setting]).collect();
    let server = Server::serving(ALL, dir.path(), &limited);
    let (mut tally, mut run) = (Tally::default(), Run::on(&server));
    let ways: Vec<At> = collections().flat_map(|of| At::ways(&server, of)).collect();
    ways.iter().for_each(|at| tally.ask(&mut run, &rows(at)));
    let again = ways[0].row(IDS[1], ways[0].get(""), 200).soon().some("ratelimit").no_header("retry-after");
    tally.ask(&mut run, &[again]);
    tally.conclude("rates");
}
