//! The operator's token: compared in constant time, and guessed at a few times a window at most.
//!
//! A flood of wrong tokens never keeps the right one out.

use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use warp::http::header::AUTHORIZATION;

use crate::http::problem::Problem;
use crate::http::request::Request;
use crate::http::routes::Edge;

/// How many wrong tokens are answered as such in a window; further ones are told to wait.
const WRONG_MAX: u32 = 10;
const WRONG_WINDOW: Duration = Duration::from_secs(10);

/// Judges tokens.
pub struct TokenCheck {
    token: String,
    wrong: Mutex<Window>,
}

/// The wrong tokens since a moment.
#[derive(Debug)]
struct Window {
    since: Instant,
    count: u32,
}

impl std::fmt::Debug for TokenCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenCheck").field("wrong", &self.wrong).finish_non_exhaustive()
    }
}

impl TokenCheck {
    /// Takes the right token.
    #[must_use]
    pub fn new(token: String, now: Instant) -> Self {
        Self { token, wrong: Mutex::new(Window { since: now, count: 0 }) }
    }

    /// Checks an `Authorization` header.
    ///
    /// # Errors
    ///
    /// Fails when it does not carry the token.
    pub(in crate::http) fn check(
        &self,
        authorization: Option<&str>,
        peer: Option<IpAddr>,
        now: Instant,
    ) -> Result<(), Problem> {
        let sent = authorization.and_then(|header| header.strip_prefix("Bearer "));
        if sent.is_some_and(|sent| is_same(sent.as_bytes(), self.token.as_bytes())) {
            return Ok(());
        }
        if authorization.is_none() {
            return Err(Problem::Unauthorized);
        }
        let mut wrong = self.wrong.lock();
        if now - wrong.since > WRONG_WINDOW {
            *wrong = Window { since: now, count: 0 };
        }
        if wrong.count >= WRONG_MAX {
            return Err(Problem::TooManyAttempts(WRONG_WINDOW.saturating_sub(now - wrong.since)));
        }
        wrong.count += 1;
        tracing::warn!(?peer, "a wrong operator's token");
        Err(Problem::Unauthorized)
    }
}

impl Edge {
    /// Checks that an operator asks.
    ///
    /// # Errors
    ///
    /// Fails when the request does not carry the token.
    pub(in crate::http) fn must_be_operator(&self, request: &Request) -> Result<(), Problem> {
        let peer = request.peer.map(|peer| peer.ip());
        self.token.check(request.header(&AUTHORIZATION), peer, self.clock.now())
    }
}

/// Compares in a time that does not tell how much was right.
fn is_same(sent: &[u8], token: &[u8]) -> bool {
    let differences = sent.iter().zip(token).fold(0, |differences, (a, b)| differences | (a ^ b));
    sent.len() == token.len() && differences == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn only_the_whole_token_behind_its_scheme_opens() {
        let now = Clock::manual(0, 1).now();
        let check = TokenCheck::new("secret".to_owned(), now);
        assert!(check.check(Some("Bearer secret"), None, now).is_ok());
        for wrong in ["Bearer secre", "Bearer secrets", "Bearer Secret", "Bearer ", "secret", "Basic secret", ""] {
            assert!(matches!(check.check(Some(wrong), None, now), Err(Problem::Unauthorized)), "{wrong:?}");
        }
        assert!(matches!(check.check(None, None, now), Err(Problem::Unauthorized)));
    }

    #[test]
    fn a_flood_of_wrong_tokens_is_told_to_wait_and_keeps_the_right_one_in() {
        let now = Clock::manual(0, 1).now();
        let check = TokenCheck::new("secret".to_owned(), now);
        for _ in 0..WRONG_MAX {
            assert!(matches!(check.check(Some("Bearer guess"), None, now), Err(Problem::Unauthorized)));
        }
        let later = now + Duration::from_secs(4);
        let waits = check.check(Some("Bearer guess"), None, later);
        assert!(matches!(waits, Err(Problem::TooManyAttempts(wait)) if wait == Duration::from_secs(6)), "{waits:?}");
        assert!(check.check(Some("Bearer secret"), None, later).is_ok());
        assert!(matches!(check.check(None, None, later), Err(Problem::Unauthorized)), "silence is no guess");
        let next_window = now + WRONG_WINDOW + Duration::from_millis(1);
        assert!(matches!(check.check(Some("Bearer guess"), None, next_window), Err(Problem::Unauthorized)));
    }
}
