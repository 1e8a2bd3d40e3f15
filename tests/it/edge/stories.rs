//! What happened, and only once: idempotency keys, correlation, the feed of events, history and the past of an item.

use std::thread;

use serde_json::{Value, json};

use crate::client::{Answer, JSON_FIRST, Request};
use crate::edge::{has, total};
use crate::support::{Server, eventually};

const COMPUTER: &str = r#"{"name":"computer","qty":"9"}"#;
const RENTAL: &str = r#"{"productId":1,"qty":3,"status":"ORDERED","productName":"computer"}"#;

fn keyed(path: &str, key: &str, body: &str) -> Request {
    Request::post(path, body).header("Idempotency-Key", &format!("\"{key}\""))
}

/// The facts in an answer: JSON lines, a JSON array, or an object around one array.
pub(crate) fn facts(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let text = answer.text();
    let lines = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
    let values: Vec<Value> = lines.map(|line| line.unwrap_or_else(|e| panic!("{e} in {text}"))).collect();
    let wrapped = |value: &Value| match value.as_object() {
        Some(object) => object.values().find_map(Value::as_array).cloned(),
        None => value.as_array().cloned(),
    };
    match values.as_slice() {
        [one] if one.get("eventType").is_none() => wrapped(one).unwrap_or_default(),
        _ => values,
    }
}

/// Names of the events, in order.
fn names(facts: &[Value]) -> Vec<&str> {
    facts.iter().filter_map(|fact| fact["eventType"].as_str()).collect()
}

/// The outside of a published event: flat fields beside type and time, the rest in `meta`.
#[track_caller]
fn is_event(fact: &Value) {
    assert!(fact["eventType"].is_string() && fact["meta"]["correlationId"].is_string(), "{fact}");
    let time = fact["timestamp"].as_str().unwrap_or_default();
    assert!(time.len() == 14 && time.bytes().all(|b| b.is_ascii_digit()), "{fact}");
    let year: u32 = time[..4].parse().expect("four digits");
    assert!((2024..2200).contains(&year), "{fact}");
}

#[test]
fn a_resend_with_the_same_key_is_answered_as_the_first_and_stored_once() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut server = Server::start(dir.path(), &[]);
    let first = server.send("product", &keyed("/products", "k1", COMPUTER));
    assert_eq!(first.status, 201);
    let same_as_first = |server: &Server, when: &str| {
        let again = server.send("product", &keyed("/products", "k1", COMPUTER));
        assert_eq!(
            (again.status, again.text(), again.header("location")),
            (201, first.text(), first.header("location")),
            "{when}"
        );
        assert_eq!(total(server, "product", "/products"), 1, "{when}");
    };
    same_as_first(&server, "at once");
    let other = server.send("product", &keyed("/products", "k1", r#"{"name":"monitor","qty":"9"}"#));
    assert_eq!(other.status, 422, "{}", other.text());
    assert_eq!(other.json()["status"], 422);
    server.kill9();
    server.restart();
    same_as_first(&server, "after a crash");

    let refused = r#"{"productId":1,"qty":0,"status":"ORDERED"}"#;
    let (one, two) = (keyed("/rentals", "r0", refused), keyed("/rentals", "r0", refused));
    assert_eq!((server.send("rental", &one).status, server.send("rental", &two).status), (409, 409));
    let rental = server.send("rental", &keyed("/rentals", "k1", RENTAL));
    assert_eq!((rental.status, rental.located_id()), (201, Some(1)), "a key belongs to one collection");
}

#[test]
fn one_key_sent_by_many_at_once_makes_one_row() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    for round in 1..=10 {
        let request = keyed("/products", &format!("burst-{round}"), COMPUTER);
        let answers: Vec<Answer> = thread::scope(|scope| {
            let senders: Vec<_> = (0..8).map(|_| scope.spawn(|| server.send("product", &request))).collect();
            senders.into_iter().map(|sender| sender.join().expect("a sender ends well")).collect()
        });
        let ids: Vec<_> = answers.iter().map(|a| (a.status, a.located_id())).collect();
        assert!(ids.iter().all(|id| *id == (201, ids[0].1)), "round {round}: {ids:?}");
        assert_eq!(total(&server, "product", "/products"), round);
    }
}

