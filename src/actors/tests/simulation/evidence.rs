//! What is judged: the log as it lies in the storage, what clients were told, and the living process at rest.

use std::collections::BTreeMap;

use super::clients::Wish;
use super::process::Process;
use super::runs::Runs;
use crate::domain::system::Catalogue;
use crate::domain::{Recorded, Stream, System};
use crate::journal::codec::{decode_records, encode_row};
use crate::journal::engine::ReadGroup;
use crate::journal::{Facts, Position, Record};

/// Everything an invariant may look at.
pub(super) struct Evidence<'a> {
    pub(super) process: &'a Process,
    pub(super) systems: &'a [System],
    pub(super) catalogue: &'a Catalogue,
    pub(super) wishes: &'a [Wish],
    /// Each group's first position and its records.
    pub(super) groups: Vec<(Position, Vec<Record>)>,
    /// Every fact in its place.
    pub(super) facts: Vec<Recorded>,
    pub(super) runs: Runs,
}

impl<'a> Evidence<'a> {
    /// Reads the log from its first byte; says what cannot be read.
    pub(super) fn gather(
        process: &'a Process,
        systems: &'a [System],
        catalogue: &'a Catalogue,
        wishes: &'a [Wish],
        log: &[ReadGroup],
    ) -> Result<Self, String> {
        let (mut groups, mut facts, mut runs) = (Vec::new(), Vec::new(), Runs::default());
        for group in log {
            let records = decode_records(&group.payload, catalogue).map_err(|error| error.to_string())?;
            let mut position = group.first_position;
            for record in &records {
                if let Record::Facts(written) = record {
                    facts.extend(written.recorded(position));
                }
                runs.follow(record);
                position += record.positions();
            }
            groups.push((group.first_position, records));
        }
        Ok(Self { process, systems, catalogue, wishes, groups, facts, runs })
    }

    /// Every command's facts, with the position of the first.
    pub(super) fn written(&self) -> impl Iterator<Item = (Position, &Facts)> {
        self.groups.iter().flat_map(|(first, records)| {
            let mut next = *first;
            records.iter().filter_map(move |record| {
                let position = next;
                next += record.positions();
                if let Record::Facts(facts) = record { Some((position, facts)) } else { None }
            })
        })
    }

    /// The rows that the log's facts fold to, as they are stored.
    pub(super) fn folded(&self) -> BTreeMap<Stream, Vec<u8>> {
        let (mut states, mut rows) = (BTreeMap::new(), BTreeMap::new());
        for (position, facts) in self.written() {
            let Some(spec) = self.catalogue.aggregate(facts.stream.kind.path()) else { continue };
            let state = states.entry(facts.stream).or_insert_with(|| (spec.initial)());
            *state = state.evolved(&facts.events);
            rows.insert(facts.stream, encode_row(&facts.row(position, state.clone())));
        }
        rows
    }
}
