//! A time that stands still for each thread until the thread lets it pass.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::Instant;

loom::thread_local! {
    static PASSED: Cell<Duration> = Cell::new(Duration::ZERO);
}

/// Stands in for the clock of the main crate.
#[derive(Clone, Debug)]
pub struct Clock;

impl Clock {
    /// Returns the time of this thread; all begin with the same.
    pub fn now(&self) -> Instant {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        *ORIGIN.get_or_init(Instant::now) + PASSED.with(Cell::get)
    }
}

/// Lets time pass on this thread.
pub fn pass(by: Duration) {
    PASSED.with(|passed| passed.set(passed.get() + by));
}
