//! The W3C headers: `traceparent` of whoever asks, `traceresponse` to him.

use std::num::{NonZeroU64, NonZeroU128};

use crate::domain::TraceContext;

/// The header that says where a request belongs.
pub const TRACEPARENT: &str = "traceparent";
/// The header that says where its answer belongs.
pub const TRACERESPONSE: &str = "traceresponse";
/// The flag of a trace that is told.
const SAMPLED: u8 = 1;

/// What a `traceparent` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// The sender's span.
    pub context: TraceContext,
    /// Whether the sender tells it.
    pub sampled: bool,
}

impl TraceParent {
    /// Says that a place in a trace is told.
    #[must_use]
    pub const fn told(context: TraceContext) -> Self {
        Self { context, sampled: true }
    }

    /// Reads a header of any version; one that breaks its form says nothing.
    #[must_use]
    pub fn read(header: &str) -> Option<Self> {
        let parts: Vec<&str> = header.trim().splitn(5, '-').collect();
        let [version, trace, span, flags, ref more @ ..] = parts[..] else { return None };
        // Only a later version may have more parts.
        if hex(version, 2)? == 0xff || !(more.is_empty() || version != "00") {
            return None;
        }
        let trace_id = NonZeroU128::new(hex(trace, 32)?)?;
        let span_id = NonZeroU64::new(u64::try_from(hex(span, 16)?).ok()?)?;
        let flags = u8::try_from(hex(flags, 2)?).ok()?;
        Some(Self { context: TraceContext { trace_id, span_id }, sampled: flags & SAMPLED != 0 })
    }

    /// Writes the header.
    #[must_use]
    pub fn text(&self) -> String {
        let TraceContext { trace_id, span_id } = self.context;
        format!("00-{trace_id:032x}-{span_id:016x}-{:02x}", u8::from(self.sampled))
    }
}

/// Reads so many hexadecimal digits, lower case only.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_hex = text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_header_says_trace_span_and_whether_it_is_told() {
        let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let read = TraceParent::read(header).expect("the standard's own example");
        assert_eq!(read.context.trace_text(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(read.context.span_text(), "00f067aa0ba902b7");
        assert_eq!((read.context.span_id.get(), read.sampled), (0x00f0_67aa_0ba9_02b7, true));
        assert_eq!(read.text(), header);
        for (flags, sampled) in [("00", false), ("02", false), ("03", true), ("ff", true)] {
            let read = TraceParent::read(&format!("{}{flags}", &header[..53])).expect("other flags are let be");
            assert_eq!(read.sampled, sampled, "{flags}");
        }
    }

    #[test]
    fn a_later_version_may_say_more_and_the_first_may_not() {
        let body = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for (header, is_read) in [
            (format!("00-{body}"), true),
            (format!(" 00-{body} "), true),
            (format!("00-{body}-more"), false),
            (format!("01-{body}-more"), true),
            (format!("cc-{body}"), true),
            (format!("ff-{body}"), false),
            (body.to_owned(), false),
        ] {
            assert_eq!(TraceParent::read(&header).is_some(), is_read, "{header}");
        }
    }

    #[test]
    fn what_breaks_the_form_says_nothing() {
        for malformed in [
            "",
            "-",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-+0f067aa0ba902b7-01",
            "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
        ] {
            assert_eq!(TraceParent::read(malformed), None, "{malformed}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(trace_id: NonZeroU128, span_id: NonZeroU64, sampled: bool) {
            let parent = TraceParent { context: TraceContext { trace_id, span_id }, sampled };
            prop_assert_eq!(TraceParent::read(&parent.text()), Some(parent));
        }

        #[test]
        fn any_text_is_read_or_says_nothing_without_a_panic(text in "\\PC{0,80}") {
            if let Some(read) = TraceParent::read(&text) {
                prop_assert_eq!(TraceParent::read(&read.text()), Some(read));
            }
        }

        #[test]
        fn a_changed_character_is_read_or_says_nothing_without_a_panic(at in 0..55_usize, other: char) {
            let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
            let changed: String = header.chars().enumerate().map(|(i, c)| if i == at { other } else { c }).collect();
            if let Some(read) = TraceParent::read(&changed) {
                prop_assert_eq!(read.text().len(), header.len());
            }
        }
    }
}
