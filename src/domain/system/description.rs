//! A business system as a value: services with their aggregates, policies, views and resources.

use std::collections::HashMap;
use std::sync::Arc;

use super::setting::{Setting, SettingValues};
use crate::domain::aggregate::Aggregate;
use crate::domain::fact::{Kind, Recorded};
use crate::domain::policy::Policy;
use crate::domain::provider::{Provider, ProviderSpec};
use crate::domain::resource::Resource;
use crate::domain::route::Route;
use crate::domain::view::View;

use super::policy_spec::PolicySpec;
use super::spec::{AggregateSpec, DecodeNamed, Seed, ViewSpec};
use crate::domain::message::{AnyCommand, Tells};

/// A business system.
#[derive(Debug)]
pub struct System {
    /// Its name on the command line and in prefixes, kebab-case.
    pub name: &'static str,
    /// One sentence on what it does.
    pub about: &'static str,
    /// The port of its gateway when it is served alone.
    pub gateway_port: u16,
    /// What can be set of it.
    pub settings: Vec<Setting>,
    /// Its services; the gateway sends a collection to the first that has it.
    pub services: Vec<Service>,
}

/// One service of a system: what used to be one deployable.
#[derive(Debug)]
pub struct Service {
    /// Its name in paths, targets and labels.
    pub name: &'static str,
    /// Its own port when its system is served alone.
    pub port: u16,
    /// The kinds it owns.
    pub aggregates: Vec<AggregateSpec>,
    /// The outside parties its aggregates ask.
    pub providers: Vec<ProviderSpec>,
    /// What is there from the first start on.
    pub seeds: Vec<Seed>,
    /// What follows from facts, run by one follower.
    pub policies: Vec<PolicySpec>,
    /// Its read models, one follower each.
    pub views: Vec<ViewSpec>,
    /// What clients see of it.
    pub resources: Vec<Resource>,
    /// Its hand-written paths, looked at before the resources.
    pub routes: Vec<Route>,
}

impl Service {
    /// Describes an empty service.
    #[must_use]
    pub const fn new(name: &'static str, port: u16) -> Self {
        Self {
            name,
            port,
            aggregates: Vec::new(),
            providers: Vec::new(),
            seeds: Vec::new(),
            policies: Vec::new(),
            views: Vec::new(),
            resources: Vec::new(),
            routes: Vec::new(),
        }
    }

    /// Adds an aggregate.
    #[must_use]
    pub fn aggregate<A: Aggregate>(mut self) -> Self {
        self.aggregates.push(AggregateSpec::of::<A>());
        self
    }

    /// Adds an outside party.
    #[must_use]
    pub fn provider<P: Provider>(mut self) -> Self {
        self.providers.push(ProviderSpec::of::<P>());
        self
    }

    /// Has these aggregates there from the first start on: the first command makes number 1, and so on.
    #[must_use]
    pub fn seeded<A: Aggregate>(mut self, commands: fn(&SettingValues) -> Vec<A::Command>) -> Self {
        self.seeds.push(Seed::of::<A>(commands));
        self
    }

    /// Adds a policy.
    #[must_use]
    pub fn policy<P: Policy>(mut self) -> Self {
        self.policies.push(PolicySpec::of::<P>());
        self
    }

    /// Adds a policy that is one function: what follows for `T` from a fact of `S`. Its name is part of the commands'
    /// ids, so it never changes.
    #[must_use]
    pub fn whenever<S: Aggregate, T: Aggregate, C>(
        mut self,
        name: &'static str,
        react: fn(&Recorded, &S::Event) -> C,
    ) -> Self
    where
        C: IntoIterator<Item = (u64, T::Command)> + 'static,
    {
        self.policies.push(PolicySpec::whenever::<S, T, C>(name, react));
        self
    }

