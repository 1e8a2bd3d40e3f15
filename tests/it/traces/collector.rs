//! A collector of the test's own: it keeps the spans it is told, and sees how they stand below each other.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

use crate::support::eventually;

/// A span as it came.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: Option<String>,
    pub(crate) name: String,
    pub(crate) kind: u64,
    pub(crate) links: Vec<(String, String)>,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
}

impl Span {
    fn of(span: &Value) -> Self {
        let text = |key: &str| span[key].as_str().unwrap_or_default().to_owned();
        let nanos = |key: &str| span[key].as_str().and_then(|nanos| nanos.parse().ok()).expect("nanoseconds as a text");
        let list = |key: &str| span[key].as_array().cloned().unwrap_or_default();
        let link = |link: &Value| {
            let id = |key: &str| link[key].as_str().expect("an id").to_owned();
            (id("traceId"), id("spanId"))
        };
        let attribute = |it: &Value| {
            let value = it["value"].as_object().and_then(|value| value.values().next()).expect("a value");
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (it["key"].as_str().expect("a key").to_owned(), value)
        };
        Self {
            trace: text("traceId"),
            id: text("spanId"),
            parent: span["parentSpanId"].as_str().map(str::to_owned),
            name: text("name"),
            kind: span["kind"].as_u64().expect("a kind"),
            links: list("links").iter().map(link).collect(),
            attributes: list("attributes").iter().map(attribute).collect(),
            start_ns: nanos("startTimeUnixNano"),
            end_ns: nanos("endTimeUnixNano"),
        }
    }
}

/// A collector that keeps what it is told.
pub(crate) struct Collector {
    pub(crate) address: String,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let spans = Arc::<Mutex<Vec<Span>>>::default();
        let shared = Arc::clone(&spans);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let spans = Arc::clone(&shared);
                thread::spawn(move || serve(stream, &spans));
            }
        });
        Self { address, spans }
    }

    fn spans(&self) -> Vec<Span> {
        self.spans.lock().expect("whole").clone()
    }

    /// Waits until there is a span that satisfies this, and all that came with it.
    pub(crate) fn until(&self, what: &str, is_it: impl Fn(&[Span]) -> bool) -> Vec<Span> {
        eventually(what, || Some(self.spans()).filter(|spans| is_it(spans)))
    }
}

/// Answers one connection's requests until its client leaves.
fn serve(stream: TcpStream, spans: &Mutex<Vec<Span>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("the same socket"));
    let mut writer = stream;
    while let Some((line, body)) = read(&mut reader) {
        assert!(line.starts_with("POST /v1/traces "), "{line}");
        let told: Value = serde_json::from_slice(&body).expect("json");
        for of in told["resourceSpans"].as_array().expect("resources") {
            assert_eq!(of["resource"]["attributes"][0]["value"]["stringValue"], "resurgam");
            let scopes = of["scopeSpans"].as_array().expect("scopes");
            let told = scopes.iter().flat_map(|scope| scope["spans"].as_array().expect("spans"));
            spans.lock().expect("whole").extend(told.map(Span::of));
        }
        if writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((line, body))
}

/// The names of a span and of all above it, the highest first.
pub(crate) fn way(spans: &[Span], span: &Span) -> Vec<String> {
    let above = span.parent.as_ref().and_then(|id| spans.iter().find(|span| span.id == *id));
    let mut way = above.map_or_else(Vec::new, |above| way(spans, above));
    way.push(span.name.clone());
    way
}

/// How often each way of one trace is told for each command or fact.
pub(crate) fn counts(spans: &[Span], trace: &str) -> BTreeMap<Vec<String>, usize> {
    let mine: Vec<_> = spans.iter().filter(|span| span.trace == trace).cloned().collect();
    let mut counts = BTreeMap::new();
    let message = |span: &Span| span.attributes.get("messaging.message.id").cloned().unwrap_or_default();
    let of = |span| [way(&mine, span), vec![message(span)]].concat();
    mine.iter().for_each(|span| *counts.entry(of(span)).or_default() += 1);
    counts
}
