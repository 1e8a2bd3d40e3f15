//! Calls that take long, and calls that never end.

use super::*;

const HANGS: BreakerConfig =
    BreakerConfig { slow: Some(SlowConfig { over: Duration::from_millis(100), share: 80, in_flight: true }), ..C0 };

#[test]
fn a_call_is_slow_when_it_takes_longer_than_the_limit_and_not_when_it_takes_as_long() {
    // Case 51.
    let mut desk = Desk::new(C0);
    for took in [100 * MS, 100 * MS + NS] {
        let ticket = desk.admitted();
        desk.settle(ticket, Outcome::Success, took);
    }
    assert_eq!(desk.machine.tally_at(desk.now).slow, 1);
}

#[test]
fn a_slow_failure_counts_for_both_rates_and_a_slow_success_for_one() {
    // Case 52.
    let mut desk = Desk::new(C0);
    for outcome in [Outcome::Failure, Outcome::Success] {
        let ticket = desk.admitted();
        desk.settle(ticket, outcome, SECOND);
    }
    let tally = desk.machine.tally_at(desk.now);
    assert_eq!((tally.total, tally.failed, tally.slow, tally.slow_failed), (2, 1, 2, 1));
}

#[test]
fn slow_successes_open_it() {
    // Case 53.
    let mut desk = Desk::new(C0);
    desk.succeed(2);
    for _ in 0..8 {
        let ticket = desk.admitted();
        desk.settle(ticket, Outcome::Success, SECOND);
    }
    assert_eq!((desk.state(), desk.last_cause()), (State::Open, Some(Cause::SlowCalls)));
}

#[test]
fn calls_that_hang_open_it_before_any_of_them_ends_and_count_for_nothing_then() {
    // Case 54.
    let mut desk = Desk::new(HANGS);
    let hanging: Vec<_> = (0..10).map(|_| desk.admitted()).collect();
    assert!(desk.at(100 * MS).admit().is_ok(), "none is slow yet");
    assert_eq!(desk.at(101 * MS).rejected().retry_after, 5 * SECOND);
    assert_eq!(desk.last_cause(), Some(Cause::SlowCalls));
    for ticket in hanging {
        assert_eq!(desk.settle(ticket, Outcome::Success, 101 * MS), Counted::Stale);
    }
}

#[test]
fn a_call_that_was_slow_before_it_ended_counts_once() {
    // Case 55.
    let mut desk = Desk::new(HANGS);
    let slow = desk.admitted();
    desk.at(200 * MS).succeed(1);
    assert_eq!(desk.settle(slow, Outcome::Success, 200 * MS), Counted::Yes);
    let tally = desk.machine.tally_at(desk.now);
    assert_eq!((tally.total, tally.slow), (2, 1));
    // And it no longer hangs.
    desk.at(SECOND).succeed(7);
    let _young = desk.admitted();
    assert_eq!(desk.state(), State::Closed);
}
