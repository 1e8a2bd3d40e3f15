//! What operators broke on purpose.

use metrics::counter;

use super::metrics::{CHAOS_ACTS, FAULTS_INJECTED};

/// What can be done on purpose, and to what.
const ACTS: [(&str, &[&str]); 4] = [
    ("kill", &["aggregates", "policies", "views", "shards", "supervisors", "committer", "reader", "writer", "applier"]),
    ("panic", &["decide", "evolve", "react", "apply"]),
    ("stall", &["disk"]),
    ("fail", &["write", "sync"]),
];
/// What an injected fault does to a call.
const EFFECTS: [&str; 3] = ["delayed", "failed", "hung"];

/// Shows from the start that nothing was broken on purpose.
pub(super) fn chaos_known(kinds: &[&'static str]) {
    for (act, whats) in ACTS {
        whats.iter().for_each(|what| counter!(CHAOS_ACTS, "act" => act, "what" => *what).increment(0));
    }
    for kind in kinds {
        EFFECTS
            .into_iter()
            .for_each(|effect| counter!(FAULTS_INJECTED, "kind" => *kind, "effect" => effect).increment(0));
    }
}

/// Counts a call to a kind that met an injected fault; the effect is `delayed`, `failed` or `hung`.
pub fn fault_injected(kind: &'static str, effect: &'static str) {
    counter!(FAULTS_INJECTED, "kind" => kind, "effect" => effect).increment(1);
}

/// Counts what an operator had happen to a part: `kill`, `panic`, `stall` or `fail`, and to what.
pub fn chaos_acted(act: &'static str, what: &'static str) {
    counter!(CHAOS_ACTS, "act" => act, "what" => what).increment(1);
}
