//! A contract: nothing until its payment is held, cancelled by an amount of 0, gone when it is deleted.

use serde::{Deserialize, Serialize};

use super::pay::{HoldPay, Pay, VoidPay};
use crate::domain::{Aggregate, Answer, Ask, Asked, Body, Closing, Context, Decided, Decision, IdRule, Kind, Refusal};
use crate::{messages, shows};

/// A customer's contract for a car.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Contract {
    terms: Terms,
    stands: bool,
    canceled: bool,
    removed: bool,
}

/// Who rents which car for how much.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Terms {
    pub(super) cust_name: Option<String>,
    pub(super) model_name: Option<String>,
    pub(super) amt: i32,
}

messages! {
    /// What a contract can be told.
    pub(super) enum ContractCommand: Command {
        /// Makes it, if it is paid.
        MakeContract { terms: Terms } = 1;
        /// Changes what is given; an amount of 0 cancels.
        ChangeContract { cust_name: Option<Option<String>>, model_name: Option<Option<String>>, amt: Option<i32> } = 1;
        /// Cancels it and takes it away.
        RemoveContract {} = 1;
    }
}

messages! {
    /// What happens to a contract.
    pub(super) enum ContractEvent: Event hiding ContractRequested, ContractWithdrawn, ContractRemoved {
        /// Its payment is asked for, by the installation of this mode.
        ContractRequested { terms: Terms, system_mode: String } = 1;
        /// It could not be paid.
        ContractWithdrawn {} = 1;
        /// It stands.
        ContractCompleted { id: u64, cust_name: Option<String>, model_name: Option<String>, amt: i32 } = 1;
        /// Its terms are others now.
        ContractChanged { id: u64, cust_name: Option<String>, model_name: Option<String>, amt: i32 } = 1;
        /// The customer gave it up.
        ContractCanceled { id: u64, cust_name: Option<String>, model_name: Option<String>, amt: i32 } = 1;
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
                is_payable(terms.amt)?;
                let system_mode = context.settings.get("sysmodeval").to_owned();
                let hold = Ask::of::<Pay>(id, HoldPay { terms: terms.clone() }).undone_by::<Pay>(VoidPay {});
                Ok(Decision::facts([ContractRequested { terms: terms.clone(), system_mode }]).asking(hold))
            }
            _ if !self.exists() => Err(Refusal::missing(format!("there is no contract {id}"))),
            ContractCommand::ChangeContract(change) => self.change(change, id),
            ContractCommand::RemoveContract(_) if self.canceled => Ok(Decision::facts([ContractRemoved {}])),
            ContractCommand::RemoveContract(_) => {
                Ok(Decision::facts([canceled(id, self.terms.clone())]).and(ContractRemoved {}))
            }
        }
    }

    fn answered(&self, asked: &Asked, answer: &Answer, context: &Context) -> Closing<ContractEvent> {
        let Terms { cust_name, model_name, amt } = self.terms.clone();
        let made = ContractCompleted { id: context.id, cust_name, model_name, amt };
        Closing::tried("HoldPay", asked, answer, made, ContractWithdrawn {})
    }

    fn evolve(&mut self, event: &ContractEvent) {
        match event.clone() {
            ContractEvent::ContractRequested(requested) => self.terms = requested.terms,
            ContractEvent::ContractCompleted(_) => self.stands = true,
            ContractEvent::ContractChanged(ContractChanged { cust_name, model_name, amt, .. }) => {
                self.terms = Terms { cust_name, model_name, amt };
            }
            ContractEvent::ContractCanceled(ContractCanceled { cust_name, model_name, amt, .. }) => {
                self.terms = Terms { cust_name, model_name, amt };
                self.canceled = true;
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
    fn change(&self, change: &ChangeContract, id: u64) -> Result<Decision<ContractEvent>, Refusal> {
        let is_cancel = change.amt == Some(0);
        if self.canceled && is_cancel {
            return Ok(Decision::nothing());
        }
        Refusal::unless(!self.canceled, "contract-stands", || format!("contract {id} is canceled"))?;
        let (old, change) = (self.terms.clone(), change.clone());
        let cust_name = change.cust_name.unwrap_or(old.cust_name);
        let model_name = change.model_name.unwrap_or(old.model_name);
        let amt = change.amt.unwrap_or(old.amt);
        is_payable(amt)?;
        Ok(match is_cancel {
            true => Decision::facts([canceled(id, Terms { cust_name, model_name, amt })]),
            false => Decision::facts([ContractChanged { id, cust_name, model_name, amt }]),
        })
    }
}

fn canceled(id: u64, Terms { cust_name, model_name, .. }: Terms) -> ContractCanceled {
    ContractCanceled { id, cust_name, model_name, amt: 0 }
}

fn is_payable(amt: i32) -> Result<(), Refusal> {
    Refusal::unless(amt >= 0, "amount-is-not-negative", || format!("amt is {amt}; an amount is 0 or more"))
}

shows! {
    Contract: |contract| {
        text "custName" = &contract.terms.cust_name;
        text "modelName" = &contract.terms.model_name;
        int "amt" = contract.terms.amt;
    }
}

pub(super) fn make(body: &Body) -> ContractCommand {
    let (cust_name, model_name, amt) = (body.text("custName"), body.text("modelName"), body.int("amt"));
    MakeContract { terms: Terms { cust_name, model_name, amt } }.into()
}

/// What was not sent is replaced by nothing, so that a PUT without an amount cancels.
pub(super) fn replace(body: &Body) -> ContractCommand {
    let (cust_name, model_name) = (Some(body.text("custName")), Some(body.text("modelName")));
    ChangeContract { cust_name, model_name, amt: Some(body.int("amt")) }.into()
}

pub(super) fn change(body: &Body) -> ContractCommand {
    let (cust_name, model_name) = (body.sent_text("custName"), body.sent_text("modelName"));
    ChangeContract { cust_name, model_name, amt: body.sent_int("amt") }.into()
}
