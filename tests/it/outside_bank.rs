//! A bank of somebody else's, asked by HTTP: paid exactly once or not at all, whatever it or this process does.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::client::{Answer, Request};
use crate::support::{Server, eventually};

/// How the bank behaves.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Well,
    Refusing,
    Busy,
    /// It does what it is asked, and does not say so in time.
    Slow,
}

/// The bank: it does nothing twice for one key, and knows what it holds of each order.
struct Bank {
    address: String,
    books: Arc<Mutex<Books>>,
}

struct Books {
    mood: Mood,
    keys: HashSet<String>,
    holds: BTreeMap<String, i64>,
    asked: u64,
}

impl Bank {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let books = Books { mood: Mood::Well, keys: HashSet::new(), holds: BTreeMap::new(), asked: 0 };
        let books = Arc::new(Mutex::new(books));
        let shared = Arc::clone(&books);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let books = Arc::clone(&shared);
                thread::spawn(move || serve(stream, &books));
            }
        });
        Self { address, books }
    }

    fn turns(&self, mood: Mood) {
        self.books.lock().expect("whole").mood = mood;
    }

    /// What it holds of each order that it holds anything of.
    fn holds(&self) -> Vec<(String, i64)> {
        let books = self.books.lock().expect("whole");
        books.holds.iter().filter(|(_, held)| **held != 0).map(|(id, held)| (id.clone(), *held)).collect()
    }

    fn asked(&self) -> u64 {
        self.books.lock().expect("whole").asked
    }
}

/// Answers one connection's requests until its client leaves.
fn serve(stream: TcpStream, books: &Mutex<Books>) {
    let mut reader = BufReader::new(stream.try_clone().expect("the same socket"));
    let mut writer = stream;
    while let Some((line, key, body)) = read(&mut reader) {
        let mood = books.lock().expect("whole").carry_out(&line, key, &body);
        if mood == Mood::Slow {
            thread::park_timeout(Duration::from_secs(3));
        }
        let (status, body) = match mood {
            Mood::Well | Mood::Slow => ("200 OK", "{}"),
            Mood::Refusing => ("402 Payment Required", r#"{"detail":"the account is empty"}"#),
            Mood::Busy => ("503 Service Unavailable", "{}"),
        };
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Its request line, its key and its body.
fn read(reader: &mut BufReader<TcpStream>) -> Option<(String, String, String)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let (mut key, mut length) = (String::new(), 0);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "idempotency-key" => value.trim().clone_into(&mut key),
            "content-length" => length = value.trim().parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((line, key, String::from_utf8(body).ok()?))
}

impl Books {
    fn carry_out(&mut self, line: &str, key: String, body: &str) -> Mood {
        self.asked += 1;
        assert!(!key.is_empty(), "every request has a key: {line}");
        if matches!(self.mood, Mood::Well | Mood::Slow) && self.keys.insert(key) {
            let id = match line.split_once("DELETE /payments/") {
                Some((_, rest)) => rest.split(' ').next().expect("an id").to_owned(),
                None => serde_json::from_str::<serde_json::Value>(body).expect("json")["id"].to_string(),
            };
            *self.holds.entry(id).or_default() += if line.starts_with("POST /payments ") { 1 } else { -1 };
        }
        self.mood
    }
}

fn order(server: &Server, key: &str) -> Answer {
    let order = r#"{"bookId":"10","qty":"1","customerId":"1001"}"#;
    server.send("order", &Request::post("/orders", order).header("Idempotency-Key", key))
}

fn market(dir: &std::path::Path, bank: &Bank) -> Server {
    Server::serving("book-market", dir, &["--set", &format!("systems.book-market.payment_url={}", bank.address)])
}

#[test]
fn an_order_stands_when_an_outside_bank_took_the_money_and_falls_when_it_did_not() {
    let bank = Bank::open();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = market(dir.path(), &bank);
    assert_eq!(order(&server, "one").status, 201);
    assert_eq!(order(&server, "one").status, 201, "a repeat is recognised");
    assert_eq!(bank.holds(), [("1".to_owned(), 1)]);

    bank.turns(Mood::Refusing);
    let refused = order(&server, "poor");
    assert_eq!((refused.status, refused.text().contains("the account is empty")), (409, true), "{}", refused.text());

    bank.turns(Mood::Busy);
    let asked = bank.asked();
    let busy = order(&server, "busy");
    assert_eq!(busy.status, 503, "{}", busy.text());
    assert!(busy.text().contains("provider-unavailable") && busy.header("retry-after").is_some(), "{}", busy.text());
    assert!((1..=3).contains(&(bank.asked() - asked)), "it is asked again, but not for ever");

    bank.turns(Mood::Well);
    assert_eq!(order(&server, "busy").status, 201, "its key is free");
    let orders = server.get("order", "/orders").json();
    assert_eq!(orders["page"]["totalElements"], 2, "{orders}");
    assert_eq!(bank.holds().len(), 2);

    let first = server.send("order", &Request::delete("/orders/1"));
    assert_eq!(first.status, 204);
    eventually("the money of a cancelled order is given back", || (bank.holds().len() == 1).then_some(()));
}

#[test]
fn money_that_nobody_knows_of_is_given_back_over_a_kill() {
    let bank = Bank::open();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut server = market(dir.path(), &bank);
    bank.turns(Mood::Slow);
    let slow = order(&server, "slow");
    assert_eq!(slow.status, 504, "{}", slow.text());
    assert_eq!(server.get("order", "/orders").json()["page"]["totalElements"], 0, "nothing stands");
    server.kill9();
    bank.turns(Mood::Well);
    server.restart();
    eventually("it is given back", || bank.holds().is_empty().then_some(()));
    assert_eq!(order(&server, "slow").status, 201, "the same key begins afresh");
    assert_eq!(bank.holds().len(), 1);
}

#[test]
fn a_kill_while_the_bank_is_asked_takes_the_money_once() {
    let bank = Bank::open();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut server = market(dir.path(), &bank);
    bank.turns(Mood::Slow);
    let asked = bank.asked();
    let mut client = server.client("order");
    let asking = thread::spawn(move || client.try_send(&Request::post("/orders", r#"{"bookId":"10","qty":"1"}"#)));
    eventually("the bank is asked", || (bank.asked() > asked).then_some(()));
    server.kill9();
    assert!(asking.join().expect("no panic").is_err(), "it got no answer");
    bank.turns(Mood::Well);
    server.restart();
    eventually("the order stands", || {
        (server.get("order", "/orders").json()["page"]["totalElements"] == 1).then_some(())
    });
    assert_eq!(bank.holds(), [("1".to_owned(), 1)], "asked again with its key, it took the money once");
}

#[test]
fn an_address_that_cannot_be_used_is_refused_at_the_start_by_its_key() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_resurgam"))
        .args(["serve", "book-market", "--data"])
        .arg(dir.path())
        .args(["--set", "systems.book-market.payment_url=https://bank"])
        .output()
        .expect("the binary");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{told}");
    assert!(told.contains("systems.book-market.payment_url") && told.contains("a proxy that speaks TLS"), "{told}");
}
