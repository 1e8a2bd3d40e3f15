//! What the living process promises when nothing is asked of it: nothing is held that nobody uses.

use super::clients::Told;
use super::evidence::Evidence;
use super::invariants::same;
use crate::resilience::Partition;

/// Every follower is at the end, no fact is set aside, no ask is open.
pub(super) fn nothing_is_under_way(evidence: &Evidence<'_>) -> Result<(), String> {
    let (house, journal) = (&evidence.process.runtime.house, &evidence.process.journal);
    let durable = *journal.durable().borrow();
    for follower in &house.followers {
        let position = journal.progress(&follower.name).map_err(|error| error.to_string())?;
        same(&position, &durable, || format!("the position of {}", follower.name))?;
    }
    let parked = journal.parked().map_err(|error| error.to_string())?;
    same(&parked, &Vec::new(), || "facts that were set aside".to_owned())?;
    let open = journal.open_intents().map_err(|error| error.to_string())?;
    same(&open.len(), &0, || format!("open intents {open:?}"))?;
    same(&house.asks.len(), &0, || "asks that run".to_owned())?;
    same(&journal.figures().waiting, &0, || "values that wait for the store".to_owned())
}

/// As many live as there are living, nobody waits, and every slot is free.
pub(super) fn no_place_is_leaked(evidence: &Evidence<'_>) -> Result<(), String> {
    let (runtime, house) = (&evidence.process.runtime, &evidence.process.runtime.house);
    let entries: Vec<_> = runtime
        .actors()
        .into_iter()
        .flat_map(|(kind, entries)| entries.into_iter().map(move |entry| (kind, entry)))
        .collect();
    let odd = entries.iter().find(|(_, entry)| !["live", "absent"].contains(&entry.state) || entry.waiting > 0);
    if let Some((kind, entry)) = odd {
        return Err(format!("{kind}: {entry:?}"));
    }
    let living = entries.iter().filter(|(_, entry)| entry.state == "live").count();
    same(&runtime.live().0, &living, || "places taken".to_owned())?;
    same(&house.live.recovering(), &0, || "places of those who recover".to_owned())?;
    for guard in runtime.guards() {
        for partition in Partition::ALL {
            let bulkhead = guard.bulkhead(partition);
            let busy = (bulkhead.running(), bulkhead.queued());
            same(&busy, &(0, 0), || format!("{} {}", guard.name(), partition.code()))?;
        }
    }
    let lane = (house.internal_lane.running(), house.internal_lane.queued());
    same(&lane, &(0, 0), || "the internal lane".to_owned())?;
    same(&house.creations.running(), &0, || "creations under way".to_owned())?;
    same(&house.creations.len(), &0, || "keys that creations remember".to_owned())
}

/// Whoever has a key was answered in the end.
pub(super) fn everything_still_answers(evidence: &Evidence<'_>) -> Result<(), String> {
    let silent = evidence.wishes.iter().filter(|wish| wish.is_keyed());
    let mut silent = silent.filter(|wish| !wish.told.last().is_some_and(Told::is_final));
    silent.next().map_or(Ok(()), |wish| Err(format!("{wish:?}")))
}
