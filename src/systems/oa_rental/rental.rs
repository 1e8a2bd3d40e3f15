//! A rental: taken at once, decided by Delivery, cancelled only after Delivery has cancelled.

use serde::{Deserialize, Serialize};

use super::delivery::{CancelDelivery, Delivery};
use crate::domain::{
    Aggregate, Answer, Ask, Asked, Body, Closing, Command, Context, Decision, Event, Field, Held, IdRule, Kind,
    Refusal, Rejection, Value,
};
use crate::messages;

/// A customer's rental.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rental {
    product_id: Option<i64>,
    qty: i32,
    status: Option<String>,
    product_name: Option<String>,
    delivery_id: Option<u64>,
    placed: bool,
    cancelled: bool,
}

/// Rents a product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlaceRental {
    /// Which product.
    pub product_id: Option<i64>,
    /// How many.
    pub qty: i32,
    /// The status as the client names it; nobody else sets the first one.
    pub status: Option<String>,
    /// What the client calls the product.
    pub product_name: Option<String>,
}

/// Cancels the rental.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CancelRental {}

/// Follows what Delivery decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FollowDelivery {
    /// The delivery.
    pub delivery_id: u64,
    /// Its status.
    pub status: String,
}

/// A rental was placed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rentaled {
    /// The rental.
    pub id: u64,
    /// The product.
    pub product_id: Option<i64>,
    /// How many.
    pub qty: i32,
    /// The status as sent.
    pub status: Option<String>,
    /// The product's name as sent.
    pub product_name: Option<String>,
}

/// The rental took over Delivery's decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RentalStatusChanged {
    /// The rental.
    pub id: u64,
    /// The new status.
    pub status: String,
    /// The delivery that decided.
    pub delivery_id: u64,
}

/// The rental was cancelled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RentalCanceled {
    /// The rental.
    pub id: u64,
    /// The product.
    pub product_id: Option<i64>,
    /// How many.
    pub qty: i32,
    /// `CANCELED`.
    pub status: String,
}

messages! {
    /// What a rental can be told.
    pub enum RentalCommand { PlaceRental = 1; CancelRental = 1; FollowDelivery = 1 }
}

messages! {
    /// What happens to a rental.
    pub enum RentalEvent { Rentaled = 1; RentalStatusChanged = 1; RentalCanceled = 1 }
}

impl Command for RentalCommand {}
impl Event for RentalEvent {}

/// Why a rental refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RentalRejection {
    /// Fewer than one item.
    QuantityIsAtLeastOne(i32),
    /// There is no such rental.
    NoSuchRental(u64),
}

impl Rejection for RentalRejection {
    fn refusal(&self) -> Refusal {
        match self {
            Self::QuantityIsAtLeastOne(qty) => {
                Refusal::rule("quantity-is-at-least-one", format!("qty is {qty}; a rental has 1 or more"))
            }
            Self::NoSuchRental(id) => Refusal::missing(format!("there is no rental {id}")),
        }
    }
}

impl Aggregate for Rental {
    const KIND: Kind = Kind::new("oa-rental/rental/rental");
    const STATE_VERSION: u16 = 1;
    const IDS: IdRule = IdRule::Sequence;
    const ASKS: &'static [Kind] = &[Delivery::KIND];
    type Command = RentalCommand;
    type Event = RentalEvent;
    type Rejection = RentalRejection;

    fn decide(&self, command: &RentalCommand, context: &Context) -> Result<Decision<RentalEvent>, RentalRejection> {
        let id = context.id;
        match command {
            RentalCommand::PlaceRental(place) if place.qty < 1 => Err(RentalRejection::QuantityIsAtLeastOne(place.qty)),
            RentalCommand::PlaceRental(place) => Ok(Decision::facts([Rentaled {
                id,
                product_id: place.product_id,
                qty: place.qty,
                status: place.status.clone(),
                product_name: place.product_name.clone(),
            }])),
            RentalCommand::CancelRental(_) if !self.exists() => Err(RentalRejection::NoSuchRental(id)),
            RentalCommand::CancelRental(_) => {
                Ok(Decision::nothing().asking(Ask::of::<Delivery>(id, CancelDelivery { qty: self.qty })))
            }
            RentalCommand::FollowDelivery(FollowDelivery { delivery_id, status }) => {
                let known = self.delivery_id == Some(*delivery_id) && self.status.as_ref() == Some(status);
                if known || !self.exists() {
                    return Ok(Decision::nothing());
                }
                Ok(Decision::facts([RentalStatusChanged { id, status: status.clone(), delivery_id: *delivery_id }]))
            }
        }
    }

    fn answered(&self, _asked: &Asked, answer: &Answer, context: &Context) -> Closing<RentalEvent> {
        match answer {
            Answer::Done => Closing::facts([RentalEvent::RentalCanceled(RentalCanceled {
                id: context.id,
                product_id: self.product_id,
                qty: self.qty,
                status: super::delivery::CANCELED.to_owned(),
            })]),
            Answer::Refused(refusal) => Closing::refuse(refusal.clone()),
            Answer::Withdrawn => Closing::facts([]),
        }
    }

    fn evolve(&mut self, event: &RentalEvent) {
        match event {
            RentalEvent::Rentaled(rentaled) => {
                self.product_id = rentaled.product_id;
                self.qty = rentaled.qty;
                self.status.clone_from(&rentaled.status);
                self.product_name.clone_from(&rentaled.product_name);
                self.placed = true;
            }
            RentalEvent::RentalStatusChanged(changed) => {
                self.status = Some(changed.status.clone());
                self.delivery_id = Some(changed.delivery_id);
            }
            RentalEvent::RentalCanceled(canceled) => {
                self.status = Some(canceled.status.clone());
                self.cancelled = true;
            }
        }
    }

    fn exists(&self) -> bool {
        self.placed && !self.cancelled
    }
}

/// The fields clients see.
pub const FIELDS: &[Field] = &[
    Field::long("productId").indexed(),
    Field::int("qty"),
    Field::text("status").indexed(),
    Field::text("productName"),
    Field::long("deliveryId"),
];

/// Shows a rental.
#[must_use]
pub fn represent(state: &dyn Held) -> Vec<Value> {
    let rental: Option<&Rental> = state.as_any().downcast_ref();
    rental.map_or_else(Vec::new, |rental| {
        vec![
            rental.product_id.into(),
            rental.qty.into(),
            (&rental.status).into(),
            (&rental.product_name).into(),
            rental.delivery_id.into(),
        ]
    })
}

pub(super) fn place(body: &Body) -> RentalCommand {
    PlaceRental {
        product_id: body.long("productId"),
        qty: body.int("qty"),
        status: body.text("status"),
        product_name: body.text("productName"),
    }
    .into()
}
