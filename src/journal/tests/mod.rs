//! One suite of promises for both storages, and the stored bytes of everything.
//!
//! [`Bed`] is a storage that outlives the journals opened on it; [`Incarnation`] uses a journal as an aggregate's
//! actor does; `faults` puts a storage between that fails on command.

use std::fmt::Write as _;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::oneshot;

use super::codec;
use super::disk::{DiskEngine, DiskOptions, Opening};
use super::engine::{Engine, From};
use super::memory_engine::MemoryEngine;
use super::overlay::{Key, Value};
use super::{
    Append, Closed, CommandMeta, Committed, FactlessAnswer, Facts, Intent, Journal, JournalOptions, Origin, Record,
};
use crate::clock::Clock;
use crate::domain::system::AnyState;
use crate::domain::{Aggregate, AnyEvent, Catalogue, Held, Refusal, Stream};
use crate::systems::oa_rental::product::{Product, ProductEvent, ProductSaved, RegisterProduct};
use crate::telemetry::traces::Tracer;

mod backup;
mod chaos;
mod checkpoints;
mod closing;
mod codec_bytes;
mod conformance;
mod distrust;
mod faults;
mod fence;
mod golden;
mod incarnation;
mod index;
mod keyed;
mod overlay;
mod recovery;
mod sampled;
pub(in crate::journal) mod samples;
mod space;

use incarnation::{Incarnation, command, product, saved};

/// How long a test may take before it counts as stuck.
const STUCK_AFTER: Duration = Duration::from_secs(20);
/// How long an unkeyed outcome is remembered here: as good as for ever.
const RECENT_FOR: Duration = Duration::from_secs(3_600);
/// Small, so that every test crosses segments.
const SEGMENT_BYTES: u64 = 16 * 1024;

/// Runs each promise on both storages.
macro_rules! on_both {
    ($($promise:ident)+) => {
        mod in_memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                super::super::within(super::$promise(super::super::Bed::in_memory())).await;
            })+
        }
        mod on_disk {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                super::super::within(super::$promise(super::super::Bed::on_disk())).await;
            })+
        }
    };
}
use on_both;

async fn within(test: impl Future<Output = ()>) {
    tokio::time::timeout(STUCK_AFTER, test).await.expect("nothing waits for ever");
}

fn catalogue() -> Arc<Catalogue> {
    Arc::new(Catalogue::of(&crate::systems::all()))
}

/// A storage that outlives the journals opened on it.
#[derive(Debug)]
enum Bed {
    Memory(MemoryEngine),
    Disk(TempDir),
}

impl Bed {
    fn in_memory() -> Self {
        Self::Memory(MemoryEngine::default())
    }

    fn on_disk() -> Self {
        Self::Disk(tempfile::tempdir().expect("a directory"))
    }

    async fn engine(&self) -> Arc<dyn Engine> {
        match self {
            Self::Memory(engine) => Arc::new(engine.clone()),
            Self::Disk(dir) => Arc::new(open_disk(dir.path()).await.expect("the directory opens").0),
        }
    }

    async fn open(&self) -> Journal {
        open_on(self.engine().await).await
    }

    /// Loses what is looked up; nothing may be open on it.
    fn lose_store(&self) {
        match self {
            Self::Memory(engine) => engine.lose_store(),
            Self::Disk(dir) => std::fs::remove_dir_all(dir.path().join("sled")).expect("sled's directory is there"),
        }
    }
}

async fn open_on(engine: Arc<dyn Engine>) -> Journal {
    open_remembering(engine, RECENT_FOR).await
}

async fn open_remembering(engine: Arc<dyn Engine>, recent_for: Duration) -> Journal {
    Journal::open(
        engine,
        catalogue(),
        Clock::system(),
        JournalOptions { recent_for, free_bytes_min: 0, tracer: Tracer::default() },
    )
    .await
    .expect("the journal opens")
}

/// Opens the storage of a directory as soon as the last engine on it has let go; its error is what stays.
async fn open_disk(dir: &std::path::Path) -> Result<(DiskEngine, Opening), String> {
    let options = DiskOptions { segment_bytes: SEGMENT_BYTES, readers: 1, cache_bytes: 8 * 1024 * 1024 };
    loop {
        match DiskEngine::open(dir, catalogue().shapes(), options, &Clock::system()) {
            Ok(opened) => return Ok(opened),
            Err(super::disk::DiskError::Home(super::disk::HomeError::InUse { .. })) => {
                tokio::task::yield_now().await;
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Drops a journal as a crash would, without a seal; what it had handed to the storage is finished.
async fn crash(journal: Journal, engine: Arc<dyn Engine>) {
    drop(journal);
    // Behind everything handed over; on a storage that is gone there is nothing to wait for.
    let _ = engine.last_written().await;
    drop(engine);
}

/// Ends a journal as a stop or as a crash does, and waits until the last thread has let go of its directory.
async fn leave(dir: &std::path::Path, journal: Journal, engine: Arc<dyn Engine>, cleanly: bool) {
    if cleanly {
        drop(engine);
        journal.close().await;
    } else {
        crash(journal, engine).await;
    }
    drop(open_disk(dir).await.expect("the directory opens"));
}

/// What the journal tells of these streams and commands, in words that can be compared.
fn told(journal: &Journal, streams: &[Stream], commands: &[u128]) -> String {
    let mut told = format!("durable {}\n", *journal.durable().borrow());
    for stream in streams {
        let row = journal.row(*stream).expect("a row");
        writeln!(told, "{stream}: {row:?}").expect("text");
    }
    for command in commands {
        let answer = journal.answer(*command).expect("an answer");
        writeln!(told, "command {command}: {answer:?}").expect("text");
    }
    let mut intents: Vec<String> =
        journal.open_intents().expect("intents").iter().map(|intent| format!("{intent:?}")).collect();
    intents.sort();
    let parked = journal.parked().expect("parked facts");
    let kind = Product::KIND;
    let ids = (journal.ids().count(kind), journal.ids().page(kind, 0, 1_000), journal.ids().allocate(kind));
    journal.ids().give_back(kind, ids.2);
    writeln!(told, "intents {intents:?}\nparked {parked:?}\nids {ids:?}").expect("text");
    told
}

/// Every fact from the first on, read in pages as a follower does, each dense after the one before.
async fn every_fact(journal: &Journal) -> Vec<Arc<crate::domain::Recorded>> {
    let mut facts: Vec<Arc<crate::domain::Recorded>> = Vec::new();
    loop {
        let page = journal.facts_from(facts.len() as u64 + 1, 777).await.expect("facts");
        if page.is_empty() {
            return facts;
        }
        facts.extend(page);
        let positions = facts.iter().map(|fact| fact.position);
        assert!(positions.eq(1..=facts.len() as u64), "positions are dense");
    }
}

/// Every record of the log as it is stored.
async fn every_record(engine: &dyn Engine) -> Vec<Record> {
    let mut records = Vec::new();
    let mut next = 1;
    while next <= engine.last_written().await.expect("a log").group {
        for group in engine.read(From::Group(next), 1024 * 1024).await.expect("groups") {
            records.extend(codec::decode_records(&group.payload, &catalogue()).expect("records"));
            next = group.number + 1;
        }
    }
    records
}