#[test]
fn a_correlation_id_comes_back_and_tells_the_story() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    assert_eq!(server.send("product", &Request::post("/products", COMPUTER)).status, 201);
    server.becomes("delivery", "/products/1", "a copy", |p| p["qty"] == 9);
    let rental = server.send("rental", &Request::post("/rentals", RENTAL).header("X-Correlation-Id", "story-1"));
    assert_eq!((rental.status, rental.header("x-correlation-id")), (201, Some("story-1")));
    server.becomes("rental", "/rentals/1", "delivered", |r| r["status"] == "DELIVERED");

    let story = eventually("the story reaches the delivery", || {
        let story = facts(&server.get("gateway", "/correlations/story-1"));
        names(&story).contains(&"Delivered").then_some(story)
    });
    story.iter().for_each(is_event);
    assert!(story.iter().all(|fact| fact["meta"]["correlationId"] == "story-1"), "{story:?}");
    let order = ["Rentaled", "Delivered"].map(|name| names(&story).iter().position(|n| *n == name));
    assert!(order[0].is_some() && order[0] < order[1], "{:?}", names(&story));
    let rentaled = story.iter().find(|fact| fact["eventType"] == "Rentaled").expect("found above");
    assert!(
        has(rentaled, &json!({"id": 1, "productId": 1, "qty": 3, "status": "ORDERED", "productName": "computer"})),
        "{rentaled}"
    );

    let made = server.get("product", "/products/1");
    assert!(made.header("x-correlation-id").is_some_and(|id| !id.is_empty()), "an id is made where none was sent");
    let refused = server.send("rental", &Request::post("/rentals", "{").header("X-Correlation-Id", "story-2"));
    assert_eq!((refused.status, refused.header("x-correlation-id")), (400, Some("story-2")));
}

#[test]
fn the_feed_tells_every_event_in_order_and_can_be_resumed() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut server = Server::start(dir.path(), &[]);
    for name in ["a", "b", "c"] {
        let body = format!(r#"{{"name":"{name}","qty":9}}"#);
        assert_eq!(server.send("product", &Request::post("/products", body)).status, 201);
    }
    let feed = |server: &Server, path: &str| facts(&server.get("gateway", path));
    let saved = feed(&server, "/events?type=ProductSaved&limit=3");
    saved.iter().for_each(is_event);
    let told: Vec<_> =
        saved.iter().map(|fact| (&fact["eventType"], &fact["id"], &fact["name"], &fact["qty"])).collect();
    let (kind, nine) = (json!("ProductSaved"), json!(9));
    let (one, two, three) = (json!(1), json!(2), json!(3));
    let expected = [(&one, json!("a")), (&two, json!("b")), (&three, json!("c"))];
    assert_eq!(told, expected.iter().map(|(id, name)| (&kind, *id, name, &nine)).collect::<Vec<_>>());

    let two_first = feed(&server, "/events?limit=2");
    assert_eq!(two_first.len(), 2);
    let positions: Vec<_> = saved.iter().map(|fact| fact["meta"]["position"].as_u64()).collect();
    assert!(positions.is_sorted() && positions[0].is_some(), "{positions:?}");
    server.kill9();
    server.restart();
    assert_eq!(feed(&server, "/events?type=ProductSaved&limit=3"), saved, "a crash changes nothing of what was told");
}

#[test]
fn an_item_shows_its_history_and_its_past() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    assert_eq!(server.send("product", &Request::post("/products", COMPUTER)).status, 201);
    let patch = Request::new("PATCH", "/products/1").header("Accept", JSON_FIRST).json(r#"{"qty":5}"#);
    assert_eq!(server.send("product", &patch).status, 200);

    let history = facts(&server.get("product", "/products/1/history"));
    history.iter().for_each(is_event);
    assert_eq!(history[0]["eventType"], "ProductSaved");
    let stocks: Vec<_> = history.iter().filter_map(|fact| fact["qty"].as_u64()).collect();
    assert_eq!((stocks.first(), stocks.last()), (Some(&9), Some(&5)), "{history:?}");

    let past = server.get("product", "/products/1?at=1");
    assert!(past.status == 200 && has(&past.json(), &json!({"name": "computer", "qty": 9})), "{}", past.text());
    assert_eq!(server.get("product", "/products/1").json()["qty"], 5);
    let ages_ago = server.get("product", "/products/1?at=2001-01-01T00:00:00Z");
    assert_eq!(ages_ago.status, 404, "before it was made: {}", ages_ago.text());
    let far_ahead = server.get("product", "/products/1?at=2199-01-01T00:00:00Z");
    assert_eq!(far_ahead.json()["qty"], 5);
    assert_eq!(server.get("product", "/products/1?at=yesterday").status, 400);
    assert_eq!(server.get("product", "/products/7/history").status, 404);
}
