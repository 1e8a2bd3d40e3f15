//! What long tests under load share: one at a time, their size from outside, choices that can be repeated.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::campaign::ledger::{Table, Writer};
use crate::client::Client;
use crate::support::{Server, poll};

/// How long writers write at most before their server is ended.
const WRITING_TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) mod audit;
pub(crate) mod crowd;
pub(crate) mod disk;
pub(crate) mod ledger;
pub(crate) mod pace;
pub(crate) mod wreck;

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

    pub(crate) fn one_of<T: Copy>(&mut self, these: &[T]) -> T {
        these[usize::try_from(self.below(these.len() as u64)).expect("an index")]
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

/// All writers take this step again and again until `end` has ended the process under them, which it is asked to after
/// so many answers or two seconds; says how many answers they got.
pub(crate) fn write_until(
    server: &mut Server,
    writers: &mut [Writer],
    step: fn(&mut Writer, &mut Doors) -> io::Result<()>,
    answers: u64,
    end: impl FnOnce(&mut Server),
) -> u64 {
    let answered = AtomicU64::new(0);
    thread::scope(|scope| {
        for writer in writers.iter_mut() {
            let (answered, mut doors) = (&answered, Doors::new(server));
            scope.spawn(move || {
                while step(writer, &mut doors).is_ok() {
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        poll(WRITING_TIMEOUT, || (answered.load(Ordering::Relaxed) >= answers).then_some(()));
        end(server);
    });
    answered.into_inner()
}
