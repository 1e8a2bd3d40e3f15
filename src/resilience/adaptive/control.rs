//! How the limit moves: a function of what enters and leaves, and of the instants it is told.
//!
//! The gradient lowers the limit while calls take longer than usual and raises it while they do not. What is usual is
//! learnt while places are left, and never in overload, which would be taken for usual in time and let the limit creep;
//! there the limit is moved against the gradient now and then, to see which of the two is wrong. No timers: a window is
//! closed by the first sample after its end.

use std::time::Duration;

use tokio::time::Instant;

use super::limit::LimitPolicy;
use crate::resilience::outcome::{NotExecuted, Reason};

/// The limit, how many are inside, and what the limit is judged by.
#[derive(Debug)]
pub(super) struct Control {
    policy: LimitPolicy,
    limit: f64,
    /// Calls that began before it ran under another limit, and say nothing of this one.
    limit_since: Instant,
    in_flight: usize,
    window: Window,
    /// How many windows in a row have turned callers away.
    full_windows: u32,
    /// What calls take when the limit is not to blame, smoothed over many windows, in seconds; none before the first.
    usual_s: Option<f64>,
    /// What was seen before the limit was moved to see what that does.
    trial: Option<Trial>,
}

impl Control {
    pub(super) fn new(policy: LimitPolicy, now: Instant) -> Self {
        Self {
            policy,
            limit: policy.initial as f64,
            limit_since: now,
            in_flight: 0,
            window: Window::opened(now, WINDOW_MIN, 0),
            full_windows: 0,
            usual_s: None,
            trial: None,
        }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit as usize
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Lets one in.
    pub(super) fn enter(&mut self) -> Result<(), NotExecuted> {
        self.must_have_room()?;
        self.in_flight += 1;
        self.window.admitted += 1;
        self.window.peak = self.window.peak.max(self.in_flight);
        Ok(())
    }

    /// Turns one away if there is no place.
    pub(super) fn must_have_room(&mut self) -> Result<(), NotExecuted> {
        if self.in_flight < self.limit() {
            return Ok(());
        }
        self.window.rejected += 1;
        Err(NotExecuted { reason: Reason::EdgeOverloaded, retry_after: self.window.retry_after() })
    }

    /// Lets one out, who entered at `began`.
    pub(super) fn leave(&mut self, began: Instant, ending: Ending, now: Instant) {
        self.in_flight -= 1;
        let is_of_this_limit = began >= self.limit_since;
        let latency_s = now.saturating_duration_since(began).as_secs_f64();
        match ending {
            Ending::Answered => {}
            Ending::Abandoned if latency_s > self.tolerated_s() => {}
            Ending::Abandoned | Ending::Ignored => return,
            Ending::Dropped => {
                if is_of_this_limit {
                    self.trial = None;
                    self.set_limit(self.limit * DROP_FACTOR, now);
                }
                return;
            }
        }
        if self.window.is_over(now) {
            self.close(now);
        }
        if is_of_this_limit {
            self.window.add(latency_s);
        }
    }

    fn close(&mut self, now: Instant) {
        let latency_s = self.window.latency_s();
        // Twice the latency, else a window would know those calls only that were fast.
        let span = Duration::from_secs_f64((2.0 * latency_s).clamp(WINDOW_MIN.as_secs_f64(), WINDOW_MAX.as_secs_f64()));
        let closed = std::mem::replace(&mut self.window, Window::opened(now, span, self.in_flight));
        let is_idle = closed.peak * 2 < self.limit();
        if is_idle || self.usual_s.is_none_or(|usual_s| latency_s < usual_s) {
            self.learn(latency_s);
        }
        if closed.rejected > 0 {
            self.full_windows += 1;
            self.steer(latency_s, now);
            return;
        }
        // Nobody was turned away: to lower the limit would help nobody.
        (self.full_windows, self.trial) = (0, None);
        if !is_idle && latency_s <= self.tolerated_s() {
            self.grow();
        }
    }

    /// Moves a limit that turned callers away, by the latency it led to.
    fn steer(&mut self, latency_s: f64, now: Instant) {
        if let Some(before) = self.trial.take() {
            self.judge(before, latency_s);
        } else if self.full_windows.is_multiple_of(TRIAL_EVERY) {
            self.trial = Some(Trial { limit: self.limit, latency_s });
            let lowers = latency_s * STEEPEST > self.tolerated_s();
            self.set_limit(if lowers { self.limit / TRIAL_FACTOR } else { self.limit * TRIAL_FACTOR }, now);
            return;
        }
        let gradient = self.tolerated_s() / latency_s.max(f64::MIN_POSITIVE);
        match gradient < 1.0 {
            true => self.set_limit(self.limit * gradient.max(STEEPEST), now),
            false => self.grow(),
        }
    }

    /// Where calls queue, latency follows the limit, and the lower limit lets as many through. Where it does not, calls
    /// take what they take, and the higher one lets more through.
    fn judge(&mut self, before: Trial, latency_s: f64) {
        let moved = self.limit / before.limit - 1.0;
        if moved.abs() < TRIAL_MOVE_MIN {
            return;
        }
        let followed = latency_s / before.latency_s - 1.0;
        let least_s = latency_s.min(before.latency_s);
        if followed / moved > 0.5 {
            self.limit = self.limit.min(before.limit);
            self.usual_s = self.usual_s.map(|usual_s| usual_s.min(least_s * STEEPEST));
        } else {
            self.limit = self.limit.max(before.limit);
            self.usual_s = Some(least_s);
        }
    }

    fn learn(&mut self, latency_s: f64) {
        let usual_s = self.usual_s.unwrap_or(latency_s);
        self.usual_s = Some(usual_s + (latency_s - usual_s) / USUAL_WEIGHT);
    }

    /// The longest latency that is no reason to lower the limit.
    fn tolerated_s(&self) -> f64 {
        self.policy.tolerated.as_secs_f64().max(self.usual_s.unwrap_or_default() * TOLERANCE)
    }

    /// Raises the limit by a step that is the smaller a part of it the higher it is.
    fn grow(&mut self) {
        self.limit = (self.limit + self.limit.sqrt()).min(self.policy.ceiling as f64);
    }

    /// Sets the limit and begins a window for it.
    fn set_limit(&mut self, limit: f64, now: Instant) {
        self.limit = limit.clamp(self.policy.floor as f64, self.policy.ceiling as f64);
        self.limit_since = now;
        self.window = Window::opened(now, self.window.span, self.in_flight);
    }
}

/// How a call ended, as far as that says something of the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was answered: how long that took counts.
    Answered,
    /// Further in there was no room for it: the limit is too high.
    Dropped,
    /// Its duration says nothing of the load.
    Ignored,
    /// Its caller went away: that counts only if it had taken too long by then.
    Abandoned,
}

