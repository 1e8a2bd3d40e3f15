//! What holds for every system: names, ownership, and asks that cannot wait for each other.

use std::collections::BTreeSet;

use crate::domain::system::KindSpec;
use crate::domain::{Aggregate, Catalogue, Held, Kind, Service};
use crate::systems::all;
use crate::systems::oa_rental::delivery::Delivery;
use crate::systems::oa_rental::rental::Rental;
use crate::systems::oa_rental::stock::Stock;

fn owned(service: &Service) -> Vec<Kind> {
    let aggregates = service.aggregates.iter().map(|spec| spec.kind);
    aggregates.chain(service.views.iter().map(|spec| spec.kind)).collect()
}

#[test]
fn every_policy_commands_its_own_service_only() {
    for service in all().iter().flat_map(|system| &system.services) {
        let aggregates: Vec<Kind> = service.aggregates.iter().map(|spec| spec.kind).collect();
        for policy in &service.policies {
            assert!(
                aggregates.contains(&policy.target),
                "{} of {} commands {}",
                policy.name,
                service.name,
                policy.target
            );
        }
    }
}

#[test]
fn every_kind_lives_where_its_name_says_and_is_there_once() {
    let mut paths = BTreeSet::new();
    for system in all() {
        for service in &system.services {
            for kind in owned(service) {
                assert_eq!((kind.system(), kind.service()), (system.name, service.name), "{kind}");
                assert!(!kind.name().is_empty(), "{kind}");
                assert!(paths.insert(kind.path()), "{kind} is there twice");
            }
        }
    }
}

#[test]
fn a_services_policies_have_names_of_their_own() {
    for service in all().iter().flat_map(|system| &system.services) {
        let names: BTreeSet<_> = service.policies.iter().map(|policy| policy.name).collect();
        assert_eq!(names.len(), service.policies.len(), "{}", service.name);
    }
}

#[test]
fn sources_and_asked_kinds_are_aggregates_of_the_same_system() {
    let systems = all();
    let catalogue = Catalogue::of(&systems);
    let check = |kind: Kind, of: Kind| {
        assert!(catalogue.commands_of(kind.path()).is_some(), "{kind} is neither an aggregate nor an outside party");
        assert_eq!(kind.system(), of.system(), "{of} reaches into another system");
    };
    for service in systems.iter().flat_map(|system| &system.services) {
        service.policies.iter().for_each(|policy| check(policy.source, policy.target));
        for view in &service.views {
            view.sources.iter().for_each(|source| check(*source, view.kind));
        }
        for aggregate in &service.aggregates {
            aggregate.asks.iter().for_each(|asked| check(*asked, aggregate.kind));
        }
    }
}

#[test]
fn every_resource_shows_its_own_services_state_with_a_value_for_each_field() {
    let systems = all();
    let catalogue = Catalogue::of(&systems);
    for service in systems.iter().flat_map(|system| &system.services) {
        for resource in &service.resources {
            assert!(owned(service).contains(&resource.kind), "{}", resource.collection);
            let Some(spec) = catalogue.aggregate(resource.kind.path()) else {
                continue;
            };
            let initial = (spec.initial)();
            let values = resource.represent(&*initial as &dyn Held);
            assert_eq!(values.len(), resource.fields.len(), "{}", resource.collection);
        }
    }
}

#[test]
fn nobody_waits_for_himself_however_long_the_way() {
    let catalogue = Catalogue::of(&all());
    assert_eq!(catalogue.ask_cycle(), None);
    let asks = |kind: Kind| catalogue.aggregate(kind.path()).map(|spec| spec.asks);
    assert_eq!(asks(Rental::KIND), Some(&[Delivery::KIND][..]));
    assert_eq!(asks(Delivery::KIND), Some(&[Stock::KIND][..]));
    assert_eq!(asks(Stock::KIND), Some(&[][..]));
}

#[test]
fn every_event_is_known_in_the_version_it_is_written_in() {
    for spec in Catalogue::of(&all()).kinds() {
        let KindSpec::Aggregate(spec) = spec else {
            continue;
        };
        let names: BTreeSet<_> = spec.events.iter().collect();
        assert_eq!(names.len(), spec.events.len(), "{} reads one version twice", spec.kind);
        assert!(!spec.commands.is_empty(), "{} can be told nothing", spec.kind);
    }
}
