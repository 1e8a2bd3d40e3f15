//! What follows from a fact: commands to aggregates of the policy's own service.

use super::aggregate::Aggregate;
use super::fact::Recorded;

/// A rule that turns one fact into commands.
///
/// The shell delivers each fact at least once and derives the command ids from it, so that each command takes
/// effect once. A service's policies command only that service's aggregates.
pub trait Policy: Send + Sync + 'static {
    /// Its name, as the originals' `wheneverX_Y`; part of the commands' ids, so it never changes.
    const NAME: &'static str;
    /// Whose facts it listens to.
    type Source: Aggregate;
    /// Whom it commands.
    type Target: Aggregate;

    /// Returns the commands that follow, each with the id of its target.
    fn react(
        fact: &Recorded,
        event: &<Self::Source as Aggregate>::Event,
    ) -> Vec<(u64, <Self::Target as Aggregate>::Command)>;
}
