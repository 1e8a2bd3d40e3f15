//! A backup: the newest checkpoints and the whole log, copied beside a running server, with a manifest of checksums.
//!
//! The log only grows, so a copy of it is consistent up to its last good frame; checkpoints are copied before it, so
//! that none of them has seen more than the copied log holds.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::checkpoint::{self, CheckpointError};
use super::file::{FileError, failed};
use super::home::META_NAME;
use super::log::{LogError, trim_copy, verify};

const MANIFEST_NAME: &str = "MANIFEST";
const LOG_DIR: &str = "log";
const CHECKPOINT_DIR: &str = "checkpoints";
/// The size of the pieces in which files are copied.
const PIECE_BYTES: usize = 1024 * 1024;

/// What a backup holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Its last group.
    pub groups: u64,
    /// Its last position.
    pub facts: u64,
    /// Its files.
    pub files: usize,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// Why a backup could not be made or restored.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The target holds something.
    #[error("{} is not empty: choose a new directory", .0.display())]
    NotEmpty(PathBuf),
    /// There is nothing to back up.
    #[error("{} holds no journal", .0.display())]
    NoJournal(PathBuf),
    /// The backup is not what was written.
    #[error("the backup is damaged: {} {reason}; take another backup", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The operating system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The log is damaged.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A checkpoint is damaged.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// Copies the journal of a data directory into a new directory and checks the copy; a server may go on meanwhile.
///
/// # Errors
///
/// Fails when the target is not empty, or the journal is damaged.
pub fn backup(data: &Path, to: &Path, say: &mut dyn FnMut(&str)) -> Result<Backup, BackupError> {
    if !data.join(META_NAME).exists() {
        return Err(BackupError::NoJournal(data.to_owned()));
    }
    make_empty(to)?;
    let mut manifest = Manifest::default();
    manifest.take(data, to, Path::new(META_NAME), say)?;
    make_dir(&to.join(CHECKPOINT_DIR))?;
    for found in checkpoint::list(&data.join(CHECKPOINT_DIR))? {
        let name = Path::new(CHECKPOINT_DIR).join(found.path.file_name().unwrap_or_default());
        manifest.take(data, to, &name, say)?;
        checkpoint::read(&to.join(&name), &mut |_, _, _| Ok(()))?;
    }
    make_dir(&to.join(LOG_DIR))?;
    let segments = super::segment::list(&data.join(LOG_DIR))?;
    for (index, (_, path)) in segments.iter().enumerate() {
        let name = Path::new(LOG_DIR).join(path.file_name().unwrap_or_default());
        copy(&data.join(&name), &to.join(&name))?;
        if index + 1 == segments.len() {
            // Its end may be half written.
            trim_copy(&to.join(&name))?;
        }
        manifest.add(to, &name, say)?;
    }
    let verified = verify(&to.join(LOG_DIR), None)?;
    manifest.write(to)?;
    Ok(manifest.backup(verified.groups, verified.facts))
}