    /// Adds a policy on one event: whenever `M` happens to an `S`, the `T` with that id is told. Its name is part of the
    /// commands' ids, so it never changes.
    #[must_use]
    pub fn on<S, M, T, C>(mut self, name: &'static str, react: fn(&M) -> (u64, C)) -> Self
    where
        S: Aggregate<Event: Tells<M>>,
        M: 'static,
        T: Aggregate,
        C: Into<T::Command> + 'static,
    {
        self.policies.push(PolicySpec::on::<S, M, T, C>(name, react));
        self
    }

    /// Adds a policy whose commands make a new `T` each, of a sequence of ids.
    #[must_use]
    pub fn whenever_new<S: Aggregate, T: Aggregate, C>(
        mut self,
        name: &'static str,
        react: fn(&Recorded, &S::Event) -> C,
    ) -> Self
    where
        C: IntoIterator<Item = T::Command> + 'static,
    {
        self.policies.push(PolicySpec::whenever_new::<S, T, C>(name, react));
        self
    }

    /// Adds a view.
    #[must_use]
    pub fn view<V: View>(mut self) -> Self {
        self.views.push(ViewSpec::of::<V>());
        self
    }

    /// Adds a hand-written path.
    #[must_use]
    pub fn route(mut self, route: Route) -> Self {
        self.routes.push(route);
        self
    }

    /// Adds a resource.
    #[must_use]
    pub fn resource(mut self, resource: Resource) -> Self {
        self.resources.push(resource);
        self
    }
}

/// Every kind of every system, by its stored name.
#[derive(Debug, Default)]
pub struct Catalogue {
    kinds: HashMap<&'static str, KindSpec>,
    providers: HashMap<&'static str, ProviderSpec>,
}

/// A kind's description.
#[derive(Clone, Debug)]
pub enum KindSpec {
    /// An aggregate.
    Aggregate(Arc<AggregateSpec>),
    /// A view.
    View(Arc<ViewSpec>),
}

impl KindSpec {
    /// Returns where the kind lives.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Aggregate(spec) => spec.kind,
            Self::View(spec) => spec.kind,
        }
    }
}

impl Catalogue {
    /// Gathers the kinds of these systems.
    #[must_use]
    pub fn of(systems: &[System]) -> Self {
        let (mut kinds, mut providers) = (HashMap::new(), HashMap::new());
        for service in systems.iter().flat_map(|system| &system.services) {
            for spec in &service.aggregates {
                kinds.insert(spec.kind.path(), KindSpec::Aggregate(Arc::new(spec.clone())));
            }
            for spec in &service.views {
                kinds.insert(spec.kind.path(), KindSpec::View(Arc::new(spec.clone())));
            }
            providers.extend(service.providers.iter().map(|spec| (spec.kind.path(), spec.clone())));
        }
        Self { kinds, providers }
    }

    /// Finds an aggregate's description by its stored name.
    #[must_use]
    pub fn aggregate(&self, path: &str) -> Option<&Arc<AggregateSpec>> {
        match self.kinds.get(path) {
            Some(KindSpec::Aggregate(spec)) => Some(spec),
            Some(KindSpec::View(_)) | None => None,
        }
    }

    /// Finds a view's description by its stored name.
    #[must_use]
    pub fn view(&self, path: &str) -> Option<&Arc<ViewSpec>> {
        match self.kinds.get(path) {
            Some(KindSpec::View(spec)) => Some(spec),
            Some(KindSpec::Aggregate(_)) | None => None,
        }
    }

    /// Returns what reads the stored commands of an aggregate or a provider.
    #[must_use]
    pub fn commands_of(&self, path: &str) -> Option<DecodeNamed<dyn AnyCommand>> {
        let provider = || self.providers.get(path).map(|spec| spec.decode_command);
        self.aggregate(path).map(|spec| spec.decode_command).or_else(provider)
    }

    /// Lists the outside parties, in the order of their names.
    #[must_use]
    pub fn providers(&self) -> Vec<&ProviderSpec> {
        let mut providers: Vec<_> = self.providers.values().collect();
        providers.sort_by_key(|spec| spec.kind);
        providers
    }

    /// Returns the kind of an aggregate, a view or a provider by its stored name.
    #[must_use]
    pub fn kind(&self, path: &str) -> Option<Kind> {
        let provider = || self.providers.get(path).map(|spec| spec.kind);
        self.kinds.get(path).map(KindSpec::kind).or_else(provider)
    }

    /// Lists all kinds in the order of their names.
    #[must_use]
    pub fn kinds(&self) -> Vec<&KindSpec> {
        let mut kinds: Vec<_> = self.kinds.iter().collect();
        kinds.sort_by_key(|(path, _)| **path);
        kinds.into_iter().map(|(_, spec)| spec).collect()
    }

