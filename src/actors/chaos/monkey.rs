//! The monkey: kills at a rate, for a time, whom a seed chooses. Every round stands in the log before it is done.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::victims::{Name, Victim, What, draw};
use crate::actors::runtime::{House, Runtime};
use crate::journal::Note;

/// The most it may kill, a second.
pub const RATE_MAX: u32 = 10_000;
/// The longest it may go on.
pub const LASTS_MAX: Duration = Duration::from_secs(60 * 60);
/// How often it strikes; what is due is killed at once, and its names are one note in the log.
const ROUND: Duration = Duration::from_millis(50);
/// The most one round makes up for when the ones before it came late.
const LATE_MAX: Duration = Duration::from_secs(1);

/// What it shall do.
#[derive(Clone)]
pub struct MonkeyWish {
    /// How many a second.
    pub rate: u32,
    /// How long.
    pub lasts: Duration,
    /// What chooses.
    pub seed: u64,
    /// Which sorts of parts.
    pub of: Vec<What>,
    /// Which of them, as the operator wrote it.
    pub target: String,
    /// Tells which of them.
    pub covered: Covered,
}

/// Tells whether a part is meant.
pub type Covered = Arc<dyn Fn(&Name) -> bool + Send + Sync>;

/// Why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MonkeyError {
    /// It would kill nobody, or too many.
    #[error("rate is from 1/s to {RATE_MAX}/s")]
    Rate,
    /// It would never begin, or never end.
    #[error("for is longer than nothing and an hour at most")]
    Lasts,
    /// It would end the process.
    #[error("what names {0}, without which the process ends; kill it by its own name")]
    Fatal(&'static str),
    /// There is one.
    #[error("a monkey is loose; there is one at a time")]
    One,
}

/// What it has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MonkeyFigures {
    /// How many of each sort it killed.
    pub killed: BTreeMap<What, u64>,
    /// How often it struck.
    pub rounds: u64,
    /// How often it did not, because that could not be written into the log.
    pub unwritten: u64,
    /// How long it was loose.
    pub ran: Duration,
    /// Why it is over; `None` while it is not.
    pub ended: Option<&'static str>,
}

/// One that is or was loose.
#[derive(Debug)]
pub struct Monkey {
    /// What it was told.
    pub wish: MonkeyWish,
    began: Instant,
    figures: Mutex<MonkeyFigures>,
    stop: CancellationToken,
    over: watch::Sender<bool>,
}

impl MonkeyWish {
    /// Looks whether it makes sense.
    ///
    /// # Errors
    ///
    /// Fails on what is out of bounds.
    pub fn check(&self) -> Result<(), MonkeyError> {
        match self.of.iter().find(|what| !what.is_survived()) {
            _ if !(1..=RATE_MAX).contains(&self.rate) => Err(MonkeyError::Rate),
            _ if self.lasts.is_zero() || self.lasts > LASTS_MAX => Err(MonkeyError::Lasts),
            Some(what) => Err(MonkeyError::Fatal(what.name())),
            None => Ok(()),
        }
    }

    /// Returns how many are due after so long.
    fn due(&self, after: Duration) -> u64 {
        u64::try_from(u128::from(self.rate) * after.as_millis() / 1_000).unwrap_or(u64::MAX)
    }
}

impl fmt::Debug for MonkeyWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rate, lasts, seed, of, target, covered: _ } = self;
        f.debug_struct("MonkeyWish")
            .field("rate", rate)
            .field("lasts", lasts)
            .field("seed", seed)
            .field("of", of)
            .field("target", target)
            .finish_non_exhaustive()
    }
}

/// As in `200/s for 3s of aggregates, policies seed 42`.
impl fmt::Display for MonkeyWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of: Vec<&str> = self.of.iter().map(|what| what.name()).collect();
        write!(f, "{}/s for {:?} of {} seed {}", self.rate, self.lasts, of.join(", "), self.seed)
    }
}

impl Monkey {
    /// Returns what it has done so far.
    #[must_use]
    pub fn figures(&self) -> MonkeyFigures {
        self.figures.lock().clone()
    }

