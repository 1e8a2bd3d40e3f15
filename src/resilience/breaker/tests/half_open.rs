//! Probes: how many, how long, and what they decide.

use super::*;
use crate::resilience::breaker::call::Rejection;

fn with(required: u32, at_once: u32) -> BreakerConfig {
    BreakerConfig { probes: Probes { required, at_once, ..C0.probes }, ..C0 }
}

/// Half-open at 5 s.
fn half_open(config: BreakerConfig) -> Desk {
    let mut desk = Desk::open(config);
    desk.at(5 * SECOND);
    desk
}

// Case 39.
#[test]
fn a_full_half_open_breaker_says_when_a_place_is_free_at_the_latest() {
    let mut desk = half_open(C0);
    let _probe = desk.admitted();
    let rejected = desk.later(500 * MS).rejected();
    assert_eq!((rejected.why, rejected.retry_after), (Rejection::HalfOpenFull, 1_500 * MS));
}

// Case 40.
#[test]
fn never_more_probes_run_than_may_and_never_more_are_admitted_than_are_needed() {
    let mut desk = half_open(BreakerConfig { failures: Some(1), ..with(4, 2) });
    let (first, second) = (desk.admitted(), desk.admitted());
    assert_eq!(desk.rejected().why, Rejection::HalfOpenFull);
    desk.settle(first, Outcome::Success, QUICK);
    desk.settle(second, Outcome::Success, QUICK);
    let (third, fourth) = (desk.admitted(), desk.admitted());
    desk.settle(third, Outcome::Success, QUICK);
    // One is still under way, and with it there are all that are needed.
    assert_eq!(desk.rejected().why, Rejection::HalfOpenFull);
    desk.settle(fourth, Outcome::Success, QUICK);
    assert_eq!((desk.state(), desk.total()), (State::Closed, 0));
}

// Case 41.
#[test]
fn it_opens_again_as_soon_as_the_missing_probes_cannot_save_it() {
    let mut desk = half_open(with(4, 1));
    desk.succeed(1).fail(1);
    assert_eq!(desk.state(), State::HalfOpen);
    desk.fail(1);
    assert_eq!((desk.state(), desk.last_cause()), (State::Open, Some(Cause::ProbeFailed)));
}

// Case 42.
#[test]
fn it_closes_as_soon_as_the_missing_probes_cannot_spoil_it() {
    let mut desk = half_open(with(4, 1));
    desk.succeed(2);
    assert_eq!(desk.state(), State::HalfOpen);
    desk.succeed(1);
    assert_eq!((desk.state(), desk.last_cause()), (State::Closed, Some(Cause::Recovered)));
}

#[test]
fn without_a_share_of_failures_one_bad_probe_opens_it_and_all_good_ones_close_it() {
    let mut desk = half_open(BreakerConfig { failures: None, consecutive: Some(10), ..with(3, 1) });
    desk.succeed(2);
    assert_eq!(desk.state(), State::HalfOpen);
    desk.succeed(1);
    assert_eq!(desk.state(), State::Closed);
    let mut desk = half_open(BreakerConfig { failures: None, consecutive: Some(10), ..with(3, 1) });
    desk.succeed(2).fail(1);
    assert_eq!((desk.state(), desk.last_cause()), (State::Open, Some(Cause::ProbeFailed)));
}

// Case 43.
#[test]
fn an_abandoned_probe_frees_its_place_and_three_in_a_row_open_it_again() {
    let mut desk = half_open(C0);
    desk.calls(Outcome::Cancelled, 2).succeed(1).calls(Outcome::Cancelled, 2);
    assert_eq!(desk.state(), State::HalfOpen);
    desk.call(Outcome::Cancelled);
    assert_eq!((desk.state(), desk.last_cause()), (State::Open, Some(Cause::ProbesAbandoned)));
}

// Case 44.
#[test]
fn a_probe_that_hangs_has_failed_at_its_deadline_and_its_answer_comes_too_late() {
    let mut desk = half_open(with(1, 1));
    let probe = desk.admitted();
    let generation = desk.machine.generation();
    assert_eq!(desk.at(8 * SECOND).rejected().why, Rejection::Open);
    let reopened = *desk.moved.last().expect("it moved");
    assert_eq!((reopened.cause, reopened.at), (Cause::ProbeOverdue, Moment::new(7 * SECOND)));
    assert_eq!(desk.machine.generation(), generation + 1);
    assert_eq!(desk.at(9 * SECOND).settle(probe, Outcome::Success, QUICK), Counted::Stale);
    // The wait is the second, 10 s, and counts from the deadline.
    assert_eq!(desk.rejected().retry_after, 8 * SECOND);
}

#[test]
fn an_overdue_probe_that_decides_nothing_is_counted_once_and_its_place_is_anothers() {
    let mut desk = half_open(with(4, 1));
    let overdue = desk.admitted();
    let next = desk.at(8 * SECOND).admitted();
    assert_eq!(desk.settle(overdue, Outcome::Failure, QUICK), Counted::Stale);
    assert_eq!((desk.state(), desk.rejected().why), (State::HalfOpen, Rejection::HalfOpenFull));
    assert_eq!(desk.settle(next, Outcome::Failure, QUICK), Counted::Yes);
    assert_eq!(desk.state(), State::Open);
}

