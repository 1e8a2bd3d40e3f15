//! The description and the routes say the same.

use std::collections::BTreeSet;

use serde_json::Value;

use super::house::{Ask, GATEWAY, House, PRODUCT, RENTAL};
use crate::http::Face;

const METHODS: [(&str, &str); 5] =
    [("get", "GET"), ("post", "POST"), ("put", "PUT"), ("patch", "PATCH"), ("delete", "DELETE")];
/// An id that nothing has.
const NOBODY: &str = "999999";

async fn document(house: &House, face: Face) -> Value {
    let told = house.send(face, Ask::get("/openapi.json")).await;
    assert_eq!((told.status, told.header("content-type")), (200, Some("application/json")));
    serde_json::from_str(&told.body).expect("a document")
}

/// Every reference in a document.
fn references(node: &Value, found: &mut BTreeSet<String>) {
    match node {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_method_is_described_where_it_is_offered_and_nowhere_else() {
    let house = House::start().await;
    for face in [PRODUCT, GATEWAY] {
        let document = document(&house, face).await;
        let paths = document["paths"].as_object().expect("paths");
        assert!(paths.contains_key("/products/{id}"), "{paths:#?}");
        // A feed goes on until its client leaves.
        for (path, item) in paths.iter().filter(|(path, _)| *path != "/events") {
            for (method, upper) in METHODS {
                let ask = Ask::new(upper, &path.replace("{id}", NOBODY)).json("{}");
                let told = house.send(face, ask).await;
                let is_offered = told.status != 405;
                assert_eq!(item.get(method).is_some(), is_offered, "{method} {path}: {} {}", told.status, told.body);
                if is_offered && method == "get" && !path.contains('{') {
                    assert_eq!(told.status, 200, "{path}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_reference_leads_somewhere_and_every_answer_is_as_described() {
    let house = House::start().await;
    let created = house.send(PRODUCT, Ask::post("/products", r#"{"name":"computer","qty":9}"#)).await;
    assert_eq!(created.status, 201);
    for face in [PRODUCT, GATEWAY] {
        let document = document(&house, face).await;
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert!(found.len() > 10, "{found:?}");
        for reference in found {
            let pointer = reference.strip_prefix('#').expect("a reference in the document");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        let shown: Value =
            serde_json::from_str(&house.send(face, Ask::get("/products/1")).await.body).expect("an item");
        let described = &document["components"]["schemas"]["Product"];
        let names = |node: &Value| node.as_object().map(|it| it.keys().cloned().collect::<BTreeSet<_>>());
        assert_eq!(names(&shown), names(&described["properties"]));
    }
}

#[tokio::test(start_paused = true)]
async fn the_page_is_whole_and_loads_nothing_from_elsewhere() {
    let house = House::start().await;
    let page = house.send(GATEWAY, Ask::get("/docs")).await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.header("content-security-policy").is_some_and(|policy| policy.starts_with("default-src 'self'")));
    assert!(!page.body.contains("http://") && !page.body.contains("https://"), "it names another place");
    let same = house.send(GATEWAY, Ask::get("/v3/api-docs")).await;
    assert_eq!(same.body, house.send(GATEWAY, Ask::get("/openapi.json")).await.body);
}

#[tokio::test(start_paused = true)]
async fn what_can_be_selected_is_described_where_the_operator_has_it_answered() {
    let house = House::start().await;
    let parameters = async |path: &str| {
        let described = document(&house, RENTAL).await;
        let listed = described["paths"][path]["get"]["parameters"].as_array().expect("parameters").clone();
        let name = |one: &Value| one["name"].as_str().or(one["$ref"].as_str()).expect("a name").to_owned();
        listed.iter().map(|one| name(one).rsplit('/').next().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(parameters("/rentals").await, ["page", "size", "sort", "cursor"]);
    let system = crate::systems::oa_rental::system();
    house.edge.journal.index(system.services.iter().flat_map(|service| &service.resources));
    assert_eq!(parameters("/rentals").await, ["page", "size", "sort", "cursor", "fields", "productId", "status"]);
    assert_eq!(parameters("/rentals/{id}").await, ["at", "fields"]);
}
