//! The checker (`resurgam chaos verify`) beside a server that is killed in every way, and beside servers that are broken on
//! purpose: it finds nothing wrong with the one, and names what is wrong with each of the others.
//!
//! `RESURGAM_VERIFY_SECONDS` and `RESURGAM_SEED` set and repeat it; `RESURGAM_VERIFY_MUTANT=N` takes one mutant only.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::campaign::{Dice, alone, seed, setting};
use crate::client::{Client, Request};
use crate::services::ALL;
use crate::support::{ADMIN_TOKEN, Server, now, operator, poll};

const CLIENTS: u64 = 16;
/// What many write to at once, so that a kill meets pending appends.
const HOT: [&str; 3] = ["oa-rental/delivery/product", "oa-rental/product/product", "book-rental/book/book"];
/// What stands still before a crash, so that its followers have something before them.
const STOPPED: [&str; 4] = ["oa-rental/delivery", "book-rental/book", "book-market/payment", "hair-shop/hairshop"];
/// A stop lasts until followers' places have left for the store.
const STOP: Duration = Duration::from_millis(1_400);

/// How long the checker may take to look at the server before its load begins.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(60);
/// How long before the end of the load the last round of kills begins at the latest.
const OVER_BEFORE: Duration = Duration::from_secs(4);

/// Each deliberate bug, and the invariants of which one must name it.
const MUTANTS: [(&str, &[&str]); 14] = [
    ("answer-before-sync", &["no-lost-answer"]),
    ("dedupe-off", &["at-most-once"]),
    ("offset-before-effect", &["one-turn-a-fact"]),
    ("barrier-skipped", &["determinism"]),
    ("killed-state-reused", &["determinism"]),
    ("retry-without-id", &["one-turn-a-fact"]),
    ("undo-dropped", &["compensation"]),
    ("view-updated-twice", &["views"]),
    ("generation-ignored", &["single-writer"]),
    ("position-gap-hidden", &["contiguity"]),
    ("newest-row-replayed", &["same-answer"]),
    ("stale-read", &["linearizable"]),
    ("ask-forgotten", &["asks-end-once"]),
    ("permit-leaked", &["liveness"]),
];

/// What the checker said.
struct Said {
    code: Option<i32>,
    report: String,
}

impl Said {
    /// The names of the broken invariants.
    fn broken(&self) -> Vec<&str> {
        let named = self.report.lines().find_map(|line| line.strip_prefix("broken: ")).unwrap_or_default();
        named.split(", ").filter_map(|broken| broken.split_once(' ')).map(|(_, name)| name).collect()
    }

    /// Fails unless all invariants hold, but those that may have nothing to look at; returns the checker's last line.
    fn holds(&self, seed: u64, may_be_absent: &[&str]) -> &str {
        eprintln!("{}", self.report);
        assert_eq!(self.code, Some(0), "RESURGAM_SEED={seed}: broken: {:?}", self.broken());
        let (absent, held): (Vec<_>, Vec<_>) = (self.report.lines())
            .filter(|line| line.contains(" holds ") || line.contains(" absent "))
            .partition(|line| line.contains(" absent "));
        assert_eq!(absent.len() + held.len(), 23, "an invariant is not told of");
        let more = absent.iter().find(|line| !may_be_absent.iter().any(|name| line.contains(&format!(" {name} "))));
        assert_eq!(more, None, "it must have something to look at");
        self.report.lines().last().unwrap_or_default()
    }
}

/// The checker beside a server, told to begin.
fn checker(server: &Server, data: &Path, seconds: u64, seed: u64) -> Child {
    let text = |number: u64| number.to_string();
    let url = server.url("gateway").replace("localhost", "127.0.0.1");
    Command::new(env!("CARGO_BIN_EXE_resurgam"))
        .args(["chaos", "verify", "--front", &url, "--url", &server.admin_url(), "--data"])
        .arg(data)
        .args(["--seconds", &text(seconds), "--clients", &text(CLIENTS), "--seed", &text(seed)])
        .env("RESURGAM_ADMIN_TOKEN", ADMIN_TOKEN)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("the checker starts")
}

/// What is killed beside the checker.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Killed {
    /// Parts of the process.
    Parts,
    /// Parts of it, and itself.
    Everything,
}

/// Verifies a server while it is killed; returns what the checker said, and how often the process was killed.
fn verified(server: &mut Server, data: &Path, (seconds, seed): (u64, u64), killed: Killed) -> (Said, u64) {
    let checker = checker(server, data, seconds, seed);
    let mut client = server.client("gateway");
    assert!(poll(BEGIN_TIMEOUT, || loaded(&mut client)).is_some(), "the load never began");
    // Over before the load is: what is looked at afterwards must stand still.
    let (mut dice, end) = (Dice::new(seed), now() + Duration::from_secs(seconds).saturating_sub(OVER_BEFORE));
    let mut crashes = 0;
    for round in 0.. {
        if now() >= end {
            break;
        }
        let kinds = if killed == Killed::Parts { 2 } else { 4 };
        match round % kinds {
            0 => (0..8).for_each(|_| shoot(server, &mut dice)),
            1 => slow_down(server, &mut dice),
            2 => crash(server),
            _ => {
                STOPPED.iter().for_each(|service| attempt(server, &format!("/admin/services/{service}/stop"), "{}"));
                std::thread::park_timeout(STOP);
                crash(server);
            }
        }
        crashes += u64::from(round % kinds >= 2);
    }
    let output = checker.wait_with_output().expect("the checker ends");
    (Said { code: output.status.code(), report: String::from_utf8_lossy(&output.stdout).into_owned() }, crashes)
}