/// A limit and the latency under it.
#[derive(Clone, Copy, Debug)]
struct Trial {
    limit: f64,
    latency_s: f64,
}

/// What was seen since a moment.
#[derive(Debug)]
struct Window {
    opened: Instant,
    /// How long it lasts at least.
    span: Duration,
    /// The most that were inside at once.
    peak: usize,
    admitted: u64,
    rejected: u64,
    samples: u32,
    latency_sum_s: f64,
}

impl Window {
    fn opened(opened: Instant, span: Duration, in_flight: usize) -> Self {
        Self { opened, span, peak: in_flight, admitted: 0, rejected: 0, samples: 0, latency_sum_s: 0.0 }
    }

    fn add(&mut self, latency_s: f64) {
        self.samples += 1;
        self.latency_sum_s += latency_s;
    }

    fn is_over(&self, now: Instant) -> bool {
        self.samples >= SAMPLES_MIN && now.saturating_duration_since(self.opened) >= self.span
    }

    /// The mean: a few slow calls move it no more than by their share of the places.
    fn latency_s(&self) -> f64 {
        self.latency_sum_s / f64::from(self.samples.max(1))
    }

    /// The smaller the share that finds a place, the later another try is worth it.
    fn retry_after(&self) -> Duration {
        let tries_a_place = (self.admitted + self.rejected) as f64 / self.admitted.max(1) as f64;
        RETRY_AFTER_BASE.mul_f64(tries_a_place).min(RETRY_AFTER_MAX)
    }
}

