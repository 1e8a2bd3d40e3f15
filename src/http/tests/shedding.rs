//! The door: who is turned away, what they are told, and who need not ask.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::Ipv4Addr;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use serde_json::json;
use tokio::time::advance;

use super::house::{Ask, GATEWAY, House, PRODUCT, PROXY, Told};
use crate::resilience::RatePolicy;

const COMPUTER: &str = r#"{"name":"computer","qty":9}"#;
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// One a second, two at once.
const RATE: Option<RatePolicy> = Some(RatePolicy { per_second: 1, burst: 2, keys_max: 10 });

fn overloaded(told: &Told) -> bool {
    let wait = told.header("retry-after");
    (told.status, wait, &told.json()["reason"]) == (503, Some("1"), &json!("edge-overloaded"))
}

#[tokio::test(start_paused = true)]
async fn with_every_place_taken_requests_are_turned_away_and_those_who_look_after_the_house_are_not() {
    let house = House::with_door(1, RATE).await;
    let permit = house.limit.try_acquire(house.edge.clock.now()).expect("a place is free");
    for (face, ask) in [
        (PRODUCT, Ask::get("/products/1").from([192, 0, 2, 1])),
        (PRODUCT, Ask::post("/products", COMPUTER).from([192, 0, 2, 2])),
        (GATEWAY, Ask::get("/events").from([192, 0, 2, 3])),
        (GATEWAY, Ask::get("/nosuch").from([192, 0, 2, 4])),
    ] {
        let told = house.send(face, ask).await;
        assert!(overloaded(&told), "{told:?}");
    }
    for _ in 0..5 {
        for path in ["/actuator/health", "/actuator/health/liveness", "/actuator/prometheus", "/actuator"] {
            for face in [PRODUCT, GATEWAY] {
                let told = house.send(face, Ask::get(path).from(CLIENT)).await;
                assert_eq!((told.status, told.header("ratelimit")), (200, None), "{path}");
            }
        }
        for path in ["/livez", "/readyz", "/metrics", "/admin/overview"] {
            assert_eq!(house.operate(Ask::get(path).from(CLIENT)).await.status, 200, "{path}");
        }
    }
    drop(permit);
    assert_eq!(house.send(PRODUCT, Ask::post("/products", COMPUTER).from([192, 0, 2, 5])).await.status, 201);
    assert_eq!(house.limit.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_follows_the_feed_keeps_no_place() {
    let house = House::with_door(1, None).await;
    let follow = || Ask::get("/events").with("accept", "text/event-stream");
    let mut followers = Vec::new();
    for _ in 0..10 {
        followers.push(house.answer(GATEWAY, follow(), stream::empty()).await);
        assert_eq!(house.limit.in_flight(), 0);
    }
    assert!(followers.iter().all(|answer| answer.status == 200 && answer.is_stream()));
    assert_eq!(house.send(PRODUCT, Ask::post("/products", COMPUTER)).await.status, 201);
}

/// Polls a request once and tells whether it was answered.
async fn is_answered(answer: &mut (impl Future + Unpin)) -> bool {
    poll_fn(|context| Poll::Ready(std::pin::Pin::new(&mut *answer).poll(context).is_ready())).await
}

#[tokio::test(start_paused = true)]
async fn who_sends_slowly_keeps_nobody_out() {
    let house = House::with_door(1, None).await;
    let never = stream::pending::<Result<Bytes, Infallible>>;
    let mut slow: Vec<_> =
        (0..100).map(|_| Box::pin(house.answer(PRODUCT, Ask::post("/products", COMPUTER), never()))).collect();
    for slow in &mut slow {
        assert!(!is_answered(slow).await);
    }
    assert_eq!(house.limit.in_flight(), 0);
    assert_eq!(house.send(PRODUCT, Ask::post("/products", COMPUTER)).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_waits_to_be_asked_for_its_body_need_not_send_it_to_be_turned_away() {
    let house = House::with_door(1, None).await;
    let waiting = || Ask::post("/products", COMPUTER).with("expect", "100-continue");
    let permit = house.limit.try_acquire(house.edge.clock.now()).expect("a place is free");
    let answer = house.answer(PRODUCT, waiting(), stream::pending()).await;
    assert_eq!((answer.status.as_u16(), &answer.headers["connection"]), (503, &"close".parse().expect("a value")));
    // Who sent it unasked keeps the connection, so what was sent is taken off it.
    let mut sent = pin!(house.answer(PRODUCT, Ask::post("/products", COMPUTER), stream::pending()));
    assert!(!is_answered(&mut sent).await);
    assert_eq!(house.send(PRODUCT, Ask::post("/products", COMPUTER)).await.header("connection"), None);
    drop(permit);
    assert_eq!(house.send(PRODUCT, waiting()).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_leaves_its_place() {
    let house = House::with_door(1, None).await;
    let mut asked = Box::pin(house.send(PRODUCT, Ask::post("/products", COMPUTER)));
    while house.limit.in_flight() == 0 {
        assert!(!is_answered(&mut asked).await, "it was answered before it was inside");
    }
    drop(asked);
    assert_eq!(house.limit.in_flight(), 0);
}

// Contract, rows T174 and T194.
#[tokio::test(start_paused = true)]
async fn a_client_beyond_its_rate_is_told_when_to_come_back_and_then_is_let_in() {
    let house = House::with_door(10, RATE).await;
    let get = async || house.send(GATEWAY, Ask::get("/products/1").from(CLIENT)).await;
    let limits = |told: &Told| {
        let header = |name: &str| told.header(name).map(str::to_owned);
        (told.status, ["ratelimit", "x-ratelimit-remaining", "retry-after"].map(header))
    };
    let said = |status, left: &str, wait: Option<&str>| {
        let rate = format!("\"default\";r={left};t=1");
        (status, [Some(rate), Some(left.to_owned()), wait.map(str::to_owned)])
    };
    assert_eq!(limits(&get().await), said(404, "1", None));
    assert_eq!(limits(&get().await), said(404, "0", None));
    let rejected = get().await;
    assert_eq!(limits(&rejected), said(429, "0", Some("1")));
    assert_eq!(rejected.json()["reason"], "client-rate");
    for (name, value) in [
        ("ratelimit-policy", "\"default\";q=2;w=2"),
        ("x-ratelimit-burst-capacity", "2"),
        ("x-ratelimit-replenish-rate", "1"),
    ] {
        assert_eq!(rejected.header(name), Some(value), "{name}");
    }
    assert_eq!(house.send(GATEWAY, Ask::get("/products/1").from([192, 0, 2, 2])).await.status, 404, "another client");
    advance(Duration::from_millis(999)).await;
    assert_eq!(get().await.status, 429);
    advance(Duration::from_millis(1)).await;
    assert_eq!(get().await.status, 404);
    assert_eq!(get().await.status, 429);
}

#[tokio::test(start_paused = true)]
async fn behind_a_believed_proxy_each_client_has_its_own_rate() {
    let house = House::with_door(10, RATE).await;
    let get = async |peer: Ipv4Addr, client: &str| {
        house.send(PRODUCT, Ask::get("/products/1").from(peer).with("x-forwarded-for", client)).await.status
    };
    for client in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
        assert_eq!([get(PROXY, client).await, get(PROXY, client).await, get(PROXY, client).await], [404, 404, 429]);
    }
    // Who is not believed is one client, whatever it says.
    assert_eq!([get(CLIENT, "1.1.1.1").await, get(CLIENT, "2.2.2.2").await, get(CLIENT, "3.3.3.3").await], [429; 3]);
}

#[tokio::test(start_paused = true)]
async fn without_a_rate_no_answer_speaks_of_one() {
    let house = House::start().await;
    for _ in 0..1_000 {
        let told = house.send(PRODUCT, Ask::get("/products/1").from(CLIENT)).await;
        assert_eq!((told.status, told.header("ratelimit"), told.header("ratelimit-policy")), (404, None, None));
    }
}
