//! The load of the documents, with their tool: nothing fails, and what siege counted is what is stored.
//!
//! `RESURGAM_SIEGE_SECONDS` and `RESURGAM_SIEGE_CLIENTS` set its size.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use crate::campaign::{alone, setting};
use crate::edge::total;
use crate::support::{Server, eventually, now};

/// siege 4.0 kills its threads when the time of `-t` is over, sometimes one that holds a lock of malloc's, and then never
/// ends (https://github.com/JoeDog/siege/pull/180): it is given this long to end, and this many tries.
const GRACE: Duration = Duration::from_secs(20);
const TRIES: usize = 3;

/// What siege prints at its end.
pub(crate) struct Report {
    pub(crate) transactions: u64,
    pub(crate) failed: u64,
    /// Answered with a success; siege counts many a refusal as no failure.
    pub(crate) successful: u64,
    /// In percent.
    pub(crate) availability: String,
    /// Transactions a second.
    pub(crate) rate: String,
    /// The longest transaction, in seconds.
    pub(crate) longest: String,
    pub(crate) text: String,
}

impl Report {
    fn of(text: String) -> Report {
        let number = |label: &str| value(&text, label).split('.').next().and_then(|n| n.parse().ok());
        let one_of =
            |one: &str, other: &str| Some(value(&text, one)).filter(|v| !v.is_empty()).unwrap_or(value(&text, other));
        Report {
            transactions: number("transactions").unwrap_or_else(|| panic!("no transactions in: {text}")),
            failed: number("failed_transactions").or_else(|| number("failed transactions")).unwrap_or(u64::MAX),
            successful: number("successful_transactions").or_else(|| number("successful transactions")).unwrap_or(0),
            availability: value(&text, "availability"),
            rate: one_of("transaction_rate", "transaction rate"),
            longest: one_of("longest_transaction", "longest transaction"),
            text,
        }
    }
}

/// siege at work, from a home of its own, so that nobody's settings decide the result.
pub(crate) struct Siege {
    child: Child,
    /// A file, for a full pipe would stop it.
    report: PathBuf,
}

impl Siege {
    /// Starts siege with these arguments; `name` tells it from others in this home.
    pub(crate) fn start(home: &Path, name: &str, args: &[&str]) -> Siege {
        let report = home.join(format!("{name}.siege"));
        let file = File::create(&report).expect("a file for the report");
        let errors = file.try_clone().expect("the same file");
        let mut command = Command::new("siege");
        command.env("HOME", home).args(args).stdout(file).stderr(errors);
        Siege { child: command.spawn().expect("siege is installed (./check installs it)"), report }
    }

    /// What it printed at its end; nothing if it has not ended after this time, and then it is killed.
    pub(crate) fn ended_within(mut self, limit: Duration) -> Option<Report> {
        let over = now() + limit;
        while self.child.try_wait().expect("siege can be waited for").is_none() {
            if now() > over {
                self.child.kill().expect("siege can be killed");
                self.child.wait().expect("siege ends");
                return None;
            }
            thread::sleep(Duration::from_millis(10));
        }
        Some(Report::of(std::fs::read_to_string(&self.report).expect("the report")))
    }
}

/// Creates products; siege ends in time, or there is nothing to judge.
fn siege(home: &Path, server: &Server, size: &[&str], limit: Duration) -> Option<Report> {
    let products = format!("{}/products", server.url("product"));
    post(home, &products, r#"{"name":"computer","qty":"9"}"#, size, limit)
}

fn post(home: &Path, url: &str, body: &str, size: &[&str], limit: Duration) -> Option<Report> {
    let target = format!("{url} POST {body}");
    let args = [size, &["--content-type", "application/json", &target]].concat();
    Siege::start(home, "posts", &args).ended_within(limit)
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

/// How many products there are once those are made whose clients have gone.
fn at_rest(server: &Server) -> u64 {
    let mut seen = Vec::new();
    eventually("no product is made any more", || {
        seen.push(total(server, "product", "/products"));
        let last = &seen[seen.len().saturating_sub(10)..];
        (last.len() == 10 && last.iter().all(|total| *total == last[0])).then_some(last[0])
    })
}

#[test]
fn a_siege_of_the_products_loses_nothing() {
    let _machine = alone();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    let clients = setting("RESURGAM_SIEGE_CLIENTS", 100);
    let seconds = setting("RESURGAM_SIEGE_SECONDS", 3);

    let mut before = 0;
    let size = [&*format!("-c{clients}"), &*format!("-t{seconds}S")];
    let timed = (0..TRIES).find_map(|_| {
        before = total(&server, "product", "/products");
        siege(dir.path(), &server, &size, Duration::from_secs(seconds) + GRACE)
    });
    let timed = timed.expect("siege ends when its time is over");
    nothing_failed(&timed);
    let stored = at_rest(&server) - before;
    // When time is up siege hangs up on requests under way: each client may have one that is stored and not counted.
    let range = timed.transactions..=timed.transactions + clients;
    assert!(range.contains(&stored), "{stored} stored, {} counted: {}", timed.transactions, timed.text);
    eprintln!(
        "== siege -c{clients} -t{seconds}S: {} transactions, availability 100.00 %, {stored} stored",
        timed.transactions
    );

    let before = before + stored;
    let counted = siege(dir.path(), &server, &[&format!("-c{clients}"), "-r10"], Duration::from_secs(60));
    let counted = counted.expect("siege ends after its repetitions");
    nothing_failed(&counted);
    assert_eq!(counted.transactions, clients * 10, "{}", counted.text);
    assert_eq!(total(&server, "product", "/products") - before, counted.transactions);
}

#[test]
fn a_siege_of_rented_books_takes_each_from_the_stock_once() {
    const STOCK: u64 = 1_000_000;
    let _machine = alone();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let raised = format!("systems.book-rental.initial_stock={STOCK}");
    let server = Server::serving("book-rental", dir.path(), &["--set", &raised]);
    let seconds = setting("RESURGAM_SIEGE_SECONDS", 3);
    let (url, size) = (format!("{}/rental", server.url("rent")), ["-c255", &*format!("-t{seconds}S")]);
    let limit = Duration::from_secs(seconds) + GRACE;
    let timed = (0..TRIES).find_map(|_| post(dir.path(), &url, r#"{"bookId":"5","qty":1}"#, &size, limit));
    let timed = timed.expect("siege ends when its time is over");
    nothing_failed(&timed);
    let rented = eventually("the stock is short of what was rented", || {
        let rented = total(&server, "rent", "/rentals");
        (server.get("book", "/books/5").json()["stock"] == STOCK - rented).then_some(rented)
    });
    assert!(rented >= timed.transactions, "{rented} rentals, {} counted", timed.transactions);
    eprintln!(
        "== siege -c255 -t{seconds}S of rented books: {} transactions, availability 100.00 %",
        timed.transactions
    );
}
