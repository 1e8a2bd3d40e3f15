//! How much extra load retries may cause, in the operator's terms: a share of the first attempts and a few a second.
//!
//! A bound on the attempts of one call does not bound the house: when everything fails, three attempts are three times
//! the load, on each layer anew. A budget does: each first attempt deposits a share of a token, each second a few whole
//! ones, each retry takes one, and what is not used in time is gone, so that a quiet hour pays for no storm. A retry
//! takes its token before it waits; one that never came to be gives it back. Counts in thousandths of a token, exactly.
//! One lock guards all of it, is held for a few dozen instructions, and nothing else is shared.

use std::fmt;
use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;

use super::sync::Mutex;

/// The tokens that one caller and callee, or all requests of one entry, may spend on retries. Shared by reference.
///
/// ```
/// use std::time::Duration;
/// use resurgam::clock::Clock;
/// use resurgam::resilience::{Budget, BudgetPolicy, Withdrawal};
///
/// let now = Clock::system().now();
/// let one_in_five = BudgetPolicy { ratio_per_mille: 200, floor_per_second: 0, ttl: Duration::from_secs(10) };
/// let budget = Budget::new(one_in_five, now)?;
/// (0..10).for_each(|_| budget.deposit(now)); // ten first attempts
/// for _ in 0..2 {
///     budget.withdraw(now).map(Withdrawal::spent).expect("paid for by ten");
/// }
/// assert!(budget.withdraw(now).is_none(), "the third is not");
/// # Ok::<(), resurgam::resilience::BudgetPolicyError>(())
/// ```
pub struct Budget {
    policy: BudgetPolicy,
    created: Instant,
    window: Mutex<Window>,
}

impl Budget {
    /// Creates a budget that holds what its floor gathers in one time to live, as if it had stood idle before `now`.
    ///
    /// # Errors
    /// When a field of the policy is out of its range.
    pub fn new(policy: BudgetPolicy, now: Instant) -> Result<Self, BudgetPolicyError> {
        policy.check()?;
        Ok(Self { policy, created: now, window: Mutex::new(Window::new(policy.floor_parts())) })
    }

    /// Adds the share of one first attempt. Retries deposit nothing, or they would pay for each other.
    pub fn deposit(&self, now: Instant) {
        self.window_at(now, |window| window.deposit(u64::from(self.policy.ratio_per_mille)));
    }

    /// Takes a token, the oldest there is; `None` counts as denied.
    pub fn withdraw(&self, now: Instant) -> Option<Withdrawal<'_>> {
        let slot = self.window_at(now, Window::withdraw)?;
        Some(Withdrawal { budget: self, slot, is_spent: false })
    }

    /// Returns the numbers as metrics show them.
    pub fn numbers(&self, now: Instant) -> BudgetNumbers {
        self.window_at(now, |window| BudgetNumbers {
            tokens: window.parts() / PARTS_PER_TOKEN,
            withdrawn_total: window.withdrawn_total,
            denied_total: window.denied_total,
        })
    }

    fn window_at<T>(&self, now: Instant, act: impl FnOnce(&mut Window) -> T) -> T {
        let slot = self.policy.slot(now.saturating_duration_since(self.created));
        let mut window = self.window.lock();
        window.advance(slot, self.policy.floor_parts());
        act(&mut window)
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.policy.fmt(f)
    }
}

/// Takes a token of each budget, or of neither if one has none; only the one that has none counts it as denied.
pub fn withdraw_both<'a>(edge: &'a Budget, root: &'a Budget, now: Instant) -> Option<[Withdrawal<'a>; 2]> {
    let of_edge = edge.withdraw(now)?;
    let of_root = root.withdraw(now)?;
    Some([of_edge, of_root])
}

/// A token in hand; given back when dropped before it was spent, unless its time is over by then.
#[must_use = "dropping the withdrawal gives the token back"]
#[derive(Debug)]
pub struct Withdrawal<'a> {
    budget: &'a Budget,
    /// The slot of the youngest part of the token.
    slot: u64,
    is_spent: bool,
}

impl Withdrawal<'_> {
    /// Spends the token, as the attempt it was taken for begins.
    pub fn spent(mut self) {
        self.is_spent = true;
    }
}

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        let mut window = self.budget.window.lock();
        match self.is_spent {
            true => window.withdrawn_total += 1,
            false => window.give_back(self.slot),
        }
    }
}

/// How fast a budget fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetPolicy {
    /// Retries per thousand first attempts.
    pub ratio_per_mille: u32,
    /// Retries per second allowed without any first attempt, so that a quiet caller may retry too.
    pub floor_per_second: u32,
    /// How long a token can be used, to a tenth.
    pub ttl: Duration,
}

