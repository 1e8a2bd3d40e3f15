//! The log by itself: dense, whole, one writer a stream.

use super::Evidence;
use crate::chaos::report::Verdict;

/// Groups, positions, the chain over all frames and every checksum.
pub(super) fn positions_are_dense(evidence: &Evidence) -> Verdict {
    let mut faults = evidence.story.groups.faults.clone();
    let groups = match &evidence.story.walked {
        Ok(walked) => walked.groups,
        Err(error) => {
            faults.push(error.clone());
            0
        }
    };
    Verdict::of(groups, "groups", faults)
}

/// Versions are 1..n, and every command was decided on the version that stood.
pub(super) fn each_stream_has_one_writer(evidence: &Evidence) -> Verdict {
    let states = &evidence.story.states;
    Verdict::of(states.folded, "commands' facts", states.forked.clone())
}

/// What belongs to one command is in the log together or not at all.
pub(super) fn commands_stand_whole(evidence: &Evidence) -> Verdict {
    Verdict::of(evidence.story.groups.parts, "records of commands", evidence.story.commands.torn.clone())
}
