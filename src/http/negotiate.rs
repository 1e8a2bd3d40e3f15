//! Which media type an answer has, and how a request's body is to be read.
//!
//! Follows RFC 9110 §12.5.1; ties go to the more specific range, then to the one named first, then to what we
//! offer first, so that every client of the originals gets what it got from them.

use thiserror::Error;

/// HAL, the default of everything that has links.
pub const HAL: &str = "application/hal+json;charset=UTF-8";
/// Plain JSON: the same bodies under another name.
pub const JSON: &str = "application/json;charset=UTF-8";
/// A list of addresses.
pub const URI_LIST: &str = "text/uri-list";
/// A profile in ALPS.
pub const ALPS: &str = "application/alps+json;charset=UTF-8";
/// A profile in JSON Schema.
pub const SCHEMA: &str = "application/schema+json;charset=UTF-8";

/// What a POST or PUT may send, for `Accept-Post`.
pub const BODY_TYPES: &str = "application/json,application/hal+json";
/// What a PATCH may send, for `Accept-Patch`.
pub const PATCH_TYPES: &str = "application/merge-patch+json,application/json-patch+json,application/json";

/// How a body is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// As an object's fields.
    Json,
    /// As the fields to change.
    MergePatch,
    /// As a list of operations.
    JsonPatch,
}

/// Nothing that is offered is acceptable.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("none of the accepted media types is offered here, only {offered}")]
pub struct NotAcceptable {
    /// What is offered, separated by commas.
    pub offered: String,
}

/// A body of this type is not read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a body of type {sent:?} is not read here, send application/json")]
pub struct UnsupportedMediaType {
    /// What was sent.
    pub sent: String,
}

/// Chooses the type of an answer among those offered, the default first.
///
/// # Errors
///
/// Fails when `Accept` allows none of them.
pub fn answer_type(accept: Option<&str>, offered: &[&'static str]) -> Result<&'static str, NotAcceptable> {
    let accept = accept.filter(|_| !is_absent_or_blank(accept)).unwrap_or("*/*");
    // Most clients say this, and the default is what it comes to.
    if let ("*/*", [default, ..]) = (accept, offered) {
        return Ok(default);
    }
    let mut best: Option<(Preference, &'static str)> = None;
    for answer in offered {
        let preference = preference(accept, answer).filter(|preference| preference.quality > 0);
        if let Some(preference) = preference
            && best.is_none_or(|(other, _)| preference > other)
        {
            best = Some((preference, answer));
        }
    }
    best.map(|(_, answer)| answer).ok_or_else(|| NotAcceptable { offered: offered.join(", ") })
}

/// Tells whether a client names this very type, and not only a range that covers it.
#[must_use]
pub fn names(accept: Option<&str>, media_type: &str) -> bool {
    let wanted = accept.and_then(|accept| preference(accept, media_type));
    wanted.is_some_and(|wanted| wanted.precision == Precision::Exact && wanted.quality > 0)
}

/// Tells whether a client did not say what it accepts, so that an answer to a write has no body.
#[must_use]
pub fn is_absent_or_blank(header: Option<&str>) -> bool {
    header.is_none_or(|value| value.trim().is_empty())
}

/// Tells how a body of this `Content-Type` is to be read; without one it is JSON.
///
/// # Errors
///
/// Fails when it is no kind of JSON.
pub fn reads_as_json(content_type: Option<&str>) -> Result<BodyKind, UnsupportedMediaType> {
    let Some(sent) = content_type.filter(|_| !is_absent_or_blank(content_type)) else {
        return Ok(BodyKind::Json);
    };
    let essence = essence(sent).to_ascii_lowercase();
    let subtype = essence.strip_prefix("application/").unwrap_or_default();
    match subtype {
        "json" => Ok(BodyKind::Json),
        "merge-patch+json" => Ok(BodyKind::MergePatch),
        "json-patch+json" => Ok(BodyKind::JsonPatch),
        other if other.ends_with("+json") => Ok(BodyKind::Json),
        _ => Err(UnsupportedMediaType { sent: sent.chars().take(SENT_CHARS_MAX).collect() }),
    }
}

const SENT_CHARS_MAX: usize = 100;

/// How much a client wants a type; the greater the more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Preference {
    /// In thousandths.
    quality: u16,
    precision: Precision,
    place: std::cmp::Reverse<usize>,
}

/// How narrow a media range is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Precision {
    All,
    Type,
    Suffix,
    Exact,
}

/// Returns what the most specific range that covers a type says of it.
fn preference(accept: &str, answer: &str) -> Option<Preference> {
    let ranges = split_unquoted(accept, ',').enumerate().filter_map(|(place, range)| {
        let precision = precision(essence(range), essence(answer))?;
        Some(Preference { quality: quality(range)?, precision, place: std::cmp::Reverse(place) })
    });
    ranges.max_by_key(|preference| (preference.precision, preference.place))
}

/// Returns how narrowly a range covers a type, if it does.
fn precision(range: &str, answer: &str) -> Option<Precision> {
    if range.eq_ignore_ascii_case(answer) {
        return Some(Precision::Exact);
    }
    // Old Java clients write * for */*.
    if range == "*" || range == "*/*" {
        return Some(Precision::All);
    }
    let ((kind, subtype), (answer_kind, answer_subtype)) = (range.split_once('/')?, answer.split_once('/')?);
    if !kind.eq_ignore_ascii_case(answer_kind) {
        return None;
    }
    if subtype == "*" {
        return Some(Precision::Type);
    }
    let (_, answer_suffix) = answer_subtype.split_once('+')?;
    let suffix = subtype.strip_prefix("*+")?;
    suffix.eq_ignore_ascii_case(answer_suffix).then_some(Precision::Suffix)
}

/// Returns a range's quality in thousandths; `None` when it is no number from 0 to 1.
fn quality(range: &str) -> Option<u16> {
    let weight = split_unquoted(range, ';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then_some(value.trim())
    });
    let Some(weight) = weight else {
        return Some(1000);
    };
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    let whole = match whole {
        "" if fraction.is_empty() => return None,
        "" | "0" => 0,
        "1" => 1000,
        _ => return None,
    };
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let thousandths = fraction.bytes().chain(*b"000").take(3);
    let quality = thousandths.fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0')) + whole;
    (quality <= 1000).then_some(quality)
}

