//! What became of my order: one row a rental.

use serde::{Deserialize, Serialize};

use super::delivery::{Delivery, DeliveryEvent};
use super::rental::{Rental, RentalEvent};
use crate::domain::{Aggregate, Field, Held, Kind, Recorded, Value, View};

/// One order's row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MyOrder {
    product_id: Option<i64>,
    rental_id: Option<u64>,
    rental_qty: i32,
    rental_status: Option<String>,
    delivery_id: Option<u64>,
    delivery_status: Option<String>,
    product_name: Option<String>,
}

impl View for MyOrder {
    const KIND: Kind = Kind::new("oa-rental/information/myOrder");
    const ROW_VERSION: u16 = 1;
    const SOURCES: &'static [Kind] = &[Rental::KIND, Delivery::KIND];

    fn row(fact: &Recorded) -> Option<u64> {
        Some(fact.stream.id)
    }

    fn apply(&mut self, fact: &Recorded) {
        if let Some(event) = fact.of::<RentalEvent>() {
            self.follow_rental(event);
        } else if let Some(event) = fact.of::<DeliveryEvent>() {
            self.follow_delivery(event);
        }
    }

    fn exists(&self) -> bool {
        self.rental_id.is_some()
    }
}

impl MyOrder {
    fn follow_rental(&mut self, event: &RentalEvent) {
        match event {
            RentalEvent::Rentaled(rentaled) => {
                self.rental_id = Some(rentaled.id);
                self.rental_qty = rentaled.qty;
                self.product_id = rentaled.product_id;
                self.rental_status.clone_from(&rentaled.status);
                self.product_name.clone_from(&rentaled.product_name);
            }
            RentalEvent::RentalStatusChanged(_) => {}
            RentalEvent::RentalCanceled(canceled) => {
                self.rental_status = Some(canceled.status.clone());
                self.delivery_status = Some(canceled.status.clone());
            }
        }
    }

    fn follow_delivery(&mut self, event: &DeliveryEvent) {
        match event {
            DeliveryEvent::Delivered(delivered) => {
                self.delivery_id = Some(delivered.id);
                self.delivery_status = Some(delivered.status.clone());
                self.rental_status = Some(delivered.status.clone());
            }
            DeliveryEvent::DeliveryCanceled(canceled) => {
                self.delivery_id = Some(canceled.id);
                self.delivery_status = Some(canceled.status.clone());
            }
            DeliveryEvent::DeliveryRequested(_)
            | DeliveryEvent::CancelNoted(_)
            | DeliveryEvent::OutOfStockRentalCanceled(_)
            | DeliveryEvent::StockReturned(_) => {}
        }
    }
}

/// The fields clients see.
pub const FIELDS: &[Field] = &[
    Field::long("productId"),
    Field::long("rentalId"),
    Field::int("rentalQty"),
    Field::text("rentalStatus"),
    Field::long("deliveryId"),
    Field::text("deliveryStatus"),
    Field::text("productName"),
];

/// Shows a row.
#[must_use]
pub fn represent(state: &dyn Held) -> Vec<Value> {
    let order: Option<&MyOrder> = state.as_any().downcast_ref();
    order.map_or_else(Vec::new, |order| {
        vec![
            order.product_id.into(),
            order.rental_id.into(),
            order.rental_qty.into(),
            (&order.rental_status).into(),
            order.delivery_id.into(),
            (&order.delivery_status).into(),
            (&order.product_name).into(),
        ]
    })
}
