//! The tries of a half-open breaker: exactly the configured ones, each with a deadline, and a verdict as soon as it cannot
//! change any more.

use super::config::{BreakerConfig, Probes};
use super::moment::Moment;

/// How many probes may run at once at most.
pub(super) const PROBES_MAX: usize = 8;

/// The probes of one half-open period.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Probing {
    /// When each probe that runs began.
    slots: [Option<Moment>; PROBES_MAX],
    succeeded: u32,
    failed: u32,
    /// Abandoned by their callers, one after the other.
    abandoned: u32,
}

/// What the probes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Undecided,
    Recovered,
    Failing,
    Abandoned,
}

/// How one probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProbeEnd {
    Good,
    Bad,
    /// It says nothing: its place is free again.
    Void,
    /// Its caller went away: so is its place, but not for ever.
    Abandoned,
}

impl Probing {
    /// Takes a place for a probe; without one, returns the moment at which one is free at the latest.
    pub(super) fn begin(&mut self, probes: &Probes, now: Moment) -> Result<u32, Moment> {
        let running = self.running();
        let wanted = probes.required.saturating_sub(self.succeeded + self.failed);
        let free = self.slots.iter().position(Option::is_none);
        match free {
            Some(slot) if running < probes.at_once.min(wanted) => {
                self.slots[slot] = Some(now);
                Ok(u32::try_from(slot).unwrap_or(0))
            }
            _ => Err(self.slots.iter().flatten().min().map_or(now, |began| began.after(probes.deadline))),
        }
    }

    /// Tells whether a probe still runs: one whose deadline passed was counted then, and its place may be another's.
    pub(super) fn runs(&self, slot: u32, began: Moment) -> bool {
        self.slots.get(slot as usize) == Some(&Some(began))
    }

    /// Counts the end of a probe.
    pub(super) fn end(&mut self, slot: u32, end: ProbeEnd) {
        self.slots[slot as usize] = None;
        match end {
            ProbeEnd::Good => (self.succeeded, self.abandoned) = (self.succeeded + 1, 0),
            ProbeEnd::Bad => (self.failed, self.abandoned) = (self.failed + 1, 0),
            ProbeEnd::Void => {}
            ProbeEnd::Abandoned => self.abandoned += 1,
        }
    }

    /// Counts the probe whose deadline passed first as failed; returns that deadline.
    pub(super) fn expire(&mut self, probes: &Probes, now: Moment) -> Option<Moment> {
        let deadline = |began: Moment| began.after(probes.deadline);
        let overdue = self.slots.iter_mut().filter(|slot| slot.is_some_and(|began| deadline(began) <= now));
        let began = overdue.min_by_key(|slot| **slot)?.take()?;
        self.failed += 1;
        Some(deadline(began))
    }

    /// Judges; whatever the missing probes do changes nothing once it is decided.
    pub(super) fn verdict(&self, config: &BreakerConfig) -> Verdict {
        let Probes { required, abandoned_max, .. } = config.probes;
        let reaches = |failed: u32| match config.failures {
            Some(share) => u64::from(failed) * 100 >= u64::from(share) * u64::from(required),
            None => failed > 0,
        };
        let missing = required.saturating_sub(self.succeeded + self.failed);
        if reaches(self.failed) {
            Verdict::Failing
        } else if !reaches(self.failed + missing) {
            Verdict::Recovered
        } else if self.abandoned >= abandoned_max {
            Verdict::Abandoned
        } else {
            Verdict::Undecided
        }
    }

    fn running(&self) -> u32 {
        self.slots.iter().flatten().map(|_| 1).sum()
    }
}
