//! `resurgam chaos monkey` on a server of all systems under load: nothing is lost, and what it prints is what the metrics
//! and the log say.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::campaign::{Dice, alone, seed};
use crate::client::Request;
use crate::conservation;
use crate::services::ALL;
use crate::support::{ADMIN_TOKEN, Server, eventually, operator, poll, signal};

const CLIENTS: u64 = 8;
/// Who is let loose: among everything that the process survives, then among those of which there are few.
const MONKEYS: [(&str, &str, &str); 2] = [
    ("200/s", "3s", "aggregates,policies,views,shards,supervisors,committer,reader"),
    ("100/s", "1s", "policies,views,committer,reader"),
];
const METRIC: &str = "resurgam_chaos_acts_total{act=\"kill\",what=\"";
/// How long the systems may take to come to rest.
const REST: Duration = Duration::from_secs(60);

/// Makes things until told to stop; returns where they are.
fn client(server: &Server, mut dice: Dice, over: &AtomicBool) -> Vec<String> {
    let (mut client, mut made) = (server.client("gateway"), Vec::new());
    while !over.load(Ordering::Relaxed) {
        let (system, collection, body, ..) = conservation::BUSINESS[dice.below(5) as usize];
        let body = body.replace("$5", &(1 + dice.below(5)).to_string()).replace('$', &(1 + dice.below(8)).to_string());
        let path = format!("/{system}/{collection}");
        let answer = client.send(&Request::post(&path, body));
        assert_eq!(answer.status, 201, "{path}: {}", answer.text());
        made.push(format!("{path}/{}", answer.located_id().expect("an id")));
    }
    made
}

fn command(server: &Server, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_resurgam"));
    command.arg("chaos").args(words).args(["--url", &server.admin_url()]).env("RESURGAM_ADMIN_TOKEN", ADMIN_TOKEN);
    command
}

/// Runs the command to its end; returns what it printed.
fn chaos(server: &Server, words: &[&str]) -> String {
    let ran = command(server, words).output().expect("the command runs");
    assert!(ran.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).expect("text")
}

/// How many of each sort were killed, as it was printed; the first line says when and by which seed, the last how many.
fn told(text: &str) -> (BTreeMap<String, u64>, u64) {
    let counts = text.lines().skip(1).filter_map(|line| {
        let (what, count) = line.split_once(' ')?;
        Some((what.to_owned(), count.trim().parse().ok()?))
    });
    let mut counts: BTreeMap<_, _> = counts.collect();
    let total = counts.remove("killed").expect("the last line is the sum");
    (counts, total)
}

fn counted(server: &Server) -> BTreeMap<String, u64> {
    let metrics = server.get("admin", "/metrics").text();
    let kills = metrics.lines().filter_map(|line| line.strip_prefix(METRIC)?.split_once("\"} "));
    let counts = kills.map(|(what, count)| (what.to_owned(), count.parse().expect("a count")));
    // Sorts nobody killed are told as zero.
    counts.filter(|(_, count)| *count > 0).collect()
}

/// How many of each sort the notes in the log name.
fn noted(data: &Path) -> BTreeMap<String, u64> {
    let mut noted = BTreeMap::new();
    for line in dumped(data).lines().filter(|line| line.contains("Audit { action: \"monkey kill\"")) {
        let names = line.split("target: \"").nth(1).and_then(|rest| rest.split('"').next()).expect("a target");
        for name in names.split(' ') {
            *noted.entry(sort(name).to_owned()).or_default() += 1;
        }
    }
    noted
}

/// Every record of a server's log that has ended.
fn dumped(data: &Path) -> String {
    let dumped = Command::new(env!("CARGO_BIN_EXE_resurgam")).args(["journal", "dump", "--data"]).arg(data).output();
    String::from_utf8(dumped.expect("the command runs").stdout).expect("text")
}

fn sort(name: &str) -> &'static str {
    let parts: Vec<&str> = name.split('/').collect();
    match parts[..] {
        ["journal", "committer"] => "committer",
        ["journal", "reader"] => "reader",
        [_, _, "policies"] => "policies",
        [_, _, "supervisor"] => "supervisors",
        [_, _, view] if view.contains('@') => "views",
        [_, _, _, "shard", _] => "shards",
        [_, _, _, _] => "aggregates",
        _ => panic!("{name} is no name of a part"),
    }
}

