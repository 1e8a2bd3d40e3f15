//! The dispatch table made from the systems' descriptions, and the one warp filter in front of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Buf;
use futures_util::Stream;
use metrics_exporter_prometheus::PrometheusHandle;
use warp::Filter;
use warp::http::{HeaderMap, Method};
use warp::reply::Response;

use super::answer::Answer;
use super::problem::Problem;
use super::request::{self, CORRELATION_ID, Request, RequestLimits};
use super::server::Peer;
use super::{actuator, gateway, resources, stories};
use crate::actors::{Admission, Runtime};
use crate::clock::Clock;
use crate::domain::system::{AggregateSpec, Catalogue};
use crate::domain::{Resource, System};
use crate::journal::Journal;
use crate::resilience::Deadline;
use crate::telemetry::metrics::{self, HttpLabels, RouteLabel};

/// Everything a handler needs.
#[derive(Debug)]
pub struct Edge {
    /// The way in to the aggregates.
    pub admission: Admission,
    /// The living part, to look at and to steer.
    pub runtime: Arc<Runtime>,
    /// The journal, to read stories from.
    pub journal: Journal,
    /// The clock.
    pub clock: Clock,
    /// What a request may cost.
    pub limits: RequestLimits,
    /// The metrics, to show.
    pub metrics: PrometheusHandle,
    /// The systems that are served.
    pub systems: Vec<SystemRoutes>,
    /// Whether the server is stopping.
    pub draining: AtomicBool,
}

/// A system's place in the table.
#[derive(Debug)]
pub struct SystemRoutes {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Whether each service has a port of its own.
    pub alone: bool,
    /// Its services, in the order the gateway asks them.
    pub services: Vec<ServiceRoutes>,
}

/// A service's place in the table.
#[derive(Debug)]
pub struct ServiceRoutes {
    /// Its system.
    pub system: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its own port when its system is served alone.
    pub port: u16,
    /// What it shows.
    pub resources: Vec<ResourceRoutes>,
}

/// A resource's place in the table.
#[derive(Debug)]
pub struct ResourceRoutes {
    /// The resource.
    pub resource: Resource,
    /// Its aggregate, unless it shows a view.
    pub spec: Option<Arc<AggregateSpec>>,
    collection_label: RouteLabel,
    item_label: RouteLabel,
    history_label: RouteLabel,
}

/// What a listener shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// One service of one system, by their places in the table.
    Service(usize, usize),
    /// The gateway of one system.
    Gateway(usize),
    /// All systems behind their names.
    Common,
}

/// Where a path leads.
struct Place<'a> {
    scope: Scope<'a>,
    /// What stands before the scope's own paths.
    prefix: String,
    /// The scope's own path, split, without a trailing slash.
    rest: Vec<&'a str>,
}

#[derive(Clone, Copy)]
enum Scope<'a> {
    Process,
    Gateway(&'a SystemRoutes),
    Service(&'a ServiceRoutes),
}

/// A handler's outcome with the labels it is counted under.
pub(super) struct Handled {
    pub(super) route: RouteLabel,
    pub(super) outcome: Result<Answer, Problem>,
}

impl SystemRoutes {
    /// Makes a system's part of the table.
    #[must_use]
    pub fn of(system: &System, catalogue: &Catalogue, alone: bool, port_offset: u16) -> Self {
        let services = system.services.iter().map(|service| ServiceRoutes {
            system: system.name,
            name: service.name,
            port: service.port + port_offset,
            resources: service.resources.iter().map(|resource| ResourceRoutes::of(resource, catalogue)).collect(),
        });
        Self { name: system.name, about: system.about, alone, services: services.collect() }
    }
}

impl ResourceRoutes {
    fn of(resource: &Resource, catalogue: &Catalogue) -> Self {
        // Leaked once a start and bounded by the descriptions: labels live as long as the process.
        let label = |text: String| -> RouteLabel { text.leak() };
        let collection = resource.collection;
        Self {
            spec: catalogue.aggregate(resource.kind.path()).cloned(),
            resource: resource.clone(),
            collection_label: label(format!("/{collection}")),
            item_label: label(format!("/{collection}/{{id}}")),
            history_label: label(format!("/{collection}/{{id}}/history")),
        }
    }
}

/// Makes the filter of a listener: one for all its paths, because a chain of filters is slow and picks wrong errors.
pub fn filter(
    edge: Arc<Edge>,
    face: Face,
) -> impl Filter<Extract = (Response,), Error = warp::Rejection> + Clone + Send + Sync + 'static {
    incoming().and_then(move |head: Head, body| {
        let edge = Arc::clone(&edge);
        async move { Ok::<_, warp::Rejection>(answered(&edge, face, head, body).await) }
    })
}

