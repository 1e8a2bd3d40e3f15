//! The contract of the edge, as tables: one row is one request and what must come back.
//!
//! The rows of a table share a server and run in order. All failing rows of a table are reported together.

use serde_json::{Value, json};

use crate::client::{Answer, Request};
use crate::support::Server;

pub(crate) mod golden;

mod bodies;
mod gateway;
mod items;
mod stories;
mod verbs;

/// One request and its answer; what is left out is not judged, except that a failure's body must be a problem.
pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) ask: Request,
    pub(crate) status: u16,
    /// Headers that must be there; the value may be the beginning of the real one, `Allow` and the like are compared as sets.
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    /// Members the JSON body must have; `Null` judges nothing.
    pub(crate) body: Value,
    pub(crate) empty: bool,
}

pub(crate) fn row(what: &'static str, ask: Request, status: u16) -> Row {
    Row { what, ask, status, headers: Vec::new(), body: Value::Null, empty: false }
}

impl Row {
    pub(crate) fn with(mut self, name: &'static str, value: &'static str) -> Row {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn json(mut self, body: Value) -> Row {
        self.body = body;
        self
    }

    pub(crate) fn empty(mut self) -> Row {
        self.empty = true;
        self
    }

    fn faults(&self, answer: &Answer) -> Vec<String> {
        let mut faults = Vec::new();
        if answer.status != self.status {
            faults.push(format!("status {} instead of {}", answer.status, self.status));
        }
        for (name, value) in &self.headers {
            let as_set = name.eq_ignore_ascii_case("allow") || name.to_ascii_lowercase().starts_with("accept-p");
            let mut wanted: Vec<&str> = value.split(',').map(str::trim).collect();
            wanted.sort_unstable();
            let begins = answer.header(name).is_some_and(|found| found.starts_with(value));
            if as_set && answer.members(name) != wanted || !as_set && !begins {
                faults.push(format!("{name}: {:?} instead of {value}", answer.members(name)));
            }
        }
        if !self.body.is_null() && !has(&answer.json(), &self.body) {
            faults.push(format!("body without {}", self.body));
        }
        if self.empty && !answer.body.is_empty() {
            faults.push("a body where none belongs".into());
        }
        // 405, 406 and 412 may come without a body: their headers say it all.
        let may_be_empty = self.empty || [405, 406, 412].contains(&answer.status);
        if answer.status >= 400 && !(may_be_empty && answer.body.is_empty()) {
            faults.extend(problem_faults(self.ask.path(), answer));
        }
        faults
    }
}

/// Every failure is a problem of RFC 9457 that also has the keys old clients read.
pub(crate) fn problem_faults(path: &str, answer: &Answer) -> Vec<String> {
    let problem = answer.json();
    let mut faults = Vec::new();
    if !answer.header("content-type").is_some_and(|t| t.starts_with("application/problem+json")) {
        faults.push(format!("content type {:?} of a failure", answer.header("content-type")));
    }
    for key in ["type", "title", "status", "detail", "instance", "timestamp", "error", "message", "path"] {
        if problem.get(key).is_none() {
            faults.push(format!("a problem without `{key}`"));
        }
    }
    if problem["status"] != json!(answer.status) || problem["path"] != json!(path.split('?').next()) {
        faults.push(format!("a problem that speaks of {} {}", problem["status"], problem["path"]));
    }
    faults
}

/// Runs the rows in order on one keep-alive connection to a service.
#[track_caller]
pub(crate) fn check(server: &Server, service: &str, rows: Vec<Row>) {
    let mut client = server.client(service);
    let mut failed = Vec::new();
    for row in rows {
        let answer = client.send(&row.ask);
        let faults = row.faults(&answer);
        if !faults.is_empty() {
            failed.push(format!("{}: {}\n    answer {} {}", row.what, faults.join("; "), answer.status, answer.text()));
        }
    }
    assert!(failed.is_empty(), "{} rows failed on {service}:\n{}", failed.len(), failed.join("\n"));
}

pub(crate) fn total(server: &Server, service: &str, path: &str) -> u64 {
    server.get(service, path).json()["page"]["totalElements"].as_u64().expect("a paged collection")
}

/// The expected members are there with these values; others may be.
pub(crate) fn has(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            expected.iter().all(|(key, value)| found.get(key).is_some_and(|f| has(f, value)))
        }
        _ => found == expected,
    }
}
