//! Which system, service and collection there are. Made once a start, from descriptions alone.

use std::sync::Arc;

use crate::domain::system::{AggregateSpec, Catalogue};
use crate::domain::{Resource, Route, System};
use crate::telemetry::metrics::RouteLabel;

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
    /// Its hand-written paths, looked at first.
    pub routes: Vec<Route>,
}

/// A resource's place in the table.
#[derive(Debug)]
pub struct ResourceRoutes {
    /// The resource.
    pub resource: Resource,
    /// Its aggregate, unless it shows a view.
    pub spec: Option<Arc<AggregateSpec>>,
    /// The collection's template, as metrics name it.
    pub collection_label: RouteLabel,
    /// The item's template.
    pub item_label: RouteLabel,
    /// The template of an item as a plain object.
    pub plain_label: RouteLabel,
    /// The template of an item's history.
    pub history_label: RouteLabel,
}

impl SystemRoutes {
    /// Makes a system's part of the table.
    #[must_use]
    pub fn of(system: &System, catalogue: &Catalogue, alone: bool, port_offset: u16) -> Self {
        let services = system.services.iter().map(|service| ServiceRoutes {
            system: system.name,
            name: service.name,
            port: service.port + port_offset,
            routes: service.routes.clone(),
            resources: service.resources.iter().map(|resource| ResourceRoutes::of(resource, catalogue)).collect(),
        });
        Self { name: system.name, about: system.about, alone, services: services.collect() }
    }

    /// Finds the first service that shows a collection or has written a path that begins so.
    #[must_use]
    pub fn service_of(&self, first: &str) -> Option<&ServiceRoutes> {
        let begins = |route: &Route| route.path.trim_start_matches('/').split('/').next() == Some(first);
        let stands = |service: &&ServiceRoutes| {
            service.resource(first).is_some() || service.plain(first).is_some() || service.routes.iter().any(begins)
        };
        self.services.iter().find(stands)
    }
}

impl ServiceRoutes {
    /// Finds a collection.
    #[must_use]
    pub fn resource(&self, collection: &str) -> Option<&ResourceRoutes> {
        self.resources.iter().find(|at| at.resource.collection == collection)
    }

    /// Finds the resource whose items stand at this path as plain objects.
    #[must_use]
    pub fn plain(&self, item: &str) -> Option<&ResourceRoutes> {
        self.resources.iter().find(|at| at.resource.is_plain_too && at.resource.item == item)
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
            plain_label: label(format!("/{}/{{id}}", resource.item)),
            history_label: label(format!("/{collection}/{{id}}/history")),
        }
    }
}
