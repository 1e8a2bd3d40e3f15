//! Where in a collection a client is who goes through it by cursors: nothing is skipped and nothing comes twice, whatever is
//! made or removed meanwhile.

use std::fmt;

/// A place after an item; opaque to clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor(u64);

/// Tells cursors from numbers that a client made up.
const MARK: char = 'c';

impl Cursor {
    /// The place after the item with this id.
    #[must_use]
    pub const fn after(id: u64) -> Self {
        Self(id)
    }

    /// Reads a cursor; an empty one is the beginning, and one that was never given is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::default());
        }
        u64::from_str_radix(text.strip_prefix(MARK)?, 16).ok().map(Self)
    }

    /// Returns the id after which it goes on.
    #[must_use]
    pub const fn id(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARK}{:x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Cursor;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_what_was_never_given_is_none() {
        for id in [0, 1, 255, u64::MAX] {
            assert_eq!(Cursor::read(&Cursor::after(id).to_string()), Some(Cursor::after(id)));
        }
        assert_eq!(Cursor::read(""), Some(Cursor::after(0)));
        for bad in ["7", "c", "cx", "c-1", "c10000000000000000", " c1"] {
            assert_eq!(Cursor::read(bad), None, "{bad}");
        }
    }
}
