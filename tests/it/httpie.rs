//! The client the documents use, and what its answers are held to.

use std::process::Command;

use serde_json::Value;

use crate::client::Answer;
use crate::edge::has;

/// Runs HTTPie and reads what it prints: status line, headers, body.
#[track_caller]
pub(crate) fn http(arguments: &[&str]) -> Answer {
    let run = Command::new("http").args(["--ignore-stdin", "--pretty=none", "--print=hb"]).args(arguments).output();
    let run = run.expect("HTTPie is installed (./check installs it)");
    let printed = String::from_utf8_lossy(&run.stdout).replace("\r\n", "\n");
    let (head, body) = printed.split_once("\n\n").unwrap_or((&printed, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|s| s.parse().ok());
    let stderr = String::from_utf8_lossy(&run.stderr);
    let headers = lines.filter_map(|l| l.split_once(": ")).map(|(n, v)| (n.to_string(), v.to_string())).collect();
    let status = status.unwrap_or_else(|| panic!("http {arguments:?} printed no status: {printed} {stderr}"));
    Answer { status, headers, body: body.trim_end().as_bytes().to_vec() }
}

/// The answer has this status, and these members in its body.
#[track_caller]
pub(crate) fn expect(answer: &Answer, status: u16, body: &Value) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert!(has(&answer.json(), body), "expected {body}, found {}", answer.text());
}
