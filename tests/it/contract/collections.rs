//! §11.3: lists, their pages, orders and types. Grows the products from none to 45.

use serde_json::{Value, json};

use super::row::{DELIVERY, HAL, INFORMATION, JSON, PRODUCT, RENTAL, Row, Source, accepting, any, change, row, step};
use crate::client::{JSON_FIRST, Request};
use crate::edge::golden;

const KETTING: &str = "application/prs.hal-forms+json;q=1.0, application/hal+json;q=0.9, application/vnd.api+json;q=0.8, \
    application/vnd.siren+json;q=0.8, application/vnd.collection+json;q=0.8, application/json;q=0.7, text/html;q=0.6";
const COLLECTION: &str = "http://localhost:8081/products";

/// Nothing is there yet.
pub(super) fn empty() -> Vec<Row> {
    let orders = json!({"_embedded": {"myOrders": []}, "_links": {
        "self": {"href": "http://localhost:8084/myOrders"},
        "profile": {"href": "http://localhost:8084/profile/myOrders"},
    }});
    vec![
        row("T015", PRODUCT, any("/products"), 200)
            .header("content-type", HAL)
            .bytes(golden::page("", 0))
            .length(358)
            .rels(&["self", "profile"]),
        row("T037", INFORMATION, any("/myOrders"), 200)
            .header("content-type", HAL)
            .json(orders)
            .lacks("/_links/self/templated")
            .lacks("/page"),
        // No query methods are exported, so there is no link to them.
        row("T039", INFORMATION, any("/myOrders"), 200).rels(&["self", "profile"]),
    ]
}

/// One product is there, as T052 made it.
pub(super) fn one() -> Vec<Row> {
    let page = golden::page(&(golden::ITEM.replace('\n', "\n    ") + " "), 1);
    vec![
        row("T016", PRODUCT, any("/products"), 200)
            .header("content-type", HAL)
            .bytes(page.clone())
            .length(607)
            .keep("page-tag", Source::Header("etag")),
        row("T017", PRODUCT, accepting("/products", JSON_FIRST), 200).header("content-type", JSON).bytes(page),
        row("T046", PRODUCT, Request::new("HEAD", "/products"), 200)
            .header("content-type", HAL)
            .header("content-length", "607")
            .header("etag", "<page-tag>")
            .empty(),
    ]
}

/// Two, three and five products.
pub(super) fn few() -> Vec<Row> {
    let product = |name: &str, qty: u64| {
        step(PRODUCT, change("POST", "/products", &json!({"name": name, "qty": qty}).to_string()), 201)
    };
    let lines = ["", "/1", "/2"].map(|item| format!("{COLLECTION}{item}\n"));
    let list = [&lines[0], "http://localhost:8081/profile/products\n", &lines[1], &lines[2]].concat();
    let mut rows = vec![
        product("monitor", 3),
        row("T040", PRODUCT, accepting("/products", "text/uri-list"), 200)
            .header("content-type", "text/uri-list")
            .bytes(list),
        product("monitor", 7),
        row("T025", PRODUCT, any("/products?size=1"), 200).json(page(1, 3, 3, 0)),
        product("desk", 9),
        product("chair", 9),
    ];
    rows.extend(pages_of_five());
    rows.extend(orders_of_five());
    rows
}

fn pages_of_five() -> Vec<Row> {
    let link = |number: u64| json!({"href": format!("{COLLECTION}?page={number}&size=2")});
    vec![
        row("T019", PRODUCT, any("/products?page=1&size=2"), 200)
            .items(&["name", "qty"], json!([["monitor", 7], ["desk", 9]]))
            .json(json!({"_links": {"first": link(0), "prev": link(0), "self": link(1), "next": link(2), "last": link(2)}}))
            .rels(&["first", "prev", "self", "next", "last", "profile"])
            .json(page(2, 5, 3, 1)),
        row("T020", PRODUCT, any("/products?page=2&size=2"), 200)
            .items(&["name"], json!(["chair"]))
            .json(json!({"_links": {"last": link(2)}}))
            .lacks("/_links/next"),
        row("T021", PRODUCT, any("/products?page=9&size=2"), 200)
            .items(&["name"], json!([]))
            .rels(&["first", "prev", "self", "last", "profile"])
            .json(page(2, 5, 3, 9)),
    ]
}

