//! A house with an edge, in memory, and one client who asks it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt as _;
use serde_json::Value;
use warp::http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::actors::{ActorOptions, LiveLimits, Runtime};
use crate::clock::Clock;
use crate::domain::system::Catalogue;
use crate::domain::{SettingValues, Stream, System};
use crate::http::actuator::MetricsText;
use crate::http::admin::{Admin, TokenCheck, handle};
use crate::http::answer::Answer;
use crate::http::forwarded::TrustedProxies;
use crate::http::health::Vitals;
use crate::http::request::{self, Request, RequestLimits};
use crate::http::routes::{Edge, Face, SystemRoutes, answered};
use crate::http::shedding::Shedding;
use crate::http::steering::Decisions;
use crate::http::stories::Scans;
use crate::journal::codec::decode_records;
use crate::journal::engine::From;
use crate::journal::memory_engine::MemoryEngine;
use crate::journal::{Engine, Journal, JournalOptions, Note, Record};
use crate::resilience::{AdaptiveLimit, GuardPolicies, LimitPolicy, RateLimit, RatePolicy, Unobserved};
use crate::systems::oa_rental;
use crate::telemetry::traces::Tracer;

pub(super) const TOKEN: &str = "token";
const DEADLINE: Duration = Duration::from_secs(5);
/// How long the event loop may stand still.
pub(super) const STILL_MAX: Duration = Duration::from_secs(2);
/// Who is believed.
pub(super) const PROXY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// The listeners of oa-rental served alone.
pub(super) const PRODUCT: Face = Face::Service(0, 0);
pub(super) const RENTAL: Face = Face::Service(0, 1);
pub(super) const DELIVERY: Face = Face::Service(0, 2);
pub(super) const INFORMATION: Face = Face::Service(0, 3);
pub(super) const GATEWAY: Face = Face::Gateway(0);

/// A running house and its edge.
pub(super) struct House {
    pub(super) edge: Arc<Edge>,
    /// How many may be inside the edge.
    pub(super) limit: Arc<AdaptiveLimit>,
    admin: Arc<Admin>,
    storage: Arc<MemoryEngine>,
    catalogue: Arc<Catalogue>,
}

impl House {
    pub(super) async fn start() -> Self {
        Self::start_with(oa_rental::system(), HashMap::new()).await
    }

    /// A house of another system, with its settings.
    pub(super) async fn start_with(system: System, settings: HashMap<&'static str, &'static SettingValues>) -> Self {
        Self::build(system, settings, LimitPolicy::EDGE, None).await
    }

    /// A house with so many places inside its edge, whose clients have a rate.
    pub(super) async fn with_door(places: usize, rate: Option<RatePolicy>) -> Self {
        let policy = LimitPolicy { floor: places, initial: places, ceiling: places, ..LimitPolicy::EDGE };
        Self::build(oa_rental::system(), HashMap::new(), policy, rate).await
    }

    async fn build(
        system: System,
        settings: HashMap<&'static str, &'static SettingValues>,
        policy: LimitPolicy,
        rate: Option<RatePolicy>,
    ) -> Self {
        let systems = [system];
        let clock = Clock::manual(1_700_000_000_000, 7);
        let catalogue = Arc::new(Catalogue::of(&systems));
        let options = JournalOptions { recent_for: 2 * DEADLINE, free_bytes_min: 0, tracer: Tracer::default() };
        let storage = Arc::new(MemoryEngine::default());
        let journal =
            Journal::open(Arc::clone(&storage) as Arc<dyn Engine>, Arc::clone(&catalogue), clock.clone(), options)
                .await;
        let journal = journal.expect("the journal opens");
        let options = ActorOptions {
            shards: 1,
            live: LiveLimits::default(),
            guard: GuardPolicies::default(),
            settings,
            outbound: Arc::new(crate::actors::BuiltIn),
            tracer: Tracer::default(),
        };
        let runtime = Runtime::start(&systems, journal.clone(), clock.clone(), Arc::new(Unobserved), options);
        let runtime = Arc::new(runtime.await.expect("the tree starts"));
        let limit = Arc::new(AdaptiveLimit::new(policy, clock.clone()).expect("a sound policy"));
        let rate = rate.map(|policy| RateLimit::new(policy, clock.now()).expect("a sound policy"));
        let edge = Arc::new(Edge {
            admission: runtime.admission(),
            runtime,
            journal,
            scans: Scans::default(),
            clock: clock.clone(),
            tracer: Tracer::default(),
            limits: RequestLimits { body_bytes_max: 65_536, deadline: DEADLINE },
            proxies: TrustedProxies::new(vec![PROXY.into()]),
            shedding: Shedding::new(Arc::clone(&limit), rate),
            metrics: MetricsText::new(true, String::new),
            token: TokenCheck::new(TOKEN.to_owned(), clock.now()),
            decisions: Decisions::default(),
            systems: systems.iter().map(|system| SystemRoutes::of(system, &catalogue, true, 0)).collect(),
            vitals: Vitals::new(STILL_MAX),
            draining: tokio::sync::watch::Sender::new(false),
        });
        edge.vitals.recovered(&edge);
        let admin = Arc::new(Admin::new(Arc::clone(&edge), true));
        Self { edge, limit, admin, storage, catalogue }
    }

    /// The same house, started without leave for chaos.
    pub(super) fn without_chaos(self) -> Self {
        let admin = Arc::new(Admin::new(Arc::clone(&self.edge), false));
        Self { admin, ..self }
    }