/// Returns a media type without its parameters.
fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

/// Splits a header's value at a character that does not stand in a quoted string.
fn split_unquoted(value: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut in_quotes, mut is_escaped) = (false, false);
    value.split(move |c| {
        let ends = c == separator && !in_quotes;
        if !is_escaped && c == '"' {
            in_quotes = !in_quotes;
        }
        is_escaped = in_quotes && !is_escaped && c == '\\';
        ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTS: &[&str] = &[HAL, JSON];
    const KETTING: &str = "application/prs.hal-forms+json;q=1.0, application/hal+json;q=0.9, \
        application/vnd.api+json;q=0.8, application/vnd.siren+json;q=0.8, \
        application/vnd.collection+json;q=0.8, application/json;q=0.7, text/html;q=0.6";

    #[test]
    fn every_client_gets_what_the_originals_gave_it() {
        let table = [
            (None, HAL),
            (Some(""), HAL),
            (Some("*/*"), HAL),
            (Some("application/json, */*;q=0.5"), JSON),
            (Some(KETTING), HAL),
            (Some("application/prs.hal-forms+json, application/hal+json, application/json, */*"), HAL),
            (Some("application/hal+json"), HAL),
            (Some("application/json"), JSON),
            (Some("application/json;charset=UTF-8"), JSON),
            (Some("APPLICATION/JSON"), JSON),
            (Some("application/json, text/plain, */*"), JSON),
            (Some("application/json, application/hal+json"), JSON),
            (Some("application/hal+json, application/json"), HAL),
            (Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), HAL),
            (Some("text/html, image/gif, *; q=.2, */*; q=.2"), HAL),
            (Some("application/*"), HAL),
            (Some("application/*+json"), HAL),
            (Some("application/json;q=0.5, application/*;q=0.9"), HAL),
            (Some("application/json;q=0, */*"), HAL),
            (Some("application/hal+json;q=0, */*;q=0.1"), JSON),
            (Some("text/plain;x=\"a, application/json;q=1\", application/hal+json;q=0.1"), HAL),
            (Some("application/json;q=nonsense, application/hal+json;q=0.1"), HAL),
        ];
        for (accept, expected) in table {
            assert_eq!(answer_type(accept, LISTS), Ok(expected), "{accept:?}");
        }
    }

    #[test]
    fn what_is_not_offered_is_not_acceptable() {
        let refused = [
            "application/xml",
            "application/schema+json",
            "application/prs.hal-forms+json",
            "text/event-stream",
            "text/*",
            "*/*;q=0",
            "application/json;q=0",
            "garbage",
            ", ,",
        ];
        for accept in refused {
            let error = answer_type(Some(accept), LISTS).expect_err(accept);
            assert!(error.to_string().contains(HAL), "{error}");
        }
        assert_eq!(answer_type(Some("text/uri-list"), &[HAL, JSON, URI_LIST]), Ok(URI_LIST));
        assert_eq!(answer_type(Some("text/uri-list, */*;q=0.1"), &[HAL, JSON]), Ok(HAL));
        let profile = [ALPS, HAL, JSON, SCHEMA];
        assert_eq!(answer_type(Some("*/*"), &profile), Ok(ALPS));
        assert_eq!(answer_type(Some("application/schema+json"), &profile), Ok(SCHEMA));
        assert_eq!(answer_type(Some("application/json, */*;q=0.5"), &profile), Ok(JSON));
    }

    #[test]
    fn silence_is_an_absent_or_blank_header() {
        assert!(is_absent_or_blank(None) && is_absent_or_blank(Some(" \t")));
        assert!(!is_absent_or_blank(Some("*/*")));
    }

    #[test]
    fn every_kind_of_json_is_read_and_nothing_else() {
        use BodyKind::{Json, JsonPatch, MergePatch};
        let table = [
            (None, Json),
            (Some(" "), Json),
            (Some("application/json"), Json),
            (Some("Application/JSON; charset=utf-8"), Json),
            (Some("application/hal+json"), Json),
            (Some("application/vnd.x+json"), Json),
            (Some("application/merge-patch+json"), MergePatch),
            (Some("application/json-patch+json;charset=UTF-8"), JsonPatch),
        ];
        for (content_type, kind) in table {
            assert_eq!(reads_as_json(content_type), Ok(kind), "{content_type:?}");
        }
        let refused = [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/xml",
            "text/uri-list",
            "text/json",
            "json",
            "application/jsonx",
        ];
        for content_type in refused {
            let sent = content_type.to_owned();
            assert_eq!(reads_as_json(Some(content_type)), Err(UnsupportedMediaType { sent }));
        }
    }
}
