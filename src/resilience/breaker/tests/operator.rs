//! What an operator decides, for a time.

use super::*;
use crate::resilience::breaker::call::Rejection;
use crate::resilience::breaker::transition::Mode;

impl Desk {
    fn force(&mut self, mode: Mode, until: Duration) -> &mut Self {
        self.step(|machine, step| machine.force(step, Some((mode, Some(Moment::new(until))))));
        self
    }

    fn reset(&mut self) -> &mut Self {
        self.step(|machine, step| machine.force(step, None));
        self
    }
}

// Case 23.
#[test]
fn forced_open_turns_every_call_away_until_its_time_is_over_and_then_probes() {
    let mut desk = Desk::new(C0);
    desk.force(Mode::ForcedOpen, 30 * SECOND).at(10 * SECOND);
    desk.machine.reconfigure(&T0);
    for _ in 0..1_000 {
        let rejected = desk.rejected();
        assert_eq!((rejected.why, rejected.retry_after), (Rejection::Forced, 20 * SECOND));
    }
    assert!(desk.at(30 * SECOND).admitted().is_probe());
    assert_eq!((desk.state(), desk.last_cause()), (State::HalfOpen, Some(Cause::TimeLimit)));
}

// Case 24.
#[test]
fn a_disabled_one_admits_all_and_counts_nothing() {
    let mut desk = Desk::new(C0);
    desk.force(Mode::Disabled, 30 * SECOND).fail(100);
    assert_eq!((desk.total(), desk.rate()), (0, None));
    desk.at(30 * SECOND).succeed(1);
    assert_eq!((desk.state(), desk.total()), (State::Closed, 1));
}

// Case 25.
#[test]
fn one_that_only_measures_says_once_that_it_would_have_opened() {
    let mut desk = Desk::new(C0);
    desk.force(Mode::MetricsOnly, 3_600 * SECOND).fail(30);
    let said = |desk: &Desk| desk.moved.iter().filter(|moved| moved.cause == Cause::WouldOpen).count();
    assert_eq!(said(&desk), 1);
    desk.succeed(10).fail(10);
    assert_eq!(said(&desk), 2);
    let mut desk = Desk::new(C0);
    desk.force(Mode::ForcedClosed, 3_600 * SECOND).fail(30);
    assert_eq!((said(&desk), desk.rate()), (0, Some(100)));
}

// Case 25.
#[test]
fn one_that_only_measures_says_it_again_only_after_enough_calls_have_shown_it_well() {
    let mut desk = Desk::new(BreakerConfig { consecutive: Some(2), ..C0 });
    desk.force(Mode::MetricsOnly, 3_600 * SECOND).fail(2).succeed(1).fail(2);
    assert_eq!(desk.moved.iter().filter(|moved| moved.cause == Cause::WouldOpen).count(), 1);
}

// Case 26.
#[test]
fn a_reset_closes_and_forgets_from_every_state() {
    let half_open = || {
        let mut desk = Desk::open(C0);
        let _probe = desk.at(5 * SECOND).admitted();
        desk
    };
    let forced = || {
        let mut desk = Desk::new(C0);
        desk.force(Mode::ForcedOpen, 30 * SECOND);
        desk
    };
    let closed = || {
        let mut desk = Desk::new(C0);
        desk.fail(9);
        desk
    };
    for mut desk in [Desk::open(C0), half_open(), forced(), closed()] {
        let (generation, moved) = (desk.machine.generation(), desk.moved.len());
        desk.reset();
        assert_eq!((desk.state(), desk.total()), (State::Closed, 0));
        assert_eq!((desk.machine.generation(), desk.moved.len()), (generation + 1, moved + 1));
        desk.fail(9);
        assert_eq!(desk.state(), State::Closed);
    }
}

// Case 14.
#[test]
fn nothing_of_an_open_period_that_was_reset_acts_on_a_later_one() {
    let mut desk = Desk::open(C0);
    desk.at(SECOND).reset();
    desk.at(2 * SECOND).fail(10);
    assert_eq!(desk.at(5 * SECOND).rejected().retry_after, 2 * SECOND);
    assert!(desk.at(7 * SECOND).admitted().is_probe());
}

// Case 118.
#[test]
fn a_cause_outside_of_its_window_opens_a_closed_one_and_no_other() {
    let mut desk = Desk::new(C0);
    desk.step(|machine, step| machine.trip(step, Cause::Instances));
    assert_eq!((desk.state(), desk.last_cause()), (State::Open, Some(Cause::Instances)));
    desk.step(|machine, step| machine.trip(step, Cause::Instances));
    assert_eq!(desk.moved.len(), 1);
}