// Case 45.
#[test]
fn a_probe_that_was_turned_away_further_in_frees_its_place_as_often_as_it_happens() {
    let mut desk = half_open(C0);
    desk.calls(Outcome::NotExecuted, 100).calls(Outcome::Ignored, 100);
    assert_eq!(desk.state(), State::HalfOpen);
    desk.succeed(2);
    assert_eq!(desk.state(), State::Closed);
}

// Case 46.
#[test]
fn an_outcome_of_an_older_period_frees_no_place() {
    let mut desk = Desk::new(C0);
    let late = desk.admitted();
    desk.fail(10).at(5 * SECOND);
    let _probe = desk.admitted();
    desk.settle(late, Outcome::Ignored, QUICK);
    assert_eq!(desk.rejected().why, Rejection::HalfOpenFull);
}

// Case 12.
#[test]
fn a_probe_of_an_earlier_period_says_nothing_in_a_later_one() {
    let mut desk = half_open(with(1, 1));
    let old = desk.admitted();
    desk.at(7 * SECOND).rejected();
    let new = desk.at(17 * SECOND).admitted();
    assert_eq!(desk.settle(old, Outcome::Success, QUICK), Counted::Stale);
    assert_eq!(desk.state(), State::HalfOpen);
    desk.settle(new, Outcome::Success, QUICK);
    assert_eq!(desk.state(), State::Closed);
}

// Case 47.
#[test]
fn without_calls_nothing_happens_and_the_next_one_is_a_probe() {
    let mut desk = half_open(C0);
    desk.call(Outcome::NotExecuted);
    let moved = desk.moved.len();
    assert!(desk.later(3_600 * SECOND).admitted().is_probe());
    assert_eq!(desk.moved.len(), moved);
}

// Case 17.
#[test]
fn an_overloaded_probe_opens_it_for_as_long_as_it_asks_and_no_longer_than_the_longest() {
    for (asked, waits) in [(1, 10), (30, 30), (3_600, 60)] {
        let mut desk = half_open(C0);
        desk.call(Outcome::Overload { retry_after: asked * SECOND });
        assert_eq!(desk.last_cause(), Some(Cause::Overloaded));
        assert_eq!(desk.rejected().retry_after, waits * SECOND);
    }
}

#[test]
fn a_slow_probe_does_not_show_that_the_callee_is_back() {
    let mut desk = half_open(C0);
    for _ in 0..2 {
        let probe = desk.admitted();
        desk.settle(probe, Outcome::Success, 101 * MS);
    }
    assert_eq!((desk.state(), desk.last_cause()), (State::Open, Some(Cause::ProbeSlow)));
}

/// Calls admitted of 1,000 in each of four seconds after recovery.
fn ramped(config: BreakerConfig) -> (Vec<usize>, Desk) {
    let mut desk = half_open(config);
    desk.succeed(2);
    assert_eq!(desk.state(), State::Ramping);
    let mut admitted = Vec::new();
    for _ in 0..4 {
        let mut passed = 0;
        for _ in 0..1_000 {
            if let Ok(ticket) = desk.admit() {
                desk.settle(ticket, Outcome::Success, QUICK);
                passed += 1;
            }
            desk.later(MS);
        }
        admitted.push(passed);
    }
    (admitted, desk)
}

// Case 48.
#[test]
fn after_recovery_a_growing_share_passes_the_same_on_every_replay() {
    let config = BreakerConfig { ramp: Some(SECOND), ..T0 };
    let (admitted, desk) = ramped(config);
    assert!((70..=130).contains(&admitted[0]), "{admitted:?}");
    assert!((205..=295).contains(&admitted[1]), "{admitted:?}");
    assert!((450..=550).contains(&admitted[2]), "{admitted:?}");
    assert_eq!((admitted[3], desk.state()), (1_000, State::Closed));
    assert_eq!(ramped(config).0, admitted);
}

#[test]
fn a_step_of_the_ramp_lets_exactly_its_share_pass_and_who_is_kept_out_waits_for_the_next() {
    let mut desk = half_open(BreakerConfig { ramp: Some(SECOND), ..T0 });
    desk.succeed(2);
    for share in [10_000, 25_000, 50_000_usize] {
        desk.later(300 * MS);
        let rejected: Vec<_> = (0..100_000).filter_map(|_| desk.admit().err()).collect();
        assert!((100_000 - rejected.len()).abs_diff(share) < 600, "{} of {share}", 100_000 - rejected.len());
        assert!(rejected.iter().all(|kept_out| kept_out.retry_after == 700 * MS));
        desk.later(700 * MS);
    }
}

// Case 48.
#[test]
fn failures_in_the_ramp_open_it_again() {
    let mut desk = half_open(BreakerConfig { ramp: Some(SECOND), ..T0 });
    desk.succeed(2);
    let mut failed = 0;
    while failed < 10 {
        if let Ok(ticket) = desk.admit() {
            desk.settle(ticket, Outcome::Failure, QUICK);
            failed += 1;
        }
    }
    assert_eq!((desk.state(), desk.last_cause()), (State::Open, Some(Cause::FailureRate)));
}