/// A window is no shorter and has no fewer samples: the verdict of a few calls would be chance.
const WINDOW_MIN: Duration = Duration::from_millis(500);
const SAMPLES_MIN: u32 = 16;
/// However slow calls are, the limit is looked at so often.
const WINDOW_MAX: Duration = Duration::from_secs(10);
/// A window counts one part in so many towards what is usual.
const USUAL_WEIGHT: f64 = 16.0;
/// Calls may take so many times the usual before the limit is lowered.
const TOLERANCE: f64 = 1.5;
/// One window lowers the limit to this part of it at most.
const STEEPEST: f64 = 0.8;
/// A dropped call lowers the limit to this part, once for all that were inside together.
const DROP_FACTOR: f64 = 0.9;
/// In overload one window in so many is a trial: ten seconds where calls are fast.
const TRIAL_EVERY: u32 = 20;
/// A trial multiplies or divides the limit by this; where it could not move so far, noise would decide.
const TRIAL_FACTOR: f64 = 0.65;
const TRIAL_MOVE_MIN: f64 = 0.2;
/// When to come back where every try finds a place, and at the latest.
const RETRY_AFTER_BASE: Duration = Duration::from_millis(100);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    use proptest::prelude::*;

    use super::*;
    use crate::clock::Clock;

    const SMALL: LimitPolicy =
        LimitPolicy { floor: 8, initial: 64, ceiling: 1_000, tolerated: Duration::from_millis(1) };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn start() -> Instant {
        Clock::manual(0, 1).now()
    }

    /// Workers with a queue in front of them behind a limit, and clients who come at a pace and never try again.
    struct House {
        control: Control,
        start: Instant,
        now_ns: u64,
        chance: Clock,
        /// When each worker is done with what it has.
        workers: BinaryHeap<Reverse<u64>>,
        /// When each call ends and when it began.
        inside: BinaryHeap<Reverse<(u64, u64)>>,
        service: Duration,
    }

    /// What was seen of a load.
    #[derive(Debug, Default)]
    struct Seen {
        came: u64,
        answered: u64,
        latency_ms_max: u64,
        limit_min: usize,
        limit_max: usize,
    }

    impl House {
        fn new(policy: LimitPolicy, workers: usize, service: Duration) -> Self {
            let start = start();
            Self {
                control: Control::new(policy, start),
                start,
                now_ns: 0,
                chance: Clock::manual(0, 7),
                workers: (0..workers).map(|_| Reverse(0)).collect(),
                inside: BinaryHeap::new(),
                service,
            }
        }

        /// Has clients come for a while.
        fn load(&mut self, seconds: u64, per_second: u64) -> Seen {
            let end_ns = self.now_ns + seconds * 1_000_000_000;
            let limit = self.control.limit();
            let mut seen = Seen { limit_min: limit, limit_max: limit, ..Seen::default() };
            while self.now_ns < end_ns {
                self.now_ns += self.around(Duration::from_secs(1) / u32::try_from(per_second).expect("few"), 0.9);
                while let Some(&Reverse((ended_ns, began_ns))) = self.inside.peek()
                    && ended_ns <= self.now_ns
                {
                    self.inside.pop();
                    self.control.leave(self.at(began_ns), Ending::Answered, self.at(ended_ns));
                    seen.answered += 1;
                    seen.latency_ms_max = seen.latency_ms_max.max((ended_ns - began_ns) / 1_000_000);
                }
                seen.came += 1;
                if self.control.enter().is_ok() {
                    let Reverse(free_ns) = self.workers.pop().expect("there are workers");
                    let ended_ns = free_ns.max(self.now_ns) + self.around(self.service, 0.3);
                    self.workers.push(Reverse(ended_ns));
                    self.inside.push(Reverse((ended_ns, self.now_ns)));
                }
                seen.limit_min = seen.limit_min.min(self.control.limit());
                seen.limit_max = seen.limit_max.max(self.control.limit());
            }
            seen
        }

        /// A duration within a part of it more or less, in nanoseconds.
        fn around(&self, duration: Duration, part: f64) -> u64 {
            (duration.as_nanos() as f64 * (1.0 - part + 2.0 * part * self.chance.fraction())) as u64
        }

        fn at(&self, ns: u64) -> Instant {
            self.start + Duration::from_nanos(ns)
        }
    }

    // Case 105.
    #[test]
    fn a_limit_that_is_not_used_does_not_move() {
        let policy = LimitPolicy { floor: 1, initial: 20, ..SMALL };
        for latency in [ms(1), ms(50)] {
            let mut now = start();
            let mut control = Control::new(policy, now);
            for _ in 0..100 * 170 {
                (0..3).for_each(|_| control.enter().expect("a place is free"));
                let began = now;
                now += latency;
                (0..3).for_each(|_| control.leave(began, Ending::Answered, now));
            }
            assert_eq!(control.limit(), 20);
        }
    }

    // Case 105.
    #[test]
    fn a_drop_takes_a_tenth_off_once_for_all_that_were_inside_together() {
        let first = start();
        let second = first + ms(10);
        let mut control = Control::new(LimitPolicy { floor: 1, initial: 20, ..SMALL }, first);
        (0..20).for_each(|_| control.enter().expect("a place is free"));
        for _ in 0..20 {
            control.leave(first, Ending::Dropped, second);
            assert_eq!(control.limit(), 18);
        }
        control.enter().expect("a place is free");
        control.leave(second, Ending::Dropped, second + ms(10));
        assert_eq!(control.limit(), 16);
    }

    // Case 105.
    #[test]
    fn calls_that_become_slower_for_good_have_their_places_back_within_a_minute() {
        for factor in [2, 5, 10] {
            // As many workers as may ever come, so that nothing queues.
            let mut house = House::new(SMALL, 10_000, ms(20));
            house.load(60, 3_200);
            let before = house.control.limit();
            house.service *= factor;
            house.load(60, 3_200);
            let after = house.control.limit();
            assert!(after * 10 >= before * 8, "{factor} times as slow: {before}, then {after}");
            let seen = house.load(10, 3_200);
            assert!(seen.answered * 100 >= seen.came * 99, "{factor} times as slow: {seen:?}");
        }
    }

    // Case 105.
    #[test]
    fn moderate_overload_does_not_let_the_limit_creep() {
        for calm_before in [true, false] {
            // 40 workers answer 500 a second.
            let mut house = House::new(SMALL, 40, ms(80));
            if calm_before {
                house.load(60, 250);
            }
            let settled = house.load(60, 600).limit_max;
            let seen = house.load(600, 600);
            assert!(seen.limit_max * 10 <= settled * 12, "from {settled}: {seen:?}");
            assert!(seen.answered >= 600 * 490, "as many are answered as can be: {seen:?}");
        }
    }

    #[test]
    fn a_machine_that_is_fast_and_slow_by_turns_does_not_let_the_limit_creep_either() {
        let mut house = House::new(SMALL, 40, ms(80));
        let mut mean_limit = |seconds: usize| {
            let each_second = (0..seconds).map(|_| {
                house.service = ms(80).mul_f64(0.8 + 0.4 * house.chance.fraction());
                house.load(1, 600).limit_max
            });
            each_second.sum::<usize>() / seconds
        };
        let (earlier, later) = (mean_limit(600), mean_limit(600));
        assert!(later * 10 <= earlier * 12, "{earlier}, then {later}");
    }

    #[test]
    fn ten_times_the_capacity_leaves_the_goodput_and_the_latency() {
        // 8 workers answer 8,000 a second.
        let mut house = House::new(LimitPolicy::EDGE, 8, ms(1));
        house.load(30, 4_000);
        house.load(10, 80_000);
        let seen = house.load(20, 80_000);
        assert!(seen.answered * 10 >= 20 * 8_000 * 9, "{seen:?}");
        assert!(seen.latency_ms_max < 80, "{seen:?}");
        assert!(seen.limit_min >= LimitPolicy::EDGE.floor, "{seen:?}");
    }

    #[test]
    fn a_house_that_can_do_more_is_given_more() {
        let mut house = House::new(LimitPolicy::EDGE, 4_000, ms(100));
        house.load(60, 20_000);
        let seen = house.load(10, 20_000);
        assert!(seen.answered * 100 >= seen.came * 99, "{seen:?}");
    }

    #[test]
    fn what_was_learnt_in_a_rush_is_forgotten_when_it_is_over() {
        let mut house = House::new(SMALL, 40, ms(80));
        house.load(60, 600);
        house.load(120, 100);
        let usual_s = house.control.usual_s.expect("there were calls");
        assert!((0.07..0.1).contains(&usual_s), "{usual_s}");
    }

    /// A limit of 64 that tolerates 1.125 s where half a second is usual.
    fn known() -> Control {
        let policy = LimitPolicy { tolerated: ms(1_125), ..SMALL };
        Control { usual_s: Some(0.5), ..Control::new(policy, start()) }
    }

    /// What a window of this latency, with the most inside at once and those turned away, makes of a limit.
    fn closed(mut control: Control, peak: usize, rejected: u64, latency_s: f64) -> Control {
        let (samples, latency_sum_s) = (2, 2.0 * latency_s);
        let opened = Window::opened(start(), WINDOW_MIN, 0);
        control.window = Window { peak, rejected, samples, latency_sum_s, ..opened };
        control.close(start());
        control
    }

    #[test]
    fn a_limit_of_which_half_is_used_is_raised_by_its_root_while_calls_take_what_is_tolerated() {
        for (peak, latency_s, limit) in [(32, 1.125, 72), (64, 0.1, 72), (31, 1.125, 64), (32, 1.126, 64)] {
            assert_eq!(closed(known(), peak, 0, latency_s).limit(), limit, "{peak} inside for {latency_s} s");
        }
        let highest = closed(Control { limit: 990.0, ..known() }, 990, 0, 0.1);
        assert_eq!(highest.limit(), SMALL.ceiling);
    }

    #[test]
    fn half_as_much_again_as_is_usual_is_tolerated() {
        let usual = || Control { usual_s: Some(2.0), ..known() };
        assert_eq!(closed(usual(), 64, 0, 3.0).limit(), 72);
        assert_eq!(closed(usual(), 64, 0, 3.01).limit(), 64);
    }

    #[test]
    fn what_is_usual_is_learnt_by_a_sixteenth_while_places_are_left_or_calls_are_faster() {
        for (peak, latency_s, usual_s) in [(1, 16.5, 1.5), (64, 16.5, 0.5), (64, 0.25, 0.484_375)] {
            assert_eq!(closed(known(), peak, 0, latency_s).usual_s, Some(usual_s), "{peak} inside for {latency_s} s");
        }
        assert_eq!(closed(Control { usual_s: None, ..known() }, 64, 0, 2.0).usual_s, Some(2.0));
    }

    #[test]
    fn a_window_lasts_twice_as_long_as_calls_take_and_neither_too_short_nor_too_long() {
        for (latency_s, span) in [(1.5, ms(3_000)), (0.1, WINDOW_MIN), (60.0, WINDOW_MAX)] {
            assert_eq!(closed(known(), 1, 0, latency_s).window.span, span);
        }
    }

    #[test]
    fn a_window_is_over_after_its_span_and_with_enough_samples() {
        let opened = start();
        let full = |samples| Window { samples, ..Window::opened(opened, WINDOW_MIN, 0) };
        assert!(full(SAMPLES_MIN).is_over(opened + WINDOW_MIN));
        assert!(!full(SAMPLES_MIN - 1).is_over(opened + WINDOW_MIN));
        assert!(!full(SAMPLES_MIN).is_over(opened + WINDOW_MIN - Duration::from_nanos(1)));
    }

    #[test]
    fn a_limit_that_turns_callers_away_follows_the_gradient_down_by_a_fifth_at_most() {
        for (latency_s, limit) in [(1.25, 57), (2.25, 51), (1.125, 72)] {
            assert_eq!(closed(known(), 64, 1, latency_s).limit(), limit, "{latency_s} s");
        }
        assert_eq!(closed(known(), 64, 0, 2.25).limit(), 64, "nobody was turned away");
        let lowest = closed(Control { limit: 9.0, ..known() }, 9, 1, 2.25);
        assert_eq!(lowest.limit(), SMALL.floor);
    }

    #[test]
    fn every_twentieth_window_that_turns_callers_away_moves_the_limit_against_the_gradient() {
        let full = |full_windows| Control { full_windows, ..known() };
        // At 1.40625 s the gradient would lower it by a fifth exactly.
        for (latency_s, limit) in [(2.25, 98), (1.407, 98), (1.406_25, 41), (0.1, 41)] {
            assert_eq!(closed(full(19), 64, 1, latency_s).limit(), limit, "{latency_s} s");
        }
        assert_eq!(closed(full(18), 64, 1, 2.25).limit(), 51);
        assert_eq!(closed(full(20), 64, 1, 2.25).limit(), 51);
    }

    #[test]
    fn a_trial_keeps_the_lower_limit_where_latency_followed_by_more_than_half_and_else_the_higher() {
        let before = Trial { limit: 100.0, latency_s: 2.0 };
        for (tried, latency_s, limit, usual_s) in [
            (50.0, 1.0, 50, 0.8),
            (50.0, 1.5, 100, 1.5),
            (50.0, 2.0, 100, 2.0),
            (150.0, 3.0, 100, 1.6),
            (150.0, 2.0, 150, 2.0),
            (90.0, 1.8, 90, 4.0),
        ] {
            let mut control = Control { limit: tried, usual_s: Some(4.0), ..known() };
            control.judge(before, latency_s);
            assert_eq!((control.limit(), control.usual_s), (limit, Some(usual_s)), "{tried} with {latency_s} s");
        }
    }

    #[test]
    fn calls_let_in_under_a_higher_limit_do_not_count_against_a_lower_one() {
        let start = start();
        let mut control = Control::new(SMALL, start);
        (0..64).for_each(|_| control.enter().expect("a place is free"));
        control.leave(start, Ending::Dropped, start + ms(1));
        let limit = control.limit();
        (0..63).for_each(|_| control.leave(start, Ending::Answered, start + ms(60_000)));
        assert_eq!((control.limit(), control.window.samples), (limit, 0));
    }

    #[test]
    fn a_call_given_up_counts_only_if_it_was_late_and_an_ignored_one_never() {
        let policy = LimitPolicy { tolerated: ms(50), ..SMALL };
        let start = start();
        let mut control = Control::new(policy, start);
        for (ending, latency, samples) in [
            (Ending::Abandoned, ms(50), 0),
            (Ending::Abandoned, ms(51), 1),
            (Ending::Ignored, ms(60_000), 1),
            (Ending::Answered, ms(0), 2),
        ] {
            control.enter().expect("a place is free");
            control.leave(start, ending, start + latency);
            assert_eq!(control.window.samples, samples, "{ending:?} after {latency:?}");
        }
    }

    #[test]
    fn the_fewer_find_a_place_the_later_another_try_is_worth_it() {
        let policy = LimitPolicy { floor: 10, initial: 10, ..SMALL };
        let mut control = Control::new(policy, start());
        (0..10).for_each(|_| control.enter().expect("a place is free"));
        let mut tries = (0..).map(|_| control.enter().expect_err("no place is free").retry_after);
        // Ten of twenty found one, ten of a hundred, ten of a million.
        assert_eq!(tries.nth(9), Some(ms(200)));
        assert_eq!(tries.nth(79), Some(ms(1_000)));
        assert_eq!(tries.nth(999_899), Some(ms(30_000)));
    }

    proptest! {
        #[test]
        fn whatever_happens_the_limit_keeps_its_bounds_and_nobody_is_inside_beyond_it(
            steps in prop::collection::vec((0_u8..8, 0_u64..2_000_000), 1..2_000)
        ) {
            let policy = LimitPolicy { floor: 4, initial: 16, ceiling: 64, tolerated: ms(10) };
            let (mut now, mut inside) = (start(), Vec::new());
            let mut control = Control::new(policy, now);
            for (step, micros) in steps {
                now += Duration::from_micros(micros);
                let ending = match step {
                    0..4 => {
                        let had_room = inside.len() < control.limit();
                        let entered = control.enter();
                        prop_assert_eq!(entered.is_ok(), had_room);
                        match entered {
                            Ok(()) => inside.push(now),
                            Err(rejected) => prop_assert!((ms(10)..=ms(30_000)).contains(&rejected.retry_after)),
                        }
                        continue;
                    }
                    4..6 => Ending::Answered,
                    6 => Ending::Dropped,
                    _ => Ending::Abandoned,
                };
                if !inside.is_empty() {
                    let began = inside.swap_remove(micros as usize % inside.len());
                    control.leave(began, ending, now);
                }
                prop_assert_eq!(control.in_flight(), inside.len());
                prop_assert!((policy.floor..=policy.ceiling).contains(&control.limit()));
            }
        }
    }
}
