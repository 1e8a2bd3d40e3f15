//! Idempotency keys: a resend is answered as the first run was; nothing else wakes an actor for what is not there.

use crate::domain::{Aggregate as _, Stream};
use crate::systems::oa_rental::product::Product;

use super::house::{Ask, House, PRODUCT};

const ITEM: &str = "/products/1";

fn writes(target: &str) -> [Ask; 4] {
    [
        Ask::new("PUT", target).json(r#"{"name":"a","qty":1}"#),
        Ask::new("PATCH", target).json(r#"{"qty":1}"#),
        Ask::json_patch(target, r#"[{"op":"replace","path":"/qty","value":1}]"#),
        Ask::new("DELETE", target),
    ]
}

#[tokio::test(start_paused = true)]
async fn an_id_that_is_not_there_is_answered_without_waking_an_actor() {
    let house = House::with_a_computer().await;
    for (number, ask) in writes("/products/99").into_iter().enumerate() {
        let keyed = || ask.clone().with("idempotency-key", &format!("key {number}"));
        for ask in [ask.clone(), keyed(), keyed()] {
            let missing = house.send(PRODUCT, ask).await;
            assert_eq!((missing.status, missing.body.as_str()), (404, ""));
        }
        for ask in [ask.clone(), keyed()] {
            for own in ["\"1\"", "*"] {
                let missing = house.send(PRODUCT, ask.clone().with("if-match", own)).await;
                assert_eq!((missing.status, missing.header("etag")), (412, None), "If-Match: {own}");
            }
        }
    }
    assert!(!house.has_actor(Stream::new(Product::KIND, 99)));
    assert!(house.has_actor(Stream::new(Product::KIND, 1)), "so that the look above means something");
}

#[tokio::test(start_paused = true)]
async fn a_resend_is_answered_as_the_first_run_whatever_the_item_has_become() {
    let house = House::with_a_computer().await;
    for (number, ask) in writes(ITEM).into_iter().enumerate() {
        let tag = house.send(PRODUCT, Ask::get(ITEM)).await.header("etag").expect("a tag").to_owned();
        let keyed = ask.with("idempotency-key", &format!("key {number}")).with("if-match", &tag);
        let first = house.send(PRODUCT, keyed.clone()).await;
        assert!([200, 204].contains(&first.status), "{first:?}");
        for again in 0..2 {
            let resent = house.send(PRODUCT, keyed.clone()).await;
            assert_eq!(
                (resent.status, &resent.body, resent.header("etag"), resent.header("location")),
                (first.status, &first.body, first.header("etag"), first.header("location")),
                "{number}"
            );
            if again == 0 && number < 3 {
                let change = Ask::new("PATCH", ITEM).json(&format!(r#"{{"qty":{}}}"#, 100 + number));
                assert_eq!(house.send(PRODUCT, change).await.status, 200);
            }
        }
    }
    assert_eq!(house.send(PRODUCT, Ask::get(ITEM)).await.status, 404, "the last of them was the delete");
    for (number, ask) in writes(ITEM).into_iter().enumerate() {
        let resent = house.send(PRODUCT, ask.with("idempotency-key", &format!("key {number}"))).await;
        assert!([200, 204].contains(&resent.status), "{resent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_is_for_one_request_only() {
    let house = House::with_a_computer().await;
    let keyed = |ask: Ask| ask.with("idempotency-key", "k");
    let first = Ask::new("PATCH", ITEM).json(r#"{"qty":1}"#);
    assert_eq!(house.send(PRODUCT, keyed(first)).await.status, 200);
    let others = writes("/products/99").into_iter().chain([
        Ask::new("PATCH", ITEM).json(r#"{"qty":2}"#),
        Ask::json_patch(ITEM, r#"[{"op":"replace","path":"/qty","value":2}]"#),
        Ask::new("DELETE", ITEM),
    ]);
    for other in others {
        let reused = house.send(PRODUCT, keyed(other)).await;
        assert_eq!((reused.status, reused.json()["reason"].as_str()), (422, Some("key-reused")));
    }
    assert!(!house.has_actor(Stream::new(Product::KIND, 99)));
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_names_an_id_is_resent_like_any_other() {
    let house = House::start().await;
    let keyed = Ask::post("/products", r#"{"id":1,"name":"a"}"#).with("idempotency-key", "k");
    let first = house.send(PRODUCT, keyed.clone()).await;
    assert_eq!((first.status, first.header("location")), (201, Some("http://localhost/products/1")));
    let resent = house.send(PRODUCT, keyed).await;
    assert_eq!((resent.status, &resent.body, resent.header("location")), (201, &first.body, first.header("location")));
    let other = house.send(PRODUCT, Ask::post("/products", r#"{"id":1,"name":"a"}"#)).await;
    assert_eq!((other.status, other.json()["reason"].as_str()), (409, Some("id-is-free")));
}
