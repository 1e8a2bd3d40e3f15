//! Deliberate bugs, to show that the checker finds such. Compiled in by the feature `mutants` only, which no release has;
//! without it every question is answered "no" by the compiler and nothing is left of them.

#[cfg(not(feature = "mutants"))]
use std::sync::Arc;

#[cfg(not(feature = "mutants"))]
use crate::domain::Stream;

/// A bug, one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// Clients are answered before their group is synced.
    AnswerBeforeSync,
    /// A resend is decided anew.
    DedupeOff,
    /// A follower's place moves on before what follows is done.
    OffsetBeforeEffect,
    /// A new incarnation reads its row before it passes the barrier.
    BarrierSkipped,
    /// A new incarnation takes up what an earlier one held in memory.
    KilledStateReused,
    /// A policy's command gets another id each time it is sent.
    RetryWithoutId,
    /// What was given up is not undone.
    UndoDropped,
    /// A view writes each fact twice.
    ViewUpdatedTwice,
    /// The fence lets every incarnation in, and none waits at the barrier.
    GenerationIgnored,
    /// A frame says that it holds a fact more than it does.
    PositionGapHidden,
    /// A repeated answer shows the newest row, not the command's own.
    NewestRowReplayed,
    /// Readers are shown rows as they were a moment ago.
    StaleRead,
    /// An ask's end is not told to the asker now and then.
    AskForgotten,
    /// A reader's place in the bulkhead is not given back now and then.
    PermitLeaked,
}

impl Mutant {
    /// Every mutant, by the name it is turned on by.
    pub const ALL: [(&'static str, Self); 14] = [
        ("answer-before-sync", Self::AnswerBeforeSync),
        ("dedupe-off", Self::DedupeOff),
        ("offset-before-effect", Self::OffsetBeforeEffect),
        ("barrier-skipped", Self::BarrierSkipped),
        ("killed-state-reused", Self::KilledStateReused),
        ("retry-without-id", Self::RetryWithoutId),
        ("undo-dropped", Self::UndoDropped),
        ("view-updated-twice", Self::ViewUpdatedTwice),
        ("generation-ignored", Self::GenerationIgnored),
        ("position-gap-hidden", Self::PositionGapHidden),
        ("newest-row-replayed", Self::NewestRowReplayed),
        ("stale-read", Self::StaleRead),
        ("ask-forgotten", Self::AskForgotten),
        ("permit-leaked", Self::PermitLeaked),
    ];
}

/// Tells whether a mutant is on.
#[cfg(not(feature = "mutants"))]
#[must_use]
pub const fn is_on(_: Mutant) -> bool {
    false
}

/// Tells whether a mutant is on and this is one of so many times.
#[cfg(not(feature = "mutants"))]
#[must_use]
pub const fn now_and_then(_: Mutant, _: u64) -> bool {
    false
}

/// Returns what a mutant makes of a value that belongs to a stream: the first there was, else the value itself.
#[cfg(not(feature = "mutants"))]
#[must_use]
pub fn first_of<T: ?Sized>(_: Mutant, _: Stream, value: Arc<T>) -> Arc<T> {
    value
}

/// Waits while one of these is on, as on a slow machine: the moment in which the bug shows is longer then.
pub async fn linger(mutants: &[Mutant]) {
    const LINGERS: std::time::Duration = std::time::Duration::from_millis(60);
    if mutants.iter().any(|mutant| is_on(*mutant)) {
        tokio::time::sleep(LINGERS).await;
    }
}

#[cfg(feature = "mutants")]
pub use compiled_in::{first_of, is_on, now_and_then, turn_on};

#[cfg(feature = "mutants")]
mod compiled_in {
    use std::any::Any;
    use std::collections::HashMap;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, OnceLock};

    use parking_lot::Mutex;

    use super::Mutant;
    use crate::domain::Stream;

    /// After so many looks the first value is a newer one.
    const LOOKS: u64 = 4;

    type Kept = HashMap<Stream, (u64, Box<dyn Any + Send>)>;

    static ON: OnceLock<Mutant> = OnceLock::new();
    static TIMES: AtomicU64 = AtomicU64::new(0);
    static KEPT: OnceLock<Mutex<Kept>> = OnceLock::new();

    /// Turns the mutant of that name on, until the process ends.
    ///
    /// # Errors
    ///
    /// Fails when there is none of that name.
    pub fn turn_on(name: &str) -> Result<(), String> {
        let (_, mutant) = Mutant::ALL.iter().find(|(known, _)| *known == name).ok_or(format!("no mutant {name}"))?;
        let _ = ON.set(*mutant);
        Ok(())
    }

    /// Tells whether a mutant is on.
    #[must_use]
    pub fn is_on(mutant: Mutant) -> bool {
        ON.get() == Some(&mutant)
    }

    /// Tells whether a mutant is on and this is one of so many times.
    #[must_use]
    pub fn now_and_then(mutant: Mutant, of: u64) -> bool {
        is_on(mutant) && TIMES.fetch_add(1, Ordering::Relaxed) % of == of - 1
    }

    /// Returns what a mutant makes of a value that belongs to a stream: the first there was, else the value itself.
    #[must_use]
    pub fn first_of<T: ?Sized + Send + Sync + 'static>(mutant: Mutant, stream: Stream, value: Arc<T>) -> Arc<T> {
        if !is_on(mutant) {
            return value;
        }
        let mut kept = KEPT.get_or_init(Mutex::default).lock();
        let (looks, first) = kept.entry(stream).or_insert_with(|| (0, Box::new(Arc::clone(&value))));
        *looks += 1;
        if *looks % LOOKS == 0 {
            *first = Box::new(Arc::clone(&value));
        }
        first.downcast_ref::<Arc<T>>().map_or(value, Arc::clone)
    }
}
