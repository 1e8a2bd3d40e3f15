//! The floor: the same accept loop and warp, the same bytes out, the body read and parsed, and nothing behind it.
//!
//! It runs as a child of the benchmark, so that both servers are processes; it ends when its standard input does.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;

use resurgam::app::say;
use resurgam::http::server::{Limits, Server, StopTrigger, bind};
use resurgam::telemetry::metrics::Connections;
use serde::Deserialize;
use warp::Filter as _;
use warp::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use warp::hyper::body::Bytes;

use crate::Outcome;
use crate::client::{Answer, Client};
use crate::load::{PATCHED, POSTED};

/// The argument that makes the benchmark's own program the echo server.
pub(crate) const MODE: &str = "--echo";
/// What is asked of both: name of the record, method, path, body.
const ASKED: [(&str, &str, &str, &str); 3] = [
    ("post", "POST", "/products", POSTED),
    ("patch", "PATCH", "/products/1", PATCHED),
    ("get", "GET", "/products/1", ""),
];
/// Headers that every server makes for itself.
const OWN_HEADERS: [&str; 4] = ["date", "content-length", "connection", "transfer-encoding"];

/// The child; dropping it ends it.
pub(crate) struct Echo {
    child: Child,
    stdin: Option<ChildStdin>,
    address: SocketAddr,
}

impl Echo {
    pub(crate) fn start(answers: &Path) -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(MODE)
            .arg(answers)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("the echo server has no standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().parse().map_err(|_| "the echo server did not start")?;
        Ok(Self { stdin: child.stdin.take(), child, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // A drop must not panic; a child that cannot be waited for is gone.
        let _ = self.child.wait();
    }
}

/// Asks resurgam once for each answer the echo server gives, and keeps them.
pub(crate) fn record(resurgam: SocketAddr, answers: &Path) -> Outcome<()> {
    fs::create_dir_all(answers)?;
    let mut client = Client::open(resurgam)?;
    for (name, method, path, body) in ASKED {
        let answer = client.send(method, path, body)?;
        let own = |header: &str| OWN_HEADERS.contains(&header);
        let headers: Vec<_> = answer.headers.iter().filter(|(header, _)| !own(header)).collect();
        fs::write(answers.join(name).with_extension("json"), serde_json::to_vec(&(answer.status, headers))?)?;
        fs::write(answers.join(name), answer.body)?;
    }
    Ok(())
}

/// Makes sure that both answer alike: the same status, the same headers of the same lengths, bodies of the same length.
pub(crate) fn check_same(resurgam: SocketAddr, echo: SocketAddr) -> Outcome<()> {
    let shape = |answer: &Answer| {
        let headers = answer.headers.iter().map(|(name, value)| (name.clone(), value.len()));
        let mut headers: Vec<_> = headers.collect();
        headers.sort();
        (answer.status, headers, answer.body.len())
    };
    let (mut of_resurgam, mut of_echo) = (Client::open(resurgam)?, Client::open(echo)?);
    for (_, method, path, body) in ASKED {
        let (real, echoed) = (of_resurgam.send(method, path, body)?, of_echo.send(method, path, body)?);
        if shape(&real) != shape(&echoed) {
            return Err(format!("{method} {path}: {:?} and {:?}", shape(&real), shape(&echoed)).into());
        }
    }
    Ok(())
}

/// What a client may send; parsed and dropped.
#[derive(Deserialize)]
struct Product {
    #[serde(rename = "name")]
    _name: Option<String>,
    #[serde(rename = "qty")]
    _qty: Option<i32>,
}

/// A recorded answer.
struct Recorded {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Recorded {
    fn read(answers: &Path, name: &str) -> Outcome<Self> {
        let head = fs::read(answers.join(name).with_extension("json"))?;
        let (status, sent): (u16, Vec<(String, String)>) = serde_json::from_slice(&head)?;
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
        }
        Ok(Self { status: StatusCode::from_u16(status)?, headers, body: fs::read(answers.join(name))?.into() })
    }

    fn answer(&self) -> Response<Bytes> {
        let mut answer = Response::new(self.body.clone());
        *answer.status_mut() = self.status;
        *answer.headers_mut() = self.headers.clone();
        answer
    }
}

/// The child's own main: serves until standard input ends.
pub(crate) fn serve(answers: &Path) -> Outcome<()> {
    let [post, patch, get] = ASKED.map(|(name, ..)| Recorded::read(answers, name));
    let recorded = Arc::new((post?, patch?, get?));
    let answered = move |method: Method, path: warp::path::FullPath, body: Bytes| {
        let (post, patch, get) = &*recorded;
        let is_understood = body.is_empty() || serde_json::from_slice::<Product>(&body).is_ok();
        let known = path.as_str().starts_with("/products").then_some(method);
        match known {
            Some(Method::POST) if is_understood => post.answer(),
            Some(Method::PATCH) if is_understood => patch.answer(),
            Some(Method::GET) => get.answer(),
            _ => {
                let mut refused = Response::new(Bytes::new());
                *refused.status_mut() = StatusCode::BAD_REQUEST;
                refused
            }
        }
    };
    let filter = warp::method().and(warp::path::full()).and(warp::body::bytes()).map(answered);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let limits = Limits::default();
        let listener = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), limits.backlog)?;
        say(&listener.local_addr()?.to_string());
        let (trigger, stop) = StopTrigger::new();
        std::thread::spawn(move || {
            // Whatever ends the input ends the server.
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            trigger.fire();
        });
        Server::new(&limits, Arc::new(Connections)).run(listener, filter, stop).await;
        Ok(())
    })
}
