//! Actors are killed under write load, at random and one of them on purpose: no client notices.
//!
//! `RESURGAM_CHAOS_SECONDS` sets how long, `RESURGAM_SEED` repeats a run.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::campaign::audit::audit;
use crate::campaign::ledger::Writer;
use crate::campaign::{Dice, Doors, alone, seed, setting};
use crate::client::Request;
use crate::support::{Server, now};

const WRITERS: u64 = 8;

#[test]
fn killed_actors_cost_no_request_and_no_stock() {
    let _machine = alone();
    let seed = seed();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &["--set", "chaos.enabled=true"]);
    let mut writers: Vec<Writer> = (0..WRITERS).map(|number| Writer::new(&server, number, seed)).collect();
    // A product in nobody's ledger would spoil the audit: the three rentals that are shot at are of an unknown product.
    let unknown = r#"{"productId":999999999,"qty":1,"status":"ORDERED","productName":"target"}"#;
    let targets: Vec<_> =
        (0..3).map(|_| server.send("rental", &Request::post("/rentals", unknown)).located_id()).collect();
    assert_eq!(targets, [Some(1), Some(2), Some(3)]);

    let (stop, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    let (killed, silent) = thread::scope(|scope| {
        let write = |writer| scope.spawn(|| write(writer, &server, &stop, &answered));
        let running: Vec<_> = writers.iter_mut().map(write).collect();
        let killed = shoot(&server, seed);
        stop.store(true, Ordering::Relaxed);
        let ends = running.into_iter().map(|writer| writer.join().expect("a writer ends well"));
        (killed, ends.flatten().collect::<Vec<_>>())
    });
    for id in 1..=3 {
        let gone = server.send("rental", &Request::delete(&format!("/rentals/{id}")));
        assert_eq!(gone.status, 204, "rental {id} was shot at and lives: {}", gone.text());
    }
    let faults = audit(&server, &mut writers);

    let refused: Vec<_> = writers.iter().flat_map(|writer| &writer.refused).collect();
    eprintln!(
        "== chaos: {killed} actors killed under {} requests; {} unanswered, {} refused, {} lost, {} doubled",
        answered.into_inner(),
        silent.len(),
        refused.len(),
        faults.lost.len(),
        faults.doubled.len()
    );
    assert!(silent.is_empty() && refused.is_empty(), "RESURGAM_SEED={seed}: {silent:?} {:?}", refused.first());
    assert!(faults.is_empty(), "RESURGAM_SEED={seed}: {faults:#?}");
    assert!(killed > 100, "only {killed} actors were killed: the test tested nothing");
}

/// Writes until told to stop; says why when an answer stays out.
fn write(writer: &mut Writer, server: &Server, stop: &AtomicBool, answered: &AtomicU64) -> Option<String> {
    let mut doors = Doors::new(server);
    while !stop.load(Ordering::Relaxed) {
        if let Err(error) = writer.step(&mut doors) {
            return Some(error.to_string());
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
    None
}

/// Kills at random and on purpose until time is up; says how many actors were killed.
fn shoot(server: &Server, seed: u64) -> u64 {
    let mut dice = Dice::new(seed);
    let mut reader = server.client("rental");
    let end = now() + Duration::from_secs(setting("RESURGAM_CHAOS_SECONDS", 5));
    let mut killed = 0;
    while now() < end {
        let body = match dice.below(3) {
            0 => r#"{"target":"oa-rental/rental/rental/3"}"#.to_string(),
            1 => r#"{"target":"oa-rental/delivery/*","count":20,"seed":1}"#
                .replace(":1}", &format!(":{}}}", dice.below(1 << 32))),
            _ => format!(r#"{{"target":"*","count":50,"seed":{}}}"#, dice.below(1 << 32)),
        };
        killed += count(&server.operate("/chaos/kill", &body).json());
        let read = reader.send(&Request::get("/rentals/3"));
        assert_eq!(read.status, 200, "a read of what was just killed: {}", read.text());
    }
    killed
}

/// The answer names the killed ones in a list.
fn count(answer: &Value) -> u64 {
    let list = answer.as_array().or_else(|| answer["killed"].as_array());
    list.map_or(0, |list| list.len() as u64)
}
