//! What became of my order: one row a rental, which has its delivery's id too.

use super::delivery::{Delivery, DeliveryEvent};
use super::rental::{Rental, RentalEvent};
use crate::domain::{Aggregate, Kind, Recorded, View};
use crate::state;

state! {
    /// One order's row.
    pub(crate) struct MyOrder {
        product_id: Option<i64> as long "productId".indexed(),
        rental_id: Option<u64> as long "rentalId",
        rental_qty: i32 as int "rentalQty",
        rental_status: Option<String> as text "rentalStatus",
        delivery_id: Option<u64> as long "deliveryId",
        delivery_status: Option<String> as text "deliveryStatus",
        product_name: Option<String> as text "productName",
    }
}

impl View for MyOrder {
    const KIND: Kind = Kind::new("oa-rental/information/myOrder");
    const SOURCES: &'static [Kind] = &[Rental::KIND, Delivery::KIND];

    fn apply(&mut self, fact: &Recorded) {
        match fact.of().cloned() {
            Some(RentalEvent::Rentaled(placed)) => {
                (self.rental_id, self.rental_qty, self.product_id) = (Some(placed.id), placed.qty, placed.product_id);
                (self.rental_status, self.product_name) = (placed.status, placed.product_name);
            }
            Some(RentalEvent::RentalCanceled(canceled)) => {
                (self.rental_status, self.delivery_status) = (Some(canceled.status.clone()), Some(canceled.status));
            }
            _ => {}
        }
        match fact.of().cloned() {
            Some(DeliveryEvent::Delivered(decided)) => {
                (self.delivery_id, self.rental_status) = (Some(decided.id), Some(decided.status.clone()));
                self.delivery_status = Some(decided.status);
            }
            Some(DeliveryEvent::DeliveryCanceled(canceled)) => {
                (self.delivery_id, self.delivery_status) = (Some(canceled.id), Some(canceled.status));
            }
            _ => {}
        }
    }

    fn exists(&self) -> bool {
        self.rental_id.is_some()
    }
}
