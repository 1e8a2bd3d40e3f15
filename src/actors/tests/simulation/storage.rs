//! A disk with troubles of its own, drawn from a seed: slow, failed and lost syncs, slow, failed and half-done applies.
//!
//! What is handed over and not synced at a crash is there as a whole or not at all. What was synced stays.

use std::sync::Arc;
use std::time::Duration;

use foldhash::HashMap;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use parking_lot::Mutex;

use super::bugs::Bug;
use super::counts::Troubles;
use crate::clock::Clock;
use crate::journal::engine::{Batch, Engine, EngineError, From, Group, ReadGroup, Tree, Written};
use crate::journal::memory_engine::MemoryEngine;
use crate::journal::overlay::Key;

/// How many groups an engine that answers before its sync leaves unsynced at most.
const UNSYNCED_MAX: u64 = 4;

/// What outlives the process; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Storage(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    engine: MemoryEngine,
    dice: Clock,
    is_calm: bool,
    bug: Option<Bug>,
    /// Handed over, and at a crash there or not.
    writing: Option<Group>,
    /// On their way into the store, and at a crash there in part.
    applying: Option<Batch>,
    is_broken: bool,
    /// The last group that a lying engine has really synced.
    synced: u64,
    /// How many things of each sort went wrong.
    figures: Troubles,
}

impl Storage {
    pub(super) fn new(seed: u64, bug: Option<Bug>) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            engine: MemoryEngine::default(),
            dice: Clock::manual(0, seed),
            is_calm: false,
            bug,
            writing: None,
            applying: None,
            is_broken: false,
            synced: 0,
            figures: Troubles::default(),
        })))
    }

    /// Has no troubles from now on.
    pub(super) fn calm_down(&self) {
        self.0.lock().is_calm = true;
    }

    pub(super) fn troubles(&self) -> Troubles {
        self.0.lock().figures
    }

    /// Returns everything in the log.
    pub(super) fn log(&self) -> Vec<ReadGroup> {
        let groups = self.inner().read(From::Group(1), usize::MAX).now_or_never();
        groups.expect("the memory engine answers at once").expect("the memory engine reads")
    }

    /// The process is gone, and so is what only it knew.
    pub(super) fn crash(&self) {
        let mut inner = self.0.lock();
        inner.is_broken = false;
        if let Some(group) = inner.writing.take() {
            match inner.draws(2) {
                true => inner.land(group),
                false => inner.figures.lost_tails += 1,
            }
        }
        if let Some(batch) = inner.applying.take() {
            inner.apply_partly(batch);
        }
        if inner.draws(8) {
            inner.engine.lose_store();
            inner.figures.lost_stores += 1;
        }
        inner.lose_unsynced();
    }

    pub(super) fn inner(&self) -> MemoryEngine {
        self.0.lock().engine.clone()
    }

    /// Draws how long something takes.
    pub(super) fn wait(&self) -> BoxFuture<'static, ()> {
        let mut inner = self.0.lock();
        let millis = match inner.dice.random() % 64 {
            _ if inner.is_calm => 0,
            0..=39 => 0,
            40..=59 => 1 + inner.dice.random() % 8,
            60..=62 => 50 + inner.dice.random() % 300,
            _ => 1_000 + inner.dice.random() % 4_000,
        };
        inner.figures.slow += u64::from(millis > 8);
        drop(inner);
        match millis {
            0 => ready(()).boxed(),
            _ => tokio::time::sleep(Duration::from_millis(millis)).boxed(),
        }
    }

    pub(super) fn bug(&self) -> Option<Bug> {
        self.0.lock().bug
    }

    pub(super) fn last_written(&self) -> Result<Written, EngineError> {
        let inner = self.0.lock();
        match inner.is_broken {
            true => Err(EngineError::Log("a sync failed".to_owned())),
            false => Ok(inner.written()),
        }
    }

    pub(super) fn begin_write(&self, group: Group) -> Result<(), EngineError> {
        let mut inner = self.0.lock();
        if inner.is_broken {
            return Err(EngineError::Log("an earlier sync failed".to_owned()));
        }
        inner.writing = Some(group);
        Ok(())
    }

    pub(super) fn sync(&self) -> Result<Written, EngineError> {
        let mut inner = self.0.lock();
        if !inner.is_calm && inner.draws(256) {
            // Whether the group is there, nobody knows before the next start.
            inner.is_broken = true;
            inner.figures.failed_syncs += 1;
            return Err(EngineError::Log("a sync failed".to_owned()));
        }
        if let Some(group) = inner.writing.take() {
            inner.land(group);
        }
        Ok(inner.written())
    }

    pub(super) fn begin_apply(&self, batch: &Batch) {
        let copy = Batch { entries: Arc::clone(&batch.entries), ids: batch.ids.clone(), mark: batch.mark };
        self.0.lock().applying = Some(copy);
    }

    pub(super) fn apply(&self, batch: Batch) -> Result<usize, EngineError> {
        let mut inner = self.0.lock();
        inner.applying = None;
        if !inner.is_calm && inner.draws(24) {
            inner.figures.failed_applies += 1;
            inner.apply_partly(batch);
            return Err(EngineError::Store("an insert failed".to_owned()));
        }
        let batch = if inner.bug == Some(Bug::LosesRows) { without_a_row(batch, &inner.dice) } else { batch };
        inner.engine.apply(batch).now_or_never().expect("the memory engine answers at once")
    }
}

