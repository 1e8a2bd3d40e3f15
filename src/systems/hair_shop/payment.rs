//! The payment of one reservation: held before it stands, taken after, given back once the shop has let it go.

use super::reservation::{RSV_REQUESTED, Reservation};
use crate::domain::parties::Charges;
use crate::domain::prelude::*;

/// The money was taken.
const PAY_COMPLETED: &str = "PAY_COMPLETED";
/// The money was given back.
const PAY_CANCELED: &str = "PAY_CANCELED";

/// A payment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Payment {
    reservation_id: u64,
    status: String,
    hold: Hold,
}

messages! {
    pub(super) enum PaymentCommand: Command {
        /// Holds the money for a reservation.
        HoldPayment {} = 1;
        /// Takes what is held.
        Finish {} = 1;
        /// Lets go of what is held, or will not hold it.
        Void {} = 1;
        /// Gives the money back.
        PayBack {} = 1;
    }

    pub(super) enum PaymentEvent: Event hiding MoneyHeld, HoldVoided {
        /// The money is held.
        MoneyHeld {} = 1;
        /// The money is not held, and will not be.
        HoldVoided {} = 1;
        /// The money was taken.
        PaymentFinished { id: u64, reservation_id: u64, status: String } = 1;
        /// The money was given back.
        PaymentCanceled { id: u64, reservation_id: u64, status: String } = 1;
    }
}

impl Charges for Payment {
    const TELLER: Kind = Kind::new("hair-shop/outside/payment");
}

impl Aggregate for Payment {
    const KIND: Kind = Kind::new("hair-shop/payment/payment");
    const IDS: IdRule = IdRule::TakenFrom(Reservation::KIND);
    const ASKS: &'static [Kind] = &[Self::TELLER];
    type Command = PaymentCommand;
    type Event = PaymentEvent;
    type Rejection = Infallible;

    fn decide(&self, command: &PaymentCommand, context: &Context) -> Decided<Self> {
        let (id, reservation_id) = (context.id, context.id);
        Ok(match command {
            PaymentCommand::HoldPayment(_) => self.hold.hold(MoneyHeld {}).charging::<Self>(id, None, None),
            PaymentCommand::Finish(_) => {
                self.hold.confirm(PaymentFinished { id, reservation_id, status: PAY_COMPLETED.to_owned() })
            }
            PaymentCommand::Void(_) => self.hold.void(HoldVoided {}).refunding::<Self>(id),
            PaymentCommand::PayBack(_) if self.status == PAY_COMPLETED => {
                Decision::facts([PaymentCanceled { id, reservation_id, status: PAY_CANCELED.to_owned() }])
                    .refunding::<Self>(id)
            }
            PaymentCommand::PayBack(_) => Decision::nothing(),
        })
    }

    fn answered(&self, asked: &Asked, answer: &Answer, _: &Context) -> Closing<PaymentEvent> {
        Closing::charged(asked, answer, HoldVoided {})
    }

    fn evolve(&mut self, event: &PaymentEvent) {
        match event {
            PaymentEvent::MoneyHeld(_) => self.hold = Hold::Held,
            PaymentEvent::HoldVoided(_) => self.hold = Hold::Voided,
            PaymentEvent::PaymentFinished(finished) => {
                self.reservation_id = finished.reservation_id;
                self.status.clone_from(&finished.status);
                self.hold = Hold::Confirmed;
            }
            PaymentEvent::PaymentCanceled(canceled) => self.status.clone_from(&canceled.status),
        }
    }

    fn exists(&self) -> bool {
        self.hold == Hold::Confirmed
    }
}

shows! {
    Payment: |payment| {
        long "reservationId" = payment.reservation_id;
        text "status".indexed() = &payment.status;
        text "rsvStatus" = RSV_REQUESTED;
    }
}
