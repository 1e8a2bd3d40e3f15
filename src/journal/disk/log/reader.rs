//! Reading what is durable, from a position, a group or an address.
//! It never takes damage for the end, and never reads past the last published group.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::journal::disk::frame::FrameError;
use crate::journal::disk::log::error::LogError;
use crate::journal::disk::log::shared::{Shared, Start, last_before, note_spot};
use crate::journal::disk::segment::{Frame, Segment, Spot};

/// Reads what is durable; cheap to clone, used from any thread.
#[derive(Debug, Clone)]
pub struct LogReader {
    pub(super) shared: Arc<Shared>,
}

impl LogReader {
    /// The newest durable group; 0 in an empty log.
    #[must_use]
    pub fn last_group(&self) -> u64 {
        self.shared.read().durable.group
    }

    /// How many segments there are, and their size on disk in bytes.
    #[must_use]
    pub fn size(&self) -> (u64, u64) {
        let places = &self.shared.read().places;
        (places.len() as u64, places.iter().map(|place| place.bytes).sum())
    }

    /// Reads on from the frame that contains `position`.
    #[must_use]
    pub fn frames_from_position(&self, position: u64) -> FrameIter {
        self.frames_from(Start::Position(position))
    }

    /// Reads on from `group`.
    #[must_use]
    pub fn frames_from_group(&self, group: u64) -> FrameIter {
        self.frames_from(Start::Group(group))
    }

    /// Reads the frame a [`Written`](super::Written) or an earlier [`Frame`] gave the address of.
    ///
    /// # Errors
    /// `NoSuchFrame` for an address that was never durable, `Corrupt` for a damaged frame.
    pub fn frame_at(&self, segment: u64, offset: u64) -> Result<Frame, LogError> {
        let (index, place) = self.shared.place(|spot| spot.link.group <= segment);
        let durable = self.shared.read().durable;
        let end = if segment == durable.segment { durable.offset } else { u64::MAX };
        if place.first.link.group != segment || segment > durable.segment || offset >= end {
            return Err(LogError::NoSuchFrame { segment, offset });
        }
        let opened = place.open()?;
        let mut reason = match opened.read(offset)? {
            Ok(frame) => return Ok(frame),
            Err(reason) => reason,
        };
        // Whether that is damage or a wrong address shows in where the frames really stand.
        let mut spot = self.nearest(index, &opened, |spot| spot.offset <= offset);
        while spot.offset < offset {
            match opened.read_chained(&spot)? {
                Ok((_, next)) => spot = next,
                Err(earlier) => {
                    reason = earlier;
                    break;
                }
            }
        }
        let is_sealed_end = self.shared.starting_at(&spot.link).is_some();
        if spot.offset > offset || (is_sealed_end && spot != opened.first_spot()) {
            return Err(LogError::NoSuchFrame { segment, offset });
        }
        Err(opened.corrupt(&spot, reason))
    }

    /// How many frames were read back since the log was opened, also those that were only passed.
    #[must_use]
    pub fn frames_read(&self) -> u64 {
        self.shared.frames_read.load(Ordering::Relaxed)
    }

    pub(super) fn count_frame(&self) {
        self.shared.frames_read.fetch_add(1, Ordering::Relaxed);
    }

    fn frames_from(&self, start: Start) -> FrameIter {
        FrameIter { reader: self.clone(), start, at: None, failed: false }
    }

    /// The segment in which `start` lies, and a spot at or before it.
    fn locate(&self, start: Start) -> Result<(Segment, Spot), LogError> {
        let (index, place) = self.shared.place(|spot| start.is_at_or_after(spot));
        let segment = place.open()?;
        let spot = self.nearest(index, &segment, |spot| start.is_at_or_after(spot));
        Ok((segment, spot))
    }

    /// The last indexed spot that is `before`; indexes a sealed segment at its first use.
    fn nearest(&self, index: usize, segment: &Segment, before: impl Fn(&Spot) -> bool) -> Spot {
        if let Some(spot) = self.shared.indexed(index, &before) {
            return spot;
        }
        let mut spots = vec![segment.first_spot()];
        // Damage ends the index early; the reader that gets there meets and reports it.
        let walked = segment.walk(|spot, _| {
            note_spot(&mut spots, spot);
            self.count_frame();
        });
        let spot = last_before(&spots, before);
        if matches!(walked, Ok((_, FrameError::Empty))) {
            self.shared.keep_index(index, spots);
        }
        spot
    }
}

/// Frames in order up to the durable end. After `None` a later call goes on if more became durable; after an
/// error it is over.
#[derive(Debug)]
pub struct FrameIter {
    reader: LogReader,
    start: Start,
    at: Option<(Segment, Spot)>,
    failed: bool,
}

impl Iterator for FrameIter {
    type Item = Result<Frame, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let item = self.read_next().transpose();
        self.failed = matches!(item, Some(Err(_)));
        item
    }
}

impl FrameIter {
    fn read_next(&mut self) -> Result<Option<Frame>, LogError> {
        loop {
            let (segment, spot) = match self.at.take() {
                Some(at) => at,
                None => self.reader.locate(self.start)?,
            };
            if spot.link.group > self.reader.last_group() {
                self.at = Some((segment, spot));
                return Ok(None);
            }
            match segment.read_chained(&spot)? {
                Ok((frame, next)) => {
                    self.reader.count_frame();
                    self.at = Some((segment, next));
                    if self.start.is_reached_by(&frame) {
                        return Ok(Some(frame));
                    }
                }
                Err(reason) => {
                    let next = self.reader.shared.starting_at(&spot.link);
                    let next = next.filter(|place| place.first.link.group != segment.block.link.group);
                    let Some(next) = next else {
                        return Err(segment.corrupt(&spot, reason));
                    };
                    let next = next.open()?;
                    let first = next.first_spot();
                    self.at = Some((next, first));
                }
            }
        }
    }
}
