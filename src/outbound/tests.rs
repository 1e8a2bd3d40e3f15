//! Against a real HTTP server, whose answers are given.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;

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
        Providers::at([(BANK.to_owned(), format!("http://{}/", self.at))]).expect("an address")
    }
}

async fn answer(
    request: Request<Incoming>,
    heard: &Mutex<Vec<String>>,
    answers: &Mutex<VecDeque<Option<(u16, &'static str)>>>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let header = |name: &str| request.headers().get(name).and_then(|it| it.to_str().ok()).unwrap_or("-").to_owned();
    let said = [header("content-type"), header("idempotency-key"), header("x-correlation-id")].join(" ");
    let line = format!("{} {} {said}", request.method(), request.uri());
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
async fn a_provider_that_does_not_listen_was_surely_not_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let providers = Providers::at([(BANK.to_owned(), address)]).expect("an address");
    assert_eq!(providers.ask(charge()).await, unreachable_for(1));
}

#[tokio::test]
async fn a_provider_without_an_address_is_built_in_and_agrees() {
    let providers = Providers::at([(BANK.to_owned(), String::new())]).expect("no address");
    assert!(!providers.reaches(BANK));
    assert_eq!(providers.ask(charge()).await, Ok(Said::Done));
}

#[test]
fn an_address_that_cannot_be_used_is_refused_with_the_reason() {
    let at = |address: &str| check(address).err().map(|error| error.to_string()).unwrap_or_default();
    for good in ["http://127.0.0.1:8082", "http://payment:8080/v1", "http://[::1]:80/"] {
        assert_eq!(at(good), "");
    }
    assert!(at("https://payment").contains("a proxy that speaks TLS"), "{}", at("https://payment"));
    for bad in ["payment:8080", "/payments", "http://", "ftp://payment", "http://payment?x=1", "no address"] {
        assert!(at(bad).contains("looks like http://"), "{bad}: {}", at(bad));
    }
}
