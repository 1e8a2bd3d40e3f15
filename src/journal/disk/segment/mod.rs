//! One segment file of the log: its 64-byte header block, and the ways its bytes are read, prepared and cut.
//! It knows nothing of the other segments, takes nothing for good that does not check, and never deletes a frame.
//! Relies on: a prepared file is zeros, synced, before it gets its header and its name.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::journal::disk::frame::{self, FrameError, Header, Link};
use crate::journal::disk::log::error::{LogError, RESTORE, io_error, sync_dir};
use crate::journal::disk::segment::bytes::{create_unused, pieces, read_up_to, write_zeros, written_end};

pub(crate) use crate::journal::disk::segment::block::{BLOCK_BYTES, Block, FORMAT, file_name};
pub(crate) use crate::journal::disk::segment::bytes::{is_unused, prepare};

mod block;
mod bytes;

/// The segments of a directory, in order, by first group.
pub(crate) fn list(dir: &Path) -> Result<Vec<(u64, PathBuf)>, LogError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io_error("list", dir))? {
        let path = entry.map_err(io_error("list", dir))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let digits = name.and_then(|name| name.strip_suffix(".log"));
        if let Some(group) = digits.and_then(|digits| digits.parse::<u64>().ok())
            && name == Some(file_name(group).as_str())
        {
            found.push((group, path));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// A frame as read from the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its checked header.
    pub header: Header,
    /// Its payload.
    pub payload: Vec<u8>,
    /// First group of its segment: with `offset`, its address.
    pub segment: u64,
    /// Offset in its segment, in bytes.
    pub offset: u64,
}

/// A place between two frames: where the next one starts and what it must carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) offset: u64,
    pub(crate) link: Link,
}

/// What stands at an offset: a good frame, or why there is none.
pub(crate) type Found = Result<Frame, FrameError>;

/// An open segment file with a good header block.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
    pub(crate) block: Block,
    pub(crate) bytes: u64,
}

impl Segment {
    /// Opens a segment; `Ok(None)` when its header block is torn.
    pub(crate) fn open(path: &Path, writable: Access) -> Result<Option<Self>, LogError> {
        let file = OpenOptions::new()
            .read(true)
            .write(writable == Access::Write)
            .open(path)
            .map_err(io_error("open", path))?;
        let bytes = file.metadata().map_err(io_error("read", path))?.len();
        let mut head = [0; BLOCK_BYTES as usize];
        let got = read_up_to(&file, &mut head, 0).map_err(io_error("read", path))?;
        match Block::decode(&head[..got]) {
            None => Ok(None),
            Some(Err(format)) => Err(LogError::UnknownFormat { file: path.to_owned(), format }),
            Some(Ok(block)) => Ok(Some(Self { file, path: path.to_owned(), block, bytes })),
        }
    }

    /// Gives a prepared file its header and then its name, each step durable before the next.
    pub(crate) fn take_into_use(file: File, prepared: &Path, dir: &Path, block: Block) -> Result<Self, LogError> {
        let path = dir.join(file_name(block.link.group));
        file.write_all_at(&block.encode(), 0)
            .and_then(|()| file.sync_data())
            .map_err(io_error("write the header of", prepared))?;
        std::fs::rename(prepared, &path).map_err(io_error("rename", prepared))?;
        sync_dir(dir)?;
        let bytes = file.metadata().map_err(io_error("read", &path))?.len();
        Ok(Self { file, path, block, bytes })
    }

    /// Lengthens a segment that has no frames yet, for one that is larger.
    pub(crate) fn lengthen(&mut self, bytes: u64) -> Result<(), LogError> {
        write_zeros(&self.file, self.bytes, bytes)
            .and_then(|()| self.file.sync_all())
            .map_err(io_error("lengthen", &self.path))?;
        self.bytes = bytes.max(self.bytes);
        Ok(())
    }

    /// The place of the first frame.
    pub(crate) fn first_spot(&self) -> Spot {
        Spot { offset: BLOCK_BYTES, link: self.block.link }
    }

    /// Reads what stands at `offset`, without asking whether it belongs there.
    pub(crate) fn read(&self, offset: u64) -> Result<Found, LogError> {
        self.read_frame(offset).map_err(io_error("read", &self.path))
    }

