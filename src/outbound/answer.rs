//! What a provider's answer means.

use serde::Deserialize;

use crate::http_client::StatusCode;

/// How much of a provider's own words is kept, in characters.
const WORDS_MAX: usize = 200;

/// What follows from a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is done.
    Done,
    /// It will not be done.
    Refused,
    /// It was not begun.
    Unavailable,
    /// Nobody knows.
    Failed,
}

impl Kind {
    pub(super) fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Self::Unavailable,
            // The same request may be answered otherwise later.
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => Self::Failed,
            status if status.is_success() => Self::Done,
            status if status.is_client_error() => Self::Refused,
            // Redirects too, which are not followed: many a server answers 303 to a POST that it did.
            _ => Self::Failed,
        }
    }
}

/// Says why it was refused, in the provider's words if it has any.
pub(super) fn why(status: StatusCode, body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Words {
        detail: Option<String>,
        title: Option<String>,
        message: Option<String>,
    }
    let words: Option<Words> = serde_json::from_slice(body).ok();
    let words = words.and_then(|words| words.detail.or(words.title).or(words.message));
    match words {
        Some(words) => {
            format!("the provider answered {}: {}", status.as_u16(), words.chars().take(WORDS_MAX).collect::<String>())
        }
        None => format!("the provider answered {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_means_what_it_says() {
        let check = |status: u16, kind| assert_eq!(Kind::of(StatusCode::from_u16(status).expect("a status")), kind);
        for status in [200, 201, 204] {
            check(status, Kind::Done);
        }
        for status in [400, 402, 404, 409, 422] {
            check(status, Kind::Refused);
        }
        for status in [429, 503] {
            check(status, Kind::Unavailable);
        }
        for status in [408, 425, 500, 502, 504] {
            check(status, Kind::Failed);
        }
    }

    #[test]
    fn a_redirect_leaves_open_whether_it_was_done() {
        for status in 300..400 {
            assert_eq!(Kind::of(StatusCode::from_u16(status).expect("a status")), Kind::Failed, "{status}");
        }
    }

    #[test]
    fn a_refusal_is_told_in_the_providers_words() {
        let refused = |body: &str| why(StatusCode::PAYMENT_REQUIRED, body.as_bytes());
        assert_eq!(
            refused(r#"{"title":"No","detail":"the card is empty"}"#),
            "the provider answered 402: the card is empty"
        );
        assert_eq!(refused(r#"{"title":"No"}"#), "the provider answered 402: No");
        for wordless in ["", "<html>", "{}", r#"{"detail":7}"#] {
            assert_eq!(refused(wordless), "the provider answered 402 Payment Required");
        }
        let long = format!(r#"{{"detail":"{}"}}"#, "é".repeat(1_000));
        assert_eq!(refused(&long).chars().filter(|c| *c == 'é').count(), WORDS_MAX);
    }
}
