//! Everything at once, from a seed: the whole runtime and the journal on one thread, in a time that is only told, on a
//! disk with troubles, beside clients who come back, while everything is killed at any step of any task.
//!
//! The same seed makes the same log, byte for byte. When all is calm again, the promises of `invariants` hold.

mod bugs;
mod business;
mod clients;
mod counts;
mod deeds;
mod evidence;
mod invariants;
mod lanes;
mod process;
mod rest;
mod runs;
mod storage;
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use parking_lot::Mutex;

use self::bugs::Bug;
use self::counts::Counts;
use self::world::{Report, World};
use crate::domain::System;
use crate::domain::system::Catalogue;
use crate::journal::codec::decode_records;
use crate::systems;

/// How many seeds every test run tries.
const SEEDS: u64 = 1_000;

/// A number from the environment, else the default.
#[expect(clippy::disallowed_methods, reason = "the length of a campaign, and the seed to repeat, are set from outside")]
fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")),
        Err(_) => default,
    }
}

fn all_systems() -> Arc<[System]> {
    systems::all().into()
}

fn told(seed: u64, report: &Report) -> String {
    let broken: Vec<String> = report.broken.iter().map(|(name, why)| format!("  {name}: {why}")).collect();
    format!(
        "seed {seed} breaks\n{}\nreplay it: RESURGAM_SEED={seed} RESURGAM_SIMULATION_SEEDS=1 cargo test --lib simulation::seeds",
        broken.join("\n")
    )
}

/// Every seed's story ends well.
#[test]
fn seeds_of_kills_crashes_and_lost_syncs_leave_every_promise_kept() {
    let (first, seeds) = (setting("RESURGAM_SEED", 1), setting("RESURGAM_SIMULATION_SEEDS", SEEDS));
    let next = AtomicU64::new(first);
    let (broken, totals) = (Mutex::new(Vec::new()), Mutex::new(Counts::default()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let systems = all_systems();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds {
                        return;
                    }
                    let report = World::new(seed, &systems, None).run();
                    totals.lock().add(&report.counts);
                    if !report.broken.is_empty() {
                        broken.lock().push((seed, told(seed, &report)));
                    }
                }
            });
        }
    });
    eprintln!("== simulation: {seeds} seeds from {first}: {}", totals.into_inner());
    let mut broken = broken.into_inner();
    broken.sort();
    let shown: Vec<&str> = broken.iter().take(3).map(|(_, told)| told.as_str()).collect();
    assert!(
        broken.is_empty(),
        "{} seeds: {:?}\n{}",
        broken.len(),
        broken.iter().map(|(seed, _)| seed).collect::<Vec<_>>(),
        shown.join("\n\n")
    );
}

#[test]
fn the_same_seed_makes_the_same_log_and_the_same_answers() {
    let systems = all_systems();
    let catalogue = Catalogue::of(&systems);
    for seed in 1..=20 {
        let [one, other] = [(); 2].map(|()| World::new(seed, &systems, None).run());
        assert!(one.history == other.history, "seed {seed}: clients were told something else");
        let parted = one.log.iter().zip(&other.log).find(|(group, again)| group != again);
        let shown = |group: &[u8]| decode_records(group, &catalogue);
        let parted = parted.map(|(group, again)| (shown(group), shown(again)));
        assert!(one.log == other.log, "seed {seed}: another log: {parted:#?}");
        assert!(!one.log.is_empty());
    }
}

/// How many seeds a bug may go unnoticed.
const NOTICED_WITHIN: u64 = 60;

/// Tells how many seeds it takes.
fn noticed_after(bug: Bug, promise: &str) -> Option<u64> {
    let systems = all_systems();
    let breaks = |seed| World::new(seed, &systems, Some(bug)).run().broken.iter().any(|(name, _)| *name == promise);
    (1..=NOTICED_WITHIN).find(|seed| breaks(*seed))
}

#[test]
fn a_bug_made_on_purpose_is_noticed_by_the_promise_it_breaks() {
    for (bug, promise) in [
        (Bug::AnswersBeforeSync, "no_answer_is_lost"),
        (Bug::ForgetsAnswers, "a_command_runs_once"),
        (Bug::SkipsAPosition, "positions_are_dense"),
        (Bug::SkipsTurns, "each_policy_takes_each_fact_once"),
        (Bug::LosesRows, "a_state_is_the_fold_of_its_facts"),
        (Bug::WritesTwice, "positions_are_dense"),
    ] {
        let seeds = noticed_after(bug, promise);
        eprintln!("{bug:?} is noticed by {promise} after {seeds:?} seeds");
        assert!(seeds.is_some(), "{bug:?} does not break {promise} within {NOTICED_WITHIN} seeds");
    }
}
