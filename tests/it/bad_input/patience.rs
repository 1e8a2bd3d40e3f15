//! Clients that take their time: the limits on time close what the limits on size let live.

use std::thread;
use std::time::Duration;

use super::check;
use super::raw::Raw;
use crate::support::{Server, now};

/// Well above the timeouts set here, well below the default ones.
const CLOSED_WITHIN: Duration = Duration::from_secs(10);

/// Sends a byte now and then until the server hangs up; says how long that took.
fn dribble(mut raw: Raw, bytes: impl Iterator<Item = u8>) -> (Raw, Duration) {
    let started = now();
    for byte in bytes {
        if started.elapsed() > CLOSED_WITHIN || !raw.send(&[byte]) {
            break;
        }
        thread::park_timeout(Duration::from_millis(20));
    }
    (raw, started.elapsed())
}

#[test]
fn a_head_that_comes_byte_by_byte_is_cut_at_the_header_timeout() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &["--set", "edge.header_timeout_ms=400"]);
    let endless =
        || b"GET /products HTTP/1.1\r\nHost: x\r\n".iter().copied().chain(b"x: y\r\n".iter().copied().cycle());
    let doors = ["product", "gateway", "admin"];
    thread::scope(|scope| {
        let slow: Vec<_> =
            doors.map(|door| scope.spawn(|| dribble(Raw::open(server.addr(door)), endless()))).into_iter().collect();
        for (door, slow) in doors.iter().zip(slow) {
            let (mut raw, took) = slow.join().expect("a slow client ends well");
            assert_eq!(raw.end(), Ok(()), "{door}");
            assert!(took < CLOSED_WITHIN, "{door}: open after {took:?}");
        }
    });
    let mut silent = Raw::open(server.addr("product"));
    assert_eq!(silent.end(), Ok(()), "a client that says nothing");
    check(&server, "product", &[]);
}

#[test]
fn a_body_that_comes_byte_by_byte_is_refused_at_the_deadline() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &["--set", "edge.deadline_ms=400"]);
    let heads = ["Content-Length: 60000", "Transfer-Encoding: chunked"];
    for head in heads {
        let mut raw = Raw::open(server.addr("product"));
        raw.send(format!("POST /products HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n").as_bytes());
        let chunks = head.starts_with('T');
        let bytes = b"1\r\n \r\n".iter().copied().cycle().map(|byte| if chunks { byte } else { b' ' });
        // The answer comes while the client still sends: the first byte refused is after it.
        let (mut raw, took) = dribble(raw, bytes.take(100));
        let told = raw.answer("POST").expect("a slow client hears why");
        assert_eq!(told.status, 408, "{head}: {}", told.text());
        assert_eq!(told.json()["reason"], "body-timeout");
        assert_eq!(raw.end(), Ok(()), "{head}");
        assert!(took < CLOSED_WITHIN, "{head}: open after {took:?}");
    }
    let asked = "POST /products HTTP/1.1\r\nHost: x\r\nRequest-Timeout: 0.05\r\nContent-Length: 9\r\n\r\n";
    let mut raw = Raw::open(server.addr("product"));
    raw.send(asked.as_bytes());
    assert_eq!(raw.answer("POST").expect("an answer at its own deadline").status, 408);
    check(&server, "product", &[]);
}
