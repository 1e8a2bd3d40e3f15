//! The hand-written paths, which answer plain: those that only read, the view of book rental, and items at singular paths.

use serde_json::{Value, json};

use super::super::row::{JSON, Row, Source, accepting, any, change, row, typed};
use super::{At, Way};
use crate::client::{Answer, Request};
use crate::offer::{MADE, Posted, System};
use crate::support::Server;

const TEXT: &str = "text/plain;charset=UTF-8";
const READ: &str = "GET,HEAD,OPTIONS";
/// The fields of book rental's view, which is no collection.
const VIEW: [&str; 11] = [
    "id",
    "rentalId",
    "bookId",
    "bookName",
    "qty",
    "customerId",
    "rentalStatus",
    "deliveryId",
    "deliveryState",
    "reserveId",
    "reserveStatus",
];

/// What only reads.
pub(super) fn reads(server: &Server, system: &'static System) -> Vec<Row> {
    let ways = |service| [Way::to_service(server, system.name, service), Way::by_gateway(server, system.name, service)];
    let mut rows = Vec::new();
    for plain in system.plain {
        for way in ways(plain.service) {
            let said = row("plain", way.door, any(&way.path(plain.path)), plain.status);
            rows.push(match plain.status {
                200 => said.header("content-type", TEXT).bytes(plain.text),
                404 => said.empty(),
                _ => said.text(plain.text),
            });
            let path = way.path(plain.path.split('?').next().unwrap_or_default());
            rows.push(row("plain", way.door, change("POST", &path, "{}"), 405).members("allow", READ));
            rows.push(row("plain", way.door, Request::delete(&path), 405).members("allow", READ));
            rows.push(row("plain", way.door, Request::new("OPTIONS", &path), 200).members("allow", READ).empty());
            rows.push(row("plain", way.door, any(&format!("{path}/nosuch")), 404));
        }
    }
    if system.name == "book-rental" {
        rows.extend(ways("view").iter().flat_map(view));
    }
    rows
}

fn view(way: &Way) -> Vec<Row> {
    let at = |path: &str, status| row("view", way.door, any(&way.path(path)), status);
    let keys = |row: &Value| {
        row.as_object().is_some_and(|row| row.len() == VIEW.len() && VIEW.iter().all(|key| row.contains_key(*key)))
    };
    let in_order = |answer: &Answer| {
        let text = answer.text();
        let places: Vec<_> = VIEW.iter().map(|key| text.find(&format!("\"{key}\":"))).collect();
        places.iter().all(Option::is_some) && places.is_sorted()
    };
    vec![
        at("/view", 200).header("content-type", JSON).judged("a row for each rental", move |answer| {
            answer.json().as_array().is_some_and(|rows| rows.len() as u64 == MADE && rows.iter().all(keys))
        }),
        at("/view/1", 200)
            .header("content-type", JSON)
            .judged("the view's fields in their order", move |answer| keys(&answer.json()) && in_order(answer))
            .json(json!({
                "id": 1, "rentalId": 1, "bookId": 5, "bookName": "CLOCK", "qty": 1, "customerId": "customer 1",
                "rentalStatus": "배송생성", "deliveryId": 1, "deliveryState": "DeliveryStarted", "reserveId": null,
                "reserveStatus": null,
            })),
        at("/view/99999", 404).empty(),
        at("/view/abc", 404),
        at("/view/1/nosuch", 404),
        row("view", way.door, accepting(&way.path("/view/1"), "application/xml"), 406),
        row("view", way.door, accepting(&way.path("/view"), "application/xml"), 406),
        row("view", way.door, change("POST", &way.path("/view"), "{}"), 405).members("allow", READ),
        row("view", way.door, change("PATCH", &way.path("/view/1"), "{}"), 405).members("allow", READ),
        row("view", way.door, Request::new("HEAD", &way.path("/view/1")), 200).header("content-type", JSON).empty(),
        row("view", way.door, Request::new("OPTIONS", &way.path("/view/1")), 200).members("allow", READ).empty(),
    ]
}