/// Whether the load has passed what it begins with: business is done in the last of the systems, too.
fn loaded(client: &mut Client) -> Option<()> {
    let list = client.try_send(&Request::get("/hair-shop/reservations?size=1")).ok()?.json();
    (list["page"]["totalElements"].as_u64()? > 0).then_some(())
}

/// What a broken server may refuse.
fn attempt(server: &Server, path: &str, body: &str) {
    let _ = server.client("admin").try_send(&operator(Request::new("POST", path)).json(body));
}

/// Kills whoever is hot, some others, and the committer now and then.
fn shoot(server: &Server, dice: &mut Dice) {
    for target in HOT {
        attempt(server, "/chaos/kill", &format!(r#"{{"target":"{target}"}}"#));
    }
    let seed = dice.below(1 << 32);
    attempt(server, "/chaos/kill", &format!(r#"{{"target":"*","count":100,"seed":{seed}}}"#));
    if dice.below(4) == 0 {
        attempt(server, "/chaos/kill", r#"{"target":"journal/committer"}"#);
    }
}

/// Has asks run out of time, and kills meanwhile.
fn slow_down(server: &Server, dice: &mut Dice) {
    attempt(server, "/admin/faults", r#"{"target":"book-market/payment","latency":"700ms","for":"1s"}"#);
    let end = now() + Duration::from_secs(1);
    while now() < end {
        shoot(server, dice);
        std::thread::park_timeout(Duration::from_millis(100));
    }
}

fn crash(server: &mut Server) {
    server.kill9();
    // One that does not start again is the checker's to name.
    let _ = server.try_restart();
}

/// The server with the deliberate bugs compiled in, built where it is in nobody's way.
fn mutants() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/mutants");
    let profile: &[&str] = if cfg!(debug_assertions) { &[] } else { &["--release"] };
    let mut build = Command::new(env!("CARGO"));
    build
        .args(["build", "--quiet", "--features", "mutants", "--bin", "resurgam", "--target-dir"])
        .arg(&folder)
        .args(profile);
    assert!(build.status().expect("cargo runs").success(), "the mutants do not build");
    folder.join(if cfg!(debug_assertions) { "debug" } else { "release" }).join("resurgam")
}

#[test]
fn every_invariant_holds_whatever_is_killed() {
    let _machine = alone();
    let (seed, seconds) = (seed(), setting("RESURGAM_VERIFY_SECONDS", 12));
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut server = Server::serving(ALL, dir.path(), &["--set", "chaos.enabled=true"]);
    let (said, crashes) = verified(&mut server, &dir.path().join("data"), (seconds, seed), Killed::Everything);
    let holds = said.holds(seed, &["timers", "providers"]);
    eprintln!("== verify: {CLIENTS} clients for {seconds} s, {crashes} kill -9: {holds}");
}

/// Beside the other, where the process is another one in the end and nobody can say what it kept.
#[test]
fn a_process_whose_parts_are_killed_keeps_no_permit_task_file_or_memory_of_them() {
    let _machine = alone();
    let (seed, seconds) = (seed(), setting("RESURGAM_VERIFY_SECONDS", 12));
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut server = Server::serving(ALL, dir.path(), &["--set", "chaos.enabled=true"]);
    let (said, _) = verified(&mut server, &dir.path().join("data"), (seconds, seed), Killed::Parts);
    let holds = said.holds(seed, &["timers", "providers", "restart-time"]);
    assert!(!said.report.contains("not judged"), "{}", said.report);
    eprintln!("== verify: {CLIENTS} clients for {seconds} s, one process: {holds}");
}

#[test]
fn every_deliberate_bug_is_named_by_its_invariant() {
    let _machine = alone();
    let (seed, seconds) = (seed(), setting("RESURGAM_VERIFY_SECONDS", 12));
    let (binary, only) = (mutants(), setting("RESURGAM_VERIFY_MUTANT", u64::MAX));
    let mut survived = Vec::new();
    for (number, (mutant, named)) in MUTANTS.iter().enumerate().filter(|(at, _)| only == u64::MAX || only == *at as u64)
    {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let variable = format!("RESURGAM_MUTANT={mutant}");
        let mut server = Server::new(dir.path(), &dir.path().join("server.log"), &["--set", "chaos.enabled=true"]);
        server.becomes_another(ALL, binary.clone());
        server.run_below(&["env", &variable]);
        server.restart();
        let (said, _) = verified(&mut server, &dir.path().join("data"), (seconds, seed), Killed::Everything);
        let broken = said.broken();
        let is_caught = named.iter().any(|name| broken.contains(name));
        eprintln!("== verify mutant {number} {mutant}: {broken:?}");
        if said.code != Some(1) || !is_caught {
            survived.push(format!("{mutant}, which {named:?} should name: {}", said.report));
        }
    }
    assert!(survived.is_empty(), "RESURGAM_SEED={seed}: {} mutants live: {}", survived.len(), survived.join("\n"));
    eprintln!("== verify mutants: all of them named by their invariants");
}
