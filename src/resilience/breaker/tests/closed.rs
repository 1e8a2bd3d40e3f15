//! Closed and open, and what must not move them.

use proptest::prelude::*;

use super::*;
use crate::clock::drawn;
use crate::resilience::breaker::call::Rejection;

// Case 1.
#[test]
fn nothing_opens_before_the_minimum_of_calls_and_the_call_that_makes_it_does() {
    let mut desk = Desk::new(C0);
    desk.fail(9);
    assert_eq!((desk.state(), desk.rate()), (State::Closed, None));
    desk.fail(1);
    assert_eq!((desk.state(), desk.last_cause()), (State::Open, Some(Cause::FailureRate)));
}

// Case 2.
#[test]
fn a_success_that_makes_the_minimum_can_open() {
    let mut desk = Desk::new(C0);
    desk.fail(5).succeed(4);
    assert_eq!(desk.state(), State::Closed);
    desk.succeed(1);
    assert_eq!(desk.state(), State::Open);
}

// Case 3.
#[test]
fn a_rate_just_below_the_limit_leaves_it_closed() {
    let mut desk = Desk::new(C0);
    desk.fail(4).succeed(6);
    assert_eq!((desk.state(), desk.rate()), (State::Closed, Some(40)));
}

// Case 4.
#[test]
fn the_oldest_outcome_leaves_first() {
    let mut desk = Desk::new(C0);
    desk.fail(4).succeed(6).fail(1);
    assert_eq!((desk.state(), desk.rate()), (State::Closed, Some(40)));
    let mut desk = Desk::new(C0);
    desk.succeed(6).fail(4);
    assert_eq!(desk.state(), State::Closed);
    desk.fail(1);
    assert_eq!(desk.state(), State::Open);
}

// Case 6.
#[test]
fn the_open_wait_ends_exactly_when_it_said() {
    let mut desk = Desk::open(C0);
    let rejected = desk.at(5 * SECOND - NS).rejected();
    assert_eq!((rejected.why, rejected.retry_after), (Rejection::Open, NS));
    assert!(desk.at(5 * SECOND).admitted().is_probe());
}

// Case 8.
#[test]
fn a_late_success_changes_nothing_once_it_is_open() {
    let mut desk = Desk::new(C0);
    let late = desk.admitted();
    desk.fail(10);
    assert_eq!(desk.settle(late, Outcome::Success, QUICK), Counted::Stale);
    assert_eq!((desk.state(), desk.total(), desk.moved.len()), (State::Open, 0, 1));
}

// Case 9.
#[test]
fn a_late_failure_does_not_lengthen_the_open_wait() {
    let mut desk = Desk::new(C0);
    let late = desk.admitted();
    desk.fail(10);
    desk.at(4 * SECOND).settle(late, Outcome::Failure, QUICK);
    assert!(desk.at(5 * SECOND).admitted().is_probe());
}

// Cases 10 and 11.
#[test]
fn a_late_outcome_neither_closes_nor_opens_a_half_open_breaker() {
    for outcome in [Outcome::Success, Outcome::Failure] {
        let mut desk = Desk::new(BreakerConfig { probes: Probes { required: 1, ..C0.probes }, ..C0 });
        let late = desk.admitted();
        desk.fail(10);
        let probe = desk.at(5 * SECOND).admitted();
        assert_eq!(desk.settle(late, outcome, QUICK), Counted::Stale);
        assert_eq!(desk.state(), State::HalfOpen);
        desk.settle(probe, Outcome::Success, QUICK);
        assert_eq!(desk.state(), State::Closed);
    }
}

// Case 13.
#[test]
fn a_late_outcome_is_not_counted_in_a_later_closed_period() {
    let mut desk = Desk::new(C0);
    let late = desk.admitted();
    desk.fail(10).at(5 * SECOND).succeed(2);
    assert_eq!(desk.state(), State::Closed);
    assert_eq!(desk.settle(late, Outcome::Failure, QUICK), Counted::Stale);
    assert_eq!(desk.total(), 0);
}

// Case 15.
#[test]
fn what_says_nothing_of_the_callee_is_not_counted() {
    let mut desk = Desk::new(C0);
    desk.calls(Outcome::Ignored, 100).fail(9);
    assert_eq!((desk.state(), desk.total()), (State::Closed, 9));
    let mut desk = Desk::new(C0);
    desk.calls(Outcome::NotExecuted, 100).calls(Outcome::Cancelled, 100);
    assert_eq!((desk.state(), desk.total()), (State::Closed, 0));
}

