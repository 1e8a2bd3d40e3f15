//! A breaker as its callers see it: without its lock where that is promised, and what it tells of itself.

use std::mem::forget;
use std::sync::mpsc;
use std::thread;

use super::shared::{at, breaker, fail};
use super::*;
use crate::resilience::breaker::{Breaker, Event, Happening, Mode};

const HANGS: BreakerConfig =
    BreakerConfig { slow: Some(SlowConfig { over: Duration::from_millis(100), share: 80, in_flight: true }), ..C0 };

fn open(config: BreakerConfig) -> Breaker {
    let breaker = breaker(config);
    fail(&breaker, 10, at(Duration::ZERO));
    breaker
}

/// Tells whether a call is admitted while another thread holds the lock; `None` when it waits for it.
fn admitted_beside_the_lock(breaker: &Breaker, now: Moment) -> Option<bool> {
    let (says, said) = mpsc::channel();
    let core = breaker.core.lock();
    thread::scope(|scope| {
        scope.spawn(move || {
            let permit = breaker.admit(now);
            says.send(permit.is_ok()).map_or_else(drop, drop);
            // Settled, it would wait.
            forget(permit);
        });
        let said = said.recv_timeout(5 * SECOND).ok();
        drop(core);
        said
    })
}

#[test]
fn a_closed_one_admits_and_an_open_one_turns_away_without_the_lock() {
    assert_eq!(admitted_beside_the_lock(&breaker(C0), at(Duration::ZERO)), Some(true));
    let open = open(C0);
    // Noted as an event, which takes it.
    assert!(open.admit(at(Duration::ZERO)).is_err());
    assert_eq!(admitted_beside_the_lock(&open, at(NS)), Some(false));
}

#[test]
fn of_the_calls_an_open_one_turns_away_ten_a_second_are_told() {
    let breaker = open(C0);
    for ms in 0..1_000 {
        assert!(breaker.admit(at(ms * MS)).is_err());
    }
    let told = breaker.events().into_iter().filter(|event| event.happening == Happening::Rejected);
    assert!(told.map(|event| event.at).eq((0..10).map(|tenth| at(tenth * 100 * MS))));
    assert_eq!(breaker.snapshot(at(SECOND)).counts.rejected, 1_000);
}

#[test]
fn a_call_that_failed_is_told_with_the_time_it_took_and_one_that_did_not_is_not() {
    let breaker = breaker(C0);
    for outcome in [Outcome::Success, Outcome::Failure, Outcome::Cancelled] {
        breaker.admit(at(SECOND)).expect("closed").settle(outcome, at(3 * SECOND));
    }
    let told = Event { number: 1, at: at(3 * SECOND), happening: Happening::Failed { took: 2 * SECOND } };
    assert_eq!(breaker.events(), [told]);
}

#[test]
fn a_look_at_it_does_what_the_time_has_brought_about() {
    let breaker = breaker(C0);
    breaker.force(Some((Mode::ForcedOpen, Some(30 * SECOND))), at(Duration::ZERO));
    breaker.tick(at(30 * SECOND - NS));
    assert_eq!(breaker.snapshot(at(30 * SECOND)).state, State::Forced(Mode::ForcedOpen));
    breaker.tick(at(30 * SECOND));
    assert_eq!(breaker.snapshot(at(30 * SECOND)).state, State::HalfOpen);
}

#[test]
fn a_cause_from_outside_opens_it_for_its_callers() {
    let breaker = breaker(C0);
    breaker.trip(Cause::Instances, at(SECOND));
    assert_eq!(breaker.admit(at(SECOND)).map(drop).expect_err("it is open").retry_after, 5 * SECOND);
}

#[test]
fn a_snapshot_says_whether_there_is_a_rate_and_until_when_none_passes() {
    let breaker = breaker(C0);
    let now = at(SECOND);
    fail(&breaker, 4, now);
    (0..5).for_each(|_| breaker.admit(now).expect("closed").settle(Outcome::Success, now));
    let look = |breaker: &Breaker| (breaker.snapshot(now).has_rate, breaker.snapshot(now).open_until);
    assert_eq!(look(&breaker), (false, None));
    breaker.admit(now).expect("closed").settle(Outcome::Success, now);
    assert_eq!(look(&breaker), (true, None));
    fail(&breaker, 5, now);
    assert_eq!(look(&breaker), (false, Some(at(6 * SECOND))));
    breaker.force(Some((Mode::ForcedOpen, Some(30 * SECOND))), now);
    assert_eq!(look(&breaker), (false, Some(at(31 * SECOND))));
}

#[test]
fn every_end_of_a_call_is_counted_by_its_kind_and_a_slow_one_as_slow_besides() {
    let breaker = breaker(C0);
    let ends = [
        Outcome::Success,
        Outcome::Failure,
        Outcome::Overload { retry_after: SECOND },
        Outcome::Ignored,
        Outcome::Cancelled,
        Outcome::NotExecuted,
    ];
    for (times, outcome) in (1..).zip(ends) {
        (0..times).for_each(|_| breaker.admit(at(SECOND)).expect("closed").settle(outcome, at(SECOND)));
    }
    for took in [99 * MS, 100 * MS, 101 * MS, 102 * MS] {
        breaker.admit(at(SECOND)).expect("closed").settle(Outcome::Success, at(SECOND + took));
    }
    let counts = breaker.snapshot(at(SECOND)).counts;
    let ended = [counts.successes, counts.failures, counts.overloads, counts.ignored];
    assert_eq!((ended, counts.cancelled, counts.not_executed, counts.slow), ([5, 2, 3, 4], 5, 6, 2));
}

