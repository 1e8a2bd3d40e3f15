//! The invariants: what must hold of history, log and server, whatever was killed. Each has a number and a name.
//!
//! Replies carry stream and version, so the order of an aggregate's versions is known and nothing has to be searched.

mod answers;
mod asks;
mod business;
mod liveness;
mod log;
mod order;
mod states;
mod turns;

use std::collections::BTreeMap;

use serde_json::Value;

use super::history::Op;
use super::operator::Vitals;
use super::probes::Paced;
use super::report::Verdict;
use super::shown::Shown;
use super::story::Story;
use crate::domain::Stream;

/// Everything that is judged.
#[derive(Debug)]
pub(super) struct Evidence {
    pub(super) history: Vec<Op>,
    /// The position where the log ended before the load began.
    pub(super) begun_at: u64,
    pub(super) story: Story,
    pub(super) shown: Shown,
    /// Some aggregates as the operator sees them.
    pub(super) actors: BTreeMap<Stream, Value>,
    pub(super) before: Vitals,
    pub(super) rest: Vitals,
    /// After every touched aggregate was knocked at.
    pub(super) after: Vitals,
    /// How many were, and which did not answer.
    pub(super) knocked: u64,
    pub(super) silent: Vec<String>,
    /// How single requests went before the load and after it.
    pub(super) idle_before: Paced,
    pub(super) idle_after: Paced,
}

type Judge = fn(&Evidence) -> Verdict;

/// Every invariant, in the order of research and of the report.
const INVARIANTS: [(&str, Judge); 23] = [
    ("no-lost-answer", answers::none_is_lost),
    ("no-ghost", answers::none_is_a_ghost),
    ("at-most-once", answers::each_runs_once),
    ("unknown-resolved", answers::unknowns_are_resolved),
    ("linearizable", order::each_aggregate_is_linearizable),
    ("contiguity", log::positions_are_dense),
    ("single-writer", log::each_stream_has_one_writer),
    ("determinism", states::replay_is_what_is_shown),
    ("same-answer", answers::a_key_has_one_answer),
    ("atomic-groups", log::commands_stand_whole),
    ("stock", business::stock_adds_up),
    ("money", business::money_adds_up),
    ("paid-once", business::what_stands_is_paid_once),
    ("not-rented-twice", business::nothing_is_rented_twice),
    ("compensation", asks::what_was_given_up_is_undone),
    ("providers", asks::providers_are_asked_to_an_end),
    ("one-turn-a-fact", turns::each_fact_has_its_turn),
    ("asks-end-once", asks::each_ends_once),
    ("views", states::views_are_folds),
    ("timers", liveness::timers),
    ("liveness", liveness::everything_answers_and_nothing_leaks),
    ("latency-after", liveness::latency_is_back),
    ("restart-time", liveness::restarts_are_short),
];

/// Judges everything.
pub(super) fn judge(evidence: &Evidence) -> Vec<(u8, &'static str, Verdict)> {
    (1..).zip(INVARIANTS).map(|(number, (name, judge))| (number, name, judge(evidence))).collect()
}
