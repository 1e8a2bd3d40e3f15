//! Bugs made on purpose, in the storage: the invariants are worth what they find.

/// A bug, and which promise it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bug {
    /// A write is answered before it is synced, and a crash loses it.
    AnswersBeforeSync,
    /// What was answered once is not found again.
    ForgetsAnswers,
    /// The next start goes on one position too far.
    SkipsAPosition,
    /// A follower's position is one too far.
    SkipsTurns,
    /// A row of a batch is not taken in, and the mark moves.
    LosesRows,
    /// A group is written again, as if its first write had failed.
    WritesTwice,
}
