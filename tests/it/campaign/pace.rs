//! Good clients at their own pace, and how long they wait while there is trouble and while there is none.
//!
//! Windows without and with trouble alternate, so that whatever else the machine does meets both.

use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Client, Request};
use crate::support::{Server, now};

const WINDOWS: usize = 7;
const WINDOW: Duration = Duration::from_millis(1_200);
const GOOD: u32 = 4;
/// Each good client's: together a load that leaves the processors mostly idle.
const PER_SECOND: u32 = 100;
/// Below this a difference says more of the machine's scheduler than of the server.
const NOISE: Duration = Duration::from_millis(1);

/// What good clients waited for, each the p99 of a window.
pub(crate) struct Waits {
    without: Vec<Duration>,
    with: Vec<Duration>,
}

impl Waits {
    /// Has good clients ask with and without trouble: `beside` makes it, calls what it is given, and ends it.
    pub(crate) fn beside(server: &Server, mut beside: impl FnMut(&mut dyn FnMut())) -> Waits {
        assert_eq!(server.send("product", &Request::post("/products", r#"{"name":"a","qty":9}"#)).status, 201);
        p99(server);
        let mut waits = Waits { without: Vec::new(), with: Vec::new() };
        for _ in 0..WINDOWS {
            waits.without.push(p99(server));
            let mut seen = None;
            beside(&mut || seen = Some(p99(server)));
            waits.with.push(seen.expect("a window beside the trouble"));
        }
        waits
    }

    /// Says what was found, and fails if good clients waited twice as long.
    #[track_caller]
    pub(crate) fn check(mut self, trouble: &str) {
        let (without, with) = (median(&mut self.without), median(&mut self.with));
        eprintln!(
            "== {trouble}, beside {GOOD} good clients at {} requests/s; p99 {:.2} ms without, {:.2} ms with it \
             (medians of {WINDOWS} windows: {:.2?} and {:.2?})",
            GOOD * PER_SECOND,
            without.as_secs_f64() * 1e3,
            with.as_secs_f64() * 1e3,
            self.without,
            self.with,
        );
        assert!(with < 2 * without.max(NOISE), "{trouble}: p99 {with:?} with it, {without:?} without");
    }
}

/// Has the good clients ask product 1 for a window, each at its own pace; returns their p99.
fn p99(server: &Server) -> Duration {
    let mut waits: Vec<Duration> = thread::scope(|scope| {
        let good: Vec<_> = (0..GOOD).map(|number| scope.spawn(move || ask(server, number))).collect();
        good.into_iter().flat_map(|client| client.join().expect("a good client ends well")).collect()
    });
    waits.sort_unstable();
    waits[waits.len() * 99 / 100]
}

/// Asks at a fixed rate; a wait counts from when the request was due.
fn ask(server: &Server, number: u32) -> Vec<Duration> {
    let mut client: Client = server.client("product");
    // Spread over the gap, so that the good clients do not wait for each other.
    let start = now() + Duration::from_secs(1) / PER_SECOND * number / GOOD;
    let mut waits = Vec::new();
    at_pace(start, PER_SECOND, |due| {
        let write = Request::new("PATCH", "/products/1").json(format!(r#"{{"qty":{}}}"#, waits.len()));
        let request = if waits.len() % 4 == 0 { write } else { Request::get("/products/1") };
        let answer = client.send(&request);
        waits.push(due.elapsed());
        assert!(answer.is_success(), "{} {}", answer.status, answer.text());
        start.elapsed() < WINDOW
    });
    waits
}

/// Does something so many times a second, as long as it says so.
pub(crate) fn at_pace(start: Instant, per_second: u32, mut step: impl FnMut(Instant) -> bool) {
    let gap = Duration::from_secs(1) / per_second;
    for count in 0.. {
        let due = start + gap * count;
        while let Some(rest) = due.checked_duration_since(now()).filter(|rest| !rest.is_zero()) {
            thread::park_timeout(rest);
        }
        if !step(due) {
            return;
        }
    }
}

fn median(windows: &mut [Duration]) -> Duration {
    windows.sort_unstable();
    windows[windows.len() / 2]
}