impl Inner {
    /// Tells whether something that happens once in so many times happens now.
    fn draws(&self, one_in: u64) -> bool {
        self.dice.random().is_multiple_of(one_in)
    }

    fn land(&mut self, group: Group) {
        if self.bug == Some(Bug::WritesTwice) && self.draws(16) {
            let again = self.engine.write(group.clone());
            again.now_or_never().expect("the memory engine answers at once").expect("it writes");
        }
        self.engine.write(group).now_or_never().expect("the memory engine answers at once").expect("it writes");
        let written = self.engine.figures().group;
        if self.bug != Some(Bug::AnswersBeforeSync) || written >= self.synced + UNSYNCED_MAX {
            self.synced = written;
        }
    }

    fn written(&self) -> Written {
        let mut written = self.engine.last_written().now_or_never().expect("at once").expect("it reads");
        written.next_position += u64::from(self.bug == Some(Bug::SkipsAPosition) && written.group > 0);
        written
    }

    /// The first of the values, in the order a storage takes them, and never the mark.
    fn apply_partly(&mut self, batch: Batch) {
        const ORDER: [Tree; 4] = [Tree::Answers, Tree::Rows, Tree::Intents, Tree::Followers];
        let mut entries: Vec<_> = batch.entries.iter().collect();
        entries.sort_by_key(|(key, _)| (ORDER.iter().position(|tree| *tree == key.tree()), key.bytes()));
        let taken = self.dice.random() % (entries.len() as u64 + 1);
        entries.truncate(usize::try_from(taken).expect("small"));
        let entries: HashMap<_, _> = entries.into_iter().map(|(key, entry)| (key.clone(), entry.clone())).collect();
        let mut ids = batch.ids;
        if taken == 0 {
            ids.retain(|_| self.draws(2));
        }
        let mark = self.engine.mark().expect("the memory engine reads");
        let applied = self.engine.apply(Batch { entries: Arc::new(entries), ids, mark }).now_or_never();
        applied.expect("the memory engine answers at once").expect("it applies");
    }

    /// What a lying engine had not synced is gone; the store, which knows of it, with it.
    fn lose_unsynced(&mut self) {
        let written = self.engine.figures().group;
        if self.synced == written {
            return;
        }
        let groups = self.engine.read(From::Group(1), usize::MAX).now_or_never().expect("at once").expect("it reads");
        let kept = MemoryEngine::default();
        let mut next = groups.iter().skip(1).map(|group| group.first_position).collect::<Vec<_>>();
        next.push(self.written().next_position);
        for (group, next) in groups.into_iter().zip(next).take(usize::try_from(self.synced).expect("small")) {
            let facts = u32::try_from(next - group.first_position).expect("small");
            let group = Group { first_position: group.first_position, facts, payload: group.payload.into() };
            kept.write(group).now_or_never().expect("at once").expect("it writes");
        }
        self.engine = kept;
    }
}

fn without_a_row(batch: Batch, dice: &Clock) -> Batch {
    let mut rows: Vec<&Key> = batch.entries.keys().filter(|key| key.tree() == Tree::Rows).collect();
    rows.sort_by_key(|key| key.bytes());
    let Some(lost) = usize::try_from(dice.random()).ok().and_then(|n| rows.get(n % rows.len().max(1)).copied()) else {
        return batch;
    };
    let mut entries = HashMap::clone(&batch.entries);
    entries.remove(lost);
    Batch { entries: Arc::new(entries), ..batch }
}
