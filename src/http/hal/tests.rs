use super::*;
use crate::domain::{Field, Paging, Resource, Value};

const NAME_AND_QTY: &[Field] = &[Field::text("name"), Field::int("qty")];

/// A collection of name and qty with every method, or as the test bends it.
fn products() -> Resource {
    let mut products = resource("products");
    products.fields = NAME_AND_QTY;
    products
}

fn resource(collection: &str) -> Resource {
    let services = crate::systems::oa_rental::system().services;
    let mut resources = services.into_iter().flat_map(|service| service.resources);
    resources.find(|resource| resource.collection == collection).expect("a resource of the system")
}

#[test]
fn an_optional_field_is_left_out_of_bodies_where_it_has_no_value() {
    const FIELDS: &[Field] = &[Field::text("name").optional(), Field::text("note")];
    let mut products = products();
    products.fields = FIELDS;
    let shown = |values: &[Value]| item(&products, &here(), 1, values, Fields::default());
    assert!(shown(&[Value::Null, Value::Null]).starts_with("{\n  \"note\" : null,\n  \"_links\""));
    assert!(shown(&["lamp".into(), Value::Null]).starts_with("{\n  \"name\" : \"lamp\",\n  \"note\" : null,"));
}

fn here() -> Base {
    Base::new("http://localhost:8081", "")
}

fn row(id: u64, name: &str, qty: i64) -> (u64, Vec<Value>) {
    (id, vec![name.into(), Value::Int(qty)])
}

fn rows(count: u64) -> Vec<(u64, Vec<Value>)> {
    (1..=count).map(|id| row(id, "computer", 9)).collect()
}

/// Answers GET with this query as the edge does.
fn list(resource: &Resource, query: &str, mut rows: Vec<(u64, Vec<Value>)>) -> serde_json::Value {
    let query = PageQuery::read(Some(query), resource);
    query.sort_rows(resource.fields, &mut rows);
    let shown = &rows[query.window(rows.len())];
    let body = page(resource, &here(), &query, rows.len() as u64, shown);
    serde_json::from_str(&body).expect("a body is json")
}

const ITEM: &str = r#"{
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

const EMPTY_PAGE: &str = r#"{
  "_embedded" : {
    "products" : [ ]
  },
  "_links" : {
    "self" : {
      "href" : "http://localhost:8081/products{?page,size,sort}",
      "templated" : true
    },
    "profile" : {
      "href" : "http://localhost:8081/profile/products"
    }
  },
  "page" : {
    "size" : 20,
    "totalElements" : 0,
    "totalPages" : 0,
    "number" : 0
  }
}"#;

const PAGE_OF_ONE: &str = r#"{
  "_embedded" : {
    "products" : [ {
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
    } ]
  },
  "_links" : {
    "self" : {
      "href" : "http://localhost:8081/products{?page,size,sort}",
      "templated" : true
    },
    "profile" : {
      "href" : "http://localhost:8081/profile/products"
    }
  },
  "page" : {
    "size" : 20,
    "totalElements" : 1,
    "totalPages" : 1,
    "number" : 0
  }
}"#;

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

#[test]
fn bodies_are_byte_for_byte_the_originals() {
    let products = products();
    let query = PageQuery::read(None, &products);
    let computer = row(1, "computer", 9);
    let printed = [
        (item(&products, &here(), 1, &computer.1, Fields::default()), ITEM, 204),
        (page(&products, &here(), &query, 0, &[]), EMPTY_PAGE, 358),
        (page(&products, &here(), &query, 1, &[computer]), PAGE_OF_ONE, 607),
        (root([&products], &here()), ROOT, 210),
    ];
    for (body, golden, bytes) in printed {
        assert_eq!(body, golden);
        assert_eq!(body.len(), bytes);
    }
}

#[test]
fn several_items_share_one_line_between_them_and_room_is_taken_once() {
    let products = products();
    let query = PageQuery::read(None, &products);
    let body = page(&products, &here(), &query, 2, &rows(2));
    assert!(body.contains("\n      }\n    }, {\n      \"name\" : \"computer\","), "{body}");
    let one = item(&products, &here(), 1, &rows(1)[0].1, Fields::default());
    assert!(one.capacity() < 2 * one.len() + 200, "{} for {}", one.capacity(), one.len());
}

