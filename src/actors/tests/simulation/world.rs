//! One seed: some lives of the process with troubles of all sorts, then a calm one in which everything must be well.

use std::sync::Arc;
use std::time::Duration;

use super::bugs::Bug;
use super::clients::{Told, Wish};
use super::counts::Counts;
use super::deeds::{self, Deed};
use super::evidence::Evidence;
use super::invariants;
use super::lanes::Opened;
use super::process::{Plan, Process};
use super::storage::Storage;
use crate::actors::directory::LiveLimits;
use crate::clock::Clock;
use crate::domain::system::Catalogue;
use crate::domain::{Stream, System};
use crate::journal::Journal;
use crate::resilience::faults::FaultSpec;

/// How many lives have troubles at most.
const LIVES_MAX: u64 = 3;
/// How many things happen in one of them at most.
const STEPS_MAX: u64 = 40;
/// How often a client that got no answer asks again when everything is calm.
const CALM_TRIES_MAX: u32 = 30;
/// How long everything may take to come to rest, in the simulation's time.
const REST_MAX: Duration = Duration::from_secs(900);

/// A seed's story.
pub(super) struct World {
    dice: Clock,
    storage: Storage,
    systems: Arc<[System]>,
    catalogue: Arc<Catalogue>,
    wishes: Vec<Wish>,
    wall_ms: u64,
    counts: Counts,
}

/// What a seed came to.
#[derive(Debug)]
pub(super) struct Report {
    /// The log, group by group.
    pub(super) log: Vec<Vec<u8>>,
    /// What clients asked for and were told.
    pub(super) history: String,
    /// The invariants that do not hold, by name, and why.
    pub(super) broken: Vec<(&'static str, String)>,
    pub(super) counts: Counts,
}

impl World {
    pub(super) fn new(seed: u64, systems: &Arc<[System]>, bug: Option<Bug>) -> Self {
        let dice = Clock::manual(0, seed);
        Self {
            storage: Storage::new(dice.random(), bug),
            dice,
            systems: Arc::clone(systems),
            catalogue: Arc::new(Catalogue::of(systems)),
            wishes: Vec::new(),
            wall_ms: 1_700_000_000_000,
            counts: Counts::default(),
        }
    }

    /// Runs the seed and judges what is left.
    pub(super) fn run(mut self) -> Report {
        for _ in 0..1 + self.draw(LIVES_MAX) {
            self.counts.lives += 1;
            // A thousand lives of what nobody lets go of are half a gigabyte.
            life(self.rage()).iter().for_each(Journal::lets_go);
            self.storage.crash();
            self.wishes.iter_mut().for_each(|wish| wish.is_under_way = false);
        }
        self.storage.calm_down();
        let broken = life(self.rest());
        let mut history = String::new();
        for wish in &self.wishes {
            wish.tell(&mut history);
            self.counts.wishes += 1;
            for told in &wish.told {
                match told {
                    Told::Done(..) => self.counts.done += 1,
                    Told::Refused(_) => self.counts.refused += 1,
                    Told::NotExecuted(_) => self.counts.not_executed += 1,
                    Told::Unknown(_) => self.counts.unknown += 1,
                    Told::Strange(_) => {}
                }
            }
        }
        self.counts.troubles = self.storage.troubles();
        let log = self.storage.log().into_iter().map(|group| group.payload).collect();
        Report { log, history, broken, counts: self.counts }
    }

    fn draw(&self, below: u64) -> u64 {
        self.dice.random() % below
    }

    fn index(&self, len: usize) -> usize {
        usize::try_from(self.draw(len as u64)).expect("small")
    }

    async fn start(&mut self) -> Option<Process> {
        let clock = Clock::manual(self.wall_ms, self.dice.random());
        let live = match self.draw(4) {
            // So few that others must leave all the time.
            0 => {
                LiveLimits { live_max: 8 + self.index(16), recoveries_max: 1 + self.index(3), ..LiveLimits::default() }
            }
            _ => LiveLimits::default(),
        };
        let plan = Plan { clock, shards: 1 + self.index(2), live };
        Process::start(Arc::new(Opened::new(&self.storage)), &self.systems, Arc::clone(&self.catalogue), plan).await
    }

    /// A life that ends with a crash, perhaps before it has begun or while it stops.
    async fn rage(&mut self) -> Option<Journal> {
        let started = match self.draw(6) {
            0 => {
                let steps = self.draw(400);
                unless_crashed(steps, self.start()).await.flatten()
            }
            _ => self.start().await,
        };
        let mut process = started?;
        for _ in 0..1 + self.draw(STEPS_MAX) {
            self.counts.steps += 1;
            self.step(&mut process).await;
            yields(self.draw(32)).await;
            process.hear(&mut self.wishes);
        }
        self.wall_ms = process.clock.wall_ms();
        let journal = process.journal.clone();
        match self.draw(8) {
            0 => process.stop().await,
            1 => drop(unless_crashed(self.draw(1_000), process.stop()).await),
            _ => {}
        }
        Some(journal)
    }

