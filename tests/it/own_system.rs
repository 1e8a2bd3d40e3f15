//! A business of one's own, in one file on the library, has what the five have: REST, durability, supervision, metrics.

use std::path::PathBuf;
use std::process::Command;

use crate::client::Request;
use crate::support::{Server, operator};

/// The example, built as this test was.
fn laundry() -> PathBuf {
    let profile: &[&str] = if cfg!(debug_assertions) { &[] } else { &["--release"] };
    let built = Command::new(env!("CARGO")).args(["build", "--quiet", "--example", "laundry"]).args(profile).status();
    assert!(built.expect("cargo runs").success(), "the example does not build");
    let test = std::env::current_exe().expect("this test is a file");
    let folder = test.parent().and_then(|deps| deps.parent()).expect("it is in deps");
    folder.join("examples").join("laundry")
}

#[test]
fn a_business_of_ones_own_is_served_durable_supervised_and_measured() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut server = Server::of(laundry(), "laundry", dir.path());
    let coat = Request::post("/garments", r#"{"owner":"anna","what":"coat"}"#);
    let dropped = server.send("counter", &coat);
    assert_eq!((dropped.status, dropped.located_id()), (201, Some(1)), "{}", dropped.text());
    let ownerless = server.send("counter", &Request::post("/garments", r#"{"what":"sock"}"#));
    assert_eq!((ownerless.status, ownerless.text().contains("a-garment-has-an-owner")), (409, true));
    server.becomes("counter", "/garments/1", "clean", |garment| garment["status"] == "clean");
    assert_eq!(server.get("machine", "/washes/1").json()["status"], "done");

    // Durable: a kill -9 loses nothing. Supervised: a killed actor answers as if nothing had been.
    server.kill9();
    server.restart();
    assert_eq!(server.get("counter", "/garments/1").json()["what"], "coat");
    let collected = server.send("counter", &Request::delete("/garments/1"));
    assert_eq!(collected.status, 204, "{}", collected.text());
    assert_eq!(server.get("counter", "/garments/1").status, 404);
    server.becomes("office", "/tickets/1", "collected", |ticket| ticket["status"] == "collected");

    // While the machine is stopped garments are taken in, and washed later.
    server.operate("/admin/services/laundry/machine/stop", r#"{"reason":"a leak"}"#);
    assert_eq!(server.send("counter", &coat).status, 201);
    assert_eq!(server.get("machine", "/washes/2").status, 503);
    server.operate("/admin/services/laundry/machine/start", r#"{"reason":"mended"}"#);
    server.becomes("counter", "/garments/2", "clean", |garment| garment["status"] == "clean");

    // Told, described, guarded, measured.
    let story = server.get("gateway", "/events").text();
    for event in ["DroppedOff", "Washed", "Cleaned", "Collected"] {
        assert!(story.contains(event), "{event} in {story}");
    }
    let api = server.get("gateway", "/openapi.json").json();
    assert!(api["paths"]["/garments/{id}"]["delete"].is_object(), "{api}");
    let breakers = server.client("admin").send(&operator(Request::get("/admin/breakers"))).text();
    assert!(breakers.contains("laundry/counter/garment"), "{breakers}");
    let measured = |line: &String| line.starts_with("http_server_requests_total") && line.contains("garments");
    assert!(server.metrics().iter().any(measured), "its requests are measured");
}
