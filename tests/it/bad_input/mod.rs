//! Input no honest client sends, over raw sockets: a clear refusal or a closed connection, and the next one is served.
//!
//! A case is some bytes and their fate. After each the server must answer a good request; after all of them its log must
//! hold no panic and its metrics no 5xx.

use crate::client::{Answer, Request};
use crate::support::Server;

use self::raw::Raw;

pub(crate) mod raw;

mod framing;
mod heads;
mod patience;
mod values;

/// What becomes of a connection on which the bytes of a case were sent.
pub(crate) enum Fate {
    /// An answer with one of these statuses for each, and the connection goes on.
    Answered(Vec<&'static [u16]>),
    /// An answer with one of these statuses, and the connection is closed.
    Refused(&'static [u16]),
    /// The connection is closed without a word.
    Closed,
}

pub(crate) struct Case {
    pub(crate) what: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) fate: Fate,
}

/// A case that is answered once, on a connection that goes on.
pub(crate) fn answered(what: impl Into<String>, bytes: impl Into<Vec<u8>>, statuses: &'static [u16]) -> Case {
    Case { what: what.into(), bytes: bytes.into(), fate: Fate::Answered(vec![statuses]) }
}

pub(crate) fn refused(what: impl Into<String>, bytes: impl Into<Vec<u8>>, statuses: &'static [u16]) -> Case {
    Case { what: what.into(), bytes: bytes.into(), fate: Fate::Refused(statuses) }
}

pub(crate) fn closed(what: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Case {
    Case { what: what.into(), bytes: bytes.into(), fate: Fate::Closed }
}

/// A request with its body's length.
pub(crate) fn with_body(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A POST of a product.
pub(crate) fn product(json: &[u8]) -> Vec<u8> {
    with_body("POST", "/products", "Content-Type: application/json\r\nAccept: */*\r\n", json)
}

const GOOD: &str = "GET /products?size=1 HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Runs the cases of a table, each on a connection of its own.
#[track_caller]
fn check(server: &Server, service: &str, cases: &[Case]) {
    let mut good = server.client(service);
    let mut faults = Vec::new();
    for case in cases {
        if let Err(fault) = outcome(server, service, case) {
            faults.push(format!("{}: {fault}", case.what));
        }
        let after = good.try_send(&Request::get("/actuator/health"));
        if !after.as_ref().is_ok_and(|answer| [200, 401, 404].contains(&answer.status)) {
            faults.push(format!("{}: a good request after it: {after:?}", case.what));
        }
    }
    faults.extend(server.wounds(&[]));
    assert!(faults.is_empty(), "{} faults on {service}:\n{}", faults.len(), faults.join("\n"));
}

fn outcome(server: &Server, service: &str, case: &Case) -> Result<(), String> {
    let mut raw = Raw::open(server.addr(service));
    let is_sent = raw.send(&case.bytes);
    let method = String::from_utf8_lossy(case.bytes.split(|byte| *byte == b' ').next().unwrap_or_default());
    let mut answer = || raw.answer(&method).map_err(|error| format!("no answer: {error}"));
    match &case.fate {
        Fate::Answered(each) => {
            for statuses in each {
                judge(&answer()?, statuses)?;
            }
            if !raw.send(GOOD.as_bytes()) {
                return Err("the connection did not go on".into());
            }
            raw.answer("GET").map(drop).map_err(|error| format!("no answer to the next request: {error}"))
        }
        Fate::Refused(statuses) => {
            let answer = answer()?;
            judge(&answer, statuses)?;
            if answer.status >= 400 && answer.header("connection") != Some("close") {
                return Err(format!("an answer that does not say that it is the last: {:?}", answer.headers));
            }
            raw.end()
        }
        Fate::Closed if is_sent => raw.end(),
        Fate::Closed => Ok(()),
    }
}

/// A failure is a problem wherever the request was understood well enough for a handler to see it.
fn judge(answer: &Answer, statuses: &[u16]) -> Result<(), String> {
    if !statuses.contains(&answer.status) {
        return Err(format!("status {} instead of {statuses:?}: {}", answer.status, answer.text()));
    }
    let is_problem = answer.header("content-type") == Some("application/problem+json");
    match answer.status < 400 || answer.body.is_empty() || is_problem && answer.json()["status"] == answer.status {
        true => Ok(()),
        false => Err(format!("a failure that is no problem: {:?} {}", answer.headers, answer.text())),
    }
}