    async fn step(&mut self, process: &mut Process) {
        let (runtime, journal) = (&process.runtime, &process.journal);
        let action = self.draw(36);
        self.counts.kills += u64::from((17..=25).contains(&action));
        match action {
            0..=13 => {
                let deed = deeds::draw(&self.dice, &self.catalogue);
                self.wish(process, deed);
            }
            14..=15 => self.send_again(process),
            16 => process.leave(self.dice.random(), &mut self.wishes),
            17..=20 => {
                let (at_most, seed) = (1 + self.index(3), self.dice.random());
                drop(runtime.kill(|_| true, at_most, seed));
            }
            21..=22 => journal.kill_committer(),
            23 => drop(runtime.kill_shard_of(self.somebody())),
            24 => drop(runtime.kill_service_of(self.somebody())),
            25 => drop(runtime.kill_followers()),
            26..=27 => {
                let services: Vec<_> = runtime.services().all().collect();
                let (system, service, runs) = services[self.index(services.len())];
                runtime.services().set(system, service, !runs);
            }
            28 => {
                let journal = journal.clone();
                process.chores.spawn(async move { drop(journal.checkpoint().await) });
            }
            29 => drop(runtime.faults().inject(self.fault(), process.clock.now())),
            30 => tokio::time::sleep(Duration::from_millis(self.draw(20_000))).await,
            31 => tokio::time::sleep(Duration::from_secs(self.draw(120))).await,
            _ => tokio::time::sleep(Duration::from_millis(self.draw(400))).await,
        }
    }

    fn wish(&mut self, process: &mut Process, deed: Deed) {
        let number = self.wishes.len();
        let mut wish = Wish::new(&self.dice, deed, number);
        process.send(number, &mut wish);
        self.wishes.push(wish);
    }

    fn somebody(&self) -> Stream {
        let kinds: Vec<_> = self.catalogue.kinds().into_iter().map(|spec| spec.kind()).collect();
        Stream::new(kinds[self.index(kinds.len())], 1 + self.draw(6))
    }

    /// Calls to one kind that fail or never end.
    fn fault(&self) -> FaultSpec {
        FaultSpec {
            places: vec![self.somebody().kind.path()],
            errors: 0.4,
            hangs: 0.2,
            lasts: Duration::from_millis(1 + self.draw(5_000)),
            seed: self.dice.random(),
            ..FaultSpec::default()
        }
    }

    fn send_again(&mut self, process: &mut Process) {
        let open: Vec<usize> = (0..self.wishes.len()).filter(|number| self.wishes[*number].wants_more()).collect();
        if !open.is_empty() {
            let number = open[self.index(open.len())];
            process.send(number, &mut self.wishes[number]);
        }
    }

    /// A life without troubles: every client is answered, everything comes to rest, and is judged.
    async fn rest(&mut self) -> Vec<(&'static str, String)> {
        let Some(mut process) = self.start().await else {
            return vec![("it_starts_again", "the journal or the runtime does not start".to_owned())];
        };
        for number in 0..self.wishes.len() {
            self.settle(&mut process, number).await;
        }
        if tokio::time::timeout(REST_MAX, process.settled()).await.is_err() {
            return vec![("it_comes_to_rest", format!("{:?}", process.runtime.followers().await))];
        }
        if process.runtime.house.creations.len() > 0 {
            process.outlast_creations().await;
        }
        let deed = deeds::creation(&self.catalogue);
        self.wishes.push(Wish::keyed(&self.dice, deed, self.wishes.len()));
        self.settle(&mut process, self.wishes.len() - 1).await;
        let broken = self.judged(&process).await;
        if !broken.is_empty() {
            return broken;
        }
        // Again, to see that each is told the same and that nothing comes of it.
        for number in (0..self.wishes.len()).filter(|number| self.wishes[*number].is_keyed()).collect::<Vec<_>>() {
            process.ask(number, &mut self.wishes[number]).await;
        }
        self.judged(&process).await
    }

    async fn judged(&self, process: &Process) -> Vec<(&'static str, String)> {
        if tokio::time::timeout(REST_MAX, process.settled()).await.is_err() {
            return vec![("it_comes_to_rest", format!("{:?}", process.runtime.followers().await))];
        }
        match Evidence::gather(process, &self.systems, &self.catalogue, &self.wishes, &self.storage.log()) {
            Ok(evidence) => invariants::broken(&evidence),
            Err(why) => vec![("the_log_can_be_read", why)],
        }
    }

    /// Asks until there is an answer.
    async fn settle(&mut self, process: &mut Process, number: usize) {
        let wish = &mut self.wishes[number];
        wish.waits_patiently();
        for _ in 0..CALM_TRIES_MAX {
            if !wish.wants_more() {
                return;
            }
            process.ask(number, wish).await;
            if wish.wants_more() {
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
        }
    }
}

/// Runs one life of the process; at its end everything in it is gone at once. A step of the driver is a step of one task,
/// so that what it does can come between any two.
fn life<T>(lived: impl Future<Output = T>) -> T {
    let mut process = tokio::runtime::Builder::new_current_thread();
    process.enable_time().start_paused(true).event_interval(1).build().expect("a runtime").block_on(lived)
}

/// Goes on for so many steps of tasks, then drops it where it is.
async fn unless_crashed<T>(steps: u64, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = yields(steps) => None,
        done = work => Some(done),
    }
}

async fn yields(times: u64) {
    for _ in 0..times {
        tokio::task::yield_now().await;
    }
}
