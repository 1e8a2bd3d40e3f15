//! The view: one row a rental, with its delivery, and the reserve it came from.

use serde::{Deserialize, Serialize};

use super::delivery::{DELIVERY_CANCELLED, DELIVERY_STARTED, Delivery, DeliveryEvent};
use super::rental::{Rental, RentalEvent};
use super::reserve::{Reserve, ReserveEvent};
use crate::domain::{Aggregate, Field, Kind, Recorded, Shown, Value, View};

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
    const ROW_VERSION: u16 = 1;
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

impl Shown for RentalView {
    const FIELDS: &'static [Field] = &[
        Field::long("rentalId"),
        Field::long("bookId"),
        Field::text("bookName"),
        Field::int("qty"),
        Field::text("customerId"),
        Field::text("rentalStatus"),
        Field::long("deliveryId"),
        Field::text("deliveryState"),
        Field::long("reserveId"),
        Field::text("reserveStatus"),
    ];

    fn values(&self) -> Vec<Value> {
        vec![
            self.rental_id.into(),
            self.book_id.into(),
            (&self.book_name).into(),
            self.qty.into(),
            (&self.customer_id).into(),
            (&self.rental_status).into(),
            self.delivery_id.into(),
            (&self.delivery_state).into(),
            self.reserve_id.into(),
            (&self.reserve_status).into(),
        ]
    }
}
