//! Date, shop, style, designer and status of a reservation on one page: one row a reservation.

use super::hairshop::{Hairshop, HairshopEvent};
use super::reservation::{CANCELED, COMPLETED, Reservation, ReservationEvent, Wish};
use crate::domain::prelude::*;

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
    const SOURCES: &'static [Kind] = &[Reservation::KIND, Hairshop::KIND];

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

shows! {
    MyPage: |page| {
        long "reservationId" = page.reservation_id;
        text "status".indexed() = &page.status;
        text "customerId".indexed() = &page.wish.customer_id;
        text "date" = &page.wish.date;
        text "stylingType" = &page.wish.styling_type;
        text "designerId" = &page.designer_id;
        optional_text "shopId" = &page.wish.shop_id;
    }
}
