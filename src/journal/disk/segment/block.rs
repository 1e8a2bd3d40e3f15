//! The 64-byte header block of a segment, and the name it gives the file. Pure bytes.

use crate::journal::disk::frame::{self, Link, StoreId};

/// Bytes of the header block; the first frame comes after it.
pub(crate) const BLOCK_BYTES: u64 = 64;
const MAGIC: [u8; 8] = *b"RSGMLOG1";
pub(crate) const FORMAT: u16 = 1;
const CRC_AT: usize = BLOCK_BYTES as usize - 4;
/// What the header block says of its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) store: StoreId,
    /// Ordinal, from 1: shows a missing segment without reading the one before.
    pub(crate) number: u32,
    /// What the segment's first frame carries.
    pub(crate) link: Link,
}

impl Block {
    pub(crate) fn encode(&self) -> [u8; BLOCK_BYTES as usize] {
        let mut out = [0; BLOCK_BYTES as usize];
        out[..8].copy_from_slice(&MAGIC);
        out[8..10].copy_from_slice(&FORMAT.to_le_bytes());
        out[12..16].copy_from_slice(&self.number.to_le_bytes());
        out[16..24].copy_from_slice(&self.store.0.to_le_bytes());
        out[24..32].copy_from_slice(&self.link.group.to_le_bytes());
        out[32..40].copy_from_slice(&self.link.first_position.to_le_bytes());
        out[40..44].copy_from_slice(&self.link.previous_crc.to_le_bytes());
        let crc = crc32c::crc32c(&out[..CRC_AT]);
        out[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// `None` when torn; else the block, or the format that is not ours.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Result<Self, u16>> {
        let whole = bytes.len() == BLOCK_BYTES as usize && bytes[..8] == MAGIC;
        if !whole || frame::u32_at(bytes, CRC_AT) != crc32c::crc32c(&bytes[..CRC_AT]) {
            return None;
        }
        let format = u16::from_le_bytes([bytes[8], bytes[9]]);
        if format != FORMAT {
            return Some(Err(format));
        }
        Some(Ok(Self {
            store: StoreId(frame::u64_at(bytes, 16)),
            number: frame::u32_at(bytes, 12),
            link: Link {
                group: frame::u64_at(bytes, 24),
                first_position: frame::u64_at(bytes, 32),
                previous_crc: frame::u32_at(bytes, 40),
            },
        }))
    }
}

/// The file's name: its first group, so that names sort as the log runs.
pub(crate) fn file_name(first_group: u64) -> String {
    format!("{first_group:020}.log")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_block_of_format_1_keeps_these_bytes_for_ever() {
        let block = Block {
            store: StoreId(0x1122_3344_5566_7788),
            number: 3,
            link: Link { group: 9, first_position: 40, previous_crc: 0xAABB_CCDD },
        };
        let mut golden = Vec::new();
        golden.extend_from_slice(b"RSGMLOG1\x01\0\0\0\x03\0\0\0\x88\x77\x66\x55\x44\x33\x22\x11");
        golden.extend_from_slice(b"\x09\0\0\0\0\0\0\0\x28\0\0\0\0\0\0\0\xDD\xCC\xBB\xAA");
        golden.extend_from_slice(&[0; 16]);
        golden.extend_from_slice(&0xEF47_4585_u32.to_le_bytes());
        assert_eq!(block.encode().as_slice(), golden);
        assert_eq!(Block::decode(&golden), Some(Ok(block)));
    }

    #[test]
    fn a_flip_of_any_bit_tears_a_header_block() {
        let block = Block { store: StoreId(1), number: 1, link: Link::FIRST };
        for bit in 0..BLOCK_BYTES as usize * 8 {
            let mut bytes = block.encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Block::decode(&bytes), None, "bit {bit}");
        }
    }
}
