//! §11.3 without its orders: lists, their pages and types.

use serde_json::json;

use super::super::row::{HAL, JSON, Row, Source, accepting, any, change};
use super::{At, printed};
use crate::client::{Answer, JSON_FIRST, Request};
use crate::offer::MADE;

const KETTING: &str = "application/prs.hal-forms+json;q=1.0, application/hal+json;q=0.9, application/vnd.api+json;q=0.8, \
    application/vnd.siren+json;q=0.8, application/vnd.collection+json;q=0.8, application/json;q=0.7, text/html;q=0.6";
const SIZE: u64 = 20;

/// A list as it must be printed: its query, and what of all items it shows.
#[derive(Clone, Copy)]
struct Listed<'a> {
    query: &'a str,
    number: u64,
    size: u64,
    /// What links repeat of the order.
    sort: &'a str,
}

const DEFAULT: Listed<'_> = Listed { query: "", number: 0, size: SIZE, sort: "" };

/// Before anything is posted.
pub(super) fn empty(at: &At) -> Vec<Row> {
    let id = if at.of.is_paged { "T015" } else { "T037" };
    let total = at.of.first;
    vec![as_printed(at, at.row(id, at.get(""), 200).header("content-type", HAL), &DEFAULT, total)]
}

pub(super) fn rows(at: &At) -> Vec<Row> {
    let mut rows = vec![
        as_printed(at, at.row("T016", at.get(""), 200).header("content-type", HAL), &DEFAULT, at.of.filled())
            .keep("list-tag", Source::Header("etag"))
            .keep("embedded", Source::Json("/_embedded")),
        listed("T017", at, accepting(&at.path(""), JSON_FIRST), &DEFAULT).header("content-type", JSON),
        at.row("T134", at.get("").header("If-None-Match", "<list-tag>"), 304).header("etag", "<list-tag>").empty(),
        at.row("T137", at.get("").header("If-None-Match", "\"zz\""), 200).header("etag", "<list-tag>"),
        at.row("T046", Request::new("HEAD", &at.path("")), 200)
            .header("content-type", HAL)
            .header("etag", "<list-tag>")
            .some("content-length")
            .empty(),
        at.row("T034", at.get("?foo=bar"), 200).json(json!({"_embedded": "<embedded>"})),
        at.row("T035", at.get("/"), 200).json(json!({"_embedded": "<embedded>"})),
        at.row("T039", at.get(""), 200).lacks("/_links/search"),
        at.row("T047", Request::new("OPTIONS", &at.path("")), 200).members("allow", at.of.allow()[0].clone()).empty(),
    ];
    rows.extend(if at.of.is_paged { pages(at) } else { wholes(at) });
    rows.extend(types(at));
    rows.extend(elsewhere(at));
    rows
}

fn pages(at: &At) -> Vec<Row> {
    let last = at.of.filled() / 7;
    let page = |id, query: &str, number, size| listed(id, at, at.get(query), &Listed { query, number, size, sort: "" });
    let defaults = |id, query: &str| page(id, query, 0, SIZE);
    let numbered = |number: u64| format!("?page={number}&size=7");
    let (end, beyond) = (numbered(last), numbered(last + 5));
    let mut rows = vec![
        page("T019", "?page=1&size=2", 1, 2),
        page("T020", &end, last, 7),
        page("T021", &beyond, last + 5, 7).judged("no items", |answer| answer.text().contains("[ ]")),
        page("T024", "?size=5000", 0, 1000),
        page("T025", "?size=1", 0, 1),
    ];
    rows.extend(["?page=abc", "?page=-1", "?page=99999999999"].map(|query| defaults("T022", query)));
    rows.extend(["?size=0", "?size=-5", "?size=abc", "?size=99999999999"].map(|query| defaults("T023", query)));
    // More than one page when it is not asked for one.
    if at.of.filled() >= MADE {
        rows.push(at.row("T018", at.get(""), 200).rels(&["first", "self", "next", "last", "profile"]));
    }
    rows.extend([
        at.row("T198", at.get("?cursor=&size=2"), 200)
            .rels(&["self", "next"])
            .json(json!({"page": {"size": 2}}))
            .lacks("/page/totalElements"),
        at.row("T198", at.get("?cursor=&size=1000"), 200).lacks("/_links/next").json(json!({"_embedded": "<all>"})),
        at.row("T198", at.get("?cursor=7"), 400),
        at.row("T198", at.get("?cursor=&sort=id"), 400),
    ]);
    let all = at.step(at.get("?size=1000"), 200).keep("all", Source::Json("/_embedded"));
    rows.insert(0, all);
    rows
}

