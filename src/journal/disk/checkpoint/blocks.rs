//! The bytes of a checkpoint: a head, blocks of entries, an empty block, the count.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::{CheckpointError, Head};
use crate::journal::disk::file::failed;
use crate::journal::disk::log::StoreId;
use crate::journal::engine::Tree;

const MAGIC: [u8; 8] = *b"RSGCKPT1";
const HEAD_BYTES: usize = 40;
/// The size at which a block is closed, in bytes.
const BLOCK_BYTES: usize = 64 * 1024;
/// The largest block that is read, in bytes: one value may be larger than a block.
const BLOCK_BYTES_MAX: usize = 64 * 1024 * 1024;

fn head_bytes(head: &Head) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD_BYTES);
    bytes.extend_from_slice(&MAGIC);
    for number in [head.store.0, head.shapes, head.mark, head.settled] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes
}

/// Writes blocks: length, checksum, bytes; the first is the head.
pub(super) struct Writer {
    out: BufWriter<File>,
    block: Vec<u8>,
    crc: u32,
    count: u64,
}

impl Writer {
    pub(super) fn begin(file: File, head: &Head) -> io::Result<Self> {
        let mut writer = Self { out: BufWriter::new(file), block: head_bytes(head), crc: 0, count: 0 };
        writer.close_block()?;
        Ok(writer)
    }

    pub(super) fn entry(&mut self, tree: Tree, key: &[u8], value: &[u8]) -> io::Result<()> {
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
    pub(super) fn finish(mut self) -> io::Result<File> {
        if !self.block.is_empty() {
            self.close_block()?;
        }
        self.close_block()?;
        self.block = self.count.to_le_bytes().to_vec();
        self.close_block()?;
        self.out.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

/// Reads them back, each checked with all before it.
pub(super) struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    offset: u64,
    crc: u32,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, CheckpointError> {
        let file = File::open(path).map_err(failed("open", path))?;
        Ok(Self { path: path.to_owned(), file: BufReader::new(file), offset: 0, crc: 0 })
    }

    pub(super) fn head(&mut self) -> Result<Head, CheckpointError> {
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
    pub(super) fn block(&mut self) -> Result<Option<Vec<u8>>, CheckpointError> {
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

    pub(super) fn count(&mut self) -> Result<u64, CheckpointError> {
        let block = self.block()?.unwrap_or_default();
        block.try_into().map(u64::from_le_bytes).map_err(|_| self.damaged("the count at its end is missing"))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), CheckpointError> {
        self.file.read_exact(bytes).map_err(|error| match error.kind() == io::ErrorKind::UnexpectedEof {
            true => self.damaged("it ends too early"),
            false => failed("read", &self.path)(error).into(),
        })
    }

    pub(super) fn damaged(&self, reason: &'static str) -> CheckpointError {
        CheckpointError::Damaged { file: self.path.clone(), offset: self.offset, reason }
    }
}

/// Takes the next entry off a block; `None` when the block ends within it.
pub(super) fn split_entry<'a>(rest: &mut &'a [u8]) -> Option<(Tree, &'a [u8], &'a [u8])> {
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