// Case 17.
#[test]
fn a_callee_that_asks_for_less_has_not_failed() {
    let mut desk = Desk::new(C0);
    desk.calls(Outcome::Overload { retry_after: SECOND }, 20);
    assert_eq!((desk.state(), desk.total()), (State::Closed, 0));
}

// Case 18.
#[test]
fn failures_in_a_row_open_whatever_the_rate_says_and_are_the_cause_that_is_told() {
    let mut desk = Desk::new(BreakerConfig { consecutive: Some(5), ..T0 });
    desk.succeed(100).fail(4);
    assert_eq!(desk.state(), State::Closed);
    desk.fail(1);
    assert_eq!((desk.state(), desk.last_cause()), (State::Open, Some(Cause::FailuresInARow)));
    let mut desk = Desk::new(BreakerConfig { consecutive: Some(10), ..C0 });
    desk.fail(10);
    assert_eq!(desk.last_cause(), Some(Cause::FailuresInARow));
}

// Case 20.
#[test]
fn after_a_long_sleep_the_next_call_is_a_probe_and_nothing_old_counts() {
    let mut desk = Desk::open(C0);
    assert!(desk.at(3_600 * SECOND).admitted().is_probe());
    assert_eq!(desk.total(), 0);
}

/// Opens again and again by a failed probe; returns each wait.
fn waits(config: BreakerConfig, times: usize) -> Vec<Duration> {
    let mut desk = Desk::open(config);
    let mut waits = Vec::new();
    for _ in 0..times {
        let wait = desk.rejected().retry_after;
        waits.push(wait);
        desk.later(wait).fail(1);
        while desk.state() == State::HalfOpen {
            desk.fail(1);
        }
    }
    waits
}

// Case 21.
#[test]
fn each_open_wait_is_twice_the_last_until_the_longest_which_is_reached_exactly() {
    assert_eq!(waits(C0, 6), [5, 10, 20, 40, 60, 60].map(|seconds| seconds * SECOND));
}

// Case 21.
#[test]
fn jittered_waits_lie_between_half_and_whole_around_three_quarters() {
    let config = BreakerConfig { open: OpenWait { jitter: true, ..C0.open }, ..C0 };
    let longest = &waits(config, 10_004)[4..];
    assert!(longest.iter().all(|wait| (30 * SECOND..=60 * SECOND).contains(wait)));
    let mean = longest.iter().sum::<Duration>().as_secs_f64() / longest.len() as f64;
    assert!((mean - 45.0).abs() < 0.5, "{mean}");
}

#[test]
fn a_jittered_wait_can_be_its_half_and_its_whole() {
    let open = OpenWait { first: 2 * NS, max: 2 * NS, jitter: true, ..C0.open };
    let mut drawn = waits(BreakerConfig { open, ..C0 }, 100);
    drawn.sort_unstable();
    drawn.dedup();
    assert_eq!(drawn, [NS, 2 * NS]);
}

#[test]
fn the_numbers_a_seed_draws_are_those_of_the_clock_and_never_change() {
    for seed in [0, 42, u64::MAX] {
        let mut machine = Machine::new(&C0, seed);
        assert!((0..100).all(|index| machine.draw() == drawn(seed, index)));
    }
}

// Case 22.
#[test]
fn a_short_recovery_does_not_forget_the_waits_and_a_long_one_does() {
    let reopened = |stable: Duration| {
        let mut desk = Desk::open(C0);
        for wait in [5, 10] {
            desk.later(wait * SECOND).fail(1);
            while desk.state() == State::HalfOpen {
                desk.fail(1);
            }
        }
        desk.later(20 * SECOND).succeed(2);
        assert_eq!(desk.state(), State::Closed);
        desk.later(stable).fail(10);
        desk.rejected().retry_after
    };
    assert_eq!(reopened(5 * SECOND), 40 * SECOND);
    assert_eq!(reopened(60 * SECOND), 5 * SECOND);
}

