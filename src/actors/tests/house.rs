//! A runtime on a journal on a storage, and the ways in.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::super::admission::{Call, Target};
use super::super::directory::{EntryFigures, LiveLimits};
use super::super::envelope::{Done, Precondition, Reply};
use super::super::outside::{BuiltIn, Outbound};
use super::super::runtime::{ActorOptions, Runtime};
use super::{letters, shop, yard};
use crate::clock::{Clock, derived_id};
use crate::domain::system::Catalogue;
use crate::domain::{Aggregate, Kind, Recorded, Stream, System};
use crate::journal::disk::{DiskEngine, DiskOptions};
use crate::journal::{CommandMeta, Engine, Journal, JournalOptions, Origin};
use crate::resilience::{BulkheadLimits, CallError, Deadline, GuardPolicies, GuardPolicy, Partition, Unobserved};
use crate::systems::oa_rental;
use crate::telemetry::traces::Tracer;

/// How long a client waits.
pub(super) const DEADLINE: Duration = Duration::from_secs(5);
/// What a call comes to.
pub(super) type Outcome = Result<(Stream, Reply), CallError>;

/// A running process.
#[derive(Debug)]
pub(super) struct House {
    pub(super) runtime: Runtime,
    pub(super) journal: Journal,
    pub(super) clock: Clock,
}

/// Runs one life of the process with time paused; when it ends, everything in it is gone at once, as after a kill.
pub(super) fn life<T>(lived: impl Future<Output = T>) -> T {
    let mut process = tokio::runtime::Builder::new_current_thread();
    process.enable_all().start_paused(true).build().expect("a runtime").block_on(lived)
}

/// Runs one life of the process on threads and in real time, on a storage in this directory.
pub(super) fn life_on_disk<T>(dir: &Path, lived: impl AsyncFnOnce(Arc<dyn Engine>) -> T) -> T {
    let options = DiskOptions { segment_bytes: 1 << 20, readers: 1, cache_bytes: 1 << 20 };
    let shapes = Catalogue::of(&systems()).shapes();
    let (engine, _) = DiskEngine::open(dir, shapes, options, &Clock::system()).expect("a storage");
    let engine: Arc<dyn Engine> = Arc::new(engine);
    let process = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let lived = process().block_on(lived(Arc::clone(&engine)));
    // The actors and the journal are gone; only the threads are waited for, so that the directory is free again.
    process().block_on(engine.close());
    lived
}

pub(super) fn systems() -> Vec<System> {
    vec![oa_rental::system(), shop::system(), yard::system(), letters::system()]
}

impl House {
    /// Starts all systems on a storage.
    pub(super) async fn start(engine: Arc<dyn Engine>) -> Self {
        Self::start_with(engine, LiveLimits::default()).await
    }

    /// Starts all systems on a storage, with this way to outside parties.
    pub(super) async fn start_near(engine: Arc<dyn Engine>, outbound: Arc<dyn Outbound>) -> Self {
        Self::build(engine, LiveLimits::default(), outbound).await
    }

    /// Starts all systems on a storage, with room for so many living.
    pub(super) async fn start_with(engine: Arc<dyn Engine>, live: LiveLimits) -> Self {
        Self::build(engine, live, Arc::new(BuiltIn)).await
    }

    async fn build(engine: Arc<dyn Engine>, live: LiveLimits, outbound: Arc<dyn Outbound>) -> Self {
        let systems = systems();
        // Another life draws other ids.
        let clock = Clock::manual(1_700_000_000_000, 7 + engine.figures().group);
        let catalogue = Arc::new(Catalogue::of(&systems));
        let options = JournalOptions { recent_for: 2 * DEADLINE, free_bytes_min: 0, tracer: Tracer::default() };
        let journal = Journal::open(engine, catalogue, clock.clone(), options).await.expect("the journal opens");
        let edge = BulkheadLimits { running_max: 4_096, ..BulkheadLimits::EDGE };
        let options = ActorOptions {
            shards: 2,
            live,
            guard: GuardPolicies { kind: GuardPolicy { edge, ..GuardPolicy::default() }, ..GuardPolicies::default() },
            settings: std::collections::HashMap::new(),
            outbound,
            tracer: Tracer::default(),
        };
        let runtime = Runtime::start(&systems, journal.clone(), clock.clone(), Arc::new(Unobserved), options);
        Self { runtime: runtime.await.expect("the tree starts"), journal, clock }
    }

    /// A client's command to an aggregate.
    pub(super) fn tell<A: Aggregate>(&self, id: u64, command: impl Into<A::Command>) -> Call {
        self.call::<A>(Target::Existing(Stream::new(A::KIND, id)), command)
    }

    /// A client's command that makes an aggregate.
    pub(super) fn make<A: Aggregate>(&self, command: impl Into<A::Command>) -> Call {
        self.call::<A>(Target::New(A::KIND), command)
    }

    fn call<A: Aggregate>(&self, target: Target, command: impl Into<A::Command>) -> Call {
        let command: A::Command = command.into();
        let meta = CommandMeta {
            id: self.clock.id(),
            origin: Origin::Edge,
            fingerprint: 0,
            causation: 0,
            correlation: Arc::from("a test"),
            trace: None,
        };
        let deadline = Deadline::after(&self.clock, DEADLINE);
        Call { target, command: Arc::new(command), meta, precondition: Precondition::Always, deadline }
    }

    pub(super) async fn send(&self, call: Call) -> Outcome {
        self.runtime.admission().call(Partition::Edge, call).await
    }

