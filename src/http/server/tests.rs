//! Judged over real sockets by a client that knows nothing but bytes.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use warp::Filter;
use warp::reply::Reply;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);
const BIG_BODY_BYTES: usize = 300_000;

#[tokio::test]
async fn one_connection_serves_two_requests() {
    let door = Door::open(Limits::default());
    let mut client = door.client().await;
    assert_eq!(client.get("/hello/one").await, (200, "hello one".to_owned()));
    assert_eq!(client.get("/hello/two").await, (200, "hello two".to_owned()));
    assert_eq!(door.tally.opened.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let door = Door::open(Limits::default());
    let mut client = door.client().await;
    let requests = [get("/hello/1"), get("/hello/2"), get("/hello/3")].concat();
    client.send(&requests).await;
    for expected in ["hello 1", "hello 2", "hello 3"] {
        assert_eq!(client.answer().await.1, expected);
    }
}

#[tokio::test]
async fn a_request_knows_the_address_of_its_client() {
    let door = Door::open(Limits::default());
    let mut client = door.client().await;
    let own_address = client.stream.local_addr().expect("a connected socket has an address");
    assert_eq!(client.get("/peer").await.1, own_address.to_string());
}

#[tokio::test]
async fn slow_silent_and_idle_clients_are_closed_at_the_header_timeout() {
    let header_timeout = Duration::from_millis(200);
    let door = Door::open(Limits { header_timeout, ..Limits::default() });
    let mut slow = door.client().await;
    let mut silent = door.client().await;
    let mut idle = door.client().await;
    slow.send("GET /hello/slow HTTP/1.1\r\nHost:").await;
    assert_eq!(idle.get("/hello/idle").await.0, 200);
    assert_eq!(slow.rest().await, "");
    assert_eq!(silent.rest().await, "");
    assert_eq!(idle.rest().await, "");
}

#[tokio::test]
async fn work_longer_than_the_header_timeout_is_answered() {
    let header_timeout = Duration::from_millis(200);
    let mut door = Door::open(Limits { header_timeout, ..Limits::default() });
    let mut busy = door.client().await;
    busy.send(&get("/held")).await;
    door.entered().await;
    // A silent client measures the header timeout: its end shows that the time has passed.
    assert_eq!(door.client().await.rest().await, "");
    door.gate.add_permits(1);
    assert_eq!(busy.answer().await.1.len(), BIG_BODY_BYTES);
}

#[tokio::test]
async fn a_request_at_the_limit_of_headers_is_served_and_one_above_is_refused_and_closed() {
    for headers_max in [50, 100] {
        let door = Door::open(Limits { headers_max, ..Limits::default() });
        let with_headers = |count: usize| {
            let lines: String = (0..count).map(|n| format!("x-{n}: y\r\n")).collect();
            format!("GET /hello/you HTTP/1.1\r\n{lines}\r\n")
        };
        let mut client = door.client().await;
        client.send(&with_headers(headers_max)).await;
        assert_eq!(client.answer().await.0, 200);
        client.send(&with_headers(headers_max + 1)).await;
        assert_eq!(client.answer().await.0, 431);
        assert_eq!(client.rest().await, "");
    }
}

#[tokio::test]
async fn a_head_above_the_limit_of_bytes_is_refused_and_closed() {
    let door = Door::open(Limits::default());
    let with_bytes = |count: usize| {
        let frame = "GET /hello/you HTTP/1.1\r\nx: \r\n\r\n".len();
        format!("GET /hello/you HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(count - frame))
    };
    let mut client = door.client().await;
    client.send(&with_bytes(16 * 1024)).await;
    assert_eq!(client.answer().await.0, 200);
    client.send(&with_bytes(16 * 1024 + 1)).await;
    assert_eq!(client.answer().await.0, 431);
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn garbage_is_refused_and_closed() {
    let door = Door::open(Limits::default());
    let mut client = door.client().await;
    client.send("\u{1}\u{2}\u{3}\r\n\r\n").await;
    assert_eq!(client.answer().await.0, 400);
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_request_for_a_tunnel_which_has_no_path_is_answered_too() {
    let door = Door::open(Limits::default());
    let mut client = door.client().await;
    client.send("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n").await;
    let status = client.answer().await.0;
    assert!([404, 405].contains(&status), "{status}");
}

#[tokio::test]
async fn a_half_closed_client_gets_its_answer() {
    let mut door = Door::open(Limits::default());
    let mut client = door.client().await;
    client.send(&get("/held")).await;
    client.stream.shutdown().await.expect("the sending side closes");
    door.entered().await;
    door.gate.add_permits(1);
    assert_eq!(client.answer().await.1.len(), BIG_BODY_BYTES);
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_connection_above_the_cap_waits_and_is_served_when_one_closes() {
    let door = Door::open(Limits { connections_max: 2, ..Limits::default() });
    let mut first = door.client().await;
    let mut second = door.client().await;
    assert_eq!(first.get("/hello/1").await.0, 200);
    assert_eq!(second.get("/hello/2").await.0, 200);
    let mut third = door.client().await;
    third.send(&get("/hello/3")).await;
    assert_eq!(second.get("/hello/again").await.0, 200);
    assert_eq!(door.tally.opened.load(Ordering::SeqCst), 2);
    drop(first);
    assert_eq!(third.answer().await.1, "hello 3");
    assert_eq!(door.tally.peak.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn listeners_share_the_cap_and_a_quiet_one_takes_nothing_from_a_busy_one() {
    let mut door = Door::open(Limits { connections_max: 1, ..Limits::default() });
    let quiet_then_busy = door.address;
    let other = door.listen();
    let mut first = Client::connect(other).await;
    assert_eq!(first.get("/hello/1").await.0, 200);
    let mut second = Client::connect(quiet_then_busy).await;
    second.send(&get("/hello/2")).await;
    assert_eq!(first.get("/hello/again").await.0, 200);
    drop(first);
    assert_eq!(second.answer().await.1, "hello 2");
    assert_eq!(door.tally.peak.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_backlog_absorbs_a_burst_of_more_than_128() {
    let listener = bind(loopback(), 1024).expect("a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    let mut clients = Vec::new();
    for _ in 0..200 {
        clients.push(Client::connect(address).await);
    }
    drop(listener);
}

#[tokio::test]
async fn a_stop_finishes_requests_in_flight_and_closes_idle_connections_at_once() {
    let mut door = Door::open(Limits { drain_timeout: 2 * PATIENCE, ..Limits::default() });
    let mut idle = door.client().await;
    let mut busy = door.client().await;
    let mut unused = door.client().await;
    assert_eq!(idle.get("/hello/you").await.0, 200);
    busy.send(&get("/held")).await;
    door.entered().await;
    door.until_open(3).await;

    door.trigger.take().expect("not stopped before").fire();
    assert_eq!(idle.rest().await, "");
    assert_eq!(unused.rest().await, "");
    let closing = async { while TcpStream::connect(door.address).await.is_ok() {} };
    in_time(closing).await;

    door.gate.add_permits(1);
    let (status, body) = busy.answer().await;
    assert_eq!((status, body.len()), (200, BIG_BODY_BYTES));
    assert!(busy.head.contains("connection: close"), "{}", busy.head);
    assert_eq!(busy.rest().await, "");
    let (finished, cut) = door.drained().await;
    assert!(finished <= 3);
    assert_eq!(cut, 0);
}

#[tokio::test]
async fn a_request_that_arrived_before_the_stop_is_answered() {
    let mut door = Door::open(Limits::default());
    let mut client = door.client().await;
    assert_eq!(client.get("/hello/you").await.0, 200);
    client.send(&get("/hello/again")).await;
    door.trigger.take().expect("not stopped before").fire();
    assert_eq!(client.answer().await.1, "hello again");
    assert_eq!(door.drained().await.1, 0);
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_at_the_drain_timeout_and_counted() {
    let drain_timeout = Duration::from_millis(100);
    let mut door = Door::open(Limits { drain_timeout, ..Limits::default() });
    let mut stuck = door.client().await;
    stuck.send(&get("/held")).await;
    door.entered().await;
    door.trigger.take().expect("not stopped before").fire();
    assert_eq!(stuck.rest().await, "");
    assert_eq!(door.drained().await, (0, 1));
    assert_eq!(door.tally.open.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_listener_whose_trigger_is_gone_stops() {
    let mut door = Door::open(Limits::default());
    drop(door.trigger.take());
    assert_eq!(door.drained().await, (0, 0));
}

#[tokio::test]
async fn a_panicking_request_takes_only_its_own_connection_with_it() {
    let door = Door::open(Limits { connections_max: 1, ..Limits::default() });
    let mut unlucky = door.client().await;
    unlucky.send(&get("/panic")).await;
    assert_eq!(unlucky.rest().await, "");
    let mut next = door.client().await;
    assert_eq!(next.get("/hello/you").await.0, 200);
    assert_eq!(door.tally.open.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_taken_address_is_named_together_with_the_remedy() {
    let listener = bind(loopback(), 16).expect("a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    let message = bind(address, 16).expect_err("the address is taken").to_string();
    assert!(message.contains(&address.to_string()), "{message}");
    assert!(message.contains("stop the process that listens there"), "{message}");

    let foreign = SocketAddr::from(([192, 0, 2, 1], 8080));
    let message = bind(foreign, 16).expect_err("not an address of this host").to_string();
    assert!(message.contains("192.0.2.1:8080"), "{message}");
    assert!(message.contains("an address of this host"), "{message}");
}

#[test]
fn accepting_pauses_longer_each_time_unless_only_the_client_went_away() {
    let no_descriptors = io::Error::from_raw_os_error(24);
    let mut pause = None;
    let pauses_ms: Vec<u128> = (0..9)
        .map(|_| {
            pause = pause_after(&no_descriptors, pause);
            pause.expect("no descriptors means a pause").as_millis()
        })
        .collect();
    assert_eq!(pauses_ms, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    let aborted = io::Error::from(io::ErrorKind::ConnectionAborted);
    assert_eq!(pause_after(&aborted, pause), None);
}

#[tokio::test]
async fn both_stop_signals_are_caught_one_after_the_other() {
    let mut signals = Signals::listen().expect("handlers can be set");
    for (name, exit_code) in [("TERM", 143), ("INT", 130)] {
        let kill = format!("kill -{name} {}", std::process::id());
        let sent = tokio::process::Command::new("sh").args(["-c", &kill]).status().await;
        assert!(sent.expect("a shell").success());
        assert_eq!(in_time(signals.next()).await, exit_code);
    }
}

/// A running server: `/hello/{name}`, `/peer`, `/panic`, and `/held`, which waits for the gate.
struct Door {
    server: Server,
    address: SocketAddr,
    trigger: Option<StopTrigger>,
    stop: Stop,
    running: JoinSet<Drained>,
    tally: Arc<Tally>,
    gate: Arc<Semaphore>,
    entering: mpsc::UnboundedSender<()>,
    entered: mpsc::UnboundedReceiver<()>,
}

impl Door {
    fn open(limits: Limits) -> Self {
        let tally = Arc::new(Tally::default());
        let (trigger, stop) = StopTrigger::new();
        let (entering, entered) = mpsc::unbounded_channel();
        let mut door = Self {
            server: Server::new(&limits, Arc::clone(&tally) as Arc<dyn ConnectionObserver>),
            address: loopback(),
            trigger: Some(trigger),
            stop,
            running: JoinSet::new(),
            tally,
            gate: Arc::new(Semaphore::new(0)),
            entering,
            entered,
        };
        door.address = door.listen();
        door
    }

    fn listen(&mut self) -> SocketAddr {
        let listener = bind(loopback(), 1024).expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let service = routes(self.entering.clone(), Arc::clone(&self.gate));
        let (server, stop) = (self.server.clone(), self.stop.clone());
        self.running.spawn(async move { server.run(listener, service, stop).await });
        address
    }

    async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Waits until a request has reached `/held`.
    async fn entered(&mut self) {
        in_time(self.entered.recv()).await.expect("the door holds a sender");
    }

    async fn until_open(&self, count: usize) {
        let opening = async {
            while self.tally.open.load(Ordering::SeqCst) < count {
                task::yield_now().await;
            }
        };
        in_time(opening).await;
    }

    async fn drained(&mut self) -> (usize, usize) {
        let drained = in_time(self.running.join_next()).await.expect("one listener runs");
        let Drained { finished, cut } = drained.expect("a listener does not panic");
        (finished, cut)
    }
}

fn routes(
    entering: mpsc::UnboundedSender<()>,
    gate: Arc<Semaphore>,
) -> impl Filter<Extract = (impl Reply,), Error = warp::Rejection> + Clone + Send + Sync + 'static {
    let hello = warp::path!("hello" / String).map(|name| format!("hello {name}"));
    let peer = warp::path!("peer").and(warp::ext::get::<Peer>()).map(|Peer(address)| address.to_string());
    let held = warp::path!("held").then(move || {
        let (entering, gate) = (entering.clone(), Arc::clone(&gate));
        async move {
            entering.send(()).expect("the test listens");
            gate.acquire().await.expect("the gate stays").forget();
            "x".repeat(BIG_BODY_BYTES)
        }
    });
    let panic = warp::path!("panic").map(|| -> String { panic!("as asked for") });
    hello.or(peer).unify().or(held).unify().or(panic).unify()
}

#[derive(Debug, Default)]
struct Tally {
    opened: AtomicUsize,
    open: AtomicUsize,
    peak: AtomicUsize,
    accepts_failed: AtomicUsize,
}

impl ConnectionObserver for Tally {
    fn opened(&self) {
        self.opened.fetch_add(1, Ordering::SeqCst);
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.peak.fetch_max(open, Ordering::SeqCst);
    }

    fn closed(&self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    fn accept_failed(&self) {
        self.accepts_failed.fetch_add(1, Ordering::SeqCst);
    }
}

struct Client {
    stream: TcpStream,
    received: Vec<u8>,
    /// The head of the last answer.
    head: String,
}

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let stream = in_time(TcpStream::connect(address)).await.expect("the listener is there");
        Self { stream, received: Vec::new(), head: String::new() }
    }

    async fn get(&mut self, path: &str) -> (u16, String) {
        self.send(&get(path)).await;
        self.answer().await
    }

    async fn send(&mut self, bytes: &str) {
        in_time(self.stream.write_all(bytes.as_bytes())).await.expect("the server reads");
    }

    /// Reads one answer: its status and body.
    async fn answer(&mut self) -> (u16, String) {
        let head_len = loop {
            let end = self.received.windows(4).position(|bytes| bytes == b"\r\n\r\n");
            if let Some(end) = end {
                break end + 4;
            }
            assert_ne!(self.receive().await, 0, "no answer before the end");
        };
        self.head = text(self.received.drain(..head_len).collect()).to_lowercase();
        let status = self.head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let length = self.head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().expect("a length is a number"));
        while self.received.len() < length {
            assert_ne!(self.receive().await, 0, "the answer is cut short");
        }
        (status.expect("a status line"), text(self.received.drain(..length).collect()))
    }

    /// Reads until the server closes or resets the connection.
    async fn rest(&mut self) -> String {
        while self.receive().await > 0 {}
        text(std::mem::take(&mut self.received))
    }

    async fn receive(&mut self) -> usize {
        match in_time(self.stream.read_buf(&mut self.received)).await {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => 0,
            Err(error) => panic!("cannot read: {error}"),
        }
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: door\r\n\r\n")
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("answers are UTF-8")
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Fails instead of hanging; never the way a test passes.
async fn in_time<T>(future: impl Future<Output = T>) -> T {
    time::timeout(PATIENCE, future).await.expect("it happens in time")
}
