//! §11.5 and §11.6: an item that is read, and what entity tags promise its readers and writers.

use serde_json::{Value, json};

use super::super::row::{HAL, JSON, Row, Source, accepting, any, change};
use super::{At, changes, printed};
use crate::client::{Answer, JSON_FIRST, Request};

const PROBLEM: &str = "application/problem+json";
const PATCH_TYPES: &str = "application/merge-patch+json,application/json-patch+json,application/json";

/// The first item is there and rests.
pub(super) fn reads(at: &At) -> Vec<Row> {
    let exact = || {
        let at = at.clone();
        move |answer: &Answer| answer.text() == printed::item(&at, &answer.json())
    };
    let head = |rest: &str| Request::new("HEAD", &at.path(rest));
    let options =
        at.row("T103", Request::new("OPTIONS", &at.path("/1")), 200).members("allow", at.of.allow()[1].clone());
    let missing = json!({"title": "Not Found", "status": 404, "instance": at.path("/99999")});
    let is_tag = |tag: &str| tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"');
    vec![
        at.row("T097", at.get("/1"), 200)
            .header("content-type", HAL)
            .judged("the item as it is printed", exact())
            .json(at.of.rest())
            .keep("item", Source::Json("")),
        at.row("T098", accepting(&at.path("/1"), JSON_FIRST), 200)
            .header("content-type", JSON)
            .judged("the same item", exact()),
        at.row("T042", accepting(&at.path("/1"), "application/xml"), 406),
        at.row("T133", at.get("/1"), 200)
            .judged("a strong entity tag", move |answer| answer.header("etag").is_some_and(is_tag))
            .keep("tag", Source::Header("etag")),
        at.row("T099", at.get("/99999"), 404).empty(),
        at.row("T099", at.get("/0"), 404).empty(),
        at.row("T100", at.get("/abc"), 404).empty(),
        at.row("T100", at.get("/18446744073709551616"), 404).empty(),
        at.row("T101", head("/1"), 200)
            .header("content-type", HAL)
            .header("etag", "<tag>")
            .some("content-length")
            .empty(),
        at.row("T102", head("/99999"), 404).empty(),
        match at.of.offers("PATCH") {
            true => options.members("accept-patch", PATCH_TYPES).empty(),
            false => options.no_header("accept-patch").empty(),
        },
        at.row("T128", at.get("/1/unknown"), 404).empty(),
        at.row("T193", accepting(&at.path("/99999"), PROBLEM), 404).json(missing),
    ]
    .into_iter()
    .chain(known(at))
    .chain(cors(at))
    .chain(stories(at))
    .collect()
}

fn known(at: &At) -> Vec<Row> {
    let known =
        |id, tags: &str, status| at.row(id, at.get("/1").header("If-None-Match", tags), status).header("etag", "<tag>");
    let whole = |row: Row| row.json(json!({"_links": {"self": {"href": at.link("/1")}}}));
    let far = "Fri, 31 Dec 2100 00:00:00 GMT";
    vec![
        known("T134", "<tag>", 304).empty(),
        known("T135", "\"zz\", <tag>", 304).empty(),
        known("T136", "W/<tag>", 304).empty(),
        whole(known("T137", "\"zz\"", 200)),
        whole(known("T138", "0", 200)),
        whole(at.row("T146", at.get("/1").header("If-Modified-Since", far), 200)),
        known("T199", "<tag>", 304).empty(),
    ]
}

fn cors(at: &At) -> Vec<Row> {
    const ORIGIN: &str = "http://shop.example:3000";
    let forwarded = at.row("T163", at.get("/1").header("X-Forwarded-Host", "gateway:8080"), 200);
    let preflight = || {
        Request::new("OPTIONS", &at.path("/1"))
            .header("Origin", ORIGIN)
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "content-type,x-any")
    };
    let simple = at.row("T167", at.get("/1").header("Origin", ORIGIN), 200);
    let rows = match at.way.is_gateway {
        false => [
            simple.no_header("access-control-allow-origin"),
            at.row("T168", preflight(), 403).text("Invalid CORS request"),
        ],
        true => [
            simple.header("access-control-allow-origin", ORIGIN).header("access-control-allow-credentials", "true"),
            at.row("T169", preflight(), 200)
                .header("access-control-allow-origin", ORIGIN)
                .header("access-control-allow-credentials", "true")
                .members("access-control-allow-methods", "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS")
                .members("access-control-allow-headers", "content-type,x-any")
                .empty(),
        ],
    };
    let own = json!({"_links": {"self": {"href": at.link("/1")}}});
    rows.into_iter().chain([forwarded.json(own)]).collect()
}

