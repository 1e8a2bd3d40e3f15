//! The states of a breaker as others see them, and what moved it from one to another.

use super::moment::Moment;

/// A state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Calls pass.
    Closed,
    /// A growing share of them passes.
    Ramping,
    /// None passes.
    Open,
    /// Probes pass.
    HalfOpen,
    /// An operator has decided.
    Forced(Mode),
}

/// What an operator can decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// No call passes.
    ForcedOpen,
    /// Every call passes, and its outcome is counted.
    ForcedClosed,
    /// Every call passes, and nothing is counted.
    Disabled,
    /// Every call passes and counts, and the breaker says once that it would have opened.
    MetricsOnly,
}

/// Why a breaker changed its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Too many failures one after the other.
    FailuresInARow,
    /// Too large a share of failures.
    FailureRate,
    /// Too large a share of slow calls, those that hang included.
    SlowCalls,
    /// The open wait was over.
    WaitOver,
    /// The probes were answered.
    Recovered,
    /// Full load was reached.
    Ramped,
    /// Probes failed.
    ProbeFailed,
    /// Probes were slow.
    ProbeSlow,
    /// A probe was not answered by its deadline.
    ProbeOverdue,
    /// The callers of the probes went away, one after the other.
    ProbesAbandoned,
    /// The callee asked for a pause.
    Overloaded,
    /// Too many instances of the kind failed.
    Instances,
    /// An operator decided.
    Operator,
    /// The time limit of an operator's decision was over.
    TimeLimit,
    /// It would have opened, had it been let.
    WouldOpen,
}

/// One change of state; those of one breaker are in order, generations ascending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The state before.
    pub from: State,
    /// The state after.
    pub to: State,
    /// Why.
    pub cause: Cause,
    /// When it was due, which may be before anybody noticed.
    pub at: Moment,
    /// The number of changes so far.
    pub generation: u32,
}

impl State {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Closed,
        Self::Ramping,
        Self::Open,
        Self::HalfOpen,
        Self::Forced(Mode::ForcedOpen),
        Self::Forced(Mode::ForcedClosed),
        Self::Forced(Mode::Disabled),
        Self::Forced(Mode::MetricsOnly),
    ];

    /// Returns the name that metrics and the actuator show.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Ramping => "RAMPING",
            Self::Open => "OPEN",
            Self::HalfOpen => "HALF_OPEN",
            Self::Forced(Mode::ForcedOpen) => "FORCED_OPEN",
            Self::Forced(Mode::ForcedClosed) => "FORCED_CLOSED",
            Self::Forced(Mode::Disabled) => "DISABLED",
            Self::Forced(Mode::MetricsOnly) => "METRICS_ONLY",
        }
    }

    /// Returns the name of the nearest state that resilience4j has, for clients that know no others.
    #[must_use]
    pub const fn resilience4j_code(self) -> &'static str {
        match self {
            Self::Ramping => Self::HalfOpen.code(),
            Self::Forced(Mode::ForcedClosed) => Self::Forced(Mode::MetricsOnly).code(),
            Self::Closed
            | Self::Open
            | Self::HalfOpen
            | Self::Forced(Mode::ForcedOpen | Mode::Disabled | Mode::MetricsOnly) => self.code(),
        }
    }
}

impl Cause {
    /// Returns the machine-readable name, as metrics and events show it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::FailuresInARow => "failures-in-a-row",
            Self::FailureRate => "failure-rate",
            Self::SlowCalls => "slow-calls",
            Self::WaitOver => "wait-over",
            Self::Recovered => "recovered",
            Self::Ramped => "ramped",
            Self::ProbeFailed => "probe-failed",
            Self::ProbeSlow => "probe-slow",
            Self::ProbeOverdue => "probe-overdue",
            Self::ProbesAbandoned => "probes-abandoned",
            Self::Overloaded => "overloaded",
            Self::Instances => "instances",
            Self::Operator => "operator",
            Self::TimeLimit => "time-limit",
            Self::WouldOpen => "would-open",
        }
    }
}
