//! The delivery of one order: on its way as soon as the order is paid, called back when the payment is cancelled.

use super::order::Order;
use crate::domain::prelude::*;

/// The books are on their way.
pub(super) const SHIPPED: &str = "Shipped";
/// The books come back.
pub(super) const DELIVERY_CANCELED: &str = "DeliveryCanceled";

/// A delivery.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Delivery {
    order_id: u64,
    customer_id: Option<i64>,
    status: Option<String>,
}

messages! {
    pub(super) enum DeliveryCommand: Command {
        /// Sends the books.
        Ship { customer_id: Option<i64> } = 1;
        /// Calls them back.
        CancelDelivery {} = 1;
    }

    pub(super) enum DeliveryEvent: Event {
        /// The books are on their way.
        Shipped { id: u64, order_id: u64, customer_id: Option<i64>, status: String } = 1;
        /// They come back.
        DeliveryCanceled { id: u64, order_id: u64, customer_id: Option<i64>, status: String } = 1;
    }
}

impl Aggregate for Delivery {
    const KIND: Kind = Kind::new("book-market/delivery/delivery");
    const IDS: IdRule = IdRule::TakenFrom(Order::KIND);
    type Command = DeliveryCommand;
    type Event = DeliveryEvent;
    type Rejection = Infallible;

    fn decide(&self, command: &DeliveryCommand, context: &Context) -> Decided<Self> {
        let id = context.id;
        Ok(match command {
            DeliveryCommand::Ship(Ship { customer_id }) if self.status.is_none() => {
                Decision::facts([Shipped { id, order_id: id, customer_id: *customer_id, status: SHIPPED.into() }])
            }
            DeliveryCommand::CancelDelivery(_) if self.status.as_deref() == Some(SHIPPED) => {
                let (customer_id, status) = (self.customer_id, DELIVERY_CANCELED.to_owned());
                Decision::facts([DeliveryCanceled { id, order_id: self.order_id, customer_id, status }])
            }
            DeliveryCommand::Ship(_) | DeliveryCommand::CancelDelivery(_) => Decision::nothing(),
        })
    }

    fn evolve(&mut self, event: &DeliveryEvent) {
        match event {
            DeliveryEvent::Shipped(shipped) => {
                self.order_id = shipped.order_id;
                self.customer_id = shipped.customer_id;
                self.status = Some(shipped.status.clone());
            }
            DeliveryEvent::DeliveryCanceled(canceled) => self.status = Some(canceled.status.clone()),
        }
    }
}

shows! {
    Delivery: |delivery| {
        long "orderId" = delivery.order_id;
        long "customerId".indexed() = delivery.customer_id;
        text "status".indexed() = &delivery.status;
    }
}
