//! Hand-written paths beside the collections.

use std::collections::{BTreeMap, HashMap};

use super::house::{Ask, GATEWAY, House, PRODUCT};
use crate::domain::{Act, Aggregate, Field, Held, Plain, Route, Setting, SettingValues, Stream, Verb, Visit};
use crate::systems::oa_rental;
use crate::systems::oa_rental::product::{Product, RegisterProduct, RemoveProduct};

const MODE: Setting = Setting { key: "sysmode", default: "PRODUCT", about: "what /env says" };

const ROUTES: [Route; 6] = [
    Route { verb: Verb::Get, path: "/env", fields: &[], act: |visit| Act::Say(Plain::text(mode(visit))) },
    Route { verb: Verb::Get, path: "/twice", fields: &[], act: twice },
    Route { verb: Verb::Post, path: "/thing", fields: &[Field::text("name")], act: register },
    Route { verb: Verb::Get, path: "/thing/{id}", fields: &[], act: look },
    Route {
        verb: Verb::Delete,
        path: "/thing/{id}",
        fields: &[],
        act: |visit| Act::tell::<Product>(visit.id.unwrap_or(0), RemoveProduct {}, shown),
    },
    Route { verb: Verb::Get, path: "/defect", fields: &[], act: |_| panic!("a defect") },
];

fn twice(visit: &Visit<'_>) -> Act {
    visit.number("n").map_or_else(|misread| misread, |n| Act::Say(Plain::text((2 * n).to_string())))
}

fn mode(visit: &Visit<'_>) -> String {
    format!("{} {}", visit.settings.get("sysmode"), visit.parameter("who").unwrap_or("nobody"))
}

fn register(visit: &Visit<'_>) -> Act {
    Act::create::<Product>(RegisterProduct { name: visit.body.text("name"), qty: 1 }, shown)
}

fn look(visit: &Visit<'_>) -> Act {
    Act::Show { stream: Stream::new(Product::KIND, visit.id.unwrap_or(0)), render: shown }
}

