//! Tokens: whoever races for them, none is made up and none is lost.

use std::sync::Arc;
use std::time::Duration;

use resurgam_loom::clock::Clock;
use resurgam_loom::resilience::budget::{Budget, BudgetPolicy, Withdrawal, withdraw_both};
use tokio::time::Instant;

use crate::{SECOND, at_once, explore};

const TTL: Duration = Duration::from_secs(10);

fn start() -> Instant {
    Clock.now()
}

/// A budget of one token, taken in at the start.
fn one_token() -> Budget {
    let policy = BudgetPolicy { ratio_per_mille: 1_000, floor_per_second: 0, ttl: TTL };
    let budget = Budget::new(policy, start()).expect("the policy is sound");
    budget.deposit(start());
    budget
}

fn spend<'a>(taken: impl IntoIterator<Item = Withdrawal<'a>>) {
    taken.into_iter().for_each(Withdrawal::spent);
}

fn give_back(budget: &Budget) {
    drop(budget.withdraw(start()));
}

fn expire(budget: &Budget) {
    assert_eq!(budget.numbers(start() + TTL).tokens, 0);
}

// Case 132.
#[test]
fn a_token_is_taken_once_or_expires() {
    explore("budget withdraw || withdraw || expiry", || {
        let budget = Arc::new(one_token());
        let withdraw = |budget: &Budget| spend(budget.withdraw(start() + SECOND));
        at_once(&budget, [withdraw, withdraw, expire]);
        let numbers = budget.numbers(start());
        assert!(numbers.withdrawn_total <= 1, "{numbers:?}");
        assert_eq!((numbers.tokens, numbers.withdrawn_total + numbers.denied_total), (0, 2));
    });
}

#[test]
fn a_token_given_back_is_there_for_another_unless_its_time_is_over() {
    explore("budget give back || withdraw", || {
        let budget = Arc::new(one_token());
        at_once(&budget, [give_back, |budget| spend(budget.withdraw(start()))]);
        let left = budget.numbers(start());
        assert_eq!(left.tokens + left.withdrawn_total, 1);
    });
    explore("budget give back || expiry", || {
        let budget = Arc::new(one_token());
        at_once(&budget, [give_back, expire]);
        assert_eq!(budget.numbers(start()).tokens, 0);
    });
}

#[test]
fn two_budgets_taken_in_either_order_pay_for_one_call_or_for_none() {
    explore("budget withdraw both || withdraw both in the other order", || {
        let budgets = Arc::new((one_token(), one_token()));
        at_once(
            &budgets,
            [
                |(edge, root)| spend(withdraw_both(edge, root, start()).into_iter().flatten()),
                |(edge, root)| spend(withdraw_both(root, edge, start()).into_iter().flatten()),
            ],
        );
        let (edge, root) = (budgets.0.numbers(start()), budgets.1.numbers(start()));
        assert_eq!((edge.tokens, edge.withdrawn_total), (root.tokens, root.withdrawn_total));
        assert_eq!(edge.tokens + edge.withdrawn_total, 1);
        // Who was denied one gave the other back.
        assert_eq!(edge.denied_total + root.denied_total, 2 - edge.withdrawn_total);
    });
}
