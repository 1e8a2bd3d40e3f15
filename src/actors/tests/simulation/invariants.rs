//! The promises, by name: each holds when everything has come to rest, whatever was killed, lost or late before.

use std::collections::BTreeMap;
use std::fmt::Debug;

use super::clients::{Told, Wish};
use super::evidence::Evidence;
use super::runs::{Run, Stage};
use super::{business, rest};
use crate::domain::{Held, Stream};
use crate::journal::Row;
use crate::journal::codec::encode_row;
use crate::journal::record::turn_id;

/// A promise; says how it is broken.
type Invariant = fn(&Evidence<'_>) -> Result<(), String>;

/// Every promise, by name.
pub(super) const INVARIANTS: &[(&str, Invariant)] = &[
    ("positions_are_dense", positions_are_dense),
    ("versions_are_dense", versions_are_dense),
    ("a_command_runs_once", a_command_runs_once),
    ("no_answer_is_lost", no_answer_is_lost),
    ("an_answer_stays_the_same", an_answer_stays_the_same),
    ("unknown_is_settled_by_asking_again", unknown_is_settled_by_asking_again),
    ("what_was_not_executed_left_nothing", what_was_not_executed_left_nothing),
    ("a_state_is_the_fold_of_its_facts", a_state_is_the_fold_of_its_facts),
    ("a_view_is_the_fold_of_its_facts", a_view_is_the_fold_of_its_facts),
    ("each_policy_takes_each_fact_once", each_policy_takes_each_fact_once),
    ("stocks_add_up", business::stocks_add_up),
    ("what_belongs_together_is_there_together", business::what_belongs_together_is_there_together),
    ("copies_are_equal", business::copies_are_equal),
    ("nothing_is_under_way", rest::nothing_is_under_way),
    ("no_place_is_leaked", rest::no_place_is_leaked),
    ("everything_still_answers", rest::everything_still_answers),
];

/// Returns the promises that are broken, and how.
pub(super) fn broken(evidence: &Evidence<'_>) -> Vec<(&'static str, String)> {
    let judged = INVARIANTS.iter().map(|(name, holds)| (*name, holds(evidence)));
    judged.filter_map(|(name, judged)| judged.err().map(|why| (name, why))).collect()
}

/// Fails with what was found where something else was expected.
pub(super) fn same<T: PartialEq + Debug>(found: &T, expected: &T, what: impl FnOnce() -> String) -> Result<(), String> {
    match found == expected {
        true => Ok(()),
        false => Err(format!("{}: found {found:?}, expected {expected:?}", what())),
    }
}

fn positions_are_dense(evidence: &Evidence<'_>) -> Result<(), String> {
    let mut next = 1;
    for (first, records) in &evidence.groups {
        same(first, &next, || "a group's first position".to_owned())?;
        next += records.iter().map(crate::journal::Record::positions).sum::<u64>();
    }
    same(&*evidence.process.journal.durable().borrow(), &(next - 1), || "the durable position".to_owned())
}

fn versions_are_dense(evidence: &Evidence<'_>) -> Result<(), String> {
    let mut versions: BTreeMap<Stream, (u64, u64)> = BTreeMap::new();
    for (position, facts) in evidence.written() {
        let before = versions.entry(facts.stream).or_default();
        let found = (facts.first_version - 1, facts.public_before);
        same(&found, before, || format!("versions before position {position} of {}", facts.stream))?;
        *before = (facts.last_version(), facts.public_after());
    }
    Ok(())
}

fn a_command_runs_once(evidence: &Evidence<'_>) -> Result<(), String> {
    evidence.runs.faults.first().cloned().map_or(Ok(()), Err)
}

fn no_answer_is_lost(evidence: &Evidence<'_>) -> Result<(), String> {
    for wish in evidence.wishes {
        let found = evidence.runs.of(wish.id()).filter(|run| run.stage == Stage::Answered);
        if let Some(told) = wish.told.iter().find(|told| !is_borne_out(wish, told, found)) {
            return Err(format!("{wish:?} was told {told:?}, the log has {found:?}"));
        }
    }
    Ok(())
}

fn is_borne_out(wish: &Wish, told: &Told, found: Option<&Run>) -> bool {
    match (told, found) {
        (Told::Done(stream, _), Some(run)) => run.stream == *stream && run.refused.is_none(),
        // What changed nothing leaves no trace of a client without a key, nor does a refusal; what is new does.
        (Told::Done(..), None) => !wish.is_keyed() && !wish.makes(),
        (Told::Refused(_), None) => !wish.is_keyed(),
        (Told::Refused(rule), Some(run)) => run.refused.as_ref() == Some(rule),
        (Told::NotExecuted(_) | Told::Unknown(_), _) => true,
        (Told::Strange(_), _) => false,
    }
}

fn an_answer_stays_the_same(evidence: &Evidence<'_>) -> Result<(), String> {
    for wish in evidence.wishes {
        let mut answers = wish.told.iter().skip_while(|told| !told.is_final());
        let Some(first) = answers.next() else { continue };
        for again in answers.filter(|told| told.is_final()) {
            same(again, first, || format!("{wish:?} asked again"))?;
        }
    }
    Ok(())
}

fn unknown_is_settled_by_asking_again(evidence: &Evidence<'_>) -> Result<(), String> {
    let open = evidence.wishes.iter().find(|wish| wish.wants_more());
    open.map_or(Ok(()), |wish| Err(format!("{wish:?}")))
}

fn what_was_not_executed_left_nothing(evidence: &Evidence<'_>) -> Result<(), String> {
    for wish in evidence.wishes.iter().filter(|wish| !wish.is_keyed()) {
        let run = evidence.runs.of(wish.id());
        let is_there = run.is_some_and(|run| run.stage != Stage::Withdrawn);
        if is_there && matches!(wish.told.last(), Some(Told::NotExecuted(_))) {
            return Err(format!("{wish:?}: {run:?}"));
        }
    }
    Ok(())
}

fn a_state_is_the_fold_of_its_facts(evidence: &Evidence<'_>) -> Result<(), String> {
    for (stream, folded) in evidence.folded() {
        same_row(evidence, stream, &folded)?;
    }
    Ok(())
}

fn a_view_is_the_fold_of_its_facts(evidence: &Evidence<'_>) -> Result<(), String> {
    for view in evidence.systems.iter().flat_map(|system| &system.services).flat_map(|service| &service.views) {
        let mut rows: BTreeMap<Stream, Row> = BTreeMap::new();
        for fact in evidence.facts.iter().filter(|fact| view.sources.contains(&fact.stream.kind)) {
            let Some(stream) = (view.row)(fact).map(|id| Stream::new(view.kind, id)) else { continue };
            let before = rows.get(&stream);
            let state = (view.applied)(before.map(|row| &*row.state as &dyn Held), fact);
            let (version, public) = before.map_or((0, 0), |row| (row.version, row.public_version));
            let public_version = public + u64::from(fact.event.is_public());
            rows.insert(stream, Row { stream, version: version + 1, public_version, position: fact.position, state });
        }
        for (stream, row) in rows {
            same_row(evidence, stream, &encode_row(&row))?;
        }
    }
    Ok(())
}

fn same_row(evidence: &Evidence<'_>, stream: Stream, folded: &[u8]) -> Result<(), String> {
    let row = evidence.process.journal.row(stream).map_err(|error| error.to_string())?;
    match row {
        Some(row) if encode_row(&row) == folded => Ok(()),
        row => Err(format!("{stream} is {row:?}, and not what its facts fold to")),
    }
}

fn each_policy_takes_each_fact_once(evidence: &Evidence<'_>) -> Result<(), String> {
    for policy in evidence.systems.iter().flat_map(|system| &system.services).flat_map(|service| &service.policies) {
        for fact in evidence.facts.iter().filter(|fact| fact.stream.kind == policy.source) {
            for (order, index) in (policy.react)(fact).into_iter().zip(0..) {
                let run = evidence.runs.of(turn_id(policy.name, fact.stream, fact.version, index));
                let fits = run.is_some_and(|run| {
                    let is_target = run.stream.kind == order.kind && order.id.is_none_or(|id| id == run.stream.id);
                    run.stage == Stage::Answered && is_target
                });
                if !fits {
                    let (name, position) = (policy.name, fact.position);
                    return Err(format!("{name} on the fact at {position} ({:?}): {run:?}", fact.event));
                }
            }
        }
    }
    Ok(())
}

#[test]
fn what_is_new_is_in_the_log_without_a_key_too() {
    use super::deeds::creation;
    use crate::clock::Clock;
    use crate::domain::{Catalogue, Kind};

    let (dice, catalogue) = (Clock::manual(0, 0), Catalogue::of(&crate::systems::all()));
    let wish = (0..).map(|number| Wish::new(&dice, creation(&catalogue), number)).find(|wish| !wish.is_keyed());
    let (wish, stream) =
        (wish.expect("some clients have no keys"), Stream::new(Kind::new("book-market/kakao/kakao"), 1));
    let run = Run { stream, stage: Stage::Answered, refused: None };
    assert!(is_borne_out(&wish, &Told::Done(stream, None), Some(&run)));
    assert!(!is_borne_out(&wish, &Told::Done(stream, None), None));
    assert!(is_borne_out(&wish, &Told::Refused("a rule".to_owned()), None));
}
