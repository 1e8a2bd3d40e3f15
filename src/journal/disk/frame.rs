//! The on-disk frame: one group of the log, a 48-byte little-endian header and the payload.
//! Pure bytes: it never touches a file and never changes the layout of format 1, which the golden test fixes.
//! Each frame carries the CRC of the one before, so a frame out of its place is recognised.

use std::ops::Range;

/// Bytes of a frame's header.
pub const HEADER_BYTES: usize = 48;
/// The largest payload of one frame.
pub const PAYLOAD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What a frame begins with.
pub const MAGIC: [u8; 4] = *b"RSGF";
/// The only format this program writes and reads.
pub const FORMAT: u16 = 1;

/// Offset of the CRC, the header's last field; it covers what is before it and the payload.
const CRC_AT: usize = HEADER_BYTES - 4;

/// The identity of one store; frames of another store are never taken for ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreId(pub u64);

/// Where the chain goes on: what the next frame must carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Number of the next group.
    pub group: u64,
    /// Position of its first fact.
    pub first_position: u64,
    /// CRC of the frame before it.
    pub previous_crc: u32,
}

impl Link {
    /// The beginning of every log.
    pub const FIRST: Self = Self { group: 1, first_position: 1, previous_crc: 0 };
}

/// A frame's header, decoded and checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The store it was written for.
    pub store: StoreId,
    /// Its group, position and tie to the frame before.
    pub link: Link,
    /// Number of positions it takes; may be 0.
    pub facts: u32,
    /// Length of the payload.
    pub payload_bytes: u32,
    /// CRC32C over header and payload.
    pub crc: u32,
}

impl Header {
    /// Number of the group.
    #[must_use]
    pub fn group(&self) -> u64 {
        self.link.group
    }

    /// Position of the first fact.
    #[must_use]
    pub fn first_position(&self) -> u64 {
        self.link.first_position
    }

    /// The position after the last fact.
    #[must_use]
    pub fn next_position(&self) -> u64 {
        self.link.first_position.saturating_add(u64::from(self.facts))
    }

    /// Length of the whole frame.
    #[must_use]
    pub fn frame_bytes(&self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.payload_bytes)
    }

    /// What the frame after this one must carry.
    #[must_use]
    pub fn next_link(&self) -> Link {
        Link { group: self.link.group.saturating_add(1), first_position: self.next_position(), previous_crc: self.crc }
    }

    /// Checks that this frame is the one the chain goes on with.
    ///
    /// # Errors
    /// `OutOfChain` when group, position or previous CRC differ.
    pub fn follows(&self, link: &Link) -> Result<(), FrameError> {
        if self.link == *link {
            return Ok(());
        }
        Err(FrameError::OutOfChain { group: self.link.group })
    }
}

/// Why bytes are not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Only zeros: the clean end of what was written.
    #[error("only zeros where a frame should begin")]
    Empty,
    /// The bytes end before the frame does.
    #[error("{bytes} bytes where the frame needs {needed}")]
    TooShort {
        /// Bytes at hand.
        bytes: usize,
        /// Bytes needed.
        needed: usize,
    },
    /// Not the first bytes of a frame.
    #[error("not the beginning of a frame")]
    BadMagic,
    /// An intact frame of a format this program does not know.
    #[error("intact frame of unknown format {format} with flags {flags}")]
    UnknownFormat {
        /// The format found.
        format: u16,
        /// The flags found.
        flags: u16,
    },
    /// An intact frame of another store.
    #[error("intact frame of the foreign store {found:016x}")]
    ForeignStore {
        /// The store found.
        found: u64,
    },
    /// A payload longer than any that is written.
    #[error("payload length {bytes} exceeds {PAYLOAD_BYTES_MAX}")]
    BadLength {
        /// The length found.
        bytes: u32,
    },
    /// Header or payload were changed or not written wholly.
    #[error("checksum {stored:08x} does not match the content, {computed:08x}")]
    BadCrc {
        /// The CRC in the header.
        stored: u32,
        /// The CRC of the content.
        computed: u32,
    },
    /// An intact frame that does not go on where the one before ended.
    #[error("intact frame of group {group} that does not follow the one before")]
    OutOfChain {
        /// The group found.
        group: u64,
    },
}

impl FrameError {
    /// Whether the frame was written wholly, so that no torn write explains it.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        match self {
            Self::UnknownFormat { .. } | Self::ForeignStore { .. } | Self::OutOfChain { .. } => true,
            Self::Empty | Self::TooShort { .. } | Self::BadMagic | Self::BadLength { .. } | Self::BadCrc { .. } => {
                false
            }
        }
    }
}

/// Appends one frame to `out` and returns its CRC.
///
/// # Panics
/// When the payload is longer than [`PAYLOAD_BYTES_MAX`]; the log refuses it before.
pub fn encode(store: StoreId, link: &Link, facts: u32, payload: &[u8], out: &mut Vec<u8>) -> u32 {
    assert!(payload.len() <= PAYLOAD_BYTES_MAX, "a payload within its limit");
    let payload_bytes = u32::try_from(payload.len()).expect("the limit fits 32 bits");
    let start = out.len();
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&FORMAT.to_le_bytes());
    out.extend_from_slice(&0_u16.to_le_bytes());
    out.extend_from_slice(&store.0.to_le_bytes());
    out.extend_from_slice(&link.group.to_le_bytes());
    out.extend_from_slice(&link.first_position.to_le_bytes());
    out.extend_from_slice(&facts.to_le_bytes());
    out.extend_from_slice(&link.previous_crc.to_le_bytes());
    out.extend_from_slice(&payload_bytes.to_le_bytes());
    let crc = checksum(&out[start..], payload);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(payload);
    crc
}

