//! Entity tags (RFC 9110 §8.8.3 and §13): a tag is the item's version in quotes.
//!
//! Reads the headers' values; which status follows is decided elsewhere. What is no entity tag matches nothing.

/// What must be true of an item before it is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    None,
    /// It exists.
    Any,
    /// It has one of these versions.
    OneOf(Vec<u64>),
}

impl Precondition {
    /// Tells whether it holds for an item of this version; `None`: there is no such item.
    #[must_use]
    pub fn holds(&self, current: Option<u64>) -> bool {
        match self {
            Self::None => true,
            Self::Any => current.is_some(),
            Self::OneOf(versions) => current.is_some_and(|version| versions.contains(&version)),
        }
    }
}

/// Returns the entity tag of a version.
#[must_use]
pub fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

/// Reads `If-Match`; by the strong comparison a weak tag matches nothing.
#[must_use]
pub fn if_match(header: Option<&str>) -> Precondition {
    match header.map(str::trim) {
        None => Precondition::None,
        Some("*") => Precondition::Any,
        Some(list) => {
            let strong = tags(list).filter(|tag| !tag.is_weak);
            Precondition::OneOf(strong.filter_map(|tag| version_of(tag.opaque)).collect())
        }
    }
}

/// Tells whether `If-None-Match` names this version, so that a reader has it and a writer must stop.
#[must_use]
pub fn not_modified(if_none_match: Option<&str>, version: u64) -> bool {
    if_none_match.is_some_and(|header| {
        must_not_exist(Some(header)) || tags(header).any(|tag| version_of(tag.opaque) == Some(version))
    })
}

/// Tells whether `If-None-Match: *` allows a write only where nothing is yet.
#[must_use]
pub fn must_not_exist(if_none_match: Option<&str>) -> bool {
    if_none_match.is_some_and(|header| header.trim() == "*")
}

/// Tells whether both headers allow a write on an item of this version; `None`: there is no such item.
#[must_use]
pub fn may_write(if_match_header: Option<&str>, if_none_match: Option<&str>, current: Option<u64>) -> bool {
    let is_there = current.is_some_and(|version| not_modified(if_none_match, version));
    if_match(if_match_header).holds(current) && !is_there
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
    fn a_reader_that_has_the_version_needs_no_body() {
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
            assert_eq!(not_modified(header, 0), expected, "{header:?}");
        }
        assert!(not_modified(Some(&etag(u64::MAX)), u64::MAX));
    }

    #[test]
    fn a_writers_condition_is_compared_strongly() {
        let one_of = |versions: &[u64]| Precondition::OneOf(versions.to_vec());
        let table = [
            (None, Precondition::None, true),
            (Some("\"0\""), one_of(&[0]), true),
            (Some("\"9\""), one_of(&[9]), false),
            (Some("*"), Precondition::Any, true),
            (Some(" * "), Precondition::Any, true),
            (Some("\"9\", \"0\""), one_of(&[9, 0]), true),
            (Some("W/\"0\""), one_of(&[]), false),
            (Some("W/\"0\", \"0\""), one_of(&[0]), true),
            (Some("0"), one_of(&[]), false),
            (Some("\"abc\""), one_of(&[]), false),
            (Some("\"99999999999999999999\""), one_of(&[]), false),
            (Some(""), one_of(&[]), false),
        ];
        for (header, precondition, holds) in table {
            let read = if_match(header);
            assert_eq!(read, precondition, "{header:?}");
            assert_eq!(read.holds(Some(0)), holds, "{header:?}");
            assert_eq!(read.holds(None), header.is_none(), "{header:?}");
        }
    }

    #[test]
    fn a_write_can_be_bound_to_nothing_being_there() {
        assert!(must_not_exist(Some("*")) && !must_not_exist(Some("\"0\"")) && !must_not_exist(None));
        let table = [
            (None, None, Some(0), true),
            (None, None, None, true),
            (None, Some("*"), Some(0), false),
            (None, Some("*"), None, true),
            (None, Some("\"0\""), Some(0), false),
            (None, Some("W/\"0\""), Some(0), false),
            (None, Some("\"9\""), Some(0), true),
            (Some("\"0\""), Some("\"9\""), Some(0), true),
            (Some("\"9\""), None, Some(0), false),
            (Some("*"), None, None, false),
        ];
        for (if_match, if_none_match, current, expected) in table {
            let allowed = may_write(if_match, if_none_match, current);
            assert_eq!(allowed, expected, "{if_match:?} {if_none_match:?} {current:?}");
        }
    }
}