/// What an item was: nothing of the originals', so these are no rows of the contract.
fn stories(at: &At) -> Vec<Row> {
    // A view has no facts of its own.
    let told = if at.of.is_paged { 200 } else { 404 };
    let history = at.step(at.get("/1/history"), told);
    vec![
        if at.of.is_paged { history.judged("facts, each by its name", tells_facts) } else { history.empty() },
        at.step(at.get("/99999/history"), 404).empty(),
        at.step(at.get("/1?at=9999"), 200).json(json!("<item>")),
        at.step(at.get("/1?at=2100-01-01T00:00:00Z"), 200).json(json!("<item>")),
        at.step(at.get("/1?at=2000-01-01T00:00:00Z"), 404).empty(),
        at.step(at.get("/1?at=yesterday"), 400),
        at.step(any(&at.path("/1/history/more")), 404),
    ]
}

fn tells_facts(answer: &Answer) -> bool {
    let told = answer.json();
    let is_named = |fact: &Value| fact["eventType"].as_str().is_some_and(|name| !name.is_empty());
    told.as_array().is_some_and(|facts| !facts.is_empty() && facts.iter().all(is_named))
}

/// Writers who say which state they know. Each has an item of its own, if items can be made.
pub(super) fn writes(at: &At) -> Vec<Row> {
    let mut rows = Vec::new();
    if at.of.offers("PATCH") {
        rows.extend(patches(at));
    }
    if at.of.offers("PUT") {
        rows.extend(puts(at));
    }
    if at.of.offers("DELETE") {
        rows.extend(deletes(at));
    }
    rows
}

fn patches(at: &At) -> Vec<Row> {
    let patched =
        |id, tags: &str, status| at.row(id, change("PATCH", "<new>", at.of.patch).header("If-Match", tags), status);
    let mut rows = Vec::new();
    for (id, tags, status) in [
        ("T139", "<tag>", 200),
        ("T140", "\"9999\"", 412),
        ("T141", "*", 200),
        ("T142", "\"zz\", <tag>", 200),
        ("T143", "W/<tag>", 412),
        ("T144", "\"zz\"", 412),
        ("T144", "<tag>", 200),
    ] {
        rows.extend(changes::fresh(at));
        let row = patched(id, tags, status);
        rows.push(match status {
            412 => row.header("etag", "<tag>"),
            _ => row.json(at.of.patched()).other_than("etag", "<tag>"),
        });
        if status == 412 {
            rows.push(at.step(any("<new>"), 200).header("etag", "<tag>").json(json!("<item>")));
        }
    }
    rows.extend(changes::fresh(at));
    rows.push(patched("T149", "<tag>", 200).at_once(&[200, 412]));
    rows.extend(changes::fresh(at));
    let old = change("PATCH", "<new>", "{}").header("If-Unmodified-Since", "Sat, 01 Jan 2000 00:00:00 GMT");
    rows.push(at.row("T147", old, 200).json(json!("<item>")));
    rows.push(at.row("T148", change("PATCH", "<new>", at.of.patch).header("If-None-Match", "*"), 412));
    rows
}

fn puts(at: &At) -> Vec<Row> {
    let put = |body: &str| change("PUT", "<new>", body);
    let mut rows = changes::fresh(at);
    rows.extend([
        at.row("T140", put("{}").header("If-Match", "\"9999\""), 412).header("etag", "<tag>"),
        at.row("T148", put("{}").header("If-None-Match", "*"), 412),
        at.step(any("<new>"), 200).header("etag", "<tag>"),
        at.row("T139", put(&at.of.body.replace("\":", "\": ")).header("If-Match", "<tag>"), 200)
            .some("etag")
            .keep("tag", Source::Header("etag")),
        at.step(any("<new>"), 200).header("etag", "<tag>"),
    ]);
    rows
}

fn deletes(at: &At) -> Vec<Row> {
    let delete = |tags: &str| Request::delete("<new>").header("Accept", "*/*").header("If-Match", tags);
    let mut rows = changes::fresh(at);
    rows.extend([
        at.row("T140", delete("\"9999\""), 412).header("etag", "<tag>"),
        at.row("T143", delete("W/<tag>"), 412).header("etag", "<tag>"),
        at.step(any("<new>"), 200).header("etag", "<tag>").json(json!("<item>")),
        at.row("T139", delete("\"zz\", <tag>"), 204).empty(),
    ]);
    if at.of.remains.is_none() {
        rows.push(at.row("T140", delete("*"), 412));
    }
    rows
}
