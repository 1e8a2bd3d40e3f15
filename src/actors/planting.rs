//! What is there from the first start on, made once: whatever has ever been known of an id, its seed is not sown again.

use std::sync::Arc;
use std::time::Duration;

use super::admission::{Call, Target};
use super::envelope::{Precondition, Reply};
use super::runtime::{Runtime, StartError};
use crate::clock::derived_id;
use crate::domain::{Stream, System};
use crate::journal::{CommandMeta, Origin};
use crate::resilience::{Deadline, Partition};

/// How long one of them may take.
const PLANT_TIMEOUT: Duration = Duration::from_secs(5);

impl Runtime {
    /// Makes what a system has from its first start on, as far as it was never there. To be done before clients come,
    /// who would take the ids.
    ///
    /// # Errors
    ///
    /// Fails when one is refused or cannot be stored; a later start goes on from there.
    pub async fn plant(&self, system: &System) -> Result<(), StartError> {
        let settings = self.settings(system.name);
        for seed in system.services.iter().flat_map(|service| &service.seeds) {
            for (command, id) in (seed.commands)(settings).into_iter().zip(1..) {
                let stream = Stream::new(seed.kind, id);
                if self.house.journal.ids().knows(seed.kind, id) {
                    continue;
                }
                let call = Call {
                    target: Target::Existing(stream),
                    command,
                    meta: CommandMeta {
                        id: derived_id(derived_id(0, "seed"), &stream.to_string()),
                        origin: Origin::Policy,
                        fingerprint: 0,
                        causation: 0,
                        correlation: Arc::from("first-start"),
                        trace: None,
                    },
                    precondition: Precondition::Missing,
                    deadline: Deadline::after(&self.house.clock, PLANT_TIMEOUT),
                };
                let reason = match self.admission().call(Partition::Policies, call).await {
                    Ok((_, Reply::Done(_))) => continue,
                    Ok((_, reply)) => format!("{reply:?}"),
                    Err(error) => error.to_string(),
                };
                return Err(StartError::Seed { stream, reason });
            }
        }
        Ok(())
    }
}
