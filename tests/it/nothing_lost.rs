//! kill -9 at random moments under write load: what was answered is there, once, and the server is back in no time.
//!
//! `RESURGAM_KILL_SECONDS` sets how long, `RESURGAM_KILL_ROUNDS` how many kills at least, `RESURGAM_SEED` repeats a run.

use std::time::Duration;

use crate::campaign::audit::{Faults, audit};
use crate::campaign::ledger::{Table, Writer};
use crate::campaign::{Dice, alone, seed, setting, write_until};
use crate::support::{Server, now};

const WRITERS: u64 = 4;
/// A round ends after at most this many answers, so that most of a campaign is kills and not writing.
const ANSWERS_A_ROUND_MAX: u64 = 1_500;
/// The whole store is compared every so many rounds and at the end: comparing costs more the more there is.
const ROUNDS_AN_AUDIT: u64 = 10;

struct Campaign {
    rounds: u64,
    answered: u64,
    worst_ready: Duration,
    faults: Faults,
}

#[test]
fn every_answered_request_survives_kill_9_exactly_once() {
    let _machine = alone();
    let seed = seed();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut server = Server::start(dir.path(), &["--set", "journal.segment_bytes=1048576"]);
    let mut writers: Vec<Writer> = (0..WRITERS).map(|number| Writer::new(&server, number, seed)).collect();
    let campaign = run(&mut server, &mut writers, &mut Dice::new(seed));

    let created: usize = writers.iter().map(|w| w.rows(Table::Products).len() + w.rows(Table::Rentals).len()).sum();
    let Campaign { rounds, answered, worst_ready, faults } = campaign;
    eprintln!(
        "== kill -9: {rounds} rounds, {answered} requests answered, {created} rows asked for, {} lost, {} doubled, worst ready {} ms",
        faults.lost.len(),
        faults.doubled.len(),
        worst_ready.as_millis()
    );
    assert!(faults.is_empty(), "RESURGAM_SEED={seed}: {faults:#?}");
    let odd = writers.iter().flat_map(|w| &w.refused).find(|(status, _)| ![503, 504].contains(status));
    assert!(odd.is_none(), "a writer was refused: {odd:?}");
    let ready_max = Duration::from_millis(setting("RESURGAM_READY_MS_MAX", 1_000));
    assert!(worst_ready < ready_max, "ready again only after {worst_ready:?}");
}

/// Writes and kills, round after round, until time is up and enough rounds are done or something is wrong.
fn run(server: &mut Server, writers: &mut [Writer], dice: &mut Dice) -> Campaign {
    let rounds_min = setting("RESURGAM_KILL_ROUNDS", 1);
    let end = now() + Duration::from_secs(setting("RESURGAM_KILL_SECONDS", 20));
    let mut campaign = Campaign { rounds: 0, answered: 0, worst_ready: Duration::ZERO, faults: Faults::default() };
    while campaign.faults.is_empty() {
        let finished = campaign.rounds >= rounds_min && now() >= end;
        if finished || campaign.rounds % ROUNDS_AN_AUDIT == ROUNDS_AN_AUDIT - 1 {
            let found = audit(server, writers);
            campaign.faults.lost.extend(found.lost);
            campaign.faults.doubled.extend(found.doubled);
        }
        if finished {
            break;
        }
        campaign.rounds += 1;
        campaign.answered += write_until(server, writers, Writer::step, dice.below(ANSWERS_A_ROUND_MAX), Server::kill9);
        for _ in 0..dice.below(3) {
            server.start_and_kill(Duration::from_millis(dice.below(150)));
        }
        campaign.worst_ready = server.restart().max(campaign.worst_ready);
        writers.iter_mut().for_each(|writer| writer.settle(server, &mut campaign.faults));
    }
    campaign
}