    /// A house with product 1, {computer, 9}.
    pub(super) async fn with_a_computer() -> Self {
        let house = Self::start().await;
        let made = house.send(PRODUCT, Ask::post("/products", r#"{"name":"computer","qty":9}"#)).await;
        assert_eq!((made.status, made.header("location")), (201, Some("http://localhost/products/1")));
        house
    }

    /// Sends a request to a listener.
    pub(super) async fn send(&self, face: Face, ask: Ask) -> Told {
        let body = stream::iter([Ok(ask.body.clone())]);
        Told::of(self.answer(face, ask, body).await).await
    }

    /// Sends a request whose body comes as it comes; the answer's is not read.
    pub(super) async fn answer(
        &self,
        face: Face,
        ask: Ask,
        body: impl futures_util::Stream<Item = Result<Bytes, Infallible>>,
    ) -> Answer {
        answered(&self.edge, face, ask.request(&self.edge), body).await
    }

    /// Sends a request to the operator's listener, with the token.
    pub(super) async fn operate(&self, ask: Ask) -> Told {
        let ask = ask.with("authorization", &format!("Bearer {TOKEN}"));
        let body = ask.body.clone();
        let request = Request { body, ..ask.request(&self.edge) };
        let outcome = handle(&self.admin, &request).await;
        Told::of(outcome.unwrap_or_else(|problem| problem.into_answer(&request.path, request.accept(), 0))).await
    }

    /// Whether an aggregate has an actor, or had one that is remembered.
    pub(super) fn has_actor(&self, stream: Stream) -> bool {
        let kinds = self.edge.runtime.actors();
        kinds.iter().any(|(kind, entries)| *kind == stream.kind && entries.iter().any(|entry| entry.id == stream.id))
    }

    /// What operators did, as the log tells it: action, target, reason.
    pub(super) async fn audits(&self) -> Vec<[String; 3]> {
        let groups = self.storage.read(From::Group(1), usize::MAX).await.expect("groups");
        let records = groups.iter().flat_map(|group| decode_records(&group.payload, &self.catalogue).expect("records"));
        let audit = |record| match record {
            Record::Note(Note::Audit { action, target, reason, .. }) => Some([action, target, reason]),
            Record::Facts(_)
            | Record::Answer(_)
            | Record::IntentOpened(_)
            | Record::IntentClosed { .. }
            | Record::Note(_) => None,
        };
        records.filter_map(audit).collect()
    }

    /// Waits until every policy and view is done.
    pub(super) async fn quiet(&self) {
        loop {
            let before = *self.edge.journal.durable().borrow();
            self.edge.runtime.quiet().await.expect("the journal can be read");
            if *self.edge.journal.durable().borrow() == before {
                return;
            }
        }
    }
}

/// A request to be.
#[derive(Clone)]
pub(super) struct Ask {
    method: &'static str,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Bytes,
    deadline: Option<Duration>,
    peer: Option<SocketAddr>,
}

impl Ask {
    pub(super) fn new(method: &'static str, target: &str) -> Self {
        let headers = vec![("accept".to_owned(), b"*/*".to_vec()), ("host".to_owned(), b"localhost".to_vec())];
        Self { method, target: target.to_owned(), headers, body: Bytes::new(), deadline: None, peer: None }
    }

    pub(super) fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub(super) fn post(target: &str, body: &str) -> Self {
        Self::new("POST", target).json(body)
    }

    pub(super) fn json(self, body: &str) -> Self {
        let typed = self.with("content-type", "application/json");
        Self { body: Bytes::copy_from_slice(body.as_bytes()), ..typed }
    }

    /// A list of operations.
    pub(super) fn json_patch(target: &str, body: &str) -> Self {
        Self::new("PATCH", target).json(body).with("content-type", "application/json-patch+json")
    }

    /// Sets a header in place of another value.
    pub(super) fn with(self, name: &str, value: &str) -> Self {
        self.with_bytes(name, value.as_bytes())
    }

    pub(super) fn with_bytes(self, name: &str, value: &[u8]) -> Self {
        let mut ask = self.without(name);
        ask.headers.push((name.to_owned(), value.to_vec()));
        ask
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// Makes it late already when it arrives.
    pub(super) fn within(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// Has it come from an address.
    pub(super) fn from(self, peer: impl Into<IpAddr>) -> Self {
        Self { peer: Some(SocketAddr::new(peer.into(), 50_000)), ..self }
    }

    fn request(self, edge: &Edge) -> Request {
        let (path, query) = match self.target.split_once('?') {
            Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
            None => (self.target, None),
        };
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().expect("a header's name");
            headers.append(name, HeaderValue::from_bytes(value).expect("a header's value"));
        }
        let limits = RequestLimits { deadline: self.deadline.unwrap_or(edge.limits.deadline), ..edge.limits };
        Request {
            method: Method::from_bytes(self.method.as_bytes()).expect("a method"),
            path,
            query,
            body: Bytes::new(),
            peer: self.peer,
            forwarded: None,
            correlation: request::correlation(&headers, request::trace_parent(&headers), &edge.clock),
            parent: request::trace_parent(&headers),
            trace: None,
            received: edge.clock.now(),
            deadline: request::deadline(&headers, &limits, &edge.clock),
            headers,
        }
    }
}

/// An answer as it goes on the wire.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) status: u16,
    headers: HeaderMap,
    pub(super) body: String,
}

impl Told {
    async fn of(answer: Answer) -> Self {
        let (status, headers) = (answer.status.as_u16(), answer.headers.clone());
        let body = String::from_utf8(body_of(answer).await).expect("text");
        Self { status, headers, body }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Reads an answer's body to its end.
pub(in crate::http) async fn body_of(answer: Answer) -> Vec<u8> {
    let body = answer.into_response().into_body();
    body.collect().await.expect("a body without errors").to_bytes().to_vec()
}
