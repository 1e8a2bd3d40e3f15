//! Whom chaos can kill, by name: drawn from a sorted list by a seed, so that the same house loses the same parts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ractor::{ActorCell, ActorStatus};

use super::fell;
use crate::actors::runtime::{House, Runtime};
use crate::clock::drawn;
use crate::domain::{Kind, Stream};
use crate::journal::{Journal, Lane};
use crate::telemetry::metrics;

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// `system/service/kind/id`.
    Aggregates,
    /// `system/service/policies`: what follows the log for a service's policies.
    Policies,
    /// `system/service/kind@version`: what follows the log for a view.
    Views,
    /// `system/service/kind/shard/number`: a supervisor of a part of a kind's aggregates.
    Shards,
    /// `system/service/supervisor`, and with it everything below.
    Supervisors,
    /// `journal/committer`.
    Committer,
    /// `journal/reader`: one of the threads that read the log; another takes its place.
    Reader,
    /// `journal/writer`: the thread that writes the log. The process ends.
    Writer,
    /// `journal/applier`: the thread that fills the store. The process ends.
    Applier,
}

/// The name of a part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// An aggregate's.
    Aggregate(Stream),
    /// Any other's.
    Part(Arc<str>),
}

/// A part that lives.
#[derive(Clone, Debug)]
pub struct Victim {
    /// What it is.
    pub what: What,
    /// What it is called.
    pub name: Name,
    life: Life,
}

#[derive(Clone, Debug)]
enum Life {
    Actor(ActorCell),
    Committer,
    Lane(Lane),
}

impl What {
    /// Everything, in the order of the lists.
    pub const ALL: [Self; 9] = [
        Self::Aggregates,
        Self::Policies,
        Self::Views,
        Self::Shards,
        Self::Supervisors,
        Self::Committer,
        Self::Reader,
        Self::Writer,
        Self::Applier,
    ];

    /// Returns its name in wishes, answers and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aggregates => "aggregates",
            Self::Policies => "policies",
            Self::Views => "views",
            Self::Shards => "shards",
            Self::Supervisors => "supervisors",
            Self::Committer => "committer",
            Self::Reader => "reader",
            Self::Writer => "writer",
            Self::Applier => "applier",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.name() == name)
    }

    /// Tells whether the process goes on without one.
    #[must_use]
    pub const fn is_survived(self) -> bool {
        match self {
            Self::Aggregates
            | Self::Policies
            | Self::Views
            | Self::Shards
            | Self::Supervisors
            | Self::Committer
            | Self::Reader => true,
            Self::Writer | Self::Applier => false,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aggregate(stream) => stream.fmt(f),
            Self::Part(name) => f.write_str(name),
        }
    }
}

impl Victim {
    fn part(what: What, name: impl Into<Arc<str>>, life: Life) -> Self {
        Self { what, name: Name::Part(name.into()), life }
    }

    /// Ends it where it stands; one that is gone by now stays gone.
    pub(super) fn die(&self, journal: &Journal) {
        metrics::chaos_acted("kill", self.what.name());
        match &self.life {
            Life::Actor(cell) => fell(cell),
            Life::Committer => journal.kill_committer(),
            Life::Lane(lane) => drop(journal.end_lane(*lane)),
        }
    }
}

/// Takes so many at most out of a list, as a seed wants.
#[must_use]
pub fn chosen(living: Vec<Victim>, at_most: usize, seed: u64) -> Vec<Victim> {
    draw(living, at_most, seed, &mut 0)
}

/// Takes so many out of a list; each is chosen by the next number of the seed's sequence.
pub(super) fn draw(mut living: Vec<Victim>, count: usize, seed: u64, index: &mut u64) -> Vec<Victim> {
    let mut chosen = Vec::with_capacity(count.min(living.len()));
    while chosen.len() < count && !living.is_empty() {
        let at = drawn(seed, *index) % living.len() as u64;
        *index += 1;
        chosen.push(living.swap_remove(usize::try_from(at).unwrap_or_default()));
    }
    chosen
}

