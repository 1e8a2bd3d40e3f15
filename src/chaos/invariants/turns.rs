//! Turns: what must follow from each fact followed, once, and in the order of its stream.

use std::collections::HashMap;

use super::Evidence;
use crate::chaos::report::Verdict;
use crate::clock::derived_id;
use crate::journal::Origin;

/// For each policy and each fact: its commands are in the log once each; a stream's facts had their turns in order; no
/// policy's command is there that no fact asked for; no follower's place went back.
pub(super) fn each_fact_has_its_turn(evidence: &Evidence) -> Verdict {
    let (commands, turns) = (&evidence.story.commands, &evidence.story.turns);
    let mut faults = turns.back.clone();
    let mut last: HashMap<_, (u64, u64)> = HashMap::new();
    for turn in &turns.expected {
        let what = format!("{} on {} version {} (position {})", turn.policy, turn.source, turn.version, turn.position);
        let Some(command) = commands.by_id.get(&turn.command) else {
            faults.push(format!("{what} never had its turn"));
            continue;
        };
        let (version, order) = last.entry((turn.service, turn.source)).or_default();
        if command.order < *order && turn.version > *version {
            faults.push(format!("{what} had its turn before that of version {version}"));
        }
        (*version, *order) = (turn.version, command.order.max(*order));
    }
    let undone = |id: u128| derived_id(id, "undone");
    let undos: std::collections::HashSet<u128> = evidence.story.asks.by_id.keys().map(|id| undone(*id)).collect();
    let of_policies = commands.by_id.iter().filter(|(_, command)| command.origin == Origin::Policy);
    for (id, command) in of_policies {
        let is_seed = *id == derived_id(derived_id(0, "seed"), &command.stream.to_string());
        if !turns.ids.contains(id) && !undos.contains(id) && !is_seed {
            faults.push(format!("a policy's command {id:032x} to {} follows from no fact", command.stream));
        }
    }
    Verdict::of(turns.expected.len() as u64, "turns", faults)
}