#[test]
fn texts_are_escaped_where_they_must_be_and_nowhere_else() {
    let texts = [
        ("한글 😀 ünïcode/", "한글 😀 ünïcode/"),
        ("\"\\", r#"\"\\"#),
        ("\u{8}\t\n\u{c}\r", r"\b\t\n\f\r"),
        ("a\u{0}b\u{1f}\u{7f}", "a\\u0000b\\u001F\u{7f}"),
    ];
    for (text, printed) in texts {
        let body = item(&products(), &here(), 1, &[text.into(), Value::Null], Fields::default());
        assert!(body.starts_with(&format!("{{\n  \"name\" : \"{printed}\",\n  \"qty\" : null,")), "{body}");
        let read: serde_json::Value = serde_json::from_str(&body).expect("a body is json");
        assert_eq!(read["name"], text);
    }
}

#[test]
fn links_carry_the_prefix_and_no_character_that_an_address_may_not_have() {
    let products = products();
    let behind = Base::new("http://localhost:8088/", "/oa-rental/services/rental");
    let start = "http://localhost:8088/oa-rental/services/rental";
    assert_eq!(behind.root(), format!("{start}/"));
    assert_eq!(behind.collection(&products), format!("{start}/products"));
    assert_eq!(behind.item(&products, 7), format!("{start}/products/7"));
    assert_eq!(behind.profiles(), format!("{start}/profile"));
    assert_eq!(behind.profile(&products), format!("{start}/profile/products"));
    let evil = Base::new("http://a\"b{c}\r\nd\u{e9}", "");
    assert_eq!(evil.root(), "http://a%22b%7Bc%7D%0D%0Ad%C3%A9/");
    let body = list(&products, "page=0&x=\"{\\", Vec::new());
    assert_eq!(body["_links"]["self"]["href"], "http://localhost:8081/products?page=0&x=%22%7B%5C");
}

/// A query, how many rows there are; the links after `products`, and size, totalElements, totalPages, number.
type PageRow = (&'static str, u64, &'static [(&'static str, &'static str)], [u64; 4]);

const OWN: (&str, &str) = ("self", "{?page,size,sort}");
const PAGES: &[PageRow] = &[
    (
        "",
        45,
        &[("first", "?page=0&size=20"), OWN, ("next", "?page=1&size=20"), ("last", "?page=2&size=20")],
        [20, 45, 3, 0],
    ),
    (
        "page=1&size=2",
        5,
        &[
            ("first", "?page=0&size=2"),
            ("prev", "?page=0&size=2"),
            ("self", "?page=1&size=2"),
            ("next", "?page=2&size=2"),
            ("last", "?page=2&size=2"),
        ],
        [2, 5, 3, 1],
    ),
    (
        "page=2&size=2",
        5,
        &[
            ("first", "?page=0&size=2"),
            ("prev", "?page=1&size=2"),
            ("self", "?page=2&size=2"),
            ("last", "?page=2&size=2"),
        ],
        [2, 5, 3, 2],
    ),
    (
        "page=9&size=2",
        5,
        &[
            ("first", "?page=0&size=2"),
            ("prev", "?page=8&size=2"),
            ("self", "?page=9&size=2"),
            ("last", "?page=2&size=2"),
        ],
        [2, 5, 3, 9],
    ),
    (
        "page=3",
        0,
        &[("first", "?page=0&size=20"), ("prev", "?page=2&size=20"), ("self", "?page=3"), ("last", "?page=0&size=20")],
        [20, 0, 0, 3],
    ),
    ("page=abc", 1, &[("self", "?page=abc")], [20, 1, 1, 0]),
    ("page=-1", 1, &[("self", "?page=-1")], [20, 1, 1, 0]),
    ("page=99999999999", 1, &[("self", "?page=99999999999")], [20, 1, 1, 0]),
    ("size=0", 1, &[("self", "?size=0")], [20, 1, 1, 0]),
    ("size=-5", 1, &[("self", "?size=-5")], [20, 1, 1, 0]),
    ("size=abc", 1, &[("self", "?size=abc")], [20, 1, 1, 0]),
    ("size=5000", 1, &[("self", "?size=5000")], [1000, 1, 1, 0]),
    (
        "size=1",
        3,
        &[("first", "?page=0&size=1"), ("self", "?size=1"), ("next", "?page=1&size=1"), ("last", "?page=2&size=1")],
        [1, 3, 3, 0],
    ),
    (
        "sort=name,desc&size=1",
        2,
        &[
            ("first", "?page=0&size=1&sort=name,desc"),
            ("self", "?sort=name,desc&size=1"),
            ("next", "?page=1&size=1&sort=name,desc"),
            ("last", "?page=1&size=1&sort=name,desc"),
        ],
        [1, 2, 2, 0],
    ),
    ("foo=bar", 1, &[OWN], [20, 1, 1, 0]),
];

#[test]
fn pages_have_the_links_and_numbers_of_the_originals() {
    for (query, count, links, numbers) in PAGES {
        let body = list(&products(), query, rows(*count));
        let found = body["_links"].as_object().expect("links");
        let base = "http://localhost:8081";
        let expected = links.iter().map(|(rel, tail)| (*rel, format!("{base}/products{tail}")));
        let profile = ("profile", format!("{base}/profile/products"));
        for (rel, href) in expected.chain([profile]) {
            assert_eq!(found[rel]["href"], href, "{query}: {rel}");
            assert_eq!(found[rel].get("templated").is_some(), href.ends_with('}'), "{query}: {rel}");
        }
        assert_eq!(found.len(), links.len() + 1, "{query}: {found:?}");
        let [size, total, pages, number] = numbers;
        let page = serde_json::json!(
            {"size": size, "totalElements": total, "totalPages": pages, "number": number}
        );
        assert_eq!(body["page"], page, "{query}");
        let first = number * size;
        let shown = body["_embedded"]["products"].as_array().expect("an array").len() as u64;
        assert_eq!(shown, count.saturating_sub(first).min(*size), "{query}");
    }
}

#[test]
fn links_stand_in_the_order_of_the_originals() {
    let products = products();
    let query = PageQuery::read(Some("page=1&size=1"), &products);
    let body = page(&products, &here(), &query, 3, &[]);
    let rels = ["first", "prev", "self", "next", "last", "profile"];
    let places: Vec<_> = rels.iter().map(|rel| body.find(&format!("\n    \"{rel}\" : {{"))).collect();
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{places:?} {body}");
}

#[test]
fn lists_are_sorted_as_asked_and_what_is_unknown_is_dropped() {
    let stock = [(1, "b", 1), (2, "a", 2), (3, "b", 3), (4, "가", 1), (5, "a", 1), (6, "B", 4)];
    let table: &[(&str, &[u64])] = &[
        ("sort=name,desc", &[4, 1, 3, 2, 5, 6]),
        ("sort=name,DESC", &[4, 1, 3, 2, 5, 6]),
        ("sort=name", &[6, 2, 5, 1, 3, 4]),
        ("sort=name,asc", &[6, 2, 5, 1, 3, 4]),
        ("sort=name&sort=qty,desc", &[6, 2, 5, 3, 1, 4]),
        ("sort=name,desc&sort=qty,asc", &[4, 1, 3, 5, 2, 6]),
        ("sort=name,qty,desc", &[4, 3, 1, 2, 5, 6]),
        ("sort=name%2Cdesc", &[4, 1, 3, 2, 5, 6]),
        ("sort=n%61me,desc", &[4, 1, 3, 2, 5, 6]),
        ("sort=nosuch,desc", &[1, 2, 3, 4, 5, 6]),
        ("sort=nosuch&sort=name,desc", &[4, 1, 3, 2, 5, 6]),
        ("sort=nosuch,name,desc", &[4, 1, 3, 2, 5, 6]),
        ("sort=product.name", &[1, 2, 3, 4, 5, 6]),
        ("sort=name,desc,ignorecase", &[6, 2, 5, 1, 3, 4]),
        ("sort=id,desc", &[6, 5, 4, 3, 2, 1]),
        ("sort=", &[1, 2, 3, 4, 5, 6]),
        ("sort=,desc", &[1, 2, 3, 4, 5, 6]),
        ("sort=desc", &[1, 2, 3, 4, 5, 6]),
        ("sort=name,desc,,", &[4, 1, 3, 2, 5, 6]),
        ("sort=name&sort=name,desc", &[6, 2, 5, 1, 3, 4]),
    ];
    for (query, ids) in table {
        let rows = stock.iter().map(|(id, name, qty)| row(*id, name, *qty)).collect();
        let body = list(&products(), query, rows);
        let items = body["_embedded"]["products"].as_array().expect("an array");
        let shown: Vec<_> = items.iter().map(|item| item["_links"]["self"]["href"].to_string()).collect();
        let expected: Vec<_> = ids.iter().map(|id| format!("\"http://localhost:8081/products/{id}\"")).collect();
        assert_eq!(shown, expected, "{query}");
    }
}

#[test]
fn nothing_comes_before_something_when_it_goes_up_and_after_it_when_it_goes_down() {
    let mut rows = vec![row(1, "a", 1), (2, vec![Value::Null, Value::Int(0)]), row(3, "", 1)];
    let ids = |rows: &[(u64, Vec<Value>)]| rows.iter().map(|row| row.0).collect::<Vec<_>>();
    PageQuery::read(Some("sort=name"), &products()).sort_rows(NAME_AND_QTY, &mut rows);
    assert_eq!(ids(&rows), [2, 3, 1]);
    PageQuery::read(Some("sort=name,desc"), &products()).sort_rows(NAME_AND_QTY, &mut rows);
    assert_eq!(ids(&rows), [1, 3, 2]);
}

#[test]
fn orders_go_into_the_links_as_they_were_understood() {
    let table = [
        ("sort=name", "&sort=name,asc"),
        ("sort=name,qty,desc", "&sort=name,qty,desc"),
        ("sort=name&sort=qty,desc&sort=id,DESC", "&sort=name,asc&sort=qty,id,desc"),
        ("sort=nosuch", ""),
    ];
    for (query, tail) in table {
        let body = list(&products(), &format!("{query}&size=1"), rows(2));
        let next = format!("http://localhost:8081/products?page=1&size=1{tail}");
        assert_eq!(body["_links"]["next"]["href"], next, "{query}");
    }
}

#[test]
fn parameters_are_percent_decoded_and_never_refused() {
    let read: Vec<_> = parameters("a=1+2&b=%ed%95%9C&&c&d=%&e=%zz%4&f=%ff=x&%61=").collect();
    let expected = [("a", "1 2"), ("b", "한"), ("c", ""), ("d", "%"), ("e", "%zz%4"), ("f", "\u{fffd}=x"), ("a", "")];
    let plain: Vec<_> = read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(plain, expected);
}

#[test]
fn a_collection_without_pages_is_whole_whatever_was_asked_for() {
    let orders = resource("myOrders");
    assert_eq!(orders.paging, Paging::Whole);
    let rows = |count| (1..=count).map(|id| (id, vec![Value::Int(0)])).collect::<Vec<_>>();
    for (query, count) in [("", 0), ("", 25), ("page=1&size=1&sort=id,desc", 3)] {
        let body = list(&orders, query, rows(count));
        let own = match query {
            "" => "http://localhost:8081/myOrders".to_owned(),
            query => format!("http://localhost:8081/myOrders?{query}"),
        };
        let links = serde_json::json!(
            {"self": {"href": own}, "profile": {"href": "http://localhost:8081/profile/myOrders"}}
        );
        assert_eq!(body["_links"], links);
        assert_eq!(body.get("page"), None);
        let items = body["_embedded"]["myOrders"].as_array().expect("an array");
        assert_eq!(items.len() as u64, count);
        let first = items.first().map(|item| item["_links"]["myOrder"]["href"].to_string());
        assert!(first.is_none_or(|href| href.ends_with("/myOrders/1\"")));
    }
    let plain = root([&orders], &here());
    assert!(plain.contains("\"href\" : \"http://localhost:8081/myOrders\"\n"), "{plain}");
}

#[test]
fn a_list_of_addresses_has_the_collections_links_and_then_the_items() {
    let products = products();
    let default = PageQuery::read(None, &products);
    let base = "http://localhost:8081";
    assert_eq!(
        uri_list(&products, &here(), &default, 2, [1, 2]),
        format!("{base}/products\n{base}/profile/products\n{base}/products/1\n{base}/products/2\n")
    );
    let second = PageQuery::read(Some("page=1&size=1"), &products);
    let list = uri_list(&products, &here(), &second, 2, [2]);
    assert_eq!(list.lines().nth(2), Some("http://localhost:8081/products?page=1&size=1"));
}

#[test]
fn a_body_without_links_still_is_one() {
    assert_eq!(links([]), "{\n  \"_links\" : { }\n}");
}

const ALPS: &str = r##"{
  "alps" : {
    "version" : "1.0",
    "descriptor" : [ {
      "id" : "product-representation",
      "href" : "http://localhost:8081/profile/products",
      "descriptor" : [ {
        "name" : "name",
        "type" : "SEMANTIC"
      }, {
        "name" : "qty",
        "type" : "SEMANTIC"
      } ]
    }, {
      "id" : "create-products",
      "name" : "products",
      "type" : "UNSAFE",
      "rt" : "#product-representation"
    }, {
      "id" : "get-products",
      "name" : "products",
      "type" : "SAFE",
      "descriptor" : [ {
        "name" : "page",
        "type" : "SEMANTIC",
        "doc" : {
          "format" : "TEXT",
          "value" : "The page to return."
        }
      }, {
        "name" : "size",
        "type" : "SEMANTIC",
        "doc" : {
          "format" : "TEXT",
          "value" : "The size of the page to return."
        }
      }, {
        "name" : "sort",
        "type" : "SEMANTIC",
        "doc" : {
          "format" : "TEXT",
          "value" : "The sorting criteria to use to calculate the content of the page."
        }
      } ],
      "rt" : "#product-representation"
    }, {
      "id" : "get-product",
      "name" : "product",
      "type" : "SAFE",
      "rt" : "#product-representation"
    }, {
      "id" : "update-product",
      "name" : "product",
      "type" : "IDEMPOTENT",
      "rt" : "#product-representation"
    }, {
      "id" : "patch-product",
      "name" : "product",
      "type" : "UNSAFE",
      "rt" : "#product-representation"
    }, {
      "id" : "delete-product",
      "name" : "product",
      "type" : "IDEMPOTENT",
      "rt" : "#product-representation"
    } ]
  }
}"##;

