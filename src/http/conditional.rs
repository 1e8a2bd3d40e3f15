//! Entity tags (RFC 9110 §8.8.3 and §13): an item's is its public version in quotes, a page's a digest of its body.
//!
//! Reads the headers' values; which status follows is decided elsewhere. What is no entity tag matches nothing.

use super::body::fingerprint;
use crate::actors::Precondition;

/// Returns the entity tag of a version.
#[must_use]
pub fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

/// Returns the entity tag of a body that has no version; the same bytes as another type are another representation.
#[must_use]
pub fn digest(media: &str, body: &str) -> String {
    format!("\"{:016x}\"", fingerprint(media, "", body.as_bytes()))
}

/// Tells whether `If-None-Match` names this tag, so that a reader has what it would get.
#[must_use]
pub fn is_known(if_none_match: Option<&str>, etag: &str) -> bool {
    let opaque = etag.trim_matches('"');
    if_none_match.is_some_and(|header| is_any(header) || tags(header).any(|tag| tag.opaque == opaque))
}

/// Reads what a writer believes; by the strong comparison a weak tag in `If-Match` matches nothing.
#[must_use]
pub fn precondition(if_match: Option<&str>, if_none_match: Option<&str>) -> Precondition {
    match if_match {
        _ if if_none_match.is_some_and(is_any) => Precondition::Missing,
        None => Precondition::Always,
        Some(any) if is_any(any) => Precondition::Exists,
        Some(list) => {
            let strong = tags(list).filter(|tag| !tag.is_weak);
            Precondition::OneOf(strong.filter_map(|tag| version_of(tag.opaque)).collect())
        }
    }
}

fn is_any(header: &str) -> bool {
    header.trim() == "*"
}

struct Tag<'a> {
    opaque: &'a str,
    is_weak: bool,
}

/// Lists the entity tags of a header's value; what stands between them and is none is passed over.
fn tags(list: &str) -> impl Iterator<Item = Tag<'_>> {
    let mut rest = list;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                return None;
            }
            let strong = rest.strip_prefix("W/").unwrap_or(rest);
            let is_weak = strong.len() < rest.len();
            if let Some((opaque, after)) = strong.strip_prefix('"').and_then(|s| s.split_once('"')) {
                rest = after;
                // A tag ends at a comma; anything glued to it makes it something else.
                if after.trim_start_matches([' ', '\t']).starts_with(',') || after.trim().is_empty() {
                    return Some(Tag { opaque, is_weak });
                }
            }
            rest = rest.split_once(',').map_or("", |(_, after)| after);
        }
    })
}

/// Reads a version as [`etag`] writes it, and in no other spelling.
fn version_of(opaque: &str) -> Option<u64> {
    let version: u64 = opaque.parse().ok()?;
    (version.to_string() == opaque).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_has_the_tag_needs_no_body() {
        let table = [
            (None, false),
            (Some("\"0\""), true),
            (Some("\"9\", \"0\""), true),
            (Some("\"9\",\"0\""), true),
            (Some("W/\"0\""), true),
            (Some("W/\"9\" , W/\"0\""), true),
            (Some("*"), true),
            (Some("\"9\""), false),
            (Some("0"), false),
            (Some("9, \"0\""), true),
            (Some("\"00\""), false),
            (Some("\"+0\""), false),
            (Some("\"0\"x"), false),
            (Some("\"0"), false),
            (Some("\"0, \"0\""), false),
            (Some("w/\"0\""), false),
            (Some("\"a,b\", \"0\""), true),
            (Some(""), false),
        ];
        for (header, expected) in table {
            assert_eq!(is_known(header, &etag(0)), expected, "{header:?}");
        }
        assert!(is_known(Some(&etag(u64::MAX)), &etag(u64::MAX)));
    }

    #[test]
    fn the_tag_of_a_body_is_another_one_for_other_bytes_or_another_type() {
        let tag = digest("text/plain", "a");
        assert_eq!(tag.len(), 18, "{tag}");
        assert_eq!(tag, digest("text/plain", "a"));
        assert!(is_known(Some(&format!("\"9\", {tag}")), &tag));
        for other in [digest("text/plain", "b"), digest("text/plain", ""), digest("text/csv", "a")] {
            assert!(!is_known(Some(&tag), &other), "{tag} {other}");
        }
    }

    #[test]
    fn a_writers_condition_is_compared_strongly() {
        let one_of = |versions: &[u64]| Precondition::OneOf(versions.to_vec());
        let table = [
            (None, Precondition::Always, true),
            (Some("\"0\""), one_of(&[0]), true),
            (Some("\"9\""), one_of(&[9]), false),
            (Some("*"), Precondition::Exists, true),
            (Some(" * "), Precondition::Exists, true),
            (Some("\"9\", \"0\""), one_of(&[9, 0]), true),
            (Some("W/\"0\""), one_of(&[]), false),
            (Some("W/\"0\", \"0\""), one_of(&[0]), true),
            (Some("0"), one_of(&[]), false),
            (Some("\"abc\""), one_of(&[]), false),
            (Some("\"99999999999999999999\""), one_of(&[]), false),
            (Some(""), one_of(&[]), false),
        ];
        for (header, expected, holds) in table {
            let read = precondition(header, None);
            assert_eq!(read, expected, "{header:?}");
            assert_eq!(read.holds(true, 0), holds, "{header:?}");
            assert_eq!(read.holds(false, 0), header.is_none(), "{header:?}");
        }
    }

    #[test]
    fn a_write_can_be_bound_to_nothing_being_there() {
        for (if_match, if_none_match) in [(None, "*"), (None, " * "), (Some("\"0\""), "*")] {
            let read = precondition(if_match, Some(if_none_match));
            assert_eq!(read, Precondition::Missing, "{if_match:?} {if_none_match:?}");
            assert!(read.holds(false, 0) && !read.holds(true, 0));
        }
    }
}
