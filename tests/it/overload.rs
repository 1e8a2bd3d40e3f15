//! Ten times what can be done comes in: what can be done is done, the rest is told at once to come later.
//!
//! What can be done is made small and known: calls that take a while, and so many places for them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::campaign::alone;
use crate::client::Request;
use crate::support::{Server, now, operator};

const PRODUCTS: u64 = 100;
/// Each call takes this long, and so many go on at once: 320 a second.
const CALL: &str = "25ms";
const PLACES: &str =
    "[guard.of.\"oa-rental/product/product\"]\nedge = { running_max = 8, queue_max = 4096, wait_max_ms = 1000 }\n";
const CAPACITY: u64 = 320;
/// Enough to keep every place taken, and to be turned away by nobody.
const ENOUGH: u64 = 64;
/// Each asks ten times a second unless it waits for its answer: about half of them do, the others make nine times the
/// capacity.
const CROWD: u64 = 550;
const GAP: Duration = Duration::from_millis(100);
const WINDOW: Duration = Duration::from_secs(5);
/// Before a window is counted, so that what is counted is not how it began.
const WARM: Duration = Duration::from_secs(1);
const TURNED_AWAY_WITHIN: Duration = Duration::from_millis(10);
const GOODPUT_MIN: f64 = 0.9;
/// What a crowd's connections and requests may take.
const GROWTH_KIB_MAX: u64 = 64 * 1024;

/// What was answered in one window: done, or turned away; nothing else may be.
#[derive(Debug, Default)]
struct Seen {
    done: AtomicU64,
    /// How long each that was turned away waited for it.
    turned_away: Mutex<Vec<Duration>>,
}

/// Has so many clients change products for a window, each at its pace.
fn window(server: &Server, clients: u64, gap: Duration) -> Seen {
    let seen = Seen::default();
    let began = now();
    thread::scope(|scope| {
        for number in 0..clients {
            let seen = &seen;
            // Spread over the gap, so that they do not come at once.
            let start =
                began + gap * u32::try_from(number).expect("few enough") / u32::try_from(clients).expect("few enough");
            scope.spawn(move || ask(server, number, (start, began + WARM, began + WARM + WINDOW), gap, seen));
        }
    });
    seen
}

fn ask(server: &Server, number: u64, (mut due, from, until): (Instant, Instant, Instant), gap: Duration, seen: &Seen) {
    let mut client = server.client("product");
    let path = format!("/products/{}", 1 + number % PRODUCTS);
    let mut qty = 0;
    while due < until {
        if let Some(rest) = due.checked_duration_since(now()) {
            thread::park_timeout(rest);
        }
        qty += 1;
        let sent = now();
        let answer = client.send(&Request::new("PATCH", &path).json(format!(r#"{{"qty":{qty}}}"#)));
        // What it could not send in time is not sent twice as fast later.
        due = (due + gap).max(now());
        assert!([204, 503].contains(&answer.status), "{} after {:?}: {}", answer.status, sent.elapsed(), answer.text());
        if !(from..until).contains(&now()) {
            continue;
        }
        match answer.status {
            204 => _ = seen.done.fetch_add(1, Ordering::Relaxed),
            503 => {
                assert!(answer.header("retry-after").is_some(), "{}", answer.text());
                seen.turned_away.lock().expect("whole").push(sent.elapsed());
            }
            other => unreachable!("{other} is judged above"),
        }
    }
}

#[test]
fn ten_times_the_load_gets_what_can_be_done_done_and_the_rest_told_at_once() {
    let _machine = alone();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let settings = dir.path().join("mine.toml");
    std::fs::write(&settings, PLACES).expect("settings");
    let server =
        Server::start(dir.path(), &["--set", "chaos.enabled=true", "--config", settings.to_str().expect("a path")]);
    for _ in 0..PRODUCTS {
        assert_eq!(server.send("product", &Request::post("/products", r#"{"name":"a","qty":"9"}"#)).status, 201);
    }
    let fault =
        format!(r#"{{"target":"oa-rental/product/product","latency":"{CALL}","for":"120s","reason":"overload"}}"#);
    assert_eq!(server.client("admin").send(&operator(Request::post("/admin/faults", fault))).status, 201);

    let most = window(&server, ENOUGH, Duration::ZERO);
    let memory = server.memory_kib();
    let crowded = window(&server, CROWD, GAP);
    let growth = server.memory_kib().saturating_sub(memory);
    let recovered = window(&server, ENOUGH, Duration::ZERO);

    let done = |seen: &Seen| seen.done.load(Ordering::Relaxed) as f64 / WINDOW.as_secs_f64();
    let mut turned_away = crowded.turned_away.lock().expect("whole").clone();
    turned_away.sort_unstable();
    let rejections = turned_away.len() as f64 / WINDOW.as_secs_f64();
    let median = turned_away.get(turned_away.len() / 2).copied().unwrap_or_default();
    let (at_most, at_ten, after) = (done(&most), done(&crowded), done(&recovered));
    eprintln!(
        "== overload: {at_most:.0}/s done of a capacity of {CAPACITY}/s; with {:.0}/s coming {at_ten:.0}/s done, {rejections:.0}/s \
         turned away in {:.2} ms (median), memory +{growth} KiB; after it {after:.0}/s and none turned away",
        at_ten + rejections,
        median.as_secs_f64() * 1e3,
    );
    assert_eq!(
        [&most, &recovered].map(|seen| seen.turned_away.lock().expect("whole").len()),
        [0, 0],
        "nobody without need"
    );
    assert!(rejections > 4.0 * CAPACITY as f64, "the crowd was no crowd: {rejections:.0}/s turned away");
    assert!(median < TURNED_AWAY_WITHIN, "{median:?}");
    assert!(at_ten >= GOODPUT_MIN * at_most, "{at_ten:.0}/s of {at_most:.0}/s");
    assert!(after >= GOODPUT_MIN * at_most, "{after:.0}/s of {at_most:.0}/s afterwards");
    assert!(growth < GROWTH_KIB_MAX, "{growth} KiB");
    let faults = server.wounds(&["503"]);
    assert!(faults.is_empty(), "{faults:#?}");
}
