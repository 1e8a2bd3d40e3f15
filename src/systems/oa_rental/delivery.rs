//! A delivery decides a rental: it asks the stock, and is nothing to clients until that is answered.

use serde::{Deserialize, Serialize};

use super::rental::Rental;
use super::stock::{Stock, TakeStock};
use crate::domain::aggregate::RefusalClass;
use crate::domain::{
    Aggregate, Answer, Ask, Asked, Closing, Command, Context, Decision, Event, Field, Held, IdRule, Kind, Refusal,
    Rejection, Value,
};
use crate::messages;

/// The stock was taken and the items are on their way.
pub const DELIVERED: &str = "DELIVERED";
/// Fewer items were left than wanted.
pub const CANCELED_OUT_OF_STOCK: &str = "CANCELED_OutOfStock";
/// Delivery did not know the product.
pub const CANCELED_UNREGISTERED_PRODUCT: &str = "CANCELED_UnregisteredProduct";
/// The customer cancelled.
pub const CANCELED: &str = "CANCELED";

/// The delivery of one rental.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    product_id: Option<i64>,
    rental_id: u64,
    qty: i32,
    status: Option<String>,
    requested: bool,
    cancel_noted: bool,
    taken: bool,
}

/// Delivers a rental, if the stock allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deliver {
    /// Which product.
    pub product_id: Option<i64>,
    /// How many.
    pub qty: i32,
}

/// Cancels the delivery, decided or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CancelDelivery {
    /// How many the rental was for.
    pub qty: i32,
}

/// A delivery is being decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeliveryRequested {
    /// The product.
    pub product_id: Option<i64>,
    /// The rental.
    pub rental_id: u64,
    /// How many.
    pub qty: i32,
}

/// A cancel came before the delivery; it waits for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CancelNoted {
    /// How many the rental was for.
    pub qty: i32,
}

/// A delivery was decided, whatever the outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivered {
    /// The delivery.
    pub id: u64,
    /// How many.
    pub qty: i32,
    /// `DELIVERED`, or why not.
    pub status: String,
    /// The rental.
    pub rental_id: u64,
}

/// A delivery was refused, so its rental is cancelled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutOfStockRentalCanceled {
    /// The delivery.
    pub id: u64,
    /// How many.
    pub qty: i32,
    /// Why.
    pub status: String,
    /// The rental.
    pub rental_id: u64,
}

/// A delivery was cancelled by the customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryCanceled {
    /// The delivery.
    pub id: u64,
    /// How many.
    pub qty: i32,
    /// `CANCELED`.
    pub status: String,
    /// The rental.
    pub rental_id: u64,
}

/// A cancelled delivery's items go back to the stock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StockReturned {
    /// The product.
    pub product_id: u64,
    /// The rental.
    pub rental_id: u64,
    /// How many.
    pub qty: i32,
}

messages! {
    /// What a delivery can be told.
    pub enum DeliveryCommand { Deliver = 1; CancelDelivery = 1 }
}

messages! {
    /// What happens to a delivery.
    pub enum DeliveryEvent {
        DeliveryRequested = 1; CancelNoted = 1; Delivered = 1; OutOfStockRentalCanceled = 1; DeliveryCanceled = 1;
        StockReturned = 1;
    }
}

impl Command for DeliveryCommand {}
impl Event for DeliveryEvent {
    const INTERNAL: &'static [&'static str] = &["DeliveryRequested", "CancelNoted", "StockReturned"];
}

/// A delivery never refuses: what it cannot do is an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryRejection {}

impl Rejection for DeliveryRejection {
    fn refusal(&self) -> Refusal {
        match *self {}
    }
}

impl Aggregate for Delivery {
    const KIND: Kind = Kind::new("oa-rental/delivery/delivery");
    const STATE_VERSION: u16 = 1;
    const IDS: IdRule = IdRule::TakenFrom(Rental::KIND);
    const ASKS: &'static [Kind] = &[Stock::KIND];
    type Command = DeliveryCommand;
    type Event = DeliveryEvent;
    type Rejection = DeliveryRejection;

    fn decide(
        &self,
        command: &DeliveryCommand,
        context: &Context,
    ) -> Result<Decision<DeliveryEvent>, DeliveryRejection> {
        Ok(match command {
            DeliveryCommand::Deliver(_) if self.requested => Decision::nothing(),
            DeliveryCommand::Deliver(deliver) => self.deliver(deliver, context.id),
            DeliveryCommand::CancelDelivery(cancel) => self.cancel(cancel, context.id),
        })
    }

