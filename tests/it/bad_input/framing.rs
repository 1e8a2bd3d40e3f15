//! Where a request ends: lengths, chunks, and requests that hide in others.

use super::{Case, Fate, answered, check, product, refused};
use crate::client::{Answer, Request};
use crate::edge::total;
use crate::support::Server;

use super::raw::Raw;

const HIDDEN: &str = "DELETE /products/1 HTTP/1.1\r\nHost: x\r\n\r\n";

fn post(headers: &str, rest: &str) -> Vec<u8> {
    format!("POST /products HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{headers}\r\n{rest}").into_bytes()
}

/// A body whose end two readers could see in two places: nothing after it may be taken for a request.
fn smuggled() -> Vec<Case> {
    let lengths = [
        ("two lengths", "Content-Length: 2\r\nContent-Length: 3\r\n"),
        ("two lengths in one header", "Content-Length: 2, 3\r\n"),
        ("a length twice in one header", "Content-Length: 2, 2\r\n"),
        ("a length with a sign", "Content-Length: +2\r\n"),
        ("a length below zero", "Content-Length: -2\r\n"),
        ("a length in hex", "Content-Length: 0x2\r\n"),
        ("a length that is no number", "Content-Length: two\r\n"),
        ("an empty length", "Content-Length: \r\n"),
        ("a length beyond 64 bits", "Content-Length: 18446744073709551616\r\n"),
        ("the greatest length of 64 bits", "Content-Length: 18446744073709551615\r\n"),
        ("a length with a fraction", "Content-Length: 2.0\r\n"),
    ];
    let codings = [
        ("a coding nobody knows", "Transfer-Encoding: gzip\r\n"),
        ("chunks inside of another coding", "Transfer-Encoding: chunked, gzip\r\n"),
        ("another coding inside of chunks", "Transfer-Encoding: gzip, chunked\r\n"),
        ("chunks twice", "Transfer-Encoding: chunked, chunked\r\n"),
        ("chunks in two headers", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        ("another coding in a header before", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"),
        ("no coding", "Transfer-Encoding: \r\n"),
        ("a coding with a bare name", "Transfer-Encoding: xchunked\r\n"),
    ];
    let hidden = format!("{{}}{HIDDEN}");
    let chunked = format!("2\r\n{{}}\r\n0\r\n\r\n{HIDDEN}");
    let mut cases: Vec<Case> = lengths.map(|(what, head)| refused(what, post(head, &hidden), &[400, 413, 431])).into();
    cases.extend(codings.map(|(what, head)| refused(what, post(head, &chunked), &[400])));
    let old = "POST /products HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    cases.push(refused("chunks in HTTP/1.0", format!("{old}{HIDDEN}"), &[400]));
    cases
}

/// Both a length and chunks: a reader of one would see another end than a reader of the other. The chunks count, as the
/// RFC has it, and the connection is closed, so that nothing after them is a request.
fn ambiguous() -> Vec<Case> {
    let chunks = format!("2\r\n{{}}\r\n0\r\n\r\n{HIDDEN}");
    let heads = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nContent-Length: 500\r\n",
        "Content-Length: 50\r\ntransfer-encoding:\tCHUNKED\r\nConnection: keep-alive\r\n",
    ];
    heads.map(|head| refused(format!("a length and chunks: {head:?}"), post(head, &chunks), &[201])).into()
}

fn chunks() -> Vec<Case> {
    let chunked = |rest: &str| post("Transfer-Encoding: chunked\r\n", rest);
    let endless = "Transfer-Encoding: chunked\r\nRequest-Timeout: 0.2\r\n";
    let many: String = "1\r\n \r\n".repeat(60_000);
    let long_extension = format!("2;x={}\r\n{{}}\r\n0\r\n\r\n", "y".repeat(1 << 20));
    let trailers: String = (0..10_000).map(|n| format!("x-{n}: y\r\n")).collect();
    vec![
        answered("chunks", chunked("1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"), &[201]),
        answered("chunks with an extension and a trailer", chunked("2;a=b\r\n{}\r\n0\r\nx: y\r\n\r\n"), &[201]),
        answered("chunks, one byte each, up to the limit", chunked(&format!("{many}2\r\n{{}}\r\n0\r\n\r\n")), &[201]),
        refused("a size that is no number", chunked("zz\r\n{}\r\n0\r\n\r\n"), &[400]),
        refused("a size with a sign", chunked("-2\r\n{}\r\n0\r\n\r\n"), &[400]),
        refused("a size beyond 64 bits", chunked("10000000000000002\r\n{}\r\n0\r\n\r\n"), &[400]),
        refused("the greatest size of 64 bits", post(endless, "ffffffffffffffff\r\n{}\r\n0\r\n\r\n"), &[408]),
        refused("no size", chunked("\r\n{}\r\n0\r\n\r\n"), &[400]),
        refused("a chunk longer than it says", chunked("1\r\n{}\r\n0\r\n\r\n"), &[400]),
        refused("a chunk without an end of line", chunked("2\r\n{}0\r\n\r\n"), &[400]),
        refused("a bare line feed after the size", chunked("2\n{}\r\n0\r\n\r\n"), &[400]),
        refused("an extension of 1 MB", chunked(&long_extension), &[400]),
        refused("10,000 trailers", chunked(&format!("2\r\n{{}}\r\n0\r\n{trailers}\r\n")), &[400]),
        refused("1 MB of chunks", chunked(&format!("100000\r\n{}\r\n0\r\n\r\n", " ".repeat(1 << 20))), &[413]),
    ]
}

#[test]
fn a_request_hidden_in_another_is_never_answered() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    assert_eq!(server.send("product", &Request::post("/products", r#"{"name":"prey","qty":1}"#)).status, 201);
    check(&server, "product", &smuggled());
    assert_eq!(total(&server, "product", "/products"), 1, "a request whose end is unclear was executed");
    check(&server, "product", &ambiguous());
    assert_eq!(server.get("product", "/products/1").status, 200, "the hidden DELETE was executed");
}

#[test]
fn chunks_are_read_to_their_end_or_refused() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    check(&server, "product", &chunks());
}

#[test]
fn a_client_that_waits_to_be_asked_for_too_large_a_body_is_not_asked() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    let waits = |length: usize| post(&format!("Expect: 100-continue\r\nContent-Length: {length}\r\n"), "");
    check(&server, "product", &[refused("a body of 1 MB that was only announced", waits(1 << 20), &[413])]);
    let mut raw = Raw::open(server.addr("product"));
    raw.send(&waits(2));
    assert_eq!(raw.answer("HEAD").expect("an invitation").status, 100);
    raw.send(b"{}");
    assert_eq!(raw.answer("POST").expect("an answer").status, 201);
}

#[test]
fn a_body_of_another_length_than_it_says_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    let longer = [post("Content-Length: 2\r\n", "{}"), b"garbage\r\n\r\n".to_vec()].concat();
    let mut raw = Raw::open(server.addr("product"));
    raw.send(&longer);
    let statuses: Vec<u16> = (0..2).filter_map(|_| Some(raw.answer("POST").ok()?.status)).collect();
    assert_eq!((statuses, raw.end()), (vec![201, 400], Ok(())), "what follows a body is the next request");

    for (what, bytes) in [
        ("a body", post("Content-Length: 10\r\n", "{}")),
        ("chunks", post("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n")),
        ("a chunk", post("Transfer-Encoding: chunked\r\n", "ff\r\n{}")),
    ] {
        let mut raw = Raw::open(server.addr("product"));
        raw.send(&bytes);
        raw.half_close();
        let told = raw.answer("POST").expect("a half-closed client hears why");
        assert_eq!((told.status, raw.end()), (400, Ok(())), "{what} that breaks off: {}", told.text());
    }
    assert_eq!(total(&server, "product", "/products"), 1);
    assert_eq!(server.wounds(&[]), Vec::<String>::new());
}

