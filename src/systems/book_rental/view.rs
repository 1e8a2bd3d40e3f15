//! The view: one row a rental, with its delivery, and the reserve it came from.

use serde::{Deserialize, Serialize};

use super::delivery::{DELIVERY_CANCELLED, DELIVERY_STARTED, Delivery, DeliveryEvent};
use super::rental::{Rental, RentalEvent};
use super::reserve::{Reserve, ReserveEvent};
use crate::domain::{Aggregate, Kind, Recorded, View};
use crate::shows;

/// One rental's row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct RentalView {
    rental_id: Option<u64>,
    book_id: u64,
    book_name: Option<String>,
    qty: i32,
    customer_id: Option<String>,
    rental_status: Option<String>,
    delivery_id: Option<u64>,
    delivery_state: Option<String>,
    reserve_id: Option<u64>,
    reserve_status: Option<String>,
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
        match fact.of::<RentalEvent>().cloned() {
            Some(RentalEvent::RentSaved(saved)) => {
                (self.rental_id, self.book_id, self.book_name) = (Some(saved.id), saved.book_id, saved.book_name);
                (self.qty, self.customer_id) = (saved.qty, saved.customer_id);
            }
            Some(RentalEvent::RentStatusChanged(changed)) => self.rental_status = Some(changed.status),
            _ => {}
        }
        match fact.of() {
            Some(DeliveryEvent::DeliveryCreated(created)) => {
                (self.delivery_id, self.delivery_state) = (Some(created.id), Some(DELIVERY_STARTED.to_owned()));
            }
            Some(DeliveryEvent::DeliveryCanceled(_)) => self.delivery_state = Some(DELIVERY_CANCELLED.to_owned()),
            _ => {}
        }
        if let Some(ReserveEvent::ReserveConfirmed(confirmed)) = fact.of() {
            (self.reserve_id, self.reserve_status) = (Some(confirmed.id), Some(confirmed.status.clone()));
        }
    }

    fn exists(&self) -> bool {
        self.rental_id.is_some()
    }
}

shows! {
    RentalView: |row| {
        long "rentalId" = row.rental_id;
        long "bookId" = row.book_id;
        text "bookName" = &row.book_name;
        int "qty" = row.qty;
        text "customerId" = &row.customer_id;
        text "rentalStatus" = &row.rental_status;
        long "deliveryId" = row.delivery_id;
        text "deliveryState" = &row.delivery_state;
        long "reserveId" = row.reserve_id;
        text "reserveStatus" = &row.reserve_status;
    }
}
