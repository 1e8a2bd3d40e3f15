//! Reading the frames of one key, through the indexes of the segments: a bounded piece of work at a time.
//! An index only says where to look; each frame is checked as ever, and a damaged one is told, never left out.

use crate::journal::disk::frame::Link;
use crate::journal::disk::log::error::LogError;
use crate::journal::disk::log::index::{ANY_KEY, Bounds, Entry, IndexFile, Runs, keys_of_group, write};
use crate::journal::disk::log::reader::LogReader;
use crate::journal::disk::log::shared::{Keys, Place};
use crate::journal::disk::segment::{Frame, Segment, Spot};

/// How many entries of a segment are looked up at once.
const ENTRIES_MAX: usize = 1_024;
/// How many segments one call looks into.
const SEGMENTS_MAX: usize = 64;

/// The frames of a key, as far as one call went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedFrames {
    /// In order.
    pub frames: Vec<Frame>,
    /// Where to go on: everything before it was looked at. The position after the newest when that is all of them.
    pub next_position: u64,
}

/// A segment to look into.
struct Section {
    place: Place,
    /// The link after it, or after what is durable of it.
    end: Link,
    /// What memory says.
    entries: Option<Vec<Entry>>,
}

impl LogReader {
    /// Reads frames with a key, in order, from the one that contains `position` on: about `bytes_max` bytes, with
    /// any frame whose keys nobody could tell. A call ends early rather than make more than one index again.
    ///
    /// # Errors
    /// `Corrupt` for a damaged frame, or a segment that needs an index and does not go on to its end.
    pub fn frames_with_key(&self, key: u64, position: u64, bytes_max: usize) -> Result<KeyedFrames, LogError> {
        let mut found = KeyedFrames { frames: Vec::new(), next_position: position.max(1) };
        let mut bytes = 0;
        for _ in 0..SEGMENTS_MAX {
            let Some(section) = self.section(key, found.next_position) else { break };
            let (entries, made) = self.entries(&section, key, found.next_position)?;
            let segment = if entries.is_empty() { None } else { Some(section.place.open()?) };
            for entry in &entries {
                let frame = read(segment.as_ref().expect("a segment with entries"), entry)?;
                self.count_frame();
                if frame.header.next_position() <= found.next_position {
                    continue;
                }
                found.next_position = frame.header.next_position();
                bytes += frame.payload.len();
                found.frames.push(frame);
                if bytes >= bytes_max {
                    return Ok(found);
                }
            }
            if entries.len() < ENTRIES_MAX {
                found.next_position = section.end.first_position;
            }
            if made {
                break;
            }
        }
        Ok(found)
    }

    /// The segment with `position`, and what memory knows of the key in it; `None` when nothing durable is there.
    fn section(&self, key: u64, position: u64) -> Option<Section> {
        let state = self.shared.read();
        if position >= state.durable.next_position {
            return None;
        }
        let after = state.places.partition_point(|place| place.first.link.first_position <= position);
        let place = &state.places[after - 1];
        let from = in_segment(place, position);
        let entries = match &place.keys {
            Keys::Growing(runs) => Some(in_memory(runs, key, from)),
            Keys::Sealed(runs) => Some(in_memory(runs, key, from)),
            Keys::Filed => None,
        };
        let end = match state.places.get(after) {
            Some(next) => next.first.link,
            None => {
                Link { group: state.durable.group + 1, first_position: state.durable.next_position, previous_crc: 0 }
            }
        };
        Some(Section { place: place.without_index(), end, entries })
    }

    /// The entries of the key from `position` on, and whether an index had to be made for them.
    fn entries(&self, section: &Section, key: u64, position: u64) -> Result<(Vec<Entry>, bool), LogError> {
        if let Some(entries) = &section.entries {
            return Ok((entries.clone(), false));
        }
        let from = in_segment(&section.place, position);
        let bounds = Bounds { store: self.shared.store, first: section.place.first.link, end: section.end };
        let filed = || {
            let file = IndexFile::open(&section.place.path, &bounds)?;
            let of_key = file.find(key, from, ENTRIES_MAX)?;
            Some(merged(of_key, file.find(ANY_KEY, from, ENTRIES_MAX)?))
        };
        if let Some(entries) = filed() {
            return Ok((entries, false));
        }
        let _one_at_a_time = self.shared.writing_index();
        // Another reader may have made it meanwhile.
        if let Some(entries) = filed() {
            return Ok((entries, false));
        }
        let runs = self.walked(&section.place, &section.end)?;
        if let Err(error) = write(&section.place.path, &bounds, &runs.all()) {
            tracing::warn!(segment = %section.place.path.display(), %error, "an index that was made again is not written");
        }
        Ok((in_memory(&runs, key, from), true))
    }

    /// The entries of a sealed segment as it stands.
    fn walked(&self, place: &Place, end: &Link) -> Result<Runs, LogError> {
        let segment = place.open()?;
        let mut runs = Runs::default();
        let (spot, reason) = segment.walk(|spot, frame| {
            self.count_frame();
            runs.note(&place.first, spot, keys_of_group(self.shared.keys_of, frame.header.facts, &frame.payload));
        })?;
        if spot.link == *end { Ok(runs) } else { Err(segment.corrupt(&spot, reason)) }
    }
}

/// A position as the entries of a segment count it.
fn in_segment(place: &Place, position: u64) -> u32 {
    u32::try_from(position - place.first.link.first_position).unwrap_or(u32::MAX)
}

fn in_memory(runs: &Runs, key: u64, from: u32) -> Vec<Entry> {
    merged(runs.find(key, from, ENTRIES_MAX), runs.find(ANY_KEY, from, ENTRIES_MAX))
}

/// The first entries of both, in order: where either ends early, so does this.
fn merged(mut of_key: Vec<Entry>, of_any: Vec<Entry>) -> Vec<Entry> {
    if !of_any.is_empty() {
        of_key.extend(of_any);
        of_key.sort_by_key(|entry| entry.position);
        of_key.truncate(ENTRIES_MAX);
    }
    of_key
}

/// Reads the frame an entry leads to.
fn read(segment: &Segment, entry: &Entry) -> Result<Frame, LogError> {
    let first = segment.first_spot();
    let first_position = first.link.first_position + u64::from(entry.position);
    let spot = Spot { offset: entry.offset.into(), link: Link { first_position, ..first.link } };
    match segment.read(spot.offset)? {
        Ok(frame) if frame.header.first_position() == first_position => Ok(frame),
        Ok(frame) => Err(segment.corrupt(&spot, format!("group {} stands there", frame.header.group()))),
        Err(reason) => Err(segment.corrupt(&spot, reason)),
    }
}