impl Default for BudgetPolicy {
    fn default() -> Self {
        Self { ratio_per_mille: 200, floor_per_second: 10, ttl: Duration::from_secs(10) }
    }
}

impl BudgetPolicy {
    pub(super) fn check(&self) -> Result<(), BudgetPolicyError> {
        if u64::from(self.ratio_per_mille) > PARTS_PER_TOKEN {
            return Err(BudgetPolicyError::RatioAboveOne);
        }
        match (TTL_MIN..=TTL_MAX).contains(&self.ttl) {
            true => Ok(()),
            false => Err(BudgetPolicyError::TtlOutOfRange),
        }
    }

    /// Returns what the floor deposits in each slot; a token a second is a part a millisecond.
    fn floor_parts(&self) -> u64 {
        u64::from(self.floor_per_second) * self.ttl.as_millis() as u64 / SLOTS
    }

    /// Returns the slot of the time `age` after the creation.
    fn slot(&self, age: Duration) -> u64 {
        let passed = age.as_nanos() * u128::from(SLOTS) / self.ttl.as_nanos();
        FIRST_SLOT + passed as u64
    }
}

/// A policy that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BudgetPolicyError {
    /// More retries than first attempts.
    #[error("ratio_per_mille must be at most 1000")]
    RatioAboveOne,
    /// Tokens would be gone before they are used, or hoarded for a storm.
    #[error("ttl must be between 1 s and 60 s")]
    TtlOutOfRange,
}

/// What a budget has and what it had to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetNumbers {
    /// Whole tokens that can be taken now.
    pub tokens: u64,
    /// Tokens spent so far; one that was given back does not count.
    pub withdrawn_total: u64,
    /// Withdrawals refused so far.
    pub denied_total: u64,
}

const PARTS_PER_TOKEN: u64 = 1_000;
const TTL_MIN: Duration = Duration::from_secs(1);
const TTL_MAX: Duration = Duration::from_secs(60);
/// The slots a time to live is divided into: a token lives in the slot of its deposit until that is this many back.
const SLOTS: u64 = 10;
/// The slot of the creation; those before it hold the floor that a budget is born with.
const FIRST_SLOT: u64 = SLOTS;

/// What is left in the newest slots, each in thousandths of a token, at its number modulo [`SLOTS`].
struct Window {
    newest: u64,
    parts: [u64; SLOTS as usize],
    withdrawn_total: u64,
    denied_total: u64,
}

impl Window {
    fn new(floor_parts: u64) -> Self {
        Self { newest: FIRST_SLOT, parts: [floor_parts; SLOTS as usize], withdrawn_total: 0, denied_total: 0 }
    }

    /// Lets the slots up to `newest` begin, each with its floor. A time already passed by others changes nothing.
    fn advance(&mut self, newest: u64, floor_parts: u64) {
        let begun = newest.saturating_sub(self.newest).min(SLOTS);
        self.newest = self.newest.max(newest);
        for age in 0..begun {
            self.parts[index(self.newest - age)] = floor_parts;
        }
    }

    fn deposit(&mut self, parts: u64) {
        self.parts[index(self.newest)] += parts;
    }

    /// Takes a token from the oldest slots and returns the youngest of those.
    fn withdraw(&mut self) -> Option<u64> {
        if self.parts() < PARTS_PER_TOKEN {
            self.denied_total += 1;
            return None;
        }
        let mut missing = PARTS_PER_TOKEN;
        let mut slot = self.newest + 1 - SLOTS;
        loop {
            let parts = &mut self.parts[index(slot)];
            let taken = missing.min(*parts);
            *parts -= taken;
            missing -= taken;
            if missing == 0 {
                return Some(slot);
            }
            slot += 1;
        }
    }

    fn give_back(&mut self, slot: u64) {
        if self.newest - slot < SLOTS {
            self.parts[index(slot)] += PARTS_PER_TOKEN;
        }
    }

    fn parts(&self) -> u64 {
        self.parts.iter().sum()
    }
}