fn orders_of_five() -> Vec<Row> {
    let names = |id, query: &str, names: &Value| {
        row(id, PRODUCT, any(&format!("/products?{query}")), 200).items(&["name"], names.clone())
    };
    let both = |id, query: &str, items: Value| {
        row(id, PRODUCT, any(&format!("/products?{query}")), 200).items(&["name", "qty"], items)
    };
    let descending = json!(["monitor", "monitor", "desk", "computer", "chair"]);
    let as_made = json!(["computer", "monitor", "monitor", "desk", "chair"]);
    vec![
        names("T026", "sort=name,desc", &descending),
        names("T027", "sort=name,DESC", &descending),
        both(
            "T028",
            "sort=name&sort=qty,desc",
            json!([["chair", 9], ["computer", 9], ["desk", 9], ["monitor", 7], ["monitor", 3]]),
        ),
        both(
            "T029",
            "sort=name,qty,desc",
            json!([["monitor", 7], ["monitor", 3], ["desk", 9], ["computer", 9], ["chair", 9]]),
        ),
        names("T030", "sort=nosuch,desc", &as_made),
        names("T031", "sort=nosuch&sort=name,desc", &descending),
        names("T031", "sort=nosuch,name,desc", &descending),
        names("T032", "sort=id,desc", &json!(["chair", "desk", "monitor", "monitor", "computer"])),
        row("T033", PRODUCT, any("/products?sort=name,desc&size=1"), 200)
            .items(&["name"], json!(["monitor"]))
            .json(json!({"_links": {"next": {"href": format!("{COLLECTION}?page=1&size=1&sort=name,desc")}}})),
    ]
}

/// 45 products, which are more than one page.
pub(super) fn many() -> Vec<Row> {
    let template = json!({"href": format!("{COLLECTION}{{?page,size,sort}}"), "templated": true});
    let first = page(20, 45, 3, 0);
    let same = |id, path: &str| row(id, PRODUCT, any(path), 200).json(first.clone());
    vec![
        step(PRODUCT, change("POST", "/products", r#"{"name":"lamp","qty":1}"#), 201).times(40),
        row("T018", PRODUCT, any("/products"), 200)
            .rels(&["first", "self", "next", "last", "profile"])
            .json(json!({"_links": {
                "first": {"href": format!("{COLLECTION}?page=0&size=20")},
                "self": template,
                "next": {"href": format!("{COLLECTION}?page=1&size=20")},
                "last": {"href": format!("{COLLECTION}?page=2&size=20")},
            }}))
            .json(first.clone())
            .keep("page", Source::Json("/_embedded")),
        same("T022", "/products?page=abc"),
        same("T022", "/products?page=-1"),
        same("T023", "/products?size=0"),
        same("T023", "/products?size=-5"),
        same("T023", "/products?size=abc"),
        row("T024", PRODUCT, any("/products?size=5000"), 200).json(page(1000, 45, 1, 0)),
        same("T034", "/products?foo=bar").json(json!({"_embedded": "<page>"})),
        same("T035", "/products/").json(json!({"_embedded": "<page>"})),
    ]
}

/// Whatever the products are; three rentals are made.
pub(super) fn others() -> Vec<Row> {
    let refused = |id, accept: &str| row(id, PRODUCT, accepting("/products", accept), 406);
    let options = |path: &str| Request::new("OPTIONS", path);
    let nosuch = json!({"status": 404, "error": "Not Found", "path": "/nosuch"});
    vec![
        row("T036", PRODUCT, any("/Products"), 404),
        step(RENTAL, change("POST", "/rentals", r#"{"productId":2,"qty":1}"#), 201).times(3),
        row("T038", INFORMATION, any("/myOrders?page=1&size=1"), 200)
            .soon()
            .items(&["rentalId"], json!([1, 2, 3]))
            .lacks("/page")
            .json(json!({"_links": {"self": {"href": "http://localhost:8084/myOrders?page=1&size=1"}}})),
        // Free by the contract; said so that it does not change unseen.
        refused("T041", "application/x-spring-data-compact+json"),
        refused("T042", "application/xml"),
        refused("T043", "application/schema+json"),
        refused("T044", "application/prs.hal-forms+json"),
        row("T045", PRODUCT, accepting("/products", KETTING), 200).header("content-type", HAL),
        row("T047", PRODUCT, options("/products"), 200).members("allow", "GET,HEAD,POST,OPTIONS").empty(),
        row("T048", DELIVERY, options("/deliveries"), 200).members("allow", "GET,HEAD,OPTIONS").empty(),
        row("T049", PRODUCT, any("/nosuch"), 404).json(nosuch.clone()),
        row("T049", PRODUCT, accepting("/nosuch", JSON_FIRST), 404).json(nosuch),
        row("T050", PRODUCT, accepting("/nosuch", "text/html"), 404),
        row("T051", RENTAL, any("/rentals?sort=product.name"), 200).items(&["productId"], json!([2, 2, 2])),
    ]
}

fn page(size: u64, elements: u64, pages: u64, number: u64) -> Value {
    json!({"page": {"size": size, "totalElements": elements, "totalPages": pages, "number": number}})
}