/// Items at singular paths.
pub(super) fn twins(at: &At) -> Vec<Row> {
    if !at.of.is_plain_too {
        return Vec::new();
    }
    let mut rows = read(at);
    rows.extend(verbs(at));
    if at.of.offers("POST") {
        rows.extend(posts(at));
        rows.extend(writes(at));
    }
    rows
}

fn path(at: &At, rest: &str) -> String {
    at.way.path(&format!("/{}{rest}", at.of.item))
}

fn twin(at: &At, ask: Request, status: u16) -> Row {
    row("twin", at.way.door, ask, status)
}

/// Exactly the id and the fields, without blanks.
fn is_plain(at: &At) -> impl Fn(&Answer) -> bool + Send + Sync + 'static {
    let of = at.of;
    move |answer| {
        let shown = answer.json();
        let fields = of.fields.iter().map(|field| format!(",\"{}\":{}", field.name, shown[field.name]));
        answer.text() == format!("{{\"id\":{}{}}}", shown["id"], fields.collect::<String>())
    }
}

fn read(at: &At) -> Vec<Row> {
    let problem = json!({"status": 404, "path": path(at, "/99999")});
    vec![
        at.step(at.get("/1"), 200).keep("tag", Source::Header("etag")),
        twin(at, any(&path(at, "/1")), 200)
            .header("content-type", JSON)
            .header("etag", "<tag>")
            .json(json!({"id": 1}))
            .judged("id and fields", is_plain(at)),
        twin(at, any(&path(at, "/1")).header("If-None-Match", "<tag>"), 304).empty(),
        twin(at, any(&path(at, "/1/")), 200).json(json!({"id": 1})),
        twin(at, Request::new("HEAD", &path(at, "/1")), 200).header("content-type", JSON).empty(),
        twin(at, any(&path(at, "/99999")), 404).empty(),
        twin(at, accepting(&path(at, "/99999"), "application/problem+json"), 404).json(problem),
        twin(at, any(&path(at, "/abc")), 404),
        twin(at, any(&path(at, "/-1")), 404),
        twin(at, any(&path(at, "/1/nosuch")), 404),
        twin(at, accepting(&path(at, "/1"), "application/xml"), 406),
        twin(at, any(&path(at, "/1")).header("Request-Timeout", "x"), 200),
    ]
}

fn verbs(at: &At) -> Vec<Row> {
    let writes: String = ["PATCH", "DELETE"]
        .into_iter()
        .filter(|method| at.of.offers(method))
        .map(|method| format!("{method},"))
        .collect();
    let allow = format!("GET,HEAD,{writes}OPTIONS");
    let above = if at.of.offers("POST") { "POST,OPTIONS" } else { "OPTIONS" };
    vec![
        twin(at, Request::new("OPTIONS", &path(at, "/1")), 200).members("allow", allow.clone()).empty(),
        twin(at, Request::new("OPTIONS", &path(at, "")), 200).members("allow", above).empty(),
        twin(at, change("PUT", &path(at, "/1"), "{}"), 405).members("allow", allow.clone()),
        twin(at, change("POST", &path(at, "/1"), "{}"), 405).members("allow", allow),
        twin(at, any(&path(at, "")), 405).members("allow", above),
        twin(at, Request::delete(&path(at, "")), 405).members("allow", above),
    ]
}

