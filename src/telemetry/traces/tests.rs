//! Against a real collector on a socket, whose answers are given.

use std::collections::VecDeque;
use std::num::{NonZeroU64, NonZeroU128};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use parking_lot::Mutex;
use serde_json::Value as Json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::span::LINKS_MAX;
use super::tracer::QUEUE_MAX;
use super::*;
use crate::clock::Clock;
use crate::domain::TraceContext;

/// What a collector answers; `None` is silence.
type Given = Option<(u16, &'static str)>;

/// A collector that answers as told, then 200, and keeps the spans of every request.
struct Desk {
    address: String,
    heard: Arc<Mutex<Vec<Vec<Json>>>>,
    _serving: JoinSet<()>,
}

impl Desk {
    async fn open(answers: impl IntoIterator<Item = Given>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let heard = Arc::<Mutex<Vec<Vec<Json>>>>::default();
        let answers: Arc<Mutex<VecDeque<Given>>> = Arc::new(Mutex::new(answers.into_iter().collect()));
        let kept = Arc::clone(&heard);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let (kept, answers) = (Arc::clone(&kept), Arc::clone(&answers));
                connections.spawn(async move {
                    let service = service_fn(|request: Request<Incoming>| answer(request, &kept, &answers));
                    // A connection that the exporter leaves ends in an error.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { address, heard, _serving: serving }
    }

    fn exporter(&self, sampled: f64) -> (Tracer, Exporter) {
        start(&self.address, sampled)
    }

    /// How many spans each request had.
    fn batches(&self) -> Vec<usize> {
        self.heard.lock().iter().map(Vec::len).collect()
    }
}

async fn answer(
    request: Request<Incoming>,
    heard: &Mutex<Vec<Vec<Json>>>,
    answers: &Mutex<VecDeque<Given>>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/v1/traces"));
    assert_eq!(request.headers()["content-type"], "application/json");
    let body = request.into_body().collect().await.map_err(std::io::Error::other)?.to_bytes();
    let told: Json = serde_json::from_slice(&body).expect("json");
    let spans = told["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().expect("spans").clone();
    heard.lock().push(spans);
    let given = answers.lock().pop_front().unwrap_or(Some((200, "{}")));
    let Some((status, body)) = given else { return std::future::pending().await };
    Ok(Response::builder().status(status).header("retry-after", "0").body(Full::from(body)).expect("a response"))
}

fn start(address: &str, sampled: f64) -> (Tracer, Exporter) {
    let collector = Collector::at(address).expect("an address");
    Exporter::start(collector, sampled, &Clock::manual(1_700_000_000_000, 7))
}

/// Metrics of this test's own.
fn recorder() -> (PrometheusRecorder, PrometheusHandle) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    (recorder, handle)
}

/// How many spans were dropped for each reason, by its name, without those for which none was.
fn dropped(handle: &PrometheusHandle) -> Vec<(String, u64)> {
    let text = handle.render();
    let line = |line: &str| {
        let (reason, count) = line.strip_prefix("resurgam_trace_spans_dropped_total{reason=\"")?.split_once("\"} ")?;
        Some((reason.to_owned(), count.parse().ok()?)).filter(|(_, count)| *count > 0)
    };
    let mut dropped: Vec<(String, u64)> = text.lines().filter_map(line).collect();
    // Series are written in the order of a hash.
    dropped.sort();
    dropped
}

fn tell(tracer: &Tracer, count: usize) {
    (0..count).for_each(|_| tracer.arrived(None).end());
}

fn parent(sampled: bool) -> TraceParent {
    let context = TraceContext { trace_id: NonZeroU128::MIN, span_id: NonZeroU64::MIN };
    TraceParent { context, sampled }
}

#[tokio::test]
async fn what_was_told_gets_to_the_collector_before_a_stop_is_over() {
    let (recorder, handle) = recorder();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let desk = Desk::open([]).await;
    let (tracer, exporter) = desk.exporter(1.0);
    tell(&tracer, 1_300);
    exporter.stop().await;
    assert_eq!(desk.batches().iter().sum::<usize>(), 1_300);
    assert!(desk.batches().iter().all(|batch| *batch <= 512), "{:?}", desk.batches());
    assert_eq!(dropped(&handle), []);
    tell(&tracer, 3);
    assert_eq!(dropped(&handle), [("stopped".to_owned(), 3)], "nobody takes them any more");
}

#[tokio::test]
async fn a_span_says_what_it_was_told_in_otlps_words() {
    let desk = Desk::open([]).await;
    let (tracer, exporter) = desk.exporter(1.0);
    let request = tracer.arrived(Some(parent(true)));
    let mut below = tracer.begin(request.context(), SpanKind::Client, || ("ask".to_owned(), [("a", "one".into())]));
    below.set("b", 7_u64);
    below.set("b", 8_u64);
    below.set("c", 0.5);
    below.fail("broken-off");
    below.end();
    let id = |span: &Span| span.context().expect("told").span_text();
    let above = id(&request);
    drop(request);
    exporter.stop().await;
    let spans: Vec<Json> = desk.heard.lock().iter().flatten().cloned().collect();
    let [ask, request] = &spans[..] else { panic!("{spans:#?}") };
    assert_eq!((&ask["name"], &ask["kind"], &ask["status"]["code"]), (&"ask".into(), &3.into(), &2.into()));
    assert_eq!(ask["parentSpanId"], above);
    assert_eq!(ask["startTimeUnixNano"], "1700000000000000000");
    let said: Vec<String> = ask["attributes"].as_array().expect("some").iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            r#"{"key":"a","value":{"stringValue":"one"}}"#,
            r#"{"key":"b","value":{"intValue":"8"}}"#,
            r#"{"key":"c","value":{"doubleValue":0.5}}"#,
            r#"{"key":"error.type","value":{"stringValue":"broken-off"}}"#,
        ]
    );
    assert_eq!((&request["parentSpanId"], &request["traceId"]), (&"0000000000000001".into(), &ask["traceId"]));
    assert_eq!(request["attributes"][0]["value"]["stringValue"], "abandoned", "it was let go");
}

#[tokio::test]
async fn a_collector_that_is_busy_is_asked_again_and_one_that_stays_so_costs_the_batch() {
    let (recorder, handle) = recorder();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let busy = || Some((503, ""));
    let desk = Desk::open([busy(), Some((429, "")), Some((200, "{}")), busy(), busy(), busy()]).await;
    let (tracer, exporter) = desk.exporter(1.0);
    tell(&tracer, 5);
    exporter.stop().await;
    assert_eq!((desk.batches(), dropped(&handle)), (vec![5, 5, 5], Vec::new()));
    let (tracer, exporter) = desk.exporter(1.0);
    tell(&tracer, 4);
    exporter.stop().await;
    assert_eq!(desk.batches()[3..], [4, 4, 4]);
    assert_eq!(dropped(&handle), [("busy".to_owned(), 4)]);
}

#[tokio::test]
async fn a_collector_that_refuses_is_not_asked_again_and_what_it_took_in_part_is_counted() {
    let (recorder, handle) = recorder();
    let _recording = metrics::set_default_local_recorder(&recorder);
    for (answer, expected) in [
        ((400, ""), ("refused", 3)),
        ((500, ""), ("refused", 6)),
        ((302, ""), ("refused", 9)),
        ((200, r#"{"partialSuccess":{"rejectedSpans":"2"}}"#), ("rejected", 2)),
        ((200, r#"{"partialSuccess":{"rejectedSpans":"99"}}"#), ("rejected", 5)),
    ] {
        let desk = Desk::open([Some(answer)]).await;
        let (tracer, exporter) = desk.exporter(1.0);
        tell(&tracer, 3);
        exporter.stop().await;
        assert_eq!(desk.batches(), [3], "{answer:?}");
        assert!(dropped(&handle).contains(&(expected.0.to_owned(), expected.1)), "{answer:?} {:?}", dropped(&handle));
    }
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_is_not_there_costs_the_batch_and_the_next_one_is_tried() {
    let (recorder, handle) = recorder();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let (tracer, exporter) = start(&address, 1.0);
    tell(&tracer, 2);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(dropped(&handle), [("unreachable".to_owned(), 2)]);
    tell(&tracer, 3);
    exporter.stop().await;
    assert_eq!(dropped(&handle).iter().map(|(_, count)| count).sum::<u64>(), 5, "{:?}", dropped(&handle));
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_does_not_answer_keeps_nobody_and_a_stop_not_for_long() {
    let (recorder, handle) = recorder();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let desk = Desk::open([None, None, None, None]).await;
    let (tracer, exporter) = desk.exporter(1.0);
    let clock = Clock::manual(0, 1);
    let began = clock.now();
    tell(&tracer, 2);
    assert_eq!(clock.now(), began, "who tells does not wait");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(dropped(&handle), [("no-answer".to_owned(), 2)]);
    tell(&tracer, QUEUE_MAX);
    let began = clock.now();
    exporter.stop().await;
    assert!(clock.now() - began < Duration::from_secs(3), "{:?}", clock.now() - began);
    let stopped = ("stopped".to_owned(), QUEUE_MAX as u64);
    assert_eq!(dropped(&handle), [("no-answer".to_owned(), 2), stopped]);
}

#[test]
fn what_finds_the_queue_full_is_dropped_and_counted() {
    let (recorder, handle) = recorder();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let (tracer, queued) = Tracer::new(1.0, Clock::manual(0, 1));
    tell(&tracer, QUEUE_MAX);
    assert_eq!((queued.len(), dropped(&handle)), (QUEUE_MAX, Vec::new()));
    tell(&tracer, 10);
    assert_eq!((queued.len(), dropped(&handle)), (QUEUE_MAX, vec![("queue-full".to_owned(), 10)]));
}

#[test]
fn a_sender_decides_for_its_requests_and_chance_for_the_others() {
    for (sampled, from, to) in [(0.0, 0, 0), (0.01, 60, 140), (0.5, 4_800, 5_200), (1.0, 10_000, 10_000)] {
        let (tracer, _queued) = Tracer::new(sampled, Clock::manual(0, 7));
        let told = (0..10_000).filter(|_| tracer.arrived(None).is_told()).count();
        assert!((from..=to).contains(&told), "{told} of 10,000 at {sampled}");
        let by_sender = [true, false].map(|sampled| tracer.arrived(Some(parent(sampled))).is_told());
        assert_eq!(by_sender, [true, false], "at {sampled}");
    }
    assert!(!Tracer::default().arrived(Some(parent(true))).is_told(), "there is nobody to tell");
}

#[test]
fn a_trace_goes_on_where_its_sender_is_and_begins_anew_without_one() {
    let (tracer, _queued) = Tracer::new(1.0, Clock::manual(0, 7));
    let (first, second) = (tracer.arrived(None), tracer.arrived(None));
    let trace = |span: &Span| span.context().expect("told").trace_id;
    assert_ne!(trace(&first), trace(&second));
    assert_eq!(trace(&tracer.arrived(Some(parent(true)))), NonZeroU128::MIN);
    let below = |context| tracer.begin(context, SpanKind::Consumer, || ("below".to_owned(), []));
    assert_eq!(trace(&below(first.context())), trace(&first));
    assert!(!below(None).is_told());
}

#[tokio::test]
async fn a_group_has_a_trace_of_its_own_with_links_to_so_many_of_its_members_and_none_for_none() {
    let desk = Desk::open([]).await;
    let (tracer, exporter) = desk.exporter(1.0);
    assert!(!tracer.gathered("commit", []).is_told());
    tracer.gathered("commit", std::iter::repeat_n(parent(true).context, LINKS_MAX + 5)).end();
    exporter.stop().await;
    let told = desk.heard.lock().concat();
    let [group] = &told[..] else { panic!("{told:#?}") };
    assert_eq!((group["links"].as_array().map(Vec::len), &group["droppedLinksCount"]), (Some(LINKS_MAX), &5.into()));
    assert_eq!(group["parentSpanId"], Json::Null);
    assert_ne!(group["traceId"], group["links"][0]["traceId"]);
}
