//! A rental: taken at once, decided by Delivery, cancelled only after Delivery has cancelled.

use super::delivery::{CANCELED, CancelDelivery, Delivered, Delivery, DeliveryEvent, OutOfStockRentalCanceled};
use crate::domain::{
    Aggregate, Answer, Ask, Asked, Body, Closing, Context, Decided, Decision, IdRule, Kind, Recorded, Refusal,
};
use crate::{messages, state};

state! {
    /// A customer's rental.
    pub(crate) struct Rental {
        product_id: Option<i64> as long "productId".indexed(),
        qty: i32 as int "qty",
        status: Option<String> as text "status".indexed(),
        product_name: Option<String> as text "productName",
        delivery_id: Option<u64> as long "deliveryId",
        placed: bool,
        cancelled: bool,
    }
}

messages! {
    /// What a rental can be told.
    pub(crate) enum RentalCommand: Command {
        /// Rents a product; the status is as the client names it, nobody else sets the first one.
        PlaceRental {
            product_id: Option<i64>, qty: i32, status: Option<String>, product_name: Option<String>
        } = 1;
        CancelRental {} = 1;
        /// Follows what Delivery decided.
        FollowDelivery { delivery_id: u64, status: String } = 1;
    }

    /// What happens to a rental.
    pub(crate) enum RentalEvent: Event {
        Rentaled {
            id: u64, product_id: Option<i64>, qty: i32, status: Option<String>, product_name: Option<String>
        } = 1;
        /// It took over Delivery's decision.
        RentalStatusChanged { id: u64, status: String, delivery_id: u64 } = 1;
        RentalCanceled { id: u64, product_id: Option<i64>, qty: i32, status: String } = 1;
    }
}

impl Aggregate for Rental {
    const KIND: Kind = Kind::new("oa-rental/rental/rental");
    const IDS: IdRule = IdRule::Sequence;
    const ASKS: &'static [Kind] = &[Delivery::KIND];
    type Command = RentalCommand;
    type Event = RentalEvent;
    type Rejection = Refusal;

    fn decide(&self, command: &RentalCommand, context: &Context) -> Decided<Self> {
        let id = context.id;
        Ok(match command.clone() {
            RentalCommand::PlaceRental(PlaceRental { product_id, qty, status, product_name }) => {
                let detail = || format!("qty is {qty}; a rental has 1 or more");
                Refusal::unless(qty >= 1, "quantity-is-at-least-one", detail)?;
                Decision::facts([Rentaled { id, product_id, qty, status, product_name }])
            }
            RentalCommand::FollowDelivery(FollowDelivery { delivery_id, status }) => {
                let known = self.delivery_id == Some(delivery_id) && self.status.as_ref() == Some(&status);
                Decision::only_if(self.exists() && !known, RentalStatusChanged { id, status, delivery_id })
            }
            RentalCommand::CancelRental(_) if self.exists() => {
                Decision::nothing().asking(Ask::of::<Delivery>(id, CancelDelivery { qty: self.qty }))
            }
            RentalCommand::CancelRental(_) => return Err(Refusal::missing(format!("there is no rental {id}"))),
        })
    }

    fn answered(&self, _: &Asked, answer: &Answer, context: &Context) -> Closing<RentalEvent> {
        let (product_id, qty, status) = (self.product_id, self.qty, CANCELED.to_owned());
        Closing::agreed(answer, RentalCanceled { id: context.id, product_id, qty, status })
    }

    fn evolve(&mut self, event: &RentalEvent) {
        match event.clone() {
            RentalEvent::Rentaled(Rentaled { product_id, qty, status, product_name, .. }) => {
                *self = Self { product_id, qty, status, product_name, placed: true, ..Self::default() };
            }
            RentalEvent::RentalStatusChanged(RentalStatusChanged { status, delivery_id, .. }) => {
                (self.status, self.delivery_id) = (Some(status), Some(delivery_id));
            }
            RentalEvent::RentalCanceled(canceled) => (self.status, self.cancelled) = (Some(canceled.status), true),
        }
    }

    fn exists(&self) -> bool {
        self.placed && !self.cancelled
    }
}

/// A rental follows what its delivery decided.
pub(super) fn follow(_: &Recorded, event: &DeliveryEvent) -> Option<(u64, RentalCommand)> {
    let (DeliveryEvent::Delivered(Delivered { id, status, rental_id, .. })
    | DeliveryEvent::OutOfStockRentalCanceled(OutOfStockRentalCanceled { id, status, rental_id, .. })) = event
    else {
        return None;
    };
    Some((*rental_id, FollowDelivery { delivery_id: *id, status: status.clone() }.into()))
}

pub(super) fn place(body: &Body) -> RentalCommand {
    let (product_id, qty) = (body.long("productId"), body.int("qty"));
    PlaceRental { product_id, qty, status: body.text("status"), product_name: body.text("productName") }.into()
}