    /// Returns a digest of every stored state's shape; when it changes, the store is made again from the log.
    #[must_use]
    pub fn shapes(&self) -> u64 {
        // FNV-1a: stable across builds, which std's hasher does not promise.
        self.kinds().into_iter().fold(0xcbf2_9ce4_8422_2325, |digest, spec| {
            let (kind, version) = match spec {
                KindSpec::Aggregate(spec) => (spec.kind, spec.state_version),
                KindSpec::View(spec) => (spec.kind, spec.row_version),
            };
            let bytes = kind.path().bytes().chain(version.to_le_bytes());
            bytes.fold(digest, |digest, byte| (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
        })
    }

    /// Finds a cycle in the graph of asks, as the kinds along it.
    #[must_use]
    pub fn ask_cycle(&self) -> Option<Vec<Kind>> {
        fn walk(catalogue: &Catalogue, path: &mut Vec<Kind>, kind: Kind) -> bool {
            if path.contains(&kind) {
                path.push(kind);
                return true;
            }
            path.push(kind);
            let asks = catalogue.aggregate(kind.path()).map_or(&[][..], |spec| spec.asks);
            if asks.iter().any(|asked| walk(catalogue, path, *asked)) {
                return true;
            }
            path.pop();
            false
        }
        self.kinds().into_iter().find_map(|spec| {
            let KindSpec::Aggregate(spec) = spec else { return None };
            let mut path = Vec::new();
            walk(self, &mut path, spec.kind).then_some(path)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::system::spec::tests::{Couples, Plan, Seat};

    const A: Kind = Kind::new("made-up/one/a");
    const B: Kind = Kind::new("made-up/one/b");
    const C: Kind = Kind::new("made-up/two/c");

    fn theatre() -> System {
        let hall = Service::new("hall", 8081).aggregate::<Seat>().policy::<Couples>();
        let office = Service::new("office", 8082).view::<Plan>();
        System {
            name: "theatre",
            about: "seats",
            gateway_port: 8088,
            settings: Vec::new(),
            services: vec![hall, office],
        }
    }

    /// Kinds that ask each other, and nothing else.
    fn asking(asks: &[(Kind, &'static [Kind])]) -> Catalogue {
        let mut service = Service::new("one", 8081);
        for (kind, asks) in asks {
            service.aggregates.push(AggregateSpec { kind: *kind, asks, ..AggregateSpec::of::<Seat>() });
        }
        Catalogue::of(&[System {
            name: "made-up",
            about: "",
            gateway_port: 8088,
            settings: Vec::new(),
            services: vec![service],
        }])
    }

    #[track_caller]
    fn check_cycle(catalogue: &Catalogue, among: &[Kind]) {
        let path = catalogue.ask_cycle().expect("a cycle");
        let end = path.last().expect("a way");
        let begin = path.iter().position(|kind| kind == end).expect("the end is on the way");
        let mut cycle: Vec<Kind> = path[begin..path.len() - 1].to_vec();
        cycle.sort();
        assert_eq!(cycle, among, "{path:?}");
    }

    #[test]
    fn a_catalogue_finds_each_kind_as_what_it_is() {
        let catalogue = Catalogue::of(&[theatre()]);
        assert_eq!(catalogue.kind("theatre/hall/seat"), Some(Seat::KIND));
        assert_eq!(catalogue.kind("theatre/office/plan"), Some(Plan::KIND));
        assert_eq!(catalogue.kind("theatre/hall/stage"), None);
        assert!(catalogue.aggregate("theatre/hall/seat").is_some() && catalogue.view("theatre/hall/seat").is_none());
        assert!(
            catalogue.view("theatre/office/plan").is_some() && catalogue.aggregate("theatre/office/plan").is_none()
        );
        assert_eq!(catalogue.kinds().len(), 2);
    }

    #[test]
    fn the_shapes_change_with_a_version_and_not_with_the_order_of_services() {
        let shapes = Catalogue::of(&[theatre()]).shapes();
        let mut turned = theatre();
        turned.services.reverse();
        assert_eq!(Catalogue::of(&[turned]).shapes(), shapes);
        let mut newer = theatre();
        newer.services[0].aggregates[0].state_version += 1;
        assert_ne!(Catalogue::of(&[newer]).shapes(), shapes);
        let mut newer = theatre();
        newer.services[1].views[0].row_version += 1;
        assert_ne!(Catalogue::of(&[newer]).shapes(), shapes);
    }

    #[test]
    fn asks_that_end_somewhere_are_no_cycle() {
        assert_eq!(asking(&[]).ask_cycle(), None);
        assert_eq!(asking(&[(A, &[B, C]), (B, &[C]), (C, &[])]).ask_cycle(), None);
    }

    #[test]
    fn a_cycle_of_asks_is_found_wherever_it_is() {
        check_cycle(&asking(&[(A, &[A])]), &[A]);
        check_cycle(&asking(&[(A, &[B]), (B, &[A])]), &[A, B]);
        check_cycle(&asking(&[(A, &[B]), (B, &[C]), (C, &[A])]), &[A, B, C]);
        check_cycle(&asking(&[(A, &[B]), (B, &[C]), (C, &[B])]), &[B, C]);
        check_cycle(&asking(&[(A, &[]), (B, &[A, C]), (C, &[A, B])]), &[B, C]);
    }
}
