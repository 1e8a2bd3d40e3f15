//! The view: one row a rental, with its delivery, and the reserve it came from.

use super::delivery::{DELIVERY_CANCELLED, DELIVERY_STARTED, Delivery, DeliveryEvent};
use super::rental::{Rental, RentalEvent};
use super::reserve::{Reserve, ReserveEvent};
use crate::domain::prelude::*;

form! {
    /// One rental's row.
    pub(super) struct RentalView {
        rental_id: Option<u64>, book_id: u64 as indexed, book_name: Option<String>, qty: i32, customer_id: Option<String> as indexed,
        rental_status: Option<String>, delivery_id: Option<u64>, delivery_state: Option<String>,
        reserve_id: Option<u64>, reserve_status: Option<String>
    }
}

impl View for RentalView {
    const KIND: Kind = Kind::new("book-rental/view/view");
    const SOURCES: &'static [Kind] = &[Rental::KIND, Delivery::KIND, Reserve::KIND];

    /// Deliveries have their rental's id; of reserves only those that were rented have a row.
    fn row(fact: &Recorded) -> Option<u64> {
        match fact.of() {
            Some(ReserveEvent::ReserveConfirmed(confirmed)) => Some(confirmed.rental_id),
            Some(_) => None,
            None => Some(fact.stream.id),
        }
    }

    fn apply(&mut self, fact: &Recorded) {
        if let Some(RentalEvent::RentSaved(saved)) = fact.of().cloned() {
            (self.rental_id, self.book_id, self.book_name) = (Some(saved.id), saved.book_id, saved.book_name);
            (self.qty, self.customer_id) = (saved.qty, saved.customer_id);
        } else if let Some(RentalEvent::RentStatusChanged(changed)) = fact.of().cloned() {
            self.rental_status = Some(changed.status);
        } else if let Some(DeliveryEvent::DeliveryCreated(created)) = fact.of() {
            (self.delivery_id, self.delivery_state) = (Some(created.id), Some(DELIVERY_STARTED.to_owned()));
        } else if let Some(DeliveryEvent::DeliveryCanceled(_)) = fact.of() {
            self.delivery_state = Some(DELIVERY_CANCELLED.to_owned());
        } else if let Some(ReserveEvent::ReserveConfirmed(confirmed)) = fact.of().cloned() {
            (self.reserve_id, self.reserve_status) = (Some(confirmed.id), Some(confirmed.status));
        }
    }

    fn exists(&self) -> bool {
        self.rental_id.is_some()
    }
}