/// Decodes the frame at the start of `bytes`: its header and where its payload lies.
///
/// # Errors
/// What is wrong with it. The checksum is judged before format and store, so that damage is never
/// taken for a foreign frame.
pub fn decode(bytes: &[u8], store: StoreId) -> Result<(Header, Range<usize>), FrameError> {
    let needed = frame_bytes(bytes)?;
    if bytes.len() < needed {
        return Err(FrameError::TooShort { bytes: bytes.len(), needed });
    }
    let stored = u32_at(bytes, CRC_AT);
    let computed = checksum(&bytes[..CRC_AT], &bytes[HEADER_BYTES..needed]);
    if stored != computed {
        return Err(FrameError::BadCrc { stored, computed });
    }
    let (format, flags) = (u16_at(bytes, 4), u16_at(bytes, 6));
    if format != FORMAT || flags != 0 {
        return Err(FrameError::UnknownFormat { format, flags });
    }
    let header = Header {
        store: StoreId(u64_at(bytes, 8)),
        link: Link { group: u64_at(bytes, 16), first_position: u64_at(bytes, 24), previous_crc: u32_at(bytes, 36) },
        facts: u32_at(bytes, 32),
        payload_bytes: u32_at(bytes, 40),
        crc: stored,
    };
    if header.store != store {
        return Err(FrameError::ForeignStore { found: header.store.0 });
    }
    Ok((header, HEADER_BYTES..needed))
}

/// Tells from the first [`HEADER_BYTES`] how long the frame claims to be, nothing else being checked yet.
///
/// # Errors
/// `Empty`, `TooShort`, `BadMagic` or `BadLength`.
pub fn frame_bytes(bytes: &[u8]) -> Result<usize, FrameError> {
    let head = &bytes[..bytes.len().min(HEADER_BYTES)];
    if head.iter().all(|byte| *byte == 0) {
        return Err(FrameError::Empty);
    }
    if head.len() < HEADER_BYTES {
        return Err(FrameError::TooShort { bytes: head.len(), needed: HEADER_BYTES });
    }
    if head[..MAGIC.len()] != MAGIC {
        return Err(FrameError::BadMagic);
    }
    let payload_bytes = u32_at(head, 40);
    if payload_bytes as usize > PAYLOAD_BYTES_MAX {
        return Err(FrameError::BadLength { bytes: payload_bytes });
    }
    Ok(HEADER_BYTES + payload_bytes as usize)
}

fn checksum(head: &[u8], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(head), payload)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().expect("two bytes"))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed by an independent CRC32C.
    const GOLDEN_CRC: u32 = 0xA50EE067;
    const STORE: StoreId = StoreId(0x1122_3344_5566_7788);

    fn sample() -> Vec<u8> {
        let link = Link { group: 2, first_position: 7, previous_crc: 0xAABB_CCDD };
        let mut out = Vec::new();
        encode(STORE, &link, 3, b"paid", &mut out);
        out
    }

    #[test]
    fn a_frame_of_format_1_keeps_these_bytes_for_ever() {
        let mut golden = Vec::new();
        golden.extend_from_slice(b"RSGF\x01\0\0\0\x88\x77\x66\x55\x44\x33\x22\x11");
        golden.extend_from_slice(b"\x02\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0");
        golden.extend_from_slice(b"\x03\0\0\0\xDD\xCC\xBB\xAA\x04\0\0\0");
        golden.extend_from_slice(&GOLDEN_CRC.to_le_bytes());
        golden.extend_from_slice(b"paid");
        assert_eq!(sample(), golden);
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        let bytes = sample();
        let (header, payload) = decode(&bytes, STORE).expect("a good frame");
        assert_eq!(&bytes[payload], b"paid");
        assert_eq!((header.group(), header.facts), (2, 3));
        assert_eq!(header.next_position(), 10);
        assert_eq!(header.frame_bytes(), bytes.len() as u64);
        assert!(header.follows(&header.link).is_ok());
        assert_eq!(header.follows(&Link::FIRST), Err(FrameError::OutOfChain { group: 2 }));
    }

    #[test]
    fn a_flip_of_any_bit_is_noticed_as_damage_and_not_as_a_foreign_frame() {
        let bytes = sample();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let error = decode(&flipped, STORE).expect_err("a damaged frame");
            assert!(!error.is_intact(), "bit {bit}: {error}");
        }
    }

    #[test]
    fn each_cause_has_its_own_name() {
        let bytes = sample();
        assert_eq!(decode(&[0; 64], STORE), Err(FrameError::Empty));
        assert_eq!(decode(&[], STORE), Err(FrameError::Empty));
        for len in 1..bytes.len() {
            let error = decode(&bytes[..len], STORE).expect_err("a part of a frame");
            assert!(matches!(error, FrameError::TooShort { .. }), "{len}");
        }
        assert_eq!(decode(&bytes, StoreId(1)), Err(FrameError::ForeignStore { found: STORE.0 }));
        let mut other = bytes.clone();
        other[0] = b'X';
        assert_eq!(decode(&other, STORE), Err(FrameError::BadMagic));
        let mut long = bytes.clone();
        long[43] = 2;
        assert!(matches!(decode(&long, STORE), Err(FrameError::BadLength { .. })));
        let mut newer = bytes;
        newer[4] = 2;
        let crc = checksum(&newer[..CRC_AT], b"paid");
        newer[CRC_AT..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(decode(&newer, STORE), Err(FrameError::UnknownFormat { format: 2, flags: 0 }));
    }
}
