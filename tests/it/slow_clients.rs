//! Ten thousand clients that never finish their heads take nothing from those that do.
//!
//! Windows without and with them alternate, so that whatever else the machine does meets both.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::campaign::alone;
use crate::client::{Client, Request};
use crate::support::{Server, eventually, now};

const SLOW: usize = 10_000;
/// Room for them and the good clients.
const CONNECTIONS_MAX: &str = "edge.connections_max=10100";
/// Descriptors the process needs beside those of slow clients.
const SPARE: u64 = 100;
const WINDOWS: usize = 7;
const WINDOW: Duration = Duration::from_millis(1_200);
const GOOD: u32 = 4;
/// Each good client's: together a load that leaves the processors mostly idle.
const PER_SECOND: u32 = 100;
/// Below this a difference says more of the machine's scheduler than of the server.
const NOISE: Duration = Duration::from_millis(1);

#[test]
fn slow_clients_do_not_make_good_ones_wait() {
    let _machine = alone();
    let slow = descriptors().min(SLOW);
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &["--set", CONNECTIONS_MAX]);
    assert_eq!(server.send("product", &Request::post("/products", r#"{"name":"a","qty":9}"#)).status, 201);
    window(&server, &[]);

    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..WINDOWS {
        without.push(window(&server, &[]));
        let slow_ones = crowd(&server, slow);
        with.push(window(&server, &slow_ones));
        let still_open = open_connections(&server);
        assert!(still_open >= slow as u64, "only {still_open} connections were open at the end of a window");
        drop(slow_ones);
        eventually("the slow clients are gone", || (open_connections(&server) < 100).then_some(()));
    }
    let faults = server.wounds(&[]);
    assert!(faults.is_empty(), "{faults:#?}");
    let (alone_p99, crowded_p99) = (median(&mut without), median(&mut with));
    eprintln!(
        "== slow clients: {slow} beside {GOOD} good ones at {} requests/s; p99 {:.2} ms without, {:.2} ms with them \
         (medians of {WINDOWS} windows: {without:.2?} and {with:.2?})",
        GOOD * PER_SECOND,
        alone_p99.as_secs_f64() * 1e3,
        crowded_p99.as_secs_f64() * 1e3,
    );
    assert!(crowded_p99 < 2 * alone_p99.max(NOISE), "p99 {crowded_p99:?} with slow clients, {alone_p99:?} without");
}

/// Raises this process's limit of open files, which the server inherits, and says how many slow clients it allows.
fn descriptors() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").expect("a process knows its limits");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a limit of open files");
    let mut words = line.split_whitespace().skip(3).map(|word| word.parse().unwrap_or(u64::MAX));
    let (soft, hard) = (words.next().expect("a soft limit"), words.next().expect("a hard limit"));
    let needed = SLOW as u64 + SPARE;
    if soft < needed {
        // Root may raise the hard limit too; another user only up to it.
        let raised = |limit: u64| {
            let arguments = [format!("--pid={}", std::process::id()), format!("--nofile={limit}:{}", hard.max(limit))];
            Command::new("prlimit").args(arguments).status().is_ok_and(|status| status.success())
        };
        if !raised(needed) {
            let fits = if raised(hard) { hard } else { soft };
            eprintln!("the limit of {soft} open files cannot be raised to {needed}: {fits} decide how many there are");
            assert!(fits >= 1_000 + SPARE, "too few for slow clients: raise it (`ulimit -n {needed}`)");
            return usize::try_from(fits - SPARE).expect("few enough");
        }
    }
    SLOW
}

/// Opens slow clients, each with the beginning of a head.
fn crowd(server: &Server, count: usize) -> Vec<TcpStream> {
    let addr = server.addr("product");
    let slow: Vec<TcpStream> = (0..count).map(|_| begin(addr)).collect();
    eventually("the server holds them all", || (open_connections(server) >= count as u64).then_some(()));
    slow
}

fn begin(addr: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect_timeout(&addr, Duration::from_secs(5)).expect("the server accepts");
    stream.set_nodelay(true).expect("a connected socket can be set up");
    stream.write_all(b"GET /products HTTP/1.1\r\nHost: local").expect("the server reads");
    stream
}

fn open_connections(server: &Server) -> u64 {
    let lines = server.metrics();
    let line = lines.iter().find(|line| line.starts_with("resurgam_http_connections"));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).expect("the number of connections is a metric")
}

/// Has the good clients ask for a while, each at its own pace, and the slow ones go on slowly; returns the good ones' p99.
fn window(server: &Server, slow: &[TcpStream]) -> Duration {
    let is_over = AtomicBool::new(false);
    let mut waits: Vec<Duration> = thread::scope(|scope| {
        scope.spawn(|| dribble(slow, &is_over));
        let good: Vec<_> = (0..GOOD).map(|number| scope.spawn(move || ask(server, number))).collect();
        let waits = good.into_iter().flat_map(|client| client.join().expect("a good client ends well")).collect();
        is_over.store(true, Ordering::Relaxed);
        waits
    });
    waits.sort_unstable();
    waits[waits.len() * 99 / 100]
}

/// Sends one more byte of a head every few milliseconds.
fn dribble(slow: &[TcpStream], is_over: &AtomicBool) {
    for mut stream in slow {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        stream.write_all(b"h").expect("the server reads on");
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// Asks at a fixed rate; a wait counts from when the request was due.
fn ask(server: &Server, number: u32) -> Vec<Duration> {
    let mut client: Client = server.client("product");
    let gap = Duration::from_secs(1) / PER_SECOND;
    // Spread over the gap, so that the good clients do not wait for each other.
    let start = now() + gap * number / GOOD;
    let mut waits = Vec::new();
    while start.elapsed() < WINDOW {
        let due = start + gap * u32::try_from(waits.len()).expect("few enough");
        until(due);
        let write = Request::new("PATCH", "/products/1").json(format!(r#"{{"qty":{}}}"#, waits.len()));
        let request = if waits.len() % 4 == 0 { write } else { Request::get("/products/1") };
        let answer = client.send(&request);
        waits.push(due.elapsed());
        assert!(answer.is_success(), "{} {}", answer.status, answer.text());
    }
    waits
}

fn until(due: Instant) {
    while let Some(rest) = due.checked_duration_since(now()).filter(|rest| !rest.is_zero()) {
        thread::park_timeout(rest);
    }
}

fn median(windows: &mut [Duration]) -> Duration {
    windows.sort_unstable();
    windows[windows.len() / 2]
}
