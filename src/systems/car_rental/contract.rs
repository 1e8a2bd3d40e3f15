//! A contract: nothing until its payment is held, cancelled by an amount of 0, gone when it is deleted.

use super::pay::{HoldPay, Pay, VoidPay};
use crate::domain::prelude::*;

/// A customer's contract for a car.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Contract {
    terms: Terms,
    stands: bool,
    canceled: bool,
    removed: bool,
}

form! {
    /// Who rents which car for how much.
    pub(super) struct Terms changed by TermsChange { cust_name: Option<String> as indexed, model_name: Option<String> as indexed, amt: i32 }

    /// Which contract has which terms.
    pub(super) struct Told { id: u64, cust_name: Option<String>, model_name: Option<String>, amt: i32 }
}

messages! {
    pub(super) enum ContractCommand: Command {
        /// Makes it, if it is paid.
        MakeContract { terms: Terms } = 1;
        /// Changes what is given; an amount of 0 cancels.
        ChangeContract(TermsChange) = 1;
        /// Cancels it and takes it away.
        RemoveContract {} = 1;
    }

    pub(super) enum ContractEvent: Event hiding ContractRequested, ContractWithdrawn, ContractRemoved {
        /// Its payment is asked for, by the installation of this mode.
        ContractRequested { terms: Terms, system_mode: String } = 1;
        /// It could not be paid.
        ContractWithdrawn {} = 1;
        /// It stands.
        ContractCompleted(Told) = 1;
        ContractChanged(Told) = 1;
        ContractCanceled(Told) = 1;
        /// Clients see it no longer.
        ContractRemoved {} = 1;
    }
}

impl Aggregate for Contract {
    const KIND: Kind = Kind::new("car-rental/contract/contract");
    const IDS: IdRule = IdRule::Sequence;
    const ASKS: &'static [Kind] = &[Pay::KIND];
    type Command = ContractCommand;
    type Event = ContractEvent;
    type Rejection = Refusal;

    fn decide(&self, command: &ContractCommand, context: &Context) -> Decided<Self> {
        let id = context.id;
        match command {
            ContractCommand::MakeContract(MakeContract { terms }) => {
                terms.are_payable()?;
                let system_mode = context.settings.get("sysmodeval").to_owned();
                let hold = Ask::of::<Pay>(id, HoldPay { terms: terms.clone() }).undone_by::<Pay>(VoidPay {});
                Ok(Decision::facts([ContractRequested { terms: terms.clone(), system_mode }]).asking(hold))
            }
            _ if !self.exists() => Err(Refusal::missing(format!("there is no contract {id}"))),
            ContractCommand::ChangeContract(ChangeContract(change)) => self.change(change, id),
            ContractCommand::RemoveContract(_) => {
                Ok(Decision::only_if(!self.canceled, self.terms.clone().canceled(id)).and(ContractRemoved {}))
            }
        }
    }

    fn answered(&self, asked: &Asked, answer: &Answer, context: &Context) -> Closing<ContractEvent> {
        let made = ContractCompleted(self.terms.clone().told(context.id));
        Closing::tried("HoldPay", asked, answer, made, ContractWithdrawn {})
    }

    fn evolve(&mut self, event: &ContractEvent) {
        match event.clone() {
            ContractEvent::ContractRequested(requested) => self.terms = requested.terms,
            ContractEvent::ContractCompleted(_) => self.stands = true,
            ContractEvent::ContractChanged(ContractChanged(told)) => self.terms = told.into(),
            ContractEvent::ContractCanceled(ContractCanceled(told)) => {
                (self.terms, self.canceled) = (told.into(), true);
            }
            ContractEvent::ContractRemoved(_) => self.removed = true,
            ContractEvent::ContractWithdrawn(_) => {}
        }
    }

    fn exists(&self) -> bool {
        self.stands && !self.removed
    }
}

impl Contract {
    fn change(&self, change: &TermsChange, id: u64) -> Decided<Self> {
        let is_cancel = change.amt == Some(0);
        if self.canceled && is_cancel {
            return Ok(Decision::nothing());
        }
        Refusal::unless(!self.canceled, "contract-stands", || format!("contract {id} is canceled"))?;
        let terms = change.over(&self.terms);
        terms.are_payable()?;
        Ok(match is_cancel {
            true => Decision::facts([terms.canceled(id)]),
            false => Decision::facts([ContractChanged(terms.told(id))]),
        })
    }
}

impl Terms {
    fn told(self, id: u64) -> Told {
        let Self { cust_name, model_name, amt } = self;
        Told { id, cust_name, model_name, amt }
    }

    fn canceled(self, id: u64) -> ContractCanceled {
        ContractCanceled(Told { amt: 0, ..self.told(id) })
    }

    fn are_payable(&self) -> Result<(), Refusal> {
        let detail = || format!("amt is {}; an amount is 0 or more", self.amt);
        Refusal::unless(self.amt >= 0, "amount-is-not-negative", detail)
    }
}

impl From<Told> for Terms {
    fn from(Told { cust_name, model_name, amt, .. }: Told) -> Self {
        Self { cust_name, model_name, amt }
    }
}

shows! { Contract: |contract| { ..Terms = contract.terms; } }

/// What was not sent is replaced by nothing, so that a PUT without an amount cancels.
pub(super) fn replace(body: &Body) -> ContractCommand {
    ChangeContract(Terms::from(body).into()).into()
}

pub(super) fn change(body: &Body) -> ContractCommand {
    ChangeContract(body.into()).into()
}