fn posts(at: &At) -> Vec<Row> {
    let post = |body: &str, status| twin(at, change("POST", &path(at, ""), body), status);
    let shown = at.of.shown(&at.of.posted());
    let is_needed = at.of.fields.iter().any(|field| field.is_needed());
    let keyed = || {
        change("POST", &path(at, ""), at.of.body).header("Idempotency-Key", &format!("{}{}", at.way.door, path(at, "")))
    };
    let with = |name: &str, value: Value| {
        let mut body = at.of.posted();
        body.insert(name.to_owned(), value);
        json!(body).to_string()
    };
    let silent = Request::new("POST", &path(at, "")).json(at.of.body);
    let xml = Request::new("POST", &path(at, "")).header("Accept", "application/xml").json(at.of.body);
    let mut rows = vec![
        post(at.of.body, 200).header("content-type", JSON).json(shown.clone()).judged("id and fields", is_plain(at)),
        twin(at, silent, 200).header("content-type", JSON).json(shown.clone()),
        twin(at, keyed(), 200).keep("made", Source::Json("/id")),
        twin(at, keyed(), 200).json(json!({"id": "<made>"})),
        post(&with("id", json!(1)), 409).json(json!({"reason": "id-is-free"})),
        post(&with("id", json!(888_888)), 200).judged("an id of its own", |answer| answer.json()["id"] != 888_888),
        post("{}", if is_needed { 409 } else { 200 }),
    ];
    let count = || at.step(at.get("?size=1"), 200);
    rows.push(count().keep("page", Source::Json("/page")));
    rows.extend(["{", "", "[]", "null", "\"x\"", "{}{}"].map(|body| post(body, 400)));
    for field in at.of.fields {
        rows.push(post(&with(field.name, json!({})), 400));
        rows.extend(field.is_number().then(|| post(&with(field.name, json!("abc")), 400)));
        if let Posted::AtLeast(least) = field.posted {
            rows.push(post(&with(field.name, json!(least - 1)), 409));
        }
    }
    rows.extend([
        twin(at, typed("POST", &path(at, ""), "text/plain", at.of.body), 415).some("accept-post"),
        twin(at, typed("POST", &path(at, ""), "application/x-www-form-urlencoded", "a=1"), 415).some("accept-post"),
        twin(at, xml, 406),
        count().json(json!({"page": "<page>"})),
    ]);
    rows
}

fn writes(at: &At) -> Vec<Row> {
    let fresh = || {
        let made = change("POST", &path(at, ""), at.of.body);
        let hal = at.path("/<made>");
        let rested = at.step(any(&hal), 200).soon().json(at.of.rest()).keep("tag", Source::Header("etag"));
        vec![twin(at, made, 200).keep("made", Source::Json("/id")), rested]
    };
    let one = path(at, "/<made>");
    let unchanged = || at.step(any(&at.path("/<made>")), 200).header("etag", "<tag>");
    let mut rows = Vec::new();
    if at.of.offers("PATCH") {
        let patch = |body: &str, status| twin(at, change("PATCH", &one, body), status);
        let stale = change("PATCH", &one, at.of.patch).header("If-Match", "\"9999\"");
        let known = change("PATCH", &one, at.of.patch).header("If-Match", "<tag>");
        rows.extend(fresh());
        rows.extend([
            twin(at, stale, 412).header("etag", "<tag>"),
            patch("{", 400),
            patch("[]", 400),
            patch(&json!({at.of.fields[0].name: {}}).to_string(), 400),
            twin(at, typed("PATCH", &one, "text/plain", "x"), 415),
            twin(at, change("PATCH", &path(at, "/777777"), at.of.patch), 404).empty(),
            unchanged(),
            twin(at, known, 200)
                .header("content-type", JSON)
                .json(at.of.patched())
                .judged("id and fields", is_plain(at)),
            patch("{}", 200).json(json!({"id": "<made>"})),
        ]);
    }
    if at.of.offers("DELETE") {
        rows.extend(fresh());
        let remains = at.of.remains.map_or(json!({}), |members| serde_json::from_str(members).expect("an object"));
        rows.extend([
            twin(at, Request::delete(&one).header("If-Match", "\"9999\""), 412).header("etag", "<tag>"),
            twin(at, Request::delete(&path(at, "/777777")), 404).empty(),
            unchanged(),
            twin(at, Request::delete(&one), 200).header("content-type", JSON).judged("id and fields", is_plain(at)),
            twin(at, any(&one), 200).soon().json(remains),
        ]);
    }
    rows
}
