//! §11.5: items that are changed and removed, and the methods that are not offered.

use serde_json::{Map, json};

use super::super::row::{HAL, JSON, Row, Source, any, change, typed};
use super::At;
use crate::client::Request;
use crate::offer::Posted;

const PATCH_TYPES: &str = "application/merge-patch+json,application/json-patch+json,application/json";

pub(super) fn rows(at: &At) -> Vec<Row> {
    let mut rows = vec![at.row("T082", change("POST", &at.path("/1"), at.of.body), 405).members("allow", allow(at))];
    let offers = |method| at.of.offers(method);
    for method in ["PUT", "PATCH", "DELETE"].into_iter().filter(|method| !offers(method)) {
        rows.push(at.row("T126", change(method, &at.path("/1"), "{}"), 405).members("allow", allow(at)));
    }
    for (is_offered, part) in [
        (offers("PUT"), puts as fn(&At) -> Vec<Row>),
        (offers("PATCH"), patches),
        (offers("PATCH"), operations),
        (offers("PATCH"), refused_patches),
        (offers("DELETE"), deletes),
    ] {
        rows.extend(is_offered.then(|| part(at)).into_iter().flatten());
    }
    rows
}

fn allow(at: &At) -> String {
    at.of.allow()[1].clone()
}

/// An item to change that nobody else does, at rest: `<new>` is its path, `<item>` what it shows, `<tag>` its tag.
pub(super) fn fresh(at: &At) -> Vec<Row> {
    let look = |path: &str| {
        at.step(any(path), 200)
            .soon()
            .json(at.of.rest())
            .keep("item", Source::Json(""))
            .keep("links", Source::Json("/_links"))
            .keep("tag", Source::Header("etag"))
    };
    match at.of.offers("POST") {
        true => {
            vec![at.step(change("POST", &at.path(""), at.of.body), 201).keep("new", Source::Path), look("<new>")]
        }
        // What is made of something else is there since the system was filled.
        false => vec![look(&at.path("/2")).keep("new", Source::PathOf("/_links/self/href"))],
    }
}

fn after(mut rows: Vec<Row>, more: impl IntoIterator<Item = Row>) -> Vec<Row> {
    rows.extend(more);
    rows
}

fn puts(at: &At) -> Vec<Row> {
    let field = &at.of.fields[0];
    let only = Map::from_iter([(field.name.to_owned(), json!("b"))]);
    let (sent, shown) = (json!(only).to_string(), at.of.shown(&only));
    let silent = || Request::new("PUT", "<new>").json(sent.clone());
    let mut with_id = only.clone();
    with_id.insert("id".into(), json!(777));
    let put = |id, body: &str, status| at.row(id, change("PUT", "<new>", body), status);
    let address = "<links>";
    let here = json!({"_links": address});
    let mut rows = after(
        fresh(at),
        [put("T104", &sent, 200).header("content-type", JSON).some("location").json(shown.clone()).json(here.clone())],
    );
    rows.extend(after(fresh(at), [at.row("T105", silent(), 204).some("location").empty()]));
    rows.push(at.step(any("<new>"), 200).json(shown.clone()));
    rows.extend(after(
        fresh(at),
        [
            at.row("T106", silent().header("Accept", "*/*"), 200)
                .header("content-type", HAL)
                .some("location")
                .keep("put", Source::Path)
                .json(shown.clone()),
            at.step(any("<put>"), 200).json(here.clone()).json(shown),
        ],
    ));
    rows.extend(after(fresh(at), [put("T107", &json!(with_id).to_string(), 200).json(here)]));
    rows.extend(after(
        fresh(at),
        [
            at.row("T107", at.get("/777777"), 404).empty(),
            at.row("T108", change("PUT", &at.path("/777777"), &sent), 404).empty(),
            put("T109", "{\"", 400),
            put("T109", "[]", 400),
            put("T109", "", 400),
            put("T109", &json!({field.name: {}}).to_string(), 400),
            at.row("T110", typed("PUT", "<new>", "text/plain", "x"), 415).some("accept-post"),
            at.step(any("<new>"), 200).json(json!("<item>")).header("etag", "<tag>"),
        ],
    ));
    rows
}