// Case 30.
#[test]
fn a_share_of_a_hundred_needs_every_call_to_fail() {
    let all = BreakerConfig { failures: Some(100), ..C0 };
    let mut desk = Desk::new(all);
    desk.fail(9).succeed(1);
    assert_eq!(desk.state(), State::Closed);
    let mut desk = Desk::new(all);
    desk.fail(10);
    assert_eq!(desk.state(), State::Open);
}

// Case 30.
#[test]
fn a_configuration_that_could_not_work_is_refused_by_the_field_at_fault() {
    let slow = C0.slow.expect("it has one");
    let table = [
        (BreakerConfig { failures: Some(0), ..C0 }, "failures"),
        (BreakerConfig { failures: Some(101), ..C0 }, "failures"),
        (BreakerConfig { failures: None, slow: None, ..C0 }, "failures"),
        (BreakerConfig { calls_min: 0, ..C0 }, "calls_min"),
        (BreakerConfig { calls_min: 11, ..C0 }, "calls_min"),
        (BreakerConfig { window: WindowConfig::Count(0), ..C0 }, "window.count"),
        (BreakerConfig { window: WindowConfig::Time { buckets: 0, width: SECOND }, ..C0 }, "window.buckets"),
        (BreakerConfig { window: WindowConfig::Time { buckets: 1, width: Duration::ZERO }, ..C0 }, "window.width"),
        (BreakerConfig { slow: Some(SlowConfig { share: 0, ..slow }), ..C0 }, "slow.share"),
        (BreakerConfig { slow: Some(SlowConfig { over: Duration::ZERO, ..slow }), ..C0 }, "slow.over"),
        (BreakerConfig { consecutive: Some(0), ..C0 }, "consecutive"),
        (BreakerConfig { open: OpenWait { first: Duration::ZERO, ..C0.open }, ..C0 }, "open.first"),
        (BreakerConfig { open: OpenWait { max: SECOND, ..C0.open }, ..C0 }, "open.max"),
        (BreakerConfig { probes: Probes { required: 0, ..C0.probes }, ..C0 }, "probes.required"),
        (BreakerConfig { probes: Probes { at_once: 0, ..C0.probes }, ..C0 }, "probes.at_once"),
        (BreakerConfig { probes: Probes { at_once: 9, ..C0.probes }, ..C0 }, "probes.at_once"),
        (BreakerConfig { probes: Probes { deadline: Duration::ZERO, ..C0.probes }, ..C0 }, "probes.deadline"),
        (BreakerConfig { probes: Probes { abandoned_max: 0, ..C0.probes }, ..C0 }, "probes.abandoned_max"),
        (BreakerConfig { ramp: Some(Duration::ZERO), ..C0 }, "ramp"),
    ];
    for (config, field) in table {
        assert_eq!(config.check().map_err(|error| error.field), Err(field));
    }
    let nothing = BreakerConfig { failures: None, slow: None, consecutive: None, ..C0 };
    let by_one = [
        BreakerConfig { failures: C0.failures, ..nothing },
        BreakerConfig { slow: C0.slow, ..nothing },
        BreakerConfig { consecutive: Some(1), ..nothing },
    ];
    for good in [C0, T0, BreakerConfig::KIND, BreakerConfig::ask(610 * MS)].into_iter().chain(by_one) {
        assert_eq!(good.check(), Ok(()));
    }
}

proptest! {
    // Case 5.
    #[test]
    fn the_ring_counts_as_a_recount_of_the_last_outcomes_does(
        size in prop::sample::select(vec![1_usize, 2, 63, 64, 65, 1_000]),
        outcomes in prop::collection::vec(any::<(bool, bool)>(), 0..3_000),
    ) {
        let mut window = super::super::window::Window::new(WindowConfig::Count(size));
        for (at, (failed, slow)) in outcomes.iter().enumerate() {
            window.record(*failed, *slow, Moment::default());
            let last = &outcomes[(at + 1).saturating_sub(size)..=at];
            let tally = window.tally();
            let count = |wanted: fn(&(bool, bool)) -> bool| last.iter().filter(|one| wanted(one)).count() as u64;
            prop_assert_eq!(tally.total, last.len() as u64);
            prop_assert_eq!(tally.failed, count(|(failed, _)| *failed));
            prop_assert_eq!(tally.slow, count(|(_, slow)| *slow));
            prop_assert_eq!(tally.slow_failed, count(|(failed, slow)| *failed && *slow));
        }
    }
}
