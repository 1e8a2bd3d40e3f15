//! Against a real HTTP server, whose answers are given.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::{BodyExt as _, Full};
use hyper::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;
use crate::telemetry::traces::{Collector, Exporter};

const BANK: &str = "shop/outside/bank";

/// A bank that answers as told, and notes what it was asked.
struct Bank {
    at: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<u32>>,
    _serving: JoinSet<()>,
}

impl Bank {
    /// `None` breaks the connection off.
    async fn open(answers: impl IntoIterator<Item = Option<(u16, &'static str)>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let (heard, connections) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<u32>>::default());
        let answers: Arc<Mutex<VecDeque<_>>> = Arc::new(Mutex::new(answers.into_iter().collect()));
        let (notes, count) = (Arc::clone(&heard), Arc::clone(&connections));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                *count.lock() += 1;
                let service = service_fn(|request: Request<Incoming>| answer(request, &notes, &answers));
                // A connection that the client leaves, or that is broken off, ends in an error.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
            }
        });
        Self { at, heard, connections, _serving: serving }
    }

    fn reached(&self) -> Providers {
        self.reached_and_told(Tracer::default())
    }

    fn reached_and_told(&self, tracer: Tracer) -> Providers {
        Providers::at(
            Addresses::read([(BANK.to_owned(), format!("http://{}/", self.at))]).expect("an address"),
            Clock::manual(0, 7),
            tracer,
        )
    }
}

async fn answer(
    request: Request<Incoming>,
    heard: &Mutex<Vec<String>>,
    answers: &Mutex<VecDeque<Option<(u16, &'static str)>>>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let header = |name: &str| request.headers().get(name).and_then(|it| it.to_str().ok()).unwrap_or("-").to_owned();
    let said = [header("content-type"), header("idempotency-key"), header("x-correlation-id")].join(" ");
    let trace = request.headers().get("traceparent").map(|it| format!(" {}", it.to_str().expect("text")));
    let line = format!("{} {} {said}{}", request.method(), request.uri(), trace.unwrap_or_default());
    let body = request.into_body().collect().await.expect("a whole body").to_bytes();
    heard.lock().push(format!("{line} {}", String::from_utf8_lossy(&body)));
    let (status, body) =
        answers.lock().pop_front().expect("an answer").ok_or_else(|| std::io::Error::other("broken"))?;
    let response = Response::builder().status(status).header("retry-after", "7").body(Full::from(body));
    Ok(response.expect("a response"))
}

fn charge() -> Errand<'static> {
    Errand {
        provider: BANK,
        method: "POST",
        path: "/charges/3",
        body: br#"{"amount":10}"#.to_vec(),
        key: 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef,
        correlation: "a story",
        trace: None,
    }
}

fn unreachable_for(seconds: u64) -> Result<Said, CallError> {
    Err(unavailable(Duration::from_secs(seconds)))
}

#[tokio::test]
async fn a_provider_is_asked_with_the_commands_fields_its_key_and_its_story() {
    let bank = Bank::open([Some((201, "{}"))]).await;
    let providers = bank.reached();
    assert!(providers.reaches(BANK));
    assert_eq!(providers.ask(charge()).await, Ok(Said::Done));
    let expected = "POST /charges/3 application/json 01234567-89ab-cdef-0123-456789abcdef a story {\"amount\":10}";
    assert_eq!(*bank.heard.lock(), [expected]);
}

#[tokio::test]
async fn a_provider_is_told_the_place_of_a_call_in_its_trace_where_it_is_told() {
    let bank = Bank::open([Some((201, "{}")), Some((201, "{}"))]).await;
    let collector = Collector::at("http://127.0.0.1:9").expect("an address");
    let (tracer, _exporter) = Exporter::start(collector, 0.0, &Clock::manual(0, 7));
    let providers = bank.reached_and_told(tracer);
    let parent = TraceParent::read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").expect("a header");
    for trace in [Some(parent.context), None] {
        assert_eq!(providers.ask(Errand { trace, ..charge() }).await, Ok(Said::Done));
    }
    let heard = bank.heard.lock();
    let sent = heard[0].split(' ').find_map(TraceParent::read).expect("a header");
    assert!(sent.sampled && sent.context.trace_id == parent.context.trace_id, "{sent:?}");
    assert_ne!(sent.context.span_id, parent.context.span_id, "the call is a span of its own");
    assert_eq!(heard[1].split(' ').find_map(TraceParent::read), None, "what is not told has no place");
}

