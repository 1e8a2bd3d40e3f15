//! What chaos does to the disk: every write takes longer for a while, or the next write or sync fails.
//!
//! It stands between the committer and the storage, so every storage has it. A failure is as final as a real one.

use std::time::Duration;

use parking_lot::Mutex;
use thiserror::Error;
use tokio::time::Instant;

use super::engine::{Engine, EngineError, Group, Lane, Written};
use super::handle::Journal;
use crate::clock::Clock;
use crate::telemetry::metrics;

/// The longest one write may be made to take.
const STALL_MAX: Duration = Duration::from_secs(10);
/// The longest it may go on, and a failure may wait for a write.
const LASTS_MAX: Duration = Duration::from_secs(60 * 60);

/// What is wrong with the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFault {
    /// Every write takes so much longer.
    Stall(Duration),
    /// The next write fails: its group is not in the log.
    FailWrite,
    /// The next sync fails: its group is in the log, and nobody was told.
    FailSync,
}

/// Why it cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DiskFaultError {
    /// No write would notice, or none would end.
    #[error("stall is longer than nothing and 10 s at most")]
    Stall,
    /// It would never begin, or never end.
    #[error("for is longer than nothing and an hour at most")]
    Lasts,
}

/// A fault and when it is over by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskFaultFor {
    /// What.
    pub fault: DiskFault,
    /// Until when.
    pub until: Instant,
    /// How many writes have met it.
    pub writes: u64,
}

impl DiskFault {
    /// Looks whether it makes sense for so long.
    ///
    /// # Errors
    ///
    /// Fails on what is out of bounds.
    pub fn check(self, lasts: Duration) -> Result<(), DiskFaultError> {
        match self {
            Self::Stall(stall) if stall.is_zero() || stall > STALL_MAX => Err(DiskFaultError::Stall),
            Self::Stall(_) | Self::FailWrite | Self::FailSync => match lasts.is_zero() || lasts > LASTS_MAX {
                true => Err(DiskFaultError::Lasts),
                false => Ok(()),
            },
        }
    }
}

/// The fault in force; one at a time.
#[derive(Debug, Default)]
pub(super) struct DiskFaults(Mutex<Option<DiskFaultFor>>);

impl DiskFaults {
    fn in_force(&self, now: Instant) -> Option<DiskFaultFor> {
        let mut fault = self.0.lock();
        fault.take_if(|fault| fault.until <= now);
        *fault
    }

    /// Returns what the next write meets; a failure is met once.
    fn meet(&self, now: Instant) -> Option<DiskFault> {
        let mut fault = self.0.lock();
        fault.take_if(|fault| fault.until <= now);
        let met = fault.as_mut().map(|fault| {
            fault.writes += 1;
            fault.fault
        });
        fault.take_if(|fault| matches!(fault.fault, DiskFault::FailWrite | DiskFault::FailSync));
        met
    }

    /// Writes a group to a storage through what is wrong with its disk.
    pub(super) async fn write(&self, engine: &dyn Engine, group: Group, clock: &Clock) -> Result<Written, EngineError> {
        match self.meet(clock.now()) {
            None => engine.write(group).await,
            Some(DiskFault::Stall(stall)) => {
                tokio::time::sleep(stall).await;
                engine.write(group).await
            }
            Some(DiskFault::FailWrite) => Err(failed("write")),
            Some(DiskFault::FailSync) => {
                engine.write(group).await?;
                Err(failed("sync"))
            }
        }
    }
}

impl Journal {
    /// Tells whether the storage has such a thread.
    #[must_use]
    pub fn has_lane(&self, lane: Lane) -> bool {
        self.core.engine.has_lane(lane)
    }

    /// Ends a thread of the storage as a panic would; tells whether there was one.
    pub fn end_lane(&self, lane: Lane) -> bool {
        self.core.engine.end_lane(lane)
    }

    /// Has something be wrong with the disk for a while, in place of what is.
    ///
    /// # Errors
    ///
    /// Fails on what is out of bounds.
    pub fn disturb_disk(&self, fault: DiskFault, lasts: Duration) -> Result<DiskFaultFor, DiskFaultError> {
        fault.check(lasts)?;
        match fault {
            DiskFault::Stall(_) => metrics::chaos_acted("stall", "disk"),
            DiskFault::FailWrite => metrics::chaos_acted("fail", "write"),
            DiskFault::FailSync => metrics::chaos_acted("fail", "sync"),
        }
        let wrong = DiskFaultFor { fault, until: self.core.clock.now() + lasts, writes: 0 };
        *self.core.disk_faults.0.lock() = Some(wrong);
        Ok(wrong)
    }

    /// Returns what is wrong with the disk.
    #[must_use]
    pub fn disk_fault(&self) -> Option<DiskFaultFor> {
        self.core.disk_faults.in_force(self.core.clock.now())
    }

    /// Has the disk be well again; returns what was wrong. A failure that was met stays final.
    #[must_use]
    pub fn mend_disk(&self) -> Option<DiskFaultFor> {
        let was = self.disk_fault();
        *self.core.disk_faults.0.lock() = None;
        was
    }
}

fn failed(what: &'static str) -> EngineError {
    EngineError::Log(format!("chaos: the {what} failed: Input/output error (os error 5)"))
}
