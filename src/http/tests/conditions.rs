//! Entity tags on pages and on the past.

use super::house::{Ask, GATEWAY, House, PRODUCT};

#[tokio::test(start_paused = true)]
async fn a_page_has_a_tag_of_its_bytes_and_who_has_it_gets_no_body() {
    let house = House::with_a_computer().await;
    let mut tags = Vec::new();
    for target in ["/products", "/products?size=1", "/products?sort=name", "/products?page=7"] {
        for accept in ["application/hal+json", "application/json", "text/uri-list"] {
            let get = |method| Ask::new(method, target).with("accept", accept);
            let page = house.send(PRODUCT, get("GET")).await;
            let tag = page.header("etag").expect("a page has a tag").to_owned();
            assert!(page.status == 200 && tag.len() == 18 && tag.starts_with('"'), "{target} {accept}: {tag}");
            for sent in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
                let known = house.send(PRODUCT, get("GET").with("if-none-match", &sent)).await;
                let expected = (304, Some(tag.as_str()), "");
                assert_eq!((known.status, known.header("etag"), known.body.as_str()), expected, "{sent}");
            }
            let other = house.send(PRODUCT, get("GET").with("if-none-match", "\"1\"")).await;
            assert_eq!((other.status, &other.body), (200, &page.body));
            let head = house.send(PRODUCT, get("HEAD")).await;
            assert_eq!((head.status, head.header("etag"), head.body.as_str()), (200, Some(tag.as_str()), ""));
            tags.push(tag);
        }
    }
    let count = tags.len();
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), count, "every representation has a tag of its own");

    let before = house.send(GATEWAY, Ask::get("/products")).await;
    let change = Ask::new("PATCH", "/products/1").json(r#"{"qty":1}"#);
    assert_eq!(house.send(PRODUCT, change).await.status, 200);
    let known = before.header("etag").expect("a tag");
    let after = house.send(GATEWAY, Ask::get("/products").with("if-none-match", known)).await;
    assert_eq!(after.status, 200);
    assert_ne!(after.header("etag"), before.header("etag"));
}

#[tokio::test(start_paused = true)]
async fn the_past_of_an_item_is_read_as_the_present_is() {
    let house = House::with_a_computer().await;
    let change = Ask::new("PATCH", "/products/1").json(r#"{"qty":1}"#);
    assert_eq!(house.send(PRODUCT, change).await.status, 200);
    let past = house.send(PRODUCT, Ask::get("/products/1?at=1")).await;
    assert_eq!((past.status, past.header("etag"), past.json()["qty"].as_u64()), (200, Some("\"1\""), Some(9)));
    let head = house.send(PRODUCT, Ask::new("HEAD", "/products/1?at=1")).await;
    assert_eq!((head.status, head.header("etag"), head.body.as_str()), (200, Some("\"1\""), ""));
    assert_eq!(head.header("content-length"), Some(past.body.len().to_string().as_str()));
    assert_eq!(head.header("content-type"), past.header("content-type"));
    let known = house.send(PRODUCT, Ask::get("/products/1?at=1").with("if-none-match", "\"1\"")).await;
    assert_eq!((known.status, known.body.as_str()), (304, ""));
    for (target, status) in [
        ("/products/1?at=0", 404),
        ("/products/1?at=99", 200),
        ("/products/9?at=1", 404),
        ("/products/1?at=never", 400),
        ("/products/1?at=2001-01-01T00:00:00Z", 404),
        ("/products/1?at=2199-01-01T00%3A00%3A00%2B09:00", 200),
    ] {
        for method in ["GET", "HEAD"] {
            assert_eq!(house.send(PRODUCT, Ask::new(method, target)).await.status, status, "{method} {target}");
        }
    }
    assert_eq!(house.send(PRODUCT, Ask::new("DELETE", "/products/1")).await.status, 204);
    let past = house.send(PRODUCT, Ask::get("/products/1?at=2")).await;
    assert_eq!((past.status, past.json()["qty"].as_u64()), (200, Some(1)), "what is gone has a past");
    assert_eq!(house.send(PRODUCT, Ask::get("/products/1?at=3")).await.status, 404);
}