fn shown(id: u64, _: &dyn Held) -> Plain {
    Plain::json(format!(r#"{{"id":{id}}}"#))
}

async fn house() -> House {
    let mut system = oa_rental::system();
    system.settings = vec![MODE];
    system.services[0].routes = ROUTES.to_vec();
    let set = BTreeMap::from([("sysmode".to_owned(), "TEST".to_owned())]);
    let values = SettingValues::of(&system.settings, &set).expect("declared");
    House::start_with(system, HashMap::from([("oa-rental", &*Box::leak(Box::new(values)))])).await
}

#[tokio::test(start_paused = true)]
async fn a_hand_written_path_shows_settings_and_parameters() {
    let house = house().await;
    let front = house.send(GATEWAY, Ask::get("/")).await.json();
    assert!(front["_links"]["env"].is_object() && front["_links"].get("thing/{id}").is_none(), "{front}");
    for face in [PRODUCT, GATEWAY] {
        let told = house.send(face, Ask::get("/env?who=a%20b")).await;
        assert_eq!((told.status, told.body.as_str()), (200, "TEST a b"));
        assert_eq!(told.header("content-type"), Some("text/plain;charset=UTF-8"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_hand_written_path_creates_shows_and_tells_beside_the_collection() {
    let house = house().await;
    let made = house.send(PRODUCT, Ask::post("/thing", r#"{"name":"lamp"}"#)).await;
    assert_eq!((made.status, made.body.as_str()), (200, r#"{"id":1}"#));
    assert_eq!(house.send(PRODUCT, Ask::get("/products/1")).await.json()["name"], "lamp");
    assert_eq!(house.send(PRODUCT, Ask::get("/thing/1")).await.status, 200);
    assert_eq!(house.send(PRODUCT, Ask::new("DELETE", "/thing/1")).await.status, 200);
    assert_eq!(house.send(PRODUCT, Ask::get("/thing/1")).await.status, 404);
    assert_eq!(house.send(PRODUCT, Ask::new("DELETE", "/thing/1")).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn a_parameter_that_must_be_a_number_is_read_or_refused_with_its_name() {
    let house = house().await;
    assert_eq!(house.send(PRODUCT, Ask::get("/twice?n=-21")).await.body, "-42");
    for (path, reason) in [("/twice", "n is missing"), ("/twice?n=x", r#"n=\"x\" is no number"#)] {
        let told = house.send(PRODUCT, Ask::get(path)).await;
        assert_eq!(told.status, 400, "{path}");
        assert!(told.body.contains(reason), "{}", told.body);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_is_answered_as_a_defect_and_leaves_its_place() {
    let house = house().await;
    for face in [PRODUCT, GATEWAY] {
        let told = house.send(face, Ask::get("/defect")).await;
        assert_eq!((told.status, &told.json()["reason"]), (500, &"internal".into()));
    }
    assert_eq!(house.limit.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_method_a_hand_written_path_does_not_offer_is_refused_by_name() {
    let house = house().await;
    let told = house.send(PRODUCT, Ask::new("PATCH", "/thing/1")).await;
    assert_eq!((told.status, told.header("allow")), (405, Some("GET,HEAD,DELETE,OPTIONS")));
    assert_eq!(house.send(PRODUCT, Ask::get("/thing/abc")).await.status, 404);
    assert_eq!(house.send(PRODUCT, Ask::get("/thing/1/more")).await.status, 404);
    assert_eq!(house.send(PRODUCT, Ask::post("/thing", r#"{"name":{}}"#)).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn a_hand_written_look_at_an_item_meets_the_faults_of_its_kind_and_plain_words_meet_none() {
    let house = house().await;
    house.send(PRODUCT, Ask::post("/thing", r#"{"name":"computer"}"#)).await;
    house.inject(r#"{"target":"oa-rental/product","latency":"250ms","for":"60s"}"#).await;
    for (path, expected_ms) in [("/thing/1", 250), ("/env", 0)] {
        let (told, took_ms) = house.timed(PRODUCT, Ask::get(path)).await;
        assert_eq!((told.status, took_ms), (200, expected_ms), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn items_are_plain_objects_too_where_that_is_declared() {
    let mut system = oa_rental::system();
    system.services[0].resources[0].is_plain_too = true;
    let all = |_: &Visit<'_>| Act::List { kind: Product::KIND, render: shown };
    system.services[0].routes = vec![Route { verb: Verb::Get, path: "/all", fields: &[], act: all }];
    let house = House::start_with(system, HashMap::new()).await;
    for face in [PRODUCT, GATEWAY] {
        let made = house.send(face, Ask::post("/product", r#"{"name":"a \"b\"","qty":"2"}"#)).await;
        assert_eq!(made.status, 200);
        assert_eq!(made.header("content-type"), Some("application/json;charset=UTF-8"));
        assert!(made.body.ends_with(r#","name":"a \"b\"","qty":2}"#), "{}", made.body);
    }
    let changed = house.send(PRODUCT, Ask::new("PATCH", "/product/1").json(r#"{"qty":5}"#)).await;
    assert_eq!((changed.status, changed.body.as_str()), (200, r#"{"id":1,"name":"a \"b\"","qty":5}"#));
    assert_eq!(house.send(PRODUCT, Ask::get("/product/1")).await.body, changed.body);
    assert_eq!(house.send(PRODUCT, Ask::get("/all")).await.body, r#"[{"id":1},{"id":2}]"#);
    assert_eq!(house.send(PRODUCT, Ask::new("DELETE", "/product/1")).await.status, 200);
    assert_eq!(house.send(PRODUCT, Ask::get("/all")).await.body, r#"[{"id":2}]"#);
    for (method, path) in
        [("GET", "/product/1"), ("DELETE", "/product/1"), ("GET", "/product/x"), ("GET", "/product/2/y")]
    {
        assert_eq!(house.send(PRODUCT, Ask::new(method, path)).await.status, 404, "{method} {path}");
    }
    for (method, path, status, allow) in [
        ("PUT", "/product/2", 405, "GET,HEAD,PATCH,DELETE,OPTIONS"),
        ("OPTIONS", "/product/2", 200, "GET,HEAD,PATCH,DELETE,OPTIONS"),
        ("GET", "/product", 405, "POST,OPTIONS"),
        ("OPTIONS", "/all", 200, "GET,HEAD,OPTIONS"),
    ] {
        let told = house.send(PRODUCT, Ask::new(method, path)).await;
        assert_eq!((told.status, told.header("allow")), (status, Some(allow)), "{method} {path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_plain_object_keeps_the_promises_of_its_item_to_readers_and_writers() {
    let mut system = oa_rental::system();
    system.services[0].resources[0].is_plain_too = true;
    let house = House::start_with(system, HashMap::new()).await;
    assert_eq!(house.send(PRODUCT, Ask::post("/product", r#"{"name":"a"}"#)).await.header("etag"), Some("\"1\""));
    let look = || Ask::get("/product/1");
    let known = house.send(PRODUCT, look().with("if-none-match", "\"1\"")).await;
    assert_eq!((known.status, known.body.as_str(), known.header("etag")), (304, "", Some("\"1\"")));
    let patch = |tag| Ask::new("PATCH", "/product/1").json(r#"{"qty":5}"#).with("if-match", tag);
    for (nth, (ask, status)) in [
        (look().with("accept", "application/xml"), 406),
        (look().with("accept", "application/hal+json"), 200),
        (Ask::post("/product", r#"{"name":"b"}"#).with("accept", "application/xml"), 406),
        (Ask::post("/product", r#"{"id":1,"name":"b"}"#), 409),
        (patch("\"9\""), 412),
        (Ask::new("DELETE", "/product/1").with("if-match", "\"9\""), 412),
        (Ask::get("/product/2"), 404),
        (look().with("if-none-match", "\"1\""), 304),
        (patch("\"1\""), 200),
        (patch("\"1\""), 412),
        (Ask::post("/product", r#"{"id":9,"name":"b"}"#).with("if-match", "\"9\""), 200),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(house.send(PRODUCT, ask).await.status, status, "request {nth}");
    }
}