    /// Has it stop, and waits until it has.
    pub async fn stop(&self) {
        self.stop.cancel();
        // The sender lives as long as this.
        let _ = self.over.subscribe().wait_for(|over| *over).await;
    }

    fn is_over(&self) -> bool {
        *self.over.borrow()
    }

    async fn run(&self, house: &House) {
        let until = self.began + self.wish.lasts;
        // How many were due by now, and how many numbers the seed gave.
        let (mut due, mut drawn) = (0, 0);
        let mut next = self.began;
        let ended = loop {
            next = (next + ROUND).max(house.clock.now()).min(until);
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = self.stop.cancelled() => break "stopped",
            }
            let now = house.clock.now().min(until);
            let by_now = self.wish.due(now - self.began);
            let count = (by_now - due).min(self.wish.due(LATE_MAX));
            due = by_now;
            self.figures.lock().ran = now - self.began;
            if count > 0 {
                self.strike(house, usize::try_from(count).unwrap_or(usize::MAX), &mut drawn).await;
            }
            if now >= until {
                break "time is up";
            }
        };
        self.figures.lock().ran = house.clock.now().min(until) - self.began;
        let told = self.told();
        let action = format!("monkey ended: {ended}");
        // Lost, the rounds' notes add up to the same.
        self.note(house, action, self.wish.target.clone(), told).await;
        self.figures.lock().ended = Some(ended);
    }

    async fn strike(&self, house: &House, count: usize, drawn: &mut u64) {
        let living = house.victims(&self.wish.of, &*self.wish.covered);
        let chosen = draw(living, count, self.wish.seed, drawn);
        if chosen.is_empty() {
            return;
        }
        let names: Vec<String> = chosen.iter().map(|victim| victim.name.to_string()).collect();
        let action = "monkey kill".to_owned();
        if !self.note(house, action, names.join(" "), format!("seed {}", self.wish.seed)).await {
            self.figures.lock().unwritten += 1;
            return;
        }
        chosen.iter().for_each(|victim| victim.die(&house.journal));
        self.count(&chosen);
    }

    fn count(&self, killed: &[Victim]) {
        let mut figures = self.figures.lock();
        figures.rounds += 1;
        for victim in killed {
            *figures.killed.entry(victim.what).or_default() += 1;
        }
    }

    async fn note(&self, house: &House, action: String, target: String, reason: String) -> bool {
        let note = Note::Audit { action, target, reason, time_ms: house.clock.wall_ms() };
        house.journal.note(note).await.is_some()
    }

    fn told(&self) -> String {
        let killed = self.figures.lock().killed.clone();
        let told: Vec<String> = killed.iter().map(|(what, count)| format!("{count} {}", what.name())).collect();
        format!("killed {}", if told.is_empty() { "nobody".to_owned() } else { told.join(", ") })
    }
}

impl Runtime {
    /// Lets a monkey loose.
    ///
    /// # Errors
    ///
    /// Fails when what is wished makes no sense, or one is loose.
    pub fn unleash(&self, wish: MonkeyWish) -> Result<Arc<Monkey>, MonkeyError> {
        wish.check()?;
        let mut newest = self.house.chaos.monkey.lock();
        if newest.as_ref().is_some_and(|monkey| !monkey.is_over()) {
            return Err(MonkeyError::One);
        }
        let monkey = Arc::new(Monkey {
            wish,
            began: self.house.clock.now(),
            figures: Mutex::default(),
            stop: CancellationToken::new(),
            over: watch::Sender::new(false),
        });
        *newest = Some(Arc::clone(&monkey));
        let (house, loose) = (Arc::clone(&self.house), Arc::clone(&monkey));
        self.house.tasks.spawn(async move {
            let stopping = house.stopping.clone();
            tokio::select! {
                () = loose.run(&house) => {}
                () = stopping.cancelled() => {}
            }
            loose.over.send_replace(true);
        });
        Ok(monkey)
    }

    /// Returns the newest monkey, loose or not.
    #[must_use]
    pub fn monkey(&self) -> Option<Arc<Monkey>> {
        self.house.chaos.monkey.lock().clone()
    }
}
