//! JSON printed as the originals' mapper printed it: two spaces, a space around colons, arrays on their line.

use std::io;

use serde::Serialize;
use serde_json::ser::Formatter;

/// Prints a value whose parts are all representable in JSON.
pub(super) fn spaced(value: &impl Serialize) -> String {
    let mut bytes = Vec::with_capacity(2048);
    let mut to = serde_json::Serializer::with_formatter(&mut bytes, Spaced::default());
    value.serialize(&mut to).expect("a profile has nothing that json cannot say");
    String::from_utf8(bytes).expect("json is text")
}

#[derive(Default)]
struct Spaced {
    depth: usize,
    has_value: bool,
}

impl Spaced {
    fn line<W: ?Sized + io::Write>(&self, to: &mut W) -> io::Result<()> {
        write!(to, "\n{:1$}", "", 2 * self.depth)
    }
}

impl Formatter for Spaced {
    fn begin_array<W: ?Sized + io::Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.has_value = false;
        to.write_all(b"[ ")
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { to.write_all(b", ") }
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, _to: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, to: &mut W) -> io::Result<()> {
        to.write_all(if self.has_value { b" ]" } else { b"]" })
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.depth += 1;
        self.has_value = false;
        to.write_all(b"{")
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        if !first {
            to.write_all(b",")?;
        }
        self.line(to)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, to: &mut W) -> io::Result<()> {
        to.write_all(b" : ")
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, _to: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.depth -= 1;
        if self.has_value {
            self.line(to)?;
        } else {
            to.write_all(b" ")?;
        }
        to.write_all(b"}")
    }
}
