//! The exact bytes: an item, an empty page and a page of one, as the originals printed them.

use crate::client::{JSON_FIRST, Request};
use crate::support::{Server, eventually};

pub(crate) const ITEM: &str = r#"{
  "name" : "computer",
  "qty" : 9,
  "_links" : {
    "self" : {
      "href" : "http://localhost:8081/products/1"
    },
    "product" : {
      "href" : "http://localhost:8081/products/1"
    }
  }
}"#;

/// The collection around its items, as the originals printed it.
pub(crate) fn page(items: &str, total: usize) -> String {
    let links = r#""_links" : {
    "self" : {
      "href" : "http://localhost:8081/products{?page,size,sort}",
      "templated" : true
    },
    "profile" : {
      "href" : "http://localhost:8081/profile/products"
    }
  }"#;
    let page = format!(
        "\"page\" : {{\n    \"size\" : 20,\n    \"totalElements\" : {total},\n    \"totalPages\" : {total},\n    \"number\" : 0\n  }}"
    );
    format!("{{\n  \"_embedded\" : {{\n    \"products\" : [ {items}]\n  }},\n  {links},\n  {page}\n}}")
}

#[test]
fn bodies_are_byte_for_byte_the_originals() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    let mut client = server.client("product");
    let mut ask = |request: Request| client.send(&request.header("Host", "localhost:8081"));
    let any = |path: &str| Request::get(path).header("Accept", "*/*");

    let empty = ask(any("/products"));
    assert_eq!((empty.text(), empty.body.len()), (page("", 0), 358));
    let created = ask(Request::post("/products", r#"{"name":"computer","qty":"9"}"#));
    assert_eq!(created.header("location"), Some("http://localhost:8081/products/1"));
    assert_eq!(created.header("content-type"), Some("application/json;charset=UTF-8"));
    assert_eq!((created.text().as_str(), created.body.len()), (ITEM, 204));
    let item = eventually("the product is there", || Some(ask(any("/products/1"))).filter(|a| a.status == 200));
    assert_eq!(item.text(), ITEM);
    assert_eq!(item.header("content-type"), Some("application/hal+json;charset=UTF-8"));
    let one = ask(any("/products"));
    let indented = ITEM.replace('\n', "\n    ") + " ";
    assert_eq!((one.text(), one.body.len()), (page(&indented, 1), 607));
    let same = ask(Request::get("/products").header("Accept", JSON_FIRST));
    assert_eq!(same.header("content-type"), Some("application/json;charset=UTF-8"));
    assert_eq!(same.text(), one.text());
}