#[test]
fn a_reconfigured_one_judges_by_the_new_window_what_it_counted_in_the_old() {
    let breaker = breaker(C0);
    fail(&breaker, 9, at(Duration::ZERO));
    let larger = BreakerConfig { window: WindowConfig::Count(20), calls_min: 20, ..C0 };
    breaker.reconfigure(larger).expect("it works");
    fail(&breaker, 10, at(Duration::ZERO));
    assert_eq!(breaker.snapshot(at(Duration::ZERO)).state, State::Closed);
    fail(&breaker, 1, at(Duration::ZERO));
    assert_eq!(breaker.snapshot(at(Duration::ZERO)).state, State::Open);
}

#[test]
fn the_time_in_line_is_not_the_callees() {
    for config in [C0, HANGS] {
        let breaker = breaker(config);
        let mut permit = breaker.admit(at(Duration::ZERO)).expect("closed");
        permit.begin_work(at(SECOND));
        assert_eq!((permit.began(), permit.is_probe()), (at(SECOND), false));
        permit.settle(Outcome::Success, at(SECOND + 100 * MS));
        let tally = breaker.snapshot(at(2 * SECOND)).tally;
        assert_eq!((tally.total, tally.slow), (1, 0));
    }
}

#[test]
fn who_waited_in_line_hangs_from_the_beginning_of_its_work_only() {
    let breaker = breaker(HANGS);
    let mut permits: Vec<_> = (0..10).map(|_| breaker.admit(at(Duration::ZERO)).expect("closed")).collect();
    permits.iter_mut().for_each(|permit| permit.begin_work(at(SECOND)));
    breaker.tick(at(SECOND + 100 * MS));
    assert_eq!(breaker.snapshot(at(2 * SECOND)).state, State::Closed);
    breaker.tick(at(SECOND + 101 * MS));
    assert_eq!(breaker.snapshot(at(2 * SECOND)).state, State::Open);
}

#[test]
fn who_was_admitted_before_a_reset_and_begins_its_work_after_it_hangs_for_nobody() {
    let breaker = breaker(HANGS);
    let mut permits: Vec<_> = (0..10).map(|_| breaker.admit(at(Duration::ZERO)).expect("closed")).collect();
    breaker.force(None, at(Duration::ZERO));
    permits.iter_mut().for_each(|permit| permit.begin_work(at(SECOND)));
    breaker.tick(at(3 * SECOND));
    assert_eq!(breaker.snapshot(at(3 * SECOND)).state, State::Closed);
}

#[test]
fn a_probe_that_waited_in_line_has_its_deadline_from_its_admission_and_counts() {
    let breaker = open(BreakerConfig { probes: Probes { required: 1, ..C0.probes }, ..C0 });
    let mut probe = breaker.admit(at(5 * SECOND)).expect("a probe");
    assert!(probe.is_probe());
    probe.begin_work(at(6 * SECOND));
    assert_eq!(probe.began(), at(5 * SECOND));
    probe.settle(Outcome::Success, at(5 * SECOND + 100 * MS));
    assert_eq!(breaker.snapshot(at(6 * SECOND)).state, State::Closed);
}

#[test]
fn an_asks_breaker_takes_most_of_the_asks_time_for_slow_and_all_of_it_for_a_lost_probe() {
    let config = BreakerConfig::ask(SECOND);
    assert_eq!(config.slow, Some(SlowConfig { over: 800 * MS, share: 50, in_flight: true }));
    assert_eq!(config.probes, Probes { deadline: SECOND, ..BreakerConfig::KIND.probes });
}

#[test]
fn states_and_causes_go_by_the_names_that_clients_and_dashboards_know() {
    let codes = State::ALL.map(State::code);
    assert_eq!(codes[..4], ["CLOSED", "RAMPING", "OPEN", "HALF_OPEN"]);
    assert_eq!(codes[4..], ["FORCED_OPEN", "FORCED_CLOSED", "DISABLED", "METRICS_ONLY"]);
    let opened = [Cause::FailuresInARow, Cause::FailureRate, Cause::SlowCalls, Cause::ProbeFailed];
    assert_eq!(opened.map(Cause::code), ["failures-in-a-row", "failure-rate", "slow-calls", "probe-failed"]);
}

#[test]
fn clients_that_know_the_states_of_resilience4j_alone_are_told_the_nearest() {
    let codes = State::ALL.map(State::resilience4j_code);
    assert_eq!(codes[..4], ["CLOSED", "HALF_OPEN", "OPEN", "HALF_OPEN"]);
    assert_eq!(codes[4..], ["FORCED_OPEN", "METRICS_ONLY", "DISABLED", "METRICS_ONLY"]);
}

#[test]
fn a_snapshot_has_the_shares_of_its_window_once_that_holds_enough_calls() {
    let breaker = breaker(C0);
    fail(&breaker, 3, at(SECOND));
    let call = |took| breaker.admit(at(SECOND)).expect("closed").settle(Outcome::Success, at(SECOND + took));
    (0..4).for_each(|_| call(QUICK));
    (0..2).for_each(|_| call(SECOND));
    let shares = || {
        let snapshot = breaker.snapshot(at(2 * SECOND));
        (snapshot.failure_ratio(), snapshot.slow_ratio())
    };
    assert_eq!(shares(), (None, None));
    call(QUICK);
    assert_eq!(shares(), (Some(0.3), Some(0.2)));
}
