//! A delivery decides a rental: it asks the stock, and is nothing to clients until that is answered.

use std::convert::Infallible;

use super::rental::{Rental, RentalEvent};
use super::stock::{Stock, TakeStock};
use crate::domain::aggregate::RefusalClass;
use crate::domain::{
    Aggregate, Answer, Ask, Asked, Closing, Context, Decided, Decision, IdRule, Kind, Recorded, Refusal,
};
use crate::{messages, state};

/// The items are on their way; too few were left; Delivery does not know the product; the customer cancelled.
pub(crate) const DELIVERED: &str = "DELIVERED";
const CANCELED_OUT_OF_STOCK: &str = "CANCELED_OutOfStock";
const CANCELED_UNREGISTERED_PRODUCT: &str = "CANCELED_UnregisteredProduct";
pub(super) const CANCELED: &str = "CANCELED";

state! {
    /// The delivery of one rental; it has its id.
    pub(crate) struct Delivery {
        product_id: Option<i64> as long "productId".indexed(),
        rental_id: u64 as long "rentalId",
        qty: i32 as int "qty",
        status: Option<String> as text "status",
        requested: bool,
        cancel_noted: bool,
        taken: bool,
    }
}

messages! {
    /// What a delivery can be told.
    pub(crate) enum DeliveryCommand: Command {
        /// Delivers a rental, if the stock allows.
        Deliver { product_id: Option<i64>, qty: i32 } = 1;
        /// Cancels it, decided or not.
        CancelDelivery { qty: i32 } = 1;
    }

    /// What happens to a delivery.
    pub(crate) enum DeliveryEvent: Event hiding DeliveryRequested, CancelNoted, StockReturned {
        /// It is being decided.
        DeliveryRequested { product_id: Option<i64>, rental_id: u64, qty: i32 } = 1;
        /// A cancel came before it, and waits for it.
        CancelNoted { qty: i32 } = 1;
        /// It was decided, whatever the outcome.
        Delivered { id: u64, qty: i32, status: String, rental_id: u64 } = 1;
        /// It was refused, so its rental is cancelled.
        OutOfStockRentalCanceled { id: u64, qty: i32, status: String, rental_id: u64 } = 1;
        DeliveryCanceled { id: u64, qty: i32, status: String, rental_id: u64 } = 1;
        /// Its items go back to the stock.
        StockReturned { product_id: u64, rental_id: u64, qty: i32 } = 1;
    }
}

impl Aggregate for Delivery {
    const KIND: Kind = Kind::new("oa-rental/delivery/delivery");
    const IDS: IdRule = IdRule::TakenFrom(Rental::KIND);
    const ASKS: &'static [Kind] = &[Stock::KIND];
    type Command = DeliveryCommand;
    type Event = DeliveryEvent;
    type Rejection = Infallible;

    fn decide(&self, command: &DeliveryCommand, context: &Context) -> Decided<Self> {
        let (id, rental_id) = (context.id, context.id);
        Ok(match command.clone() {
            DeliveryCommand::Deliver(_) if self.requested => Decision::nothing(),
            DeliveryCommand::Deliver(Deliver { product_id, qty }) => {
                let requested = Decision::facts([DeliveryRequested { product_id, rental_id, qty }]);
                match number(product_id) {
                    _ if self.cancel_noted => requested.and(canceled(id, qty)),
                    Some(product) => requested.asking(Ask::of::<Stock>(product, TakeStock { rental_id, qty })),
                    None => {
                        let [decided, refused] = refused(id, qty, CANCELED_UNREGISTERED_PRODUCT);
                        requested.and(decided).and(refused)
                    }
                }
            }
            DeliveryCommand::CancelDelivery(CancelDelivery { qty }) if !self.requested => {
                Decision::only_if(!self.cancel_noted, CancelNoted { qty })
            }
            DeliveryCommand::CancelDelivery(_) if self.status.as_deref() == Some(CANCELED) => Decision::nothing(),
            DeliveryCommand::CancelDelivery(_) => {
                let (qty, canceled) = (self.qty, Decision::facts([canceled(id, self.qty)]));
                match number(self.product_id) {
                    Some(product_id) if self.taken => canceled.and(StockReturned { product_id, rental_id, qty }),
                    _ => canceled,
                }
            }
        })
    }

    fn answered(&self, _: &Asked, answer: &Answer, context: &Context) -> Closing<DeliveryEvent> {
        let status = match answer {
            Answer::Done => return Closing::facts([decided(context.id, self.qty, DELIVERED).into()]),
            Answer::Withdrawn => return Closing::facts([]),
            Answer::Refused(Refusal { class: RefusalClass::UnknownTarget | RefusalClass::Missing, .. }) => {
                CANCELED_UNREGISTERED_PRODUCT
            }
            Answer::Refused(_) => CANCELED_OUT_OF_STOCK,
        };
        Closing::facts(refused(context.id, self.qty, status))
    }

    fn evolve(&mut self, event: &DeliveryEvent) {
        match event.clone() {
            DeliveryEvent::DeliveryRequested(DeliveryRequested { product_id, rental_id, qty }) => {
                (self.product_id, self.rental_id, self.qty, self.requested) = (product_id, rental_id, qty, true);
            }
            DeliveryEvent::CancelNoted(_) => self.cancel_noted = true,
            DeliveryEvent::Delivered(Delivered { status, .. }) => {
                (self.taken, self.status) = (status == DELIVERED, Some(status));
            }
            DeliveryEvent::OutOfStockRentalCanceled(_) => {}
            DeliveryEvent::DeliveryCanceled(canceled) => self.status = Some(canceled.status),
            DeliveryEvent::StockReturned(_) => self.taken = false,
        }
    }

    fn exists(&self) -> bool {
        self.status.is_some()
    }
}

/// What a product is known by; a number below zero names none.
fn number(product_id: Option<i64>) -> Option<u64> {
    product_id.and_then(|id| u64::try_from(id).ok())
}

fn decided(id: u64, qty: i32, status: &str) -> Delivered {
    Delivered { id, qty, status: status.to_owned(), rental_id: id }
}

fn refused(id: u64, qty: i32, status: &str) -> [DeliveryEvent; 2] {
    let refused = OutOfStockRentalCanceled { id, qty, status: status.to_owned(), rental_id: id };
    [decided(id, qty, status).into(), refused.into()]
}

fn canceled(id: u64, qty: i32) -> DeliveryCanceled {
    DeliveryCanceled { id, qty, status: CANCELED.to_owned(), rental_id: id }
}

/// What is rented is delivered.
pub(super) fn deliver(_: &Recorded, event: &RentalEvent) -> Option<(u64, DeliveryCommand)> {
    let RentalEvent::Rentaled(rentaled) = event else { return None };
    Some((rentaled.id, Deliver { product_id: rentaled.product_id, qty: rentaled.qty }.into()))
}