/// A request's head as warp takes it apart.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) peer: Option<SocketAddr>,
}

/// Takes a request apart; accepts every one.
pub(super) fn incoming()
-> impl Filter<Extract = (Head, impl Stream<Item = Result<impl Buf, warp::Error>>), Error = warp::Rejection>
+ Clone
+ Send
+ Sync
+ 'static {
    let query = warp::query::raw().map(Some).or(warp::any().map(|| None)).unify();
    warp::method()
        .and(warp::path::full())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<Peer>())
        .map(|method, path: warp::path::FullPath, query, headers, peer: Option<Peer>| Head {
            method,
            path: path.as_str().to_owned(),
            query,
            headers,
            peer: peer.map(|peer| peer.0),
        })
        .and(warp::body::stream())
}

async fn answered<S, B>(edge: &Edge, face: Face, head: Head, body: S) -> Response
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: Buf,
{
    let received = edge.clock.now();
    let correlation = request::correlation(&head.headers, &edge.clock);
    let deadline = request::deadline(&head.headers, &edge.limits, &edge.clock);
    let is_head = head.method == Method::HEAD;
    let method = method_label(&head.method);
    let origin_of_page = gateway::origin(&head.headers);
    let place = edge.place(face, &head.path);
    let Handled { route, outcome } = match whole(edge, head.clone_without_body(), body, deadline, &correlation).await {
        Ok(request) => edge.handle(&place, &request).await,
        Err(problem) => Handled { route: "unread", outcome: Err(problem) },
    };
    let mut answer = outcome.unwrap_or_else(|problem| problem.into_answer(&head.path, edge.clock.wall_ms()));
    answer.set(CORRELATION_ID, &correlation);
    let (system, service) = place.scope.labels();
    if let (Scope::Gateway(_), Some(origin)) = (place.scope, &origin_of_page) {
        gateway::let_in(&mut answer, origin);
    }
    if is_head {
        answer = answer.without_body();
    }
    let labels = HttpLabels { system, service, route, method };
    metrics::http_answered(&labels, answer.status.as_u16(), edge.clock.now() - received);
    answer.into_response()
}

async fn whole<S, B>(
    edge: &Edge,
    head: Head,
    body: S,
    deadline: Deadline,
    correlation: &Arc<str>,
) -> Result<Request, Problem>
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: Buf,
{
    let body = request::whole_body(body, &edge.limits, deadline).await?;
    let Head { method, path, query, headers, peer } = head;
    Ok(Request { method, path, query, headers, body, peer, correlation: Arc::clone(correlation), deadline })
}

impl Head {
    fn clone_without_body(&self) -> Self {
        Self {
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            headers: self.headers.clone(),
            peer: self.peer,
        }
    }
}

