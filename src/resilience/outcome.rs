//! How a guarded call can end, told apart by what the caller may do next: a call that was not executed may be repeated
//! freely, one whose outcome is unknown only under the same command id. Holds no state and knows no layer.

use std::time::Duration;

use thiserror::Error;

/// The end of a call that brought no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CallError {
    /// The work was never begun.
    #[error(transparent)]
    NotExecuted(#[from] NotExecuted),
    /// The work may have happened.
    #[error(transparent)]
    Unknown(#[from] Unknown),
}

impl CallError {
    /// Returns what the breaker is told of this end.
    pub fn completion(&self) -> Completion {
        match self {
            // What an operator breaks is to look broken.
            Self::NotExecuted(NotExecuted { reason: Reason::FaultInjected, .. }) => Completion::Failed,
            Self::NotExecuted(_) => Completion::NotExecuted,
            Self::Unknown(unknown) => match unknown {
                Unknown::AttemptTimeout => Completion::TimedOut,
                // The caller's patience is the caller's: a short one says nothing of the callee.
                Unknown::DeadlineExceeded => Completion::Expired,
                // A killed callee says nothing of the callee's health: its supervisor counts what it must.
                // Nor does an outside party's failure of who asked it: the guard in front of that party counts it.
                Unknown::PortDropped | Unknown::BrokenOff => Completion::Cancelled,
            },
        }
    }
}

/// A call turned away before its work began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not executed: {}", .reason.code())]
pub struct NotExecuted {
    /// Why it was turned away.
    pub reason: Reason,
    /// When another try may succeed, unrounded; zero where waiting changes nothing.
    pub retry_after: Duration,
}

impl NotExecuted {
    /// Returns the rejection of a call whose own deadline is over.
    pub fn deadline_exceeded() -> Self {
        Self { reason: Reason::DeadlineExceeded, retry_after: Duration::ZERO }
    }
}

/// Why a call was turned away. All but [`Reason::DeadlineExceeded`] and [`Reason::ClientRate`] mean that the callee is
/// unavailable for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The caller's deadline was over before the work began.
    DeadlineExceeded,
    /// As many calls are running and waiting as the bulkhead allows.
    BulkheadFull,
    /// No slot of the bulkhead came free within the longest wait.
    BulkheadWaitTimeout,
    /// The caller's deadline would be over before its turn.
    WouldExpire,
    /// As many commands wait for the instance as its mailbox allows.
    MailboxFull,
    /// An operator stopped the service.
    ServiceStopped,
    /// The process is shutting down.
    Draining,
    /// The instance failed too often and is held back.
    Quarantined,
    /// As many instances recover and wait to recover as allowed.
    RecoveryBusy,
    /// The log refuses writes.
    StorageReadOnly,
    /// The committer has as much in hand as it may.
    CommitterBusy,
    /// The circuit breaker is open.
    BreakerOpen,
    /// The circuit breaker of the instance is open.
    InstanceBreakerOpen,
    /// An operator has some calls of the callee fail before they begin; a failure to the breaker.
    FaultInjected,
    /// As many requests are inside the edge as its adaptive limit allows.
    EdgeOverloaded,
    /// The client comes more often than it may.
    ClientRate,
    /// An outside party cannot be reached, or says that it is too busy.
    ProviderUnavailable,
}

impl Reason {
    /// Returns the machine-readable name, as clients and metrics see it.
    pub fn code(self) -> &'static str {
        match self {
            Self::DeadlineExceeded => "deadline-exceeded",
            Self::BulkheadFull => "bulkhead-full",
            Self::BulkheadWaitTimeout => "bulkhead-wait-timeout",
            Self::WouldExpire => "would-expire",
            Self::MailboxFull => "mailbox-full",
            Self::ServiceStopped => "service-stopped",
            Self::Draining => "draining",
            Self::Quarantined => "quarantined",
            Self::RecoveryBusy => "recovery-busy",
            Self::StorageReadOnly => "storage-read-only",
            Self::CommitterBusy => "committer-busy",
            Self::BreakerOpen => "breaker-open",
            Self::InstanceBreakerOpen => "instance-breaker-open",
            Self::FaultInjected => "fault-injected",
            Self::EdgeOverloaded => "edge-overloaded",
            Self::ClientRate => "client-rate",
            Self::ProviderUnavailable => "provider-unavailable",
        }
    }
}