/// Copies a backup into a data directory that holds no journal yet, and checks everything on the way.
///
/// # Errors
///
/// Fails when the backup is damaged or the directory is in use; nothing that was there is touched.
pub fn restore(from: &Path, data: &Path, say: &mut dyn FnMut(&str)) -> Result<Backup, BackupError> {
    let manifest = Manifest::read(from)?;
    if [META_NAME, LOG_DIR, CHECKPOINT_DIR, "sled"].iter().any(|name| data.join(name).exists()) {
        return Err(BackupError::NotEmpty(data.to_owned()));
    }
    for dir in [LOG_DIR, CHECKPOINT_DIR] {
        make_dir(&data.join(dir))?;
    }
    let mut copied = Manifest::default();
    // What names the store comes last: half a restore is nobody's journal.
    let (first, last): (Vec<_>, Vec<_>) = manifest.files.iter().partition(|file| file.name != Path::new(META_NAME));
    for file in first.into_iter().chain(last) {
        copied.take(from, data, &file.name, say)?;
        if copied.files.last() != Some(file) {
            return Err(BackupError::Damaged { file: from.join(&file.name), reason: "differs from its manifest" });
        }
    }
    sync_dirs(data)?;
    let verified = verify(&data.join(LOG_DIR), None)?;
    Ok(copied.backup(verified.groups, verified.facts))
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Listed {
    name: PathBuf,
    bytes: u64,
    crc: u32,
}

/// The files of a backup; written last, so that without it a backup is unfinished.
#[derive(Debug, Default)]
struct Manifest {
    files: Vec<Listed>,
}

impl Manifest {
    fn take(&mut self, from: &Path, to: &Path, name: &Path, say: &mut dyn FnMut(&str)) -> Result<(), BackupError> {
        copy(&from.join(name), &to.join(name))?;
        self.add(to, name, say)
    }

    /// Reads a copy back, syncs it, and lists it.
    fn add(&mut self, dir: &Path, name: &Path, say: &mut dyn FnMut(&str)) -> Result<(), BackupError> {
        let path = dir.join(name);
        let failed = failed("read", &path);
        let mut file = File::open(&path).map_err(&failed)?;
        let (mut piece, mut crc, mut bytes) = (vec![0; PIECE_BYTES], 0, 0);
        loop {
            let got = file.read(&mut piece).map_err(&failed)?;
            if got == 0 {
                break;
            }
            crc = crc32c::crc32c_append(crc, &piece[..got]);
            bytes += got as u64;
        }
        file.sync_all().map_err(&failed)?;
        say(&format!("{} ({bytes} bytes)", name.display()));
        self.files.push(Listed { name: name.to_owned(), bytes, crc });
        Ok(())
    }

    fn write(&self, dir: &Path) -> Result<(), BackupError> {
        let lines: Vec<String> = self.files.iter().map(Listed::line).collect();
        let text = lines.concat();
        let path = dir.join(MANIFEST_NAME);
        let failed = failed("write", &path);
        let mut file = File::create(&path).map_err(&failed)?;
        file.write_all(text.as_bytes()).map_err(&failed)?;
        file.write_all(format!("{:08x}\n", crc32c::crc32c(text.as_bytes())).as_bytes()).map_err(&failed)?;
        file.sync_all().map_err(&failed)?;
        Ok(sync_dirs(dir)?)
    }

    fn read(dir: &Path) -> Result<Self, BackupError> {
        let path = dir.join(MANIFEST_NAME);
        let text = fs::read_to_string(&path).map_err(failed("read", &path))?;
        let damaged = || BackupError::Damaged { file: path.clone(), reason: "is not whole" };
        let (lines, crc) = text.trim_end_matches('\n').rsplit_once('\n').ok_or_else(damaged)?;
        let lines = format!("{lines}\n");
        if crc != format!("{:08x}", crc32c::crc32c(lines.as_bytes())) {
            return Err(damaged());
        }
        let files = lines.lines().map(|line| Listed::of(line).ok_or_else(damaged)).collect::<Result<_, _>>()?;
        Ok(Self { files })
    }

    fn backup(&self, groups: u64, facts: u64) -> Backup {
        Backup { groups, facts, files: self.files.len(), bytes: self.files.iter().map(|file| file.bytes).sum() }
    }
}

impl Listed {
    fn line(&self) -> String {
        format!("{:08x} {} {}\n", self.crc, self.bytes, self.name.display())
    }

    fn of(line: &str) -> Option<Self> {
        let mut parts = line.splitn(3, ' ');
        let crc = u32::from_str_radix(parts.next()?, 16).ok()?;
        Some(Self { crc, bytes: parts.next()?.parse().ok()?, name: PathBuf::from(parts.next()?) })
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), FileError> {
    fs::copy(from, to).map(drop).map_err(failed("copy", from))
}

/// Makes the names of the copies as durable as their bytes.
fn sync_dirs(dir: &Path) -> Result<(), FileError> {
    for dir in [dir.join(LOG_DIR), dir.join(CHECKPOINT_DIR), dir.to_owned()] {
        File::open(&dir).and_then(|open| open.sync_all()).map_err(failed("sync", &dir))?;
    }
    Ok(())
}

fn make_empty(dir: &Path) -> Result<(), BackupError> {
    make_dir(dir)?;
    match fs::read_dir(dir).map_err(failed("list", dir))?.next() {
        None => Ok(()),
        Some(_) => Err(BackupError::NotEmpty(dir.to_owned())),
    }
}

fn make_dir(dir: &Path) -> Result<(), FileError> {
    fs::create_dir_all(dir).map_err(failed("create", dir))
}
