//! What clients asked for and what they were told, in every life of the process.

use std::fmt::Write as _;
use std::time::Duration;

use super::deeds::Deed;
use crate::actors::admission::{Call, Target};
use crate::actors::envelope::{Precondition, Reply};
use crate::actors::tests::house::{DEADLINE, Outcome};
use crate::clock::{Clock, derived_id};
use crate::domain::Stream;
use crate::journal::codec::encode_row;
use crate::journal::{CommandMeta, Origin};
use crate::resilience::{CallError, Deadline};

/// Something a client wants done, until it is answered.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    deed: Deed,
    meta: CommandMeta,
    /// What it was told, oldest first.
    pub(super) told: Vec<Told>,
    pub(super) is_under_way: bool,
    /// How long it waits for an answer.
    patience: Duration,
}

/// What a client was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Done, to this one, which then looked like this.
    Done(Stream, Option<Vec<u8>>),
    /// Refused by this rule.
    Refused(String),
    /// Not executed; it may be sent again.
    NotExecuted(String),
    /// Nobody knows.
    Unknown(String),
    /// Nothing that this client could have deserved.
    Strange(String),
}

impl Told {
    fn of(outcome: Outcome) -> Self {
        match outcome {
            Ok((stream, Reply::Done(done))) => Self::Done(stream, done.row.map(|row| encode_row(&row))),
            Ok((_, Reply::Refused(refusal))) => Self::Refused(refusal.rule.into_owned()),
            Ok((_, other @ (Reply::PreconditionFailed { .. } | Reply::KeyReused))) => {
                Self::Strange(format!("{other:?}"))
            }
            Err(CallError::NotExecuted(why)) => Self::NotExecuted(format!("{why:?}")),
            Err(CallError::Unknown(why)) => Self::Unknown(format!("{why:?}")),
        }
    }

    pub(super) const fn is_final(&self) -> bool {
        match self {
            Self::Done(..) | Self::Refused(_) | Self::Strange(_) => true,
            Self::NotExecuted(_) | Self::Unknown(_) => false,
        }
    }
}

impl Wish {
    /// Begins to want something; most clients have keys, which tell a resend from a second wish.
    pub(super) fn new(dice: &Clock, deed: Deed, number: usize) -> Self {
        let mut wish = Self::keyed(dice, deed, number);
        if dice.random().is_multiple_of(5) {
            (wish.meta.origin, wish.meta.fingerprint) = (Origin::Edge, 0);
        }
        if dice.random().is_multiple_of(8) {
            wish.patience = Duration::from_millis(10 + dice.random() % 300);
        }
        wish
    }

    pub(super) fn keyed(dice: &Clock, deed: Deed, number: usize) -> Self {
        let (origin, fingerprint) = (Origin::Keyed, number as u64 + 1);
        let id = derived_id(u128::from(dice.random()), "a client's");
        let meta = CommandMeta {
            id,
            origin,
            fingerprint,
            causation: 0,
            correlation: format!("client {number}").into(),
            trace: None,
        };
        Self { deed, meta, told: Vec::new(), is_under_way: false, patience: DEADLINE }
    }

    pub(super) const fn id(&self) -> u128 {
        self.meta.id
    }

    pub(super) const fn is_keyed(&self) -> bool {
        matches!(self.meta.origin, Origin::Keyed)
    }

    /// Tells whether something new is wanted.
    pub(super) const fn makes(&self) -> bool {
        matches!(self.deed.target, Target::New(_))
    }

    /// Tells whether it may be sent again: it has a key and no answer, or was surely not executed.
    pub(super) fn wants_more(&self) -> bool {
        !self.is_under_way && self.is_keyed() && !self.told.iter().any(Told::is_final)
    }

    pub(super) fn call(&self, clock: &Clock) -> Call {
        Call {
            target: self.deed.target,
            command: self.deed.command.clone(),
            meta: self.meta.clone(),
            precondition: Precondition::Always,
            deadline: Deadline::after(clock, self.patience),
        }
    }

    /// Does not wait for the answer any more.
    pub(super) fn leaves(&mut self) {
        self.is_under_way = false;
        self.told.push(Told::Unknown("the client has left".to_owned()));
    }

    pub(super) const fn waits_patiently(&mut self) {
        self.patience = DEADLINE;
    }

    pub(super) fn hears(&mut self, outcome: Outcome) {
        self.is_under_way = false;
        self.told.push(Told::of(outcome));
    }

    /// Adds what was wanted and told to a history.
    pub(super) fn tell(&self, history: &mut String) {
        let Self { deed, meta, told, .. } = self;
        // Writing to a string does not fail.
        let _ = writeln!(history, "{:032x} {:?} {:?} {told:?}", meta.id, deed.target, deed.command);
    }
}