#[tokio::test]
async fn what_a_provider_answers_is_told_apart_and_its_connection_used_again() {
    let poor = r#"{"detail":"the account is empty"}"#;
    let answers = [Some((402, poor)), Some((503, "")), Some((500, "")), Some((200, "")), None];
    let bank = Bank::open(answers).await;
    let providers = bank.reached();
    let refused = Said::Refused("the provider answered 402: the account is empty".to_owned());
    assert_eq!(providers.ask(charge()).await, Ok(refused));
    assert_eq!(providers.ask(charge()).await, unreachable_for(7));
    assert_eq!(providers.ask(charge()).await, Err(Unknown::BrokenOff.into()));
    assert_eq!(providers.ask(charge()).await, Ok(Said::Done));
    assert_eq!(*bank.connections.lock(), 1);
    assert_eq!(providers.ask(charge()).await, Err(Unknown::BrokenOff.into()), "it was asked, and nobody knows");
    assert_eq!(bank.heard.lock().len(), 5);
}

#[tokio::test]
async fn what_http_cannot_carry_is_refused_for_good_and_not_sent() {
    let bank = Bank::open([]).await;
    let providers = bank.reached();
    for path in ["/charges/the third", "/charges/3\r\n", "charges/3", "", "@127.0.0.1/", "/charges/3#now"] {
        let said = providers.ask(Errand { path, ..charge() }).await;
        assert!(matches!(&said, Ok(Said::Refused(why)) if why.contains("cannot be sent")), "{path:?}: {said:?}");
    }
    let said = providers.ask(Errand { correlation: "a\nstory", ..charge() }).await;
    assert!(matches!(said, Ok(Said::Refused(_))), "{said:?}");
    assert_eq!((bank.heard.lock().len(), *bank.connections.lock()), (0, 0));
}

#[tokio::test]
async fn a_provider_that_does_not_listen_was_surely_not_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let providers = Providers::at(
        Addresses::read([(BANK.to_owned(), address)]).expect("an address"),
        Clock::manual(0, 7),
        Tracer::default(),
    );
    assert_eq!(providers.ask(charge()).await, unreachable_for(1));
}

#[tokio::test]
async fn a_provider_without_an_address_is_built_in_and_agrees() {
    let providers = Providers::at(
        Addresses::read([(BANK.to_owned(), String::new())]).expect("no address"),
        Clock::manual(0, 7),
        Tracer::default(),
    );
    assert!(!providers.reaches(BANK));
    assert_eq!(providers.ask(charge()).await, Ok(Said::Done));
}

#[test]
fn a_provider_whose_address_cannot_be_used_is_named() {
    let addresses = [("a", "http://127.0.0.1:8082"), ("b", ""), ("c", "https://payment")];
    let addresses = addresses.map(|(provider, address)| (provider.to_owned(), address.to_owned()));
    let refused = Addresses::read(addresses).expect_err("TLS is not spoken");
    assert_eq!(refused, ("c".to_owned(), AddressError::Scheme("https://payment".to_owned())));
}

#[test]
fn a_wait_that_nobody_waits_is_cut() {
    assert_eq!(wait(None), RETRY_AFTER_DEFAULT);
    for (seconds, expected) in [(0, 0), (7, 7), (3_600, 3_600), (3_601, 3_600), (u64::MAX, 3_600)] {
        assert_eq!(wait(Some(Hint::After(Duration::from_secs(seconds)))), Duration::from_secs(expected));
    }
    assert_eq!(wait(Some(Hint::Never)), RETRY_AFTER_MAX);
}
