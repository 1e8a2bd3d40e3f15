//! The machine against a model of a few lines that keeps everything and computes nothing ahead.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use super::*;

/// Few enough to open and close all the time.
const SMALL: BreakerConfig = BreakerConfig {
    calls_min: 4,
    window: WindowConfig::Time { buckets: 4, width: SECOND },
    slow: None,
    consecutive: Some(3),
    probes: Probes { required: 3, at_once: 2, ..C0.probes },
    ..C0
};

#[derive(Clone, Debug)]
enum Event {
    Admit,
    /// The how manyeth call under way, and what it comes to.
    Settle(usize, Outcome),
    Wait(u64),
    Reset,
}

/// A breaker as one would explain it.
#[derive(Clone, Debug, Default)]
struct Model {
    now: u64,
    calls: Vec<(u64, bool)>,
    in_a_row: u32,
    open_until: Option<u64>,
    probing: bool,
    good: u32,
    bad: u32,
    abandoned: u32,
    waits: Option<u32>,
    closed_since: u64,
    era: u32,
    /// Calls under way by number: the era they began in, and for probes when.
    under_way: BTreeMap<usize, (u32, Option<u64>)>,
    started: usize,
    /// What the last step was answered with.
    answer: Answer,
}

#[derive(Clone, Debug, Default, PartialEq)]
enum Answer {
    #[default]
    Nothing,
    Admitted,
    Rejected(u64),
    Counted(bool),
}

impl Model {
    fn start_over(&mut self) {
        self.era += 1;
        (self.calls, self.in_a_row) = (Vec::new(), 0);
        (self.good, self.bad, self.abandoned) = (0, 0, 0);
    }

    fn open(&mut self, at: u64) {
        let forgotten = !self.probing && at - self.closed_since >= 60_000;
        let waits = self.waits.filter(|_| !forgotten).map_or(0, |waits| waits + 1);
        self.waits = Some(waits);
        self.start_over();
        (self.probing, self.open_until) = (false, Some(at + (5_000 << waits.min(10)).min(60_000)));
    }

    fn close(&mut self, at: u64) {
        self.start_over();
        (self.probing, self.open_until, self.closed_since) = (false, None, at);
    }

    fn judge(&mut self, at: u64) {
        let missing = 3 - self.good - self.bad;
        match self.bad * 100 >= 150 {
            true => self.open(at),
            false if (self.bad + missing) * 100 < 150 => self.close(at),
            false if self.abandoned >= 3 => self.open(at),
            false => {}
        }
    }

    fn probes(&self) -> Vec<u64> {
        self.under_way.values().filter(|(era, _)| *era == self.era).filter_map(|(_, began)| *began).collect()
    }

    fn catch_up(&mut self) {
        while let Some(began) =
            self.probes().into_iter().min().filter(|began| self.probing && began + 2_000 <= self.now)
        {
            let overdue = self.under_way.values_mut().find(|call| **call == (self.era, Some(began)));
            overdue.expect("it is under way").0 = u32::MAX;
            self.bad += 1;
            self.judge(began + 2_000);
        }
    }

    fn admit(&mut self) -> Answer {
        self.catch_up();
        if let Some(until) = self.open_until {
            if self.now < until {
                return Answer::Rejected(until - self.now);
            }
            self.start_over();
            (self.probing, self.open_until) = (true, None);
        }
        let running = self.probes();
        if self.probing && running.len() as u32 >= 2.min(3 - self.good - self.bad) {
            return Answer::Rejected(running.iter().min().expect("one runs") + 2_000 - self.now);
        }
        self.under_way.insert(self.started, (self.era, self.probing.then_some(self.now)));
        self.started += 1;
        Answer::Admitted
    }

    fn settle(&mut self, index: usize, outcome: Outcome) -> Answer {
        self.catch_up();
        let Some(number) = self.under_way.keys().nth(index).copied() else { return Answer::Nothing };
        let (era, _) = self.under_way.remove(&number).expect("it is under way");
        if era != self.era {
            return Answer::Counted(false);
        }
        match (self.probing, outcome) {
            (true, Outcome::Success) => (self.good, self.abandoned) = (self.good + 1, 0),
            (true, Outcome::Failure) => (self.bad, self.abandoned) = (self.bad + 1, 0),
            (true, Outcome::Cancelled) => self.abandoned += 1,
            (false, Outcome::Success | Outcome::Failure) => {
                let failed = outcome == Outcome::Failure;
                self.calls.push((self.now, failed));
                self.in_a_row = if failed { self.in_a_row + 1 } else { 0 };
                let (total, failed) = self.tally();
                if self.in_a_row >= 3 || (total >= 4 && failed * 2 >= total) {
                    self.open(self.now);
                }
            }
            _ => {}
        }
        if self.probing {
            self.judge(self.now);
        }
        Answer::Counted(true)
    }

    fn tally(&self) -> (u64, u64) {
        let in_window = |at: u64| self.now / 1_000 - at / 1_000 < 4;
        let calls = self.calls.iter().filter(|(at, _)| in_window(*at));
        calls.fold((0, 0), |(total, bad), (_, failed)| (total + 1, bad + u64::from(*failed)))
    }

