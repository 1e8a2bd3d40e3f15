//! Which deliberate bug is on; only where such are compiled in.

/// Names the mutant.
const MUTANT_VARIABLE: &str = "RESURGAM_MUTANT";

/// Returns the name of the mutant that the environment asks for.
#[expect(clippy::disallowed_methods, reason = "the reader of the environment")]
#[must_use]
pub fn mutant() -> Option<String> {
    std::env::var(MUTANT_VARIABLE).ok().filter(|name| !name.is_empty())
}
