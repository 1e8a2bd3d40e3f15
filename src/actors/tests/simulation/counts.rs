//! How much happened, and how much went wrong.

use std::fmt;

/// How much happened.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) lives: u64,
    pub(super) steps: u64,
    pub(super) kills: u64,
    pub(super) wishes: u64,
    pub(super) done: u64,
    pub(super) refused: u64,
    pub(super) not_executed: u64,
    pub(super) unknown: u64,
    pub(super) troubles: Troubles,
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        let theirs = other.parts();
        self.parts_mut().into_iter().zip(theirs).for_each(|(sum, more)| *sum += more);
    }

    fn parts(mut self) -> [u64; 13] {
        self.parts_mut().map(|part| *part)
    }

    fn parts_mut(&mut self) -> [&mut u64; 13] {
        let Self { lives, steps, kills, wishes, done, refused, not_executed, unknown, troubles } = self;
        let Troubles { slow, failed_syncs, lost_tails, failed_applies, lost_stores } = troubles;
        [
            lives,
            steps,
            kills,
            wishes,
            done,
            refused,
            not_executed,
            unknown,
            slow,
            failed_syncs,
            lost_tails,
            failed_applies,
            lost_stores,
        ]
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 13] = [
            "lives that crashed",
            "steps",
            "kills",
            "wishes of clients",
            "times done",
            "refused",
            "not executed",
            "unknown",
            "slow syncs and applies",
            "failed syncs",
            "lost tails",
            "failed applies",
            "lost stores",
        ];
        let parts: Vec<String> = self.parts().iter().zip(NAMES).map(|(n, name)| format!("{n} {name}")).collect();
        f.write_str(&parts.join(", "))
    }
}

/// How many things went wrong.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Troubles {
    pub(super) slow: u64,
    pub(super) failed_syncs: u64,
    pub(super) lost_tails: u64,
    pub(super) failed_applies: u64,
    pub(super) lost_stores: u64,
}
