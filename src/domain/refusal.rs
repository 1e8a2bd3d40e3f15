//! Why an aggregate may refuse, and how a refusal travels.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt::Debug;

use serde::{Deserialize, Serialize};

/// A broken rule, named so that tests and clients can tell it apart.
pub trait Rejection: Debug + PartialEq + Send + Sync + 'static {
    /// Says which rule was broken and how.
    fn refusal(&self) -> Refusal;
}

/// For aggregates whose rules need no names but those that clients see.
impl Rejection for Refusal {
    fn refusal(&self) -> Refusal {
        self.clone()
    }
}

/// For aggregates that never refuse.
impl Rejection for Infallible {
    fn refusal(&self) -> Refusal {
        match *self {}
    }
}

/// A refusal as it travels: to the client, to the asker, into the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The rule's name, kebab-case.
    pub rule: Cow<'static, str>,
    /// One sentence for the one who reads it.
    pub detail: String,
    /// What sort of refusal it is.
    pub class: RefusalClass,
}

/// The sorts of refusal that are treated differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefusalClass {
    /// A business rule.
    Rule,
    /// The aggregate is not there (any more).
    Missing,
    /// The asked does not know what the ask is about, perhaps not yet.
    UnknownTarget,
    /// The command failed too often and is not tried again.
    Poisoned,
}

impl Refusal {
    /// Names a broken business rule.
    #[must_use]
    pub fn rule(rule: &'static str, detail: impl Into<String>) -> Self {
        Self { rule: Cow::Borrowed(rule), detail: detail.into(), class: RefusalClass::Rule }
    }

    /// Demands that a rule holds.
    ///
    /// # Errors
    ///
    /// Refuses with the rule's name when it does not.
    pub fn unless(holds: bool, rule: &'static str, detail: impl FnOnce() -> String) -> Result<(), Self> {
        if holds { Ok(()) } else { Err(Self::rule(rule, detail())) }
    }

    /// Says that the aggregate is not there.
    #[must_use]
    pub fn missing(detail: impl Into<String>) -> Self {
        Self { rule: Cow::Borrowed("not-found"), detail: detail.into(), class: RefusalClass::Missing }
    }

    /// Says that the asked has never heard of it.
    #[must_use]
    pub fn unknown_target(rule: &'static str, detail: impl Into<String>) -> Self {
        Self { rule: Cow::Borrowed(rule), detail: detail.into(), class: RefusalClass::UnknownTarget }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_sort_it_is() {
        assert_eq!(Refusal::rule("r", "").class, RefusalClass::Rule);
        assert_eq!(Refusal::missing("").class, RefusalClass::Missing);
        assert_eq!(Refusal::unknown_target("r", "").class, RefusalClass::UnknownTarget);
    }
}
