//! Power cuts at random moments: what was answered had reached the disk, and comes back once.
//!
//! `RESURGAM_POWER_ROUNDS` sets how many (else one of each moment), `RESURGAM_SEED` repeats a run. Each round goes on from
//! what the last cut left.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::campaign::audit::{Faults, audit};
use crate::campaign::disk::Disk;
use crate::campaign::ledger::{Table, Writer};
use crate::campaign::{Dice, alone, seed, setting, write_until};
use crate::client::Request;
use crate::support::{Server, eventually, operator};

const WRITERS: u64 = 8;
const ANSWERS_A_ROUND_MAX: u64 = 1_000;
/// How far a start comes that the power does not let finish.
const CUT_START_MS_MAX: u64 = 250;
/// How far a stop comes that the power does not let finish.
const CUT_STOP_MS_MAX: u64 = 150;
const CHECKPOINTS_MAX: u64 = 10;
const ROUNDS_AN_AUDIT: u64 = 10;
/// Shows the process a boot id of its own, as a machine that was started again has.
const BOOT: &str = "mount --bind \"$1\" /proc/sys/kernel/random/boot_id && shift && exec \"$@\"";
const MADE_AGAIN: &str = "the store could not be trusted and is made again";

/// When the power goes; another moment is another arm of `Machine::cut`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    UnderLoad,
    /// The store is far behind the log.
    AfterABurst,
    /// During a start that has no store.
    MakingTheStore,
    /// One is being written all the time.
    DuringACheckpoint,
    /// The store is being settled, the log sealed, a checkpoint written.
    WhileStopping,
    /// The log is sealed, and vouches for the store.
    AfterAStop,
    /// The log is sealed, but the store has been opened since.
    StartingAfterAStop,
}

const MOMENTS: &[Moment] = &[
    Moment::UnderLoad,
    Moment::AfterABurst,
    Moment::MakingTheStore,
    Moment::DuringACheckpoint,
    Moment::WhileStopping,
    Moment::AfterAStop,
    Moment::StartingAfterAStop,
];

/// A server with a disk and a boot id of its own.
struct Machine {
    // Dropped first: a mounted disk cannot go while somebody is on it.
    server: Server,
    disk: Disk,
    boot_id: PathBuf,
    boots: u64,
    _place: tempfile::TempDir,
}

impl Machine {
    fn start() -> Machine {
        let place = tempfile::tempdir().expect("a temporary folder");
        let (disk, boot_id) = (Disk::new(), place.path().join("boot_id"));
        let settings = ["--set", "journal.segment_bytes=1048576", "--set", "journal.free_bytes_min=0"];
        let mut server = Server::new(&disk.dir(), &place.path().join("server.log"), &settings);
        server.run_below(&["unshare", "--mount", "sh", "-c", BOOT, "sh", &boot_id.display().to_string()]);
        let mut machine = Machine { server, disk, boot_id, boots: 0, _place: place };
        machine.boot();
        machine.server.restart();
        machine
    }

    fn boot(&mut self) {
        self.boots += 1;
        fs::write(&self.boot_id, format!("00000000-0000-4000-8000-{:012x}\n", self.boots)).expect("a boot id");
    }

    /// Works until the power goes, and leaves the disk as the cut left it; says how many answers were given.
    fn cut(&mut self, moment: Moment, writers: &mut [Writer], dice: &mut Dice) -> u64 {
        let answers = 1 + dice.below(ANSWERS_A_ROUND_MAX);
        let (server, disk) = (&mut self.server, &mut self.disk);
        match moment {
            Moment::UnderLoad => write_until(server, writers, Writer::step, answers, |server| pull(server, disk)),
            Moment::AfterABurst => write_until(server, writers, Writer::grow, answers, |server| pull(server, disk)),
            Moment::MakingTheStore => {
                let answered = write_until(server, writers, Writer::step, answers, Server::kill9);
                fs::remove_dir_all(disk.dir().join("data/sled")).expect("a store");
                self.cut_start(dice);
                answered
            }
            Moment::DuringACheckpoint => {
                let checkpoints = 1 + dice.below(CHECKPOINTS_MAX);
                let end = |server: &mut Server| pull_during_a_checkpoint(server, disk, checkpoints);
                write_until(server, writers, Writer::step, answers, end)
            }
            Moment::WhileStopping => {
                let life = Duration::from_millis(dice.below(CUT_STOP_MS_MAX));
                write_until(server, writers, Writer::step, answers, |server| match server.stop_for(life) {
                    Some(_) => disk.cut_power(),
                    None => pull(server, disk),
                })
            }
            Moment::AfterAStop => {
                let answered = write_until(server, writers, Writer::step, answers, Server::stop);
                disk.cut_power();
                answered
            }
            Moment::StartingAfterAStop => {
                let answered = write_until(server, writers, Writer::step, answers, Server::stop);
                self.cut_start(dice);
                answered
            }
        }
    }

