//! The payment of one contract: held before the contract stands, paid after, given back when it is cancelled.

use super::contract::{Contract, Terms};
use super::reservation::{CancelReservation, Reservation};
use crate::domain::parties::Charges;
use crate::domain::prelude::*;

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

    pub(super) enum PayEvent: Event hiding PayHeld, PayVoided, PayReturned {
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
        Ok(match command.clone() {
            PayCommand::HoldPay(HoldPay { terms }) => {
                let (payer, amount) = (terms.cust_name.clone(), Some(terms.amt.into()));
                self.hold.hold(PayHeld { contract_id, terms }).charging::<Self>(id, payer, amount)
            }
            PayCommand::ConfirmPay(_) => {
                let Terms { cust_name, model_name, amt } = self.terms.clone();
                let paystatus = PAID.to_owned();
                self.hold.confirm(Payed { id, contract_id, cust_name, model_name, amt, paystatus })
            }
            PayCommand::VoidPay(_) => self.hold.void(PayVoided {}).refunding::<Self>(id),
            PayCommand::CancelPay(_) if self.exists() && !self.canceled => {
                Decision::facts([PayCanceled { id, contract_id, paystatus: PAY_CANCELED.to_owned() }])
                    .asking(Ask::of::<Reservation>(contract_id, CancelReservation {}))
            }
            PayCommand::CancelPay(_) => Decision::nothing(),
            PayCommand::ReturnPay(_) => Decision::only_if(self.canceled, PayReturned {}).refunding::<Self>(id),
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

shows! { Pay: |pay| { long "contractId" = pay.contract_id; ..Terms = pay.terms; } }
