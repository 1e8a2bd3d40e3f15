//! Calls that take long, and calls that never end.

use proptest::prelude::*;

use super::*;
use crate::resilience::breaker::flights::Flights;

const HANGS: BreakerConfig =
    BreakerConfig { slow: Some(SlowConfig { over: Duration::from_millis(100), share: 80, in_flight: true }), ..C0 };

// Case 51.
#[test]
fn a_call_is_slow_when_it_takes_longer_than_the_limit_and_not_when_it_takes_as_long() {
    let mut desk = Desk::new(C0);
    for took in [100 * MS, 100 * MS + NS] {
        let ticket = desk.admitted();
        desk.settle(ticket, Outcome::Success, took);
    }
    assert_eq!(desk.machine.tally_at(desk.now).slow, 1);
}

// Case 52.
#[test]
fn a_slow_failure_counts_for_both_rates_and_a_slow_success_for_one() {
    let mut desk = Desk::new(C0);
    for outcome in [Outcome::Failure, Outcome::Success] {
        let ticket = desk.admitted();
        desk.settle(ticket, outcome, SECOND);
    }
    let tally = desk.machine.tally_at(desk.now);
    assert_eq!((tally.total, tally.failed, tally.slow, tally.slow_failed), (2, 1, 2, 1));
}

// Case 53.
#[test]
fn slow_successes_open_it_when_their_share_is_reached() {
    for (quick, state) in [(2, State::Open), (3, State::Closed)] {
        let mut desk = Desk::new(C0);
        desk.succeed(quick);
        for _ in quick..10 {
            let ticket = desk.admitted();
            desk.settle(ticket, Outcome::Success, SECOND);
        }
        assert_eq!(desk.state(), state);
        assert_eq!(desk.last_cause(), (state == State::Open).then_some(Cause::SlowCalls));
    }
}

#[test]
fn calls_that_hang_open_it_when_their_share_of_all_is_reached() {
    for (quick, state) in [(2, State::Open), (3, State::Closed)] {
        let mut desk = Desk::new(HANGS);
        desk.succeed(quick);
        let _hanging: Vec<_> = (quick..10).map(|_| desk.admitted()).collect();
        desk.at(101 * MS).step(Machine::tick);
        assert_eq!(desk.state(), state);
    }
}

// Case 54.
#[test]
fn calls_that_hang_open_it_before_any_of_them_ends_and_count_for_nothing_then() {
    let mut desk = Desk::new(HANGS);
    let hanging: Vec<_> = (0..10).map(|_| desk.admitted()).collect();
    assert!(desk.at(100 * MS).admit().is_ok(), "none is slow yet");
    assert_eq!(desk.at(101 * MS).rejected().retry_after, 5 * SECOND);
    assert_eq!(desk.last_cause(), Some(Cause::SlowCalls));
    for ticket in hanging {
        assert_eq!(desk.settle(ticket, Outcome::Success, 101 * MS), Counted::Stale);
    }
}

// Case 55.
#[test]
fn a_call_that_was_slow_before_it_ended_counts_once() {
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

#[test]
fn calls_that_hung_and_ended_open_it_no_more() {
    let mut desk = Desk::new(HANGS);
    let slow: Vec<_> = (0..7).map(|_| desk.admitted()).collect();
    desk.at(200 * MS);
    for ticket in slow {
        assert_eq!(desk.settle(ticket, Outcome::Ignored, 200 * MS), Counted::Yes);
    }
    let _young: Vec<_> = (0..3).map(|_| desk.admitted()).collect();
    desk.at(301 * MS).step(Machine::tick);
    assert_eq!(desk.state(), State::Closed);
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Begin,
    /// The how manyeth of those under way.
    End(usize),
    Pass(u64),
    Clear,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => Just(Event::Begin),
        4 => any::<usize>().prop_map(Event::End),
        4 => (0..80_u64).prop_map(Event::Pass),
        1 => Just(Event::Clear),
    ]
}

proptest! {
    #[test]
    fn those_that_hang_are_as_many_as_a_count_of_all_says(events in prop::collection::vec(event(), 0..200)) {
        let (mut flights, mut under_way, mut now) = (Flights::default(), Vec::new(), Moment::default());
        for event in events {
            match event {
                Event::Begin => under_way.push((flights.begin(now), now)),
                Event::End(_) if under_way.is_empty() => {}
                Event::End(pick) => flights.end(under_way.swap_remove(pick % under_way.len()).0),
                Event::Pass(ms) => now = now.after(Duration::from_millis(ms)),
                Event::Clear => {
                    flights.clear();
                    under_way.clear();
                }
            }
            let hanging = under_way.iter().filter(|(_, began)| now.since(*began) > 100 * MS).count();
            prop_assert_eq!(flights.slow_at(now, 100 * MS) as usize, hanging);
        }
    }
}