fn wholes(at: &At) -> Vec<Row> {
    let same = |id, query: &'static str| listed(id, at, at.get(query), &Listed { query, ..DEFAULT });
    let field = at.of.fields[0].name;
    vec![
        at.row("T037", at.get(""), 200).lacks("/page").lacks("/_links/self/templated").rels(&["self", "profile"]),
        same("T038", "?page=1&size=1"),
        same("T038", "?sort=id,desc"),
        at.row("T038", at.get(&format!("?sort={field},desc")), 200).json(json!({"_embedded": "<embedded>"})),
    ]
}

/// A list that must be printed so, with ids from 1 on without a gap.
fn listed(id: &'static str, at: &At, ask: Request, what: &Listed<'_>) -> Row {
    as_printed(at, at.row(id, ask, 200), what, at.of.filled())
}

fn as_printed(at: &At, row: Row, what: &Listed<'_>, total: u64) -> Row {
    let (is_paged, Listed { query, number, size, sort }) = (at.of.is_paged, *what);
    let link = |number: u64| at.link(&format!("?page={number}&size={size}{sort}"));
    let own = match (is_paged, query) {
        (true, "") => at.link("{?page,size,sort}"),
        _ => at.link(query),
    };
    let last = total.div_ceil(size).saturating_sub(1);
    let (has_previous, has_next) = (is_paged && number > 0, is_paged && number < last);
    let has_more = has_previous || has_next;
    let links = [
        has_more.then(|| ("first", link(0))),
        has_previous.then(|| ("prev", link(number - 1))),
        Some(("self", own)),
        has_next.then(|| ("next", link(number + 1))),
        has_more.then(|| ("last", link(last))),
        Some(("profile", at.profile())),
    ];
    let links: Vec<(&str, String)> = links.into_iter().flatten().collect();
    let (at, first) = (at.clone(), number * size);
    let window = if is_paged { first.min(total)..(first + size).min(total) } else { 0..total };
    row.judged("the list as it is printed", move |answer| {
        let shown = answer.json();
        let ids = printed::items(&at, &shown).iter().filter_map(printed::id).collect::<Vec<_>>();
        let page = at.of.is_paged.then_some([size, total, number]);
        answer.text() == printed::list(&at, &links, page, &shown)
            && ids.iter().copied().eq(window.clone().map(|id| id + 1))
    })
}

fn types(at: &At) -> Vec<Row> {
    let total = at.of.filled();
    let shown = if at.of.is_paged { total.min(3) } else { total };
    let (own, profile) = (at.link(if at.of.is_paged { "?size=3" } else { "?foo=1" }), at.profile());
    let query = if at.of.is_paged { "?size=3" } else { "?foo=1" };
    let items: String = (1..=shown).map(|id| at.link(&format!("/{id}\n"))).collect();
    let is_uri_list = move |answer: &Answer| {
        let text = answer.text();
        text.lines().any(|line| line == own) && text.ends_with(&format!("{profile}\n{items}"))
    };
    let refused = |id, accept: &str| at.row(id, accepting(&at.path(""), accept), 406);
    vec![
        at.row("T040", accepting(&at.path(query), "text/uri-list"), 200)
            .header("content-type", "text/uri-list")
            .judged("the collection's addresses, then its items'", is_uri_list),
        refused("T041", "application/x-spring-data-compact+json"),
        refused("T042", "application/xml"),
        refused("T043", "application/schema+json"),
        refused("T044", "application/prs.hal-forms+json"),
        at.row("T045", accepting(&at.path(""), KETTING), 200).header("content-type", HAL),
    ]
}

fn elsewhere(at: &At) -> Vec<Row> {
    let other_case = at.way.path(&format!("/{}", at.of.path.to_uppercase()));
    let [allow, _] = at.of.allow();
    let mut rows = vec![
        at.row("T036", any(&other_case), 404),
        at.row("T125", Request::delete(&at.path("")).header("Accept", "*/*"), 405).members("allow", allow.clone()),
        at.row("T127", change("PUT", &at.path(""), "{}"), 405).members("allow", allow.clone()),
        at.row("T127", change("PATCH", &at.path(""), "{}"), 405).members("allow", allow.clone()),
        at.row("T156", at.get("/search"), 404).empty(),
        at.row("T157", Request::new("HEAD", &at.path("/search")), 404).empty(),
        at.row("T161", at.get("/search/nosuch"), 404).empty(),
    ];
    if !at.of.offers("POST") {
        rows.push(at.row("T081", change("POST", &at.path(""), "{}"), 405).members("allow", allow));
    }
    rows
}