    fn state(&self) -> State {
        match (self.open_until, self.probing) {
            (Some(_), _) => State::Open,
            (None, true) => State::HalfOpen,
            (None, false) => State::Closed,
        }
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Event;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::default()).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Event> {
        use Outcome::{Cancelled, Failure, Ignored, NotExecuted, Success};
        let outcome = prop_oneof![
            4 => Just(Success), 4 => Just(Failure), 1 => Just(Cancelled), 1 => Just(Ignored), 1 => Just(NotExecuted),
        ];
        prop_oneof![
            10 => Just(Event::Admit),
            10 => (0..4_usize, outcome).prop_map(|(index, outcome)| Event::Settle(index, outcome)),
            // Halves of seconds meet every limit exactly.
            4 => (1..8_u64).prop_map(|halves| Event::Wait(halves * 500)),
            1 => (1..4_000_u64).prop_map(Event::Wait),
            1 => (8..160_u64).prop_map(|halves| Event::Wait(halves * 500)),
            1 => Just(Event::Reset),
        ]
        .boxed()
    }

    fn apply(mut state: Self, event: &Event) -> Self {
        state.answer = match *event {
            Event::Admit => state.admit(),
            Event::Settle(index, outcome) => state.settle(index, outcome),
            Event::Wait(ms) => {
                state.now += ms;
                Answer::Nothing
            }
            Event::Reset => {
                state.catch_up();
                state.waits = None;
                state.close(state.now);
                Answer::Nothing
            }
        };
        state
    }
}

struct Machines;

impl StateMachineTest for Machines {
    type SystemUnderTest = (Desk, BTreeMap<usize, Ticket>);
    type Reference = Model;

    fn init_test(_: &Model) -> Self::SystemUnderTest {
        (Desk::new(SMALL), BTreeMap::new())
    }

    fn apply((mut desk, mut under_way): Self::SystemUnderTest, model: &Model, event: Event) -> Self::SystemUnderTest {
        let moved = desk.moved.len();
        let answer = match event {
            Event::Admit => match desk.admit() {
                Ok(ticket) => {
                    under_way.insert(model.started - 1, ticket);
                    Answer::Admitted
                }
                Err(rejected) => {
                    Answer::Rejected(u64::try_from(rejected.retry_after.as_millis()).expect("it is short"))
                }
            },
            Event::Settle(index, outcome) => {
                // The time may have brought something about, whether or not there is a call to settle.
                desk.step(Machine::tick);
                match under_way.keys().nth(index).copied() {
                    Some(number) => {
                        let ticket = under_way.remove(&number).expect("it is under way");
                        Answer::Counted(desk.settle(ticket, outcome, QUICK) == Counted::Yes)
                    }
                    None => Answer::Nothing,
                }
            }
            Event::Wait(ms) => {
                desk.later(Duration::from_millis(ms));
                Answer::Nothing
            }
            Event::Reset => {
                desk.step(|machine, step| machine.force(step, None));
                Answer::Nothing
            }
        };
        assert_eq!(answer, model.answer);
        assert_eq!(desk.state(), model.state());
        let tally = desk.machine.tally_at(desk.now);
        assert_eq!((tally.total, tally.failed), model.tally());
        // Generations ascend by one with each change, and each change is told.
        assert_eq!(desk.machine.generation(), model.era);
        let generations = desk.moved[moved..].iter().map(|moved| moved.generation);
        let first = model.era + 1 - u32::try_from(desk.moved.len() - moved).expect("few");
        assert!(generations.eq(first..=model.era) || desk.moved.len() == moved);
        (desk, under_way)
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig {
        cases: 10 * ProptestConfig::default().cases, max_shrink_iters: 20_000, ..ProptestConfig::default()
    })]

    // Cases 129 and 130. About a million steps, unless `PROPTEST_CASES` says otherwise.
    #[test]
    fn the_machine_does_what_the_model_says(sequential 300..500 => Machines);
}

proptest! {
    // Case 131.
    #[test]
    fn from_wherever_it_is_time_and_good_answers_close_it(
        steps in prop::collection::vec((0..4_u8, 1..9_000_u64), 0..200),
    ) {
        let mut desk = Desk::new(BreakerConfig { ramp: Some(SECOND), ..SMALL });
        for (what, ms) in steps {
            let outcome = [Outcome::Failure, Outcome::Success, Outcome::Cancelled, Outcome::Failure][usize::from(what)];
            if let Ok(ticket) = desk.admit() {
                desk.later(Duration::from_millis(ms % 3_000)).settle(ticket, outcome, QUICK);
            }
            desk.later(Duration::from_millis(ms / 4));
        }
        // The longest wait, each probe's deadline, the ramp.
        let limit = desk.now.after((60 + 3 * 2 + 3) * SECOND);
        while desk.now <= limit && desk.state() != State::Closed {
            if let Ok(ticket) = desk.admit() {
                desk.settle(ticket, Outcome::Success, QUICK);
            }
            desk.later(100 * MS);
        }
        prop_assert_eq!(desk.state(), State::Closed);
    }
}
