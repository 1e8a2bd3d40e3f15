//! What long tests under load share: one at a time, their size from outside, choices that can be repeated.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::campaign::ledger::Table;
use crate::client::Client;
use crate::support::Server;

pub(crate) mod audit;
pub(crate) mod ledger;

/// Campaigns load the machine and measure time: one at a time.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static MACHINE: Mutex<()> = Mutex::new(());
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number from the environment, else the default.
#[expect(clippy::disallowed_methods, reason = "the length of a campaign is set from outside")]
pub(crate) fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")),
        Err(_) => default,
    }
}

/// Reproducible choices (splitmix64): the same seed makes the same choices on every platform.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

/// The seed of a campaign: `RESURGAM_SEED`, else new each run; printed, so that a failure can be repeated.
pub(crate) fn seed() -> u64 {
    let seed = setting("RESURGAM_SEED", RandomState::new().build_hasher().finish());
    eprintln!("seed: RESURGAM_SEED={seed}");
    seed
}

/// One client's connections to the two services it writes to.
pub(crate) struct Doors {
    pub(crate) product: Client,
    pub(crate) rental: Client,
}

impl Doors {
    pub(crate) fn new(server: &Server) -> Doors {
        Doors { product: server.client("product"), rental: server.client("rental") }
    }

    pub(crate) fn of(&mut self, table: Table) -> &mut Client {
        match table {
            Table::Products => &mut self.product,
            Table::Rentals => &mut self.rental,
        }
    }
}
