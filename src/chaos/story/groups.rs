//! Groups: what was synced at once, and that it holds what its frame says.

use super::commands::Commands;
use crate::journal::Record;
use crate::journal::disk::log::Frame;

/// What the walk over the groups has seen.
#[derive(Debug, Default)]
pub(in crate::chaos) struct Groups {
    /// How many commands' parts were looked at.
    pub(in crate::chaos) parts: u64,
    /// Groups that cannot be read, or hold another number of facts than their frames say.
    pub(in crate::chaos) faults: Vec<String>,
}

impl Groups {
    pub(super) fn take(&mut self, frame: &Frame, records: &[Record], commands: &mut Commands) {
        let held: u64 = records.iter().map(Record::positions).sum();
        if held != u64::from(frame.header.facts) {
            let (group, said) = (frame.header.group(), frame.header.facts);
            self.faults
                .push(format!("group {group} says that it has {said} facts and holds {held}: positions are not dense"));
        }
        self.parts += commands.group_ends(frame.header.group());
    }
}
