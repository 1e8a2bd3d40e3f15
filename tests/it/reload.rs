//! Settings of guards that are read again take effect at once, or not at all.

use serde_json::json;

use crate::client::Request;
use crate::support::{Server, operator};

#[test]
fn guards_take_new_settings_over_whole_and_keep_the_old_ones_when_they_make_no_sense() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = dir.path().join("mine.toml");
    let write = |text: &str| std::fs::write(&file, text).expect("settings");
    write("");
    let server = Server::start(dir.path(), &["--config", file.to_str().expect("a path")]);
    let reload = || server.client("admin").send(&operator(Request::post("/admin/config/reload", "{}")));
    let limit = || {
        let guard = operator(Request::get("/admin/breakers/oa-rental/product/product"));
        server.client("admin").send(&guard).json()["bulkheads"]["edge"]["runningMax"].clone()
    };
    let taken = |changed: &[&str]| json!({ "changed": changed, "waitingForRestart": [] });
    assert_eq!((reload().json(), limit()), (taken(&[]), json!(1_024)));

    write("[guard.of.\"oa-rental/product/product\"]\nedge = { running_max = 7, queue_max = 0, wait_max_ms = 0 }\n");
    assert_eq!((reload().json(), limit()), (taken(&["oa-rental/product/product"]), json!(7)));
    assert_eq!(server.send("product", &Request::post("/products", r#"{"name":"a","qty":"1"}"#)).status, 201);

    for (nonsense, named) in [
        ("[guard.kind.breaker]\ncalls_min = 0\n", "calls_min"),
        ("[guard.of.\"oa-rental/nobody\"]\nattempt_timeout_ms = 1\n", "oa-rental/nobody"),
        ("[guard.kind]\nattempt_timeout = 1\n", "guard.kind.attempt_timeout"),
    ] {
        write(nonsense);
        let refused = reload();
        assert_eq!((refused.status, limit()), (400, json!(7)), "{nonsense}");
        assert!(refused.text().contains(named), "{named} in {}", refused.text());
    }
}

#[test]
fn operators_see_each_setting_in_force_and_who_set_it() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = dir.path().join("mine.toml");
    let write = |text: &str| std::fs::write(&file, text).expect("settings");
    write("[edge]\nbody_bytes_max = 4096\n");
    let path = file.to_str().expect("a path");
    let server = Server::start(dir.path(), &["--config", path, "--set", "actors.shards=2"]);
    let shown = |key: &str| server.client("admin").send(&operator(Request::get("/admin/config"))).json()[key].clone();
    assert_eq!(shown("edge.body_bytes_max"), json!({ "value": 4_096, "origin": path }));
    assert_eq!(shown("actors.shards"), json!({ "value": 2, "origin": "the command line" }));
    assert_eq!(shown("edge.backlog")["origin"], "the defaults");
    assert_eq!(shown("guard.kind.attempt_timeout_ms")["origin"], "the defaults");
    assert_eq!(server.client("admin").send(&Request::get("/admin/config")).status, 401);

    write("[edge]\nbody_bytes_max = 8192\n[guard.kind]\nattempt_timeout_ms = 1999\n");
    assert_eq!(server.client("admin").send(&operator(Request::post("/admin/config/reload", "{}"))).status, 200);
    assert_eq!(shown("guard.kind.attempt_timeout_ms"), json!({ "value": 1_999, "origin": path }), "taken over");
    assert_eq!(shown("edge.body_bytes_max"), json!({ "value": 4_096, "origin": path }), "waits for a restart");
}

#[test]
fn what_only_a_restart_takes_over_is_named_until_it_is_what_it_was() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = dir.path().join("mine.toml");
    let write = |text: &str| std::fs::write(&file, text).expect("settings");
    write("[edge]\nbody_bytes_max = 4096\n");
    let server = Server::start(dir.path(), &["--config", file.to_str().expect("a path")]);
    let reload = || server.client("admin").send(&operator(Request::post("/admin/config/reload", "{}"))).json();
    write("[edge]\nbody_bytes_max = 8192\n[journal]\nreaders = 3\n[guard.kind]\nattempt_timeout_ms = 1999\n");
    for _ in 0..2 {
        assert_eq!(reload()["waitingForRestart"], json!(["edge.body_bytes_max", "journal.readers"]));
    }
    assert!(server.said().contains("edge.body_bytes_max, journal.readers"), "{}", server.said());
    write("[edge]\nbody_bytes_max = 4096\n");
    assert_eq!(reload()["waitingForRestart"], json!([]));
}
