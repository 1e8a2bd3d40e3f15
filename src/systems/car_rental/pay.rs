//! The payment of one contract: held before the contract stands, paid after, given back when it is cancelled.

use std::convert::Infallible;

use serde::{Deserialize, Serialize};

use super::contract::{Contract, ContractEvent, Terms};
use super::reservation::{CancelReservation, Reservation};
use crate::domain::parties::Charges;
use crate::domain::{Aggregate, Answer, Ask, Asked, Closing, Context, Decided, Decision, Hold, IdRule, Kind, Recorded};
use crate::{messages, shows};

/// The money is there.
pub(super) const PAID: &str = "paid";
/// The money went back.
pub(super) const PAY_CANCELED: &str = "payCanceled";

/// A payment; it has its contract's id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Pay {
    contract_id: u64,
    terms: Terms,
    hold: Hold,
    canceled: bool,
}

messages! {
    /// What a payment can be told.
    pub(super) enum PayCommand: Command {
        /// Holds the money for a contract.
        HoldPay { terms: Terms } = 1;
        /// Takes what is held.
        ConfirmPay {} = 1;
        /// Lets go of what is held, or will not hold it.
        VoidPay {} = 1;
        /// Will give the money back, and has the car freed.
        CancelPay {} = 1;
        /// Gives the money back.
        ReturnPay {} = 1;
    }
}

messages! {
    /// What happens to a payment.
    pub(super) enum PayEvent: Event hiding PayHeld, PayVoided, PayReturned {
        /// The money is held.
        PayHeld { contract_id: u64, terms: Terms } = 1;
        /// The money is not held, and will not be.
        PayVoided {} = 1;
        /// The money was taken.
        Payed {
            id: u64, contract_id: u64, cust_name: Option<String>, model_name: Option<String>, amt: i32,
            paystatus: String
        } = 1;
        /// The money was given back.
        PayCanceled { id: u64, contract_id: u64, paystatus: String } = 1;
        /// Who took the money was told to.
        PayReturned {} = 1;
    }
}

impl Charges for Pay {
    const TELLER: Kind = Kind::new("car-rental/outside/payment");
}

impl Aggregate for Pay {
    const KIND: Kind = Kind::new("car-rental/pay/pay");
    const IDS: IdRule = IdRule::TakenFrom(Contract::KIND);
    const ASKS: &'static [Kind] = &[Reservation::KIND, Self::TELLER];
    type Command = PayCommand;
    type Event = PayEvent;
    type Rejection = Infallible;

    fn decide(&self, command: &PayCommand, context: &Context) -> Decided<Self> {
        let (id, contract_id) = (context.id, context.id);
        Ok(match command {
            PayCommand::HoldPay(HoldPay { terms }) if self.hold == Hold::Nothing => {
                let (payer, amount) = (terms.cust_name.clone(), Some(terms.amt.into()));
                Decision::facts([PayHeld { contract_id, terms: terms.clone() }]).charging::<Self>(id, payer, amount)
            }
            PayCommand::ConfirmPay(_) if self.hold == Hold::Held => {
                let Terms { cust_name, model_name, amt } = self.terms.clone();
                Decision::facts([Payed { id, contract_id, cust_name, model_name, amt, paystatus: PAID.to_owned() }])
            }
            PayCommand::VoidPay(_) if matches!(self.hold, Hold::Nothing | Hold::Held) => {
                Decision::facts([PayVoided {}]).refunding::<Self>(id)
            }
            PayCommand::CancelPay(_) if self.exists() && !self.canceled => {
                Decision::facts([PayCanceled { id, contract_id, paystatus: PAY_CANCELED.to_owned() }])
                    .asking(Ask::of::<Reservation>(contract_id, CancelReservation {}))
            }
            PayCommand::ReturnPay(_) if self.canceled => Decision::facts([PayReturned {}]).refunding::<Self>(id),
            PayCommand::HoldPay(_)
            | PayCommand::ConfirmPay(_)
            | PayCommand::VoidPay(_)
            | PayCommand::CancelPay(_)
            | PayCommand::ReturnPay(_) => Decision::nothing(),
        })
    }

    fn answered(&self, asked: &Asked, answer: &Answer, _: &Context) -> Closing<PayEvent> {
        Closing::charged(asked, answer, PayVoided {})
    }

    fn evolve(&mut self, event: &PayEvent) {
        match event.clone() {
            PayEvent::PayHeld(PayHeld { contract_id, terms }) => {
                *self = Self { contract_id, terms, hold: Hold::Held, canceled: false };
            }
            PayEvent::PayVoided(_) => self.hold = Hold::Voided,
            PayEvent::Payed(_) => self.hold = Hold::Confirmed,
            PayEvent::PayCanceled(_) => (self.terms.amt, self.canceled) = (0, true),
            PayEvent::PayReturned(_) => {}
        }
    }

    fn exists(&self) -> bool {
        self.hold == Hold::Confirmed
    }
}

/// A contract that stands takes what was held for it.
pub(super) fn confirm(_: &Recorded, event: &ContractEvent) -> Option<(u64, PayCommand)> {
    let ContractEvent::ContractCompleted(made) = event else { return None };
    Some((made.id, ConfirmPay {}.into()))
}

/// A contract that is given up is paid back.
pub(super) fn cancel(_: &Recorded, event: &ContractEvent) -> Option<(u64, PayCommand)> {
    let ContractEvent::ContractCanceled(canceled) = event else { return None };
    Some((canceled.id, CancelPay {}.into()))
}

/// A payment that is cancelled is given back.
pub(super) fn give_back(canceled: &Recorded, event: &PayEvent) -> Option<(u64, PayCommand)> {
    let PayEvent::PayCanceled(_) = event else { return None };
    Some((canceled.stream.id, ReturnPay {}.into()))
}

shows! {
    Pay: |pay| {
        long "contractId" = pay.contract_id;
        text "custName" = &pay.terms.cust_name;
        text "modelName" = &pay.terms.model_name;
        int "amt" = pay.terms.amt;
    }
}
