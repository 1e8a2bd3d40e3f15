//! Requests no ordinary client sends.

use super::house::{Ask, GATEWAY, House, PRODUCT};
use crate::http::routes::Face;

#[tokio::test(start_paused = true)]
async fn any_host_gets_an_answer_whose_links_need_no_escapes() {
    let house = House::with_a_computer().await;
    let hosts: [&[u8]; 12] = [
        b"",
        b" ",
        b":",
        b"::::",
        b"[::1]",
        b"[::1]:8081",
        b"localhost:",
        b"localhost:99999999",
        b"a b\"<>{}|\\^`",
        b"\xff\xfe",
        "호스트:8081".as_bytes(),
        b"evil\"></a>",
    ];
    for face in [PRODUCT, GATEWAY] {
        for target in ["/", "/products", "/products/1", "/actuator", "/products/1/history", "/nosuch", "/profile"] {
            for host in hosts {
                let told = house.send(face, Ask::get(target).with_bytes("host", host)).await;
                assert!([200, 404].contains(&told.status), "{target} at {host:?}: {told:?}");
                told.json();
            }
            let told = house.send(face, Ask::get(target).without("host")).await;
            assert!([200, 404].contains(&told.status), "{target} without a host: {told:?}");
        }
        for host in hosts {
            let made = house.send(face, Ask::post("/products", "{}").with_bytes("host", host)).await;
            assert_eq!(made.status, 201);
            assert!(made.header("location").is_some_and(|location| location.is_ascii()), "{host:?}: {made:?}");
        }
    }
    let silent = Ask::post("/products", "{}");
    for ask in [silent.clone().without("host"), silent.clone().with("host", ""), silent.with_bytes("host", b"\xff")] {
        let made = house.send(PRODUCT, ask).await;
        assert!(made.header("location").is_some_and(|location| location.starts_with("http://localhost/products/")));
    }
}

#[tokio::test(start_paused = true)]
async fn operations_on_an_item_are_read_by_patch_only() {
    let house = House::with_a_computer().await;
    let operations = r#"[{"op":"replace","path":"/qty","value":1}]"#;
    for (method, target) in [("POST", "/products"), ("PUT", "/products/1")] {
        let ask = Ask::new(method, target).json(operations).with("content-type", "application/json-patch+json");
        let refused = house.send(PRODUCT, ask).await;
        assert_eq!(refused.status, 415, "{method}: {refused:?}");
        assert_eq!(refused.header("accept-post"), Some("application/json,application/hal+json"));
    }
    assert_eq!(house.send(PRODUCT, Ask::get("/products")).await.json()["page"]["totalElements"], 1);
}

#[tokio::test(start_paused = true)]
async fn any_path_and_method_gets_an_answer() {
    let house = House::with_a_computer().await;
    let paths =
        ["", "*", "//", "/products//1", "/products/-1", "/products/18446744073709551616", "/%00", "/profile/x/y"];
    for face in [PRODUCT, GATEWAY] {
        for path in paths {
            for method in ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"] {
                let told = house.send(face, Ask::new(method, path)).await;
                assert!([200, 404, 405].contains(&told.status), "{method} {path}: {told:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_whose_end_is_unclear_is_refused_and_the_connection_closed() {
    let house = House::with_a_computer().await;
    let codings = ["gzip, chunked", "chunked, chunked", "gzip", "identity", "", "xchunked", "chunked;q=1"];
    for face in [PRODUCT, GATEWAY] {
        for coding in codings {
            let ask = Ask::post("/products", r#"{"name":"b"}"#).with("transfer-encoding", coding);
            let refused = house.send(face, ask).await;
            assert_eq!((refused.status, refused.header("connection")), (400, Some("close")), "{coding:?}");
            assert_eq!(refused.json()["reason"], "unclear-end", "{coding:?}");
        }
        let ask = Ask::post("/products", r#"{"name":"b"}"#).with("transfer-encoding", "Chunked");
        assert_eq!(house.send(face, ask).await.status, 201);
    }
    assert_eq!(house.send(PRODUCT, Ask::get("/products")).await.json()["page"]["totalElements"], 3);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_announces_too_much_is_refused_before_it_is_sent() {
    let house = House::with_a_computer().await;
    for (length, status) in [("65536", 201), ("65537", 413), ("18446744073709551615", 413)] {
        let told = house.send(PRODUCT, Ask::post("/products", "{}").with("content-length", length)).await;
        assert_eq!(told.status, status, "{length}: {told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_behind_the_one_port_links_to_a_profile_that_is_there() {
    let house = House::with_a_computer().await;
    for path in ["/oa-rental/products", "/oa-rental/services/product/products"] {
        let list = house.send(Face::All, Ask::get(path)).await.json();
        let profile =
            list["_links"]["profile"]["href"].as_str().and_then(|href| href.split_once("://")).expect("a link");
        let (_, profile) = profile.1.split_once('/').expect("a path");
        let told = house.send(Face::All, Ask::get(&format!("/{profile}"))).await;
        assert_eq!((told.status, &told.json()["alps"]["version"]), (200, &"1.0".into()), "{profile}");
    }
    assert_eq!(house.send(Face::All, Ask::get("/oa-rental/profile/nosuch")).await.status, 404);
    assert_eq!(house.send(GATEWAY, Ask::new("PUT", "/profile/products")).await.status, 405);
}
