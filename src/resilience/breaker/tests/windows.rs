//! Time windows: absolute buckets, whatever the gaps and the order of writers.

use super::*;
use crate::resilience::breaker::window::{Tally, Window};

const TEN_SECONDS: WindowConfig = WindowConfig::Time { buckets: 10, width: SECOND };

/// What one quick success leaves.
const GOOD_ONE: Tally = Tally { total: 1, failed: 0, slow: 0, slow_failed: 0 };

fn at(seconds: f64) -> Moment {
    Moment::new(Duration::from_secs_f64(seconds))
}

// Case 31.
#[test]
fn a_bucket_leaves_as_a_whole_when_its_second_has_left_the_window() {
    let mut window = Window::new(TEN_SECONDS);
    (0..20).for_each(|_| window.record(true, false, at(0.5)));
    assert_eq!(window.tally_at(at(9.9)).failed, 20);
    assert_eq!(window.tally_at(at(10.0)).failed, 0);
}

// Case 32.
#[test]
fn a_gap_as_long_as_the_window_leaves_nothing_of_the_bucket_in_the_same_place() {
    let mut window = Window::new(TEN_SECONDS);
    window.record(true, true, at(0.5));
    window.record(false, false, at(10.5));
    assert_eq!(window.tally(), GOOD_ONE);
}

// Case 33.
#[test]
fn a_gap_of_billions_of_buckets_costs_no_more_than_the_window() {
    let mut window = Window::new(WindowConfig::Time { buckets: 10, width: NS });
    window.record(true, true, Moment::from_nanos(1));
    window.record(false, false, Moment::from_nanos(1 << 40));
    assert_eq!(window.tally(), GOOD_ONE);
}

// Case 35.
#[test]
fn a_late_writer_reaches_its_own_bucket_or_none() {
    let mut window = Window::new(TEN_SECONDS);
    window.record(false, false, at(10.0));
    window.record(true, false, at(9.999));
    assert_eq!(window.tally().failed, 1);
    assert_eq!(window.tally_at(at(19.0)).failed, 0, "it left with the bucket before");
    window.record(false, false, at(25.0));
    window.record(true, false, at(15.999));
    assert_eq!(window.tally().failed, 0, "its bucket was gone");
}

// Case 36.
#[test]
fn a_bucket_counts_hundreds_of_thousands_of_outcomes_exactly() {
    let mut window = Window::new(TEN_SECONDS);
    (0..200_000).for_each(|call| window.record(call % 5 < 3, false, at(0.5)));
    assert_eq!((window.tally().total, window.tally().failed), (200_000, 120_000));
}

// Case 37.
#[test]
fn a_call_longer_than_the_window_counts_when_it_ends() {
    let mut desk = Desk::new(T0);
    let long = desk.admitted();
    desk.at(35 * SECOND);
    assert_eq!(desk.settle(long, Outcome::Failure, 35 * SECOND), Counted::Yes);
    assert_eq!(desk.total(), 1);
}

// Case 38.
#[test]
fn a_window_that_is_reshaped_keeps_what_still_fits() {
    let mut window = Window::new(TEN_SECONDS);
    for second in 0..10 {
        (0..2).for_each(|call| window.record(call == 0, false, at(f64::from(second) + 0.5)));
    }
    window.reshape(WindowConfig::Time { buckets: 20, width: SECOND });
    assert_eq!((window.tally().total, window.tally().failed), (20, 10));
    window.reshape(WindowConfig::Time { buckets: 5, width: SECOND });
    assert_eq!(window.tally_at(at(9.9)).total, 10);
    window.reshape(WindowConfig::Time { buckets: 5, width: 2 * SECOND });
    assert_eq!(window.tally_at(at(9.9)).total, 10);

    let mut window = Window::new(WindowConfig::Count(10));
    (0..10).for_each(|call| window.record(call < 5, false, Moment::default()));
    window.reshape(WindowConfig::Count(6));
    assert_eq!((window.tally().total, window.tally().failed), (6, 1));
}
