//! A checkpoint: all that the store held, in one file that is complete or refused.
//!
//! Blocks of entries, each with a checksum that goes on from the block before, and a count at the end. It is fuzzy:
//! written beside the traffic, it may hold values newer than its mark, never older ones; the log's tail from the mark on
//! makes it whole. Written under another name, synced, then renamed; the two newest are kept.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::log::StoreId;
use crate::journal::engine::{EngineError, Tree};
use crate::journal::record::Position;

const MAGIC: [u8; 8] = *b"RSGCKPT1";
const HEAD_BYTES: usize = 44;
/// The size at which a block is closed, in bytes.
const BLOCK_BYTES: usize = 64 * 1024;
/// The largest block that is read, in bytes: one value may be larger than a block.
const BLOCK_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How many are kept.
const KEPT: usize = 2;
const EXTENSION: &str = "ckpt";
const UNFINISHED: &str = "tmp";

/// What a checkpoint says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which store it is of.
    pub store: StoreId,
    /// The digest of the states' shapes in it.
    pub shapes: u64,
    /// The group up to which it holds everything.
    pub mark: u64,
    /// Up to here every policy's turn and every ask was at its end.
    pub settled: Position,
}

/// A checkpoint file whose head is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The file.
    pub path: PathBuf,
    /// Its head.
    pub head: Head,
    /// Its length.
    pub bytes: u64,
}

/// Why a checkpoint cannot be used.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// It is not what was written.
    #[error("{} is damaged at offset {offset}: {reason}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where.
        offset: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// The operating system refused.
    #[error("cannot {what} {}: {source}", file.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What was read could not be taken in, or what was written not be read.
    #[error(transparent)]
    Store(#[from] EngineError),
}

/// What each entry is shown to.
pub type Visit<'a> = dyn FnMut(Tree, &[u8], &[u8]) -> Result<(), EngineError> + 'a;

/// Returns the checkpoints of a directory whose head is good, the newest first.
///
/// # Errors
///
/// Fails when the directory cannot be read; a damaged head is left out with a warning.
pub fn list(dir: &Path) -> Result<Vec<Checkpoint>, CheckpointError> {
    let mut found = Vec::new();
    for path in files(dir)? {
        match head_of(&path) {
            Ok(checkpoint) => found.push(checkpoint),
            Err(error) => tracing::warn!(%error, "a checkpoint is not used"),
        }
    }
    found.sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.head.mark));
    Ok(found)
}

/// Writes a checkpoint of what `export` shows, and drops all but the two newest.
///
/// # Errors
///
/// Fails when the export or the disk does; nothing that was there is touched then.
pub fn write(
    dir: &Path,
    head: Head,
    export: impl FnOnce(&mut Visit<'_>) -> Result<(), EngineError>,
) -> Result<Checkpoint, CheckpointError> {
    fs::create_dir_all(dir).map_err(failed("create", dir))?;
    let path = dir.join(format!("{:020}.{EXTENSION}", head.mark));
    let unfinished = path.with_extension(UNFINISHED);
    let file = File::create(&unfinished).map_err(failed("create", &unfinished))?;
    let written = failed("write", &unfinished);
    let mut writer = Writer { out: BufWriter::new(file), block: head_bytes(&head), crc: 0, count: 0 };
    writer.close_block().map_err(&written)?;
    export(&mut |tree, key, value| {
        writer.entry(tree, key, value).map_err(|error| EngineError::Store(format!("the checkpoint: {error}")))
    })?;
    let file = writer.finish().map_err(&written)?;
    file.sync_all().map_err(&written)?;
    let bytes = file.metadata().map_err(&written)?.len();
    fs::rename(&unfinished, &path).map_err(failed("rename", &unfinished))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed("sync", dir))?;
    for old in list(dir)?.into_iter().skip(KEPT) {
        fs::remove_file(&old.path).map_err(failed("remove", &old.path))?;
    }
    Ok(Checkpoint { path, head, bytes })
}

/// Shows every entry, checking all of it on the way; returns how many there were.
///
/// # Errors
///
/// Fails at the first damage; what was shown before it must not be used.
pub fn read(path: &Path, visit: &mut Visit<'_>) -> Result<u64, CheckpointError> {
    let mut reader = Reader::open(path)?;
    let mut count = 0;
    reader.head()?;
    while let Some(block) = reader.block()? {
        let mut rest = &block[..];
        while !rest.is_empty() {
            let entry = split_entry(&mut rest).ok_or_else(|| reader.damaged("an entry ends outside its block"))?;
            visit(entry.0, entry.1, entry.2)?;
            count += 1;
        }
    }
    if reader.count()? != count {
        return Err(reader.damaged("it holds another number of entries than it says"));
    }
    Ok(count)
}

/// Removes what a kill left unfinished.
///
/// # Errors
///
/// Fails when the operating system refuses.
pub fn remove_unfinished(dir: &Path) -> Result<(), CheckpointError> {
    let Ok(entries) = fs::read_dir(dir) else { return Ok(()) };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|extension| extension == UNFINISHED) {
            fs::remove_file(&path).map_err(failed("remove", &path))?;
        }
    }
    Ok(())
}

fn files(dir: &Path) -> Result<Vec<PathBuf>, CheckpointError> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(dir).map_err(failed("list", dir))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed("list", dir)));
    let wanted = |path: &PathBuf| path.extension().is_some_and(|extension| extension == EXTENSION);
    paths.filter(|path| path.as_ref().map_or(true, wanted)).collect()
}

