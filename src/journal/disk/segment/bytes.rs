//! The bytes of a segment file: zeroing, searching, reading up to the end. It knows no format.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::journal::disk::log::error::{LogError, io_error};
use crate::journal::disk::segment::BLOCK_BYTES;

/// Size of the pieces in which files are zeroed and searched.
pub(super) const PIECE_BYTES: usize = 1024 * 1024;

/// Creates (or replaces) a file of written, synced zeros under a temporary name.
pub(crate) fn prepare(path: &Path, bytes: u64) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
    write_zeros(&file, 0, bytes)?;
    file.sync_all()?;
    Ok(file)
}

pub(super) fn write_zeros(file: &File, from: u64, to: u64) -> io::Result<()> {
    let zeros = vec![0; PIECE_BYTES];
    let mut at = from;
    while at < to {
        let piece = (to - at).min(PIECE_BYTES as u64);
        file.write_all_at(&zeros[..piece as usize], at)?;
        at += piece;
    }
    Ok(())
}

/// Whether a segment with a torn header holds nothing else: a frame is written only after a synced header.
pub(crate) fn is_unused(path: &Path) -> Result<bool, LogError> {
    File::open(path)
        .and_then(|file| written_end(&file, BLOCK_BYTES))
        .map(|end| end.is_none())
        .map_err(io_error("read", path))
}

pub(super) fn written_end(file: &File, offset: u64) -> io::Result<Option<u64>> {
    let mut end = None;
    pieces(file, offset, 0, |at, piece| {
        if let Some(last) = piece.iter().rposition(|byte| *byte != 0) {
            end = Some(at + last as u64 + 1);
        }
        Ok(false)
    })?;
    Ok(end)
}

/// Shows a file from `offset` on in pieces that overlap by `overlap`, until told to stop.
pub(super) fn pieces(
    file: &File,
    offset: u64,
    overlap: usize,
    mut show: impl FnMut(u64, &[u8]) -> io::Result<bool>,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut at = offset;
    loop {
        let got = read_up_to(file, &mut piece, at)?;
        if show(at, &piece[..got])? || got < PIECE_BYTES {
            return Ok(());
        }
        at += (got - overlap) as u64;
    }
}

pub(super) fn read_up_to(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match file.read_at(&mut buffer[got..], offset + got as u64) {
            Ok(0) => break,
            Ok(bytes) => got += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

pub(super) fn create_unused(wanted: &Path) -> Result<(File, PathBuf), LogError> {
    let mut path = wanted.to_owned();
    let mut attempt = 0;
    loop {
        match File::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                attempt += 1;
                path = wanted.with_extension(format!("{attempt}.bin"));
            }
            outcome => {
                let file = outcome.map_err(io_error("create", &path))?;
                return Ok((file, path));
            }
        }
    }
}
