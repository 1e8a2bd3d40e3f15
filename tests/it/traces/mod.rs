//! Traces as a collector gets them: one order's whole story is one tree, whoever has a part in it and whatever is killed.

mod collector;

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use serde_json::Value;

use crate::client::{Answer, Request};
use crate::services::switch;
use crate::support::{Server, eventually, now, operator};
use collector::{Collector, Span, counts, way};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
const DROPPED: &str = "resurgam_trace_spans_dropped_total{reason=\"unreachable\"}";

/// Starts oa-rental with a computer in stock.
fn shop(dir: &std::path::Path, collector: &str, sampled: &str) -> Server {
    let endpoint = format!("telemetry.traces.endpoint={collector}");
    let sampled = format!("telemetry.traces.sampled={sampled}");
    let server = Server::start(dir, &["--set", &endpoint, "--set", &sampled]);
    assert_eq!(server.send("product", &Request::post("/products", r#"{"name":"computer","qty":9}"#)).status, 201);
    server.becomes("delivery", "/products/1", "a copy", |product| product["qty"] == 9);
    server
}

fn rent(server: &Server, traceparent: Option<&str>) -> Answer {
    let rental = Request::post("/rentals", r#"{"productId":1,"qty":3,"productName":"computer"}"#);
    let rental = match traceparent {
        Some(parent) => rental.header("traceparent", parent),
        None => rental,
    };
    let answer = server.send("rental", &rental);
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer
}

const POST: &str = "POST /rentals";
const PLACE: &str = "process oa-rental/rental/rental PlaceRental";
const TURN: &str = "wheneverRentaled_Delivery turn";
const DELIVER: &str = "process oa-rental/delivery/delivery Deliver";
const ASK: &str = "ask oa-rental/delivery/product TakeStock";
const TAKE: &str = "process oa-rental/delivery/product TakeStock";
const VIEW: &str = "oa-rental/information/myOrder apply";

/// Every way that the story of one order has.
const WAYS: &[&[&str]] = &[
    &[POST],
    &[POST, PLACE],
    &[POST, PLACE, VIEW],
    &[POST, PLACE, TURN],
    &[POST, PLACE, TURN, DELIVER],
    &[POST, PLACE, TURN, DELIVER, VIEW],
    &[POST, PLACE, TURN, DELIVER, ASK],
    &[POST, PLACE, TURN, DELIVER, ASK, TAKE],
    &[POST, PLACE, TURN, DELIVER, ASK, TAKE, "wheneverStockChanged_Product turn"],
    &[POST, PLACE, TURN, DELIVER, ASK, TAKE, "wheneverStockChanged_RentalProduct turn"],
    &[POST, PLACE, TURN, DELIVER, "wheneverDelivered_DeliveryStatus turn"],
];

/// The ways of one trace that are still missing.
fn missing(spans: &[Span], trace: &str) -> Vec<&'static [&'static str]> {
    let mine: Vec<_> = spans.iter().filter(|span| span.trace == trace).cloned().collect();
    let told: BTreeSet<_> = mine.iter().map(|span| way(&mine, span)).collect();
    WAYS.iter().copied().filter(|expected| !told.iter().any(|told| told == expected)).collect()
}

#[test]
fn one_orders_whole_story_is_one_tree_from_the_request_to_the_last_view() {
    let (collector, dir) = (Collector::open(), tempfile::tempdir().expect("a temporary folder"));
    let server = shop(dir.path(), &collector.address, "0");
    let answer = rent(&server, Some(&format!("00-{TRACE}-{CALLER}-01")));
    let spans = collector.until("the whole story", |spans| missing(spans, TRACE).is_empty());
    let mine: Vec<_> = spans.iter().filter(|span| span.trace == TRACE).collect();

    let post = mine.iter().find(|span| span.name == POST).expect("the request's own");
    assert_eq!((post.parent.as_deref(), post.kind), (Some(CALLER), 2));
    assert_eq!(answer.header("traceresponse"), Some(format!("00-{TRACE}-{}-01", post.id).as_str()));
    assert_eq!(answer.header("x-correlation-id"), Some(TRACE), "the story has the trace's name");
    for (key, value) in
        [("http.request.method", "POST"), ("http.route", "/rentals"), ("http.response.status_code", "201")]
    {
        assert_eq!(post.attributes[key], value);
    }
    let ids: BTreeSet<_> = mine.iter().map(|span| span.id.as_str()).collect();
    assert_eq!(ids.len(), mine.len(), "each is told once");
    for span in &mine {
        let parent = span.parent.as_deref().expect("nothing of this trace begins here");
        assert!(parent == CALLER || ids.contains(parent), "nobody knows the parent of {span:?}");
        assert!(span.start_ns <= span.end_ns && !span.attributes.contains_key("error.type"), "{span:?}");
    }

    // A group belongs to several commands: it stands in a trace of its own, with links to them.
    let commits: Vec<_> = spans.iter().filter(|span| span.name == "commit").collect();
    assert!(commits.iter().all(|commit| commit.parent.is_none() && commit.trace != TRACE), "{commits:?}");
    let linked: BTreeSet<_> = commits.iter().flat_map(|commit| &commit.links).map(|(_, id)| id.as_str()).collect();
    for process in mine.iter().filter(|span| [PLACE, DELIVER, TAKE].contains(&span.name.as_str())) {
        assert!(linked.contains(process.id.as_str()), "no commit of {process:?}");
    }
}

#[test]
fn a_story_goes_on_in_its_trace_over_a_kill_and_nothing_is_told_twice_though_the_store_is_made_again() {
    let (collector, dir) = (Collector::open(), tempfile::tempdir().expect("a temporary folder"));
    let mut server = shop(dir.path(), &collector.address, "0");
    switch(&server, "delivery", "stop");
    rent(&server, Some(&format!("00-{TRACE}-{CALLER}-01")));
    collector.until("what there is of it yet", |spans| {
        let missing = missing(spans, TRACE);
        [&[POST][..], &[POST, PLACE], &[POST, PLACE, VIEW]].iter().all(|way| !missing.contains(way))
    });
    server.kill9();
    server.restart();
    let spans = collector.until("the whole story", |spans| missing(spans, TRACE).is_empty());
    let once = counts(&spans, TRACE);
    assert!(once.values().all(|count| *count == 1), "{once:#?}");

    server.kill9();
    fs::remove_dir_all(dir.path().join("data/sled")).expect("a store");
    server.restart();
    let later = TRACE.replace('4', "5");
    rent(&server, Some(&format!("00-{later}-{CALLER}-01")));
    let spans = collector.until("the whole story of another", |spans| missing(spans, &later).is_empty());
    assert_eq!(counts(&spans, TRACE), once, "all of it was followed again, and none of it told");
}

#[test]
fn a_collector_that_is_gone_or_silent_costs_spans_and_nothing_else() {
    // Its connections are made and never answered.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addresses = [&silent, &gone].map(|it| format!("http://{}", it.local_addr().expect("an address")));
    drop(gone);
    for (address, is_gone) in addresses.iter().zip([false, true]) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut server = shop(dir.path(), address, "1");
        let (mut client, began) = (server.client("product"), now());
        for _ in 0..500 {
            assert_eq!(client.send(&Request::get("/products/1")).status, 200);
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{:?} for 500 looks", began.elapsed());
        if is_gone {
            eventually("what is dropped is counted", || {
                let metrics = server.get("admin", "/metrics").text();
                let count = metrics.lines().find_map(|line| line.strip_prefix(DROPPED)?.trim().parse::<u64>().ok());
                count.filter(|count| *count > 0)
            });
        }
        let began = now();
        server.stop();
        assert!(began.elapsed() < Duration::from_secs(8), "the stop took {:?}", began.elapsed());
    }
}

#[test]
fn a_malformed_traceparent_begins_a_new_trace_and_an_unsampled_one_is_echoed() {
    let (collector, dir) = (Collector::open(), tempfile::tempdir().expect("a temporary folder"));
    let server = shop(dir.path(), &collector.address, "1");
    let mut seen = BTreeSet::new();
    for malformed in ["", "x", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", &"0".repeat(4_000)] {
        let look = server.send("product", &Request::get("/products/1").header("traceparent", malformed));
        let told = look.header("traceresponse").expect("a new trace").to_owned();
        assert!(
            look.status == 200 && told.starts_with("00-") && told.ends_with("-01") && !told.contains("-0000"),
            "{told}"
        );
        assert!(seen.insert(told));
    }
    let unsampled = format!("00-{TRACE}-{CALLER}-00");
    let look = server.send("product", &Request::get("/products/1").header("traceparent", &unsampled));
    assert_eq!((look.status, look.header("traceresponse")), (200, Some(unsampled.as_str())));
    let own = |spans: &[Span]| spans.iter().filter(|span| span.name == "GET /products/{id}").count();
    let spans = collector.until("the looks that are told", |spans| own(spans) >= seen.len());
    assert!(spans.iter().all(|span| span.trace != TRACE), "its sender does not tell it");
}

#[test]
fn a_line_about_a_failure_names_the_story_and_the_trace() {
    let (collector, dir) = (Collector::open(), tempfile::tempdir().expect("a temporary folder"));
    let endpoint = format!("telemetry.traces.endpoint={}", collector.address);
    let server =
        Server::start(dir.path(), &["--set", &endpoint, "--set", "log.json=true", "--set", "chaos.enabled=true"]);
    assert_eq!(server.send("product", &Request::post("/products", r#"{"name":"computer","qty":9}"#)).status, 201);
    let panic = operator(Request::post("/chaos/panic", r#"{"target":"oa-rental/product/product/1","at":"decide"}"#));
    assert_eq!(server.send("admin", &panic).status, 200);
    let change = Request::new("PATCH", "/products/1").header("X-Correlation-Id", "a-story").json(r#"{"qty":8}"#);
    let change = change.header("traceparent", &format!("00-{TRACE}-{CALLER}-01"));
    assert_eq!(server.send("product", &change).status, 204, "it is done by the next incarnation");
    let log = fs::read_to_string(dir.path().join("server.log")).expect("a log");
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let about: Vec<_> = lines.iter().filter(|line| line["fields"]["trace_id"] == TRACE).collect();
    let [line] = about[..] else { panic!("{log}") };
    assert_eq!((&line["level"], &line["fields"]["correlation"]), (&"WARN".into(), &"a-story".into()), "{line}");
}