fn head_of(path: &Path) -> Result<Checkpoint, CheckpointError> {
    let mut reader = Reader::open(path)?;
    let head = reader.head()?;
    let bytes = reader.file.get_ref().metadata().map_err(failed("read", path))?.len();
    Ok(Checkpoint { path: path.to_owned(), head, bytes })
}

fn head_bytes(head: &Head) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD_BYTES);
    bytes.extend_from_slice(&MAGIC);
    for number in [head.store.0, head.shapes, head.mark, head.settled] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes
}

fn failed(what: &'static str, file: &Path) -> impl Fn(io::Error) -> CheckpointError + use<> {
    let file = file.to_owned();
    move |source| CheckpointError::Io { what, file: file.clone(), source }
}

/// Writes blocks: length, checksum, bytes.
struct Writer {
    out: BufWriter<File>,
    block: Vec<u8>,
    crc: u32,
    count: u64,
}

impl Writer {
    fn entry(&mut self, tree: Tree, key: &[u8], value: &[u8]) -> io::Result<()> {
        let too_long = |_| io::Error::new(io::ErrorKind::InvalidInput, "a value of 4 GiB");
        self.block.push(tree.tag());
        for part in [key, value] {
            self.block.extend_from_slice(&u32::try_from(part.len()).map_err(too_long)?.to_le_bytes());
        }
        self.block.extend_from_slice(key);
        self.block.extend_from_slice(value);
        self.count += 1;
        if self.block.len() >= BLOCK_BYTES { self.close_block() } else { Ok(()) }
    }

    fn close_block(&mut self) -> io::Result<()> {
        self.crc = crc32c::crc32c_append(self.crc, &self.block);
        self.out.write_all(&(self.block.len() as u64).to_le_bytes())?;
        self.out.write_all(&self.crc.to_le_bytes())?;
        self.out.write_all(&self.block)?;
        self.block.clear();
        Ok(())
    }

    /// An empty block ends it, and the count is a block of its own behind it.
    fn finish(mut self) -> io::Result<File> {
        if !self.block.is_empty() {
            self.close_block()?;
        }
        self.close_block()?;
        self.block = self.count.to_le_bytes().to_vec();
        self.close_block()?;
        self.out.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    offset: u64,
    crc: u32,
}

impl Reader {
    fn open(path: &Path) -> Result<Self, CheckpointError> {
        let file = File::open(path).map_err(failed("open", path))?;
        Ok(Self { path: path.to_owned(), file: BufReader::new(file), offset: 0, crc: 0 })
    }

    fn head(&mut self) -> Result<Head, CheckpointError> {
        let block = self.block()?.ok_or_else(|| self.damaged("it is empty"))?;
        let numbers = block.strip_prefix(&MAGIC).map(|rest| rest.as_chunks::<8>().0);
        match numbers {
            Some([store, shapes, mark, settled]) => Ok(Head {
                store: StoreId(u64::from_le_bytes(*store)),
                shapes: u64::from_le_bytes(*shapes),
                mark: u64::from_le_bytes(*mark),
                settled: u64::from_le_bytes(*settled),
            }),
            Some(_) | None => Err(self.damaged("it is not a checkpoint of this format")),
        }
    }

    /// The next block; `None` for the one that ends it.
    fn block(&mut self) -> Result<Option<Vec<u8>>, CheckpointError> {
        let (mut bytes, mut crc) = ([0; 8], [0; 4]);
        self.fill(&mut bytes)?;
        self.fill(&mut crc)?;
        let len = usize::try_from(u64::from_le_bytes(bytes)).unwrap_or(usize::MAX);
        if len > BLOCK_BYTES_MAX {
            return Err(self.damaged("a block of an impossible length"));
        }
        let mut block = vec![0; len];
        self.fill(&mut block)?;
        self.crc = crc32c::crc32c_append(self.crc, &block);
        if self.crc.to_le_bytes() != crc {
            return Err(self.damaged("a block's checksum differs"));
        }
        self.offset += 12 + len as u64;
        Ok((len > 0).then_some(block))
    }

    fn count(&mut self) -> Result<u64, CheckpointError> {
        let block = self.block()?.unwrap_or_default();
        block.try_into().map(u64::from_le_bytes).map_err(|_| self.damaged("the count at its end is missing"))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), CheckpointError> {
        self.file.read_exact(bytes).map_err(|error| match error.kind() == io::ErrorKind::UnexpectedEof {
            true => self.damaged("it ends too early"),
            false => failed("read", &self.path)(error),
        })
    }

    fn damaged(&self, reason: &'static str) -> CheckpointError {
        CheckpointError::Damaged { file: self.path.clone(), offset: self.offset, reason }
    }
}

fn split_entry<'a>(rest: &mut &'a [u8]) -> Option<(Tree, &'a [u8], &'a [u8])> {
    let (tag, tail) = rest.split_first()?;
    let (lengths, mut tail) = tail.split_first_chunk::<8>()?;
    let [key_len, value_len] = lengths.as_chunks::<4>().0 else { return None };
    let mut take = |len: &[u8; 4]| {
        let (part, left) = tail.split_at_checked(usize::try_from(u32::from_le_bytes(*len)).ok()?)?;
        tail = left;
        Some(part)
    };
    let (key, value) = (take(key_len)?, take(value_len)?);
    *rest = tail;
    Some((Tree::of_tag(*tag)?, key, value))
}