    fn answered(&self, _asked: &Asked, answer: &Answer, context: &Context) -> Closing<DeliveryEvent> {
        let facts = match answer {
            Answer::Done => vec![self.decided(context.id, self.qty, DELIVERED).into()],
            Answer::Refused(refusal) => {
                let status = match refusal.class {
                    RefusalClass::UnknownTarget | RefusalClass::Missing => CANCELED_UNREGISTERED_PRODUCT,
                    RefusalClass::Rule | RefusalClass::Poisoned => CANCELED_OUT_OF_STOCK,
                };
                self.refused(context.id, self.qty, status)
            }
            Answer::Withdrawn => Vec::new(),
        };
        Closing { facts, refusal: None }
    }

    fn evolve(&mut self, event: &DeliveryEvent) {
        match event {
            DeliveryEvent::DeliveryRequested(requested) => {
                self.product_id = requested.product_id;
                self.rental_id = requested.rental_id;
                self.qty = requested.qty;
                self.requested = true;
            }
            DeliveryEvent::CancelNoted(_) => self.cancel_noted = true,
            DeliveryEvent::Delivered(delivered) => {
                self.taken = delivered.status == DELIVERED;
                self.status = Some(delivered.status.clone());
            }
            DeliveryEvent::OutOfStockRentalCanceled(_) => {}
            DeliveryEvent::DeliveryCanceled(canceled) => self.status = Some(canceled.status.clone()),
            DeliveryEvent::StockReturned(_) => self.taken = false,
        }
    }

    fn exists(&self) -> bool {
        self.status.is_some()
    }
}

impl Delivery {
    fn deliver(&self, deliver: &Deliver, id: u64) -> Decision<DeliveryEvent> {
        let Deliver { product_id, qty } = *deliver;
        let requested = Decision::facts([DeliveryRequested { product_id, rental_id: id, qty }]);
        if self.cancel_noted {
            return requested.and(canceled(id, qty));
        }
        match product_id.and_then(|product| u64::try_from(product).ok()) {
            Some(product) => requested.asking(Ask::of::<Stock>(product, TakeStock { rental_id: id, qty })),
            None => self.refused(id, qty, CANCELED_UNREGISTERED_PRODUCT).into_iter().fold(requested, Decision::and),
        }
    }

    fn cancel(&self, cancel: &CancelDelivery, id: u64) -> Decision<DeliveryEvent> {
        if !self.requested {
            return match self.cancel_noted {
                true => Decision::nothing(),
                false => Decision::facts([CancelNoted { qty: cancel.qty }]),
            };
        }
        if self.status.as_deref() == Some(CANCELED) {
            return Decision::nothing();
        }
        let decision = Decision::facts([canceled(id, self.qty)]);
        match self.product_id.and_then(|product| u64::try_from(product).ok()) {
            Some(product_id) if self.taken => decision.and(StockReturned { product_id, rental_id: id, qty: self.qty }),
            Some(_) | None => decision,
        }
    }

    fn decided(&self, id: u64, qty: i32, status: &str) -> Delivered {
        Delivered { id, qty, status: status.to_owned(), rental_id: id }
    }

    fn refused(&self, id: u64, qty: i32, status: &str) -> Vec<DeliveryEvent> {
        let refused = OutOfStockRentalCanceled { id, qty, status: status.to_owned(), rental_id: id };
        vec![self.decided(id, qty, status).into(), refused.into()]
    }
}

fn canceled(id: u64, qty: i32) -> DeliveryCanceled {
    DeliveryCanceled { id, qty, status: CANCELED.to_owned(), rental_id: id }
}

/// The fields clients see.
pub const FIELDS: &[Field] =
    &[Field::long("productId"), Field::long("rentalId"), Field::int("qty"), Field::text("status")];

/// Shows a delivery.
#[must_use]
pub fn represent(state: &dyn Held) -> Vec<Value> {
    let delivery: Option<&Delivery> = state.as_any().downcast_ref();
    delivery.map_or_else(Vec::new, |delivery| {
        vec![delivery.product_id.into(), delivery.rental_id.into(), delivery.qty.into(), (&delivery.status).into()]
    })
}