fn patches(at: &At) -> Vec<Row> {
    let (body, shown) = (at.of.patch, at.of.patched());
    let patched = |id, body: &str| at.row(id, change("PATCH", "<new>", body), 200);
    let here = json!({"_links": "<links>"});
    let with_id = body.replacen('{', "{\"id\":9,", 1);
    let with_more = body.replacen('{', "{\"nosuch\":9,\"_links\":{},", 1);
    let mut rows = fresh(at);
    rows.push(patched("T115", "{}").json(json!("<item>")));
    rows.push(at.step(any("<new>"), 200).json(json!("<item>")));
    rows.push(patched("T111", body).header("content-type", JSON).no_header("location").json(shown.clone()));
    rows.extend(after(
        fresh(at),
        [at.row("T112", Request::new("PATCH", "<new>").json(body), 204).some("etag").empty()],
    ));
    // A cancel goes on by itself.
    if changed(at).is_number() {
        rows.push(at.step(any("<new>"), 200).json(shown.clone()));
    }
    rows.extend(after(fresh(at), [patched("T114", &with_id).json(shown.clone()).json(here.clone())]));
    rows.extend(after(fresh(at), [patched("T065", &with_more).json(shown.clone()).json(here)]));
    let merge = typed("PATCH", "<new>", "application/merge-patch+json", body);
    rows.extend(after(fresh(at), [at.row("T116", merge, 200).json(shown)]));
    // Where a client may change what it sent, it may take it back too.
    let kept = at.of.fields.iter().find(|field| field.posted == Posted::Kept && !field.is_number());
    if let Some(field) = kept.filter(|_| changed(at).is_number()) {
        rows.push(patched("T113", &json!({field.name: null}).to_string()).json(json!({field.name: null})));
        rows.push(patched("T062", &json!({field.name: 5}).to_string()).json(json!({field.name: "5"})));
    }
    // A status or a name that may be set to some values only is neither taken away nor made up.
    if !changed(at).is_number() {
        let refused = |value: serde_json::Value| {
            at.row("T113", change("PATCH", "<new>", &json!({changed(at).name: value}).to_string()), 409)
        };
        rows.extend(after(fresh(at), [refused(json!(null)), refused(json!(" "))]));
        rows.extend(at.of.offers("POST").then(|| refused(json!("nosuch"))));
        rows.push(at.step(any("<new>"), 200).json(json!("<item>")).header("etag", "<tag>"));
    }
    rows
}

/// The field that the offer's patch changes.
fn changed(at: &At) -> &'static crate::offer::Field {
    let patch: Map<String, serde_json::Value> = serde_json::from_str(at.of.patch).expect("an object");
    at.of.field(patch.keys().next().expect("a member"))
}

fn operated(at: &At, id: &'static str, operations: &serde_json::Value, status: u16) -> Row {
    at.row(id, typed("PATCH", "<new>", "application/json-patch+json", &operations.to_string()), status)
}

fn operations(at: &At) -> Vec<Row> {
    let patch: Map<String, serde_json::Value> = serde_json::from_str(at.of.patch).expect("an object");
    let set: Vec<_> = patch
        .iter()
        .map(|(name, value)| json!({"op": "replace", "path": format!("/{name}"), "value": value}))
        .collect();
    let other = format!("/{}", at.of.fields[0].name);
    let copy = json!([{"op": "copy", "from": other, "path": other}]);
    let mut rows = after(
        fresh(at),
        [operated(at, "T117", &json!(set), 200).json(at.of.patched()).json(json!({"_links": "<links>"}))],
    );
    rows.extend(after(fresh(at), [operated(at, "T117", &copy, 200).json(json!("<item>"))]));
    rows.extend(fresh(at));
    rows.extend([
        operated(at, "T118", &json!([set[0], {"op": "test", "path": other, "value": "zz"}]), 400),
        operated(at, "T119", &json!([set[0], {"op": "shuffle", "path": other}]), 400),
        operated(at, "T119", &json!([set[0], {"op": "replace", "path": "/nosuch", "value": 1}]), 400),
        operated(at, "T119", &json!([set[0], {"op": "replace", "path": other}]), 400),
        operated(at, "T119", &set[0], 400),
        operated(at, "T119", &json!([1]), 400),
        at.row("T077", Request::new("PATCH", "<new>").header("Accept", "application/xml").json(at.of.patch), 406),
        at.step(any("<new>"), 200).json(json!("<item>")).header("etag", "<tag>"),
    ]);
    rows
}

fn refused_patches(at: &At) -> Vec<Row> {
    let name = changed(at).name;
    let patch = |id, body: &str, status| at.row(id, change("PATCH", "<new>", body), status);
    after(
        fresh(at),
        [
            at.row("T120", change("PATCH", &at.path("/777777"), at.of.patch), 404).empty(),
            at.row("T120", change("PATCH", &at.path("/777777"), "{"), 404).empty(),
            at.row("T120", change("PATCH", &at.path("/abc"), at.of.patch), 404).empty(),
            patch("T121", "", 400),
            patch("T121", "{", 400),
            patch("T121", "[]", 400),
            patch("T121", "null", 400),
            patch("T121", &json!({name: {}}).to_string(), 400),
            patch("T121", &json!({name: [1]}).to_string(), 400),
            at.row("T122", typed("PATCH", "<new>", "text/plain", "x"), 415).members("accept-patch", PATCH_TYPES),
            at.step(any("<new>"), 200).json(json!("<item>")).header("etag", "<tag>"),
        ],
    )
}

fn deletes(at: &At) -> Vec<Row> {
    let delete = |path: &str| Request::delete(path).header("Accept", "*/*");
    let mut rows = fresh(at);
    rows.push(at.row("T123", delete("<new>"), 204).no_header("content-type").empty());
    match at.of.remains {
        Some(members) => {
            let members: serde_json::Value = serde_json::from_str(members).expect("an object");
            rows.push(at.row("T123", any("<new>"), 200).soon().json(members));
        }
        None => {
            rows.push(at.row("T123", any("<new>"), 404).empty());
            rows.push(at.row("T124", delete("<new>"), 404).empty());
        }
    }
    rows.extend([
        at.row("T124", delete(&at.path("/777777")), 404).empty(),
        at.row("T124", delete(&at.path("/abc")), 404).empty(),
    ]);
    // The time an answer may take is the client's here.
    rows.extend(after(
        fresh(at),
        [at.row("T172", delete("<new>").header("Request-Timeout", "0"), 504), at.row("T172", any("<new>"), 200)],
    ));
    rows
}