#[test]
fn a_client_that_only_listens_gets_its_answers_and_the_end() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    let cases = [
        ("a whole request", product(b"{}"), Some(201)),
        ("half a head", b"GET /products HTTP/1.1\r\nHost".to_vec(), None),
        ("an end of line", b"\r\n".to_vec(), None),
        ("nothing", Vec::new(), None),
    ];
    for (what, bytes, status) in cases {
        let mut raw = Raw::open(server.addr("product"));
        raw.send(&bytes);
        raw.half_close();
        let told = status.map(|_| raw.answer("POST").expect("a half-closed client gets its answer").status);
        assert_eq!((told, raw.end()), (status, Ok(())), "{what}");
    }
    assert_eq!(server.wounds(&[]), Vec::<String>::new());
}

#[test]
fn pipelined_requests_are_answered_in_their_order_up_to_the_first_bad_one() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    let mut raw = Raw::open(server.addr("product"));
    let posts: Vec<u8> = (0..50).flat_map(|n| product(format!(r#"{{"name":"p{n}","qty":{n}}}"#).as_bytes())).collect();
    raw.send(&posts);
    let made: Vec<Answer> = (0..50).map(|_| raw.answer("POST").expect("an answer for each")).collect();
    let ids: Vec<_> = made.iter().map(Answer::located_id).collect();
    let names: Vec<_> = made.iter().map(|answer| answer.json()["name"].as_str().map(str::to_owned)).collect();
    assert_eq!(ids, (1..=50).map(Some).collect::<Vec<_>>());
    assert_eq!(names, (0..50).map(|n| Some(format!("p{n}"))).collect::<Vec<_>>());

    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    let mixed = [get("/products/1"), get("/products/99"), get("/nosuch"), get("/products/2")].concat();
    let each: Vec<&'static [u16]> = vec![&[200], &[404], &[404], &[200]];
    let all = Case { what: "good and bad ones".into(), bytes: mixed.into(), fate: Fate::Answered(each) };
    check(&server, "product", &[all]);

    raw.send([get("/products/3"), "nonsense\r\n\r\n".into(), get("/products/4")].concat().as_bytes());
    let statuses: Vec<u16> = (0..2).filter_map(|_| Some(raw.answer("GET").ok()?.status)).collect();
    assert_eq!((statuses, raw.end()), (vec![200, 400], Ok(())), "nothing after the bad one");
}
