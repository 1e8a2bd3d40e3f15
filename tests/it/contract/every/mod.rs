//! The rows of the contract that speak of what any collection does, asked of every collection of every system, by every way
//! that leads to it: its service's own listener, its system's gateway, and both behind the one port of all systems.
//!
//! What a collection offers is written in `offer`.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::client::Request;
use crate::offer::{Collection, MADE, SYSTEMS, System};
use crate::services::ALL;
use crate::support::Server;

use super::row::{Row, any, step};
use super::run::{Run, host};

mod printed;

mod services;
mod lists;
mod orders;
mod posts;
mod changes;
mod conditions;
mod keys;
mod away;
mod plain;
mod proxied;
pub(super) mod rates;

/// How long followers may be behind.
const REST: Duration = Duration::from_secs(20);

/// A way to a collection.
#[derive(Clone)]
struct Way {
    door: &'static str,
    /// What stands before the collection's own paths.
    prefix: String,
    /// What links begin with.
    links: String,
    is_gateway: bool,
}

/// A collection on one way to it.
#[derive(Clone)]
struct At {
    of: &'static Collection,
    way: Way,
}

impl Way {
    /// To a service itself.
    fn to_service(server: &Server, system: &str, service: &'static str) -> Way {
        let (door, prefix) = match server.system() {
            ALL => ("gateway", format!("/{system}/services/{service}")),
            _ => (service, String::new()),
        };
        Way { links: format!("http://{}{prefix}", host(server.system(), door)), door, prefix, is_gateway: false }
    }

    /// By the gateway of the system. Links made behind a gateway of its own keep the service's address.
    fn by_gateway(server: &Server, system: &str, service: &str) -> Way {
        let (prefix, links) = match server.system() {
            ALL => (format!("/{system}"), format!("http://{}/{system}", host(ALL, "gateway"))),
            _ => (String::new(), server.url(service)),
        };
        Way { door: "gateway", prefix, links, is_gateway: true }
    }

    fn path(&self, rest: &str) -> String {
        format!("{}{rest}", self.prefix)
    }
}

impl At {
    /// Every way to a collection.
    fn ways(server: &Server, of: &'static Collection) -> Vec<At> {
        let mut ways = vec![Way::to_service(server, of.system, of.service)];
        ways.extend(of.at_gateway.then(|| Way::by_gateway(server, of.system, of.service)));
        ways.into_iter().map(|way| At { of, way }).collect()
    }

    /// A path below the collection's, `/1` or `?page=1`.
    fn path(&self, rest: &str) -> String {
        self.way.path(&format!("/{}{rest}", self.of.path))
    }

    /// The address that links have.
    fn link(&self, rest: &str) -> String {
        format!("{}/{}{rest}", self.way.links, self.of.path)
    }

    fn profile(&self) -> String {
        format!("{}/profile/{}", self.way.links, self.of.path)
    }

    fn get(&self, rest: &str) -> Request {
        any(&self.path(rest))
    }

    fn row(&self, id: &'static str, ask: Request, status: u16) -> Row {
        super::row::row(id, self.way.door, ask, status)
    }

    fn step(&self, ask: Request, status: u16) -> Row {
        step(self.way.door, ask, status)
    }
}

/// What was asked and what was wrong.
#[derive(Default)]
struct Tally {
    rows: usize,
    faults: Vec<String>,
}

impl Tally {
    fn ask(&mut self, run: &mut Run<'_>, rows: &[Row]) {
        self.rows += rows.iter().filter(|row| row.id.is_some()).count();
        self.faults.extend(rows.iter().flat_map(|row| run.faults(row)));
    }

    #[track_caller]
    fn conclude(self, what: &str) {
        eprintln!("{what}: {} rows asked", self.rows);
        assert!(self.faults.is_empty(), "{what}: {} faults\n{}", self.faults.len(), self.faults.join("\n"));
    }
}

/// Asks everything of the systems of one server.
fn ask_all(server: &Server, systems: &[&'static System]) -> Tally {
    let (mut tally, mut run) = (Tally::default(), Run::on(server));
    let ways = |system: &System| system.collections.iter().flat_map(|of| At::ways(server, of)).collect::<Vec<_>>();
    for system in systems {
        ways(system).iter().for_each(|at| tally.ask(&mut run, &lists::empty(at)));
        fill(server, system);
    }
    server.comes_to_rest(REST);
    for system in systems {
        tally.ask(&mut run, &services::rows(server, system));
        for at in ways(system) {
            let reads = [lists::rows(&at), orders::rows(&at), conditions::reads(&at)];
            reads.iter().for_each(|rows| tally.ask(&mut run, rows));
        }
        tally.ask(&mut run, &plain::reads(server, system));
    }
    for at in systems.iter().flat_map(|system| ways(system)) {
        for rows in [posts::rows, changes::rows, conditions::writes, keys::rows, plain::twins] {
            server.comes_to_rest(REST);
            tally.ask(&mut run, &rows(&at));
        }
    }
    server.comes_to_rest(REST);
    systems.iter().for_each(|system| tally.ask(&mut run, &away::rows(server, system)));
    tally
}

/// Posts what fills a system, and waits until nothing moves any more.
fn fill(server: &Server, system: &System) {
    for (service, path, body) in system.made {
        let way = Way::to_service(server, system.name, service);
        let mut client = server.client(way.door);
        for number in 1..=MADE {
            let body = body.replace("{n}", &number.to_string());
            let answer = client.send(&Request::post(&way.path(path), body));
            assert_eq!(answer.status, 201, "{path}: {}", answer.text());
        }
    }
}

/// Starts a system alone, or all, with what their settings must be.
fn started(name: &'static str, systems: &[&'static System], dir: &tempfile::TempDir) -> Server {
    let settings = systems.iter().flat_map(|system| system.settings).flat_map(|setting| ["--set", setting]);
    Server::serving(name, dir.path(), &settings.collect::<Vec<_>>())
}

#[track_caller]
fn is_kept_by(name: &'static str) {
    let systems: Vec<&System> = SYSTEMS.iter().filter(|system| [system.name, ALL].contains(&name)).collect();
    let dir = tempfile::tempdir().expect("a temporary folder");
    ask_all(&started(name, &systems, &dir), &systems).conclude(name);
}

#[test]
fn every_collection_of_oa_rental_keeps_the_contract() {
    is_kept_by("oa-rental");
}

#[test]
fn every_collection_of_car_rental_keeps_the_contract() {
    is_kept_by("car-rental");
}

#[test]
fn every_collection_of_book_rental_keeps_the_contract() {
    is_kept_by("book-rental");
}

#[test]
fn every_collection_of_book_market_keeps_the_contract() {
    is_kept_by("book-market");
}

#[test]
fn every_collection_of_hair_shop_keeps_the_contract() {
    is_kept_by("hair-shop");
}

#[test]
fn every_collection_keeps_the_contract_behind_the_one_port() {
    let systems: Vec<&System> = SYSTEMS.iter().collect();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = started(ALL, &systems, &dir);
    // Whoever adds a system says what it offers.
    let front = server.get("gateway", "/").json();
    let served = front["systems"].as_array().into_iter().flatten().filter_map(|system| system["name"].as_str());
    let names = |system: &&System| system.name;
    assert_eq!(served.collect::<BTreeSet<_>>(), systems.iter().map(names).collect::<BTreeSet<_>>());
    ask_all(&server, &systems).conclude(ALL);
}
