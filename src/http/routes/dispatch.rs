//! From a place to its handler.

use std::sync::Arc;

use tokio::sync::watch;

use super::exchange::Handled;
use super::place::{Place, Scope};
use super::table::{ResourceRoutes, ServiceRoutes, SystemRoutes};
use crate::actors::{Admission, Runtime};
use crate::clock::Clock;
use crate::http::actuator::MetricsText;
use crate::http::admin::TokenCheck;
use crate::http::answer::Answer;
use crate::http::forwarded::TrustedProxies;
use crate::http::hal::Base;
use crate::http::health::Vitals;
use crate::http::problem::Problem;
use crate::http::request::{Request, RequestLimits};
use crate::http::shedding::Shedding;
use crate::http::steering::Decisions;
use crate::http::stories::Scans;
use crate::http::{actuator, gateway, openapi, plain, resources, stories};
use crate::journal::Journal;
use crate::telemetry::traces::Tracer;

/// Everything a handler needs.
#[derive(Debug)]
pub struct Edge {
    /// The way in to the aggregates.
    pub admission: Admission,
    /// The living part, to look at and to steer.
    pub runtime: Arc<Runtime>,
    /// The journal, to read stories from.
    pub journal: Journal,
    /// The scans of the log under way.
    pub scans: Scans,
    /// The clock.
    pub clock: Clock,
    /// Who tells of requests.
    pub tracer: Tracer,
    /// What a request may cost.
    pub limits: RequestLimits,
    /// Whose word on where clients are counts.
    pub proxies: TrustedProxies,
    /// Who is turned away.
    pub shedding: Shedding,
    /// The metrics, to show.
    pub metrics: MetricsText,
    /// What operators prove themselves with.
    pub token: TokenCheck,
    /// What they have decided about circuit breakers.
    pub decisions: Decisions,
    /// The systems that are served.
    pub systems: Vec<SystemRoutes>,
    /// The signs of life.
    pub vitals: Arc<Vitals>,
    /// Whether the server is stopping.
    pub draining: watch::Sender<bool>,
}

impl Edge {
    /// Tells whether requests are still taken.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Tells whether lists can be asked for some fields, and for the items with some values.
    #[must_use]
    pub fn is_selective(&self) -> bool {
        self.journal.indexed().is_some()
    }
}

pub(super) async fn handle(edge: &Edge, place: &Place<'_>, request: &Request) -> Handled {
    if let Scope::Service(service) = place.scope
        && !edge.runtime.services().is_running(service.system, service.name)
    {
        return actuator::stopped(&place.rest);
    }
    if let ["actuator", ref rest @ ..] = place.rest[..] {
        return actuator::handle(edge, request, (&place.prefix, &place.scope.within()), rest).await;
    }
    match place.scope {
        Scope::Process => gateway::process(edge, request, &place.rest),
        Scope::Gateway(system) => at_gateway(edge, system, place, request).await,
        Scope::Service(service) => at_service(edge, service, place, request).await,
    }
}

async fn at_gateway(edge: &Edge, system: &SystemRoutes, place: &Place<'_>, request: &Request) -> Handled {
    if let Some(preflight) = gateway::preflight(request) {
        return preflight;
    }
    if let Some(described) =
        openapi::described(openapi::Of::Gateway(system), edge.is_selective(), &place.prefix, &place.rest, request)
    {
        return described;
    }
    match place.rest[..] {
        [] => gateway::front(system, request, &place.prefix),
        ["events"] => stories::events(edge, system, request).await,
        ["correlations", id] => stories::correlation(edge, system, request, id).await,
        [first, ref more @ ..] => {
            // Links of a collection lead to its profile too.
            let collection = if let ("profile", [collection]) = (first, more) { Some(*collection) } else { None };
            let Some(service) = system.service_of(collection.unwrap_or(first)) else { return no_such_address() };
            let keeps = system.alone && request.forwarded.is_none();
            let origin = if keeps { own_origin(request, service.port) } else { request.origin() };
            let base = Base::new(&origin, &place.prefix);
            match collection {
                Some(_) => resources::described(service, &base, &place.rest, request),
                None => at_collection(edge, service, &base, &place.rest, request).await,
            }
        }
    }
}

async fn at_service(edge: &Edge, service: &ServiceRoutes, place: &Place<'_>, request: &Request) -> Handled {
    if let Some(refused) = gateway::preflight_at_service(request) {
        return refused;
    }
    if let Some(described) =
        openapi::described(openapi::Of::Service(service), edge.is_selective(), &place.prefix, &place.rest, request)
    {
        return described;
    }
    let base = Base::new(&request.origin(), &place.prefix);
    match place.rest[..] {
        [] | ["profile"] | ["profile", _] => resources::described(service, &base, &place.rest, request),
        _ => at_collection(edge, service, &base, &place.rest, request).await,
    }
}

async fn at_collection(edge: &Edge, service: &ServiceRoutes, base: &Base, path: &[&str], request: &Request) -> Handled {
    if let Some(visited) = plain::visit(edge, service, request, path).await {
        return visited;
    }
    if let Some(visited) = plain::twin(edge, service, request, path).await {
        return visited;
    }
    match path.split_first().and_then(|(collection, rest)| Some((service.resource(collection)?, rest))) {
        Some((resource, rest)) => at_resource(edge, resource, base, rest, request).await,
        None => no_such_address(),
    }
}

async fn at_resource(edge: &Edge, at: &ResourceRoutes, base: &Base, rest: &[&str], request: &Request) -> Handled {
    let route = match *rest {
        [] => at.collection_label,
        [_, "history"] => at.history_label,
        [_] | [_, _] => at.item_label,
        _ => return no_such_address(),
    };
    Handled { route, outcome: of_resource(edge, at, base, rest, request).await }
}

async fn of_resource(
    edge: &Edge,
    at: &ResourceRoutes,
    base: &Base,
    rest: &[&str],
    request: &Request,
) -> Result<Answer, Problem> {
    // Changes pass the guard on their way; who only looks holds a place until the answer is made.
    let _place = match request.must_read() {
        Ok(()) => edge.admission.look(at.resource.kind, request.deadline).await?,
        Err(_) => None,
    };
    match *rest {
        [] => resources::collection(edge, &at.resource, base, request).await,
        [id] => resources::item(edge, at, base, request, id).await,
        [id, "history"] => stories::history(edge, at, request, id).await,
        _ => Err(Problem::NoSuchItem),
    }
}

/// Says that nothing has the address.
pub(in crate::http) fn no_such_address() -> Handled {
    Handled { route: "unknown", outcome: Err(Problem::NoSuchAddress) }
}

/// Links made behind a gateway of its own keep the service's address, as the originals' did.
fn own_origin(request: &Request, port: u16) -> String {
    let origin = request.origin();
    match origin.rsplit_once(':') {
        Some((host, digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => format!("{host}:{port}"),
        Some(_) | None => format!("{origin}:{port}"),
    }
}
