//! How much each partition of a bulkhead may hold.

use std::time::Duration;

use thiserror::Error;

/// Who calls: each has slots of its own, so that a flood of one leaves the others alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Partition {
    /// Clients, through the HTTP edge.
    Edge,
    /// Policies that follow the log.
    Policies,
    /// Asks of other aggregates.
    Asks,
    /// Clients that only look.
    Reads,
}

impl Partition {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Edge, Self::Policies, Self::Asks, Self::Reads];

    /// Returns the machine-readable name, as metrics and settings see it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Policies => "policies",
            Self::Asks => "asks",
            Self::Reads => "reads",
        }
    }

    /// Names the bulkhead of this partition in a guard: `system/service/kind/edge`.
    pub fn full_name(self, guard: &str) -> String {
        format!("{guard}/{}", self.code())
    }
}

/// How much one partition may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkheadLimits {
    /// Calls that run at once.
    pub running_max: usize,
    /// Calls that wait for a slot; with none, whoever finds no slot is turned away at once.
    pub queue_max: usize,
    /// The longest wait for a slot.
    pub wait_max: Duration,
}

impl BulkheadLimits {
    /// The default of [`Partition::Edge`].
    pub const EDGE: Self = Self { running_max: 1_024, queue_max: 4_096, wait_max: Duration::from_secs(1) };
    /// The default of [`Partition::Policies`].
    pub const POLICIES: Self = Self { running_max: 256, queue_max: 1_024, wait_max: Duration::from_secs(1) };
    /// The default of [`Partition::Asks`].
    pub const ASKS: Self = Self::POLICIES;
    /// The default of [`Partition::Reads`].
    pub const READS: Self = Self::EDGE;

    pub(in crate::resilience) fn check(&self) -> Result<(), ZeroLimit> {
        let limit = match self {
            Self { running_max: 0, .. } => "running_max",
            Self { wait_max: Duration::ZERO, queue_max: 1.., .. } => "wait_max",
            Self { .. } => return Ok(()),
        };
        Err(ZeroLimit { limit })
    }
}

/// A limit that would let nothing pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{limit} must be greater than zero")]
pub struct ZeroLimit {
    /// The field at fault.
    pub limit: &'static str,
}
