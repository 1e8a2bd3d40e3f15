//! Tells askers how their asks ended, or that they are still under way.

use std::time::Duration;

use tokio::sync::oneshot;

use super::AskOutcome;
use crate::actors::instance::InstanceMessage;
use crate::actors::runtime::House;
use crate::fault_points::{self, FaultPoint};
use crate::journal::Intent;
use crate::resilience::{Deadline, Unknown};

/// How long the asker may take to close the intent before it is told again.
const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(5);

/// What the asker is told.
#[derive(Clone, Debug)]
pub(super) enum Telling {
    Ended(AskOutcome),
    StillAsking(Unknown),
}

impl House {
    /// Tells the asker once; `gone` is the incarnation that let the runner down last.
    pub(super) async fn tell_asker(&self, intent: &Intent, telling: Telling, gone: &mut Option<u64>) -> bool {
        let Some(room) = self.directory.room(intent.asker.kind) else { return false };
        if fault_points::at(FaultPoint::AskAnswered).await.is_err() {
            return false;
        }
        let deadline = Deadline::after(&self.clock, ACKNOWLEDGE_TIMEOUT);
        let Ok((living, _)) = self.living(room, intent.asker.id, deadline, false, *gone).await else { return false };
        let (acknowledged, acknowledgement) = oneshot::channel();
        let message = match telling {
            Telling::Ended(outcome) => InstanceMessage::Asked { intent: intent.id, outcome, acknowledged },
            Telling::StillAsking(unknown) => InstanceMessage::StillAsking { intent: intent.id, unknown, acknowledged },
        };
        let sent = living.actor.cast(message).is_ok();
        match tokio::time::timeout_at(deadline.at(), acknowledgement).await {
            Ok(Ok(())) if sent => fault_points::at(FaultPoint::AskAcknowledged).await.is_ok(),
            Ok(Ok(()) | Err(_)) => {
                // It may live and only have had no room; a dead one is replaced, its end being on its way.
                *gone = (!sent).then_some(living.generation);
                false
            }
            Err(_) => false,
        }
    }
}