    /// Sends a command that must be done, and returns to whom and the row after it.
    #[track_caller]
    pub(super) fn done(&self, call: Call) -> impl Future<Output = (u64, Done)> {
        let outcome = self.send(call);
        async move { done(outcome.await) }
    }

    /// Sends a command and goes on.
    pub(super) fn begin(&self, call: Call) -> Pending {
        let admission = self.runtime.admission();
        let mut running = JoinSet::new();
        running.spawn(async move { admission.call(Partition::Edge, call).await });
        Pending(running)
    }

    /// Waits until every follower and every ask has come to its end.
    pub(super) async fn settled(&self) {
        loop {
            let before = *self.journal.durable().borrow();
            self.runtime.quiet().await.expect("the journal can be read");
            self.runtime.house.tasks.close();
            self.runtime.house.tasks.wait().await;
            if *self.journal.durable().borrow() == before {
                return;
            }
        }
    }

    /// Every durable fact, after a look that nothing is missing, twice or out of order.
    pub(super) async fn facts(&self) -> Vec<Arc<Recorded>> {
        let mut facts: Vec<Arc<Recorded>> = Vec::new();
        while (facts.len() as u64) < *self.journal.durable().borrow() {
            let from = facts.len() as u64 + 1;
            let read = self.journal.facts_from(from, 1_000).await.expect("the journal can be read");
            assert!(!read.is_empty(), "position {from} is durable and not there");
            facts.extend(read);
        }
        check(&facts);
        facts
    }

    /// The names of one aggregate's facts.
    pub(super) async fn story(&self, stream: Stream) -> Vec<String> {
        self.facts()
            .await
            .iter()
            .filter(|fact| fact.stream == stream)
            .map(|fact| fact.event.name().to_owned())
            .collect()
    }

    /// The typed state of the newest durable row.
    pub(super) fn state<T: Clone + 'static>(&self, kind: Kind, id: u64) -> Option<T> {
        let row = self.journal.row(Stream::new(kind, id)).expect("the journal can be read")?;
        row.state.as_any().downcast_ref().cloned()
    }

    pub(super) fn version(&self, stream: Stream) -> u64 {
        self.journal.row(stream).expect("the journal can be read").map_or(0, |row| row.version)
    }

    /// Lets everything go on that need not wait for time or a gate.
    pub(super) async fn done_waiting(&self) {
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
    }

    /// The number of an aggregate's living incarnation.
    pub(super) fn generation(&self, stream: Stream) -> u64 {
        self.figures(stream).map_or(0, |entry| entry.generation)
    }

    pub(super) fn figures(&self, stream: Stream) -> Option<EntryFigures> {
        let (_, entries) = self.runtime.actors().into_iter().find(|(kind, _)| *kind == stream.kind)?;
        entries.into_iter().find(|entry| entry.id == stream.id)
    }

    /// How many live, and in how many bytes.
    pub(super) fn live(&self) -> (usize, usize) {
        self.runtime.live()
    }

    pub(super) fn open_intents(&self) -> usize {
        self.journal.open_intents().expect("the journal can be read").len()
    }
}

/// A command under way.
#[derive(Debug)]
pub(super) struct Pending(JoinSet<Outcome>);

impl Pending {
    /// Returns the outcome if there is one by now, once.
    pub(super) fn answered(&mut self) -> Option<Outcome> {
        self.0.try_join_next().map(|ended| ended.expect("a call does not panic"))
    }

    pub(super) async fn outcome(mut self) -> Outcome {
        self.0.join_next().await.expect("one call").expect("a call does not panic")
    }
}

/// The same command from a client with a key.
pub(super) fn keyed(mut call: Call, key: &str, fingerprint: u64) -> Call {
    call.meta = CommandMeta { id: derived_id(0, key), origin: Origin::Keyed, fingerprint, ..call.meta };
    call
}

/// The same command from a policy.
pub(super) fn by_policy(mut call: Call) -> Call {
    call.meta.origin = Origin::Policy;
    call
}

#[track_caller]
pub(super) fn done(outcome: Outcome) -> (u64, Done) {
    match outcome {
        Ok((stream, Reply::Done(done))) => (stream.id, done),
        other => panic!("not done: {other:?}"),
    }
}

/// The rule that refused.
#[track_caller]
pub(super) fn refused(outcome: Outcome) -> String {
    match outcome {
        Ok((_, Reply::Refused(refusal))) => refusal.rule.into_owned(),
        other => panic!("not refused: {other:?}"),
    }
}

/// Positions and versions are dense, and no command's facts are there twice.
#[track_caller]
fn check(facts: &[Arc<Recorded>]) {
    let mut versions: HashMap<Stream, u64> = HashMap::new();
    let mut runs: HashMap<(Stream, u128), u32> = HashMap::new();
    for (index, fact) in facts.iter().enumerate() {
        assert_eq!(fact.position, index as u64 + 1, "{fact:?}");
        let version = versions.entry(fact.stream).or_default();
        *version += 1;
        assert_eq!(fact.version, *version, "{fact:?}");
        let before = index.checked_sub(1).map(|before| (facts[before].stream, facts[before].command));
        if before != Some((fact.stream, fact.command)) {
            *runs.entry((fact.stream, fact.command)).or_default() += 1;
        }
    }
    for ((stream, command), runs) in runs {
        let asks = systems()
            .iter()
            .flat_map(|system| &system.services)
            .flat_map(|service| &service.aggregates)
            .any(|spec| spec.kind == stream.kind && !spec.asks.is_empty());
        // The facts that open and those that close an ask are the same command's.
        assert!(runs <= 1 + u32::from(asks), "command {command:x} ran {runs} times on {stream}");
    }
}