impl House {
    /// Lists the living parts of these sorts that are covered, in order.
    pub(super) fn victims(&self, of: &[What], covered: &dyn Fn(&Name) -> bool) -> Vec<Victim> {
        let mut living: Vec<Victim> = of
            .iter()
            .flat_map(|what| match what {
                What::Aggregates => self.aggregates(),
                What::Policies | What::Views => self.followers_of(*what),
                What::Shards => self.shards(),
                What::Supervisors => self.supervisors(),
                What::Committer => vec![Victim::part(*what, "journal/committer", Life::Committer)],
                What::Reader => self.lane(*what, Lane::Reader),
                What::Writer => self.lane(*what, Lane::Writer),
                What::Applier => self.lane(*what, Lane::Applier),
            })
            .filter(|victim| covered(&victim.name))
            .collect();
        living.sort_unstable_by(|one, other| (one.what, &one.name).cmp(&(other.what, &other.name)));
        living.dedup_by(|one, other| (one.what, &one.name) == (other.what, &other.name));
        living
    }

    fn aggregates(&self) -> Vec<Victim> {
        let shards = self.directory.rooms().flat_map(|room| room.shards.iter().map(|shard| (room.spec.kind, shard)));
        let living = shards.flat_map(|(kind, shard)| {
            shard.living().into_iter().map(move |(id, living)| Victim {
                what: What::Aggregates,
                name: Name::Aggregate(Stream::new(kind, id)),
                life: Life::Actor(living.actor.get_cell()),
            })
        });
        living.collect()
    }

    fn followers_of(&self, what: What) -> Vec<Victim> {
        let living = self.chaos.followers.lock();
        let named = self.followers.iter().filter(|follower| (follower.what == "view") == (what == What::Views));
        let cells = named.filter_map(|follower| Some((&follower.name, living.get(&follower.name)?)));
        let alive = cells.filter(|(_, cell)| is_alive(cell));
        alive.map(|(name, cell)| Victim::part(what, Arc::clone(name), Life::Actor(cell.clone()))).collect()
    }

    fn shards(&self) -> Vec<Victim> {
        let living = self
            .shard_cells()
            .filter(|(_, _, cell)| is_alive(cell))
            .map(|(kind, index, cell)| Victim::part(What::Shards, format!("{kind}/shard/{index}"), Life::Actor(cell)));
        living.collect()
    }

    fn shard_cells(&self) -> impl Iterator<Item = (Kind, usize, ActorCell)> + '_ {
        let shards = self.directory.rooms().flat_map(|room| {
            room.shards
                .iter()
                .enumerate()
                .map(|(index, shard)| (room.spec.kind, index, shard.supervisor.lock().clone()))
        });
        shards.filter_map(|(kind, index, supervisor)| Some((kind, index, supervisor?.get_cell())))
    }

    /// Whoever hangs above what is known.
    fn supervisors(&self) -> Vec<Victim> {
        let followers = self.chaos.followers.lock().clone();
        let followers = followers.iter().filter_map(|(name, cell)| {
            let (system, rest) = name.split_once('/')?;
            Some((format!("{system}/{}/supervisor", rest.split_once('/')?.0), cell.clone()))
        });
        let shards = self
            .shard_cells()
            .map(|(kind, _, cell)| (format!("{}/{}/supervisor", kind.system(), kind.service()), cell));
        let above = |(name, cell): (String, ActorCell)| Some((name, cell.try_get_supervisor()?));
        let by_name: BTreeMap<String, ActorCell> = followers.chain(shards).filter_map(above).collect();
        let alive = by_name.into_iter().filter(|(_, cell)| is_alive(cell));
        alive.map(|(name, cell)| Victim::part(What::Supervisors, name, Life::Actor(cell))).collect()
    }

    fn lane(&self, what: What, lane: Lane) -> Vec<Victim> {
        let has = self.journal.has_lane(lane);
        has.then(|| Victim::part(what, format!("journal/{}", lane.name()), Life::Lane(lane))).into_iter().collect()
    }
}

impl Runtime {
    /// Lists the living parts of these sorts that are covered, in order.
    #[must_use]
    pub fn victims(&self, of: &[What], covered: &dyn Fn(&Name) -> bool) -> Vec<Victim> {
        self.house.victims(of, covered)
    }

    /// Kills them.
    pub fn kill_these(&self, chosen: &[Victim]) {
        chosen.iter().for_each(|victim| victim.die(&self.house.journal));
    }
}

fn is_alive(cell: &ActorCell) -> bool {
    matches!(cell.get_status(), ActorStatus::Starting | ActorStatus::Running)
}
