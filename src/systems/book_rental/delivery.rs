//! The delivery of one rental: created when the rental stands, cancelled with it.

use super::rental::{Parcel, Rental};
use crate::domain::prelude::*;

/// The books are on their way.
pub(super) const DELIVERY_STARTED: &str = "DeliveryStarted";
/// They are not.
pub(super) const DELIVERY_CANCELLED: &str = "DeliveryCancelled";

form! {
    /// A delivery; it has its rental's id.
    pub(super) struct Delivery {
        rent_id: u64, customer_id: Option<String> as indexed, customer_name: Option<String>, delivery_state: String, qty: i32
    }
}

messages! {
    pub(super) enum DeliveryCommand: Command {
        CreateDelivery { parcel: Parcel } = 1;
        CancelDelivery {} = 1;
    }

    pub(super) enum DeliveryEvent: Event hiding DeliveryPrepared {
        /// What it is of.
        DeliveryPrepared { parcel: Parcel } = 1;
        /// It is on its way.
        DeliveryCreated { id: u64, rent_id: u64 } = 1;
        /// It is not.
        DeliveryCanceled { id: u64, rent_id: u64 } = 1;
    }
}

impl Aggregate for Delivery {
    const KIND: Kind = Kind::new("book-rental/delivery/delivery");
    const STATE_VERSION: u16 = 2;
    const IDS: IdRule = IdRule::TakenFrom(Rental::KIND);
    type Command = DeliveryCommand;
    type Event = DeliveryEvent;
    type Rejection = Infallible;

    fn decide(&self, command: &DeliveryCommand, context: &Context) -> Decided<Self> {
        let (id, rent_id) = (context.id, self.rent_id);
        Ok(match command.clone() {
            DeliveryCommand::CreateDelivery(_) if self.exists() => Decision::nothing(),
            DeliveryCommand::CreateDelivery(CreateDelivery { parcel }) => {
                let created = DeliveryCreated { id, rent_id: parcel.rent_id };
                Decision::facts([DeliveryPrepared { parcel }]).and(created)
            }
            DeliveryCommand::CancelDelivery(_) => {
                Decision::only_if(self.delivery_state == DELIVERY_STARTED, DeliveryCanceled { id, rent_id })
            }
        })
    }

    fn evolve(&mut self, event: &DeliveryEvent) {
        match event.clone() {
            DeliveryEvent::DeliveryPrepared(DeliveryPrepared { parcel }) => {
                let Parcel { rent_id, customer_id, customer_name, qty } = parcel;
                *self = Self { rent_id, customer_id, customer_name, delivery_state: String::new(), qty };
            }
            DeliveryEvent::DeliveryCreated(_) => self.delivery_state = DELIVERY_STARTED.to_owned(),
            DeliveryEvent::DeliveryCanceled(_) => self.delivery_state = DELIVERY_CANCELLED.to_owned(),
        }
    }
}
