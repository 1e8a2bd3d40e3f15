//! What a start says: where everything is; or what to change, before anything is touched, or after it ended what it began.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::client::{Client, Request};

/// A start without a token in its environment that fails.
fn failed(data: &Path, settings: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_resurgam"))
        .args(["serve", "--data"])
        .arg(data)
        .args(["--set", "listen.port=0", "--set", "admin.listen=127.0.0.1:0"])
        .args(settings.iter().flat_map(|setting| ["--set", setting]))
        .env_remove("RESURGAM_ADMIN_TOKEN")
        .output()
        .expect("the binary runs")
}

#[test]
fn a_setting_that_makes_no_sense_ends_a_start_before_the_data_directory_is_touched() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let data = dir.path().join("data");
    for (setting, named) in [
        ("systems.nobody.key=1", "systems.nobody"),
        ("systems.book-market.nothing=1", "systems.book-market.nothing"),
        ("systems.book-rental.initial_stock=many", "systems.book-rental.initial_stock"),
        ("systems.book-market.payment_url=https://bank", "systems.book-market.payment_url"),
        ("telemetry.traces.endpoint=https://collector", "telemetry.traces.endpoint"),
        ("guard.of.nobody.attempt_timeout_ms=1", "nobody"),
        ("guard.ask.breaker.calls_min=0", "guard: ask.breaker.calls_min"),
        ("guard.retry.attempts_max=0", "guard: retry.attempts_max"),
        ("actors.live_max=0", "actors.live_max"),
        ("admin.listen=0.0.0.0:0", "RESURGAM_ADMIN_TOKEN"),
        ("admin.token_file=/nonexistent/token", "/nonexistent/token"),
    ] {
        let ended = failed(&data, &[setting]);
        let told = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(64), "{setting}: {told}");
        assert!(told.contains(named), "{named} in {told}");
        assert!(!data.exists(), "{setting}: the data directory was touched");
    }
}

#[test]
fn a_start_that_fails_late_stops_what_it_began() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let data = dir.path().join("data");
    fs::create_dir(&data).expect("a folder");
    // A token that is not there and cannot be made: only who writes it finds out.
    symlink("nowhere/token", data.join("admin.token")).expect("a link");
    let ended = failed(&data, &[]);
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(64), "{told}");
    assert!(told.contains("admin.token"), "{told}");
    let lock = fs::read_to_string(data.join("LOCK")).expect("a lock");
    assert!(lock.lines().any(|line| line == "closed"), "it was not closed: {lock}");
}

#[test]
fn every_listener_is_announced_where_it_answers() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let free = ["listen.port=0", "admin.listen=127.0.0.1:0", "admin.probes=127.0.0.1:0"];
    let mut server = Command::new(env!("CARGO_BIN_EXE_resurgam"))
        .args(["serve", "--data"])
        .arg(dir.path().join("data"))
        .args(free.iter().flat_map(|setting| ["--set", setting]))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs");
    let lines = BufReader::new(server.stdout.take().expect("stdout is piped")).lines().map_while(Result::ok);
    let said: Vec<String> = lines.take_while(|line| line != "ready").collect();
    let answers = |name: &str, path: &str| {
        let line = said.iter().find(|line| line.contains(name))?;
        let port = line.trim().strip_prefix("http://localhost:")?.split(' ').next()?.parse().ok()?;
        let asked = Client::new(SocketAddr::from(([127, 0, 0, 1], port))).try_send(&Request::get(path));
        Some(asked.map(|answer| answer.status).map_err(|error| error.to_string()))
    };
    let told = [
        answers("  all systems", "/oa-rental/products"),
        answers("  operators ", "/livez"),
        answers("  probes ", "/livez"),
    ];
    server.kill().expect("the server can be killed");
    server.wait().expect("the server can be waited for");
    assert_eq!(told, [const { Some(Ok(200)) }; 3], "{said:?}");
}

#[test]
fn a_wrong_argument_ends_as_a_wrong_setting_does_and_help_does_not() {
    for (words, code) in [
        (["serve", "--nonsense"], 64),
        (["nonsense", "--help"], 64),
        (["journal", "nothing"], 64),
        (["serve", "--help"], 0),
        (["help", "journal"], 0),
    ] {
        let ended = Command::new(env!("CARGO_BIN_EXE_resurgam")).args(words).output().expect("the binary runs");
        assert_eq!(ended.status.code(), Some(code), "{words:?}: {}", String::from_utf8_lossy(&ended.stderr));
    }
}
