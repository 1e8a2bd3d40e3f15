//! §11.2: the root, profiles, and what OPTIONS says of them.

use serde_json::{Value, json};

use super::row::{DELIVERY, HAL, INFORMATION, JSON, PRODUCT, Row, accepting, any, row};
use crate::client::{Answer, JSON_FIRST, Request};

const READ: &str = "GET,HEAD,OPTIONS";
const PROFILE: &str = "/profile/products";

const ROOT: &str = r#"{
  "_links" : {
    "products" : {
      "href" : "http://localhost:8081/products{?page,size,sort}",
      "templated" : true
    },
    "profile" : {
      "href" : "http://localhost:8081/profile"
    }
  }
}"#;

pub(super) fn rows() -> Vec<Row> {
    let options = |path: &str| Request::new("OPTIONS", path);
    vec![
        row("T001", PRODUCT, any("/"), 200).header("content-type", HAL).bytes(ROOT).length(210),
        row("T002", PRODUCT, accepting("/", JSON_FIRST), 200).header("content-type", JSON).bytes(ROOT),
        row("T003", INFORMATION, any("/"), 200)
            .json(json!({"_links": {"myOrders": {"href": "http://localhost:8084/myOrders"}}}))
            .lacks("/_links/myOrders/templated"),
        row("T004", PRODUCT, Request::new("HEAD", "/"), 200)
            .header("content-type", HAL)
            .header("content-length", "210")
            .empty(),
        row("T005", PRODUCT, options("/"), 200).members("allow", READ).empty(),
        row("T006", PRODUCT, any("/profile"), 200).header("content-type", HAL).json(json!({"_links": {
            "self": {"href": "http://localhost:8081/profile"},
            "products": {"href": "http://localhost:8081/profile/products"},
        }})),
        row("T007", PRODUCT, options("/profile"), 200).members("allow", READ).empty(),
        row("T008", PRODUCT, any(PROFILE), 200)
            .header("content-type", "application/alps+json;charset=UTF-8")
            .judged("every descriptor of a collection that offers all", describes_everything),
        row("T009", PRODUCT, accepting(PROFILE, JSON_FIRST), 200)
            .header("content-type", JSON)
            .judged("the same profile", describes_everything),
        row("T010", PRODUCT, accepting(PROFILE, "application/schema+json"), 200)
            .header("content-type", "application/schema+json;charset=UTF-8")
            .json(json!({"title": "Product", "type": "object", "$schema": "http://json-schema.org/draft-04/schema#"}))
            .json(json!({"properties": {"name": {"type": "string"}, "qty": {"type": "integer"}}}))
            .lacks("/properties/id"),
        row("T011", INFORMATION, any("/profile/myOrders"), 200)
            .judged("no parameters of a list without pages", |answer| {
                descriptor(answer, "get-myOrders").is_some_and(|list| list.get("descriptor").is_none())
            }),
        row("T012", DELIVERY, any("/profile/deliveries"), 200).judged("reading and nothing else", |answer| {
            ids(answer) == ["delivery-representation", "get-deliveries", "get-delivery"]
        }),
        row("T013", PRODUCT, any("/profile/nosuch"), 404),
        row("T014", PRODUCT, options(PROFILE), 200).members("allow", READ).empty(),
    ]
}

fn describes_everything(answer: &Answer) -> bool {
    const TYPES: [(&str, &str); 6] = [
        ("create-products", "UNSAFE"),
        ("get-products", "SAFE"),
        ("get-product", "SAFE"),
        ("update-product", "IDEMPOTENT"),
        ("patch-product", "UNSAFE"),
        ("delete-product", "IDEMPOTENT"),
    ];
    let typed = |(id, kind): &(&str, &str)| descriptor(answer, id).is_some_and(|found| found["type"] == *kind);
    answer.json()["alps"]["version"] == "1.0"
        && ids(answer).len() == 7
        && ids(answer)[0] == "product-representation"
        && TYPES.iter().all(typed)
}

fn descriptors(answer: &Answer) -> Vec<Value> {
    answer.json()["alps"]["descriptor"].as_array().cloned().unwrap_or_default()
}

fn descriptor(answer: &Answer, id: &str) -> Option<Value> {
    descriptors(answer).into_iter().find(|descriptor| descriptor["id"] == id)
}

fn ids(answer: &Answer) -> Vec<String> {
    descriptors(answer).iter().filter_map(|descriptor| Some(descriptor["id"].as_str()?.to_owned())).collect()
}
