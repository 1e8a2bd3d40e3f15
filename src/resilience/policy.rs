//! The limits of guards, and by which name each finds its own.

use std::collections::BTreeMap;
use std::time::Duration;

use thiserror::Error;

use super::breaker::{BreakerConfig, BreakerConfigError};
use super::budget::{BudgetPolicy, BudgetPolicyError};
use super::bulkhead::{BulkheadLimits, Partition, ZeroLimit};
use super::retry::{RetryPolicy, RetryPolicyError};

/// The limits of one guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardPolicy {
    /// The longest one attempt may take, waiting in line not counted.
    pub attempt_timeout: Duration,
    /// When it stops calling.
    pub breaker: BreakerConfig,
    /// Slots and queue of [`Partition::Edge`].
    pub edge: BulkheadLimits,
    /// Slots and queue of [`Partition::Policies`].
    pub policies: BulkheadLimits,
    /// Slots and queue of [`Partition::Asks`].
    pub asks: BulkheadLimits,
    /// Slots and queue of [`Partition::Reads`].
    pub reads: BulkheadLimits,
}

impl GuardPolicy {
    /// Checks that calls can succeed under it.
    ///
    /// # Errors
    ///
    /// Fails with what is wrong.
    pub fn check(&self) -> Result<(), PolicyError> {
        if self.attempt_timeout.is_zero() {
            return Err(PolicyError::ZeroAttemptTimeout);
        }
        self.breaker.check()?;
        let zero = |(partition, limits): (Partition, BulkheadLimits)| {
            limits.check().map_err(|limit| PolicyError::ZeroLimit { partition, limit })
        };
        self.partitions().into_iter().try_for_each(zero)
    }

    /// Returns the limits of each partition.
    #[must_use]
    pub const fn partitions(&self) -> [(Partition, BulkheadLimits); 4] {
        [
            (Partition::Edge, self.edge),
            (Partition::Policies, self.policies),
            (Partition::Asks, self.asks),
            (Partition::Reads, self.reads),
        ]
    }

    /// The default in front of an ask: its answer is waited for as long as the originals did.
    #[must_use]
    pub fn ask() -> Self {
        Self { attempt_timeout: ASK_TIMEOUT, breaker: BreakerConfig::ask(ASK_TIMEOUT), ..Self::default() }
    }
}

impl Default for GuardPolicy {
    fn default() -> Self {
        Self {
            attempt_timeout: Duration::from_secs(2),
            breaker: BreakerConfig::KIND,
            edge: BulkheadLimits::EDGE,
            policies: BulkheadLimits::POLICIES,
            asks: BulkheadLimits::ASKS,
            reads: BulkheadLimits::READS,
        }
    }
}

/// How long an ask's answer is waited for.
const ASK_TIMEOUT: Duration = Duration::from_millis(610);
/// What stands in the name of an ask's guard between who asks and who is asked.
const ASKS: &str = "/asks/";

/// The policies of all guards.
#[derive(Clone, Debug)]
pub struct GuardPolicies {
    /// In front of each kind.
    pub kind: GuardPolicy,
    /// In front of each ask.
    pub ask: GuardPolicy,
    /// Those that differ, by the guard's name.
    pub of: BTreeMap<String, GuardPolicy>,
    /// How policies try their commands again.
    pub retry: RetryPolicy,
    /// What that may add to the load, of each commanded kind and of all together.
    pub budget: BudgetPolicy,
}

impl GuardPolicies {
    /// Checks that calls can succeed under all of them.
    ///
    /// # Errors
    ///
    /// Fails with what is wrong, and what stands before it in the settings of guards: `kind.`, `ask.`, `of.name.` or nothing.
    pub fn check(&self) -> Result<(), (String, PolicyError)> {
        let guards = [("kind.".to_owned(), &self.kind), ("ask.".to_owned(), &self.ask)];
        let named = self.of.iter().map(|(name, policy)| (format!("of.{name}."), policy));
        for (name, policy) in guards.into_iter().chain(named) {
            policy.check().map_err(|fault| (name, fault))?;
        }
        let all = |fault| (String::new(), fault);
        self.retry.check().map_err(|fault| all(fault.into()))?;
        self.budget.check().map_err(|fault| all(fault.into()))
    }

    /// Names the guard of one kind's asks to another: `system/service/kind/asks/service/kind`.
    #[must_use]
    pub fn ask_name(asker: &str, asked: &str) -> String {
        let (_, asked) = asked.split_once('/').unwrap_or(("", asked));
        format!("{asker}{ASKS}{asked}")
    }

    /// Tells whether a name is that of an ask's guard.
    #[must_use]
    pub fn names_ask(name: &str) -> bool {
        name.contains(ASKS)
    }

    /// Returns the policy of the guard of this name.
    #[must_use]
    pub fn of(&self, name: &str) -> GuardPolicy {
        let base = if Self::names_ask(name) { self.ask } else { self.kind };
        self.of.get(name).copied().unwrap_or(base)
    }
}

impl Default for GuardPolicies {
    fn default() -> Self {
        let (kind, ask) = (GuardPolicy::default(), GuardPolicy::ask());
        Self { kind, ask, of: BTreeMap::new(), retry: RetryPolicy::default(), budget: BudgetPolicy::default() }
    }
}

/// A policy under which no call could ever succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// Every attempt would time out.
    #[error("attempt_timeout must be greater than zero")]
    ZeroAttemptTimeout,
    /// The breaker could not work.
    #[error("breaker.{0}")]
    Breaker(#[from] BreakerConfigError),
    /// The retries make no sense.
    #[error("retry.{0}")]
    Retry(#[from] RetryPolicyError),
    /// Their budget makes no sense.
    #[error("retry.{0}")]
    Budget(#[from] BudgetPolicyError),
    /// A limit of a bulkhead is zero.
    #[error("{}.{limit}", .partition.code())]
    ZeroLimit {
        /// The partition whose limit it is.
        partition: Partition,
        /// The limit at fault.
        limit: ZeroLimit,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ask_is_waited_for_as_long_as_the_originals_did_and_its_breaker_knows() {
        let timeout = Duration::from_millis(610);
        let expected = GuardPolicy {
            attempt_timeout: timeout,
            breaker: BreakerConfig::ask(timeout),
            ..GuardPolicies::default().kind
        };
        assert_eq!(GuardPolicy::ask(), expected);
    }

    #[test]
    fn a_guard_has_the_policy_of_its_name_or_that_of_its_sort() {
        let (kind, other) = ("oa-rental/delivery/delivery", "oa-rental/rental/rental");
        let ask = GuardPolicies::ask_name(kind, "oa-rental/product/product");
        assert_eq!(ask, "oa-rental/delivery/delivery/asks/product/product");
        assert_eq!((GuardPolicies::names_ask(&ask), GuardPolicies::names_ask(kind)), (true, false));
        let own = GuardPolicy { attempt_timeout: Duration::from_secs(9), ..GuardPolicy::default() };
        let policies = GuardPolicies { of: BTreeMap::from([(kind.to_owned(), own)]), ..GuardPolicies::default() };
        assert_eq!([kind, other, &ask].map(|name| policies.of(name)), [own, policies.kind, policies.ask]);
    }
}
