//! The payment of one order: held before the order stands, taken after, given back when the order is cancelled.

use super::order::{ORDERED, Order};
use crate::domain::Value;
use crate::domain::parties::Charges;
use crate::domain::prelude::*;

/// The customer got the money back.
const PAY_CANCELED: &str = "PayCanceled";

/// A payment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Payment {
    order_id: u64,
    customer_id: Option<i64>,
    status: String,
    hold: Hold,
}

messages! {
    pub(super) enum PaymentCommand: Command {
        /// Holds the money for an order.
        HoldPayment { customer_id: Option<i64> } = 1;
        /// Takes what is held.
        Confirm {} = 1;
        /// Lets go of what is held, or will not hold it.
        Void {} = 1;
        /// Gives the money back.
        CancelPayment {} = 1;
    }

    pub(super) enum PaymentEvent: Event hiding PaymentHeld, PaymentVoided {
        /// The money is held.
        PaymentHeld { order_id: u64, customer_id: Option<i64> } = 1;
        /// The money is not held, and will not be.
        PaymentVoided {} = 1;
        /// The money was taken.
        Paid { id: u64, order_id: u64, status: String, customer_id: Option<i64> } = 1;
        /// The money was given back.
        PayCanceled { id: u64, order_id: u64, status: String, customer_id: Option<i64> } = 1;
    }
}

impl Charges for Payment {
    const TELLER: Kind = Kind::new("book-market/outside/payment");
}

impl Aggregate for Payment {
    const KIND: Kind = Kind::new("book-market/payment/payment");
    const IDS: IdRule = IdRule::TakenFrom(Order::KIND);
    const ASKS: &'static [Kind] = &[Self::TELLER];
    type Command = PaymentCommand;
    type Event = PaymentEvent;
    type Rejection = Infallible;

    fn decide(&self, command: &PaymentCommand, context: &Context) -> Decided<Self> {
        let (id, order_id, customer_id) = (context.id, self.order_id, self.customer_id);
        Ok(match command {
            PaymentCommand::HoldPayment(HoldPayment { customer_id }) => {
                let payer = customer_id.map(|id| id.to_string());
                let held = self.hold.hold(PaymentHeld { order_id: id, customer_id: *customer_id });
                held.charging::<Self>(id, payer, None)
            }
            PaymentCommand::Confirm(_) => {
                self.hold.confirm(Paid { id, order_id, status: ORDERED.to_owned(), customer_id })
            }
            PaymentCommand::Void(_) => self.hold.void(PaymentVoided {}).refunding::<Self>(id),
            PaymentCommand::CancelPayment(_) if self.status == ORDERED => {
                Decision::facts([PayCanceled { id, order_id, status: PAY_CANCELED.to_owned(), customer_id }])
                    .refunding::<Self>(id)
            }
            PaymentCommand::CancelPayment(_) => Decision::nothing(),
        })
    }

    fn answered(&self, asked: &Asked, answer: &Answer, _: &Context) -> Closing<PaymentEvent> {
        Closing::charged(asked, answer, PaymentVoided {})
    }

    fn evolve(&mut self, event: &PaymentEvent) {
        match event {
            PaymentEvent::PaymentHeld(held) => {
                self.order_id = held.order_id;
                self.customer_id = held.customer_id;
                self.hold = Hold::Held;
            }
            PaymentEvent::PaymentVoided(_) => self.hold = Hold::Voided,
            PaymentEvent::Paid(paid) => {
                self.status.clone_from(&paid.status);
                self.hold = Hold::Confirmed;
            }
            PaymentEvent::PayCanceled(canceled) => self.status.clone_from(&canceled.status),
        }
    }

    fn exists(&self) -> bool {
        self.hold == Hold::Confirmed
    }
}

shows! {
    Payment: |payment| {
        long "orderId" = payment.order_id;
        text "status".indexed() = &payment.status;
        long "customerId".indexed() = payment.customer_id;
        // The original never sets it either.
        text "paymentStatus" = Value::Null;
    }
}
