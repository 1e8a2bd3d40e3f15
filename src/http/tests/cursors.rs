//! Going through a collection while others change it.

use std::collections::BTreeSet;

use super::house::{Ask, House, PRODUCT};

#[tokio::test(start_paused = true)]
async fn by_cursors_nothing_comes_twice_and_nothing_that_stays_is_missed_whatever_others_do() {
    let house = House::start().await;
    let make = async || {
        let made = house.send(PRODUCT, Ask::post("/products", r#"{"name":"computer","qty":9}"#)).await;
        assert_eq!(made.status, 201, "{}", made.body);
    };
    for _ in 0..7 {
        make().await;
    }
    let (mut path, mut seen) = ("/products?cursor=&size=2".to_owned(), Vec::new());
    loop {
        let list = house.send(PRODUCT, Ask::get(&path)).await.json();
        assert!(list["page"]["totalElements"].is_null(), "{list}");
        for item in list["_embedded"]["products"].as_array().expect("items") {
            let link = item["_links"]["self"]["href"].as_str().expect("a link");
            seen.push(link.rsplit('/').next().expect("an id").parse::<u64>().expect("a number"));
        }
        if seen.len() == 2 {
            // Page numbers would skip one now.
            assert_eq!(house.send(PRODUCT, Ask::new("DELETE", "/products/1")).await.status, 204);
            assert_eq!(house.send(PRODUCT, Ask::new("DELETE", "/products/5")).await.status, 204);
            make().await;
        }
        let Some(next) = list["_links"]["next"]["href"].as_str() else { break };
        path = next.strip_prefix("http://localhost").expect("this listener").to_owned();
    }
    let distinct: BTreeSet<u64> = seen.iter().copied().collect();
    assert_eq!(seen.len(), distinct.len(), "{seen:?}");
    assert_eq!(seen, [1, 2, 3, 4, 6, 7, 8]);
}
