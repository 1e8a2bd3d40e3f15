//! Request lines and headers that break the rules or the limits.

use super::{Case, answered, check, closed, refused, with_body};
use crate::support::Server;

fn get(target: &[u8], headers: &[u8]) -> Vec<u8> {
    [b"GET ", target, b" HTTP/1.1\r\nHost: localhost\r\n", headers, b"\r\n"].concat()
}

fn limits() -> Vec<Case> {
    let lines = |count: usize| (0..count).map(|n| format!("x-{n}: y\r\n")).collect::<String>();
    let long_name = format!("{}: y\r\n", "x".repeat(20_000));
    let endless = [b"GET /products HTTP/1.1\r\nx: ".as_slice(), &vec![b'y'; 1 << 20]].concat();
    vec![
        answered("99 headers and the host", get(b"/products", lines(99).as_bytes()), &[200]),
        refused("101 headers", get(b"/products", lines(100).as_bytes()), &[431]),
        refused("10,000 headers", get(b"/products", lines(10_000).as_bytes()), &[431]),
        refused("a header of 1 MB", get(b"/products", &[b"x: ", &vec![b'y'; 1 << 20][..], b"\r\n"].concat()), &[431]),
        refused("a header of 1 MB without an end", endless, &[431]),
        refused("a header's name of 20,000 bytes", get(b"/products", long_name.as_bytes()), &[431]),
        refused("a target of 20,000 bytes", get(&[b"/", &vec![b'a'; 20_000][..]].concat(), b""), &[414, 431]),
        refused("a target of 70,000 bytes", get(&[b"/", &vec![b'a'; 70_000][..]].concat(), b""), &[414, 431]),
        answered("a query of 10,000 bytes", get(&[b"/products?", &vec![b'&'; 10_000][..]].concat(), b""), &[200]),
        refused("a method of 20,000 bytes", [&vec![b'G'; 20_000][..], b" / HTTP/1.1\r\n\r\n"].concat(), &[400, 431]),
    ]
}

fn broken() -> Vec<Case> {
    vec![
        refused("no HTTP at all", "\u{1}\u{2}\u{3}\r\n\r\n", &[400]),
        refused("the beginning of a TLS connection", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", &[400]),
        refused("a line without a target", "GET\r\n\r\n", &[400]),
        refused("a line without a version", "GET /products\r\n\r\n", &[400]),
        refused("HTTP/0.9 in words", "GET /products HTTP/0.9\r\n\r\n", &[400]),
        refused("HTTP/1.2", "GET /products HTTP/1.2\r\n\r\n", &[400]),
        refused("HTTP/3.0", "GET /products HTTP/3.0\r\n\r\n", &[400]),
        refused("a version in lower case", "GET /products http/1.1\r\n\r\n", &[400]),
        refused("two spaces", "GET  /products HTTP/1.1\r\n\r\n", &[400]),
        refused("a space in the target", "GET /products /1 HTTP/1.1\r\n\r\n", &[400]),
        refused("a method that is no token", "G(T /products HTTP/1.1\r\n\r\n", &[400]),
        refused("NUL in the method", b"G\0T /products HTTP/1.1\r\n\r\n", &[400]),
        refused("NUL in the target", get(b"/products/\0", b""), &[400]),
        refused("NUL in a header's name", get(b"/products", b"x\0y: z\r\n"), &[400]),
        refused("NUL in a header's value", get(b"/products", b"x: y\0z\r\n"), &[400]),
        refused("a bare CR in a header's value", get(b"/products", b"x: y\rz: 1\r\n"), &[400]),
        refused("a folded header", get(b"/products", b"x: y\r\n z\r\n"), &[400]),
        refused("a header without a colon", get(b"/products", b"nonsense\r\n"), &[400]),
        refused("a header without a name", get(b"/products", b": y\r\n"), &[400]),
        refused("a space before the colon", get(b"/products", b"x : y\r\n"), &[400]),
        refused("a space before the first header", b"GET /products HTTP/1.1\r\n x: y\r\n\r\n", &[400]),
        closed("HTTP/2 with prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
    ]
}

/// Odd, and yet requests.
fn odd() -> Vec<Case> {
    let upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n";
    let websocket = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n";
    let expects = |what: &str| with_body("POST", "/products", &format!("Expect: {what}\r\n"), b"{}");
    vec![
        answered("blank lines before the request", "\r\n\r\nGET /products HTTP/1.1\r\nHost: x\r\n\r\n", &[200]),
        answered("line feeds alone", "GET /products HTTP/1.1\nHost: x\n\n", &[200]),
        answered("an absolute target", get(b"http://localhost/products", b""), &[200]),
        answered("an absolute target of another host", get(b"http://example.org:99/products?size=1", b""), &[200]),
        answered("an absolute target without a path", get(b"http://example.org", b""), &[200]),
        answered("an asterisk", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", &[200, 404]),
        answered("no host", "GET /products HTTP/1.1\r\n\r\n", &[200, 400]),
        answered("two hosts", get(b"/products", b"Host: example.org\r\n"), &[200, 400]),
        answered("an upgrade to HTTP/2", get(b"/products", upgrade.as_bytes()), &[200]),
        answered("an upgrade to a web socket", get(b"/products", websocket.as_bytes()), &[200]),
        answered("an unknown expectation", expects("a-miracle"), &[201, 417]),
        answered("an empty expectation", expects(""), &[201, 417]),
        answered("a tunnel", "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n", &[404, 405]),
        answered("an unknown method", "BREW /products HTTP/1.1\r\nHost: x\r\n\r\n", &[405]),
        answered("a method in lower case", "get /products HTTP/1.1\r\nHost: x\r\n\r\n", &[405]),
        answered("TRACE", "TRACE /products HTTP/1.1\r\nHost: x\r\n\r\n", &[405]),
        answered("bytes that are no UTF-8 in a header", get(b"/products", b"x: \xff\xfe\r\nAccept: \xff\r\n"), &[200]),
        answered(
            "bytes that are no UTF-8 in the content type",
            with_body("POST", "/products", "Content-Type: \u{e9}\u{e9}\r\n", b"{}"),
            &[201, 415],
        ),
        answered("a key that is no text", get(b"/products", b"Idempotency-Key: \xff\r\n"), &[200]),
        answered(
            "bytes that are no UTF-8 as a key",
            with_body("POST", "/products", "Idempotency-Key: \u{e9}\r\n", b"{}"),
            &[400],
        ),
        answered("a deadline that is none", get(b"/products", b"Request-Timeout: -1e999\r\n"), &[200]),
        answered("a deadline of NaN", get(b"/products", b"Request-Timeout: NaN\r\n"), &[200]),
        answered("an entity tag without an end", get(b"/products/1", b"If-None-Match: \"\"\",,\"\r\n"), &[200, 404]),
        refused("HTTP/1.0", "GET /products HTTP/1.0\r\n\r\n", &[200]),
        answered("HTTP/1.0 that wants to go on", "GET /products HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &[200]),
        refused("a wish to close", get(b"/products", b"Connection: close\r\n"), &[200]),
    ]
}

#[test]
fn heads_beyond_the_limits_are_refused_and_the_connection_closed() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    check(&server, "product", &limits());
}

#[test]
fn heads_that_are_no_http_are_refused_at_every_door() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    for door in ["product", "gateway", "admin"] {
        check(&server, door, &broken());
    }
}

#[test]
fn odd_heads_are_answered_and_the_connection_goes_on() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    check(&server, "product", &odd());
}
