//! §11.4: what a POST reads, refuses and answers, field by field.

use serde_json::{Map, Value, json};

use super::super::row::{HAL, JSON, Row, Source, any, change, typed};
use super::{At, printed};
use crate::client::Request;
use crate::offer::{Field, Posted, Shape};

pub(super) fn rows(at: &At) -> Vec<Row> {
    match at.of.offers("POST") {
        true => [answers(at), fields(at), read(at), refused(at), ids(at)].into_iter().flatten().collect(),
        false => Vec::new(),
    }
}

/// The offer's body with other members.
fn with(at: &At, members: &[(&str, Value)]) -> Map<String, Value> {
    let mut body = at.of.posted();
    body.extend(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    body
}

fn posted(at: &At, id: &'static str, body: &Map<String, Value>, status: u16) -> Row {
    at.row(id, change("POST", &at.path(""), &json!(body).to_string()), status)
}

/// What a POST answers, by what its client accepts.
fn answers(at: &At) -> Vec<Row> {
    let silent = || Request::new("POST", &at.path("")).json(at.of.body);
    let shown = || at.of.shown(&at.of.posted());
    let exact = || {
        let at = at.clone();
        move |answer: &crate::client::Answer| {
            let shown = answer.json();
            let own = shown["_links"]["self"]["href"].as_str();
            answer.text() == printed::item(&at, &shown) && answer.header("location") == own
        }
    };
    // As HTTPie sends it: numbers are texts.
    let as_texts = at.of.posted().into_iter().map(|(name, value)| {
        let text = value.as_i64().map(|number| Value::from(number.to_string()));
        (name, text.unwrap_or(value))
    });
    vec![
        posted(at, "T052", &as_texts.collect(), 201)
            .header("content-type", JSON)
            .judged("the item as it is printed", exact())
            .json(shown())
            .keep("new", Source::Path),
        at.row("T053", silent().header("Accept", "*/*"), 201)
            .header("content-type", HAL)
            .judged("the item as it is printed", exact())
            .json(shown()),
        at.row("T054", silent(), 201).some("location").no_header("content-type").empty(),
        at.row("T085", silent(), 201).some("etag").empty(),
        posted(at, "T084", &at.of.posted(), 201).some("etag"),
        at.row("T084", any("<new>"), 200).soon().json(at.of.rest()),
    ]
}

/// Every field, with values of other shapes and with none.
fn fields(at: &At) -> Vec<Row> {
    at.of.fields.iter().flat_map(|field| if field.is_number() { number(at, field) } else { text(at, field) }).collect()
}

fn number(at: &At, field: &'static Field) -> Vec<Row> {
    let send = |id, value: Value, status| posted(at, id, &with(at, &[(field.name, value)]), status);
    let most = if field.shape == Shape::Int { json!(99_999_999_999_i64) } else { json!(1e30) };
    let mut rows = vec![
        send("T056", json!(9.7), 400),
        send("T057", json!("9.5"), 400),
        send("T058", json!("abc"), 400),
        send("T059", json!(true), 400),
        send("T061", most, 400),
        send("T063", json!({}), 400),
        send("T063", json!([1]), 400),
    ];
    for nothing in [json!(null), json!(""), json!(" null ")] {
        let sent = with(at, &[(field.name, json!(null))]);
        let mut shown = at.of.shown(&sent);
        if field.shape == Shape::Int && field.posted != Posted::Ignored {
            shown[field.name] = json!(0);
        }
        rows.push(match field.is_needed() {
            true => send("T060", nothing, 409).some("content-type"),
            false => send("T060", nothing, 201).json(shown),
        });
    }
    if let Posted::AtLeast(least) = field.posted {
        rows.push(send("T064", json!(least - 1), 409));
        rows.push(send("T052", json!(format!(" {least} ")), 201).json(json!({field.name: least})));
    }
    if field.posted == Posted::Names {
        rows.push(send("T064", json!(777_777), 409));
        rows.push(send("T064", json!(-1), 409));
    }
    rows
}

fn text(at: &At, field: &'static Field) -> Vec<Row> {
    let send = |id, value: Value, status| posted(at, id, &with(at, &[(field.name, value)]), status);
    let mut rows = vec![send("T063", json!({}), 400), send("T063", json!([1]), 400)];
    if field.posted == Posted::Kept {
        let taken = |id, value: Value, shown: &str| send(id, value, 201).json(json!({field.name: shown}));
        let nothing = send("T064", json!(null), 201);
        rows.extend([
            taken("T062", json!(5), "5"),
            taken("T094", json!(true), "true"),
            taken("T066", json!("한글 \"😀\"\n"), "한글 \"😀\"\n").text("한글"),
            taken("T060", json!(""), ""),
            if field.is_optional {
                nothing.lacks(format!("/{}", field.name))
            } else {
                nothing.json(json!({field.name: null}))
            },
        ]);
    } else {
        rows.push(posted(at, "T065", &with(at, &[(field.name, json!("mine"))]), 201).judged("it is the server's", {
            let name = field.name;
            move |answer| answer.json()[name] != "mine"
        }));
    }
    rows
}

/// Bodies that are read, as forgivingly as ever.
fn read(at: &At) -> Vec<Row> {
    let shown = || at.of.shown(&at.of.posted());
    let as_type = |id, media: &str| at.row(id, typed("POST", &at.path(""), media, at.of.body), 201).json(shown());
    let is_needed = at.of.fields.iter().any(Field::is_needed);
    let nothing = posted(at, "T064", &Map::new(), if is_needed { 409 } else { 201 });
    let more = [("extra", json!(1)), ("_links", json!({"self": {"href": "x"}}))];
    let untyped = Request::new("POST", &at.path("")).header("Accept", "*/*").body(at.of.body);
    vec![
        if is_needed { nothing } else { nothing.json(at.of.shown(&Map::new())) },
        posted(at, "T065", &with(at, &more), 201).json(shown()).lacks("/extra"),
        at.row("T071", untyped, 201).json(shown()),
        as_type("T071", ""),
        as_type("T072", "application/hal+json"),
        as_type("T073", "application/vnd.x+json"),
        as_type("T072", "application/json;charset=UTF-8"),
    ]
}

/// Bodies that mean nothing; none of them is stored.
fn refused(at: &At) -> Vec<Row> {
    let malformed = [
        ("T067", "{\""),
        ("T068", ""),
        ("T069", "[]"),
        ("T069", "\"x\""),
        ("T070", "null"),
        ("T095", "{} {\"x\":1}"),
        ("T067", "{\"a\":\u{1}}"),
    ];
    let as_type = |id, media: &str| {
        let row = at.row(id, typed("POST", &at.path(""), media, at.of.body), 415);
        row.members("accept-post", "application/json,application/hal+json")
    };
    let xml = Request::new("POST", &at.path("")).header("Accept", "application/xml").json(at.of.body);
    let mut rows = vec![at.step(at.get("?size=1"), 200).keep("page", Source::Json("/page"))];
    rows.extend(malformed.map(|(id, body)| at.row(id, change("POST", &at.path(""), body), 400)));
    rows.extend([
        as_type("T074", "text/plain"),
        as_type("T075", "application/x-www-form-urlencoded"),
        as_type("T076", "text/uri-list"),
        as_type("T074", "application/json-patch+json"),
        at.row("T077", xml, 406),
        at.step(at.get("?size=1"), 200).json(json!({"page": "<page>"})),
    ]);
    rows
}

/// Ids that a client sends.
fn ids(at: &At) -> Vec<Row> {
    vec![
        at.step(at.get("/1"), 200).keep("item", Source::Json("")),
        posted(at, "T078", &with(at, &[("id", json!(1))]), 409).json(json!({"reason": "id-is-free"})),
        at.row("T078", at.get("/1"), 200).json(json!("<item>")),
        posted(at, "T079", &with(at, &[("id", json!(888_888))]), 201).other_than("location", at.link("/888888")),
        at.row("T079", at.get("/888888"), 404).empty(),
    ]
}
