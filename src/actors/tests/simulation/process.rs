//! One life of the process, and the clients' calls that are under way in it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::clients::Wish;
use crate::actors::directory::LiveLimits;
use crate::actors::outside::BuiltIn;
use crate::actors::runtime::{ActorOptions, Runtime};
use crate::actors::tests::house::{DEADLINE, Outcome};
use crate::clock::Clock;
use crate::domain::System;
use crate::domain::system::Catalogue;
use crate::journal::{Engine, Journal, JournalOptions, Note};
use crate::resilience::{GuardPolicies, Partition, Unobserved};
use crate::telemetry::traces::Tracer;

/// One running process.
pub(super) struct Process {
    pub(super) runtime: Runtime,
    pub(super) journal: Journal,
    pub(super) clock: Clock,
    began: Instant,
    began_ms: u64,
    calls: JoinSet<(usize, Outcome)>,
    under_way: BTreeMap<usize, AbortHandle>,
    /// Checkpoints and the like.
    pub(super) chores: JoinSet<()>,
}

/// How a process is made.
pub(super) struct Plan {
    pub(super) clock: Clock,
    pub(super) shards: usize,
    pub(super) live: LiveLimits,
}

impl Process {
    /// Opens journal and runtime, and makes what is there from the first start on; `None` when the storage fails meanwhile.
    pub(super) async fn start(
        engine: Arc<dyn Engine>,
        systems: &[System],
        catalogue: Arc<Catalogue>,
        Plan { clock, shards, live }: Plan,
    ) -> Option<Self> {
        let (began, began_ms) = (clock.now(), clock.wall_ms());
        let options = JournalOptions { recent_for: 2 * DEADLINE, free_bytes_min: 0, tracer: Tracer::default() };
        let journal = Journal::open(engine, catalogue, clock.clone(), options).await.ok()?;
        let (guard, outbound) = (GuardPolicies::default(), Arc::new(BuiltIn));
        let options = ActorOptions {
            shards,
            live,
            guard,
            settings: std::collections::HashMap::new(),
            outbound,
            tracer: Tracer::default(),
        };
        let runtime = Runtime::start(systems, journal.clone(), clock.clone(), Arc::new(Unobserved), options);
        let runtime = runtime.await.ok()?;
        for system in systems {
            runtime.plant(system).await.ok()?;
        }
        let (calls, under_way, chores) = (JoinSet::new(), BTreeMap::new(), JoinSet::new());
        Some(Self { runtime, journal, clock, began, began_ms, calls, under_way, chores })
    }

    pub(super) fn send(&mut self, number: usize, wish: &mut Wish) {
        wish.is_under_way = true;
        let (admission, call) = (self.runtime.admission(), wish.call(&self.clock));
        let begun = self.calls.spawn(async move { (number, admission.call(Partition::Edge, call).await) });
        self.under_way.insert(number, begun);
    }

    /// Sends a wish and waits for what comes of it; nothing else is under way.
    pub(super) async fn ask(&mut self, number: usize, wish: &mut Wish) {
        self.send(number, wish);
        while let Some(told) = self.calls.join_next().await {
            if let Ok((_, outcome)) = told {
                wish.hears(outcome);
            }
        }
        self.under_way.clear();
        self.keep_time();
    }

    /// Takes in what clients were told by now, and has the wall clock follow.
    pub(super) fn hear(&mut self, wishes: &mut [Wish]) {
        while let Some(told) = self.calls.try_join_next() {
            // A call whose client has left was dropped.
            if let Ok((number, outcome)) = told {
                self.under_way.remove(&number);
                wishes[number].hears(outcome);
            }
        }
        while self.chores.try_join_next().is_some() {}
        self.keep_time();
    }

    /// Has the nth of the clients who wait leave, wherever its call is.
    pub(super) fn leave(&mut self, nth: u64, wishes: &mut [Wish]) {
        let waiting: Vec<usize> = self.under_way.keys().copied().collect();
        let Some(number) = usize::try_from(nth).ok().and_then(|nth| waiting.get(nth % waiting.len().max(1))) else {
            return;
        };
        if let Some(call) = self.under_way.remove(number) {
            call.abort();
            wishes[*number].leaves();
        }
    }

    fn keep_time(&self) {
        let walked = Duration::from_millis(self.clock.wall_ms() - self.began_ms);
        self.clock.advance_wall((self.clock.now() - self.began).saturating_sub(walked));
    }

    /// Waits until every follower and every ask has come to its end, and the store has everything.
    pub(super) async fn settled(&self) {
        loop {
            let before = *self.journal.durable().borrow();
            self.runtime.quiet().await.expect("the journal can be read");
            self.runtime.house.tasks.close();
            self.runtime.house.tasks.wait().await;
            self.journal.checkpoint().await.expect("the store takes everything");
            if *self.journal.durable().borrow() == before {
                return;
            }
        }
    }

    /// Lets as much time pass, and as many groups, as a key whose outcome is unknown is remembered by its creation.
    pub(super) async fn outlast_creations(&self) {
        tokio::time::sleep(Duration::from_secs(61)).await;
        for _ in 0..64 {
            let audit = |text: &str| text.to_owned();
            let (action, target, reason) = (audit("wait"), audit("everything"), audit("time passes"));
            let time_ms = self.clock.wall_ms();
            self.journal.note(Note::Audit { action, target, reason, time_ms }).await.expect("calm");
        }
    }

    /// Stops as an operator would have it.
    pub(super) async fn stop(self) {
        let Self { runtime, journal, .. } = self;
        runtime.stop().await;
        journal.close().await;
    }
}
