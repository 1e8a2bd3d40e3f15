//! The load of the documents, with their tool: nothing fails, and what siege counted is what is stored.
//!
//! `RESURGAM_SIEGE_SECONDS` and `RESURGAM_SIEGE_CLIENTS` set its size.

use std::path::Path;
use std::process::{Command, Output};

use crate::campaign::{alone, setting};
use crate::edge::total;
use crate::support::Server;

/// What siege prints at its end.
pub(crate) struct Report {
    pub(crate) transactions: u64,
    pub(crate) failed: u64,
    /// In percent.
    pub(crate) availability: String,
    /// Transactions a second.
    pub(crate) rate: String,
    /// The longest transaction, in seconds.
    pub(crate) longest: String,
    pub(crate) text: String,
}

impl Report {
    pub(crate) fn of(run: &Output) -> Report {
        let text = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        let number = |label: &str| value(&text, label).split('.').next().and_then(|n| n.parse().ok());
        let one_of =
            |one: &str, other: &str| Some(value(&text, one)).filter(|v| !v.is_empty()).unwrap_or(value(&text, other));
        Report {
            transactions: number("transactions").unwrap_or_else(|| panic!("no transactions in: {text}")),
            failed: number("failed_transactions").or_else(|| number("failed transactions")).unwrap_or(u64::MAX),
            availability: value(&text, "availability"),
            rate: one_of("transaction_rate", "transaction rate"),
            longest: one_of("longest_transaction", "longest transaction"),
            text,
        }
    }
}

/// Runs siege from a home of its own, so that nobody's settings decide the result.
fn siege(home: &Path, server: &Server, size: &[&str]) -> Report {
    let target =
        format!(r#"http://127.0.0.1:{}/products POST {{"name":"computer","qty":"9"}}"#, server.addr("product").port());
    let mut command = Command::new("siege");
    command.env("HOME", home).args(size).args(["--content-type", "application/json", &target]);
    Report::of(&command.output().expect("siege is installed (./check installs it)"))
}

/// The value of `Label: value unit` or `"label": value,`, whichever this version of siege prints.
fn value(text: &str, label: &str) -> String {
    let named = |line: &&str| line.trim_start_matches(['{', '\t', ' ', '"']).to_lowercase().starts_with(label);
    let line = text.lines().find(named).and_then(|line| line.split_once(':')).map_or("", |(_, value)| value);
    line.trim().split([' ', ',', '\t']).next().unwrap_or_default().to_string()
}

fn nothing_failed(report: &Report) {
    assert_eq!((report.failed, report.availability.as_str()), (0, "100.00"), "{}", report.text);
    assert!(report.transactions > 0, "{}", report.text);
}

#[test]
fn a_siege_of_the_products_loses_nothing() {
    let _machine = alone();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    let clients = setting("RESURGAM_SIEGE_CLIENTS", 100);
    let seconds = setting("RESURGAM_SIEGE_SECONDS", 3);

    let timed = siege(dir.path(), &server, &[&format!("-c{clients}"), &format!("-t{seconds}S")]);
    nothing_failed(&timed);
    let stored = total(&server, "product", "/products");
    // When time is up siege hangs up on requests under way: each client may have one that is stored and not counted.
    let range = timed.transactions..=timed.transactions + clients;
    assert!(range.contains(&stored), "{stored} stored, {} counted: {}", timed.transactions, timed.text);
    eprintln!(
        "== siege -c{clients} -t{seconds}S: {} transactions, availability 100.00 %, {stored} stored",
        timed.transactions
    );

    let counted = siege(dir.path(), &server, &[&format!("-c{clients}"), "-r10"]);
    nothing_failed(&counted);
    assert_eq!(counted.transactions, clients * 10, "{}", counted.text);
    assert_eq!(total(&server, "product", "/products") - stored, counted.transactions);
}
