//! The delivery of one rental: created when the rental stands, cancelled with it.

use std::convert::Infallible;

use serde::{Deserialize, Serialize};

use super::rental::{Parcel, Rental, RentalEvent};
use crate::domain::{Aggregate, Context, Decided, Decision, IdRule, Kind, Recorded};
use crate::{messages, shows};

/// The books are on their way.
pub(super) const DELIVERY_STARTED: &str = "DeliveryStarted";
/// They are not.
pub(super) const DELIVERY_CANCELLED: &str = "DeliveryCancelled";

/// A delivery; it has its rental's id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Delivery {
    parcel: Parcel,
    created: bool,
    canceled: bool,
}

messages! {
    /// What a delivery can be told.
    pub(super) enum DeliveryCommand: Command {
        /// Delivers.
        CreateDelivery { parcel: Parcel } = 1;
        /// Does not deliver after all.
        CancelDelivery {} = 1;
    }
}

messages! {
    /// What happens to a delivery.
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
    const IDS: IdRule = IdRule::TakenFrom(Rental::KIND);
    type Command = DeliveryCommand;
    type Event = DeliveryEvent;
    type Rejection = Infallible;

    fn decide(&self, command: &DeliveryCommand, context: &Context) -> Decided<Self> {
        let id = context.id;
        let rent_id = self.parcel.rent_id;
        Ok(match command {
            DeliveryCommand::CreateDelivery(CreateDelivery { parcel }) if !self.created => {
                Decision::facts([DeliveryPrepared { parcel: parcel.clone() }])
                    .and(DeliveryCreated { id, rent_id: parcel.rent_id })
            }
            DeliveryCommand::CancelDelivery(_) if self.created && !self.canceled => {
                Decision::facts([DeliveryCanceled { id, rent_id }])
            }
            DeliveryCommand::CreateDelivery(_) | DeliveryCommand::CancelDelivery(_) => Decision::nothing(),
        })
    }

    fn evolve(&mut self, event: &DeliveryEvent) {
        match event {
            DeliveryEvent::DeliveryPrepared(prepared) => self.parcel = prepared.parcel.clone(),
            DeliveryEvent::DeliveryCreated(_) => self.created = true,
            DeliveryEvent::DeliveryCanceled(_) => self.canceled = true,
        }
    }

    fn exists(&self) -> bool {
        self.created
    }
}

/// What is rented is delivered.
pub(super) fn create(_: &Recorded, event: &RentalEvent) -> Option<(u64, DeliveryCommand)> {
    let RentalEvent::RentSaved(saved) = event else { return None };
    Some((saved.id, CreateDelivery { parcel: saved.delivery.clone() }.into()))
}

/// What is cancelled is not delivered. It comes behind the rental's own fact, so there is a delivery to cancel.
pub(super) fn cancel(_: &Recorded, event: &RentalEvent) -> Option<(u64, DeliveryCommand)> {
    let RentalEvent::RentCanceled(canceled) = event else { return None };
    Some((canceled.id, CancelDelivery {}.into()))
}

shows! {
    Delivery: |delivery| {
        long "rentId" = delivery.parcel.rent_id;
        text "customerId" = &delivery.parcel.customer_id;
        text "customerName" = &delivery.parcel.customer_name;
        text "deliveryState" = if delivery.canceled { DELIVERY_CANCELLED } else { DELIVERY_STARTED };
        int "qty" = delivery.parcel.qty;
    }
}