    fn cut_start(&mut self, dice: &mut Dice) {
        self.server.start_for(Duration::from_millis(dice.below(CUT_START_MS_MAX)));
        pull(&mut self.server, &mut self.disk);
    }

    /// Starts on what the cut left, now and then only at the second cut; says how long it took to be ready.
    fn restore(&mut self, dice: &mut Dice) -> Duration {
        self.disk.restore_power();
        self.boot();
        if dice.below(3) == 0 {
            self.cut_start(dice);
            self.disk.restore_power();
            self.boot();
        }
        self.server.restart()
    }
}

/// The processor stops, then the disk; nothing that came later was ever answered.
fn pull(server: &mut Server, disk: &mut Disk) {
    server.freeze();
    disk.cut_power();
    server.kill9();
}

/// The operator asks for one checkpoint after the other; the power goes after so many.
fn pull_during_a_checkpoint(server: &mut Server, disk: &mut Disk, checkpoints: u64) {
    let (written, mut admin) = (AtomicU64::new(0), server.client("admin"));
    let ask = operator(Request::new("POST", "/admin/journal/checkpoint")).json("{}");
    thread::scope(|scope| {
        scope.spawn(|| {
            while admin.try_send(&ask).is_ok_and(|answer| answer.is_success()) {
                written.fetch_add(1, Ordering::Relaxed);
            }
        });
        eventually("checkpoints are written", || (written.load(Ordering::Relaxed) >= checkpoints).then_some(()));
        pull(server, disk);
    });
}

#[derive(Default)]
struct Campaign {
    rounds: u64,
    answered: u64,
    stores_made_again: u64,
    worst_ready: Duration,
    faults: Faults,
}

#[test]
fn every_answered_request_survives_a_power_cut_exactly_once() {
    let _machine = alone();
    let seed = seed();
    let mut machine = Machine::start();
    let mut writers: Vec<Writer> = (0..WRITERS).map(|number| Writer::new(&machine.server, number, seed)).collect();
    let campaign = run(&mut machine, &mut writers, &mut Dice::new(seed));

    let created: usize = writers.iter().map(|w| w.rows(Table::Products).len() + w.rows(Table::Rentals).len()).sum();
    let Campaign { rounds, answered, stores_made_again, worst_ready, faults } = campaign;
    let (cuts, lacking) = (machine.boots - 1, machine.disk.lacking);
    eprintln!(
        "== power cut: {rounds} rounds, {cuts} cuts, {answered} requests answered, {created} rows asked for, {} lost, {} doubled, worst ready {} ms",
        faults.lost.len(),
        faults.doubled.len(),
        worst_ready.as_millis()
    );
    eprintln!("== power cut: {lacking} cuts took an unsynced file, {stores_made_again} stores were made again");
    assert!(faults.is_empty(), "RESURGAM_SEED={seed}: {faults:#?}");
    let odd = writers.iter().flat_map(|w| &w.refused).find(|(status, _)| ![503, 504].contains(status));
    assert!(odd.is_none(), "a writer was refused: {odd:?}");
    assert!(stores_made_again > 0, "every store was believed after a power cut without a stop");
    assert!(lacking > 0, "the kernel wrote everything back before every cut: these cuts took nothing");
}

fn run(machine: &mut Machine, writers: &mut [Writer], dice: &mut Dice) -> Campaign {
    let rounds = setting("RESURGAM_POWER_ROUNDS", MOMENTS.len() as u64);
    let first = dice.below(MOMENTS.len() as u64);
    let mut campaign = Campaign::default();
    while campaign.rounds < rounds && campaign.faults.is_empty() {
        let moment = MOMENTS[((first + campaign.rounds) % MOMENTS.len() as u64) as usize];
        campaign.rounds += 1;
        campaign.answered += machine.cut(moment, writers, dice);
        let cuts = machine.boots;
        campaign.worst_ready = machine.restore(dice).max(campaign.worst_ready);
        let made_again = machine.server.said().contains(MADE_AGAIN);
        campaign.stores_made_again += u64::from(made_again);
        let untouched = moment == Moment::AfterAStop && machine.boots == cuts + 1;
        assert!(!(untouched && made_again), "a store that a stop had settled was not believed");
        writers.iter_mut().for_each(|writer| writer.settle(&machine.server, &mut campaign.faults));
        if campaign.rounds.is_multiple_of(ROUNDS_AN_AUDIT) || campaign.rounds == rounds {
            let found = audit(&machine.server, writers);
            campaign.faults.lost.extend(found.lost);
            campaign.faults.doubled.extend(found.doubled);
        }
    }
    campaign
}
