//! A description that makes no sense is refused by name.

use std::sync::Arc;

use super::super::directory::LiveLimits;
use super::super::runtime::{ActorOptions, Runtime, StartError};
use super::yard::{Tally, WheneverAddedEcho};
use crate::clock::Clock;
use crate::domain::system::{AggregateSpec, Catalogue};
use crate::domain::{Kind, Service, System};
use crate::journal::memory_engine::MemoryEngine;
use crate::journal::{Journal, JournalOptions};
use crate::resilience::{GuardPolicies, Unobserved};
use crate::telemetry::traces::Tracer;

async fn start(service: Service, shards: usize) -> StartError {
    let systems = [System { name: "yard", about: "", gateway_port: 1, settings: Vec::new(), services: vec![service] }];
    let clock = Clock::manual(0, 1);
    let options =
        JournalOptions { recent_for: std::time::Duration::ZERO, free_bytes_min: 0, tracer: Tracer::default() };
    let engine = Arc::new(MemoryEngine::default());
    let journal = Journal::open(engine, Arc::new(Catalogue::of(&systems)), clock.clone(), options);
    let options = ActorOptions {
        shards,
        live: LiveLimits::default(),
        guard: GuardPolicies::default(),
        settings: std::collections::HashMap::new(),
        outbound: Arc::new(crate::actors::BuiltIn),
        tracer: Tracer::default(),
    };
    let journal = journal.await.expect("the journal opens");
    Runtime::start(&systems, journal, clock, Arc::new(Unobserved), options).await.expect_err("it makes no sense")
}

#[tokio::test]
async fn an_outside_party_with_the_name_of_an_aggregate_is_refused_and_a_service_with_that_of_one() {
    let with_bank = || Service::new("coop", 1).provider::<super::shop::Bank>();
    assert!(start(with_bank(), 1).await.to_string().starts_with("shop/outside/bank: "));
    let mut service = with_bank();
    service.providers[0].kind = Kind::new("yard/coop/bank");
    assert!(start(service, 1).await.to_string().starts_with("yard/coop/bank: "));
    assert!(start(Service::new("outside", 1), 1).await.to_string().starts_with("yard/outside: "));
}

#[tokio::test]
async fn kinds_that_ask_each_other_in_a_circle_are_refused_with_the_circle() {
    const EGG: Kind = Kind::new("yard/coop/egg");
    const HEN: Kind = Kind::new("yard/coop/hen");
    let mut service = Service::new("coop", 1);
    for (kind, asks) in [(EGG, &[HEN] as &'static [Kind]), (HEN, &[EGG])] {
        service.aggregates.push(AggregateSpec { kind, asks, ..AggregateSpec::of::<Tally>() });
    }
    let told = start(service, 1).await.to_string();
    assert!(told.contains("yard/coop/egg → yard/coop/hen → yard/coop/egg"), "{told}");
}

#[tokio::test]
async fn a_policy_that_commands_another_service_is_refused_with_both_names() {
    let told = start(Service::new("tally", 1).aggregate::<Tally>().policy::<WheneverAddedEcho>(), 1).await.to_string();
    for name in ["wheneverAdded_Echo", "yard/tally", "yard/echo/echo"] {
        assert!(told.contains(name), "{told}");
    }
}

#[tokio::test]
async fn no_shards_at_all_are_refused_with_the_settings_name() {
    let told = start(Service::new("tally", 1).aggregate::<Tally>(), 0).await.to_string();
    assert!(told.contains("actors.shards"), "{told}");
}