    /// Reads the frame at `spot`, which must go on the chain, and the spot after it.
    pub(crate) fn read_chained(&self, spot: &Spot) -> Result<Result<(Frame, Spot), FrameError>, LogError> {
        Ok(self.read(spot.offset)?.and_then(|frame| {
            frame.header.follows(&spot.link)?;
            let next = Spot { offset: spot.offset + frame.header.frame_bytes(), link: frame.header.next_link() };
            Ok((frame, next))
        }))
    }

    /// Walks from the first frame to the first place without a good one, and says why it ends there.
    pub(crate) fn walk(&self, mut each: impl FnMut(&Spot, &Frame)) -> Result<(Spot, FrameError), LogError> {
        let mut spot = self.first_spot();
        loop {
            match self.read_chained(&spot)? {
                Ok((frame, next)) => {
                    each(&spot, &frame);
                    spot = next;
                }
                Err(reason) => return Ok((spot, reason)),
            }
        }
    }

    /// The end of the last byte from `offset` on that is not zero, if there is one.
    pub(crate) fn written_end(&self, offset: u64) -> Result<Option<u64>, LogError> {
        written_end(&self.file, offset).map_err(io_error("read", &self.path))
    }

    /// Whether an intact frame of a later group (or one that cannot be judged) stands anywhere from `offset` on.
    pub(crate) fn holds_group_after(&self, group: u64, offset: u64) -> Result<bool, LogError> {
        let is_later = |at| -> io::Result<bool> {
            Ok(match self.read_frame(at)? {
                Ok(frame) => frame.header.group() > group,
                Err(error) => error.is_intact(),
            })
        };
        let mut found = false;
        pieces(&self.file, offset, frame::MAGIC.len() - 1, |at, piece| {
            for (index, start) in piece.windows(frame::MAGIC.len()).enumerate() {
                found = start == frame::MAGIC && is_later(at + index as u64)?;
                if found {
                    break;
                }
            }
            Ok(found)
        })
        .map_err(io_error("read", &self.path))?;
        Ok(found)
    }

    /// Copies `[from, to)` aside, durably and never over an older copy, and only then zeroes it.
    pub(crate) fn cut(&self, from: u64, to: u64, copy: &Path) -> Result<PathBuf, LogError> {
        let dir = copy.parent().expect("a copy lies in the log's directory");
        let (mut aside, path) = create_unused(copy)?;
        let mut tail = &self.file;
        tail.seek(SeekFrom::Start(from))
            .and_then(|_| io::copy(&mut tail.take(to - from), &mut aside))
            .and_then(|_| aside.sync_all())
            .map_err(io_error("copy a torn tail to", &path))?;
        sync_dir(dir)?;
        write_zeros(&self.file, from, to)
            .and_then(|()| self.file.sync_data())
            .map_err(io_error("cut the torn tail of", &self.path))?;
        Ok(path)
    }

    /// Damage at a spot of this segment.
    pub(crate) fn corrupt(&self, spot: &Spot, reason: impl ToString) -> LogError {
        LogError::Corrupt {
            file: self.path.clone(),
            offset: spot.offset,
            group: spot.link.group,
            reason: reason.to_string(),
            remedy: RESTORE,
        }
    }

    fn read_frame(&self, offset: u64) -> io::Result<Found> {
        let mut bytes = vec![0; frame::HEADER_BYTES];
        let got = read_up_to(&self.file, &mut bytes, offset)?;
        bytes.truncate(got);
        let needed = match frame::frame_bytes(&bytes) {
            Ok(needed) => needed,
            Err(error) => return Ok(Err(error)),
        };
        bytes.resize(needed, 0);
        let payload = &mut bytes[frame::HEADER_BYTES..];
        let got = read_up_to(&self.file, payload, offset + frame::HEADER_BYTES as u64)?;
        bytes.truncate(frame::HEADER_BYTES + got);
        Ok(frame::decode(&bytes, self.block.store).map(|(header, _)| {
            bytes.drain(..frame::HEADER_BYTES);
            Frame { header, payload: bytes, segment: self.block.link.group, offset }
        }))
    }
}

/// What a segment is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_full_names_in_the_directory_are_segments() {
        let dir = tempfile::tempdir().expect("a directory");
        for name in [file_name(10), file_name(9), "9.log".into(), "x.log".into(), "ahead.tmp".into()] {
            std::fs::write(dir.path().join(name), b"").expect("a file");
        }
        let groups: Vec<u64> = list(dir.path()).expect("a listing").into_iter().map(|(group, _)| group).collect();
        assert_eq!(groups, [9, 10]);
    }
}