/// A call whose work may have happened: only an answer to the same command id can settle it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Unknown {
    /// The attempt took longer than one attempt may.
    #[error("outcome unknown: the attempt timed out")]
    AttemptTimeout,
    /// The caller's deadline passed while the work was under way.
    #[error("outcome unknown: the deadline passed during the attempt")]
    DeadlineExceeded,
    /// The callee dropped the reply port.
    #[error("outcome unknown: the callee went away without an answer")]
    PortDropped,
    /// An outside party broke the connection off, or answered that it failed.
    #[error("outcome unknown: the provider failed")]
    BrokenOff,
}

impl Unknown {
    /// Returns the machine-readable name, as clients and metrics see it; no [`Reason`] has the same.
    pub fn code(self) -> &'static str {
        match self {
            Self::AttemptTimeout => "attempt-timeout",
            Self::DeadlineExceeded => "answer-overdue",
            Self::PortDropped => "port-dropped",
            Self::BrokenOff => "broken-off",
        }
    }
}

/// What the breaker is told of an admitted call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Completion {
    /// The work was done.
    Success,
    /// The business said no: the callee is well, so it counts as a success.
    Refused,
    /// A layer further in turned the call away: no failure of the callee.
    NotExecuted,
    /// No answer came within the time of an attempt.
    TimedOut,
    /// The caller's own deadline passed first.
    Expired,
    /// The work broke.
    Failed,
    /// The caller or the callee went away: says nothing of the callee's health.
    Cancelled,
}

impl Completion {
    /// Every one.
    pub const ALL: [Self; 7] =
        [Self::Success, Self::Refused, Self::NotExecuted, Self::TimedOut, Self::Expired, Self::Failed, Self::Cancelled];

    /// Returns the machine-readable name, as metrics see it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
            Self::NotExecuted => "not-executed",
            Self::TimedOut => "timed-out",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// An answer that can tell whether it is a success or a refusal.
pub trait Verdict {
    /// Returns what the breaker is told of this answer.
    fn completion(&self) -> Completion;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inner_rejection_is_no_failure_and_a_dropped_port_is_no_verdict() {
        let check = |error: CallError, expected| assert_eq!(error.completion(), expected);
        check(NotExecuted::deadline_exceeded().into(), Completion::NotExecuted);
        check(Unknown::AttemptTimeout.into(), Completion::TimedOut);
        check(Unknown::DeadlineExceeded.into(), Completion::Expired);
        check(Unknown::PortDropped.into(), Completion::Cancelled);
    }

    #[test]
    fn an_outside_partys_failure_is_none_of_who_asked_it() {
        let unreachable = NotExecuted { reason: Reason::ProviderUnavailable, retry_after: Duration::from_secs(1) };
        assert_eq!(CallError::from(unreachable).completion(), Completion::NotExecuted);
        assert_eq!(CallError::from(Unknown::BrokenOff).completion(), Completion::Cancelled);
    }

    #[test]
    fn an_injected_fault_is_a_failure_to_the_breaker_and_not_executed_to_the_caller() {
        let injected = NotExecuted { reason: Reason::FaultInjected, retry_after: Duration::from_secs(1) };
        assert_eq!(CallError::from(injected).completion(), Completion::Failed);
        assert_eq!(injected.to_string(), "not executed: fault-injected");
    }

    #[test]
    fn a_rejection_names_its_reason_in_kebab_case() {
        let rejected = NotExecuted { reason: Reason::BulkheadWaitTimeout, retry_after: Duration::from_secs(1) };
        assert_eq!(rejected.to_string(), "not executed: bulkhead-wait-timeout");
        assert_eq!(CallError::from(rejected).to_string(), rejected.to_string());
    }

    #[test]
    fn unknown_outcomes_and_ends_of_calls_go_by_the_names_that_clients_and_metrics_know() {
        let unknown = [Unknown::AttemptTimeout, Unknown::DeadlineExceeded, Unknown::PortDropped];
        assert_eq!(unknown.map(Unknown::code), ["attempt-timeout", "answer-overdue", "port-dropped"]);
        let ends = ["success", "refused", "not-executed", "timed-out", "expired", "failed", "cancelled"];
        assert_eq!(Completion::ALL.map(Completion::code), ends);
    }

    #[test]
    fn a_rejection_stays_small_enough_to_copy_on_every_path() {
        assert!(size_of::<CallError>() <= 24);
    }
}