const SCHEMA: &str = r#"{
  "title" : "Product",
  "properties" : {
    "name" : {
      "title" : "Name",
      "readOnly" : false,
      "type" : "string"
    },
    "qty" : {
      "title" : "Qty",
      "readOnly" : false,
      "type" : "integer"
    }
  },
  "definitions" : { },
  "type" : "object",
  "$schema" : "http://json-schema.org/draft-04/schema#"
}"#;

#[test]
fn profiles_describe_fields_and_offered_methods() {
    assert_eq!(profile::alps(&products(), &here()), ALPS);
    assert_eq!(profile::schema(&products()), SCHEMA);
}

#[test]
fn a_method_that_is_not_offered_has_no_descriptor() {
    let rentals = profile::alps(&resource("rentals"), &here());
    assert!(rentals.contains("create-rentals") && rentals.contains("delete-rental"));
    assert!(!rentals.contains("update-rental") && !rentals.contains("patch-rental"));
    let orders = profile::alps(&resource("myOrders"), &here());
    assert!(orders.contains("get-myOrders") && orders.contains("get-myOrder\""));
    for absent in ["create-", "update-", "patch-", "delete-", "\"page\"", "\"size\"", "\"sort\""] {
        assert!(!orders.contains(absent), "{absent}");
    }
}

#[test]
fn names_of_several_words_are_spoken_in_schemas() {
    let orders = profile::schema(&resource("myOrders"));
    assert!(orders.starts_with("{\n  \"title\" : \"My order\","), "{orders}");
    assert!(orders.contains("\"title\" : \"Product id\","), "{orders}");
}

#[test]
fn the_list_of_profiles_names_itself_first() {
    let expected = r#"{
  "_links" : {
    "self" : {
      "href" : "http://localhost:8081/profile"
    },
    "products" : {
      "href" : "http://localhost:8081/profile/products"
    }
  }
}"#;
    assert_eq!(profile::profiles([&products()], &here()), expected);
}
