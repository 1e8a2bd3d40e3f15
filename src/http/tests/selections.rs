//! Some fields of some items, where the operator has lists answer that.

use serde_json::Value;

use super::house::{Ask, House, RENTAL};

/// A house with six rentals: of products 7, 8, 7, 8, 7, 8, the second cancelled.
async fn with_rentals(selective: bool) -> House {
    let house = House::start().await;
    if selective {
        let system = crate::systems::oa_rental::system();
        house.edge.journal.index(system.services.iter().flat_map(|service| &service.resources));
    }
    for product in [7, 8, 7, 8, 7, 8] {
        let sent = format!(r#"{{"productId":{product},"qty":1,"status":"asked"}}"#);
        assert_eq!(house.send(RENTAL, Ask::post("/rentals", &sent)).await.status, 201);
    }
    house.quiet().await;
    assert_eq!(house.send(RENTAL, Ask::new("DELETE", "/rentals/2")).await.status, 204);
    house
}

async fn list(house: &House, query: &str) -> Value {
    let told = house.send(RENTAL, Ask::get(&format!("/rentals?{query}"))).await;
    assert_eq!(told.status, 200, "{query}: {}", told.body);
    told.json()
}

fn ids(list: &Value) -> Vec<u64> {
    let items = list["_embedded"]["rentals"].as_array().expect("items");
    let link = |item: &Value| item["_links"]["self"]["href"].as_str().expect("a link").to_owned();
    items.iter().map(|item| link(item).rsplit('/').next().expect("an id").parse().expect("a number")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_list_shows_the_items_with_a_value_and_counts_and_pages_only_them() {
    let house = with_rentals(true).await;
    let of_eight = list(&house, "productId=8").await;
    assert_eq!((ids(&of_eight), &of_eight["page"]["totalElements"]), (vec![4, 6], &2.into()));
    assert_eq!(ids(&list(&house, "productId=7&sort=id,desc").await), [5, 3, 1]);
    assert_eq!(ids(&list(&house, "productId=7&sort=qty,id,desc").await), [5, 3, 1]);
    assert_eq!(ids(&list(&house, "productId=7&status=asked").await), [0; 0]);
    assert_eq!(ids(&list(&house, "productId=7&status=CANCELED_UnregisteredProduct").await), [1, 3, 5]);
    assert_eq!(ids(&list(&house, "status=").await), [0; 0], "an empty value is null");
}

#[tokio::test(start_paused = true)]
async fn links_from_page_to_page_and_from_cursor_to_cursor_keep_what_was_selected() {
    let house = with_rentals(true).await;
    for start in ["/rentals?productId=7&size=1&fields=qty", "/rentals?cursor=&size=1&productId=7&fields=qty"] {
        let (mut path, mut seen) = (start.to_owned(), Vec::new());
        loop {
            let list = house.send(RENTAL, Ask::get(&path)).await.json();
            seen.extend(ids(&list));
            assert_eq!(list["_embedded"]["rentals"][0].as_object().expect("an item").len(), 2, "{list}");
            let Some(next) = list["_links"]["next"]["href"].as_str() else { break };
            path = next.strip_prefix("http://localhost").expect("this listener").to_owned();
        }
        assert_eq!(seen, [1, 3, 5], "{start}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_item_and_a_list_show_the_fields_that_are_wanted_in_their_own_order() {
    let house = with_rentals(true).await;
    let shown = house.send(RENTAL, Ask::get("/rentals/1?fields=status,qty")).await;
    assert!(shown.body.starts_with("{\n  \"qty\" : 1,\n  \"status\" : "), "{}", shown.body);
    let whole = house.send(RENTAL, Ask::get("/rentals/1")).await;
    assert_eq!(shown.header("etag"), whole.header("etag"), "a version is a version");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_selected_is_an_error_that_says_what_can() {
    let house = with_rentals(true).await;
    for (query, word) in [
        ("fields=qty,colour", "productName"),
        ("fields=", "productName"),
        ("qty=1", "productId, status"),
        ("productId=seven", "is a number"),
    ] {
        let told = house.send(RENTAL, Ask::get(&format!("/rentals?{query}"))).await;
        assert_eq!(told.status, 400, "{query}: {}", told.body);
        assert!(told.body.contains(word), "{query}: {}", told.body);
    }
    assert_eq!(ids(&list(&house, "colour=red").await).len(), 5, "what names no field is ignored");
}

#[tokio::test(start_paused = true)]
async fn as_long_as_the_operator_does_not_want_it_lists_ignore_it_as_the_originals_did() {
    let house = with_rentals(false).await;
    let all = list(&house, "productId=8&fields=colour&qty=many").await;
    assert_eq!(ids(&all), [1, 3, 4, 5, 6]);
    assert_eq!(all["_embedded"]["rentals"][0]["qty"], 1);
}