fn index(slot: u64) -> usize {
    (slot % SLOTS) as usize
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use proptest::prelude::*;

    use super::*;
    use crate::clock::Clock;

    const TTL: Duration = Duration::from_secs(10);

    fn now() -> Instant {
        Clock::manual(0, 1).now()
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn budget(ratio_per_mille: u32, floor_per_second: u32, now: Instant) -> Budget {
        let policy = BudgetPolicy { ratio_per_mille, floor_per_second, ttl: TTL };
        Budget::new(policy, now).expect("the policy is sound")
    }

    fn deposit(budget: &Budget, calls: u32, now: Instant) {
        (0..calls).for_each(|_| budget.deposit(now));
    }

    /// Spends tokens until there are none.
    fn spend_all(budget: &Budget, now: Instant) -> u64 {
        let withdrawals = std::iter::from_fn(|| budget.withdraw(now));
        withdrawals.map(Withdrawal::spent).count() as u64
    }

    fn tokens(budget: &Budget, now: Instant) -> u64 {
        budget.numbers(now).tokens
    }

    // Case 84.
    #[test]
    fn a_fifth_of_fifty_calls_is_ten_retries_and_after_ten_idle_seconds_none() {
        let now = now();
        let (used, idle) = (budget(200, 0, now), budget(200, 0, now));
        deposit(&used, 50, now);
        deposit(&idle, 50, now);
        assert_eq!(spend_all(&used, now), 10);
        assert_eq!(tokens(&idle, now + TTL - ms(1)), 10);
        assert_eq!(spend_all(&idle, now + TTL), 0);
    }

    // Case 85.
    #[test]
    fn no_fraction_of_a_token_is_lost_or_made_up() {
        for (ratio_per_mille, calls, retries) in [(600, 10, 6), (1, 10_000, 10), (1, 9_999, 9), (1_000, 7, 7)] {
            let now = now();
            let budget = budget(ratio_per_mille, 0, now);
            deposit(&budget, calls, now);
            assert_eq!(spend_all(&budget, now), retries, "{ratio_per_mille} per mille of {calls}");
        }
    }

    #[test]
    fn fractions_of_several_seconds_add_up_to_a_token() {
        let start = now();
        let budget = budget(200, 0, start);
        for second in 0..5 {
            assert!(budget.withdraw(start + ms(1_000 * second)).is_none());
            budget.deposit(start + ms(1_000 * second));
        }
        assert_eq!(spend_all(&budget, start + ms(4_000)), 1);
    }

    // Case 86.
    #[test]
    fn the_floor_allows_a_hundred_retries_at_once_and_then_ten_a_second() {
        let start = now();
        let budget = budget(0, 10, start);
        deposit(&budget, 1_000, start);
        assert_eq!(spend_all(&budget, start), 100);
        assert_eq!(spend_all(&budget, start + ms(999)), 0);
        assert_eq!(spend_all(&budget, start + ms(1_000)), 10);
        assert_eq!(spend_all(&budget, start + ms(4_000)), 30);
    }

    #[test]
    fn idle_time_gathers_the_floor_of_one_time_to_live_and_no_more() {
        let start = now();
        for idle in [TTL, 3 * TTL, Duration::from_secs(365 * 24 * 60 * 60)] {
            let budget = budget(200, 10, start);
            deposit(&budget, 10_000, start);
            assert_eq!(spend_all(&budget, start + idle), 100);
        }
    }

    // Case 87.
    #[test]
    fn sixty_four_threads_that_race_for_ten_tokens_get_exactly_ten() {
        for _ in 0..20 {
            let now = now();
            let budget = budget(1_000, 0, now);
            deposit(&budget, 3, now);
            deposit(&budget, 7, now + ms(1_000));
            let start = Barrier::new(64);
            let race = || {
                start.wait();
                budget.withdraw(now + ms(1_000)).map(Withdrawal::spent).is_some()
            };
            let winners = thread::scope(|scope| {
                let racers: Vec<_> = (0..64).map(|_| scope.spawn(race)).collect();
                racers.into_iter().map(|racer| racer.join().expect("no racer panics")).filter(|won| *won).count()
            });
            assert_eq!(winners, 10);
            let numbers = BudgetNumbers { tokens: 0, withdrawn_total: 10, denied_total: 54 };
            assert_eq!(budget.numbers(now + ms(1_000)), numbers);
        }
    }

    // Case 88.
    #[test]
    fn a_token_of_both_budgets_is_taken_or_of_neither() {
        let now = now();
        let check = |edge_calls, root_calls, is_granted: bool| {
            let (edge, root) = (budget(1_000, 0, now), budget(1_000, 0, now));
            deposit(&edge, edge_calls, now);
            deposit(&root, root_calls, now);
            let granted = withdraw_both(&edge, &root, now).map(|both| both.map(Withdrawal::spent));
            assert_eq!(granted.is_some(), is_granted);
            let taken = u64::from(is_granted);
            let (edge, root) = (edge.numbers(now), root.numbers(now));
            assert_eq!((edge.tokens, root.tokens), (u64::from(edge_calls) - taken, u64::from(root_calls) - taken));
            assert_eq!((edge.withdrawn_total, root.withdrawn_total), (taken, taken));
            (edge.denied_total, root.denied_total)
        };
        assert_eq!(check(1, 1, true), (0, 0));
        assert_eq!(check(0, 1, false), (1, 0));
        assert_eq!(check(1, 0, false), (0, 1));
        assert_eq!(check(0, 0, false), (1, 0));
    }

    #[test]
    fn a_token_given_back_can_be_taken_again_and_counts_as_never_withdrawn() {
        let now = now();
        let budget = budget(1_000, 0, now);
        deposit(&budget, 1, now);
        let withdrawal = budget.withdraw(now);
        assert!(withdrawal.is_some() && budget.withdraw(now).is_none());
        drop(withdrawal);
        assert_eq!(budget.numbers(now), BudgetNumbers { tokens: 1, withdrawn_total: 0, denied_total: 1 });
        assert_eq!(spend_all(&budget, now), 1);
    }

    #[test]
    fn a_token_given_back_is_no_younger_than_it_was() {
        let start = now();
        let budget = budget(1_000, 0, start);
        deposit(&budget, 2, start);
        let (early, late) = (budget.withdraw(start), budget.withdraw(start));
        drop(early);
        assert_eq!(tokens(&budget, start + TTL - ms(1)), 1);
        assert_eq!(tokens(&budget, start + TTL), 0);
        drop(late);
        assert_eq!(tokens(&budget, start + TTL), 0);
    }

    #[test]
    fn the_oldest_token_is_taken_first() {
        let start = now();
        let budget = budget(1_000, 0, start);
        deposit(&budget, 1, start);
        deposit(&budget, 1, start + ms(5_000));
        budget.withdraw(start + ms(5_000)).expect("there are two").spent();
        assert_eq!(tokens(&budget, start + TTL), 1);
    }

    #[test]
    fn a_policy_out_of_range_is_refused_by_name() {
        let sound = BudgetPolicy::default();
        for (policy, message) in [
            (BudgetPolicy { ratio_per_mille: 1_001, ..sound }, "ratio_per_mille must be at most 1000"),
            (BudgetPolicy { ttl: ms(999), ..sound }, "ttl must be between 1 s and 60 s"),
            (BudgetPolicy { ttl: ms(60_001), ..sound }, "ttl must be between 1 s and 60 s"),
        ] {
            assert_eq!(Budget::new(policy, now()).expect_err("it is out of range").to_string(), message);
        }
        let largest = BudgetPolicy { ratio_per_mille: 1_000, floor_per_second: u32::MAX, ttl: ms(60_000) };
        let budget = Budget::new(largest, now()).expect("all is in range");
        assert_eq!(tokens(&budget, now()), u64::from(u32::MAX) * 60);
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Pass(u64),
        Call,
        Take,
        Spend,
        GiveBack,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            1 => (0_u64..4_000).prop_map(Step::Pass),
            6 => Just(Step::Call),
            3 => Just(Step::Take),
            2 => Just(Step::Spend),
            1 => Just(Step::GiveBack),
        ]
    }

    proptest! {
        #[test]
        fn whatever_happens_retries_stay_within_the_share_and_the_floor(
            ratio_per_mille in 0_u32..=1_000,
            floor_per_second in 0_u32..20,
            steps in prop::collection::vec(step(), 0..300),
        ) {
            let start = now();
            let budget = budget(ratio_per_mille, floor_per_second, start);
            let (mut passed_ms, mut calls, mut in_hand) = (0, 0_u64, Vec::new());
            for step in steps {
                let now = start + ms(passed_ms);
                match step {
                    Step::Pass(by_ms) => passed_ms += by_ms,
                    Step::Call => {
                        budget.deposit(now);
                        calls += 1;
                    }
                    Step::Take => in_hand.extend(budget.withdraw(now)),
                    Step::Spend => in_hand.pop().into_iter().for_each(Withdrawal::spent),
                    Step::GiveBack => drop(in_hand.pop()),
                }
                let numbers = budget.numbers(now);
                let used = numbers.tokens + numbers.withdrawn_total + in_hand.len() as u64;
                let floor_parts = u64::from(floor_per_second) * (TTL.as_millis() as u64 + passed_ms);
                prop_assert!(used * 1_000 <= u64::from(ratio_per_mille) * calls + floor_parts);
            }
            drop(in_hand);
            let idle = budget.numbers(start + ms(passed_ms) + TTL);
            prop_assert_eq!(idle.tokens, u64::from(floor_per_second) * 10);
        }
    }
}
