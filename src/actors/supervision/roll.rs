//! Whether the tree answers: a question that goes from the root down, and who has heard it. It waits for nobody and
//! reads no clock: silence is counted in questions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ractor::ActorCell;

use super::tree::SupervisorMessage;
use crate::actors::runtime::Runtime;
use crate::domain::{Service, System};

/// How many questions may wait for one supervisor.
const UNANSWERED_MAX: u64 = 60;

/// The questions asked so far, and what each supervisor has heard of them; the root is the first.
#[derive(Debug)]
pub(in crate::actors) struct Roll {
    asked: AtomicU64,
    supervisors: Vec<Arc<Heard>>,
}

/// The newest question a supervisor has heard, over all its incarnations.
#[derive(Debug)]
pub(in crate::actors) struct Heard {
    name: Arc<str>,
    newest: AtomicU64,
}

impl Heard {
    pub(in crate::actors) fn nothing(name: &str) -> Arc<Self> {
        Arc::new(Self { name: Arc::from(name), newest: AtomicU64::new(0) })
    }

    /// Nobody has heard anything of a service's questions yet.
    pub(in crate::actors) fn of(system: &System, service: &Service) -> Arc<Self> {
        Self::nothing(&format!("{}/{}/supervisor", system.name, service.name))
    }

    /// Notes that a question has arrived.
    pub(super) fn hear(&self, question: u64) {
        self.newest.fetch_max(question, Ordering::Relaxed);
    }

    /// Passes a question on, unless too many wait there.
    pub(super) fn ask(&self, supervisor: &ActorCell, question: u64) {
        if self.unanswered(question) <= UNANSWERED_MAX {
            // Whoever has ended starts again, and hears the next one.
            let _ = supervisor.send_message(SupervisorMessage::Answer(question));
        }
    }

    fn unanswered(&self, asked: u64) -> u64 {
        asked.saturating_sub(self.newest.load(Ordering::Relaxed))
    }
}

impl Roll {
    pub(in crate::actors) fn of(supervisors: Vec<Arc<Heard>>) -> Self {
        Self { asked: AtomicU64::new(0), supervisors }
    }
}

impl Runtime {
    /// Asks every supervisor, from the root down, and waits for no answer.
    pub fn call_roll(&self) {
        let question = self.roll.asked.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(root) = self.roll.supervisors.first() {
            root.ask(&self.root, question);
        }
    }

    /// Returns the supervisor with most questions that it has not answered, and how many; none if all have answered all.
    #[must_use]
    pub fn most_silent(&self) -> Option<(Arc<str>, u64)> {
        let asked = self.roll.asked.load(Ordering::Relaxed);
        let silent = self.roll.supervisors.iter().map(|heard| (heard, heard.unanswered(asked)));
        // The first of the worst: while the root is silent, those below can be nothing else.
        let worst = silent.reduce(|worst, next| if next.1 > worst.1 { next } else { worst });
        worst.filter(|(_, unanswered)| *unanswered > 0).map(|(heard, count)| (Arc::clone(&heard.name), count))
    }
}