impl Edge {
    /// Tells whether requests are still taken.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    fn place<'a>(&'a self, face: Face, path: &'a str) -> Place<'a> {
        let mut rest: Vec<&str> = path.trim_matches('/').split('/').collect();
        if rest == [""] {
            rest.clear();
        }
        match face {
            Face::Service(system, service) => {
                Place { scope: Scope::Service(&self.systems[system].services[service]), prefix: String::new(), rest }
            }
            Face::Gateway(system) => {
                Place { scope: Scope::Gateway(&self.systems[system]), prefix: String::new(), rest }
            }
            Face::Common => self.common_place(rest),
        }
    }

    fn common_place<'a>(&'a self, mut rest: Vec<&'a str>) -> Place<'a> {
        let system = rest.first().and_then(|name| self.systems.iter().find(|system| system.name == *name));
        let Some(system) = system else { return Place { scope: Scope::Process, prefix: String::new(), rest } };
        if let [_, "services", name, ..] = rest[..]
            && let Some(service) = system.services.iter().find(|service| service.name == name)
        {
            let prefix = format!("/{}/services/{}", system.name, service.name);
            return Place { scope: Scope::Service(service), prefix, rest: rest.split_off(3) };
        }
        Place { scope: Scope::Gateway(system), prefix: format!("/{}", system.name), rest: rest.split_off(1) }
    }

    async fn handle(&self, place: &Place<'_>, request: &Request) -> Handled {
        if let Scope::Service(service) = place.scope
            && !self.runtime.services().is_running(service.system, service.name)
        {
            return actuator::stopped(&place.rest);
        }
        if let ["actuator", ref rest @ ..] = place.rest[..] {
            return actuator::handle(self, request, &place.prefix, rest);
        }
        match place.scope {
            Scope::Process => gateway::process(self, request, &place.rest),
            Scope::Gateway(system) => self.handle_gateway(system, place, request).await,
            Scope::Service(service) => self.handle_service(service, place, request).await,
        }
    }

    async fn handle_gateway(&self, system: &SystemRoutes, place: &Place<'_>, request: &Request) -> Handled {
        if let Some(preflight) = gateway::preflight(request) {
            return preflight;
        }
        match place.rest[..] {
            [] => gateway::front(system, request, &place.prefix),
            ["events"] => stories::events(self, system, request).await,
            ["correlations", id] => stories::correlation(self, system, request, id).await,
            [collection, ..] => {
                let found = system.services.iter().find_map(|service| Some((service, service.resource(collection)?)));
                let Some((service, resource)) = found else { return no_such_address() };
                let origin = if system.alone { own_origin(request, service.port) } else { request.origin() };
                let base = hal_base(&origin, &place.prefix);
                self.handle_resource(resource, &base, &place.rest[1..], request).await
            }
        }
    }

    async fn handle_service(&self, service: &ServiceRoutes, place: &Place<'_>, request: &Request) -> Handled {
        if let Some(refused) = gateway::preflight_at_service(request) {
            return refused;
        }
        let base = hal_base(&request.origin(), &place.prefix);
        match place.rest[..] {
            [] | ["profile"] | ["profile", _] => resources::described(service, &base, &place.rest, request),
            [collection, ref rest @ ..] => match service.resource(collection) {
                Some(resource) => self.handle_resource(resource, &base, rest, request).await,
                None => no_such_address(),
            },
        }
    }

    async fn handle_resource(
        &self,
        at: &ResourceRoutes,
        base: &super::hal::Base,
        rest: &[&str],
        request: &Request,
    ) -> Handled {
        let (route, outcome) = match *rest {
            [] => (at.collection_label, resources::collection(self, at, base, request).await),
            [id] => (at.item_label, resources::item(self, at, base, request, id).await),
            [id, "history"] => (at.history_label, stories::history(self, at, request, id).await),
            [_, _] => (at.item_label, Err(Problem::NoSuchItem)),
            _ => return no_such_address(),
        };
        Handled { route, outcome }
    }
}

impl ServiceRoutes {
    fn resource(&self, collection: &str) -> Option<&ResourceRoutes> {
        self.resources.iter().find(|resource| resource.resource.collection == collection)
    }
}

impl Scope<'_> {
    fn labels(self) -> (&'static str, &'static str) {
        match self {
            Self::Process => ("process", "front"),
            Self::Gateway(system) => (system.name, "gateway"),
            Self::Service(service) => (service.system, service.name),
        }
    }
}

pub(super) fn no_such_address() -> Handled {
    Handled { route: "unknown", outcome: Err(Problem::NoSuchAddress) }
}

fn hal_base(origin: &str, prefix: &str) -> super::hal::Base {
    super::hal::Base::new(origin, prefix)
}

/// Links made behind a gateway of its own keep the service's address, as the originals' did.
fn own_origin(request: &Request, port: u16) -> String {
    let origin = request.origin();
    match origin.rsplit_once(':') {
        Some((host, digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => format!("{host}:{port}"),
        Some(_) | None => format!("{origin}:{port}"),
    }
}

pub(super) fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}
