//! Where a path leads: to the process, to a system's gateway, or to one service. Knows no methods and no handlers.

use super::table::{ServiceRoutes, SystemRoutes};

/// What a listener shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// One service of one system, by their places in the table.
    Service(usize, usize),
    /// The gateway of one system.
    Gateway(usize),
    /// All systems behind their names.
    All,
}

/// Where a path leads.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) scope: Scope<'a>,
    /// What stands before the scope's own paths.
    pub(super) prefix: String,
    /// The scope's own path, split, without a trailing slash.
    pub(super) rest: Vec<&'a str>,
}

/// Whose path it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope<'a> {
    Process,
    Gateway(&'a SystemRoutes),
    Service(&'a ServiceRoutes),
}

impl<'a> Place<'a> {
    /// Finds where a path leads on a listener.
    pub(super) fn of(systems: &'a [SystemRoutes], face: Face, path: &'a str) -> Self {
        let mut rest: Vec<&str> = path.trim_matches('/').split('/').collect();
        if rest == [""] {
            rest.clear();
        }
        let at_root = |scope, rest| Self { scope, prefix: String::new(), rest };
        match face {
            Face::Service(system, service) => at_root(Scope::Service(&systems[system].services[service]), rest),
            Face::Gateway(system) => at_root(Scope::Gateway(&systems[system]), rest),
            Face::All => Self::behind_names(systems, rest),
        }
    }

    /// Tells whether it belongs to those who look after the house.
    pub(super) fn is_actuator(&self) -> bool {
        self.rest.first() == Some(&"actuator")
    }

    /// `/{system}/…` is the system's gateway, `/{system}/services/{service}/…` one service, the rest the process.
    fn behind_names(systems: &'a [SystemRoutes], mut rest: Vec<&'a str>) -> Self {
        let system = rest.first().and_then(|name| systems.iter().find(|system| system.name == *name));
        let Some(system) = system else { return Self { scope: Scope::Process, prefix: String::new(), rest } };
        if let [_, "services", name, ..] = rest[..]
            && let Some(service) = system.services.iter().find(|service| service.name == name)
        {
            let prefix = format!("/{}/services/{}", system.name, service.name);
            return Self { scope: Scope::Service(service), prefix, rest: rest.split_off(3) };
        }
        Self { scope: Scope::Gateway(system), prefix: format!("/{}", system.name), rest: rest.split_off(1) }
    }
}

impl Scope<'_> {
    /// Returns system and service, as metrics name them.
    pub(super) fn labels(self) -> (&'static str, &'static str) {
        match self {
            Self::Process => ("process", "front"),
            Self::Gateway(system) => (system.name, "gateway"),
            Self::Service(service) => (service.system, service.name),
        }
    }

    /// Returns how the names of its guards begin.
    pub(super) fn within(self) -> String {
        match self {
            Self::Process => String::new(),
            Self::Gateway(system) => format!("{}/", system.name),
            Self::Service(service) => format!("{}/{}/", service.system, service.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::system::Catalogue;
    use crate::domain::{Service, System};
    use crate::systems::oa_rental;

    fn systems(alone: bool) -> Vec<SystemRoutes> {
        let library = System {
            name: "library",
            about: "a second system",
            gateway_port: 8088,
            settings: Vec::new(),
            services: vec![Service::new("book", 8081), Service::new("rental", 8082)],
        };
        let all = [oa_rental::system(), library];
        let catalogue = Catalogue::of(&all);
        all.iter().map(|system| SystemRoutes::of(system, &catalogue, alone, 0)).collect()
    }

    /// A path; its system and service, the prefix before it, and what is left of it.
    type Row<'a> = (&'a str, (&'a str, &'a str), &'a str, &'a [&'a str]);

    #[track_caller]
    fn check(face: Face, table: &[Row<'_>]) {
        let systems = systems(face != Face::All);
        for (path, labels, prefix, rest) in table {
            let place = Place::of(&systems, face, path);
            assert_eq!(place.scope.labels(), *labels, "{path}");
            assert_eq!(place.prefix, *prefix, "{path}");
            assert_eq!(place.rest, *rest, "{path}");
        }
    }

    #[test]
    fn a_system_served_alone_has_a_port_a_service_and_no_prefix() {
        let rental = ("oa-rental", "rental");
        check(
            Face::Service(0, 1),
            &[
                ("/", rental, "", &[]),
                ("", rental, "", &[]),
                ("/rentals", rental, "", &["rentals"]),
                ("/rentals/", rental, "", &["rentals"]),
                ("/products/1", rental, "", &["products", "1"]),
                ("/actuator/health", rental, "", &["actuator", "health"]),
                ("/oa-rental/rentals", rental, "", &["oa-rental", "rentals"]),
                ("/services/delivery", rental, "", &["services", "delivery"]),
            ],
        );
        check(Face::Service(1, 0), &[("/rentals", ("library", "book"), "", &["rentals"])]);
    }

    #[test]
    fn a_gateway_of_a_system_served_alone_has_the_originals_paths() {
        let gateway = ("oa-rental", "gateway");
        check(
            Face::Gateway(0),
            &[
                ("/", gateway, "", &[]),
                ("/products/1", gateway, "", &["products", "1"]),
                ("/events", gateway, "", &["events"]),
                ("/services/rental/rentals", gateway, "", &["services", "rental", "rentals"]),
                ("/oa-rental/products", gateway, "", &["oa-rental", "products"]),
            ],
        );
    }

    #[test]
    fn systems_behind_one_port_have_their_names_as_prefixes_and_the_root_is_the_process() {
        let (process, gateway) = (("process", "front"), ("oa-rental", "gateway"));
        check(
            Face::All,
            &[
                ("/", process, "", &[]),
                ("/actuator/health", process, "", &["actuator", "health"]),
                ("/products", process, "", &["products"]),
                ("/oa-rental", gateway, "/oa-rental", &[]),
                ("/oa-rental/", gateway, "/oa-rental", &[]),
                ("/oa-rental/products/1", gateway, "/oa-rental", &["products", "1"]),
                ("/oa-rental/actuator", gateway, "/oa-rental", &["actuator"]),
                ("/oa-rental/services", gateway, "/oa-rental", &["services"]),
                ("/oa-rental/services/book/books", gateway, "/oa-rental", &["services", "book", "books"]),
                ("/oa-rental/services/rental", ("oa-rental", "rental"), "/oa-rental/services/rental", &[]),
                (
                    "/oa-rental/services/delivery/products/1",
                    ("oa-rental", "delivery"),
                    "/oa-rental/services/delivery",
                    &["products", "1"],
                ),
                ("/library/services/rental/x", ("library", "rental"), "/library/services/rental", &["x"]),
            ],
        );
    }

    #[test]
    fn a_gateway_sends_a_collection_to_the_first_service_that_shows_it() {
        let systems = systems(true);
        let services = ["products", "rentals", "deliveries", "myOrders", "nosuch", "myorders"]
            .map(|collection| systems[0].service_of(collection).map(|service| service.name));
        assert_eq!(services, [Some("product"), Some("rental"), Some("delivery"), Some("information"), None, None]);
    }
}
