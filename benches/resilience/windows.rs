//! Measures rows in turns: short windows, one after the other, so that whatever else the machine does hits all alike.

use std::sync::Barrier;
use std::time::Duration;

use resurgam::clock::Clock;

use crate::rows::Row;

/// The middle and the ends of some figures.
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// There is at least one figure.
    pub(crate) fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let last = figures.len() - 1;
        Self {
            median: f64::midpoint(figures[last / 2], figures[figures.len() / 2]),
            min: figures[0],
            max: figures[last],
        }
    }
}

/// Returns for each row what a call took in each window, in nanoseconds, as the thread that makes it sees it.
pub(crate) fn measured(rows: &[Row], threads: usize, windows: u64, window: Duration) -> Vec<Vec<f64>> {
    let calls: Vec<u64> = rows.iter().map(|row| calls_in(row, threads, window)).collect();
    let mut measured = vec![Vec::new(); rows.len()];
    for _ in 0..windows {
        for ((row, calls), measured) in rows.iter().zip(&calls).zip(&mut measured) {
            measured.push(ns_of_one(row, threads, *calls));
        }
    }
    measured
}

/// Returns how many calls of one thread fill a window.
fn calls_in(row: &Row, threads: usize, window: Duration) -> u64 {
    const TRIED: u64 = 20_000;
    // The first run pays for what is made once.
    ns_of_one(row, threads, TRIED);
    let ns = ns_of_one(row, threads, TRIED);
    (window.as_nanos() as f64 / ns).max(1.0) as u64
}

/// Makes so many calls on each thread and returns what one of them took.
fn ns_of_one(row: &Row, threads: usize, calls: u64) -> f64 {
    let (clock, start) = (Clock::system(), Barrier::new(threads));
    let timed = || {
        start.wait();
        let began = clock.now();
        (row.make_calls)(calls);
        clock.now() - began
    };
    let took: Duration = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(timed)).collect();
        let own = timed();
        others.into_iter().map(|other| other.join().expect("calls do not panic")).sum::<Duration>() + own
    });
    took.as_nanos() as f64 / threads as f64 / calls as f64
}
