//! What follows from what: every policy commands its own service only.

use super::hairshop::{CancelCompleted, CancelReservation, CheckReservation, HairshopEvent};
use super::payment::{Finish, PayBack, PaymentFinished};
use super::reservation::{FollowShop, ReservationCanceled, ReservationCommand, ReservationPlaced};
use crate::domain::Recorded;

/// A reservation that stands takes what was held for it.
pub(super) fn finish(placed: &ReservationPlaced) -> (u64, Finish) {
    (placed.id, Finish {})
}

/// The shop looks at what is paid, and maps a designer.
pub(super) fn check(finished: &PaymentFinished) -> (u64, CheckReservation) {
    (finished.reservation_id, CheckReservation {})
}

/// The shop removes the designer of whoever asks to cancel.
pub(super) fn cancel(canceled: &ReservationCanceled) -> (u64, CancelReservation) {
    let (date, styling_type) = (canceled.date.clone(), canceled.styling_type.clone());
    (canceled.id, CancelReservation { date, styling_type })
}

/// What the shop has let go is paid back.
pub(super) fn pay_back(completed: &CancelCompleted) -> (u64, PayBack) {
    (completed.reservation_id, PayBack {})
}

/// A reservation follows the shop.
pub(super) fn follow_shop(_: &Recorded, event: &HairshopEvent) -> Option<(u64, ReservationCommand)> {
    let (reservation, is_canceled) = match event {
        HairshopEvent::ReservationCompleted(completed) => (completed.reservation_id, false),
        HairshopEvent::CancelCompleted(completed) => (completed.reservation_id, true),
        HairshopEvent::DesignerChanged(_) | HairshopEvent::CancelNoted(_) => return None,
    };
    Some((reservation, FollowShop { is_canceled }.into()))
}
