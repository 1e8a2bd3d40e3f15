//! Date, shop, style, designer and status of a reservation on one page: one row a reservation.

use serde::{Deserialize, Serialize};

use super::hairshop::{Hairshop, HairshopEvent};
use super::reservation::{CANCELED, COMPLETED, Reservation, ReservationEvent, Wish};
use crate::domain::{Aggregate, Field, Kind, Recorded, Shown, Value, View};

/// A reservation's row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct MyPage {
    reservation_id: Option<u64>,
    status: String,
    wish: Wish,
    designer_id: String,
}

impl View for MyPage {
    const KIND: Kind = Kind::new("hair-shop/mypage/myPage");
    const ROW_VERSION: u16 = 1;
    const SOURCES: &'static [Kind] = &[Reservation::KIND, Hairshop::KIND];

    fn row(fact: &Recorded) -> Option<u64> {
        Some(fact.stream.id)
    }

    fn apply(&mut self, fact: &Recorded) {
        if let Some(ReservationEvent::PaymentRequested(requested)) = fact.of() {
            self.wish = requested.wish.clone();
        } else if let Some(ReservationEvent::ReservationPlaced(placed)) = fact.of() {
            self.reservation_id = Some(placed.id);
            self.status.clone_from(&placed.status);
            self.designer_id = "Not Matched Yet!".to_owned();
        } else if let Some(HairshopEvent::ReservationCompleted(completed)) = fact.of() {
            self.status = COMPLETED.to_owned();
            self.designer_id.clone_from(&completed.designer_id);
        } else if let Some(HairshopEvent::DesignerChanged(changed)) = fact.of() {
            self.designer_id.clone_from(&changed.designer_id);
        } else if let Some(HairshopEvent::CancelCompleted(completed)) = fact.of() {
            self.status = CANCELED.to_owned();
            self.designer_id.clone_from(&completed.designer_id);
        }
    }

    fn exists(&self) -> bool {
        self.reservation_id.is_some()
    }
}

impl Shown for MyPage {
    const FIELDS: &'static [Field] = &[
        Field::long("reservationId"),
        Field::text("status"),
        Field::text("customerId"),
        Field::text("date"),
        Field::text("stylingType"),
        Field::text("designerId"),
        Field::text("shopId").optional(),
    ];

    fn values(&self) -> Vec<Value> {
        let Wish { customer_id, date, styling_type, shop_id } = &self.wish;
        let wished = [customer_id, date, styling_type].map(Value::from);
        let (id, status, designer) = (self.reservation_id.into(), (&self.status).into(), (&self.designer_id).into());
        [&[id, status][..], &wished, &[designer, shop_id.into()]].concat()
    }
}
