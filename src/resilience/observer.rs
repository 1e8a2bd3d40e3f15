//! Who is told what guards do, so that they need to know nothing of metrics.

use std::time::Duration;

use super::breaker::Transition;
use super::bulkhead::Partition;
use super::outcome::{Completion, Reason};

/// Is told what becomes of each call. Called on the path of the call: must not block or panic.
pub trait Observer: Send + Sync {
    /// A call got its slot after waiting; exactly one `completed` follows.
    fn admitted(&self, guard: &str, partition: Partition, waited: Duration);
    /// A call was turned away by the guard itself.
    fn rejected(&self, guard: &str, partition: Partition, reason: Reason);
    /// An admitted call ended; `elapsed` counts from its admission.
    fn completed(&self, guard: &str, partition: Partition, completion: Completion, elapsed: Duration);
    /// Its breaker changed its state.
    fn moved(&self, guard: &str, transition: &Transition);
}

/// An observer that looks away.
#[derive(Clone, Copy, Debug)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn admitted(&self, _: &str, _: Partition, _: Duration) {}
    fn rejected(&self, _: &str, _: Partition, _: Reason) {}
    fn completed(&self, _: &str, _: Partition, _: Completion, _: Duration) {}
    fn moved(&self, _: &str, _: &Transition) {}
}