#[test]
fn a_monkey_among_all_systems_loses_nothing_and_tells_the_truth() {
    let _machine = alone();
    let seed = seed();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let books = format!("systems.book-rental.initial_stock={}", conservation::BOOKS);
    let mut server = Server::serving(ALL, dir.path(), &["--set", &books, "--set", "chaos.enabled=true"]);
    for _ in 0..8 {
        let product =
            Request::post("/oa-rental/products", format!(r#"{{"name":"computer","qty":"{}"}}"#, conservation::STOCK));
        assert_eq!(server.send("gateway", &product).status, 201);
    }
    let over = AtomicBool::new(false);
    let (texts, made) = thread::scope(|scope| {
        let (server, over) = (&server, &over);
        let begin = |number: u64| scope.spawn(move || client(server, Dice::new(seed ^ (number + 1)), over));
        let running: Vec<_> = (0..CLIENTS).map(begin).collect();
        let texts = MONKEYS.map(|(rate, lasts, what)| {
            let shown = seed.to_string();
            let words = ["--rate", rate, "--for", lasts, "--seed", &shown, "--target", "*", "--what", what];
            let text = chaos(server, &[&["monkey"][..], &words].concat());
            assert!(text.starts_with("time is up after ") && text.contains(&format!(".0 s, seed {seed}, ")), "{text}");
            text
        });
        over.store(true, Ordering::Relaxed);
        let made = running.into_iter().flat_map(|client| client.join().expect("a client ends well"));
        (texts, made.collect::<Vec<String>>())
    });
    let mut printed = BTreeMap::new();
    for text in &texts {
        let (counts, total) = told(text);
        assert!(total >= 50 && total == counts.values().sum::<u64>(), "{text}");
        counts.into_iter().for_each(|(what, count)| *printed.entry(what).or_default() += count);
    }
    let total: u64 = printed.values().sum();
    assert!(["committer", "reader", "views"].iter().all(|what| printed.contains_key(*what)), "{printed:?}");
    assert_eq!(printed, counted(&server), "the metrics");

    let mut left = Vec::new();
    let at_rest = poll(REST, || {
        left = conservation::faults(&server);
        left.is_empty().then_some(())
    });
    assert!(at_rest.is_some(), "RESURGAM_SEED={seed}: {} things do not add up, {:#?}", left.len(), left.first());
    let mut reader = server.client("gateway");
    let lost: Vec<_> = made.iter().filter(|path| reader.send(&Request::get(path)).status != 200).collect();
    assert!(lost.is_empty(), "RESURGAM_SEED={seed}: {lost:?}");
    assert_eq!(server.send("admin", &operator(Request::get("/admin/parked"))).json()["parked"], serde_json::json!([]));
    server.stop();
    assert_eq!(printed, noted(&dir.path().join("data")), "the notes in the log");
    eprintln!(
        "== monkey: {total} parts killed under {} requests of {CLIENTS} clients: 0 lost, {printed:?}",
        made.len()
    );
}

#[test]
fn every_lever_has_its_word_on_the_command_line() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &["--set", "chaos.enabled=true"]);
    let product = Request::post("/products", r#"{"name":"computer","qty":9}"#);
    assert_eq!(server.send("product", &product).status, 201);
    for (words, told) in [
        ("kill oa-rental/product/product/1 --reason drill", "\"oa-rental/product/product/1\""),
        ("kill journal/reader", "\"journal/reader\""),
        ("panic oa-rental/delivery --at react", "\"oa-rental/delivery/policies\""),
        ("disk --stall 5ms --for 10s", "\"stallSeconds\": 0.005"),
        ("disk", "\"stallSeconds\": 0.005"),
        ("disk --mend", "\"stallSeconds\": 0.005"),
        ("faults add oa-rental/product --latency 5ms --for 10s --seed 1", "\"id\": 1"),
        ("faults list", "\"latency\": \"5ms\""),
        ("faults remove 1", "\"id\": 1"),
        ("monkey --rate 20/s --for 300ms --seed 7", "time is up after 0.3 s, seed 7, "),
        ("stop", "time is up after 0.3 s, seed 7, "),
    ] {
        let text = chaos(&server, &words.split(' ').collect::<Vec<_>>());
        assert!(text.contains(told), "{words}: {text}");
    }
}

#[test]
fn a_monkey_is_called_back_by_ctrl_c_and_tells_what_it_did() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &["--set", "chaos.enabled=true"]);
    let words = ["monkey", "--rate", "20/s", "--for", "1h", "--what", "policies,views"];
    let running = command(&server, &words).stdout(Stdio::piped()).spawn().expect("the command runs");
    let look = || server.send("admin", &operator(Request::get("/chaos/monkey")));
    let loose = || Some(look()).filter(|seen| seen.status == 200).and_then(|seen| seen.json()["total"].as_u64());
    eventually("the monkey kills", || loose().filter(|total| *total > 3));
    signal("-INT", running.id());
    let ended = running.wait_with_output().expect("the command can be waited for");
    let text = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success() && text.starts_with("stopped after "), "{} {text}", ended.status);
    assert_eq!((look().json()["ended"].as_str(), loose()), (Some("stopped"), Some(told(&text).1)));
}

#[test]
fn what_cannot_be_done_is_said_with_an_exit_code() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    for (words, why) in [
        ("kill", "403: chaos is off: start with --set chaos.enabled=true"),
        ("kill --token-file /nonexistent", "/nonexistent"),
        ("kill --url https://127.0.0.1", "only http is spoken"),
        ("kill --url http://me:pw@127.0.0.1", "no user and no password"),
        ("kill --url http://127.0.0.1:1", "http://127.0.0.1:1"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_resurgam"));
        command.arg("chaos").args(words.split(' ')).env("RESURGAM_ADMIN_TOKEN", ADMIN_TOKEN);
        if !words.contains("--url") {
            command.args(["--url", &server.admin_url()]);
        }
        let ran = command.output().expect("the command runs");
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.code().is_some_and(|code| code != 0) && said.contains(why), "{words}: {said}");
    }
}

#[test]
fn a_storage_thread_that_ends_takes_the_process_with_it_and_nothing_else() {
    for lane in ["writer", "applier"] {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut server = Server::start(dir.path(), &["--set", "chaos.enabled=true"]);
        let product = Request::post("/products", r#"{"name":"computer","qty":9}"#);
        assert_eq!(server.send("product", &product).status, 201);
        let told = chaos(&server, &["kill", &format!("journal/{lane}")]);
        assert!(told.contains("the process ends with exit code 70"), "{told}");
        let ended = poll(REST, || server.ended()).expect("it ends by itself");
        assert_eq!(ended.code(), Some(70), "{lane}");
        server.restart();
        assert_eq!(server.get("product", "/products/1").json()["qty"], 9, "{lane}");
    }
}
